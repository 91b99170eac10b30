//! Requests and calls reach what their operation declares.

use super::{ALL, ALL_BUT_READ, check, map, request, shown, statement};
use crate::map::{Basis, DataMap, ReachContext};
use ambit_event::{Event, Outcome, Timestamp};

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
fn an_empty_map_reaches_nothing_that_has_a_name() {
    let map = DataMap::default();
    for event in [statement("SELECT * FROM x", None), request("GET", "/x", 200, 5)] {
        let reach = map.reach(&event, &ReachContext::default());
        assert_eq!((reach.basis, reach.touches.len()), (Basis::Unmapped, 0));
    }
}
