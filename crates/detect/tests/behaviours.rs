//! Each behaviour over small logs: what it finds, and what it leaves alone. `AMBIT_BLESS=1` rewrites the `.out` files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mmdb;

use ambit_detect::{Behaviours, Board, Placeholders, Places, RuleSet, Run, Terms};
use ambit_event::{Event, EventId, Finding};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn cases() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviours");
    let mut cases: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "in"))
        .collect();
    cases.sort();
    cases
}

/// One event a line, by the names of its fields; `{10..13}` in a line makes one for each number.
fn events(path: &Path) -> Vec<Event> {
    let text = fs::read_to_string(path).unwrap();
    let mut events: Vec<Event> = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        for line in spread(line) {
            let mut event: Event =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            event.id = EventId::nth("case", "", line.as_bytes(), events.len() as u64);
            events.push(event);
        }
    }
    events
}

/// `{10..13}` stands for 10, 11 and 12, in step wherever it stands in the line.
fn spread(line: &str) -> Vec<String> {
    let Some((first, last)) = range(line) else {
        return vec![line.to_owned()];
    };
    let place = format!("{{{first}..{last}}}");
    let one = |n: u32| line.replace(&place, &format!("{n:0width$}", width = first.to_string().len()));
    (first..last).flat_map(|n| spread(&one(n))).collect()
}

fn range(line: &str) -> Option<(u32, u32)> {
    line.match_indices("..").find_map(|(at, _)| {
        let (before, after) = (line.get(..at)?, line.get(at + 2..)?);
        let first = before.rsplit('{').next()?.parse().ok()?;
        let last = after.split('}').next()?.parse().ok()?;
        Some((first, last))
    })
}

/// The parameters beside a case, and the database of places.
fn terms(case: &Path) -> Terms {
    let settings = fs::read_to_string(case.with_extension("toml")).unwrap_or_default();
    let rows = fs::read_to_string(case.with_extension("places")).ok();
    let places = rows.map(|rows| {
        let rows: Vec<mmdb::Row> = rows.lines().map(mmdb::Row::parse).collect();
        Places::parse(mmdb::database("GeoLite2-City", &rows), "case.places").unwrap()
    });
    Terms {
        behaviours: Behaviours::parse(&settings, "case.toml").unwrap(),
        places: places.map(Arc::new),
        lateness_secs: 1_000_000_000,
        ..Terms::new()
    }
}

fn found(events: &[Event], terms: Terms) -> String {
    let mut run = Run::new(&RuleSet::load(&[], &Placeholders::none()), terms);
    let mut board = Board::default();
    for event in events {
        run.take(event).into_iter().for_each(|entry| board.note(entry));
    }
    run.finish().into_iter().for_each(|entry| board.note(entry));
    assert!(run.tally().limits.is_exact());
    let mut out = String::new();
    for finding in board.findings() {
        let Finding {
            rule_id,
            level,
            time,
            until,
            n_events,
            because,
            actor,
            attack,
            ..
        } = finding;
        // Where it is of fewer techniques than its behaviour can find.
        let sheets = Behaviours::sheets();
        let sheet = sheets.iter().find(|sheet| sheet.id == rule_id).unwrap();
        let of = match attack.iter().eq(sheet.attack.iter().copied()) {
            true => String::new(),
            false => format!(" of {}", attack.join(" ")),
        };
        let actor: Vec<String> = actor.iter().map(ToString::to_string).collect();
        let level = level.unwrap().name();
        let because = because.as_deref().unwrap_or("-");
        let actor = actor.join(" ");
        writeln!(
            out,
            "{rule_id} {level}{of}: {because}\n  {actor}; {n_events} events, {time} to {until}"
        )
        .unwrap();
    }
    out
}

#[test]
fn every_case_finds_what_it_should_and_nothing_else() {
    let mut differing = Vec::new();
    for case in cases() {
        let found = found(&events(&case), terms(&case));
        let file = case.with_extension("out");
        if std::env::var_os("AMBIT_BLESS").is_some() {
            fs::write(&file, &found).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != found {
            differing.push(format!("{}:\n{found}", case.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn the_order_of_arrival_changes_nothing() {
    for case in cases() {
        let found = |events: &[Event]| found(events, terms(&case));
        let mut events = events(&case);
        let expected = found(&events);
        // Since when a source is watched, its first record tells: that one stays the first.
        let later = events.get_mut(1..).unwrap();
        later.reverse();
        assert_eq!(found(&events), expected, "{}", case.display());
        // By their ids they come in no order at all.
        events.get_mut(1..).unwrap().sort_by_key(|event| event.id);
        assert_eq!(found(&events), expected, "{}", case.display());
    }
}

#[test]
fn every_behaviour_has_its_case_its_technique_and_its_budget() {
    let outs: Vec<String> = cases()
        .iter()
        .map(|case| fs::read_to_string(case.with_extension("out")).unwrap_or_default())
        .collect();
    for described in Behaviours::described() {
        assert!(!described.parameters.is_empty(), "{}", described.name);
    }
    for sheet in Behaviours::sheets() {
        assert!(
            outs.iter().any(|out| out.contains(&format!("{} ", sheet.id))),
            "{} is found in no case",
            sheet.id
        );
        assert!(!sheet.attack.is_empty() && !sheet.doc.is_empty() && !sheet.budget.is_empty());
        let is_technique = |id: &&str| id.starts_with('T') && id.len() >= 5;
        assert!(sheet.attack.iter().all(is_technique), "{}", sheet.id);
    }
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    for text in [
        "off = [\"x\"]",
        "[brute]\n",
        "[brute_force]\nmuch = 3",
        "[brute_force]\nquick = \"x\"",
    ] {
        assert!(Behaviours::parse(text, "b.toml").is_err(), "{text}");
    }
    assert!(Behaviours::parse("off = [\"dormant\"]\n[brute_force]\nquick = 9\n", "b.toml").is_ok());
}
