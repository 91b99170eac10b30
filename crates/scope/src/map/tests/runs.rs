//! How a statement ran: its parameters, cursors, errors, and the account that it ran under.

use super::{ALL, check, map, shown, statement};
use crate::map::{Completion, ReachContext, Who};
use ambit_event::{Event, Outcome};
use std::collections::BTreeMap;

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
