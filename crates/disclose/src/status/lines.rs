//! The status as lines for a terminal.

use super::{Asked, Disclosure, Openness, Told, is_overdue, out_of_force};
use crate::decided::between;
use crate::duty::{Due, Duty, State};
use crate::fact::{Conflict, term};
use crate::regime::{Holds, Open};
use crate::words::{at_utc, length, number};
use ambit_event::{Timestamp, printable};
use std::collections::BTreeMap;

/// Questions that are shown; the others are counted.
const MOST_ASKS: usize = 12;

/// Lines without colours, not wrapped; texts of others are safe to print.
#[must_use]
pub fn status_lines(status: &Disclosure) -> Vec<String> {
    if is_empty(status) {
        return first_steps(status);
    }
    let mut lines = vec![head(status)];
    lines.extend(as_it_was(status));
    lines.push(String::new());
    lines.extend(decision(status));
    let (owed, rest): (Vec<&Duty>, Vec<&Duty>) = status.duties.iter().partition(|duty| duty.owed.is_yes());
    lines.push(String::new());
    lines.push(match owed.len() {
        0 => "OWED       nothing that is certain".to_owned(),
        1 => "OWED       1 that is certain".to_owned(),
        n => format!("OWED       {n} that are certain"),
    });
    let mut owed = owed;
    owed.sort_by_key(|duty| (end(duty), duty.name()));
    for duty in owed {
        lines.extend(owed_lines(duty, status.now));
    }
    let depends: Vec<&Duty> = rest.iter().copied().filter(|duty| !duty.owed.is_no()).collect();
    lines.extend(depending(&depends));
    let n_not = rest.len() - depends.len();
    lines.push(format!("NOT OWED   {n_not}, by what is known (--json tells why)"));
    let lapsed = out_of_force(&status.duties);
    lines.extend(
        lapsed
            .iter()
            .map(|(name, because)| format!("             {name}: {because}")),
    );
    lines.extend(notices(&status.notices));
    lines.extend(conflicts(&status.known.conflicts));
    lines.extend(asks(&status.asks, &status.case));
    lines.push(String::new());
    lines.push("Nothing here is legal advice. A rule below confidence H gives no deadline.".to_owned());
    lines.into_iter().map(|line| printable(&line, 1000)).collect()
}

fn is_empty(status: &Disclosure) -> bool {
    let said = status.known.facts.iter().next().is_some();
    status.scope.is_none() && !said && status.decided.is_none() && status.notices.is_empty()
}

/// What most duties hang on, and how each is said.
const FIRST: &[(&str, &str)] = &[
    ("establishment", "eu,us"),
    ("role", "controller"),
    ("sectors", "none_of_these"),
    ("aware_at", "2026-05-22T11:40:00Z --knew WHO --evidence WHAT"),
];

/// Of a case of which nobody said anything, every duty depends on everything: what to do first is worth more.
fn first_steps(status: &Disclosure) -> Vec<String> {
    let case = &status.case;
    let open = status.duties.iter().filter(|duty| !duty.owed.is_no()).count();
    let mut lines = vec![format!(
        "CASE       {case} · nothing is known yet: {open} duties may be owed, none for certain"
    )];
    lines.extend(as_it_was(status));
    lines.extend([
        String::new(),
        "BEGIN WITH what the logs tell, where there are logs:".to_owned(),
        format!("  ambit scope --seed session=VALUE --map map.toml --case {case}"),
        String::new(),
        "AND SAY what they cannot tell:".to_owned(),
    ]);
    for (name, example) in FIRST {
        let question = term(name).map_or("", |term| term.question);
        lines.push(format!("  {question}"));
        lines.push(format!("    ambit disclose fact set {case} {name}={example}"));
    }
    lines.push(String::new());
    lines.push(format!(
        "Then `ambit disclose status {case}` tells what is owed and by when. --json lists every duty and question."
    ));
    lines.push("Nothing here is legal advice.".to_owned());
    lines.into_iter().map(|line| printable(&line, 1000)).collect()
}

fn head(status: &Disclosure) -> String {
    let scope = match &status.scope {
        Some((version, root)) => {
            let short: String = root.chars().take(12).collect();
            format!("scope of lake version {version}, content root {short}…")
        }
        None => "no scope: what is known was signed by persons".to_owned(),
    };
    let openness = match status.standing() {
        Openness::Settled => "settled",
        Openness::Open => "open",
        Openness::Overdue => "OVERDUE",
    };
    format!("CASE       {} · {openness} · {scope}", status.case)
}

/// Said wherever it is shown that this is the past.
pub(super) fn as_it_was(status: &Disclosure) -> Option<String> {
    (status.n_later > 0).then(|| {
        let entries = if status.n_later == 1 { "entry" } else { "entries" };
        format!(
            "AS OF      {}, as the case was known then: {} later {entries} of its journal are no part of this",
            at_utc(status.now),
            number(status.n_later)
        )
    })
}

fn decision(status: &Disclosure) -> Vec<String> {
    let assessment = &status.assessment;
    let mut lines = vec![format!(
        "ASSESSED   risk {}: authority {}, persons {}{}",
        between(assessment),
        assessment.notify_authority,
        assessment.tell_persons,
        match assessment.because.as_slice() {
            [] => String::new(),
            because if assessment.at_least == assessment.at_most => format!("; {}", because.join("; ")),
            // What is not known is taken at its worst for the upper end.
            because => format!("; at worst: {}", because.join("; ")),
        }
    )];
    if let Some(severity) = &assessment.severity {
        lines.push(format!(
            "             ENISA's score beside it: {:.2} ({})",
            severity.score, severity.level
        ));
    }
    lines.extend(
        assessment
            .disagreement
            .iter()
            .map(|text| format!("             {text}")),
    );
    match &status.decided {
        Some(decided) => lines.push(format!(
            "DECIDED    risk {} by {} on {} (entry {}): {}",
            decided.risk.name(),
            decided.by,
            at_utc(decided.at),
            decided.entry,
            decided.reason
        )),
        None => lines.push(format!(
            "DECIDED    not yet: ambit disclose decide {} unlikely|likely|high --reason '…'",
            status.case
        )),
    }
    for (word, text) in [("departs", &status.departs), ("look again", &status.outdated)] {
        lines.extend(text.iter().map(|text| format!("             {word}: {text}")));
    }
    lines
}

fn end(duty: &Duty) -> Option<Timestamp> {
    match &duty.due {
        Due::By(deadline) => Some(deadline.until),
        _ => None,
    }
}

fn owed_lines(duty: &Duty, now: Timestamp) -> Vec<String> {
    let mut lines = vec![
        format!("  {:<28} {}", duty.name(), duty.title),
        format!("    to       {}", duty.recipient),
        format!("    by       {}", due(duty, now)),
    ];
    if let Due::By(deadline) = &duty.due {
        let later = deadline.later_reading.iter();
        lines.extend(later.map(|later| format!("    or       {}: {}", at_utc(later.until), later.because)));
    }
    lines.push(format!("    state    {}", state(duty)));
    lines.extend(
        duty.delays
            .iter()
            .map(|delay| format!("    delay    allowed: {delay}")),
    );
    lines.extend(duty.notes.iter().map(|note| format!("    note     {note}")));
    lines
}

/// By when, in words.
pub(super) fn due(duty: &Duty, now: Timestamp) -> String {
    match &duty.due {
        Due::Never => "-".to_owned(),
        Due::By(deadline) => {
            let left = deadline.until.0.saturating_sub(now.0);
            let left = match left {
                left if left > 0 => format!("{} left", length(left)),
                left => format!("{} ago", length(left.saturating_neg())),
            };
            let told = match deadline.told == deadline.until.to_string() {
                true => String::new(),
                false => format!("; {}", deadline.told),
            };
            format!("{} ({left}{told})", at_utc(deadline.until))
        }
        Due::WithoutDelay { since } => format!("without undue delay, since {}", at_utc(*since)),
        Due::NotStarted { event } => format!("the clock starts with `{event}`, which nobody said"),
        Due::NoZone => "the authority's time zone is not known (authority_zone)".to_owned(),
        Due::TooFar => "beyond the years that are counted".to_owned(),
        Due::Unverified { confidence, would_be } => match would_be {
            Some(deadline) => format!(
                "rule unverified ({}): if it reads as recorded, {}",
                confidence.letter(),
                at_utc(deadline.until)
            ),
            None => format!("rule unverified ({})", confidence.letter()),
        },
    }
}

pub(super) fn state(duty: &Duty) -> String {
    match duty.state {
        State::Sent { at } => format!("sent on {}", at_utc(at)),
        State::SentLate { at } => format!("sent late, on {}: reasons are owed", at_utc(at)),
        State::Overdue if is_overdue(duty) => "OVERDUE".to_owned(),
        State::Overdue => "past its end, if it is owed".to_owned(),
        State::Open => "open".to_owned(),
        State::Idle => "not owed".to_owned(),
    }
}

/// Duties that depend, together by what they depend on: States whose laws ask alike stand together.
fn depending(duties: &[&Duty]) -> Vec<String> {
    let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for duty in duties {
        let place = format!("residents:{}:", duty.regime);
        let on = on(duty).replace(&place, "residents there:");
        by.entry(on).or_default().push(duty.name());
    }
    let mut lines = vec![format!("DEPENDS    {}", duties.len())];
    for (on, names) in by {
        let shown: Vec<&str> = names.iter().take(6).map(String::as_str).collect();
        let more = match names.len().saturating_sub(shown.len()) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        lines.push(format!("  on {on}"));
        lines.push(format!("    {}{more}", shown.join(", ")));
    }
    lines
}

/// What keeps a duty open, in words.
pub(super) fn on(duty: &Duty) -> String {
    let Holds::Depends { on } = &duty.owed else {
        return String::new();
    };
    let mut missing = Vec::new();
    let mut rest = Vec::new();
    for open in on {
        match open {
            Open::Missing { fact, .. } => missing.push(fact.clone()),
            Open::Straddles {
                what,
                at_least,
                at_most,
                threshold,
            } => {
                let most = at_most.map_or("unknown".to_owned(), |most| most.to_string());
                rest.push(format!("{what}: {at_least} to {most}, where {threshold} counts"));
            }
            Open::Unverified { .. } => rest.push("the rule, which is unverified".to_owned()),
        }
    }
    missing.extend(rest);
    missing.dedup();
    missing.join("; ")
}

fn notices(notices: &[Told]) -> Vec<String> {
    let mut lines = Vec::new();
    for told in notices {
        let issued = &told.issued;
        let person = issued
            .person
            .as_ref()
            .map_or(String::new(), |_| " to one person".to_owned());
        let state = match (&told.unclear, told.stale.len()) {
            (Some(why), _) => format!("cannot be compared: {why}"),
            (None, 0) => "still holds".to_owned(),
            (None, 1) => format!("STALE: 1 difference; {}", issued.kind.when_stale()),
            (None, n) => format!("STALE: {n} differences; {}", issued.kind.when_stale()),
        };
        lines.push(format!(
            "NOTICE     {}{person}, issued by {} on {} (entry {}): {state}",
            issued.kind,
            issued.by,
            at_utc(issued.at),
            issued.entry
        ));
        for difference in told.stale.iter().take(6) {
            let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "(not said)".to_owned());
            lines.push(format!("    was  {}", said(&difference.was)));
            lines.push(format!("    now  {}", said(&difference.now)));
        }
    }
    lines
}

fn conflicts(conflicts: &[Conflict]) -> Vec<String> {
    let told = |conflict: &Conflict| format!("CONFLICT   {}: {}", conflict.name, conflict.because);
    conflicts.iter().map(told).collect()
}

fn asks(asks: &[Asked], case: &str) -> Vec<String> {
    if asks.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "TO BE KNOWN".to_owned()];
    for ask in asks.iter().take(MOST_ASKS) {
        let needed = match ask.needed_by.as_slice() {
            [one] => one.clone(),
            many => format!("{} duties", many.len()),
        };
        lines.push(format!("  {:<24} {} (for {needed})", ask.fact, ask.question));
        lines.push(format!("  {:<24} {}", "", ask.form));
    }
    if asks.len() > MOST_ASKS {
        lines.push(format!("  and {} more (--json)", asks.len() - MOST_ASKS));
    }
    lines.push(format!(
        "  ambit disclose fact set {case} NAME=VALUE --evidence '…' says one"
    ));
    lines
}
