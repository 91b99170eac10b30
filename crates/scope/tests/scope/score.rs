//! How good the answers are, and how good they have to be: the truth inside the bounds is not enough, for
//! *everyone* always holds it.

use ambit_drill::{Attack, GapKind, GapSource, Plan, Truth};
use ambit_scope::{Answer, Grade};
use std::collections::BTreeMap;
use std::fmt;

/// What a group of drills has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// This attack, and nothing cut out of the logs.
    Whole(Attack),
    /// This attack, and one or two holes.
    Holed(Attack),
    /// A hole in these logs, whatever the attack.
    Source(GapSource),
    /// A hole of this kind, whatever the attack.
    Kind(GapKind),
}

impl Group {
    /// The groups that a drill belongs to, each once.
    fn of(plan: &Plan) -> Vec<Self> {
        if plan.gaps.is_empty() {
            return vec![Self::Whole(plan.attack)];
        }
        let holes = plan
            .gaps
            .iter()
            .flat_map(|g| [Self::Source(g.source), Self::Kind(g.kind)]);
        let mut groups: Vec<Self> = holes.chain([Self::Holed(plan.attack)]).collect();
        groups.sort();
        groups.dedup();
        groups
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Whole(attack) => format!("{attack}, no gap"),
            Self::Holed(attack) => format!("{attack}, gaps"),
            Self::Source(source) => format!("gap in {}", format!("{source:?}").to_lowercase()),
            Self::Kind(kind) => format!("gap: {}", kind.name()),
        };
        f.pad(&text)
    }
}

/// What drills of one group measured, added up; shares are shares of the population.
#[derive(Debug, Default)]
struct Score {
    n: u32,
    true_pairs: u64,
    confirmed: u64,
    /// Between the bounds, mean of the classes.
    width: f64,
    /// Not excluded, and untrue: mean of the classes.
    false_reach: f64,
    exact: u32,
}

impl Score {
    fn width(&self) -> f64 {
        self.width / f64::from(self.n.max(1))
    }

    fn false_reach(&self) -> f64 {
        self.false_reach / f64::from(self.n.max(1))
    }

    /// Confirmed pairs, of those that are true.
    fn recall(&self) -> f64 {
        self.confirmed as f64 / self.true_pairs.max(1) as f64
    }
}

/// The measurements of all drills.
#[derive(Debug, Default)]
pub struct Scores(BTreeMap<Group, Score>);

impl Scores {
    pub fn note(&mut self, plan: &Plan, answer: &Answer, truth: &Truth) {
        let one = measure(answer, truth);
        for group in Group::of(plan) {
            let score = self.0.entry(group).or_default();
            score.n += 1;
            score.true_pairs += one.true_pairs;
            score.confirmed += one.confirmed;
            score.width += one.width;
            score.false_reach += one.false_reach;
            score.exact += one.exact;
        }
    }

    /// What is worse than is committed to, in words. A group of few drills proves nothing.
    pub fn broken(&self) -> Vec<String> {
        const FEWEST: u32 = 8;
        let enough = |group: &Group| self.0.get(group).filter(|s| s.n >= FEWEST);
        let mut broken = Vec::new();
        for (group, most) in widths() {
            if let Some(score) = enough(&group).filter(|s| s.width() > most) {
                broken.push(format!("{group}: width {:.3}, at most {most}", score.width()));
            }
        }
        for (attack, least) in RECALL {
            let group = Group::Whole(*attack);
            if let Some(score) = enough(&group).filter(|s| s.recall() < *least) {
                broken.push(format!("{group}: recall {:.2}, at least {least}", score.recall()));
            }
        }
        broken
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:32} {:>5} {:>7} {:>6} {:>12} {:>6}",
            "", "n", "recall", "width", "false reach", "exact"
        )?;
        for (group, s) in &self.0 {
            writeln!(
                f,
                "{group:32} {:5} {:7.2} {:6.3} {:12.3} {:6}",
                s.n,
                s.recall(),
                s.width(),
                s.false_reach(),
                s.exact
            )?;
        }
        Ok(())
    }
}

fn measure(answer: &Answer, truth: &Truth) -> Score {
    let classes = &answer.scope.classes;
    let population = truth.population.max(1) as f64;
    let mean = |of: &dyn Fn(&str, &ambit_scope::Bounds) -> f64| {
        classes.iter().map(|(class, b)| of(class, b)).sum::<f64>() / classes.len().max(1) as f64
    };
    // Beyond the population is nobody, though a map that does not know it may count further.
    let most = |b: &ambit_scope::Bounds| b.at_most.unwrap_or(u64::MAX).min(truth.population);
    let true_persons = |class: &str| truth.n_persons(&truth.keys(class, "read"));
    Score {
        n: 1,
        true_pairs: truth.pairs.len() as u64,
        confirmed: answer
            .scope
            .pairs
            .iter()
            .filter(|p| p.grade == Grade::Certain)
            .count() as u64,
        width: mean(&|_, b| most(b).saturating_sub(b.at_least) as f64 / population),
        false_reach: mean(&|class, b| most(b).saturating_sub(true_persons(class)) as f64 / population),
        exact: u32::from(classes.values().all(|b| b.at_most == Some(b.at_least))),
    }
}

fn widths() -> impl Iterator<Item = (Group, f64)> {
    let whole = WIDTH.iter().map(|(attack, most)| (Group::Whole(*attack), *most));
    let source = WIDTH_BY_SOURCE
        .iter()
        .map(|(source, most)| (Group::Source(*source), *most));
    let kind = WIDTH_BY_KIND
        .iter()
        .map(|(kind, most)| (Group::Kind(*kind), *most));
    whole.chain(source).chain(kind)
}

/// The most that the mean width may be without a gap, a little above what is measured.
const WIDTH: &[(Attack, f64)] = &[
    (Attack::StolenSession, 0.13),
    (Attack::CredentialStuffing, 0.19),
    (Attack::IdEnumeration, 0.16),
    // Exact where a state of the table is known. Else the row count bounds the persons and nobody names them:
    // one class of eight. The rest are worlds in which the intruder shares a carrier's address with others.
    (Attack::Injection, 0.16),
    // Three classes of eight: one COPY was cancelled and may have delivered any row, and of the other table no
    // state is known, so that nobody can say who stood in it. pgaudit counts no rows of a COPY.
    (Attack::SqlDump, 0.40),
    (Attack::Insider, 0.08),
    (Attack::StolenApiKey, 0.15),
    // Whoever read the table of sessions may have used each of them from then on, from wherever: SCOPE §3 has
    // all of their events possible, and the record counts the sessions but does not name them.
    (Attack::SessionStoreDump, 0.50),
    // A staff account is a seed without a beginning: no account's earlier addresses can then be taken for its
    // owner's own. And the requests that are missing are known by their statements alone.
    (Attack::LogDeletion, 0.20),
    (Attack::ForgedHeaders, 0.17),
    // With the key of a report that goes on reading backups, each of those may be the intruder's; and whoever
    // takes a backup takes everyone, whom no record names.
    (Attack::BucketTheft, 0.20),
];

/// The least share of the true pairs that has to be confirmed without a gap. Of a dump nobody is: its records
/// name nobody, and no state of the tables is known.
const RECALL: &[(Attack, f64)] = &[
    (Attack::StolenSession, 0.65),
    (Attack::CredentialStuffing, 0.62),
    (Attack::IdEnumeration, 0.55),
    (Attack::Injection, 0.15),
    (Attack::Insider, 0.65),
    (Attack::StolenApiKey, 0.42),
    (Attack::SessionStoreDump, 0.09),
    (Attack::LogDeletion, 0.48),
    (Attack::ForgedHeaders, 0.62),
    // Single exports are named; backups name nobody.
    (Attack::BucketTheft, 0.45),
];

const WIDTH_BY_SOURCE: &[(GapSource, f64)] = &[
    (GapSource::Nginx, 0.73),
    (GapSource::App, 0.74),
    // What a request did is then known from the map alone, and no statement of staff is known at all.
    (GapSource::Postgresql, 0.91),
    (GapSource::Bastion, 0.54),
    // The trail alone says who and what: a hole in it leaves everyone in the bucket possible.
    (GapSource::Cloudtrail, 0.83),
    // Neither who nor what: everyone whom a way reaches, which is the honest answer.
    (GapSource::Both, 0.99),
    (GapSource::All, 1.0),
];

const WIDTH_BY_KIND: &[(GapKind, f64)] = &[
    // With those in the cloud's trail, of which no other log tells.
    (GapKind::Lines, 0.80),
    (GapKind::Truncated, 0.95),
    // Of the cloud's trail this takes the region in which the bucket lies, and so all that tells of it.
    (GapKind::Host, 0.72),
    (GapKind::Garbled, 0.89),
];
