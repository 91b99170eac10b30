#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Basis, Completion, DataMap, InternalTouch, Reach, ReachContext, Severity, Touch, Who};
use ambit_event::{Event, Outcome, Timestamp};
use std::collections::BTreeMap;

const MAP: &str = r#"
[[subject]]
name = "user"
population = 1000
distinct = true
keys = "[0-9]+"

[[store]]
name = "users_db"
kind = "postgresql"
subject = "user"

[[store.table]]
name = "public.profiles"
subject_key = "user_id"
unique = true
classes = { user_id = "", email = "contact", name = "identity", city = "" }

[[store.table]]
name = "public.orders"
subject_key = "user_id"
classes = { order_id = "", total = "financial" }

[[store.table]]
name = "public.sessions"
subject_key = "user_id"
classes = { seen_at = "" }
holds = { sid = "session" }

[[store.table]]
name = "public.accounts"
subject_key = "user_id"
classes = { login = "identity" }
holds = { password_hash = "password" }

[[store.table]]
name = "households"
subject_key = "user_id"
persons_per_row = 4
classes = { address = "contact" }

[[store.table]]
name = "public.tracks"
classes = { title = "" }

[[store]]
name = "reports"
internal = true
[[store.table]]
name = "reports.roadmap"
classes = { body = "internal" }

[[store]]
name = "mail"
subject = "user"
classes = ["communication"]

[[operation]]
name = "read profile"
source = "nginx_access"
match = "GET /v1/users/{user_id}/profile"
store = "users_db"
subjects = "path.user_id"
classes = ["contact", "identity"]
parameters = { user_id = "[0-9]+", fields = "[a-z,]*" }
max_bytes = 8192

[[operation]]
name = "own profile"
source = "nginx_access"
match = "GET /v1/users/me/profile"
store = "users_db"
subjects = "session.account"
classes = ["contact"]

[[operation]]
name = "batch"
match = "GET /v1/batch"
store = "users_db"
subjects = "query.ids"
classes = ["contact"]
parameters = { ids = "[0-9,]+" }

[[operation]]
name = "list users"
match = "GET /v1/users"
store = "users_db"
subjects = "statements"
classes = ["contact"]
parameters = { page = "[0-9]+" }
max_records = 20

[[operation]]
name = "search"
match = "GET /v1/search"
store = "users_db"
subjects = "none"
parameters = { q = "[a-z ]{0,40}" }

[[operation]]
name = "export all"
match = "POST /v1/export"
store = "users_db"
subjects = "everyone"
classes = ["contact"]

[[operation]]
name = "delete account"
match = "DELETE /v1/users/{user_id}"
store = "users_db"
subjects = "path.user_id"
classes = ["contact", "identity"]
effect = "destroyed"
parameters = { user_id = "[0-9]+" }

[[operation]]
name = "download"
match = "GET /v1/exports/{job_id}/{rest...}"
store = "users_db"
subjects = "none"
takes = "job"
takes_from = "path.job_id"
parameters = { job_id = "[0-9a-f]+", rest = "[a-z.]+" }

[[operation]]
name = "get mail"
api = "mail.get*"
store = "mail"
subjects = "field.mailbox"
classes = ["communication"]

[[operation]]
name = "read report"
match = "GET /reports/{name}"
store = "reports"
subjects = "everyone"
classes = ["internal"]
parameters = { name = "[a-z]+" }
max_records = 3

[[channel]]
store = "users_db"
name = "app"
principal = "session"
attributing = "nginx_access"
accounting = "postgresql"
roles = ["app"]
pooled = true

[[channel]]
store = "users_db"
name = "staff"
principal = "connection"
attributing = "postgresql"
accounting = "postgresql"

[[channel]]
store = "reports"
name = "staff"
principal = "connection"
attributing = "postgresql"
accounting = "postgresql"
roles = ["staff"]

[[channel]]
store = "mail"
name = "imap"
principal = "account"
attributing = "mail_log"
accounting = "mail_log"
"#;

fn map() -> DataMap {
    let (map, diagnostics) = DataMap::parse(MAP, "map.toml");
    assert_eq!(diagnostics, []);
    map.unwrap()
}

/// A reach in one line: basis, completion, then the touches.
fn shown(reach: &Reach) -> String {
    let mut out = format!("{:?} {:?}", reach.basis, reach.completion).to_lowercase();
    let mut touches: Vec<String> = reach.touches.iter().map(touch).collect();
    touches.extend(reach.internal.iter().map(internal));
    touches.extend(reach.reveals.iter().map(|k| format!("reveals {}", k.name())));
    for part in touches {
        out.push_str(" | ");
        out.push_str(&part);
    }
    out
}

fn touch(t: &Touch) -> String {
    let classes: Vec<_> = t.classes.iter().cloned().collect();
    let who = match &t.who {
        Who::Keys(keys) => keys.iter().cloned().collect::<Vec<_>>().join("+"),
        Who::AtMost(n) => format!("<={n}"),
        Who::Everyone => "all".to_owned(),
    };
    format!(
        "{} {} {}{}",
        t.effect.name(),
        classes.join(","),
        who,
        if t.exact { "!" } else { "" }
    )
}

fn internal(t: &InternalTouch) -> String {
    format!("{} internal {}:{}", t.effect.name(), t.store, t.object)
}

fn request(method: &str, target: &str, status: u16, bytes: i64) -> Event {
    let mut event = Event::new("nginx_access", Timestamp::from_secs(100));
    event.class = Some("http_activity".into());
    event.activity = Some(method.into());
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(p, q)| (p, Some(q.to_owned())));
    event.resource = Some(path.into());
    event.query_text = query;
    event.status_code = Some(status.to_string());
    event.bytes_out = Some(bytes);
    event.outcome = match status {
        401 | 403 | 429 => Outcome::Denied,
        499 | 444 => Outcome::Aborted,
        400.. => Outcome::Failure,
        _ => Outcome::Success,
    };
    event
}

fn statement(text: &str, count: Option<i64>) -> Event {
    let mut event = Event::new("postgresql", Timestamp::from_secs(100));
    event.class = Some("datastore_activity".into());
    event.outcome = Outcome::Success;
    event.actor_user = Some("app".into());
    event.query_text = Some(text.into());
    event.record_count = count;
    event
}

fn check<'c>(map: &DataMap, cases: impl IntoIterator<Item = (String, Event, &'c str)>) {
    let context = ReachContext {
        account: Some("77"),
        ..ReachContext::default()
    };
    let wrong: Vec<String> = cases
        .into_iter()
        .filter_map(|(what, event, expected)| {
            let reach = map.reach(&event, &context);
            let got = shown(&reach);
            (got != expected).then(|| {
                format!(
                    "{what}\n  expected {expected}\n  but got  {got}  ({})",
                    reach.because
                )
            })
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

const ALL: &str = "read contact,credential,financial,identity all | changed contact,credential,financial,identity all | destroyed contact,credential,financial,identity all | unavailable contact,credential,financial,identity all | reveals session | reveals account";
const ALL_BUT_READ: &str = "changed contact,credential,financial,identity all | destroyed contact,credential,financial,identity all | unavailable contact,credential,financial,identity all | reveals session | reveals account";

#[test]
fn requests_reach_what_their_operation_declares_or_everything() {
    let map = map();
    let unmapped = |how: &str| format!("unmapped {how} | {ALL}");
    let (done, possible, attempt) = (unmapped("done"), unmapped("possible"), unmapped("attempt"));
    let silent = format!("unmapped done | {ALL_BUT_READ}");
    let nothing = unmapped("nothing");
    let cases: &[(&str, &str, u16, i64, &str)] = &[
        (
            "GET",
            "/v1/users/5/profile",
            200,
            100,
            "named done | read contact,identity 5!",
        ),
        (
            "get",
            "/v1/users/5/profile",
            200,
            100,
            "named done | read contact,identity 5!",
        ),
        (
            "GET",
            "/v1/users/5/profile?fields=email,name",
            200,
            100,
            "named done | read contact,identity 5!",
        ),
        (
            "GET",
            "/v1/users/007/profile",
            200,
            100,
            "named done | read contact,identity 007+7",
        ),
        (
            "GET",
            "/v1/users/%35/profile",
            200,
            100,
            "named done | read contact,identity 5!",
        ),
        (
            "GET",
            "/v1/users/me/profile",
            200,
            100,
            "named done | read contact 77!",
        ),
        (
            "GET",
            "/v1/batch?ids=1,2,3",
            200,
            100,
            "named done | read contact 1+2+3",
        ),
        ("GET", "/v1/batch?ids=4", 200, 100, "named done | read contact 4!"),
        ("GET", "/v1/batch", 200, 100, "whole done | read contact all"),
        (
            "GET",
            "/v1/users?page=2",
            200,
            100,
            "statements done | read contact <=80",
        ),
        ("GET", "/v1/search?q=blue+train", 200, 100, "nothing done"),
        ("POST", "/v1/export", 200, 100, "whole done | read contact all"),
        ("GET", "/v1/exports/ab12/users.csv", 200, 100, "nothing done"),
        // How far it came.
        (
            "GET",
            "/v1/users/5/profile",
            404,
            30,
            "named nothing | read contact,identity 5",
        ),
        (
            "GET",
            "/v1/users/5/profile",
            304,
            0,
            "named nothing | read contact,identity 5",
        ),
        (
            "GET",
            "/v1/users/5/profile",
            200,
            0,
            "named nothing | read contact,identity 5",
        ),
        (
            "HEAD",
            "/v1/users/5/profile",
            200,
            120,
            "named nothing | read contact,identity 5",
        ),
        (
            "GET",
            "/v1/users/5/profile",
            403,
            30,
            "named attempt | read contact,identity 5",
        ),
        (
            "GET",
            "/v1/users/5/profile",
            400,
            30,
            "named attempt | read contact,identity 5",
        ),
        (
            "GET",
            "/v1/users/5/profile",
            500,
            30,
            "named possible | read contact,identity 5",
        ),
        (
            "GET",
            "/v1/users/5/profile",
            499,
            30,
            "named possible | read contact,identity 5",
        ),
        (
            "GET",
            "/v1/users/5/profile",
            499,
            0,
            "named nothing | read contact,identity 5",
        ),
        (
            "DELETE",
            "/v1/users/5",
            204,
            0,
            "named done | destroyed contact,identity 5!",
        ),
        (
            "DELETE",
            "/v1/users/5",
            404,
            20,
            "named nothing | destroyed contact,identity 5",
        ),
        // What does not fit reaches everything behind the gateway.
        ("GET", "/v1/users/5/profile", 200, 9000, &done),
        ("GET", "/v1/users/5'--/profile", 200, 100, &done),
        ("GET", "/v1/users/5%20OR%201=1/profile", 200, 100, &done),
        ("GET", "/v1/users/5/profile?debug=1", 200, 100, &done),
        ("GET", "/v1/users/5/profile?user_id=6", 200, 100, &done),
        ("GET", "/v1/users/5/profile?fields=a&fields=b", 200, 100, &done),
        ("GET", "/v1/users/5/profile?fields=a;user_id=6", 200, 100, &done),
        ("GET", "/v1/users/5/profile?fields=%ff", 200, 100, &done),
        ("GET", "/v1/users/5/../6/profile", 200, 100, &done),
        ("GET", "/v1/users/%2e%2e/profile", 200, 100, &done),
        ("GET", "/v1/users/5%2f6/profile", 200, 100, &done),
        ("GET", "/v1/users//5/profile", 200, 100, &done),
        ("GET", "/v1/users/5%252f/profile", 200, 100, &done),
        ("GET", "/v1/users/5;x=1/profile", 200, 100, &done),
        ("GET", "/v1/users/5%00/profile", 200, 100, &done),
        ("GET", "/v1/users/5\\profile", 200, 100, &done),
        ("GET", "/v1/users/5%zz/profile", 200, 100, &done),
        ("GET", "/v1/search?q=' UNION SELECT", 200, 100, &done),
        ("GET", "/v1/search?q=%27%20OR", 404, 10, &possible),
        ("GET", "/v1/search?q=%27%20OR", 400, 10, &attempt),
        ("GET", "/v1/search?q=%27%20OR", 500, 10, &possible),
        ("GET", "/v1/search?q=%27%20OR", 200, 0, &silent),
        ("GET", "/admin/dump", 200, 100, &done),
        ("GET", "/admin/dump", 404, 100, &nothing),
        ("PUT", "/v1/users/5/profile", 200, 100, &done),
    ];
    check(
        &map,
        cases.iter().map(|(method, target, status, bytes, expected)| {
            (
                format!("{method} {target} {status} {bytes}"),
                request(method, target, *status, *bytes),
                *expected,
            )
        }),
    );
}

#[test]
fn jobs_internal_data_and_other_records() {
    let map = map();
    let context = ReachContext::default();
    let download = map.reach(&request("GET", "/v1/exports/ab12/users.csv", 200, 10), &context);
    assert_eq!(download.takes.as_deref(), Some("ab12"));

    let report = map.reach(&request("GET", "/reports/roadmap", 200, 4000), &context);
    assert_eq!(
        shown(&report),
        "named done | read internal reports:/reports/roadmap"
    );
    assert_eq!(
        (report.internal[0].records, report.internal[0].bytes),
        (Some(3), Some(4000))
    );

    let mut mail = Event::new("mail_log", Timestamp::from_secs(1));
    mail.operation = Some("mail.get_message".into());
    mail.outcome = Outcome::Success;
    mail.fields = serde_json::json!({"mailbox": ["5", 6]})
        .as_object()
        .unwrap()
        .clone()
        .into();
    assert_eq!(
        shown(&map.reach(&mail, &context)),
        "named done | read communication 5+6"
    );

    let mut told = Event::new("mail_log", Timestamp::from_secs(1));
    told.subject_refs = vec!["8".into(), "9".into()];
    told.outcome = Outcome::Success;
    told.activity = Some("Delete".into());
    assert_eq!(
        shown(&map.reach(&told, &context)),
        "named done | destroyed communication 8+9!"
    );

    let mut logon = Event::new("postgresql", Timestamp::from_secs(1));
    logon.class = Some("authentication".into());
    assert_eq!(shown(&map.reach(&logon, &context)), "nothing done");
}

#[test]
fn every_parameter_may_name_a_subject() {
    let text = r#"
        [[subject]]
        name = "message"
        distinct = true
        keys = "<[^ <>]{1,200}>"
        [[store]]
        name = "mailboxes"
        subject = "message"
        classes = ["communication"]
        [[operation]]
        name = "open mail"
        api = "MailItemsAccessed"
        store = "mailboxes"
        subjects = "parameters"
        classes = ["communication"]
        effect = "read"
    "#;
    let (map, diagnostics) = DataMap::parse(text, "map.toml");
    let map = map.unwrap_or_else(|| panic!("{diagnostics:?}"));
    let reached = |ids: &[&str], count: Option<i64>| {
        let mut opened = Event::new("microsoft365_audit", Timestamp::from_secs(1));
        opened.operation = Some("MailItemsAccessed".into());
        opened.outcome = Outcome::Success;
        opened.parameters = ids.iter().map(|id| (*id).to_owned()).collect();
        opened.record_count = count;
        shown(&map.reach(&opened, &ReachContext::default()))
    };
    let both = "named done | read communication <1@x>+<2@x>";
    assert_eq!(reached(&["<1@x>", "<2@x>"], Some(2)), format!("{both}!"));
    assert_eq!(reached(&["<1@x>", "<2@x>"], Some(3)), both);
    let whole = "whole done | read communication all";
    // A folder that was synchronized names no message; what is no key is not left out.
    assert_eq!(reached(&[], None), whole);
    assert_eq!(reached(&["<1@x>", "RgA3"], Some(2)), whole);
}

#[test]
fn statements_reach_the_rows_that_they_name() {
    let map = map();
    let unmapped = format!("unmapped done | {ALL}");
    let cases: &[(&str, Option<i64>, &str)] = &[
        // Named.
        (
            "SELECT email FROM profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact 5!",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5",
            None,
            "named done | read contact 5",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5",
            Some(0),
            "named nothing | read contact 5",
        ),
        (
            "SELECT * FROM public.profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact,identity 5!",
        ),
        (
            "SELECT * FROM PUBLIC.Profiles WHERE USER_ID = 5",
            Some(1),
            "named done | read contact,identity 5!",
        ),
        (
            "SELECT city FROM profiles WHERE user_id = 5",
            Some(1),
            "nothing done",
        ),
        (
            "SELECT email FROM profiles WHERE user_id IN (5, 6)",
            Some(2),
            "named done | read contact 5+6!",
        ),
        (
            "SELECT email FROM profiles WHERE user_id IN (5, 6)",
            Some(1),
            "named done | read contact 5+6",
        ),
        (
            "SELECT total FROM orders WHERE user_id IN (5, 6)",
            Some(2),
            "named done | read financial 5+6",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = '05'",
            Some(1),
            "named done | read contact 05+5",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 'x'",
            Some(0),
            "nothing nothing",
        ),
        (
            "SELECT city FROM profiles WHERE user_id = 5 AND email = 'a@b.c'",
            Some(1),
            "named done | read contact 5!",
        ),
        (
            "SELECT p.email, o.total FROM profiles p LEFT JOIN orders o USING (user_id) WHERE p.user_id = 5",
            Some(1),
            "named done | read contact 5! | read financial 5",
        ),
        // Counted and whole.
        (
            "SELECT email FROM profiles WHERE name LIKE 'A%'",
            Some(7),
            "counted done | read contact,identity <=7",
        ),
        (
            "SELECT email FROM profiles WHERE name LIKE 'A%'",
            None,
            "whole done | read contact,identity all",
        ),
        (
            "SELECT email FROM profiles",
            Some(7),
            "whole done | read contact all",
        ),
        (
            "SELECT email FROM profiles LIMIT 3",
            None,
            "counted done | read contact <=3",
        ),
        // Equal rows come back as one, but rows that hold their subject's key differ for each.
        (
            "SELECT user_id::text, email FROM profiles WHERE email LIKE 'a%' UNION SELECT user_id::text, 'x' FROM orders",
            Some(4),
            "counted done | read contact <=4",
        ),
        (
            "SELECT email, city FROM profiles WHERE city = 'y' UNION SELECT user_id::text, total FROM orders",
            Some(4),
            "whole done | read contact all | read financial <=4",
        ),
        (
            "SELECT DISTINCT user_id, email FROM profiles WHERE city = 'y'",
            Some(4),
            "counted done | read contact <=4",
        ),
        (
            "SELECT DISTINCT ON (city) user_id, email FROM profiles WHERE city = 'y'",
            Some(4),
            "whole done | read contact all",
        ),
        (
            "SELECT user_id, email FROM profiles WHERE city = 'y' EXCEPT SELECT user_id, 'x' FROM orders WHERE total = 1",
            Some(4),
            "whole done | read contact all | read financial all",
        ),
        (
            "SELECT user_id, email, lag(email) OVER () FROM profiles WHERE city = 'y'",
            Some(4),
            "whole done | read contact all",
        ),
        (
            "SELECT address FROM households WHERE address LIKE 'x%'",
            Some(2),
            "counted done | read contact <=8",
        ),
        (
            "SELECT max(email) FROM profiles WHERE name LIKE 'A%'",
            Some(1),
            "whole done | read contact,identity all",
        ),
        (
            "SELECT DISTINCT email FROM profiles WHERE name LIKE 'A%'",
            Some(1),
            "whole done | read contact,identity all",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5 UNION SELECT sid FROM sessions",
            Some(9),
            "whole done | read contact 5 | read credential all | reveals session",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5 OR 1=1 LIMIT 10",
            None,
            "counted done | read contact <=10",
        ),
        // No values.
        ("SELECT count(*) FROM profiles", Some(1), "nothing done"),
        (
            "SELECT 1 FROM profiles WHERE user_id = 5",
            Some(1),
            "nothing done",
        ),
        ("SELECT title FROM tracks", Some(100), "nothing done"),
        (
            "SELECT user_id FROM sessions WHERE sid = 'abc'",
            Some(1),
            "nothing done",
        ),
        (
            "SELECT user_id FROM sessions WHERE sid LIKE 'a%'",
            Some(1),
            "counted done | read credential <=1 | reveals session",
        ),
        ("BEGIN", None, "nothing done"),
        ("SELECT 1", Some(1), "nothing done"),
        // Credentials.
        (
            "SELECT sid FROM sessions WHERE user_id = 5",
            Some(2),
            "named done | read credential 5! | reveals session",
        ),
        (
            "SELECT password_hash FROM accounts WHERE login = 'bob'",
            Some(1),
            "counted done | read credential,identity <=1 | reveals account",
        ),
        // A column that the map does not know may hold anything.
        (
            "SELECT iban FROM profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact,credential,financial,identity 5!",
        ),
        // What the counts of other kinds say is not believed.
        (
            "COPY profiles TO STDOUT",
            Some(0),
            "whole done | read contact,identity all",
        ),
        (
            "COPY (SELECT email FROM profiles WHERE user_id = 5) TO STDOUT",
            Some(0),
            "named done | read contact 5",
        ),
        (
            "FETCH 100 FROM c",
            Some(0),
            "whole done | read contact,credential,financial,identity all | reveals session | reveals account",
        ),
        (
            "DECLARE c CURSOR FOR SELECT email FROM profiles",
            None,
            "whole possible | read contact all",
        ),
        (
            "EXPLAIN ANALYZE SELECT email FROM profiles WHERE user_id = 5",
            Some(0),
            "named done | read contact 5",
        ),
        // Writes.
        (
            "UPDATE profiles SET email = 'x' WHERE user_id = 5",
            Some(1),
            "named done | changed contact 5",
        ),
        (
            "UPDATE profiles SET email = 'x' WHERE user_id = 5",
            Some(0),
            "nothing nothing",
        ),
        (
            "UPDATE profiles SET email = 'x' WHERE city = 'y'",
            Some(3),
            "counted done | changed contact <=3",
        ),
        (
            "UPDATE profiles SET user_id = 9 WHERE user_id = 5",
            Some(1),
            "counted done | changed contact,identity <=2",
        ),
        (
            "DELETE FROM orders WHERE user_id = 5 RETURNING total",
            Some(1),
            "named done | read financial 5 | destroyed financial 5",
        ),
        (
            "INSERT INTO profiles (user_id, email) VALUES (5, 'a'), (6, 'b')",
            Some(2),
            "named done | changed contact 5+6",
        ),
        (
            "INSERT INTO profiles (email) VALUES ('a')",
            None,
            "counted done | changed contact <=1",
        ),
        ("TRUNCATE orders", None, "whole done | destroyed financial all"),
        ("DROP TABLE orders", None, "whole done | destroyed financial all"),
        ("INSERT INTO copy SELECT * FROM profiles", Some(9), &unmapped),
        (
            "CREATE TABLE copy AS SELECT email FROM profiles WHERE user_id = 5",
            Some(1),
            "named done | read contact 5",
        ),
        // Several in one text.
        (
            "SELECT email FROM profiles WHERE user_id = 5; SELECT total FROM orders WHERE user_id = 6",
            Some(1),
            "named done | read contact 5 | read financial 6",
        ),
        (
            "SELECT email FROM profiles WHERE user_id = 5; DROP TABLE orders",
            None,
            "whole done | read contact 5 | destroyed financial all",
        ),
        // Unknown tables, functions, catalogs.
        (
            "SELECT * FROM profiles_backup WHERE user_id = 5",
            Some(1),
            &unmapped,
        ),
        (
            "SELECT * FROM archive.profiles WHERE user_id = 5",
            Some(1),
            &unmapped,
        ),
        (
            "SELECT p.email FROM profiles p JOIN secret s ON s.id = p.user_id WHERE p.user_id = 5",
            Some(1),
            &unmapped,
        ),
        ("SELECT pg_read_file('/etc/passwd')", Some(1), &unmapped),
        (
            "SELECT relname FROM pg_class",
            Some(9),
            "nothing done | read internal users_db:pg_catalog.pg_class",
        ),
        (
            "SELECT table_name FROM information_schema.tables",
            Some(9),
            "nothing done | read internal users_db:information_schema.tables",
        ),
        ("SELECT most_common_vals FROM pg_stats", Some(9), &unmapped),
        (
            "SELECT rolpassword FROM pg_authid",
            Some(9),
            "nothing done | read internal users_db:pg_catalog.pg_authid | reveals account",
        ),
        ("not sql at all", None, &unmapped),
    ];
    check(
        &map,
        cases
            .iter()
            .map(|(text, count, expected)| ((*text).to_owned(), statement(text, *count), *expected)),
    );
}

#[test]
fn parameters_cursors_and_prepared_statements_come_from_around() {
    let map = map();
    let with = |text: &str, parameters: &[&str]| {
        let mut event = statement(text, Some(1));
        event.parameters = parameters.iter().map(|p| (*p).to_owned()).collect();
        (text.to_owned(), event)
    };
    let select = "SELECT email FROM profiles WHERE user_id = $1";
    let array = "SELECT email FROM profiles WHERE user_id = ANY($1)";
    let cases = [
        (with(select, &["5"]), "named done | read contact 5!"),
        (with(select, &[]), "counted done | read contact <=1"),
        (with(select, &["123..."]), "counted done | read contact <=1"),
        (with(array, &["{5,6}"]), "named done | read contact 5+6"),
        (with(array, &["{5}"]), "named done | read contact 5!"),
        (with(array, &["{}"]), "nothing done"),
        (with(array, &["{{5}}"]), "counted done | read contact <=1"),
    ];
    check(
        &map,
        cases.map(|((what, event), expected)| (what, event, expected)),
    );

    let cursors = BTreeMap::from([(
        "c".to_owned(),
        "DECLARE c CURSOR FOR SELECT email FROM profiles WHERE city = 'x'".to_owned(),
    )]);
    let prepared = BTreeMap::from([("q".to_owned(), format!("PREPARE q AS {select}"))]);
    let context = ReachContext {
        cursors: Some(&cursors),
        prepared: Some(&prepared),
        ..ReachContext::default()
    };
    for (text, expected) in [
        ("FETCH 10 FROM c", "counted done | read contact <=10"),
        ("FETCH ALL FROM c", "whole done | read contact all"),
        ("EXECUTE q(5)", "named done | read contact 5"),
        ("EXECUTE q(now())", "whole done | read contact all"),
    ] {
        assert_eq!(
            shown(&map.reach(&statement(text, Some(0)), &context)),
            expected,
            "{text}"
        );
    }
}

#[test]
fn tables_without_their_statement_are_touched_at_large() {
    let map = map();
    let named = |activity: &str, resource: &str, text: Option<&str>| {
        let mut event = statement("", Some(1));
        (event.activity, event.resource) = (Some(activity.into()), Some(resource.into()));
        event.query_text = text.map(str::to_owned);
        (format!("{activity} {resource}"), event)
    };
    let unmapped = format!("unmapped done | {ALL}");
    let cases = [
        (
            named("SELECT", "public.profiles", None),
            "whole done | read contact,identity all",
        ),
        (
            named("SELECT", "public.profiles,public.tracks", Some("<not logged>")),
            "whole done | read contact,identity all",
        ),
        (
            named("UPDATE", "public.profiles", None),
            "whole done | changed contact,identity all",
        ),
        (
            named("DELETE", "public.orders", Some("<previously logged>")),
            "whole done | destroyed financial all",
        ),
        (named("SELECT", "public.ghost", None), unmapped.as_str()),
        (named("CALL", "public.f", None), unmapped.as_str()),
    ];
    check(
        &map,
        cases.map(|((what, event), expected)| (what, event, expected)),
    );
}

#[test]
fn what_failed_was_at_most_possible() {
    let map = map();
    for (code, outcome, expected) in [
        ("57014", Outcome::Aborted, Completion::Possible),
        ("42501", Outcome::Denied, Completion::Attempt),
        ("42P01", Outcome::Failure, Completion::Attempt),
        ("42601", Outcome::Failure, Completion::Attempt),
        ("53200", Outcome::Failure, Completion::Possible),
        ("XX000", Outcome::Unknown, Completion::Possible),
    ] {
        let mut event = statement("SELECT email FROM profiles WHERE user_id = 5", Some(1));
        (event.outcome, event.status_code) = (outcome, Some(code.into()));
        let reach = map.reach(&event, &ReachContext::default());
        assert_eq!(
            (reach.completion, reach.touches[0].exact),
            (expected, false),
            "{code}"
        );
    }
    // An error on a value may show a value of any row.
    let mut event = statement(
        "SELECT 1 FROM profiles WHERE user_id = 5 AND email::int = 1",
        None,
    );
    (event.outcome, event.status_code) = (Outcome::Failure, Some("22P02".into()));
    assert_eq!(
        shown(&map.reach(&event, &ReachContext::default())),
        "whole possible | read contact all"
    );
}

#[test]
fn lookups_and_writes() {
    let map = map();
    let lookups = ["public.accounts".to_owned()];
    let context = ReachContext {
        lookups: &lookups,
        ..ReachContext::default()
    };
    for (text, expected) in [
        (
            "SELECT password_hash FROM accounts WHERE login = 'bob'",
            "nothing done",
        ),
        (
            "UPDATE accounts SET password_hash = 'x' WHERE user_id = 5",
            "named done | changed credential 5",
        ),
        (
            "SELECT a.login, p.email FROM accounts a JOIN profiles p USING (user_id) WHERE p.user_id = 5",
            "named done | read contact 5!",
        ),
        (
            "DELETE FROM accounts WHERE user_id = 5",
            "named done | destroyed credential,identity 5",
        ),
    ] {
        assert_eq!(
            shown(&map.reach(&statement(text, Some(1)), &context)),
            expected,
            "{text}"
        );
    }
    let set = map.reach(
        &statement(
            "UPDATE accounts SET password_hash = 'x' WHERE user_id = 5",
            Some(1),
        ),
        &context,
    );
    assert_eq!(
        set.sets,
        [("user".to_owned(), Who::Keys(["5".to_owned()].into()))]
    );
}

#[test]
fn a_database_account_reaches_the_stores_of_its_channels() {
    let map = map();
    let mut event = statement("SELECT pg_read_file('x')", None);
    let stores = |event: &Event| {
        let reach = map.reach(event, &ReachContext::default());
        let mut stores: Vec<String> = reach
            .touches
            .iter()
            .map(|t| t.store.clone())
            .chain(reach.internal.iter().map(|t| t.store.clone()))
            .collect();
        stores.sort();
        stores.dedup();
        stores
    };
    assert_eq!(stores(&event), ["users_db"]);
    event.actor_user = Some("staff".into());
    assert_eq!(stores(&event), ["reports", "users_db"]);
    event.actor_user = Some("nobody the map knows".into());
    assert_eq!(stores(&event), ["reports", "users_db"]);
    event.source = "a source that no channel names".into();
    assert_eq!(stores(&event), ["mail", "reports", "users_db"]);
}

#[test]
fn an_empty_map_reaches_nothing_that_has_a_name() {
    let map = DataMap::default();
    for event in [statement("SELECT * FROM x", None), request("GET", "/x", 200, 5)] {
        let reach = map.reach(&event, &ReachContext::default());
        assert_eq!((reach.basis, reach.touches.len()), (Basis::Unmapped, 0));
    }
}

#[test]
fn hosts_are_one_where_that_is_declared_or_cannot_be_told() {
    let text = "[[host]]\nname = \"db-1\"\nalso = [\"10.0.0.9\", \"pg.example.net\"]\nsources = [\"postgresql\"]\n\
                addresses = [\"::ffff:10.0.0.9\"]\n[[host]]\nname = \"db-1.old.example.net\"\n";
    let map = DataMap::parse(text, "map.toml").0.unwrap();
    for (a, b, expected) in [
        ("db-1", "PG.example.net", true),
        ("db-1", "10.0.0.9", true),
        ("db-1", "db-1.old.example.net", false),
        // One that nobody declared may be any that is called alike.
        ("db-1", "db-1.example.net", true),
        ("gw-1", "gw-1.example.net", true),
        ("gw-1", "gw-2", false),
        ("10.0.0.1", "10.0.0.2", false),
    ] {
        assert_eq!(map.may_be_one_host(a, b), expected, "{a} {b}");
        assert_eq!(map.may_be_one_host(b, a), expected, "{b} {a}");
    }
    assert_eq!(map.hosts[0].addresses.iter().collect::<Vec<_>>(), ["10.0.0.9"]);
    assert!(map.may_be_written_on("postgresql", "pg.example.net"));
    assert!(!map.may_be_written_on("postgresql", "gw-1"));
    assert!(map.may_be_written_on("nginx_access", "gw-1"));
}

#[test]
fn diagnostics_say_what_where_and_what_was_meant() {
    let cases: &[(&str, &str)] = &[
        (
            "[[subject]]\nnam = \"user\"",
            "1:1 error missing-key; 2:1 error unknown-key did you mean `name`?",
        ),
        (
            "[[subject]]\nname = \"user\"\nkeys = \"[0-9\"",
            "3:8 error bad-grammar grammars are regular expressions of the whole value",
        ),
        (
            "[[subject]]\nname = \"user\"\nkeys = \"(a{1000}){1000}\"",
            "3:8 error bad-grammar grammars are regular expressions of the whole value",
        ),
        (
            "[[subject]]\nname = \"user\"\npopulation = -1",
            "3:14 error wrong-type",
        ),
        (
            "[[subject]]\nname = \"a\"\n[[subject]]\nname = \"a\"",
            "4:8 error twice",
        ),
        (
            "[[store]]\nname = \"db\"\nsubject = \"usr\"\n[[subject]]\nname = \"user\"",
            "3:11 error unknown-name did you mean `user`?",
        ),
        (
            "[[store]]\nname = \"db\"",
            "1:1 error no-subject say whose data lies here, or `internal = true`",
        ),
        (
            "[[store]]\nname = \"db\"\ninternal = true\nclasses = [\"contct\"]",
            "4:12 warning unknown-class did you mean `contact`?",
        ),
        (
            "[[store]]\nname = \"db\"\ninternal = true\ncopy_of = \"bd\"",
            "4:11 error unknown-name there is db",
        ),
        ("operation = 3", "1:13 error wrong-type"),
        (
            "[[host]]\nname = \"gw\"\naddresses = [\"gw.example.net\"]",
            "3:14 error bad-address write each one out, such as \"10.0.0.5\"; other names of the host go to `also`",
        ),
        (
            "[[host]]\nname = \"gw\"\n[[host]]\nname = \"db\"\nalso = [\"GW\"]",
            "5:9 error twice",
        ),
        (
            "[[host]]\nname = \"gw\"\naddress = [\"10.0.0.1\"]",
            "3:1 error unknown-key did you mean `addresses`?",
        ),
        (
            "[[operation]]\nname = \"x\"\nmatch = \"/v1\"\nstore = \"db\"\nsubjects = \"none\"\n[[store]]\nname = \"db\"\ninternal = true",
            "3:9 error bad-route a method and a path: `GET /v1/users/{user_id}`",
        ),
        (
            "[[operation]]\nname = \"x\"\nmatch = \"GET /{id}\"\nstore = \"db\"\nsubjects = \"path.di\"\n[[store]]\nname = \"db\"\ninternal = true",
            "3:9 warning no-grammar add `id` to `parameters`, such as `id = \"[0-9]+\"`; 5:12 error unknown-name there is id",
        ),
        (
            "[[operation]]\nname = \"x\"\nmatch = \"GET /{id}\"\nstore = \"db\"\nsubjects = \"nobody\"\nparameters = { id = \".*\" }\n[[store]]\nname = \"db\"\ninternal = true",
            "5:12 error bad-place write path.X, query.X, field.X, parameter.N, parameters, actor.user, session.account, subject_refs, statements, everyone or none; 6:21 warning loose-grammar name the characters that it can hold, such as `[A-Za-z0-9 _-]{0,64}`",
        ),
        (
            "x = [",
            "1:1 error unknown-key it can have subject, store, operation, channel, issuer, host, trust, retention; 1:6 error syntax",
        ),
        (
            "[[channel]]\nstore = \"db\"\nname = \"x\"\nprincipal = \"sesion\"\nattributing = \"a\"\naccounting = \"b\"",
            "2:9 error unknown-name; 4:13 error unknown-name did you mean `session`?",
        ),
        (
            "[[store]]\nname = \"db\"\ninternal = true\n[[store.table]]\nname = \"t\"\nsnapshot = [{ file = \"../x.csv\", at = \"now\" }]",
            "6:22 error bad-path; 6:39 error bad-instant write it as \"2014-05-23T10:00:00Z\"",
        ),
        ("[retention]\nfrom = 2014-05-01T00:00:00Z", ""),
    ];
    let line = |text: &str| {
        let (map, diagnostics) = DataMap::parse(text, "map.toml");
        let fatal = diagnostics.iter().any(|d| d.severity == Severity::Error);
        assert_eq!(map.is_none(), fatal, "{text}");
        let shown: Vec<String> = diagnostics
            .iter()
            .map(|d| {
                let severity = if d.severity == Severity::Error {
                    "error"
                } else {
                    "warning"
                };
                let hint = d.hint.as_ref().map_or(String::new(), |h| format!(" {h}"));
                format!("{}:{} {severity} {}{hint}", d.line, d.column, d.code)
            })
            .collect();
        shown.join("; ")
    };
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, expected)| line(text) != *expected)
        .map(|(text, expected)| format!("{text}\n  expected {expected}\n  but got  {}", line(text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

proptest::proptest! {
    #[test]
    fn any_map_text_is_read(text in ".{0,300}") {
        let _ = DataMap::parse(&text, "x");
    }

    #[test]
    fn any_mixture_of_map_lines_is_read(lines in proptest::collection::vec(proptest::sample::select(MAP.lines().collect::<Vec<_>>()), 0..40)) {
        let _ = DataMap::parse(&lines.join("\n"), "x");
    }

    #[test]
    fn any_record_is_reached(path in ".{0,60}", query in ".{0,60}", text in ".{0,120}", status in 100_u16..600, bytes in -5_i64..9000) {
        let map = map();
        let mut http = request("GET", "/", status, bytes);
        (http.resource, http.query_text) = (Some(format!("/v1/{path}")), Some(query));
        let _ = map.reach(&http, &ReachContext::default());
        let _ = map.reach(&statement(&text, Some(bytes)), &ReachContext::default());
        let _ = map.reach(&statement(&format!("SELECT email FROM profiles WHERE {text}"), Some(bytes)), &ReachContext::default());
    }
}
