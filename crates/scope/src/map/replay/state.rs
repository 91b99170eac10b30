//! A known state's file, row by row: CSV, or Parquet through the query engine.

use ambit_event::{Timestamp, printable};
use ambit_lake::replay::{SnapshotRows, SnapshotTable, replay};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

/// The cells of one row by the names of their columns, letters without case.
pub(super) struct Cells<'c> {
    places: &'c BTreeMap<String, usize>,
    row: &'c [Option<&'c str>],
}

impl<'c> Cells<'c> {
    /// `None` for a column that is not there, `Some(None)` for a cell that is null or empty.
    pub fn get(&self, column: &str) -> Option<Option<&'c str>> {
        let at = self.places.get(&column.to_ascii_lowercase())?;
        self.row.get(*at).copied()
    }
}

pub(super) type Visit<'v> = dyn FnMut(&Cells<'_>) + Send + 'v;

pub(super) fn each_csv(
    file: &Path,
    wanted: &BTreeSet<String>,
    key: &str,
    visit: &mut Visit<'_>,
) -> Result<(), String> {
    let shown = printable(&file.display().to_string(), 200);
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
            printable(key, 60)
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
pub(super) async fn each_parquet(
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
pub(super) fn instant(text: &str) -> Option<Timestamp> {
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
