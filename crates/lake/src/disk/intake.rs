//! Events that a writer has taken in, as columns.
//!
//! Columns are made of each batch as it comes: what a decoder allocated for an event is free again while it is still in
//! the processor's cache, and an event that waits for its commit takes some hundred bytes.

use super::columns::{Columns, places_of};
use super::few::Few;
use super::gather::{Chunk, gathered};
use super::kinds::Kinds;
use super::raw::{RawFile, Sealer};
use super::rows::{RawRef, Row};
use super::schema::{columns, day_of, file_schema};
use super::template;
use super::weave::Beside;
use crate::error::Error;
use ambit_event::{Event, Timestamp};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use std::collections::BTreeMap;

/// Events that are turned into columns at once: so few that they stay in the processor's cache while one column after
/// the other is taken from them.
const AT_ONCE: usize = 256;
/// Events whose columns are of one piece. More would be copied as they grow, fewer would take more pieces.
const CHUNK: usize = 4096;

/// Takes in the events of one commit.
pub(super) struct Intake {
    sealer: Sealer,
    templates: template::Writer,
    chunks: Vec<Chunk>,
    /// The columns of the events behind those chunks.
    open: Columns,
    keys: Vec<Key>,
    few: Few,
    kinds: Kinds,
}

/// An event and where it stands, in the order in which events are written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    time: Timestamp,
    /// As a number it is compared in one step, and in the order of its bytes.
    id: u128,
    chunk: u32,
    row: u32,
}

impl Intake {
    pub fn new(sealer: Sealer) -> Self {
        Self {
            sealer,
            templates: template::Writer::default(),
            chunks: Vec::new(),
            open: Columns::new(),
            keys: Vec::new(),
            few: Few::NONE,
            kinds: Kinds::NONE,
        }
    }

    /// Takes in events that are new.
    ///
    /// # Errors
    /// Where their raw records cannot be written. Then nothing of the commit can be.
    pub fn add(&mut self, events: &[Event]) -> Result<(), Error> {
        for part in events.chunks(AT_ONCE) {
            self.few.merge(&Few::of(part.iter()));
            self.kinds.merge(&Kinds::of(part.iter()));
            self.add_part(part)?;
        }
        Ok(())
    }

    fn add_part(&mut self, events: &[Event]) -> Result<(), Error> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let fields = event.fields.to_json();
            let beside = Beside::of(event, &fields);
            self.sealer.push(&event.raw, &beside)?;
            let template = self.templates.write(event, &fields, beside.leaves());
            rows.push(Row::event(event, template));
        }
        let (chunk, first) = (number(self.chunks.len()), self.open.n_rows());
        let keys = events.iter().enumerate().map(|(row, event)| Key {
            time: event.time,
            id: u128::from_be_bytes(event.id.0),
            chunk,
            row: number(first + row),
        });
        self.keys.extend(keys);
        self.open.add(&rows);
        if self.open.n_rows() >= CHUNK {
            self.close_chunk();
        }
        Ok(())
    }

    fn close_chunk(&mut self) {
        let first = self.chunks.last().map_or(0, |chunk| chunk.first + chunk.n_rows);
        self.chunks.push(Chunk {
            first,
            n_rows: self.open.n_rows(),
            columns: self.open.finish(),
        });
    }

    /// Ends the taking in: what is left of raw records is written, those of `others` behind the events'.
    ///
    /// # Errors
    /// Where raw records cannot be written.
    pub fn finish<'r>(mut self, others: impl Iterator<Item = &'r [u8]>) -> Result<Taken, Error> {
        for raw in others {
            self.sealer.push(raw, &Beside::NOTHING)?;
        }
        if self.open.n_rows() > 0 {
            self.close_chunk();
        }
        let RawFile { places, name } = self.sealer.finish()?;
        self.keys.sort_unstable();
        Ok(Taken {
            chunks: self.chunks,
            keys: self.keys,
            places,
            raw_file: name,
            few: self.few,
            kinds: self.kinds,
        })
    }
}

/// Fewer events than that are taken in between two commits.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The events of one commit, all taken in.
pub(super) struct Taken {
    chunks: Vec<Chunk>,
    keys: Vec<Key>,
    /// Of the raw records: first the events', as they came, then the others'.
    places: Vec<Option<RawRef>>,
    pub raw_file: Option<String>,
    pub few: Few,
    pub kinds: Kinds,
}

impl Taken {
    /// The places of the raw records that are no event's.
    pub fn other_places(&self) -> &[Option<RawRef>] {
        &self.places[self.keys.len()..]
    }

    /// The events of each day in the order of their times.
    pub fn by_day(&self) -> BTreeMap<String, Vec<Key>> {
        let mut days: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        for of_day in self.keys.chunk_by(|a, b| a.time.day() == b.time.day()) {
            // The years in which no logs are written share one.
            days.entry(day_of(of_day[0].time.0)).or_default().extend(of_day);
        }
        days
    }

    /// These events as one batch of the file schema.
    pub fn batch(&self, keys: &[Key]) -> Result<RecordBatch, ArrowError> {
        let (chunks, indices) = self.located(keys);
        let schema = file_schema();
        let [blocks, starts, lengths] = places_of(keys.iter().map(|key| self.place(*key)));
        let mut arrays = Vec::with_capacity(schema.fields().len());
        for (nth, ((name, _), field)) in columns().zip(schema.fields()).enumerate() {
            arrays.push(match name {
                "raw_block" => blocks.clone(),
                "raw_start" => starts.clone(),
                "raw_length" => lengths.clone(),
                _ => gathered(&chunks, nth, &indices, field.data_type())?,
            });
        }
        RecordBatch::try_new(schema, arrays)
    }

    /// The chunks that hold these events, and where each is among those.
    fn located(&self, keys: &[Key]) -> (Vec<&Chunk>, Vec<(usize, usize)>) {
        let mut numbers: Vec<u32> = keys.iter().map(|key| key.chunk).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let place = |key: &Key| {
            let chunk = numbers.binary_search(&key.chunk).unwrap_or_default();
            (chunk, key.row as usize)
        };
        let indices = keys.iter().map(place).collect();
        let chunks = numbers.iter().map(|nth| &self.chunks[*nth as usize]);
        (chunks.collect(), indices)
    }

    fn place(&self, key: Key) -> Option<&RawRef> {
        let first = self.chunks[key.chunk as usize].first;
        self.places[first + key.row as usize].as_ref()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::raw::unseal;
    use super::super::rows::decode;
    use super::*;
    use ambit_event::{EventId, Keys};
    use std::path::Path;

    const DAY: i64 = 86_400_000_000_000;

    /// The event of this number. Columns come and go from chunk to chunk, days and times come in no order.
    fn event(n: usize) -> Event {
        let shuffled = (n * 7_919) % 5_003;
        let mut event = Event::new(
            "s",
            Timestamp(1_400_000_000_000_000_000 + (shuffled % 3) as i64 * DAY),
        );
        event.time = event.time.plus_nanos((shuffled / 9) as i64);
        event.id = EventId::native("s", "", &n.to_string());
        event.raw = format!("record {n}, which is longer than a view").into_bytes();
        event.status_code = (n / CHUNK != 1).then(|| format!("{}", n % 3));
        event.user_agent = (n / CHUNK == 2).then(|| format!("a client's software, {}", n % 5));
        event.bytes_out = n.is_multiple_of(2).then_some(n as i64);
        event.parameters = vec![n.to_string(); usize::from(n / CHUNK == 1)];
        event
    }

    #[test]
    fn events_come_out_by_day_and_time_with_all_that_they_said() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::derive(&[1; 32]);
        let events: Vec<Event> = (0..3 * CHUNK + 77).map(event).collect();
        let mut intake = Intake::new(Sealer::new(&keys, folder.path(), "ab"));
        for batch in events.chunks(900) {
            intake.add(batch).unwrap();
        }
        let taken = intake.finish([&b"no event"[..]].into_iter()).unwrap();
        let mut back = Vec::new();
        let days = taken.by_day();
        assert_eq!(days.len(), 3);
        for keys in days.values() {
            for part in keys.chunks(1000) {
                back.extend(decode(&taken.batch(part).unwrap(), Path::new("x")).unwrap());
            }
        }
        let mut expected = events.clone();
        expected.sort_by_key(|event| (event.time, event.id));
        for (back, event) in back.iter_mut().zip(&expected) {
            back.raw.clone_from(&event.raw);
        }
        assert_eq!(back, expected);

        for (nth, key) in taken.keys.iter().enumerate().step_by(97) {
            let place = taken.place(*key).unwrap();
            let beside = Beside::of(&expected[nth], "{}");
            let raw = unseal(&keys, folder.path(), place, &beside).unwrap();
            assert_eq!(raw, expected[nth].raw);
        }
        let place = taken.other_places()[0].as_ref().unwrap();
        let raw = unseal(&keys, folder.path(), place, &Beside::NOTHING).unwrap();
        assert_eq!(raw, b"no event");
    }

    #[test]
    fn what_is_not_finished_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut intake = Intake::new(Sealer::new(&Keys::derive(&[1; 32]), folder.path(), "ab"));
        let mut event = event(0);
        event.raw = (0..3 << 20)
            .map(|n: u32| n.to_le_bytes()[n as usize % 3])
            .collect();
        intake
            .add(&[
                event.clone(),
                Event {
                    id: EventId::native("s", "", "x"),
                    ..event
                },
            ])
            .unwrap();
        assert!(folder.path().join("ab").exists());
        drop(intake);
        assert!(!folder.path().join("ab").exists());
    }
}
