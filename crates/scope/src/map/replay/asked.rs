//! One question, asked of the states of its table.

use super::ReplayPart;
use super::since::{Since, WriteRecords};
use super::state::{Cells, Visit, each_csv, each_parquet, instant};
use super::told::{Row, Told};
use crate::map::model::{History, Snapshot, Table};
use crate::statement::{self, ColumnKind};
use ambit_event::{Span, Timestamp};
use std::collections::BTreeSet;
use std::path::Path;

/// A question to the states of one table.
pub(super) struct Asked<'a> {
    pub part: &'a ReplayPart,
    pub key: &'a str,
    pub table: &'a Table,
    pub when: Span,
}

impl Asked<'_> {
    pub async fn history(&self, history: &History) -> Result<Told, String> {
        let mut rows = Vec::new();
        self.each(&history.file, &[&history.from, &history.until], &mut |cells| {
            let (held, whole) = self.held(
                cells.get(&history.from).flatten(),
                cells.get(&history.until).flatten(),
            );
            if held {
                rows.extend(self.row(cells, whole));
            }
        })
        .await?;
        Ok(self.told(&rows))
    }

    fn told(&self, rows: &[Row]) -> Told {
        let order = self.part.question.page.as_ref().and_then(|p| p.order.as_ref());
        let kind = order.map_or(ColumnKind::Unknown, |o| kind(self.table, &o.column));
        Told::of(rows, &self.part.question, kind)
    }

    /// Whether a row was, or may have been, there while the statement ran, and whether it was all the time.
    fn held(&self, from: Option<&str>, until: Option<&str>) -> (bool, bool) {
        let from = from.map_or(Some(Timestamp::MIN), instant);
        let until = until.map_or(Some(Timestamp::MAX), instant);
        let started = from.is_none_or(|at| at < self.when.until);
        let lasted = until.is_none_or(|at| at > self.when.from);
        let whole =
            from.is_some_and(|at| at <= self.when.from) && until.is_some_and(|at| at >= self.when.until);
        (started && lasted, whole)
    }

    /// The snapshot before or after the statement between which and the statement the writes are known, and
    /// which they leave the least in doubt.
    pub fn nearest(&self, writes: &dyn WriteRecords) -> Result<(&Snapshot, Since), String> {
        let before = self.table.snapshots.iter().filter(|s| s.at <= self.when.from);
        let after = self.table.snapshots.iter().filter(|s| s.at >= self.when.until);
        let around = [before.max_by_key(|s| s.at), after.min_by_key(|s| s.at)];
        let known = around.into_iter().flatten().filter_map(|snapshot| {
            let span = self.when.hull(Span::new(snapshot.at, snapshot.at));
            let writes = writes.between(&self.part.touch.store, &self.table.name, span)?;
            Some((snapshot, Since::of(writes, &self.part.question, self.key)))
        });
        known
            .min_by_key(|(_, since)| (since.rows, since.keys.len()))
            .ok_or_else(|| {
                "no known state of the table is so near that what was written between is known".to_owned()
            })
    }

    pub async fn snapshot(&self, snapshot: &Snapshot, since: &Since) -> Result<Told, String> {
        if since.is_none() {
            return self.matching(snapshot).await;
        }
        if self.table.persons_per_row > 1 {
            return Err("rows that may hold several persons were written since its known state".to_owned());
        }
        // Rows may have come and gone, so what a page held is not known.
        let paged = self.part.question.page.is_some();
        let part = ReplayPart {
            question: self.part.question.without_page(),
            ..self.part.clone()
        };
        let asked = Asked { part: &part, ..*self };
        let mut told = asked.matching(snapshot).await?;
        told.certain
            .retain(|key| !paged && since.rows == 0 && !since.keys.contains(key));
        told.n_certain = u64::try_from(told.certain.len()).unwrap_or(u64::MAX);
        if !since.keys.is_empty() {
            told.possible.extend(since.keys.iter().cloned());
            // How many rows each of them has now, nobody knows.
            told.n_possible = u64::MAX;
        }
        Ok(told)
    }

    async fn matching(&self, snapshot: &Snapshot) -> Result<Told, String> {
        let mut rows = Vec::new();
        self.each(&snapshot.file, &[], &mut |cells| {
            rows.extend(self.row(cells, true))
        })
        .await?;
        Ok(self.told(&rows))
    }

    fn row(&self, cells: &Cells<'_>, whole: bool) -> Option<Row> {
        let truths = self.part.question.matches(&Typed {
            cells,
            table: self.table,
        });
        let key = cells.get(self.key).flatten()?;
        let order = self.part.question.page.as_ref().and_then(|p| p.order.as_ref());
        truths.possible().then(|| Row {
            key: key.to_owned(),
            order: order
                .and_then(|o| cells.get(&o.column).flatten())
                .map(str::to_owned),
            certain: whole && truths.certain(),
        })
    }

    /// Calls with the cells of each row.
    async fn each(&self, file: &Path, besides: &[&str], visit: &mut Visit<'_>) -> Result<(), String> {
        let mut wanted: BTreeSet<String> = self.part.question.columns();
        wanted.insert(self.key.to_owned());
        wanted.extend(besides.iter().map(|c| (*c).to_owned()));
        if file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("parquet"))
        {
            each_parquet(file, &self.table.name, &wanted, visit).await
        } else {
            each_csv(file, &wanted, self.key, visit)
        }
    }
}

/// The cells of a row with what the map says of their types.
struct Typed<'a, 'c> {
    cells: &'a Cells<'c>,
    table: &'a Table,
}

impl<'c> statement::Row<'c> for Typed<'_, 'c> {
    fn cell(&self, column: &str) -> Option<Option<&'c str>> {
        self.cells.get(column)
    }

    fn kind(&self, column: &str) -> ColumnKind {
        kind(self.table, column)
    }
}

fn kind(table: &Table, column: &str) -> ColumnKind {
    let named = table
        .types
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(column));
    named.map_or(ColumnKind::Unknown, |(_, name)| ColumnKind::of(name))
}
