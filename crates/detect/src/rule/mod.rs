//! Rule files to rules: every document is loaded or refused with place and reason.

mod action;
mod check;
mod files;
mod meaning;
mod model;
mod narrow;
mod own;
mod parse;
mod pipeline;
mod placeholder;
mod reading;
mod refusal;
mod set;
mod yaml;

pub(crate) use model::Asks;
pub use model::{Correlation, Filter, Head, LogSource, Origin, Rule};
pub(crate) use parse::{fields_of, wanted};
pub use pipeline::Pipelines;
pub use placeholder::Placeholders;
pub(crate) use refusal::Fault;
pub use refusal::{Place, Refusal};
pub use set::RuleSet;
