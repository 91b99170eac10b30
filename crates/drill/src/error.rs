/// What can go wrong while a drill is planned or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text names no attack.
    #[error("there is no attack `{text}`: choose one of {names}")]
    Attack { text: String, names: String },
    /// A text is no gap of the form `SOURCE:LENGTH[:KIND][@OFFSET]`.
    #[error(
        "`{text}` is not a gap ({what}): write SOURCE:LENGTH[:KIND][@OFFSET], such as nginx:20m or postgresql:1h:truncated@3h"
    )]
    Gap { text: String, what: String },
    /// A number of the plan lies outside what a drill can be.
    #[error("{field} is {value}, but a drill takes {expected}")]
    Plan {
        field: &'static str,
        value: u64,
        expected: &'static str,
    },
    /// A log could not be written.
    #[error("`{path}` cannot be written: {source}")]
    Write { path: String, source: std::io::Error },
    /// The folder already holds something, and a drill never mixes with other files.
    #[error("`{path}` is not an empty folder: name a new one")]
    NotEmpty { path: String },
}
