//! Maps and single records: what a record reached by the map, in one line each.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod any;
mod diagnostics;
mod objects;
mod requests;
mod runs;
mod statements;

use super::{DataMap, InternalTouch, Reach, ReachContext, Touch, Who};
use ambit_event::{Event, Outcome, Timestamp};

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
    touches.extend(reach.opens.iter().map(|o| format!("opens {o}")));
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
        Who::Part { name, at_most } => format!("<={at_most} of `{name}`"),
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
