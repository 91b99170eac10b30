//! Statements asked again of a table's known states, to recover whose rows they read.
//!
//! | known | gives |
//! |---|---|
//! | a history over the whole time of the statement | exactly the rows that surely matched, and at most those that possibly did |
//! | a snapshot before or after, and it is known that nothing was written between that matters | the same |
//! | the same, and rows of known keys were written between | these keys are possible, the others stay as sure as they were |
//! | the same, and at most *n* rows of unknown keys were | at most those that match, and *n* rows more |
//! | anything less | nothing: the reach stays as it is |
//!
//! A write that changes columns on which the question does not depend does not matter: the same rows match.
//!
//! The row count of the record, where it is truthful, has to agree with what the state gives; a state that
//! does not agree is not believed.

mod asked;
mod since;
mod state;
#[cfg(test)]
mod tests;
mod told;

pub use since::{WriteRecords, Wrote, WroteRows};

use super::model::{DataMap, Snapshot, Table};
use super::reach::{Basis, Reach, Touch, Who};
use crate::statement::Question;
use ambit_event::Span;
use asked::Asked;
use std::collections::BTreeSet;
use told::Told;

/// A statement whose rows the known states of its tables can tell.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayRequest {
    pub(super) parts: Vec<ReplayPart>,
    /// When the statement ran.
    pub when: Span,
    /// The rows that it returned, where its record has that truthful.
    pub count: Option<u64>,
    /// It ran to its end and gave all its rows.
    pub complete: bool,
}

/// One table of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReplayPart {
    /// As the map names it.
    pub table: String,
    pub question: Question,
    /// Values of each row come back.
    pub shows: bool,
    /// What is known without the state.
    pub touch: Touch,
}

impl DataMap {
    /// The reach after its replay request was run; without one, the reach as it is. What cannot be
    /// replayed stays as wide as it was, and says why.
    ///
    /// A snapshot tells the state at the statement's time as far as `writes` knows what was written between.
    pub async fn replayed(&self, mut reach: Reach, writes: &dyn WriteRecords) -> Reach {
        let Some(request) = reach.replay.take() else {
            return reach;
        };
        let mut touches = Vec::new();
        let mut notes = BTreeSet::new();
        let mut replayed = true;
        for part in &request.parts {
            match self.part(part, &request, writes).await {
                Ok((told, assumed)) => {
                    touches.extend(told);
                    reach.assumptions.extend(assumed);
                }
                Err(why) => {
                    replayed = false;
                    touches.push(part.touch.clone());
                    notes.insert(why);
                }
            }
        }
        if replayed {
            reach.basis = Basis::Replayed;
            reach.because = "the statement was asked again of the table's known states".to_owned();
            reach.assumptions.push("statements saw the rows that were committed when they ran, with no row hidden from their role".to_owned());
        } else if !notes.is_empty() {
            let notes: Vec<String> = notes.into_iter().collect();
            reach.because = format!("{}; {}", reach.because, notes.join("; "));
        }
        reach.touches = touches
            .into_iter()
            .filter(|t| t.who != Who::Keys(BTreeSet::new()) && t.who != Who::AtMost(0))
            .collect();
        reach.tidy();
        reach
    }

    /// Whether any part has a known state.
    pub(super) fn has_states(&self, request: &ReplayRequest) -> bool {
        request.parts.iter().any(|p| {
            self.part_table(p)
                .is_some_and(|t| !t.snapshots.is_empty() || t.history.is_some())
        })
    }

    fn part_table(&self, part: &ReplayPart) -> Option<&Table> {
        self.store(&part.touch.store)?
            .tables
            .iter()
            .find(|t| t.name == part.table)
    }

    async fn part(
        &self,
        part: &ReplayPart,
        request: &ReplayRequest,
        writes: &dyn WriteRecords,
    ) -> Result<(Vec<Touch>, Option<String>), String> {
        if part.touch.exact {
            return Ok((vec![part.touch.clone()], None));
        }
        let table = self.part_table(part).ok_or("its table is not in the data map")?;
        let key = table
            .subject_key
            .as_deref()
            .ok_or("its table has no subject key")?;
        let asked = Asked {
            part,
            key,
            table,
            when: request.when,
        };
        let (told, slack, assumed) = match &table.history {
            Some(history) => (asked.history(history).await?, 0, None),
            None => {
                let (snapshot, since) = asked.nearest(writes)?;
                let told = asked.snapshot(snapshot, &since).await?;
                (told, since.rows, Some(assumed(part, snapshot)))
            }
        };
        told.agree(request.count, slack)?;
        let touches = self.touches(part, table, told, slack, request.complete);
        Ok((touches, assumed))
    }

    fn touches(
        &self,
        part: &ReplayPart,
        table: &Table,
        told: Told,
        slack: u64,
        complete: bool,
    ) -> Vec<Touch> {
        let touch = |who: Who, exact: bool| Touch {
            who,
            exact,
            ..part.touch.clone()
        };
        let sure = complete && part.shows;
        let mut beyond: BTreeSet<String> = told.possible.difference(&told.certain).cloned().collect();
        if let Who::Keys(named) = &part.touch.who {
            beyond.retain(|key| named.contains(key));
        }
        let per_key = self
            .subject(&part.touch.subject)
            .map_or(1, |s| s.persons_per_key.max(1));
        let others = table.persons_per_row.max(1) - 1;
        // Persons whom a row holds besides the one that it names, and those of rows that no state shows.
        let several = if others == 0 { 0 } else { told.n_possible };
        let unnamed = several
            .saturating_mul(others)
            .saturating_add(slack.saturating_mul(others + 1))
            .saturating_mul(per_key);
        let persons = |keys: &BTreeSet<String>| per_key.saturating_mul(keys.len() as u64);
        let (sure_persons, open) = (persons(&told.certain), persons(&beyond).saturating_add(unnamed));
        let mut touches = vec![touch(Who::Keys(told.certain), sure)];
        match part.touch.who {
            // The record's own count leaves less open than what may have been written since.
            Who::AtMost(n) if n.saturating_sub(sure_persons) < open => {
                touches.push(touch(Who::AtMost(n.saturating_sub(sure_persons)), false));
            }
            _ => {
                touches.push(touch(Who::Keys(beyond), false));
                touches.push(touch(Who::AtMost(unnamed), false));
            }
        }
        touches
    }
}

fn assumed(part: &ReplayPart, snapshot: &Snapshot) -> String {
    format!(
        "every write to `{}` between its state at {} and the statements that it tells of is recorded, and none \
         was under way when that state was taken",
        part.table, snapshot.at
    )
}
