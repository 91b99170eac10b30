//! The append-only, hash-chained list of entries.

use crate::entry::Written;
use crate::{Act, By, Entry, Error, Kind};
use ambit_event::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};

/// What [`Journal::verify`] found where everything is as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub n_entries: u64,
    /// The hash of the last entry. Written down elsewhere, it shows later that nothing was removed.
    pub head: String,
}

/// The entries of one case. They can be added and read; there is no function that changes one, and the
/// file refuses it too.
#[derive(Debug)]
pub struct Journal {
    db: Connection,
    name: String,
}

/// The guards stand in the file, so that they hold for whoever opens it with another tool. `INSERT OR
/// REPLACE` goes past a delete trigger, hence the third one.
const SCHEMA: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_never_forgets BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_only_grows BEFORE INSERT ON journal
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

const GUARDS: &[&str] = &[
    "journal_never_changes",
    "journal_never_forgets",
    "journal_only_grows",
];

const COLUMNS: &str = "seq, at, who, kind, body, previous, hash";

impl Journal {
    /// Makes the table and its guards in an empty database.
    pub(crate) fn create(db: &Connection) -> Result<(), Error> {
        Ok(db.execute_batch(SCHEMA)?)
    }

    pub(crate) fn of(db: Connection, name: String) -> Self {
        Self { db, name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Adds an entry. It is on disk when this returns.
    pub(crate) fn append(&mut self, by: &By, act: &Act) -> Result<Entry, Error> {
        let mut entries = self.append_all(by, std::slice::from_ref(act))?;
        entries
            .pop()
            .ok_or(Error::Database(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Adds entries in one commit. They are on disk when this returns, or none is.
    pub(crate) fn append_all(&mut self, by: &By, acts: &[Act]) -> Result<Vec<Entry>, Error> {
        let genesis = genesis(&self.name);
        // The write lock is taken before the head is read, so that two writers cannot fork the chain.
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head: Option<(u64, String)> = transaction
            .query_row(
                "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let (mut seq, mut previous) = head.map_or((1, genesis), |(seq, hash)| (seq + 1, hash));
        let mut entries = Vec::with_capacity(acts.len());
        for act in acts {
            let written = Written::next(seq, &previous, by, act);
            transaction.execute(
                &format!("INSERT INTO journal ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
                params![
                    written.seq,
                    written.at,
                    written.who,
                    written.kind,
                    written.body,
                    written.previous,
                    written.hash
                ],
            )?;
            seq += 1;
            previous.clone_from(&written.hash);
            entries.push(written.read()?);
        }
        transaction.commit()?;
        Ok(entries)
    }

    /// All entries, in order.
    ///
    /// # Errors
    /// [`Error::Database`], or [`Error::Body`] for an entry that was tampered with beyond reading.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.walk(|entry| {
            entries.push(entry.read()?);
            Ok(())
        })?;
        Ok(entries)
    }

    /// Visits the entries of a kind, in order.
    ///
    /// # Errors
    /// As [`Journal::entries`], or what the visitor says.
    pub fn each(&self, kind: Kind, mut visit: impl FnMut(Entry) -> Result<(), Error>) -> Result<(), Error> {
        let sql = format!("SELECT {COLUMNS} FROM journal WHERE kind = ?1 ORDER BY seq");
        let mut statement = self.db.prepare(&sql)?;
        let mut rows = statement.query([kind.name()])?;
        while let Some(row) = rows.next()? {
            visit(written(row)?.read()?)?;
        }
        Ok(())
    }

    /// The entries of these kinds, one at a time and in order.
    pub(crate) fn each_of(
        &self,
        kinds: &[Kind],
        mut visit: impl FnMut(Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let asked: Vec<String> = (1..=kinds.len()).map(|n| format!("?{n}")).collect();
        let sql = format!(
            "SELECT {COLUMNS} FROM journal WHERE kind IN ({}) ORDER BY seq",
            asked.join(", ")
        );
        let mut statement = self.db.prepare(&sql)?;
        let names = kinds.iter().map(|kind| kind.name());
        let mut rows = statement.query(rusqlite::params_from_iter(names))?;
        while let Some(row) = rows.next()? {
            visit(written(row)?.read()?)?;
        }
        Ok(())
    }

    /// The newest entry of a kind.
    ///
    /// # Errors
    /// As [`Journal::entries`].
    pub fn latest(&self, kind: Kind) -> Result<Option<Entry>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM journal WHERE kind = ?1 ORDER BY seq DESC LIMIT 1");
        self.db
            .query_row(&sql, [kind.name()], written)
            .optional()?
            .map(Written::read)
            .transpose()
    }

    /// The newest entry of a kind among the first entries of the journal.
    pub(crate) fn latest_of_first(&self, kind: Kind, n_entries: u64) -> Result<Option<Entry>, Error> {
        let sql =
            format!("SELECT {COLUMNS} FROM journal WHERE kind = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1");
        self.db
            .query_row(&sql, params![kind.name(), capped(n_entries)], written)
            .optional()?
            .map(Written::read)
            .transpose()
    }

    /// How many entries there are, and how many of them stood in the journal at an instant: those before the first that
    /// was written later.
    ///
    /// # Errors
    /// As [`Journal::entries`].
    pub fn n_at(&self, at: Timestamp) -> Result<(u64, u64), Error> {
        let mut statement = self.db.prepare("SELECT at FROM journal ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let (mut n_all, mut n_then) = (0, None);
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            let written = Timestamp::parse(&text).map_err(|error| Error::Body {
                seq: n_all + 1,
                why: error.to_string(),
            })?;
            if written > at {
                n_then = n_then.or(Some(n_all));
            }
            n_all += 1;
        }
        Ok((n_all, n_then.unwrap_or(n_all)))
    }

    /// Walks the chain from its beginning and recomputes every hash.
    ///
    /// # Errors
    /// [`Error::Broken`] names the first entry that is not as it was written.
    pub fn verify(&self) -> Result<Verified, Error> {
        self.check_guards()?;
        let mut head = genesis(&self.name);
        let mut n_entries = 0;
        // One entry at a time: an answer in a body can be large.
        self.walk(|entry| {
            check_link(&entry, n_entries + 1, &head)?;
            n_entries += 1;
            head.clone_from(&entry.hash);
            entry.read().map(drop)
        })?;
        Ok(Verified { n_entries, head })
    }

    /// As [`Journal::verify`], and an entry must have the hash that somebody wrote down.
    ///
    /// # Errors
    /// [`Error::NoHead`] where none has; else as [`Journal::verify`].
    pub fn verify_against(&self, head: &str) -> Result<Verified, Error> {
        let verified = self.verify()?;
        let known = self
            .db
            .query_row("SELECT 1 FROM journal WHERE hash = ?1", [head], |_| Ok(()))
            .optional()?;
        match known {
            Some(()) => Ok(verified),
            None => Err(Error::NoHead {
                head: head.to_owned(),
            }),
        }
    }

    fn check_guards(&self) -> Result<(), Error> {
        for &guard in GUARDS {
            let found = self
                .db
                .query_row(
                    "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = ?1",
                    [guard],
                    |_| Ok(()),
                )
                .optional()?;
            if found.is_none() {
                return Err(Error::Broken {
                    seq: 0,
                    why: format!("the guard `{guard}` was removed from the file"),
                });
            }
        }
        Ok(())
    }

    fn walk(&self, mut visit: impl FnMut(Written) -> Result<(), Error>) -> Result<(), Error> {
        let sql = format!("SELECT {COLUMNS} FROM journal ORDER BY seq");
        let mut statement = self.db.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            visit(written(row)?)?;
        }
        Ok(())
    }
}

fn check_link(entry: &Written, seq: u64, head: &str) -> Result<(), Error> {
    let broken = |why: String| Err(Error::Broken { seq: entry.seq, why });
    if entry.seq != seq {
        return broken(format!("entry {seq} is missing before it"));
    }
    if entry.previous != head {
        return broken("it does not follow the entry before it".to_owned());
    }
    if entry.computed_hash() != entry.hash {
        return broken("its text does not have the hash that was written with it".to_owned());
    }
    Ok(())
}

/// As the file counts: no journal has more entries than that.
fn capped(n_entries: u64) -> i64 {
    i64::try_from(n_entries).unwrap_or(i64::MAX)
}

fn written(row: &Row<'_>) -> rusqlite::Result<Written> {
    Ok(Written {
        seq: row.get(0)?,
        at: row.get(1)?,
        who: row.get(2)?,
        kind: row.get(3)?,
        body: row.get(4)?,
        previous: row.get(5)?,
        hash: row.get(6)?,
    })
}

/// What the first entry follows: binds the chain to the case's name.
fn genesis(name: &str) -> String {
    hex::encode(Sha256::digest(format!("ambit case 1\n{name}")))
}
