//! A data map from disk, with the files beside it.

use super::diagnostic::{Diagnostic, Severity};
use super::model::{DataMap, Lived, LivedTable, Subject};
use crate::Error;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most bytes that are read of a map or of a file of aliases.
const FILE_BYTES: u64 = 256 << 20;

impl DataMap {
    /// Reads a map and the aliases beside it; snapshots and histories are only looked for, and read when
    /// a statement is replayed.
    ///
    /// # Errors
    /// [`Error::Map`] where a file cannot be read or a diagnostic is an error; it shows them all.
    pub fn load(path: &Path) -> Result<(DataMap, Vec<Diagnostic>), Error> {
        let origin = path.display().to_string();
        let text = read(path).map_err(|why| Error::Map {
            origin: origin.clone(),
            why,
        })?;
        let (map, mut diagnostics) = Self::parse(&text, &origin);
        let Some(mut map) = map else {
            let shown: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
            return Err(Error::Map {
                origin,
                why: format!("\n{}", shown.join("\n")),
            });
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        for subject in &mut map.subjects {
            if let Some(file) = &subject.aliases {
                let file = folder.join(file);
                let pairs =
                    read(&file)
                        .and_then(|text| parse_aliases(&text))
                        .map_err(|why| Error::Beside {
                            what: "the table of aliases",
                            origin: file.display().to_string(),
                            why,
                        })?;
                subject.alias.extend(pairs);
            }
            diagnostics.extend(lived(subject, folder, &origin)?);
        }
        for (file, what) in states(&mut map) {
            *file = folder.join(&*file);
            if !file.is_file() {
                diagnostics.push(absent(&origin, file, what));
            }
        }
        Ok((map, diagnostics))
    }
}

/// Reads where the persons of a domain live; a table that is not there leaves it unknown.
fn lived(subject: &mut Subject, folder: &Path, origin: &str) -> Result<Option<Diagnostic>, Error> {
    let Some(mut lived) = subject.lived.take() else {
        return Ok(None);
    };
    let file = folder.join(&lived.file);
    let found = file.is_file();
    if found {
        let table = LivedTable::read(&file, &lived, subject).map_err(|why| Error::Beside {
            what: "the table of residences",
            origin: file.display().to_string(),
            why,
        })?;
        lived.table = Some(Arc::new(table));
    }
    let remark = match &lived.table {
        None => Some(Diagnostic {
            title: "the table of residences is not there, so nothing says where persons live".to_owned(),
            ..absent(origin, &file, "table")
        }),
        Some(table) => unread(table, &lived, &file, origin),
    };
    subject.lived = Some(lived);
    Ok(remark)
}

/// Cells that no code is read from say nothing: where that is all of a table, or some of it, its author should know.
fn unread(table: &LivedTable, lived: &Lived, file: &Path, origin: &str) -> Option<Diagnostic> {
    let counted = table.counted();
    let n_persons: u64 = counted.values().sum();
    let n_unknown = counted.get(&None).copied().unwrap_or(0);
    let title = match (n_persons, n_unknown) {
        (0, _) => "the table of residences names nobody, so nothing says where persons live".to_owned(),
        (all, unknown) if all == unknown => format!(
            "the table of residences says of none of its {all} persons where they live, so they may live anywhere"
        ),
        (_, 0) => return None,
        (all, unknown) => format!(
            "the table of residences does not say where {unknown} of its {all} persons live; they may live anywhere"
        ),
    };
    let columns = lived.columns.join("`, `");
    Some(Diagnostic {
        code: "unread-residence",
        title,
        hint: Some(format!(
            "codes are read from `{columns}`: se, us-ca; `places = {{ Sverige = \"se\" }}` reads other words, `key` names the person"
        )),
        ..absent(origin, file, "table")
    })
}

/// The files of known states, with what they are.
fn states(map: &mut DataMap) -> impl Iterator<Item = (&mut PathBuf, &'static str)> {
    map.stores
        .iter_mut()
        .flat_map(|s| &mut s.tables)
        .flat_map(|table| {
            let snapshots = table.snapshots.iter_mut().map(|s| (&mut s.file, "snapshot"));
            snapshots.chain(table.history.iter_mut().map(|h| (&mut h.file, "history")))
        })
}

fn absent(origin: &str, file: &Path, what: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        code: "no-file",
        title: format!("the {what} is not there, so no statement can be replayed against it"),
        origin: origin.to_owned(),
        line: 1,
        column: 1,
        span: ambit_event::printable(&file.display().to_string(), 200),
        hint: Some("files are looked for beside the map".to_owned()),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|e| format!("it cannot be read: {e}"))?;
    let n = file
        .take(FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|e| format!("it cannot be read: {e}"))?;
    if u64::try_from(n).is_ok_and(|n| n > FILE_BYTES) {
        return Err(format!("it is longer than {FILE_BYTES} bytes"));
    }
    Ok(text)
}

/// Pairs of keys of one person: a CSV text with the columns `key` and `same_as`.
fn parse_aliases(text: &str) -> Result<Vec<Vec<String>>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|e| e.to_string())?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|h| h == name)
            .ok_or_else(|| format!("it has no column `{name}`; `key,same_as` is expected"))
    };
    let (key, same) = (column("key")?, column("same_as")?);
    let mut pairs = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        match (record.get(key), record.get(same)) {
            (Some(a), Some(b)) if !a.is_empty() && !b.is_empty() => {
                pairs.push(vec![a.to_owned(), b.to_owned()])
            }
            _ => {
                return Err(format!(
                    "a key is missing in line {}",
                    record.position().map_or(0, csv::Position::line)
                ));
            }
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn aliases_are_pairs_and_a_missing_key_is_said_with_its_line() {
        let pairs = parse_aliases("key,same_as\n1042, m-77\n5,6\n").unwrap();
        assert_eq!(pairs, [["1042", "m-77"], ["5", "6"]]);
        assert!(
            parse_aliases("key,same_as\n1042,\n")
                .unwrap_err()
                .contains("line 2")
        );
        assert!(
            parse_aliases("a,b\n1,2\n")
                .unwrap_err()
                .contains("no column `key`")
        );
    }
}
