/// What can go wrong before there are records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be opened or read.
    #[error("{path}: {why}")]
    Read { path: String, why: String },
    /// No format knows the file's records.
    #[error(
        "{path}: no source recognizes this file ({tried}); name one with --source NAME, or write a mapping for it"
    )]
    Unrecognized { path: String, tried: String },
    /// A source of that name does not exist.
    #[error("there is no source `{name}`; known are {known}")]
    NoSource { name: String, known: String },
    /// A file in which nothing stands, and nothing says what it should be.
    #[error(
        "{path}: it is empty: nothing was written to it, or what stood there was removed; if it should hold records, look for its rotated files and for a copy elsewhere"
    )]
    Empty { path: String },
    /// A compressed file or archive goes beyond what is unpacked.
    #[error("{path}: {what} at offset {offset}; nothing after it was read")]
    Capped { path: String, what: String, offset: u64 },
    /// An option that a format needs is missing or cannot be understood.
    #[error("option {option}: {why}")]
    Option { option: String, why: String },
    /// A mapping file cannot be understood.
    #[error("mapping {origin}: {why}")]
    Mapping { origin: String, why: String },
    /// What was remembered of how files are to be read cannot be understood.
    #[error(
        "{origin} is damaged: {why}; mend it, or remove it and say again with --source how files are to be read"
    )]
    Told { origin: String, why: String },
    /// A file was said to be of a source that nobody knows here.
    #[error(
        "{path}: it is to be read as {source_name}, as told on {day}, and there is no such source; give the --mapping that declares it, name another with --source NAME, or let it be recognized after `ambit sources --forget`"
    )]
    ToldUnknown {
        path: String,
        source_name: String,
        day: String,
    },
    /// A manifest of a digest chain does not fit its files or itself.
    #[error("{path}, line {line}: {why}; no completeness follows from it")]
    Chain { path: String, line: u64, why: String },
}

impl Error {
    /// A file or folder that could not be opened or read, with what can be done about it.
    pub(crate) fn unreadable(path: String, why: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let advice = match why.kind() {
            ErrorKind::PermissionDenied => "; run as a user who may read it, or have it copied for you",
            ErrorKind::NotFound => "; look for a mistake in its name, or whether it was moved meanwhile",
            _ => "",
        };
        Self::Read {
            path,
            why: format!("{why}{advice}"),
        }
    }
}
