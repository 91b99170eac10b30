//! One run of a statement: its parameters, how far it came, and which of its record's counts is believed.

use crate::map::reach::{Completion, ReachContext};
use crate::statement::{self, Footprint, Kind, Value, Values};
use ambit_event::{Event, Outcome};

/// What is known of one run of a statement.
pub(super) struct Run<'a> {
    pub event: &'a Event,
    pub context: &'a ReachContext<'a>,
    /// The values bound to its parameters; `None` for one that is not known.
    pub parameters: Vec<Option<String>>,
    pub completion: Completion,
    /// The row count of its record, where this kind of statement has it truthful.
    pub count: Option<u64>,
    /// The result rows that its record counts, however they were made.
    pub results: Option<u64>,
    /// The most rows that this run can have returned, by `FETCH n`.
    pub fetched: Option<u64>,
}

impl<'a> Run<'a> {
    pub fn of(event: &'a Event, context: &'a ReachContext<'a>, completion: Completion) -> Self {
        Self {
            event,
            context,
            parameters: event.parameters.iter().map(|p| Some(p.clone())).collect(),
            completion,
            count: None,
            results: None,
            fetched: None,
        }
    }

    /// The texts of values; `None` where one is not known.
    pub fn texts(&self, values: &Values) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for value in values {
            match value {
                Value::Text(text) => texts.push(text.clone()),
                Value::Parameter(n) => texts.push(self.parameter(*n)?.to_owned()),
                Value::Elements(n) => texts.extend(statement::elements(self.parameter(*n)?)?),
            }
        }
        Some(texts)
    }

    /// The value of the n-th parameter. The server cuts long values off and marks that with three dots.
    pub fn parameter(&self, n: usize) -> Option<&str> {
        let text = self.parameters.get(n.checked_sub(1)?)?.as_deref()?;
        (!text.ends_with("...")).then_some(text)
    }

    /// The most result rows: by the record's count, by `LIMIT`, by `FETCH n`.
    pub fn most_rows(&self, footprint: &Footprint) -> Option<u64> {
        let value = footprint
            .limit
            .as_ref()
            .and_then(|v| self.texts(&Values::from([v.clone()])));
        let limit = value.and_then(|texts| texts.first()?.parse().ok());
        [self.count, limit, self.fetched].into_iter().flatten().min()
    }
}

/// How far a statement came. Errors that the server raises before it runs a statement are attempts,
/// unless another statement of the same text ran before it.
pub(super) fn outcome(event: &Event, n_commands: usize) -> Completion {
    const BEFORE: &[&str] = &[
        "42601", "42P01", "42703", "42883", "42702", "42725", "42P02", "42P18", "42804", "42803", "3F000",
        "25P02", "26000", "34000", "42704",
    ];
    let before = event
        .status_code
        .as_deref()
        .is_some_and(|code| BEFORE.contains(&code))
        && n_commands == 1;
    match event.outcome {
        Outcome::Success => Completion::Done,
        Outcome::Denied if n_commands == 1 => Completion::Attempt,
        Outcome::Failure if before => Completion::Attempt,
        _ => Completion::Possible,
    }
}

/// The number of result rows of a `SELECT`, which its record has truthful whatever they were made from.
pub(super) fn results(footprint: &Footprint, event: &Event) -> Option<u64> {
    let told = footprint.kind == Kind::Select && event.outcome == Outcome::Success;
    event
        .record_count
        .filter(|_| told)
        .and_then(|n| u64::try_from(n).ok())
}

/// The row count of a record, where it can be believed: pgaudit and the command tag count what the
/// executor processed for these kinds of statement. For `COPY` and `FETCH` pgaudit reports 0, for an
/// aggregate over everyone 1, and for a statement that writes on the way only the rows of its last part;
/// none of these is believed.
///
/// | statement | believed |
/// |---|---|
/// | plain `SELECT` (no aggregate, group, distinct, set operation, window) | yes |
/// | `INSERT`, `UPDATE`, `DELETE` | yes |
/// | the same with a writing common table expression, `MERGE`, `CREATE TABLE AS`, `EXPLAIN ANALYZE` | no |
/// | any other `SELECT`, `COPY`, `FETCH`, `EXECUTE` | no |
pub(super) fn true_count(footprint: &Footprint, event: &Event) -> Option<u64> {
    let believed = match footprint.kind {
        Kind::Select => footprint.plain,
        Kind::Insert | Kind::Update | Kind::Delete => true,
        Kind::Copy | Kind::Other => false,
    };
    let ended = event.outcome == Outcome::Success;
    event
        .record_count
        .filter(|_| believed && ended)
        .and_then(|n| u64::try_from(n).ok())
}
