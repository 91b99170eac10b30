/// What can go wrong with a case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no case file at this place.
    #[error("there is no case in `{path}`: `ambit scope --case NAME` and `ambit case note` make one")]
    NoCase { path: String },
    /// The file is a database, but not a case of a known format.
    #[error("`{path}` is not a case of format {wanted}: {found}")]
    Foreign {
        path: String,
        wanted: i64,
        found: String,
    },
    /// The folder of the case file could not be made, or the file not be opened.
    #[error("`{path}`: {why}")]
    Folder { path: String, why: String },
    /// The database refused or failed.
    #[error("the case file cannot be read or written: {0}")]
    Database(#[from] rusqlite::Error),
    /// An entry's body is no JSON.
    #[error("entry {seq}: the body is not readable: {why}")]
    Body { seq: u64, why: String },
    /// A fact that the vocabulary does not take.
    #[error("`{text}` is not taken: {why}")]
    Fact { text: String, why: String },
    /// A notice that says more than is carried, or lacks what a person must say.
    #[error("the notice `{notice}` cannot be issued:\n{why}")]
    NotIssuable { notice: String, why: String },
    /// A table of addresses, a sender or a server's name that cannot be used.
    #[error("{why}")]
    Addresses { why: String },
    /// Nothing can be sent this way.
    #[error("{way}: {why}")]
    Way { way: String, why: String },
    /// The chain is broken: from this entry on, the journal is not what was written.
    #[error("entry {seq}: {why}; nothing from there on can be relied on")]
    Broken { seq: u64, why: String },
    /// The head that somebody wrote down is not in the chain.
    #[error("no entry has the hash {head}: entries were removed, or this is another case")]
    NoHead { head: String },
}
