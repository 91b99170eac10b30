//! Which duties arise, by when, and what remains to be known.
//!
//! A pure function of regimes, facts and an instant: a fact that changes opens what was closed. A rule below
//! confidence H answers *depends*, and never with a bare deadline.

use crate::clock::{Deadline, Uncounted, day_of, end_of};
use crate::fact::{Facts, term};
use crate::regime::{Citation, Confidence, Holds, Open, Period, Regime, Rule, Status};
use ambit_event::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// One duty, as the facts stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    pub regime: String,
    /// The rule's id in the regime.
    pub id: String,
    pub title: String,
    pub recipient: String,
    /// Whether it is owed.
    pub owed: Holds,
    /// Whether its law bound at the time, and it was part of it.
    pub in_force: bool,
    /// Whether its law may have bound, and it was no part of it then.
    pub has_lapsed: bool,
    pub due: Due,
    pub state: State,
    /// Facts that a person must still say, each with its question.
    pub asks: BTreeSet<Question>,
    pub content: Vec<String>,
    pub forbidden: Vec<String>,
    pub delays: Vec<String>,
    pub notes: Vec<String>,
    /// What the answer rests on.
    pub citations: Vec<Citation>,
}

/// A fact that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    pub fact: String,
    pub question: String,
}

/// By when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// It is not owed.
    Never,
    /// By this end, as a rule says that is verified.
    By(Deadline),
    /// The law names no number; since when the clock runs.
    WithoutDelay { since: Timestamp },
    /// The event that starts the clock is not known, or has not happened.
    NotStarted { event: String },
    /// The period ends with a day of the authority's place, which nobody named.
    NoZone,
    /// The years do not suffice.
    TooFar,
    /// The rule is recorded and not verified: what it would mean if it reads so, for orientation.
    Unverified {
        confidence: Confidence,
        would_be: Option<Deadline>,
    },
}

/// Whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Open,
    /// The end has passed, and nothing says that it was sent.
    Overdue,
    Sent {
        at: Timestamp,
    },
    /// Sent after the end: reasons are owed.
    SentLate {
        at: Timestamp,
    },
    /// The regime does not ask for it.
    Idle,
}

impl Duty {
    /// `regime/duty`: the name under which it was sent and its calendar entry stands.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.regime, self.id)
    }
}

/// Every duty of every regime, in the order given; those that are not owed say why.
#[must_use]
pub fn duties(regimes: &[Regime], facts: &Facts, now: Timestamp) -> Vec<Duty> {
    let each = |regime| move |rule| duty(regime, rule, facts, now);
    regimes
        .iter()
        .flat_map(|regime| regime.duties.iter().filter_map(each(regime)))
        .collect()
}

/// `None` for a version of a rule that was not in force: another version of the same id answers.
fn duty(regime: &Regime, rule: &Rule, facts: &Facts, now: Timestamp) -> Option<Duty> {
    let event = facts.instant(&rule.starts.what);
    let zone = regime
        .counting
        .zone
        .as_deref()
        .or_else(|| facts.text("authority_zone"));
    let day = day_of(event.unwrap_or(now), zone);
    if !in_time(day, rule.valid_from, rule.valid_to) {
        return has_no_version(regime, rule, day).then(|| lapsed(regime, rule));
    }
    let binds = bound(regime, day);
    let in_force = !binds.is_no();
    let mut owed = binds
        .and(regime.applies.what.holds(facts))
        .and(rule.trigger.what.holds(facts));
    for exemption in &rule.exemptions {
        owed = owed.and(exemption.when.what.holds(facts).reversed());
    }
    let confidence = regime
        .carrying(rule)
        .iter()
        .map(|citation| citation.confidence)
        .min();
    let unverified = confidence.filter(|confidence| !confidence.is_verified());
    let owed = match unverified {
        Some(confidence) if !owed.is_no() => owed.and(not_verified(regime, rule, confidence)),
        _ => owed,
    };
    let due = due(regime, rule, facts, &owed, unverified);
    Some(Duty {
        state: state(regime, rule, facts, &due, now),
        asks: asks(&owed, &due, &rule.starts.what),
        owed,
        in_force,
        due,
        ..blank(regime, rule)
    })
}

fn blank(regime: &Regime, rule: &Rule) -> Duty {
    let said = |list: &Option<crate::regime::Cited<Vec<String>>>| {
        list.as_ref().map(|c| c.what.clone()).unwrap_or_default()
    };
    Duty {
        regime: regime.id.clone(),
        id: rule.id.clone(),
        title: rule.title.clone(),
        recipient: rule.recipient.what.clone(),
        owed: Holds::No { because: Vec::new() },
        in_force: false,
        has_lapsed: false,
        due: Due::Never,
        state: State::Idle,
        asks: BTreeSet::new(),
        content: said(&rule.content),
        forbidden: said(&rule.forbidden),
        delays: rule.delays.iter().map(|delay| delay.what.clone()).collect(),
        notes: rule.notes.clone(),
        citations: regime.carrying(rule).into_iter().cloned().collect(),
    }
}

/// The rule did not exist on that day, and neither did another version of it.
fn lapsed(regime: &Regime, rule: &Rule) -> Duty {
    Duty {
        owed: Holds::No {
            because: vec!["this duty did not exist on that day".to_owned()],
        },
        has_lapsed: true,
        ..blank(regime, rule)
    }
}

/// One of the versions of a rule stands for all where none was in force.
fn has_no_version(regime: &Regime, rule: &Rule, day: Option<Date>) -> bool {
    let mut versions = regime.duties.iter().filter(|other| other.id == rule.id);
    let first = versions
        .clone()
        .next()
        .is_some_and(|first| std::ptr::eq(first, rule));
    first && !versions.any(|other| in_time(day, other.valid_from, other.valid_to))
}

fn in_time(day: Option<Date>, from: Option<Date>, to: Option<Date>) -> bool {
    day.is_none_or(|day| from.is_none_or(|from| day >= from) && to.is_none_or(|to| day < to))
}

/// Whether the regime binds on the day of the event, else today.
fn bound(regime: &Regime, day: Option<Date>) -> Holds {
    let no = |why: String| Holds::No { because: vec![why] };
    match regime.status {
        Status::Proposed => no("proposed, and not adopted".to_owned()),
        Status::Pending if regime.valid_from.is_none() => no("adopted, and not yet in force".to_owned()),
        _ if in_time(day, regime.valid_from, regime.valid_to) => Holds::Yes { because: Vec::new() },
        _ if regime.earlier_unknown && regime.valid_to.is_none() => Holds::Depends {
            on: BTreeSet::from([Open::Unverified {
                what: format!(
                    "what {} asked before {} is not recorded",
                    regime.title,
                    shown(regime.valid_from)
                ),
            }]),
        },
        _ => no(format!(
            "not in force on {}: it holds from {} until {}",
            shown(day),
            shown(regime.valid_from),
            regime.valid_to.map_or("now".to_owned(), |day| day.to_string())
        )),
    }
}

fn shown(day: Option<Date>) -> String {
    day.map_or("an unknown day".to_owned(), |day| day.to_string())
}

fn not_verified(regime: &Regime, rule: &Rule, confidence: Confidence) -> Holds {
    Holds::Depends {
        on: BTreeSet::from([Open::Unverified {
            what: format!(
                "{}/{} is recorded with confidence {}",
                regime.id,
                rule.id,
                confidence.letter()
            ),
        }]),
    }
}

fn due(regime: &Regime, rule: &Rule, facts: &Facts, owed: &Holds, unverified: Option<Confidence>) -> Due {
    if owed.is_no() {
        return Due::Never;
    }
    let first = running(regime, facts, &rule.starts.what, rule.period.what);
    let due = match &rule.backstop {
        Some((event, period)) => earlier(first, running(regime, facts, event, period.what)),
        None => first,
    };
    match unverified {
        Some(confidence) => Due::Unverified {
            confidence,
            would_be: match due {
                Due::By(deadline) => Some(deadline),
                _ => None,
            },
        },
        None => due,
    }
}

fn running(regime: &Regime, facts: &Facts, event: &str, period: Period) -> Due {
    let Some(at) = facts.instant(event) else {
        return Due::NotStarted {
            event: event.to_owned(),
        };
    };
    match end_of(at, period, &regime.counting, facts.text("authority_zone")) {
        Ok(Some(deadline)) => Due::By(deadline),
        Ok(None) => Due::WithoutDelay { since: at },
        Err(Uncounted::NoZone) => Due::NoZone,
        Err(Uncounted::TooFar) => Due::TooFar,
    }
}

/// Whichever ends first; a clock that does not run yet ends nothing.
fn earlier(a: Due, b: Due) -> Due {
    match (a, b) {
        (Due::By(a), Due::By(b)) => Due::By(if b.until < a.until { b } else { a }),
        (Due::By(a), _) | (_, Due::By(a)) => Due::By(a),
        (a, _) => a,
    }
}

fn state(regime: &Regime, rule: &Rule, facts: &Facts, due: &Due, now: Timestamp) -> State {
    let end = match due {
        Due::Never => return State::Idle,
        Due::By(deadline) => Some(deadline.until),
        _ => None,
    };
    match facts.instant(&format!("sent:{}/{}", regime.id, rule.id)) {
        Some(at) if end.is_some_and(|end| at >= end) => State::SentLate { at },
        Some(at) => State::Sent { at },
        None if end.is_some_and(|end| now >= end) => State::Overdue,
        None => State::Open,
    }
}

/// What the duty needs to know: what keeps its trigger open, and what its clock waits for.
fn asks(owed: &Holds, due: &Due, starts: &str) -> BTreeSet<Question> {
    let mut asked = BTreeSet::new();
    let mut ask = |fact: &str| {
        asked.extend(term(fact).map(|term| Question {
            fact: fact.to_owned(),
            question: term.question.to_owned(),
        }));
    };
    if let Holds::Depends { on } = owed {
        for open in on {
            match open {
                Open::Missing { fact, .. } => ask(fact),
                Open::Straddles { what, .. } if what.starts_with("residents:") => ask(what),
                Open::Straddles { .. } | Open::Unverified { .. } => {}
            }
        }
    }
    match due {
        Due::NotStarted { event } => ask(event),
        Due::NoZone => ask("authority_zone"),
        Due::By(_) | Due::WithoutDelay { .. } | Due::Never | Due::TooFar => {}
        Due::Unverified { .. } => ask(starts),
    }
    asked
}

/// What became of a duty between two states of the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Arose {
        duty: String,
    },
    Lapsed {
        duty: String,
        because: Vec<String>,
    },
    /// It was decided, and is open again.
    Reopened {
        duty: String,
        on: BTreeSet<Open>,
    },
    Moved {
        duty: String,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    },
}

/// What changed: a key that turns out stolen opens what was closed.
#[must_use]
pub fn changes(before: &[Duty], after: &[Duty]) -> Vec<Change> {
    let matching = |duty: &Duty| {
        before
            .iter()
            .find(|old| old.regime == duty.regime && old.id == duty.id)
    };
    after
        .iter()
        .filter_map(|new| change(matching(new), new))
        .collect()
}

fn change(old: Option<&Duty>, new: &Duty) -> Option<Change> {
    let duty = new.name();
    let was = old.map_or("no", |old| old.owed.name());
    match &new.owed {
        Holds::Yes { .. } if was != "yes" => Some(Change::Arose { duty }),
        Holds::No { because } if was != "no" => Some(Change::Lapsed {
            duty,
            because: because.clone(),
        }),
        Holds::Depends { on } if was != "depends" => Some(Change::Reopened { duty, on: on.clone() }),
        _ => {
            let (from, to) = (old.and_then(end), end(new));
            (from != to).then_some(Change::Moved { duty, from, to })
        }
    }
}

fn end(duty: &Duty) -> Option<Timestamp> {
    match &duty.due {
        Due::By(deadline) => Some(deadline.until),
        _ => None,
    }
}
