//! What in this stream, or in all history, is suspicious?
//!
//! Rules are written in Sigma. A [`RuleSet`] holds every rule, filter and correlation of some folders, and
//! says of each document that it does not hold why not. The Sigma engine has one door, this crate, and no
//! type of it shows outside.
//!
//! ```
//! use ambit_detect::{Placeholders, RuleSet};
//!
//! let rule = "title: Shell of a web server\n\
//!     logsource: {product: linux, category: process_creation}\n\
//!     detection:\n  selection: {ParentImage|endswith: /nginx, Image|endswith: /sh}\n  condition: selection\n";
//! let rules = RuleSet::parse(rule, "shell.yml", &Placeholders::none());
//! assert_eq!((rules.rules().len(), rules.refused().len()), (1, 0));
//! ```

mod allow;
mod behave;
mod blind;
mod correlate;
mod detector;
mod engine;
mod error;
mod explain;
mod export;
mod hunt;
mod incoming;
mod logsource;
mod once;
mod order;
mod places;
mod revise;
mod row;
mod rule;
mod run;
mod sieve;
mod stream;
mod suspect;
mod view;

pub use allow::{AllowList, Allowed};
pub use ambit_event::FindingEntry as Entry;
pub use behave::{Behaviours, Described, Sheet};
pub use blind::{Blind, SILENCE, Unproven, blind, silences};
pub use detector::{Detector, Tally};
pub use error::Error;
pub use explain::{Explanation, Miss, Site};
pub use export::{OCSF_VERSION, OcsfLog, Product, navigator, ocsf};
pub use hunt::Hunt;
pub use incoming::{Found, Incoming};
pub use once::Once;
pub use order::InOrder;
pub use places::Places;
pub use revise::{Asked, revise};
pub use rule::{
    Correlation, Filter, Head, LogSource, Origin, Pipelines, Place, Placeholders, Refusal, Rule, RuleSet,
};
pub use run::{Judged, Run, RunTally, Terms};
pub use stream::Limits;
pub use suspect::{Board, Fired, Suspicion};
