//! Where disclosure stands: what is owed, by when, what was decided and sent, and what remains to be known.

mod json;
mod lines;
mod page;

pub use json::{fact_json, status_json};
pub use lines::status_lines;
pub use page::status_page;

use crate::decided::Decided;
use crate::duty::{Due, Duty, State, duties};
use crate::fact::{Conflict, Facts, Known, Standing, term};
use crate::notice::{Difference, Issued, Matter, differences};
use crate::regime::{Holds, Regime};
use crate::warranted::{Assessment, assess};
use crate::words::range;
use ambit_event::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the answer is made from. The clock comes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Input<'i> {
    pub case: &'i str,
    pub standing: Option<&'i Standing<'i>>,
    /// What persons signed, the newest of each name.
    pub signed: &'i Facts,
    pub decided: Option<&'i Decided>,
    pub issued: &'i [Issued],
    pub regimes: &'i [Regime],
    pub now: Timestamp,
    /// Entries of the journal that were written later than `now` and are no part of this.
    pub n_later: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosure {
    pub case: String,
    pub now: Timestamp,
    /// Entries of the journal that are no part of this: it is as the case was known then.
    pub n_later: u64,
    /// Version of the lake and content root of the scope; `None` where the case has none.
    pub scope: Option<(u64, String)>,
    pub known: Known,
    pub assessment: Assessment,
    pub decided: Option<Decided>,
    /// Where the decision and the factors differ.
    pub departs: Option<String>,
    /// Why the decision has to be looked at again.
    pub outdated: Option<String>,
    pub duties: Vec<Duty>,
    pub asks: Vec<Asked>,
    pub notices: Vec<Told>,
}

/// A fact that only a person can say, with who waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub fact: String,
    pub question: String,
    /// How the answer is written.
    pub form: String,
    /// Names of duties, and `assessment`.
    pub needed_by: Vec<String>,
}

/// An issued notice, and what in it is no longer so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub issued: Issued,
    pub stale: Vec<Difference>,
    /// Why it could not be compared: the scope no longer names the person, for one.
    pub unclear: Option<String>,
}

/// How much is open, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Openness {
    /// Nothing is owed that was not sent, and nothing is asked.
    Settled,
    /// Something is owed, asked, stale or undecided.
    Open,
    /// An end has passed.
    Overdue,
}

impl Disclosure {
    /// Computes it from facts and a scope.
    #[must_use]
    pub fn of(input: &Input<'_>) -> Self {
        let mut known = Known::of(input.standing, input.signed);
        let early = sent_too_early(input.regimes, &known.facts);
        known.conflicts.extend(early);
        let assessment = assess(&known.facts);
        let duties = duties(input.regimes, &known.facts, input.now);
        let matter = Matter {
            case: input.case,
            standing: input.standing,
            known: &known,
            decided: input.decided,
            regimes: input.regimes,
        };
        let notices = input.issued.iter().map(|issued| told(issued, &matter)).collect();
        let root = input
            .standing
            .map(|standing| standing.scope.content_root.as_str());
        let persons = persons(&known.facts);
        Self {
            case: input.case.to_owned(),
            now: input.now,
            n_later: input.n_later,
            scope: input
                .standing
                .map(|standing| (standing.version, standing.scope.content_root.clone())),
            departs: input.decided.and_then(|decided| decided.departs(&assessment)),
            outdated: input
                .decided
                .and_then(|decided| decided.outdated(root, persons.as_deref())),
            decided: input.decided.cloned(),
            asks: asks(&duties, &assessment),
            known,
            assessment,
            duties,
            notices,
        }
    }

    #[must_use]
    pub fn standing(&self) -> Openness {
        let is_open = |duty: &Duty| matches!(duty.state, State::Open) && !duty.owed.is_no();
        if self.duties.iter().any(is_overdue) {
            return Openness::Overdue;
        }
        let stale = self
            .notices
            .iter()
            .any(|told| !told.stale.is_empty() || told.unclear.is_some());
        let open = self.duties.iter().any(is_open);
        if open || stale || self.decided.is_none() || self.outdated.is_some() {
            Openness::Open
        } else {
            Openness::Settled
        }
    }
}

/// Only what is certainly owed can be overdue; what depends is open.
pub(crate) fn is_overdue(duty: &Duty) -> bool {
    duty.state == State::Overdue && duty.owed.is_yes() && matches!(duty.due, Due::By(_))
}

/// Laws, or duties of theirs, that did not bind at the time, each with the reason.
pub(crate) fn out_of_force(duties: &[Duty]) -> BTreeSet<(String, String)> {
    let lapsed = duties.iter().filter(|duty| !duty.in_force);
    let told = lapsed.filter_map(|duty| match &duty.owed {
        Holds::No { because } => {
            let name = if duty.has_lapsed {
                duty.name()
            } else {
                duty.regime.clone()
            };
            Some((name, because.first()?.clone()))
        }
        _ => None,
    });
    told.collect()
}

/// The number of persons as it is told: what a decision is compared with.
#[must_use]
pub fn persons(facts: &Facts) -> Option<String> {
    facts.count("subjects").map(|bounds| range(&bounds))
}

fn told(issued: &Issued, matter: &Matter<'_>) -> Told {
    let found = differences(issued, matter);
    Told {
        issued: issued.clone(),
        unclear: found.as_ref().err().map(|error| format!("{error}")),
        stale: found.unwrap_or_default(),
    }
}

/// What was sent before the event that its clock starts with: one of the two instants is wrong.
fn sent_too_early(regimes: &[Regime], facts: &Facts) -> Vec<Conflict> {
    let mut early = BTreeMap::new();
    let rules = regimes
        .iter()
        .flat_map(|regime| regime.duties.iter().map(move |rule| (regime, rule)));
    for (regime, rule) in rules {
        let name = format!("sent:{}/{}", regime.id, rule.id);
        let event = &rule.starts.what;
        let times = facts.instant(&name).zip(facts.instant(event));
        if let (Some((sent, began)), Some(fact)) = (times, facts.get(&name))
            && sent < began
        {
            let conflict = Conflict {
                name: name.clone(),
                signed: fact.clone(),
                because: format!("it is before the event that its clock starts with ({event}), {began}"),
            };
            early.entry(name).or_insert(conflict);
        }
    }
    early.into_values().collect()
}

/// Those that most duties wait for come first.
fn asks(duties: &[Duty], assessment: &Assessment) -> Vec<Asked> {
    let mut by: BTreeMap<&str, (&str, BTreeSet<String>)> = BTreeMap::new();
    let waiting = duties.iter().filter(|duty| !duty.owed.is_no());
    for (duty, ask) in waiting.flat_map(|duty| duty.asks.iter().map(move |ask| (duty, ask))) {
        let asked = by
            .entry(&ask.fact)
            .or_insert_with(|| (&ask.question, BTreeSet::new()));
        asked.1.insert(duty.name());
    }
    for (fact, question) in &assessment.depends_on {
        let asked = by.entry(fact).or_insert_with(|| (question, BTreeSet::new()));
        asked.1.insert("assessment".to_owned());
    }
    let mut asks: Vec<Asked> = by
        .into_iter()
        .map(|(fact, (question, needed_by))| Asked {
            fact: fact.to_owned(),
            question: question.to_owned(),
            form: match fact {
                "risk" => "decided: ambit disclose decide".to_owned(),
                _ if fact.starts_with("sent:") => "written down: ambit disclose sent".to_owned(),
                _ => term(fact).map(|term| term.form()).unwrap_or_default(),
            },
            needed_by: needed_by.into_iter().collect(),
        })
        .collect();
    asks.sort_by(|a, b| (b.needed_by.len(), &a.fact).cmp(&(a.needed_by.len(), &b.fact)));
    asks
}
