//! A statement all of whose tables are in the map: what each of them adds to the reach.

use super::run::Run;
use super::target::{Target, catalog};
use crate::map::model::{Credential, DataMap, Effect, Table};
use crate::map::reach::{Basis, Completion, InternalTouch, Reach, Touch, Who};
use crate::map::replay::{ReplayPart, ReplayRequest, Wrote, WroteRows};
use crate::statement::{Act, Columns, Footprint, Kind, Use, Values, Write};
use ambit_event::{ObservableKind, Outcome};
use std::collections::BTreeSet;

/// A statement all of whose tables are in the map.
pub(super) struct Case<'a> {
    pub map: &'a DataMap,
    pub footprint: &'a Footprint,
    /// For each use, the tables that it may mean: several where stores have tables of the same name, none
    /// where it is one of the server's own catalog.
    pub targets: Vec<Vec<Target<'a>>>,
    pub run: Run<'a>,
}

impl Case<'_> {
    pub(super) fn reach(&self) -> Reach {
        let mut reach = Reach {
            completion: self.run.completion,
            ..Reach::nothing("")
        };
        let stores = self.map.reachable(self.run.event);
        let own = self.footprint.uses.iter().zip(&self.targets);
        for (used, _) in own.filter(|(_, found)| found.is_empty()) {
            catalog(used, &stores, &mut reach);
        }
        self.tell(&mut reach);
        reach
    }

    /// The writes to one table; `None` where anybody's rows may have been written.
    pub(super) fn wrote(&self, store: &str, table: &str) -> Option<Vec<Wrote>> {
        let mut all = Vec::new();
        for (at, found) in self.targets.iter().enumerate() {
            let Some(write) = &self.footprint.uses[at].write else {
                continue;
            };
            let meant = |t: &&Target<'_>| t.store.name == store && t.table.name == table;
            for target in found.iter().filter(meant) {
                let rows = match self.written(at, write, target) {
                    Who::Keys(keys) => WroteRows::Keys(keys),
                    Who::AtMost(n) => WroteRows::AtMost(n),
                    Who::Part { .. } | Who::Everyone => return None,
                };
                let columns = match &write.columns {
                    Columns::Named(names) if write.act == Act::Update && !moves_key(write, target.table) => {
                        Some(names.clone())
                    }
                    _ => None,
                };
                all.push(Wrote { columns, rows });
            }
        }
        Some(all)
    }

    fn tell(&self, reach: &mut Reach) {
        for (at, found) in self.targets.iter().enumerate() {
            for target in found {
                self.used(at, target, reach);
            }
        }
        let reads_only = !self.footprint.writes();
        if self.run.count == Some(0) && (reads_only || self.footprint.uses.len() == 1) {
            reach.completion = reach.completion.min(Completion::Nothing);
            reach.because = "the statement returned or changed no row".to_owned();
        } else if reach.because.is_empty() {
            reach.because = said(reach.basis).to_owned();
        }
        reach.records = self.run.most_rows(self.footprint);
        if reads_only && !reach.touches.is_empty() {
            reach.replay = self.replayable();
        }
        reach.tidy();
    }

    /// What one use of a table of the map adds.
    fn used(&self, at: usize, target: &Target<'_>, reach: &mut Reach) {
        let used = &self.footprint.uses[at];
        if used.reads {
            if self.is_looked_up(at, target) {
                let table = &target.table.name;
                reach
                    .assumptions
                    .push(format!("what is looked up in `{table}` is not returned"));
            } else {
                let (touch, reveals) = self.read(at, target);
                reach.reveals.extend(reveals);
                self.add(target, touch, reach);
            }
        }
        if let Some(write) = &used.write {
            let who = self.written(at, write, target);
            let classes = self.written_classes(write, target);
            for effect in effects(write.act) {
                self.add(
                    target,
                    target.touch(classes.clone(), *effect, who.clone(), false),
                    reach,
                );
            }
            if *effects(write.act) != [Effect::Destroyed] && sets_password(write, target.table) {
                reach.sets.extend(target.subject.map(|s| (s.to_owned(), who)));
            }
        }
    }

    /// Whether the request above says that it returns nothing of this table. A look-up is by a value; a
    /// statement that reads the table at large is none, whatever the map says.
    fn is_looked_up(&self, at: usize, target: &Target<'_>) -> bool {
        let by_value = !self.footprint.uses[at].bound.is_empty();
        by_value && !self.footprint.writes() && target.table.is_among(self.run.context.lookups)
    }

    fn read(&self, at: usize, target: &Target<'_>) -> (Touch, BTreeSet<ObservableKind>) {
        let (classes, reveals) = self.read_classes(at, target);
        let (who, exact) = self.readers(at, target);
        (target.touch(classes, Effect::Read, who, exact), reveals)
    }

    fn add(&self, target: &Target<'_>, touch: Touch, reach: &mut Reach) {
        if target.is_internal() {
            reach.internal.push(InternalTouch {
                store: touch.store,
                object: target.table.name.clone(),
                effect: touch.effect,
                records: self.run.count,
                bytes: None,
            });
            reach.basis = reach.basis.max(Basis::Named);
            return;
        }
        if touch.classes.is_empty() || touch.who == Who::Keys(BTreeSet::new()) || touch.who == Who::AtMost(0)
        {
            return;
        }
        reach.basis = reach.basis.max(match touch.who {
            Who::Keys(_) => Basis::Named,
            Who::AtMost(_) => Basis::Counted,
            Who::Part { .. } | Who::Everyone => Basis::Whole,
        });
        reach.assumptions.push(format!(
            "the data map lists every class of data in `{}` of {}",
            target.table.name, target.store.name
        ));
        reach.touches.push(touch);
    }

    /// The request to ask the known states of the statement's tables; `None` where that cannot make the
    /// reach narrower: the message of an error may show a value of any row.
    fn replayable(&self) -> Option<ReplayRequest> {
        let run = &self.run;
        if run.event.outcome != Outcome::Success && self.footprint.fallible {
            return None;
        }
        let parameters: Vec<Option<String>> = (1..=run.parameters.len())
            .map(|n| run.parameter(n).map(str::to_owned))
            .collect();
        let mut parts = Vec::new();
        for (at, query) in self.footprint.rows.iter().enumerate() {
            let [target] = self.targets.get(at)?.as_slice() else {
                return None;
            };
            let (touch, _) = self.read(at, target);
            if target.is_internal() || touch.classes.is_empty() || self.is_looked_up(at, target) {
                continue;
            }
            parts.push(ReplayPart {
                table: target.table.name.clone(),
                question: query.ask(&parameters),
                shows: query.shows,
                touch,
            });
        }
        let whole = run.fetched.is_none() && self.footprint.kind != Kind::Other;
        let request = ReplayRequest {
            parts,
            when: run.event.when(),
            count: run.count,
            complete: run.completion == Completion::Done && whole,
        };
        self.map.has_states(&request).then_some(request)
    }
}

impl Footprint {
    fn writes(&self) -> bool {
        self.uses.iter().any(|u| u.write.is_some())
    }
}

const fn effects(act: Act) -> &'static [Effect] {
    match act {
        Act::Insert | Act::Update => &[Effect::Changed],
        Act::Destroy => &[Effect::Destroyed],
        Act::Merge => &[Effect::Changed, Effect::Destroyed],
    }
}

pub(super) fn bound<'u>(used: &'u Use, column: &str) -> Option<&'u Values> {
    used.bound
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(column))
        .map(|(_, values)| values)
}

/// Whether rows are given to another person: what they hold changes for both.
pub(super) fn moves_key(write: &Write, table: &Table) -> bool {
    write.act == Act::Update
        && matches!(&write.columns, Columns::Named(names) if names.iter().any(|c| is_key(table, c)))
}

fn is_key(table: &Table, column: &str) -> bool {
    table
        .subject_key
        .as_ref()
        .is_some_and(|key| key.eq_ignore_ascii_case(column))
}

fn sets_password(write: &Write, table: &Table) -> bool {
    let password = |(name, kind): (&String, &Credential)| {
        *kind == Credential::Password
            && match &write.columns {
                Columns::All => true,
                Columns::Named(names) => names.iter().any(|n| n.eq_ignore_ascii_case(name)),
            }
    };
    table.holds.iter().any(password)
}

const fn said(basis: Basis) -> &'static str {
    match basis {
        Basis::Nothing => "the statement shows no value of personal data",
        Basis::Named => "the statement names the persons by key",
        Basis::Counted => "the number of rows bounds the persons",
        Basis::Whole => "nothing in the statement excludes anyone in the table",
        Basis::Replayed | Basis::Statements | Basis::Unmapped => "",
    }
}
