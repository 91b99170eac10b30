/// What can be wrong with a value of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A text is no instant: it is not RFC 3339, or its year lies outside 1678 to 2261.
    #[error("`{text}` is not an instant: write it as 2014-05-23T10:00:00Z")]
    Timestamp { text: String },
    /// A text is no event id: 32 hexadecimal digits were expected.
    #[error("`{text}` is not an event id: 32 hexadecimal digits are expected")]
    EventId { text: String },
    /// A text names no column.
    #[error("there is no column `{text}`; the nearest is `{nearest}`")]
    Column { text: String, nearest: String },
    /// A text is no observable of the form `kind=value`.
    #[error("`{text}` is not an observable: write kind=value, where kind is one of {kinds}")]
    Observable { text: String, kinds: String },
}
