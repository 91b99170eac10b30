//! What a group of a correlation takes in memory. There may be a million of them.

use allocation_counter::measure;
use ambit_detect::{Behaviours, Placeholders, RuleSet, Run, Terms};
use ambit_event::{Event, EventId, Fields, Timestamp};
use serde_json::json;

const RULES: &str = "title: Whoami\n\
    name: whoami\n\
    logsource: {product: windows, category: process_creation}\n\
    detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}\n\
    ---\n\
    title: Net\n\
    name: net\n\
    logsource: {product: windows, category: process_creation}\n\
    detection: {s: {Image|endswith: '\\net.exe'}, condition: s}\n\
    ---\n\
    title: Correlated\n";
const SECOND: i64 = 1_000_000_000;
/// A table grows by doubling; these fill it by three quarters.
const GROUPS: u64 = 25_000;

/// The nth process that is started, by the account of that number.
fn started(image: &str, user: u64, nth: u64) -> Event {
    let at = Timestamp(i64::try_from(nth).unwrap_or_default() * SECOND / 4);
    let mut event = Event::new("windows_evtx", at);
    event.id = EventId::native("memory", "", &nth.to_string());
    event.host = Some("ws01.corp.example.com".to_owned());
    event.operation = Some("Microsoft-Windows-Sysmon/1".to_owned());
    event.actor_realm = Some("CORP".to_owned());
    event.actor_user = Some(format!("user-{user:07}"));
    let image = format!("C:\\Windows\\System32\\{image}.exe");
    let fields = json!({ "Image": image, "CommandLine": image, "User": format!("CORP\\user-{user:07}") });
    event.fields = Fields::from_json(fields.to_string());
    event
}

/// Bytes a group with one member, some of them folded for good, as they come within more than an hour.
fn bytes_a_group(correlation: &str) -> u64 {
    let text = format!("{RULES}correlation: {{{correlation}, group-by: [User], timespan: 1d}}\n");
    let rules = RuleSet::parse(&text, "memory.yml", &Placeholders::none());
    assert_eq!(rules.refused(), []);
    let terms = Terms {
        behaviours: Behaviours::none(),
        ..Terms::new()
    };
    let mut run = Run::new(&rules, terms);
    // What there is once, whichever groups there are.
    run.take(&started("whoami", GROUPS, 0));
    let events: Vec<Event> = (0..GROUPS).map(|nth| started("whoami", nth, nth + 1)).collect();
    let taken = measure(|| {
        events
            .iter()
            .for_each(|event| assert!(run.take(event).is_empty()))
    });
    assert_eq!(run.tally().limits.n_groups, GROUPS + 1);
    u64::try_from(taken.bytes_current).unwrap_or_default() / GROUPS
}

#[test]
fn a_group_of_one_event_takes_little() {
    for (correlation, most) in [
        ("type: event_count, rules: [whoami], condition: {gte: 2}", 420),
        (
            "type: value_count, rules: [whoami], condition: {gte: 2, field: CommandLine}",
            420,
        ),
        ("type: temporal, rules: [whoami, net]", 450),
        ("type: temporal_ordered, rules: [whoami, net]", 530),
    ] {
        let bytes = bytes_a_group(correlation);
        assert!(bytes > 100 && bytes <= most, "{correlation}: {bytes} bytes");
    }
}
