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

use super::model::{DataMap, History, Snapshot, Table};
use super::reach::{Basis, Reach, Touch, Who};
use crate::statement::{self, ColumnKind, Order, Question};
use ambit_event::{Span, Timestamp};
use ambit_lake::replay::{SnapshotRows, SnapshotTable, replay};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

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

/// What the records tell of the writes to tables: the time between a known state and a statement.
pub trait WriteRecords: Sync {
    /// Every write to the table that may have been in this span; `None` where nobody knows.
    fn between(&self, store: &str, table: &str, span: Span) -> Option<Vec<Wrote>>;
}

/// One write to rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrote {
    /// The only columns that it changed; `None` where rows came, went, or changed whose they are.
    pub columns: Option<BTreeSet<String>>,
    pub rows: WroteRows,
}

/// Which rows a write wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WroteRows {
    /// Those of these keys, and no others.
    Keys(BTreeSet<String>),
    /// At most so many, whosever they are.
    AtMost(u64),
}

/// The writes between a state and a statement, as far as they matter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Since {
    keys: BTreeSet<String>,
    /// Rows whose keys nobody knows.
    rows: u64,
}

impl Since {
    fn of(writes: Vec<Wrote>, question: &Question, key: &str) -> Self {
        let mut wanted = question.columns();
        wanted.insert(key.to_owned());
        let matters = |columns: &BTreeSet<String>| {
            columns
                .iter()
                .any(|c| wanted.iter().any(|w| w.eq_ignore_ascii_case(c)))
        };
        let mut since = Self::default();
        for write in writes
            .into_iter()
            .filter(|w| w.columns.as_ref().is_none_or(matters))
        {
            match write.rows {
                WroteRows::Keys(keys) => since.keys.extend(keys),
                WroteRows::AtMost(n) => since.rows = since.rows.saturating_add(n),
            }
        }
        since
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a state tells of one table.
#[derive(Debug, Default)]
struct Told {
    certain: BTreeSet<String>,
    possible: BTreeSet<String>,
    n_certain: u64,
    n_possible: u64,
}

/// A row that can have matched.
struct Row {
    key: String,
    /// The value by which rows are ordered; `None` where it is null.
    order: Option<String>,
    certain: bool,
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

impl Told {
    fn agree(&self, count: Option<u64>, slack: u64) -> Result<(), String> {
        match count {
            Some(n) if n < self.n_certain || n > self.n_possible.saturating_add(slack) => Err(format!(
                "the known state gives other rows than the {n} that its record counts"
            )),
            _ => Ok(()),
        }
    }

    /// What matching rows tell; of a page only where their order is beyond doubt.
    fn of(rows: Vec<Row>, question: &Question, kind: ColumnKind) -> Self {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let possible: BTreeSet<String> = rows.iter().map(|r| r.key.clone()).collect();
        let certain: Vec<&Row> = rows.iter().filter(|r| r.certain).collect();
        let Some(page) = &question.page else {
            let (n_certain, n_possible) = (count(certain.len()), count(rows.len()));
            return Self {
                certain: certain.iter().map(|r| r.key.clone()).collect(),
                possible,
                n_certain,
                n_possible,
            };
        };
        let offset = page.offset.unwrap_or(0);
        let taken = page
            .limit
            .unwrap_or(u64::MAX)
            .min(count(rows.len()).saturating_sub(offset));
        let settled = certain.len() == rows.len();
        match page
            .order
            .as_ref()
            .filter(|_| settled)
            .and_then(|order| orders(&rows, order, kind))
        {
            Some(orders) => {
                let part = |order: &Vec<usize>| -> BTreeSet<String> {
                    let from = usize::try_from(offset).unwrap_or(usize::MAX);
                    let n = usize::try_from(taken).unwrap_or(usize::MAX);
                    order
                        .iter()
                        .skip(from)
                        .take(n)
                        .map(|at| rows[*at].key.clone())
                        .collect()
                };
                let (a, b) = (part(&orders[0]), part(&orders[1]));
                let (certain, possible) = (
                    a.intersection(&b).cloned().collect(),
                    a.union(&b).cloned().collect(),
                );
                Self {
                    certain,
                    possible,
                    n_certain: taken,
                    n_possible: taken,
                }
            }
            None => Self {
                certain: BTreeSet::new(),
                possible,
                n_certain: 0,
                n_possible: count(rows.len()),
            },
        }
    }
}

/// The orders in which the server can have taken the rows: as numbers, and as texts. `None` where a value
/// stands there twice or is no whole number, for then the order depends on more than is known.
fn orders(rows: &[Row], order: &Order, kind: ColumnKind) -> Option<[Vec<usize>; 2]> {
    let plain = |text: &str| text.parse::<u64>().ok().filter(|n| n.to_string() == text);
    let values: Option<Vec<(u64, &str)>> = rows
        .iter()
        .map(|r| Some((plain(r.order.as_deref()?)?, r.order.as_deref()?)))
        .collect();
    let values = values?;
    let distinct: BTreeSet<u64> = values.iter().map(|(n, _)| *n).collect();
    if distinct.len() != values.len() {
        return None;
    }
    let mut by_number: Vec<usize> = (0..rows.len()).collect();
    let mut by_text = by_number.clone();
    by_number.sort_by_key(|at| values[*at].0);
    by_text.sort_by_key(|at| values[*at].1);
    match kind {
        ColumnKind::Number => by_text.clone_from(&by_number),
        ColumnKind::Text => by_number.clone_from(&by_text),
        ColumnKind::Unknown => {}
    }
    if order.descending {
        by_number.reverse();
        by_text.reverse();
    }
    Some([by_number, by_text])
}

/// A question to the states of one table.
struct Asked<'a> {
    part: &'a ReplayPart,
    key: &'a str,
    table: &'a Table,
    when: Span,
}

impl Asked<'_> {
    async fn history(&self, history: &History) -> Result<Told, String> {
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
        Ok(self.told(rows))
    }

    fn told(&self, rows: Vec<Row>) -> Told {
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
    fn nearest(&self, writes: &dyn WriteRecords) -> Result<(&Snapshot, Since), String> {
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

    async fn snapshot(&self, snapshot: &Snapshot, since: &Since) -> Result<Told, String> {
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
        Ok(self.told(rows))
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

/// The cells of one row by the names of their columns, letters without case.
struct Cells<'c> {
    places: &'c BTreeMap<String, usize>,
    row: &'c [Option<&'c str>],
}

impl<'c> Cells<'c> {
    /// `None` for a column that is not there, `Some(None)` for a cell that is null or empty.
    fn get(&self, column: &str) -> Option<Option<&'c str>> {
        let at = self.places.get(&column.to_ascii_lowercase())?;
        self.row.get(*at).copied()
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

type Visit<'v> = dyn FnMut(&Cells<'_>) + Send + 'v;

fn each_csv(file: &Path, wanted: &BTreeSet<String>, key: &str, visit: &mut Visit<'_>) -> Result<(), String> {
    let shown = ambit_event::printable(&file.display().to_string(), 200);
    let opened = File::open(file).map_err(|e| format!("the known state {shown} cannot be read: {e}"))?;
    let mut reader = csv::ReaderBuilder::new().from_reader(std::io::BufReader::new(opened));
    let header = reader
        .headers()
        .map_err(|e| format!("the known state {shown} cannot be read: {e}"))?
        .clone();
    let places = places(header.iter(), wanted);
    if !places.contains_key(&key.to_ascii_lowercase()) {
        return Err(format!(
            "the known state {shown} has no column `{}`",
            ambit_event::printable(key, 60)
        ));
    }
    for record in reader.records() {
        let record = record.map_err(|e| format!("the known state {shown} cannot be read: {e}"))?;
        let row: Vec<Option<&str>> = record
            .iter()
            .map(|cell| Some(cell).filter(|c| !c.is_empty()))
            .collect();
        visit(&Cells {
            places: &places,
            row: &row,
        });
    }
    Ok(())
}

fn places<'n>(header: impl Iterator<Item = &'n str>, wanted: &BTreeSet<String>) -> BTreeMap<String, usize> {
    let wanted: BTreeSet<String> = wanted.iter().map(|c| c.to_ascii_lowercase()).collect();
    let named = header
        .enumerate()
        .map(|(at, name)| (name.trim().to_ascii_lowercase(), at));
    named.filter(|(name, _)| wanted.contains(name)).collect()
}

/// The query engine reads Parquet; every value comes as text.
async fn each_parquet(
    file: &Path,
    name: &str,
    wanted: &BTreeSet<String>,
    visit: &mut Visit<'_>,
) -> Result<(), String> {
    let table = SnapshotTable {
        name: name.to_owned(),
        rows: SnapshotRows::Parquet(file.to_owned()),
        types: BTreeMap::new(),
    };
    let quoted = name.split('.').map(quoted).collect::<Vec<_>>().join(".");
    let columns: Vec<String> = wanted
        .iter()
        .map(|c| format!("CAST({0} AS VARCHAR) AS {0}", self::quoted(c)))
        .collect();
    let sql = format!("SELECT {} FROM {quoted}", columns.join(", "));
    let answer = replay(&[table], &sql)
        .await
        .map_err(|e| format!("the known state cannot be read: {e}"))?;
    let places = places(answer.columns.iter().map(String::as_str), wanted);
    for row in &answer.rows {
        let row: Vec<Option<&str>> = row
            .iter()
            .map(|cell| cell.as_deref().filter(|c| !c.is_empty()))
            .collect();
        visit(&Cells {
            places: &places,
            row: &row,
        });
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An instant as RFC 3339 or as PostgreSQL writes it, in UTC where it names no zone.
fn instant(text: &str) -> Option<Timestamp> {
    let plain = text.trim().replacen(' ', "T", 1);
    let time = plain.split_once('T').map_or("", |(_, time)| time);
    let zoned = match time.rfind(['+', '-']) {
        _ if time.is_empty() => format!("{plain}T00:00:00Z"),
        _ if time.ends_with(['Z', 'z']) => plain.clone(),
        // `+02` for `+02:00`.
        Some(at) if time.len() - at == 3 => format!("{plain}:00"),
        Some(_) => plain.clone(),
        None => format!("{plain}Z"),
    };
    Timestamp::parse(&zoned).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::map::ReachContext;
    use ambit_event::{Event, Outcome};
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Reading CSV never waits.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waited"),
        }
    }

    const ROWS: &str = "user_id,email,age,city,active,seen,valid_from,valid_until\n\
        1,ann@x.org,30,Rome,t,2014-05-01,2014-05-01T00:00:00Z,\n\
        2,bob@x.org,40,Oslo,f,2014-05-02,2014-05-01T00:00:00Z,\n\
        3,Cid@x.org,,Rome,t,2014-05-03,2014-05-01T00:00:00Z,2014-05-20T11:00:00Z\n\
        4,dan@y.org,50,,t,2014-05-04,2014-05-20 12:30:00+00,\n\
        5,eve@y.org,30,Paris,f,2014-05-05,2014-05-20T11:59:59Z,2014-05-20T12:00:00.5Z\n";

    fn map(states: &str) -> DataMap {
        let text = format!(
            "[[subject]]\nname = \"user\"\n[[store]]\nname = \"db\"\n[[store.table]]\nname = \"p\"\nsubject_key = \"user_id\"\n\
             classes = {{ email = \"contact\" }}\n{states}\n[[store.table]]\nname = \"t\"\nclasses = {{ title = \"\" }}\n"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rows.csv"), ROWS).unwrap();
        std::fs::write(
            folder.path().join("later.csv"),
            ROWS.replace("eve@y.org,30", "eve@y.org,31"),
        )
        .unwrap();
        let path = folder.path().join("map.toml");
        std::fs::write(&path, text).unwrap();
        let (map, _) = DataMap::load(&path).unwrap();
        // The states are read while the map is used.
        std::mem::forget(folder);
        map
    }

    const HISTORY: &str = "history = { file = \"rows.csv\", from = \"valid_from\", until = \"valid_until\" }";
    const SNAPSHOTS: &str = "snapshot = [{ file = \"rows.csv\", at = \"2014-05-20T00:00:00Z\" }, { file = \"later.csv\", at = \"2014-05-21T00:00:00Z\" }]";

    struct Writes(Option<Vec<Wrote>>);

    impl WriteRecords for Writes {
        fn between(&self, _: &str, _: &str, _: Span) -> Option<Vec<Wrote>> {
            self.0.clone()
        }
    }

    fn keyed(keys: &[&str], columns: Option<&[&str]>) -> Wrote {
        let set = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
        Wrote {
            columns: columns.map(set),
            rows: WroteRows::Keys(set(keys)),
        }
    }

    fn unnamed(n: u64) -> Wrote {
        Wrote {
            columns: None,
            rows: WroteRows::AtMost(n),
        }
    }

    fn asked(
        map: &DataMap,
        text: &str,
        count: Option<i64>,
        parameters: &[&str],
        writes: Option<Vec<Wrote>>,
    ) -> String {
        let mut event = Event::new("postgresql", Timestamp::parse("2014-05-20T12:00:00Z").unwrap());
        event.precision = 1_000_000_000;
        event.class = Some("datastore_activity".into());
        event.outcome = Outcome::Success;
        event.query_text = Some(text.into());
        event.record_count = count;
        event.parameters = parameters.iter().map(|p| (*p).to_owned()).collect();
        let reach = ready(map.replayed(map.reach(&event, &ReachContext::default()), &Writes(writes)));
        let touches: Vec<String> = reach
            .touches
            .iter()
            .map(|t| match &t.who {
                Who::Keys(keys) => format!(
                    "{}{}",
                    keys.iter().cloned().collect::<Vec<_>>().join("+"),
                    if t.exact { "!" } else { "" }
                ),
                Who::AtMost(n) => format!("<={n}"),
                Who::Everyone => "all".to_owned(),
            })
            .collect();
        format!("{:?} {}", reach.basis, touches.join(" ")).to_lowercase()
    }

    #[test]
    fn a_history_tells_whose_rows_matched() {
        let map = map(HISTORY);
        let cases: &[(&str, Option<i64>, &str)] = &[
            // 3 had gone before, 4 came after; 5 was there only part of the second.
            ("SELECT email FROM p", None, "replayed 1+2! 5"),
            ("SELECT email FROM p", Some(2), "replayed 1+2! 5"),
            ("SELECT email FROM p", Some(9), "whole all"),
            ("COPY p TO STDOUT", Some(0), "replayed 1+2! 5"),
            (
                "COPY (SELECT email FROM p WHERE age > 35) TO STDOUT",
                None,
                "replayed 2!",
            ),
            ("SELECT email FROM p WHERE city = 'Rome'", Some(1), "replayed 1!"),
            ("SELECT email FROM p WHERE city = 'rome'", None, "replayed 1"),
            (
                "SELECT email FROM p WHERE age >= 30 AND age < 40",
                None,
                "replayed 1! 5",
            ),
            ("SELECT email FROM p WHERE age = 30.0", None, "replayed 1! 5"),
            (
                "SELECT email FROM p WHERE age BETWEEN 31 AND 45",
                None,
                "replayed 2!",
            ),
            ("SELECT email FROM p WHERE NOT (age = 30)", None, "replayed 2!"),
            ("SELECT email FROM p WHERE email LIKE 'b%'", None, "replayed 2!"),
            ("SELECT email FROM p WHERE email ILIKE 'B%'", None, "replayed 2!"),
            ("SELECT email FROM p WHERE email LIKE 'B%'", None, "replayed 2"),
            (
                "SELECT email FROM p WHERE email LIKE '%@x.org' AND active",
                None,
                "replayed 1!",
            ),
            ("SELECT email FROM p WHERE active = true", None, "replayed 1!"),
            (
                "SELECT email FROM p WHERE seen > '2014-05-01'",
                None,
                "replayed 2! 5",
            ),
            ("SELECT email FROM p WHERE email > 'b'", None, "replayed 1+2+5"),
            ("SELECT email FROM p WHERE city IS NULL", None, "replayed "),
            (
                "SELECT email FROM p WHERE city IN ('Oslo', 'Rome')",
                None,
                "replayed 1+2!",
            ),
            ("SELECT email FROM p WHERE city = $1", None, "replayed 2!"),
            ("SELECT email FROM p WHERE city = $2", None, "replayed 1+2+5"),
            ("SELECT email FROM p WHERE city = ANY($3)", None, "replayed 1+2+5"),
            (
                "SELECT email FROM p WHERE length(city) = 4",
                None,
                "replayed 1+2+5",
            ),
            (
                "SELECT email FROM p x WHERE x.city = 'Oslo' OR x.age = 30",
                None,
                "replayed 1+2! 5",
            ),
            ("SELECT email FROM p WHERE ghost = 1", None, "replayed 1+2+5"),
            (
                "SELECT max(email) FROM p WHERE city = 'Oslo'",
                Some(1),
                "replayed 2",
            ),
            (
                "SELECT title FROM t WHERE title = 'x' UNION SELECT email FROM p WHERE city = 'Oslo'",
                Some(3),
                "replayed 2!",
            ),
            (
                "SELECT email FROM p WHERE city = 'Oslo' AND 'a' ILIKE '%'",
                Some(1),
                "replayed 2!",
            ),
            (
                "SELECT email FROM p WHERE city = 'Oslo' AND 1 = 1",
                Some(1),
                "replayed 2!",
            ),
            (
                "SELECT email FROM p WHERE city = 'Oslo' AND now() > '2014-01-01'",
                Some(1),
                "replayed 2",
            ),
            ("SELECT email FROM p WHERE user_id = 7", Some(0), "replayed "),
            (
                "SELECT p.email FROM p JOIN t ON true WHERE p.city = 'Oslo'",
                None,
                "whole all",
            ),
            (
                "CREATE TABLE x AS SELECT email FROM p WHERE city = 'Oslo'",
                None,
                "replayed 2",
            ),
        ];
        let wrong: Vec<String> = cases
            .iter()
            .map(|(text, count, expected)| (text, asked(&map, text, *count, &["Oslo"], None), expected))
            .filter(|(_, got, expected)| got != *expected)
            .map(|(text, got, expected)| format!("{text}\n  expected {expected}\n  but got  {got}"))
            .collect();
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }

    #[test]
    fn snapshots_tell_with_what_was_written_between() {
        let map = map(SNAPSHOTS);
        let rome = "SELECT email FROM p WHERE city = 'Rome'";
        let thirty = "SELECT email FROM p WHERE age = 31";
        for (text, writes, expected) in [
            (rome, None, "whole all"),
            (rome, Some(Vec::new()), "replayed 1+3!"),
            (rome, Some(vec![unnamed(2)]), "replayed 1+3 <=2"),
            (rome, Some(vec![keyed(&["3", "9"], None)]), "replayed 1! 3+9"),
            // What is written elsewhere in a row does not change whether it matches.
            (rome, Some(vec![keyed(&["3"], Some(&["email"]))]), "replayed 1+3!"),
            (
                rome,
                Some(vec![keyed(&["3"], Some(&["email", "city"]))]),
                "replayed 1! 3",
            ),
            (thirty, Some(vec![unnamed(1)]), "replayed <=1"),
        ] {
            let said = format!("{text} {writes:?}");
            assert_eq!(asked(&map, text, None, &[], writes), expected, "{said}");
        }
        let early = map_with_one_snapshot();
        let sure = asked(&early, rome, Some(2), &[], Some(Vec::new()));
        assert_eq!(sure, "replayed 1+3!");
        let page = "SELECT email FROM p ORDER BY user_id LIMIT 2";
        let stirred = asked(&early, page, None, &[], Some(vec![keyed(&["9"], None)]));
        assert_eq!(stirred, "replayed <=2");
    }

    fn map_with_one_snapshot() -> DataMap {
        map("snapshot = { file = \"rows.csv\", at = \"2014-05-20T00:00:00Z\" }")
    }

    #[test]
    fn pages_are_other_persons_and_only_a_sure_order_names_them() {
        let map = map(SNAPSHOTS);
        for (text, parameters, expected) in [
            (
                "SELECT email FROM p ORDER BY user_id LIMIT 2",
                &[][..],
                "replayed 1+2!",
            ),
            (
                "SELECT email FROM p ORDER BY user_id LIMIT 2 OFFSET 2",
                &[],
                "replayed 3+4!",
            ),
            (
                "SELECT email FROM p ORDER BY user_id DESC LIMIT 2 OFFSET $1",
                &["1"],
                "replayed 3+4!",
            ),
            (
                "SELECT email FROM p ORDER BY user_id LIMIT $1",
                &["9"],
                "replayed 1+2+3+4+5!",
            ),
            (
                "SELECT email FROM p WHERE user_id > $1 ORDER BY user_id LIMIT 2",
                &["2"],
                "replayed 3+4!",
            ),
            (
                "SELECT email FROM p ORDER BY user_id LIMIT 2 OFFSET $1",
                &[],
                "replayed <=2",
            ),
            ("SELECT email FROM p ORDER BY age LIMIT 2", &[], "replayed <=2"),
            ("SELECT email FROM p LIMIT 2", &[], "replayed <=2"),
            (
                "SELECT email FROM p ORDER BY user_id LIMIT 2 FOR UPDATE SKIP LOCKED",
                &[],
                "replayed <=2",
            ),
        ] {
            let got = asked(&map, text, None, parameters, Some(Vec::new()));
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn numbers_that_may_be_texts_have_two_orders() {
        let row = |key: &str| Row {
            key: key.to_owned(),
            order: Some(key.to_owned()),
            certain: true,
        };
        let order = Order {
            column: "k".into(),
            descending: false,
        };
        let rows = [row("2"), row("10"), row("1")];
        let of = |rows: &[Row], kind| orders(rows, &order, kind);
        assert_eq!(
            of(&rows, ColumnKind::Unknown),
            Some([vec![2, 0, 1], vec![2, 1, 0]])
        );
        assert_eq!(
            of(&rows, ColumnKind::Number),
            Some([vec![2, 0, 1], vec![2, 0, 1]])
        );
        assert_eq!(of(&rows, ColumnKind::Text), Some([vec![2, 1, 0], vec![2, 1, 0]]));
        assert_eq!(of(&[row("1"), row("1")], ColumnKind::Number), None);
        assert_eq!(of(&[row("01")], ColumnKind::Number), None);
    }

    #[test]
    fn instants_are_read_as_databases_write_them() {
        let expected = Timestamp::parse("2014-05-20T10:00:00Z").ok();
        for text in [
            "2014-05-20T10:00:00Z",
            "2014-05-20 10:00:00+00",
            "2014-05-20 12:00:00+02",
            "2014-05-20 12:00:00+02:00",
            "2014-05-20 10:00:00",
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
        assert_eq!(
            instant("2014-05-20"),
            Timestamp::parse("2014-05-20T00:00:00Z").ok()
        );
        assert_eq!(instant("yesterday"), None);
    }
}
