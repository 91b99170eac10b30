//! Regimes as dated data: one TOML file each, every rule with the citation that carries it.
//!
//! ```toml
//! [[regime]]
//! id = "xx-law"
//! title = "The breach law of X"
//! jurisdiction = "xx"
//! status = "in_force"                   # in_force pending proposed repealed
//! dated = "a1"                          # the citation of status and days
//! valid_from = 2018-05-25               # and valid_to, the first day on which it no longer binds
//! counting = "plain"                    # or eu1182
//! zone = "Europe/Stockholm"             # without it the authority's zone is asked for
//! calendar = "weekends"                 # see calendars.toml
//! day_ends = { what = "17:30", cite = "a1" }        # where the last day ends before midnight
//! applies = { when = { word = "establishment", is = ["eu"] }, cite = "a1" }
//!
//! [regime.citations]
//! a1 = { instrument = "Act 1 of 2018", article = "s. 1", confidence = "H", basis = "text read" }
//!
//! [[regime.duty]]
//! id = "authority"
//! title = "notify the authority"
//! recipient = { what = "the authority", cite = "a1" }
//! starts = { what = "aware_at", cite = "a1" }       # a fact; sent:ID is the instant when an earlier stage was sent
//! period = { hours = 72, cite = "a1" }  # calendar_days business_days months after_year_end_days without_delay
//! trigger = { when = { any = [{ risk = "likely" }, { count = "subjects", more_than = 500 }] }, cite = "a1" }
//! exemption = [{ id = "encrypted", when = { word = "encryption", is = ["strong"] }, cite = "a1" }]
//! content = { what = ["nature of the breach"], cite = "a1" }
//! ```
//!
//! A condition is one of `all`, `any`, `not`, `flag`, `sent` (an earlier stage was sent), `word` with `is`, `count` with a threshold, `classes` with
//! `effect` and a threshold (one person or more without it), `risk`, `disputed`, `always`. A threshold is
//! `at_least`, `more_than` or `fewer`: "500 or more" is not "more than 500".

mod built_in;
mod model;
mod parse;
mod raw;
mod trigger;

pub use built_in::{built_in, built_in_files};
pub use model::{
    Citation, Cited, Condition, Confidence, Convention, Counting, Exemption, Period, Regime, Rule, Status,
    Threshold,
};
pub use parse::parse;
pub use trigger::{Holds, Open};
