/// What can go wrong while a scope is computed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A seed could not be understood.
    #[error("`{text}` is not a seed: {expected}")]
    Seed { text: String, expected: String },
    /// No seed was given.
    #[error(
        "no seed was given: name what the intruder held, such as --seed session=… or --seed ip=203.0.113.7"
    )]
    NoSeed,
    /// A finding was given as a seed that the lake does not keep.
    #[error(
        "the lake keeps no finding {id} at this version: `ambit findings --withdrawn` lists those that it keeps"
    )]
    NoFinding { id: String },
    /// Something is asserted of a source of which the lake holds nothing.
    #[error("nothing in the lake is of {named}, so its completeness cannot be asserted: there is {sources}")]
    Coverage { named: String, sources: String },
    /// The data map cannot be used.
    #[error("the data map {origin} cannot be used: {why}")]
    Map { origin: String, why: String },
    /// A file beside the data map cannot be used.
    #[error("{what} {origin} cannot be used: {why}")]
    Beside {
        what: &'static str,
        origin: String,
        why: String,
    },
    /// The lake could not answer.
    #[error(transparent)]
    Lake(#[from] ambit_lake::Error),
}
