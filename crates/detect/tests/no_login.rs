//! A session without a login, where the login may lie in a gap of the logs: unknown, and no finding.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_detect::{Behaviours, Board, Placeholders, RuleSet, Run, Terms, Unproven};
use ambit_event::{Batch, Event, EventId, Outcome, Timestamp};
use ambit_lake::Ledger;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

fn event(source: &str, secs: i64, nth: i64) -> Event {
    let mut event = Event::new(source, Timestamp::from_secs(1_400_000_000 + secs));
    event.id = EventId::nth(source, "", &secs.to_le_bytes(), nth as u64);
    event.class = Some("http_activity".into());
    event.outcome = Outcome::Success;
    event
}

/// Three days of an API and its login log, each of which speaks every minute or so, the one but for these hours.
fn logs(api: &[i64], login: &[i64]) -> Vec<Event> {
    let silent = [("shop_api", api), ("shop_login", login)];
    let mut events: Vec<Event> = (0..3 * 24 * 60)
        .flat_map(|minute| silent.map(|(source, hours)| (source, hours, minute)))
        .filter(|(_, hours, minute)| !hours.contains(&(minute / 60)))
        .map(|(source, _, minute)| event(source, minute * MINUTE + minute % 17, 0))
        .collect();
    let mut session = event("shop_api", 70 * HOUR + 5, 1);
    session.actor_session = Some("fp_forged".into());
    session.operation = Some("GET /v1/me".into());
    events.push(session);
    events.sort_by_key(|event| (event.time, event.id));
    events
}

/// The findings that stand, and those that are unknown.
fn looked_at(events: Vec<Event>) -> (usize, Vec<Unproven>) {
    let text = "[no_login]\nsources = [\"shop_api\", \"shop_login\"]\ncomplete_since = \"2014-01-01T00:00:00Z\"\nsession_days = 1\n";
    let terms = Terms {
        behaviours: Behaviours::parse(text, "test").unwrap(),
        ..Terms::new()
    };
    let mut run = Run::new(&RuleSet::load(&[], &Placeholders::none()), terms);
    let (mut board, mut ledger) = (Board::default(), Ledger::default());
    for event in &events {
        run.take(event).into_iter().for_each(|entry| board.note(entry));
    }
    run.finish().into_iter().for_each(|entry| board.note(entry));
    ledger.add(&Batch {
        events,
        ..Batch::default()
    });
    let unproven = run.take_out_unproven(&mut board, &ledger.coverage(&[]));
    let is_asked = |finding: &&&ambit_event::Finding| finding.rule_id == "ambit.session_without_login";
    (board.findings().iter().filter(is_asked).count(), unproven)
}

#[test]
fn without_a_gap_it_is_a_finding() {
    assert_eq!(looked_at(logs(&[], &[])), (1, vec![]));
}

#[test]
fn a_gap_within_which_the_login_may_lie_makes_it_unknown() {
    let (n_found, unproven) = looked_at(logs(&[], &[55, 56, 57, 58]));
    assert_eq!(n_found, 0);
    let [one] = unproven.as_slice() else {
        panic!("{unproven:?}")
    };
    assert_eq!(
        (one.gap.source.as_str(), one.finding.rule_id.as_str()),
        ("shop_login", "ambit.session_without_login")
    );
}

#[test]
fn a_gap_before_any_session_that_still_lasts_hides_nothing() {
    assert_eq!(looked_at(logs(&[], &[20, 21, 22, 23])), (1, vec![]));
}

#[test]
fn logs_that_begin_in_the_middle_do_not_have_the_logins_of_before() {
    let begin = |source: &'static str| {
        let mut events = logs(&[], &[]);
        let first = Timestamp::from_secs(1_400_000_000 + 60 * HOUR);
        events.retain(|event| event.source != source || event.time >= first);
        events
    };
    assert_eq!(looked_at(begin("shop_login")), (0, vec![]));
    assert_eq!(looked_at(begin("shop_api")), (0, vec![]));
    // A source that was named and never came.
    let mut events = logs(&[], &[]);
    events.retain(|event| event.source == "shop_api");
    assert_eq!(looked_at(events), (0, vec![]));
}
