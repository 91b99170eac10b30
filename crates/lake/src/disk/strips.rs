//! In which strips of a row group a value that is looked up can stand: an index of each such column, which lies in the
//! data file behind the row group.
//!
//! A look-up in all history must not read all history. A filter over a row group says at best that a value is
//! somewhere among 131,072 rows, and all of the column is read to find it; a scope that follows five hundred request
//! ids reads nearly every row group so. Here every value is found again within 4096 rows.
//!
//! An index holds, for each value and each strip in which it stands, the first bits of the value's hash and the
//! strip's number: sorted, in buckets by the hash's first bits, the differences Rice-coded. That takes about two bytes
//! an entry, and a value that is not there is taken for one that is in one row group of 512. What else stands between
//! the row groups of a Parquet file is nothing to other readers.

use super::bits::{BitReader, Bits, LOW_BITS};
use super::schema::looked_up;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use twox_hash::XxHash64;

/// Rows of a strip.
pub(super) const STRIP: usize = 4096;
/// Rows of a row group: so many strips as [`Strips`] has bits.
pub(super) const ROW_GROUP: usize = STRIP * u32::BITS as usize;
/// Bits of a strip's number.
const STRIP_BITS: u32 = u32::BITS.ilog2();
/// Bits of a hash beyond those that tell as many entries apart as there are: of an absent value one look-up in
/// two to the power of this finds something. Differences of sorted hashes are about so long.
const SPARE_BITS: u32 = LOW_BITS;
/// A bucket holds about two to the power of this entries.
const BUCKET_BITS: u32 = 7;
/// Of so many values each one's bucket is read alone; for more, the whole index.
const FEW: usize = 8;

/// Some strips of a row group, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strips(u32);

impl Strips {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u32::MAX);

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rows of these strips, of so many, in ranges that do not touch.
    pub fn rows(self, n_rows: usize) -> Vec<std::ops::Range<usize>> {
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        let strips = (0..u32::BITS).filter(|nth| self.0 >> nth & 1 == 1);
        for from in strips.map(|nth| nth as usize * STRIP) {
            let until = (from + STRIP).min(n_rows);
            match ranges.last_mut() {
                Some(last) if last.end == from => last.end = until,
                _ if from < until => ranges.push(from..until),
                _ => {}
            }
        }
        ranges
    }
}

/// The hash under which a value is found.
pub(super) fn hash_of(value: &str) -> u64 {
    XxHash64::oneshot(0, value.as_bytes())
}

/// Gathers what a row group holds in the columns that are looked up.
pub(super) struct Gatherer {
    columns: Vec<Gathered>,
    n_rows: usize,
}

#[derive(Default)]
struct Gathered {
    name: &'static str,
    of_strip: Vec<u64>,
    entries: Vec<(u64, u8)>,
}

impl Default for Gatherer {
    fn default() -> Self {
        let columns = looked_up().map(|name| Gathered {
            name,
            ..Gathered::default()
        });
        Self {
            columns: columns.collect(),
            n_rows: 0,
        }
    }
}

impl Gatherer {
    /// Rows that are still to come before the row group is full.
    pub const fn room(&self) -> usize {
        ROW_GROUP - self.n_rows
    }

    pub const fn is_empty(&self) -> bool {
        self.n_rows == 0
    }

    /// Takes in rows, no more than there is [room](Self::room) for.
    pub fn add(&mut self, rows: &RecordBatch) {
        let mut from = 0;
        while from < rows.num_rows() {
            let n = (STRIP - self.n_rows % STRIP).min(rows.num_rows() - from);
            let part = rows.slice(from, n);
            for column in &mut self.columns {
                column.add(&part);
            }
            self.n_rows += n;
            from += n;
            if self.n_rows.is_multiple_of(STRIP) {
                self.end_strip();
            }
        }
    }

    /// Ends the strip that the last row was of.
    fn end_strip(&mut self) {
        let nth = u8::try_from((self.n_rows.max(1) - 1) / STRIP).unwrap_or(u8::MAX);
        for column in &mut self.columns {
            column.of_strip.sort_unstable();
            column.of_strip.dedup();
            let entries = column.of_strip.drain(..).map(|hash| (hash, nth));
            column.entries.extend(entries);
        }
    }

    /// The row group's indexes by column, none for a column without a value; what follows is of the next row group.
    pub fn finish(&mut self) -> Vec<(&'static str, Option<Index>)> {
        self.end_strip();
        self.n_rows = 0;
        let indexes = self.columns.iter_mut().map(|column| {
            let index = (!column.entries.is_empty()).then(|| Index::of(&mut column.entries));
            column.entries.clear();
            (column.name, index)
        });
        indexes.collect()
    }
}

impl Gathered {
    fn add(&mut self, rows: &RecordBatch) {
        let array = rows
            .column_by_name(self.name)
            .and_then(|a| a.as_string_view_opt());
        let Some(array) = array.filter(|array| array.null_count() < array.len()) else {
            return;
        };
        // Rows that follow one another often have the same session, client or address.
        let mut before = None;
        for value in array.iter().flatten() {
            if before != Some(value) {
                self.of_strip.push(hash_of(value));
                before = Some(value);
            }
        }
    }
}

/// An index as it is written.
#[derive(Debug)]
pub(super) struct Index {
    pub bytes: Vec<u8>,
    pub shape: Shape,
}

/// How the bits of a hash are used: the first ones are the bucket's number, the next ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shape {
    bucket: u32,
    kept: u32,
}

impl Shape {
    const fn of(n_entries: usize) -> Self {
        let width = n_entries.next_power_of_two().ilog2();
        let bucket = width.saturating_sub(BUCKET_BITS);
        Self {
            bucket,
            kept: width + SPARE_BITS - bucket,
        }
    }

    /// The bucket of a hash, and the bits of it that are kept there.
    const fn split(self, hash: u64) -> (usize, u64) {
        let bits = hash >> (u64::BITS - self.bucket - self.kept);
        ((bits >> self.kept) as usize, bits & ((1 << self.kept) - 1))
    }

    /// Bytes before the buckets: the end of each, in the bytes of all of them.
    const fn head(self) -> usize {
        (1 << self.bucket) * size_of::<u32>()
    }

    /// Whether a reader can go by it: it may come out of a damaged file.
    const fn is_sound(self) -> bool {
        self.bucket <= 24 && self.kept <= 32 && self.bucket + self.kept > 0
    }
}

impl Index {
    fn of(entries: &mut Vec<(u64, u8)>) -> Self {
        let shape = Shape::of(entries.len());
        for (hash, _) in entries.iter_mut() {
            *hash >>= u64::BITS - shape.bucket - shape.kept;
        }
        entries.sort_unstable();
        entries.dedup();
        let mut bytes = vec![0; shape.head()];
        let mut entries = entries.iter().copied().peekable();
        for bucket in 0..1_u64 << shape.bucket {
            let mut bits = Bits::new(&mut bytes);
            let mut before = 0;
            while let Some((hash, strip)) = entries.next_if(|(hash, _)| hash >> shape.kept == bucket) {
                let kept = hash & ((1 << shape.kept) - 1);
                bits.push_difference(kept - before);
                bits.push(u64::from(strip), STRIP_BITS);
                before = kept;
            }
            bits.finish();
            let end = u32::try_from(bytes.len() - shape.head()).unwrap_or(u32::MAX);
            let at = bucket as usize * size_of::<u32>();
            bytes[at..at + size_of::<u32>()].copy_from_slice(&end.to_le_bytes());
        }
        Self { bytes, shape }
    }
}

/// Where an index lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub offset: u64,
    pub length: usize,
    #[serde(flatten)]
    pub shape: Shape,
}

/// The places of a row group's indexes by column: none for a column without a value. Of a column that is not named
/// nothing is known: another version indexed others.
pub(super) type Places = BTreeMap<String, Option<Place>>;

impl Place {
    /// The strips in which a value with one of these hashes can stand; `None` where the index cannot be read. `read`
    /// gives so many bytes of the file from an offset on.
    pub fn find(
        &self,
        hashes: &[u64],
        read: &mut dyn FnMut(u64, usize) -> Option<Vec<u8>>,
    ) -> Option<Strips> {
        if !self.shape.is_sound() || self.length < self.shape.head() {
            return None;
        }
        let whole = match hashes.len() > FEW {
            true => Some(read(self.offset, self.length)?),
            false => None,
        };
        let mut part = |from: usize, n: usize| match &whole {
            Some(bytes) => Some(Cow::Borrowed(bytes.get(from..from.checked_add(n)?)?)),
            None => read(self.offset + from as u64, n).map(Cow::Owned),
        };
        let mut found = Strips::NONE;
        for &hash in hashes {
            let (bucket, kept) = self.shape.split(hash);
            let (from, until) = self.bounds(bucket, &mut part)?;
            let n = until.checked_sub(from).filter(|_| until <= self.length)?;
            found = found.or(strips_with(kept, self.shape.kept, &part(from, n)?));
        }
        Some(found)
    }

    /// From where and until where in the index a bucket lies.
    fn bounds<'b>(
        &self,
        bucket: usize,
        part: &mut impl FnMut(usize, usize) -> Option<Cow<'b, [u8]>>,
    ) -> Option<(usize, usize)> {
        const WORD: usize = size_of::<u32>();
        let first = bucket.saturating_sub(1);
        let ends = part(first * WORD, (bucket - first + 1) * WORD)?;
        let mut ends = ends
            .as_chunks::<WORD>()
            .0
            .iter()
            .map(|end| u32::from_le_bytes(*end) as usize);
        let before = if bucket > 0 { ends.next()? } else { 0 };
        let head = self.shape.head();
        Some((head + before, head.checked_add(ends.next()?)?))
    }
}

/// The strips that a bucket names with these bits of a hash.
fn strips_with(wanted: u64, kept_bits: u32, bucket: &[u8]) -> Strips {
    let mut found = Strips::NONE;
    let mut bits = BitReader::new(bucket);
    let mut kept = 0_u64;
    while let Some(difference) = bits.difference(1 << kept_bits) {
        let Some(strip) = bits.take(STRIP_BITS) else {
            break;
        };
        kept += difference;
        if kept == wanted {
            found = found.or(Strips(1 << strip));
        } else if kept > wanted {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::disk::schema::file_schema;
    use datafusion::arrow::array::{ArrayRef, StringViewArray, new_null_array};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// Rows of which one column holds these values.
    fn rows(name: &str, values: &[Option<String>]) -> RecordBatch {
        let schema = file_schema();
        let arrays = schema.fields().iter().map(|field| match field.name() == name {
            true => Arc::new(StringViewArray::from_iter(values)) as ArrayRef,
            false => new_null_array(field.data_type(), values.len()),
        });
        RecordBatch::try_new(schema.clone(), arrays.collect()).unwrap()
    }

    /// The index of a column, where no other has any.
    fn only(gatherer: &mut Gatherer, name: &str) -> Option<Index> {
        let mut indexes = gatherer.finish();
        indexes.retain(|(column, index)| *column == name || index.is_some());
        assert_eq!(indexes.len(), 1);
        indexes.remove(0).1
    }

    /// Asks for values one by one and together; both must give the same.
    fn found(index: &Index, values: &[&str]) -> Option<Strips> {
        let place = Place {
            offset: 7,
            length: index.bytes.len(),
            shape: index.shape,
        };
        let mut read = |offset: u64, n: usize| {
            let from = usize::try_from(offset - 7).unwrap();
            index.bytes.get(from..from + n).map(<[u8]>::to_vec)
        };
        let each = values
            .iter()
            .map(|value| place.find(&[hash_of(value)], &mut read));
        let each = each.reduce(|a, b| Some(a?.or(b?))).flatten();
        let all: Vec<u64> = values.iter().map(|value| hash_of(value)).collect();
        assert_eq!(place.find(&all, &mut read), each);
        each
    }

    #[test]
    fn every_value_is_found_in_its_strip_and_few_others_are() {
        let name = "trace_uid";
        let values: Vec<_> = (0..ROW_GROUP)
            .map(|n| (n % 7 > 0).then(|| format!("v{n}")))
            .collect();
        let mut gatherer = Gatherer::default();
        for part in values.chunks(1000) {
            gatherer.add(&rows(name, part));
        }
        assert_eq!(gatherer.room(), 0);
        let index = only(&mut gatherer, name).unwrap();
        assert!(gatherer.is_empty());
        assert!(index.bytes.len() < 2 * ROW_GROUP + ROW_GROUP / 8);
        for n in (1..ROW_GROUP).step_by(97).filter(|n| n % 7 > 0) {
            let strips = found(&index, &[&format!("v{n}")]).unwrap();
            assert_eq!(strips.0 >> (n / STRIP) & 1, 1, "{n}");
        }
        let absent = (0..5000).filter(|n| found(&index, &[&format!("absent {n}")]) != Some(Strips::NONE));
        assert!((1..30).contains(&absent.count()));
        let many: Vec<String> = (1..20).map(|n| format!("v{}", n * STRIP + 1)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let strips = found(&index, &many).unwrap();
        assert_eq!(strips.0 & 0xf_fffe, 0xf_fffe & strips.0);
    }

    #[test]
    fn strips_are_ranges_of_rows() {
        let rows = |strips: u32, n_rows| {
            let ranges = Strips(strips).rows(n_rows).into_iter();
            ranges.map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert!(rows(0, 10).is_empty());
        assert_eq!(rows(1, 10), [(0, 10)]);
        assert_eq!(
            rows(0b1011, 3 * STRIP + 1),
            [(0, 2 * STRIP), (3 * STRIP, 3 * STRIP + 1)]
        );
        assert!(rows(0b1000, 3 * STRIP).is_empty());
        assert_eq!(rows(u32::MAX, ROW_GROUP), [(0, ROW_GROUP)]);
    }

    proptest! {
        #[test]
        fn nothing_that_is_there_is_missed(values in prop::collection::vec(prop::option::of("[ab]{0,6}"), 0..300)) {
            let mut gatherer = Gatherer::default();
            gatherer.add(&rows("id", &values));
            let index = only(&mut gatherer, "id");
            let there: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
            prop_assert_eq!(index.is_none(), there.is_empty());
            for value in there {
                prop_assert_eq!(found(index.as_ref().unwrap(), &[value]), Some(Strips(1)));
            }
        }

        /// A damaged file is read as what cannot be told, or as anything, but it is read to its end.
        #[test]
        fn no_bytes_break_the_reader(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            bucket in 0..40_u32,
            kept in 0..80_u32,
            hashes in prop::collection::vec(any::<u64>(), 1..12),
        ) {
            let place = Place { offset: 0, length: bytes.len(), shape: Shape { bucket, kept } };
            place.find(&hashes, &mut |from, n| bytes.get(from as usize..(from as usize).checked_add(n)?).map(<[u8]>::to_vec));
        }
    }
}
