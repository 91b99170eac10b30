//! The lake on disk: a Delta table of Parquet files, asked through DataFusion, beside sealed raw records.
//!
//! Useful for: anything that must survive. Not useful for: being the meaning of a filter, which is
//! [`Filter::admits`](crate::Filter::admits); here is only what finds the same answer sooner.

mod backend;
mod bits;
mod chunks;
mod columns;
mod few;
mod file;
mod form;
mod fs;
mod gather;
mod home;
mod instants;
mod intake;
mod kinds;
mod known;
mod leaves;
mod log;
mod lookup;
mod merge;
mod note;
mod pages;
mod pick;
mod raw;
mod rows;
mod scan;
mod schema;
mod store;
mod strips;
mod template;
#[cfg(test)]
mod tests;
mod texts;
mod translate;
mod upkeep;
mod values;
mod views;
mod weave;
mod writer;

pub(crate) use backend::{create, open};
pub use note::{load_note, save_note};
use writer::DiskWriter;

use crate::content::Content;
use crate::engine::{self, Engine, failed};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::pending::{evidence_id, sort_evidence};
use crate::query::{Distinct, Filter, Query, Test, tally};
use crate::table::Table;
use ambit_event::{
    Checkpoint, Column, ColumnKind, Event, EventId, Evidence, Keys, Noted, Reject, Span, Timestamp,
};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::{Expr, JoinType, cast, ident, lit};
use datafusion::prelude::DataFrame;
use few::Few;
use file::Entry;
use futures::TryStreamExt;
use home::Home;
use kinds::Kinds;
use log::{Log, Snapshot};
use pick::{Pick, Picked};
use rows::{Cells, RawRef};
use schema::{END, SIDE, kind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use translate::{Translated, branches, translate};
use weave::Beside;

/// The columns that say where a raw record lies.
const RAW_PLACE: &[&str] = &["raw_block", "raw_start", "raw_length"];
/// The name of [`END`] where it is what is joined with.
const SETTLED_END: &str = "settled_end";
/// Values of one `in` that are asked for at once.
const CHUNK: usize = 8192;

/// The lake in a folder at one version. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk {
    home: Home,
    log: Log,
    engine: Engine,
    snapshot: Snapshot,
    /// Opened at a version on purpose, for reading only.
    past: bool,
}

/// What a commit says of its events in sum.
#[derive(Default, Serialize, Deserialize)]
struct Sum {
    ledger: Ledger,
    content: String,
    /// The names of the files that hold its raw records.
    raw: Vec<String>,
    #[serde(default)]
    few: Few,
    #[serde(default)]
    kinds: Kinds,
}

/// What all commits of a version say in sum.
struct Total {
    ledger: Ledger,
    content: Content,
    few: Few,
    kinds: Kinds,
}

/// So many rows the engine sorts out itself. Of more it would hold whole batches in memory for one row each.
const FEW: usize = 1000;

impl Disk {
    pub async fn open(dir: &Path) -> Result<Self, Error> {
        Self::at_home(Home::find(dir)?).await
    }

    pub async fn create(dir: &Path) -> Result<Self, Error> {
        let home = Home::make(dir)?;
        Log::new(&home)?.create().await?;
        Self::at_home(home).await
    }

    async fn at_home(home: Home) -> Result<Self, Error> {
        let log = Log::new(&home)?;
        Ok(Self {
            snapshot: log.newest().await?,
            engine: Engine::new()?,
            past: false,
            home,
            log,
        })
    }

    pub fn keys(&self) -> Result<Keys, Error> {
        Ok(Keys::derive(&self.home.secret()?))
    }

    pub fn version(&self) -> u64 {
        self.snapshot.version()
    }

    pub async fn at(&self, version: u64) -> Result<Self, Error> {
        Ok(Self {
            snapshot: self.log.at(version).await?,
            past: true,
            ..self.clone()
        })
    }

    pub async fn refresh(&self) -> Result<Self, Error> {
        Ok(Self {
            snapshot: self.log.update(&self.snapshot).await?,
            past: false,
            ..self.clone()
        })
    }

    pub async fn events(&self, query: &Query) -> Result<Vec<Event>, Error> {
        Ok(self.picked(query, false).await?.events)
    }

    /// The events, and such as share a trace id with one of them and stand near it, where that is asked.
    async fn picked(&self, query: &Query, near: bool) -> Result<Picked, Error> {
        let mut beside = Vec::new();
        if self.rules_out(query) {
            return Ok(Picked::default());
        }
        let most = query.limit.unwrap_or(usize::MAX);
        let parts = self.parts(query);
        let several = parts.len() > 1;
        let mut found = Found::new(most, several);
        for part in &parts {
            if let Some(picked) = self.looked_up(part, query, near) {
                found.extend(picked.events.into_iter());
                beside.extend(picked.near);
                continue;
            }
            let Translated { expr, exact } = part_expr(part, query.span);
            let mut rows = self.event_rows(expr)?;
            if let Some(limit) = query.limit.filter(|limit| exact && *limit <= FEW) {
                rows = rows
                    .sort(instants::in_order())
                    .and_then(|rows| rows.limit(0, Some(limit)))
                    .map_err(failed)?;
            }
            if let Some(limit) = query.limit.filter(|limit| exact && *limit > FEW)
                && let Some(last) = self.nth_time(&rows, limit).await?
            {
                rows = rows.filter(instants::not_after(last)).map_err(failed)?;
            }
            let rows = rows.select_columns(&rows::event_columns()).map_err(failed)?;
            let mut stream = rows.execute_stream().await.map_err(failed)?;
            while let Some(batch) = stream.try_next().await.map_err(failed)? {
                let events = rows::decode(&batch, &self.log.table)?;
                found.extend(events.into_iter().filter(|event| exact || query.admits(event)));
            }
        }
        Ok(Picked {
            events: found.finish(),
            near: beside,
        })
    }

    /// When the nth of these rows happened, by time; `None` where there are fewer. Rows of which only the first are wanted
    /// need not be read whole to find those.
    async fn nth_time(&self, rows: &DataFrame, nth: usize) -> Result<Option<i64>, Error> {
        let times = rows
            .clone()
            .select_columns(&["time", "time_ns"])
            .map_err(failed)?;
        let times = times.sort(instants::by_time());
        let times = times
            .and_then(|times| times.limit(nth - 1, Some(1)))
            .map_err(failed)?;
        let found = times.collect().await.map_err(failed)?;
        let found = found.iter().find(|batch| batch.num_rows() > 0);
        let times = found.map(|batch| self.cells(batch).begins()).transpose()?;
        Ok(times.map(|times| times.value(0)))
    }

    /// The events of a part that indexes find; `None` where the engine has to. Of many events the first few are found
    /// sooner by the engine, which stops reading at the last of them.
    fn looked_up(&self, part: &Filter, query: &Query, near: bool) -> Option<Picked> {
        let most = query.limit.unwrap_or(usize::MAX);
        let pick = Pick::of(part, query.span).filter(|_| most > FEW)?;
        pick.read(&self.log.lookups, &self.snapshot.entries, most, near)
    }

    /// The values of a text column which a test admits.
    pub async fn values(&self, column: Column, test: &Test) -> Result<Vec<String>, Error> {
        let text = column.kind() == ColumnKind::Text;
        let read = || values::values(&self.log.lookups, &self.snapshot.entries, column.name(), test);
        if let Some(values) = text.then(read).flatten() {
            return Ok(values.into_iter().collect());
        }
        let query = Query::of(Filter::Column(column, test.clone()));
        let distinct = match self.distinct(&[column], &query).await? {
            Some(distinct) => distinct,
            None => tally(&[column], &self.events(&query).await?),
        };
        Ok(distinct.into_iter().filter_map(|d| d.value).collect())
    }

    /// Whether no event can answer, as far as the sums tell that were read before: to read them for one question
    /// would take longer than most questions do.
    fn rules_out(&self, query: &Query) -> bool {
        let total = self.snapshot.total.get();
        total.is_some_and(|total| total.kinds.rule_out(query))
    }

    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        if self.rules_out(query) {
            return Ok(0);
        }
        let parts = self.parts(query);
        if let [part] = parts.as_slice() {
            let Translated { expr, exact: true } = part_expr(part, query.span) else {
                return Ok(self.events(query).await?.len() as u64);
            };
            let n = self.event_rows(expr)?.count().await.map_err(failed)?;
            return Ok(n.min(query.limit.unwrap_or(usize::MAX)) as u64);
        }
        Ok(self.events(query).await?.len() as u64)
    }

    /// The values of the columns, or `None` where only the events themselves can tell.
    pub async fn distinct(&self, columns: &[Column], query: &Query) -> Result<Option<Vec<Distinct>>, Error> {
        if let Some(few) = self.total().await?.few.answer(columns, query) {
            return Ok(Some(few));
        }
        if self.rules_out(query) {
            return Ok(Some(Vec::new()));
        }
        let listed = columns.iter().any(|column| column.kind() == ColumnKind::TextList);
        let parts = self.parts(query);
        let (false, None, [part]) = (listed, query.limit, parts.as_slice()) else {
            return Ok(None);
        };
        let Translated { expr, exact } = part_expr(part, query.span);
        // What the engine lets through besides is told by the value, where the filter asks for nothing else.
        let told = |column: Column| exact || query.filter.decided_by(column, None).is_some();
        if !columns.iter().all(|column| told(*column)) {
            return Ok(None);
        }
        let mut all = Vec::new();
        for &column in columns {
            let mut values = self.values_of(column, expr.clone()).await?;
            values.retain(|d| exact || query.filter.decided_by(column, d.value.as_deref()) == Some(true));
            all.extend(values);
        }
        Ok(Some(all))
    }

    async fn values_of(&self, column: Column, filter: Expr) -> Result<Vec<Distinct>, Error> {
        let value = cast(ident(column.name()), DataType::Utf8View).alias("value");
        let sums = vec![
            count(lit(1)).alias("n"),
            min(instants::begin()).alias("first"),
            max(instants::end()).alias("last"),
        ];
        let rows = self
            .event_rows(filter)?
            .aggregate(vec![value], sums)
            .map_err(failed)?;
        let mut all = Vec::new();
        for batch in rows.collect().await.map_err(failed)? {
            let cells = self.cells(&batch);
            let (values, ns) = (cells.texts("value")?, cells.integers("n")?);
            let (first, last) = (cells.integers("first")?, cells.integers("last")?);
            for (row, value) in values.iter().enumerate() {
                all.push(Distinct {
                    column,
                    value: value.map(str::to_owned),
                    n_events: ns.value(row).cast_unsigned(),
                    seen: Span::new(Timestamp(first.value(row)), Timestamp(last.value(row))),
                });
            }
        }
        all.sort_by(|a, b| a.value.cmp(&b.value));
        Ok(all)
    }

    pub async fn rejects(&self, limit: usize) -> Result<(u64, Vec<Reject>), Error> {
        let total = self.standing_rows(kind::REJECT)?.count().await.map_err(failed)?;
        let order = [
            "evidence",
            "resource_name",
            "record_offset",
            "record_line",
            "source",
        ];
        let order = order.map(|name| ident(name).sort(true, false)).to_vec();
        let rows = self
            .standing_rows(kind::REJECT)?
            .sort(order)
            .and_then(|rows| rows.limit(0, Some(limit)));
        Ok((total as u64, self.read_json(rows.map_err(failed)?).await?))
    }

    pub async fn evidence(&self) -> Result<Vec<Evidence>, Error> {
        let rows: Vec<Evidence> = self.read_json(self.side_rows(kind::EVIDENCE)?).await?;
        let by_id: BTreeMap<EventId, Evidence> =
            rows.into_iter().map(|row| (evidence_id(&row), row)).collect();
        let mut list: Vec<Evidence> = by_id.into_values().collect();
        sort_evidence(&mut list);
        Ok(list)
    }

    pub async fn noted(&self) -> Result<Vec<Noted>, Error> {
        self.read_json(self.side_rows(kind::NOTED)?).await
    }

    pub async fn checkpoint(&self, lineage: &str) -> Result<Option<Checkpoint>, Error> {
        let [offset, n_records, digest] = writer::note_names(lineage);
        let Some(offset) = self.log.noted(&self.snapshot, offset).await? else {
            return Ok(None);
        };
        let n_records = self.log.noted(&self.snapshot, n_records).await?;
        let digest = self.log.noted(&self.snapshot, digest).await?;
        Ok(Some(Checkpoint {
            lineage: lineage.to_owned(),
            offset: offset.cast_unsigned(),
            n_records: n_records.unwrap_or_default().cast_unsigned(),
            digest: digest.unwrap_or_default().cast_unsigned(),
        }))
    }

    pub async fn ledger(&self) -> Result<Ledger, Error> {
        Ok(self.total().await?.ledger.clone())
    }

    pub async fn content_root(&self) -> Result<String, Error> {
        Ok(self.total().await?.content.root())
    }

    /// What all commits say in sum, read once.
    async fn total(&self) -> Result<&Total, Error> {
        self.snapshot.total.get_or_try_init(|| self.add_up()).await
    }

    async fn add_up(&self) -> Result<Total, Error> {
        let mut total = Total {
            ledger: Ledger::default(),
            content: Content::default(),
            few: Few::NONE,
            kinds: Kinds::NONE,
        };
        for sum in self.sums().await? {
            let content = Content::from_text(&sum.content).ok_or_else(|| Error::Damaged {
                path: self.log.table.clone(),
                what: "the content of a commit cannot be read".to_owned(),
            })?;
            total.content.merge(&content);
            total.ledger.merge(sum.ledger);
            total.few.merge(&sum.few);
            total.kinds.merge(&sum.kinds);
        }
        Ok(total)
    }

    async fn sums(&self) -> Result<Vec<Sum>, Error> {
        self.read_json(self.side_rows(kind::COMMIT)?).await
    }

    pub async fn sql(&self, text: &str) -> Result<Table, Error> {
        let session = self.engine.session();
        for (name, view) in self.views()? {
            session.register_table(name, view.into_view()).map_err(failed)?;
        }
        engine::select(&session, text, None).await
    }

    /// The tables that SQL sees.
    fn views(&self) -> Result<Vec<(&'static str, DataFrame)>, Error> {
        let events = self.event_rows(lit(true))?;
        let mut shown = vec![("events", events.select(views::events()).map_err(failed)?)];
        for (name, kind, columns) in views::BESIDE {
            let columns: Vec<Expr> = columns
                .iter()
                .map(|(from, to)| views::made_from(from).alias(*to))
                .collect();
            shown.push((name, self.standing_rows(kind)?.select(columns).map_err(failed)?));
        }
        Ok(shown)
    }

    pub async fn raw(&self, id: EventId, keys: &Keys) -> Result<Option<Vec<u8>>, Error> {
        let expr = ident("id").eq(lit(id.to_string()));
        let rows = self
            .read(self.snapshot.entries.to_vec())?
            .filter(expr)
            .map_err(failed)?;
        let names = [&rows::event_columns()[..], RAW_PLACE].concat();
        let Some((batch, place)) = self.first_place(rows, &names).await? else {
            return Ok(None);
        };
        let events = rows::decode(&batch, &self.log.table)?;
        let fields = events
            .first()
            .map(|event| event.fields.to_json())
            .unwrap_or_default();
        let beside = events
            .first()
            .map_or(Beside::NOTHING, |event| Beside::of(event, &fields));
        raw::unseal(keys, &self.home.raw(), &place, &beside).map(Some)
    }

    pub async fn reject_raw(&self, reject: &Reject, keys: &Keys) -> Result<Option<Vec<u8>>, Error> {
        let place = &reject.position;
        let expr = ident("evidence")
            .eq(lit(place.evidence.0.as_str()))
            .and(ident("resource_name").eq(lit(place.path.as_str())))
            .and(ident("record_offset").eq(lit(place.offset.cast_signed())))
            .and(ident("source").eq(lit(reject.source.as_str())));
        let rows = self.standing_rows(kind::REJECT)?.filter(expr).map_err(failed)?;
        match self.first_place(rows, RAW_PLACE).await? {
            Some((_, place)) => raw::unseal(keys, &self.home.raw(), &place, &Beside::NOTHING).map(Some),
            None => Ok(None),
        }
    }

    /// The first row and where its raw record lies; `None` where there is no row or it has no raw record.
    async fn first_place(
        &self,
        rows: DataFrame,
        names: &[&str],
    ) -> Result<Option<(RecordBatch, RawRef)>, Error> {
        let rows = rows.select_columns(names).map_err(failed)?;
        let batches = rows.collect().await.map_err(failed)?;
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
            return Ok(None);
        };
        let batch = batch.slice(0, 1);
        let cells = self.cells(&batch);
        let block = cells.texts("raw_block")?.iter().next().flatten();
        let (starts, lengths) = (cells.integers("raw_start")?, cells.integers("raw_length")?);
        let place = block.map(|block| RawRef {
            block: block.into(),
            start: starts.value(0),
            length: lengths.value(0),
        });
        Ok(place.map(|place| (batch, place)))
    }

    pub async fn writer(&self, keys: Arc<Keys>) -> Result<DiskWriter, Error> {
        if self.past {
            return Err(Error::ReadOnly {
                version: self.version(),
            });
        }
        let lock = self.home.lock()?;
        let newest = self.refresh().await?;
        Ok(DiskWriter::new(newest, keys, lock))
    }

    /// The query as questions that are asked one after the other.
    fn parts(&self, query: &Query) -> Vec<Filter> {
        branches(&query.filter).into_iter().flat_map(chunks).collect()
    }

    fn event_rows(&self, filter: Expr) -> Result<DataFrame, Error> {
        let events = self.snapshot.entries.iter().filter(|entry| entry.day != SIDE);
        let rows = self.read(events.cloned().collect())?;
        rows.filter(ident("kind").eq(lit(kind::EVENT)).and(filter))
            .map_err(failed)
    }

    fn side_rows(&self, kind: &str) -> Result<DataFrame, Error> {
        let side = self.snapshot.entries.iter().filter(|entry| entry.day == SIDE);
        self.read(side.cloned().collect())?
            .filter(ident("kind").eq(lit(kind)))
            .map_err(failed)
    }

    /// The rows of a kind, without those of unfinished ends that were read on from.
    fn standing_rows(&self, kind: &str) -> Result<DataFrame, Error> {
        let rows = self.side_rows(kind)?;
        if ![kind::REJECT, kind::LOSS].contains(&kind) {
            return Ok(rows);
        }
        let settled = self.side_rows(kind::SETTLED)?;
        let settled = settled
            .select(vec![ident(END).alias(SETTLED_END)])
            .map_err(failed)?;
        rows.join(settled, JoinType::LeftAnti, &[END], &[SETTLED_END], None)
            .map_err(failed)
    }

    fn read(&self, entries: Vec<Arc<Entry>>) -> Result<DataFrame, Error> {
        self.engine.read(self.log.files(entries))
    }

    fn cells<'a>(&'a self, batch: &'a RecordBatch) -> Cells<'a> {
        Cells {
            batch,
            table: &self.log.table,
        }
    }

    /// What the rows hold as JSON.
    async fn read_json<T: for<'de> Deserialize<'de>>(&self, rows: DataFrame) -> Result<Vec<T>, Error> {
        let rows = rows.select_columns(&["fields"]).map_err(failed)?;
        let mut all = Vec::new();
        for batch in rows.collect().await.map_err(failed)? {
            let cells = self.cells(&batch);
            for text in cells.texts("fields")?.iter().flatten() {
                all.push(serde_json::from_str(text).map_err(|e| cells.damaged(&e.to_string()))?);
            }
        }
        Ok(all)
    }
}

fn part_expr(part: &Filter, span: Span) -> Translated {
    let Translated { expr, exact } = translate(part);
    let expr = if span == Span::ALL {
        expr
    } else {
        instants::overlapping(span).and(expr)
    };
    Translated { expr, exact }
}

/// A filter with a very long list becomes several with a shorter one.
fn chunks(filter: Filter) -> Vec<Filter> {
    match filter {
        Filter::Column(column, Test::In(values)) if values.len() > CHUNK => {
            let chunks = values.chunks(CHUNK);
            chunks
                .map(|part| Filter::Column(column, Test::In(part.to_vec())))
                .collect()
        }
        Filter::Ids(ids) if ids.len() > CHUNK => {
            ids.chunks(CHUNK).map(|part| Filter::Ids(part.to_vec())).collect()
        }
        other => vec![other],
    }
}

/// Events as they are found, the earliest kept where there is a limit.
struct Found {
    events: Vec<Event>,
    most: usize,
    /// Where several questions are asked, an event may answer more than one.
    seen: Option<HashSet<EventId>>,
}

impl Found {
    fn new(most: usize, several: bool) -> Self {
        Self {
            events: Vec::new(),
            most,
            seen: several.then(HashSet::new),
        }
    }

    fn extend(&mut self, events: impl Iterator<Item = Event>) {
        for event in events {
            if self.seen.as_mut().is_none_or(|seen| seen.insert(event.id)) {
                self.events.push(event);
            }
        }
        if self.events.len() / 2 > self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.events.sort_unstable_by_key(|event| (event.time, event.id));
        self.events.truncate(self.most);
    }

    fn finish(mut self) -> Vec<Event> {
        self.cut();
        self.events
    }
}
