#[cfg(feature = "engine")]
use std::path::Path;
use std::path::PathBuf;

/// What can go wrong in the lake.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A search could not be understood.
    #[error("at character {at}: expected {expected}, but found `{found}`")]
    Search {
        at: usize,
        expected: String,
        found: String,
    },
    /// An assertion about coverage could not be understood.
    #[error(
        "at character {at}: expected {expected}, but found `{found}`; write coverage:SOURCE[@HOST][=FROM..UNTIL]:REASON"
    )]
    Assertion {
        at: usize,
        expected: String,
        found: String,
    },
    /// The lake has no such version.
    #[error("version {wanted} is not in the lake, whose newest is {newest}")]
    NoVersion { wanted: u64, newest: u64 },
    /// There is no lake at this place.
    #[error("there is no lake in `{path}`: `ambit ingest LOGS` makes one, or name another with --lake")]
    NoLake { path: String },
    /// This build has no query engine, or the lake is in memory, where there are no tables.
    #[error("{what} needs the query engine and a lake on disk")]
    NoEngine { what: &'static str },
    /// Somebody else writes to the lake.
    #[error("the lake in `{path}` is being written by {owner}: wait until that is done")]
    Locked { path: String, owner: String },
    /// The lake was opened at a past version, which cannot be changed.
    #[error("version {version} of the lake is open for reading only: open the newest to write")]
    ReadOnly { version: u64 },
    /// A past version is in the log, but its files were vacuumed.
    #[error("version {version} was vacuumed: its files are gone; the newest version is {newest}")]
    Vacuumed { version: u64, newest: u64 },
    /// A pin has a name that is no file name.
    #[error("`{name}` cannot name a pin: letters, digits, `-` and `_` are allowed, 100 at most")]
    PinName { name: String },
    /// A commit of this writer failed, so that it cannot know what the lake holds.
    #[error(
        "a commit to `{path}` failed before: open the lake's writer anew and push again, nothing is taken in twice"
    )]
    Spent { path: PathBuf },
    /// A file or folder of the lake cannot be read or written.
    #[error("{doing} `{path}`: {cause}; {hint}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        cause: std::io::Error,
        hint: &'static str,
    },
    /// A file of the lake does not hold what it should.
    #[error("`{path}` is damaged: {what}; restore it from a copy, everything else stays readable")]
    Damaged { path: PathBuf, what: String },
    /// The table log refused a read or a commit.
    #[error("the table in `{path}`: {what}; where a file of it is damaged or gone, restore it from a copy")]
    Table { path: PathBuf, what: String },
    /// The query engine could not answer.
    #[error("{what}")]
    Engine { what: String },
    /// The query engine would have to hold more at once than it may.
    #[error("the question needs more memory than it may take: narrow it by time or source ({what})")]
    Memory { what: String },
    /// Files cannot be rewritten in the memory that is left.
    #[error(
        "the files of a day need more memory than is left to rewrite them: nothing was changed; try again when less else is asked of the lake ({what})"
    )]
    NoRoom { what: String },
    /// A statement is not a single query that only reads.
    #[error("only one statement that reads is allowed here, such as `select ... from events`: {what}")]
    NotReadOnly { what: String },
}

#[cfg(feature = "engine")]
impl Error {
    /// An I/O failure with what a person can do about it.
    pub(crate) fn io(doing: &'static str, path: &Path, cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let hint = match cause.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => {
                "the disk is full: free some space and run the command again, nothing acknowledged is lost"
            }
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
                "the folder cannot be written by this user: change its owner or mode, or use another with --lake"
            }
            Kind::NotFound => "it is missing: restore it from a copy, or name another lake with --lake",
            _ => "see whether the disk is healthy, then run the command again",
        };
        Self::Io {
            doing,
            path: path.to_owned(),
            cause,
            hint,
        }
    }
}
