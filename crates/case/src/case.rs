//! The file on one suspected incident.

use crate::{Act, By, Entry, Error, Journal, Verified};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Our file on one suspected incident: a name and a journal.
#[derive(Debug)]
pub struct Case {
    journal: Journal,
}

/// `AMBT`, in the header of the file: tools that look there know what it is.
const APPLICATION: i64 = 0x414d_4254;
/// The format of the file.
const FORMAT: i64 = 1;

impl Case {
    /// Opens a case.
    ///
    /// # Errors
    /// [`Error::NoCase`] where there is none, [`Error::Foreign`] where the file is something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let shown = path.display().to_string();
        if !path.is_file() {
            return Err(Error::NoCase { path: shown });
        }
        let db = connect(path)?;
        let name = check_format(&db, &shown)?;
        Ok(Self {
            journal: Journal::of(db, name),
        })
    }

    /// Opens a case, or makes it on first use.
    ///
    /// # Errors
    /// As [`Case::open`], or [`Error::Folder`] where the file cannot be made.
    pub fn create(path: &Path, name: &str, by: &By) -> Result<Self, Error> {
        if path.is_file() {
            return Self::open(path);
        }
        make_private_file(path)?;
        let mut db = connect(path)?;
        let transaction = db.transaction()?;
        Journal::create(&transaction)?;
        transaction.execute_batch(
            "CREATE TABLE about (name TEXT NOT NULL, made_at TEXT NOT NULL, made_by TEXT NOT NULL) STRICT;",
        )?;
        transaction.execute(
            "INSERT INTO about VALUES (?1, ?2, ?3)",
            [name, &by.at.to_string(), &by.who],
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
        Ok(Self {
            journal: Journal::of(db, name.to_owned()),
        })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.journal.name()
    }

    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Writes an entry down. It is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::Database`] where the file refuses.
    pub fn append(&mut self, by: &By, act: &Act) -> Result<Entry, Error> {
        self.journal.append(by, act)
    }

    /// Writes entries down together: all of them are on disk when this returns, or none.
    ///
    /// # Errors
    /// [`Error::Database`] where the file refuses.
    pub fn append_all(&mut self, by: &By, acts: &[Act]) -> Result<Vec<Entry>, Error> {
        self.journal.append_all(by, acts)
    }

    /// Walks the chain and names the first broken entry.
    ///
    /// # Errors
    /// As [`Journal::verify`].
    pub fn verify(&self) -> Result<Verified, Error> {
        self.journal.verify()
    }
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // One file and no write-ahead log beside it, so that copying the file copies the case; EXTRA also
    // syncs the folder, so that a crash cannot bring a rolled-back journal to life.
    db.busy_timeout(Duration::from_secs(10))?;
    db.pragma_update(None, "journal_mode", "DELETE")?;
    db.pragma_update(None, "synchronous", "EXTRA")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(db)
}

fn check_format(db: &Connection, path: &str) -> Result<String, Error> {
    let foreign = |found: String| Error::Foreign {
        path: path.to_owned(),
        wanted: FORMAT,
        found,
    };
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(|e| foreign(e.to_string()))?;
    if application != APPLICATION {
        return Err(foreign("it was made by another program".to_owned()));
    }
    match number("user_version")? {
        FORMAT => {}
        other => return Err(foreign(format!("it has format {other}"))),
    }
    db.query_row("SELECT name FROM about", [], |row| row.get(0))
        .optional()?
        .ok_or_else(|| foreign("it has no name".to_owned()))
}

/// The journal holds subjects' keys: nobody but its owner reads it.
fn make_private_file(path: &Path) -> Result<(), Error> {
    let refused = |e: std::io::Error| Error::Folder {
        path: path.display().to_string(),
        why: e.to_string(),
    };
    if let Some(folder) = path.parent() {
        let mut private = fs::DirBuilder::new();
        private.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut private, 0o700);
        private.create(folder).map_err(refused)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(refused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::{Kind, Signed};
    use ambit_event::Timestamp;
    use serde_json::json;
    use std::path::PathBuf;

    fn by(second: i64) -> By {
        By::new("ana", Timestamp::from_secs(1_400_839_200 + second))
    }

    fn filled(dir: &tempfile::TempDir) -> (PathBuf, Case) {
        let path = dir.path().join("cases").join("may.sqlite");
        let mut case = Case::create(&path, "may", &by(0)).unwrap();
        let acts = [
            Act::seeds(&["session=fp_1".into()]),
            Act::assertions(&["no other channel".into()]),
            Act::scope(7, "ab", json!({"subjects": {"at_most": 1, "at_least": 1}})),
            Act::note("first look"),
            Act::reveal("subjects", "to write the notice"),
            Act::decision("notify", "Article 33"),
            Signed::read("role=controller", None, None).unwrap().act(),
            Act {
                kind: Kind::Notice,
                body: json!({"notice": "public", "person": null, "template": null, "said": {}}),
            },
            Act::sent("eu-gdpr/authority", by(9).at, "the portal's receipt", None),
            Act {
                kind: Kind::Mailing,
                body: json!({"mailing": "letter", "from": "a@b.example", "letters": []}),
            },
            Act {
                kind: Kind::Letter,
                body: json!({"mailing": "letter", "person": "user:1", "state": "begun"}),
            },
        ];
        for (n, act) in acts.iter().enumerate() {
            case.append(&by(n as i64), act).unwrap();
        }
        (path, case)
    }

    /// Opens the file as an intruder would, who takes the guards away and puts them back.
    fn tamper(path: &Path, sql: &str) {
        let db = Connection::open(path).unwrap();
        let guards: Vec<(String, String)> = db
            .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for (name, _) in &guards {
            db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        db.execute_batch(sql).unwrap();
        for (_, make) in &guards {
            db.execute_batch(make).unwrap();
        }
    }

    #[test]
    fn entries_come_back_in_order_and_verify() {
        let dir = tempfile::tempdir().unwrap();
        let (path, case) = filled(&dir);
        drop(case);
        let case = Case::open(&path).unwrap();
        let entries = case.journal().entries().unwrap();
        assert_eq!(case.name(), "may");
        assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), Kind::ALL);
        assert_eq!(
            entries.iter().map(|e| e.seq).collect::<Vec<_>>(),
            (1..=11).collect::<Vec<_>>()
        );
        let verified = case.verify().unwrap();
        assert_eq!((verified.n_entries, &verified.head), (11, &entries[10].hash));
        assert_eq!(
            case.journal().latest(Kind::Note).unwrap().unwrap().text("text"),
            Some("first look")
        );
    }

    #[test]
    fn the_file_itself_refuses_to_rewrite() {
        let dir = tempfile::tempdir().unwrap();
        let (path, case) = filled(&dir);
        let db = Connection::open(&path).unwrap();
        for sql in [
            "UPDATE journal SET who = 'eve' WHERE seq = 2",
            "DELETE FROM journal WHERE seq = 11",
            "INSERT OR REPLACE INTO journal SELECT seq, at, 'eve', kind, body, previous, hash FROM journal WHERE seq = 11",
            "INSERT INTO journal SELECT 19, at, who, kind, body, previous, hash FROM journal WHERE seq = 11",
        ] {
            let error = db.execute_batch(sql).unwrap_err().to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
        assert_eq!(case.verify().unwrap().n_entries, 11);
    }

    #[test]
    fn tampering_is_found_at_the_first_entry_that_was_touched() {
        for (sql, expected) in [
            (
                "UPDATE journal SET body = replace(body, 'first', 'last') WHERE seq = 4",
                "entry 4: its text",
            ),
            (
                "UPDATE journal SET body = body || ' ' WHERE seq = 3",
                "entry 3: its text",
            ),
            (
                "UPDATE journal SET who = 'eve' WHERE seq = 1",
                "entry 1: its text",
            ),
            (
                "UPDATE journal SET at = '2014-05-22T10:00:00Z' WHERE seq = 5",
                "entry 5: its text",
            ),
            ("DELETE FROM journal WHERE seq = 3", "entry 4: entry 3 is missing"),
            (
                "DELETE FROM journal WHERE seq = 3; UPDATE journal SET seq = seq - 1 WHERE seq > 3",
                "entry 3: it does not follow",
            ),
            ("UPDATE about SET name = 'june'", "entry 1: it does not follow"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let (path, case) = filled(&dir);
            drop(case);
            tamper(&path, sql);
            let error = Case::open(&path).unwrap().verify().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{sql}: {error}");
        }
    }

    #[test]
    fn a_cut_off_end_is_found_by_the_head_that_was_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let (path, case) = filled(&dir);
        let head = case.verify().unwrap().head;
        assert!(case.journal().verify_against(&head).is_ok());
        drop(case);
        tamper(&path, "DELETE FROM journal WHERE seq > 4");
        let case = Case::open(&path).unwrap();
        assert_eq!(case.verify().unwrap().n_entries, 4);
        assert!(matches!(
            case.journal().verify_against(&head),
            Err(Error::NoHead { .. })
        ));
    }

    #[test]
    fn removed_guards_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let (path, case) = filled(&dir);
        Connection::open(&path)
            .unwrap()
            .execute_batch("DROP TRIGGER journal_never_forgets")
            .unwrap();
        let error = case.verify().unwrap_err().to_string();
        assert!(error.contains("journal_never_forgets"), "{error}");
    }

    #[test]
    fn entries_that_are_written_together_are_a_chain_too() {
        let dir = tempfile::tempdir().unwrap();
        let (_, mut case) = filled(&dir);
        let acts: Vec<Act> = (0..3).map(|n| Act::note(&n.to_string())).collect();
        let entries = case.append_all(&by(1), &acts).unwrap();
        assert_eq!(entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [12, 13, 14]);
        assert_eq!(case.append_all(&by(1), &[]).unwrap(), []);
        assert_eq!(case.verify().unwrap().head, entries[2].hash);
    }

    #[test]
    fn two_writers_make_one_chain() {
        let dir = tempfile::tempdir().unwrap();
        let (path, case) = filled(&dir);
        let threads: Vec<_> = (0..4)
            .map(|n| {
                let path = path.clone();
                std::thread::spawn(move || {
                    let mut case = Case::open(&path).unwrap();
                    for m in 0..5 {
                        case.append(&by(n * 10 + m), &Act::note("at once")).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(case.verify().unwrap().n_entries, 31);
    }

    #[test]
    fn what_is_no_case_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = Case::open(&dir.path().join("x.sqlite"));
        assert!(matches!(missing, Err(Error::NoCase { .. })));
        let text = dir.path().join("text.sqlite");
        fs::write(&text, "not a database at all, but long enough to look at").unwrap();
        assert!(Case::open(&text).is_err());
        let other = dir.path().join("other.sqlite");
        Connection::open(&other)
            .unwrap()
            .execute_batch("CREATE TABLE t (x)")
            .unwrap();
        assert!(matches!(Case::open(&other), Err(Error::Foreign { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (path, _case) = filled(&dir);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
    }
}
