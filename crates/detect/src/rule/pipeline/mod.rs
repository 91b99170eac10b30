//! Sigma's processing pipelines: what a site does to rules before they are used, such as other names for fields.

mod condition;
mod form;
mod words;

use super::files;
use super::refusal::{Fault, Place, Refusal};
use super::yaml::{self, Document};
use crate::Error;
use ambit_event::printable;
use rsigma_eval::{EvalError, Pipeline, parse_pipeline};
use rsigma_parser::{CorrelationRule, Detection, SigmaRule};
use std::path::{Path, PathBuf};

/// Pipelines in the order of their priority.
#[derive(Debug, Default)]
pub struct Pipelines(Vec<Pipeline>);

impl Pipelines {
    /// No pipeline: rules are used as they are written.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads pipeline files.
    ///
    /// # Errors
    /// [`Error::Pipeline`] with file, line and column where one cannot be read, says what is not understood here, or
    /// takes what it says from elsewhere: from a command or a URL.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut all = Vec::new();
        for path in paths {
            let text = files::text(path).map_err(|fault| refused(path, fault))?;
            all.push(read(&text).map_err(|fault| refused(path, fault))?);
        }
        rsigma_eval::merge_pipelines(&mut all);
        Ok(Self(all))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a rule through all of them.
    pub(crate) fn apply(&self, rule: &mut SigmaRule) -> Result<(), Fault> {
        let before = empty(rule);
        rsigma_eval::apply_pipelines(&self.0, rule).map_err(|error| refusing(&error))?;
        match empty(rule).into_iter().find(|name| !before.contains(name)) {
            // An empty detection holds for every event.
            Some(name) => {
                let reason = format!("a pipeline takes everything out of its detection `{name}`");
                Err(Fault::new("pipeline", reason)
                    .hint("narrow the pipeline's `drop_detection_item`, or leave the rule out"))
            }
            None => Ok(()),
        }
    }

    /// The same for a correlation.
    pub(crate) fn apply_to_correlation(&self, rule: &mut CorrelationRule) -> Result<(), Fault> {
        let applied = rsigma_eval::pipeline::apply_pipelines_to_correlation(&self.0, rule);
        applied.map(drop).map_err(|error| refusing(&error))
    }
}

fn refused(path: &Path, fault: Fault) -> Error {
    let (line, column) = fault.at.unzip();
    let place = Place {
        document: None,
        line,
        column,
    };
    Error::Pipeline(Box::new(Refusal::new(path, place, fault)))
}

fn read(text: &str) -> Result<Pipeline, Fault> {
    let mut documents: Vec<Document<'_>> = yaml::documents(text);
    let (Some(document), None) = (documents.pop(), documents.pop()) else {
        return Err(Fault::new(
            "pipeline",
            "a pipeline is one YAML document of its own",
        ));
    };
    let root = document
        .root?
        .ok_or_else(|| Fault::new("pipeline", "the document says nothing"))?;
    let checked = form::read(&root)?;
    parse_pipeline(&checked.text).map_err(|error| {
        // The engine does not say where: the step that it refuses alone is the one.
        let is_refused = |(_, step): &&((usize, usize), String)| parse_pipeline(step).is_err();
        let at = checked
            .steps
            .iter()
            .find(is_refused)
            .map_or(root.at, |(at, _)| *at);
        Fault::new("pipeline", told(&error)).at(at)
    })
}

/// Detections that ask for nothing.
fn empty(rule: &SigmaRule) -> Vec<String> {
    let named = rule.detection.named.iter();
    let mut names: Vec<String> = named
        .filter(|(_, detection)| is_empty(detection))
        .map(|(name, _)| name.clone())
        .collect();
    names.sort();
    names
}

fn is_empty(detection: &Detection) -> bool {
    match detection {
        Detection::AllOf(items) => items.is_empty(),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.is_empty() || parts.iter().any(is_empty),
        Detection::Keywords(words) => words.is_empty(),
        Detection::ArrayMatch { body, .. } => is_empty(body),
        Detection::Conditional { named, .. } => named.values().any(is_empty),
    }
}

/// What the engine says, without the kind of its error: it has one for rules and pipelines alike.
fn told(error: &EvalError) -> String {
    match error {
        EvalError::InvalidModifiers(what) => printable(what, 300),
        other => printable(&other.to_string(), 300),
    }
}

fn refusing(error: &EvalError) -> Fault {
    let reason = format!("a pipeline refuses it: {}", told(error));
    Fault::new("pipeline", reason).hint("see the pipeline, or leave the rule out")
}
