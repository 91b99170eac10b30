//! The values of a text column, without the rows that hold them.
//!
//! Where all of a column chunk is written by a dictionary, that dictionary is the values: one page in the place of all
//! that follow it.

use super::chunks::Chunks;
use super::file::Entry;
use super::lookup::{Lookups, spread};
use super::schema::SIDE;
use crate::query::Test;
use datafusion::arrow::array::AsArray;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
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
    let admits = test.compiled();
    spread(&files, |entry| {
        let mut of_file = Vec::new();
        each_value(lookups, entry, column, &mut |value| {
            if admits(value) {
                of_file.push(value.to_owned());
            }
        })?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.extend(of_file);
        Some(())
    })?;
    Some(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Hands out the values of a column in a file, some of them more than once.
fn each_value(lookups: &Lookups, entry: &Entry, column: &str, take: &mut dyn FnMut(&str)) -> Option<()> {
    let chunks = Arc::new(Chunks::open(&lookups.path(entry)).ok()?);
    let footer = lookups.footer(entry, &chunks)?;
    let schema = footer.parquet_schema();
    let Some(leaf) = (0..schema.num_columns()).find(|leaf| schema.get_column_root(*leaf).name() == column)
    else {
        return Some(());
    };
    let mut others = Vec::new();
    for nth in 0..footer.metadata().num_row_groups() {
        let chunk = footer.metadata().row_group(nth).column(leaf);
        if is_by_dictionary(chunk) {
            each_in_dictionary(&chunks, footer.metadata(), nth, leaf, take)?;
        } else {
            others.push(nth);
        }
    }
    if others.is_empty() {
        return Some(());
    }
    let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(
        Chunks::open(&lookups.path(entry)).ok()?,
        footer.as_ref().clone(),
    )
    .with_row_groups(others)
    .with_projection(ProjectionMask::leaves(schema, [leaf]))
    .build();
    for batch in rows.ok()? {
        let batch = batch.ok()?;
        let texts = batch.column(0).as_string_view_opt()?;
        texts.iter().flatten().for_each(&mut *take);
    }
    Some(())
}

/// Whether each value of a column chunk stands in its dictionary.
fn is_by_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let by_dictionary = [Encoding::RLE_DICTIONARY, Encoding::PLAIN_DICTIONARY];
    let only = |encoding: Encoding| {
        chunk
            .page_encoding_stats_mask()
            .is_some_and(|mask| mask.is_only(encoding))
    };
    chunk.dictionary_page_offset().is_some() && by_dictionary.into_iter().any(only)
}

fn each_in_dictionary(
    chunks: &Arc<Chunks>,
    footer: &ParquetMetaData,
    nth: usize,
    leaf: usize,
    take: &mut dyn FnMut(&str),
) -> Option<()> {
    let group = footer.row_group(nth);
    let locations = footer
        .offset_index()?
        .get(nth)?
        .get(leaf)?
        .page_locations()
        .clone();
    let n_rows = usize::try_from(group.num_rows()).ok()?;
    let mut pages =
        SerializedPageReader::new(chunks.clone(), group.column(leaf), n_rows, Some(locations)).ok()?;
    let Some(Page::DictionaryPage { buf, num_values, .. }) = pages.get_next_page().ok()? else {
        return None;
    };
    let mut rest: &[u8] = &buf;
    for _ in 0..num_values {
        let (length, behind) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (value, behind) = behind.split_at_checked(length)?;
        take(std::str::from_utf8(value).ok()?);
        rest = behind;
    }
    Some(())
}
