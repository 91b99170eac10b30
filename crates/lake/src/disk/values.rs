//! The values of a text column, without the rows that hold them.
//!
//! Where a column chunk is written by a dictionary, that dictionary is the values: one page in the place of all that
//! follow it.

use super::chunks::Chunks;
use super::file::Entry;
use super::lookup::{Lookups, spread};
use super::pages::Group;
use super::schema::SIDE;
use super::strips::STRIP;
use crate::query::Test;
use datafusion::arrow::array::AsArray;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReader};
use datafusion::parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use datafusion::parquet::column::page::Page;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// The values of a column in events which a test admits; `None` where they cannot be read so.
pub(super) fn values(
    lookups: &Lookups,
    entries: &[Arc<Entry>],
    column: &str,
    test: &Test,
) -> Option<BTreeSet<String>> {
    let files: Vec<&Entry> = entries
        .iter()
        .map(|entry| &**entry)
        .filter(|entry| entry.day != SIDE)
        .collect();
    let found = Mutex::new(BTreeSet::new());
    let admits = test.admitted();
    spread(&files, |entry| {
        let mut of_file = Vec::new();
        each_value(lookups, entry, column, &mut |value| {
            if let Some(admitted) = admits(value) {
                of_file.push(admitted.to_owned());
            }
        })?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.extend(of_file);
        Some(())
    })?;
    Some(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Hands out the values of a column in a file, some of them more than once.
fn each_value(lookups: &Lookups, entry: &Entry, column: &str, take: OnValue<'_>) -> Option<()> {
    let chunks = Arc::new(Chunks::open(&lookups.path(entry)).ok()?);
    let footer = lookups.footer(entry, &chunks)?;
    let schema = footer.parquet_schema();
    let Some(leaf) = (0..schema.num_columns()).find(|leaf| schema.get_column_root(*leaf).name() == column)
    else {
        return Some(());
    };
    for nth in 0..footer.metadata().num_row_groups() {
        let group = Group {
            chunks: &chunks,
            footer: footer.metadata(),
            nth,
        };
        match group.is_spelled_out(leaf) {
            true => each_spelled_out(&group, leaf, take)?,
            false => each_in_rows(&footer, &group, leaf, take)?,
        }
    }
    Some(())
}

/// What is done with a value.
type OnValue<'f> = &'f mut dyn FnMut(&[u8]);

/// The values of a dictionary, and of the pages behind it that are written without it, as it became too long.
fn each_spelled_out(group: &Group<'_>, leaf: usize, take: OnValue<'_>) -> Option<()> {
    let mut pages = group.pages(leaf).ok()?;
    let Some(Page::DictionaryPage { buf, num_values, .. }) = pages.next_spelled_out().ok()? else {
        return None;
    };
    if each_plain(&buf, take)? != num_values {
        return None;
    }
    while let Some(page) = pages.next_spelled_out().ok()? {
        let Page::DataPage { buf, .. } = page else {
            return None;
        };
        // Before the values stands which rows have one.
        let (length, behind) = buf.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        each_plain(behind.get(length..)?, take)?;
    }
    Some(())
}

/// Values behind each other, the length of each before it; how many there are.
fn each_plain(mut bytes: &[u8], take: OnValue<'_>) -> Option<u32> {
    let mut n = 0;
    while !bytes.is_empty() {
        let (length, behind) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (value, behind) = behind.split_at_checked(length)?;
        take(value);
        bytes = behind;
        n += 1;
    }
    Some(n)
}

fn each_in_rows(
    footer: &ArrowReaderMetadata,
    group: &Group<'_>,
    leaf: usize,
    take: OnValue<'_>,
) -> Option<()> {
    let schema = footer.parquet_schema();
    let mask = ProjectionMask::leaves(schema, [leaf]);
    let levels = parquet_to_arrow_field_levels(schema, mask, Some(footer.schema().fields())).ok()?;
    let rows = ParquetRecordBatchReader::try_new_with_row_groups(&levels, group, STRIP, None);
    for batch in rows.ok()? {
        let batch = batch.ok()?;
        let texts = batch.columns().first()?.as_string_view_opt()?;
        texts.iter().flatten().for_each(|text| take(text.as_bytes()));
    }
    Some(())
}
