//! Where persons live, from a table of them that stands beside the map.

use super::model::{Lived, LivedTable, Subject};
use super::territory::Territory;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// The most bytes that are read of such a table: whoever has more gives the two or three columns alone.
const FILE_BYTES: u64 = 1 << 30;

impl LivedTable {
    /// Reads the table of a subject domain; aliases of one person are one person.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(file: &Path, lived: &Lived, subject: &Subject) -> Result<Self, String> {
        let cannot = |e: &dyn std::fmt::Display| format!("it cannot be read: {e}");
        let opened = File::open(file).map_err(|e| cannot(&e))?;
        if opened.metadata().is_ok_and(|m| m.len() > FILE_BYTES) {
            return Err(format!("it is longer than {FILE_BYTES} bytes"));
        }
        let mut hashed = Hashed {
            inner: BufReader::new(opened.take(FILE_BYTES)),
            hash: Sha256::new(),
        };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(&mut hashed);
        let headers = reader.headers().map_err(|e| cannot(&e))?.clone();
        let at = |name: &str| {
            headers
                .iter()
                .position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
                .ok_or_else(|| format!("it has no column `{}`", ambit_event::printable(name, 60)))
        };
        let key = at(&lived.key)?;
        let columns = lived
            .columns
            .iter()
            .map(|name| at(name))
            .collect::<Result<Vec<usize>, String>>()?;
        let same = subject.merged_keys();
        let mut places: HashMap<String, Option<Territory>> = HashMap::new();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|e| cannot(&e))? {
            let Some(key) = record.get(key).filter(|key| !key.is_empty()) else {
                continue;
            };
            let key = same.get(key).map_or(key, String::as_str);
            let cells: Vec<&str> = columns.iter().filter_map(|at| record.get(*at)).collect();
            let place = lived.place(&cells);
            match places.get_mut(key) {
                // Two rows of one person that differ: nobody knows where.
                Some(known) if *known != place => *known = None,
                Some(_) => {}
                None => drop(places.insert(key.to_owned(), place)),
            }
        }
        drop(reader);
        let digest = hashed.hash.finalize();
        Ok(Self {
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            places,
        })
    }

    /// How many persons live in each place; those of whom it is not known are under `None`.
    pub(crate) fn counted(&self) -> BTreeMap<Option<&Territory>, u64> {
        let mut counted = BTreeMap::new();
        for place in self.places.values() {
            *counted.entry(place.as_ref()).or_insert(0) += 1;
        }
        counted
    }

    /// Where the person of this key lives; `None` where the table does not say.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<&Territory> {
        self.places.get(key)?.as_ref()
    }
}

impl Lived {
    /// The table as the map names it.
    #[must_use]
    pub fn name(&self) -> String {
        ambit_event::printable(&self.file.display().to_string(), 200)
    }

    /// What the cells of a row say: as the map translates them, else as codes.
    fn place(&self, cells: &[&str]) -> Option<Territory> {
        let joined = cells
            .iter()
            .filter(|cell| !cell.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("-");
        if joined.is_empty() || cells.first().is_none_or(|cell| cell.is_empty()) {
            return None;
        }
        let told = self
            .places
            .iter()
            .find(|(said, _)| said.eq_ignore_ascii_case(&joined));
        if let Some((_, place)) = told {
            return Some(place.clone());
        }
        // What many tools write for an empty cell; a map that means Namibia says so.
        if joined.eq_ignore_ascii_case("na") {
            return None;
        }
        match &self.within {
            Some(country) => Territory::parse(&format!("{country}-{joined}")),
            None => Territory::parse(&joined),
        }
    }
}

/// Hashes what passes through it.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::DataMap;

    fn map(residence: &str) -> String {
        format!(
            "[[subject]]\nname = \"user\"\ndistinct = true\nalias = [[\"1\", \"m-1\"]]\nresidence = {residence}\n"
        )
    }

    fn places(rows: &str, residence: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("users.csv"), rows).unwrap();
        let path = folder.path().join("map.toml");
        std::fs::write(&path, map(residence)).unwrap();
        let (map, _) = DataMap::load(&path).map_err(|error| error.to_string())?;
        let table = map.subjects[0].lived.as_ref().unwrap().table.clone().unwrap();
        let mut all: Vec<String> = table
            .places
            .iter()
            .map(|(key, place)| format!("{key} {}", place.as_ref().map_or("?", |p| p.as_str())))
            .collect();
        all.sort();
        Ok(all.join(", "))
    }

    const AT: &str = "at = \"2026-05-20T00:00:00Z\"";

    #[test]
    fn a_column_says_where_each_person_lives() {
        let rows = "id,country,state\n1,SE,\n2,US,CA\n3,us,??\n4,,\n5,Narnia,\n6,NA,\nm-1,se,\n2,US,CA\n7,GB,\n7,FR,\n";
        let file = format!("file = \"users.csv\", key = \"id\", {AT}");
        assert_eq!(
            places(rows, &format!("{{ {file}, column = \"country\" }}")).unwrap(),
            "1 se, 2 us, 3 us, 4 ?, 5 ?, 6 ?, 7 ?"
        );
        assert_eq!(
            places(rows, &format!("{{ {file}, columns = [\"country\", \"STATE\"] }}")).unwrap(),
            "1 se, 2 us-ca, 3 us, 4 ?, 5 ?, 6 ?, 7 ?"
        );
        let told = "places = { Narnia = \"gb\", NA = \"na\" }";
        assert_eq!(
            places(rows, &format!("{{ {file}, column = \"country\", {told} }}")).unwrap(),
            "1 se, 2 us, 3 us, 4 ?, 5 gb, 6 na, 7 ?"
        );
        assert_eq!(
            places(
                "id,state\n1,ca\n2,Bavaria\n",
                &format!("{{ {file}, column = \"state\", within = \"us\" }}")
            )
            .unwrap(),
            "1 us-ca, 2 us"
        );
    }

    #[test]
    fn cells_that_say_nothing_are_remarked() {
        let told = |rows: &str| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("users.csv"), rows).unwrap();
            let path = folder.path().join("map.toml");
            let residence = format!("{{ file = \"users.csv\", key = \"id\", column = \"country\", {AT} }}");
            std::fs::write(&path, map(&residence)).unwrap();
            let (_, found) = DataMap::load(&path).unwrap();
            let of = found.into_iter().filter(|one| one.code == "unread-residence");
            of.map(|one| one.title).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(told("id,country\n1,SE\n2,de\n"), "");
        assert!(told("id,country\n1,Sverige\n2,Deutschland\n").contains("of none of its 2 persons"));
        assert!(told("id,country\n1,Sverige\n2,DE\n").contains("where 1 of its 2 persons live"));
        assert!(told("id,country\n").contains("names nobody"));
    }

    #[test]
    fn a_table_that_does_not_fit_is_said() {
        let file = format!("file = \"users.csv\", key = \"id\", {AT}");
        for (rows, residence, because) in [
            (
                "uid,country\n1,SE\n",
                format!("{{ {file}, column = \"country\" }}"),
                "no column `id`",
            ),
            (
                "id,land\n1,SE\n",
                format!("{{ {file}, column = \"country\" }}"),
                "no column `country`",
            ),
            ("id,country\n1,SE\n", format!("{{ {file} }}"), "no `column`"),
            (
                "id,country\n1,SE\n",
                format!("{{ {file}, column = \"country\", within = \"mars\" }}"),
                "no code of a place",
            ),
            (
                "id,country\n1,SE\n",
                format!("{{ {file}, column = \"country\", places = {{ a = \"b\" }} }}"),
                "no code of a place",
            ),
        ] {
            let error = places(rows, &residence).unwrap_err();
            assert!(error.contains(because), "{residence}: {error}");
            let is_table = because.starts_with("no column");
            assert_eq!(error.starts_with("the table of residences "), is_table, "{error}");
        }
    }
}
