//! Sigma's processing pipelines: what a site does to rules before they are used, such as other names for fields.

use super::files;
use super::refusal::Fault;
use crate::Error;
use ambit_event::printable;
use rsigma_eval::{Pipeline, parse_pipeline};
use rsigma_parser::{CorrelationRule, SigmaRule};
use std::path::PathBuf;

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
    /// [`Error::Pipeline`] where one cannot be read, or takes what it says from elsewhere: from a command or a URL.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut all = Vec::new();
        for path in paths {
            let bad = |why: &str| Error::Pipeline {
                origin: path.display().to_string(),
                why: printable(why, 400),
            };
            let text = files::text(path).map_err(|fault| bad(&fault.reason))?;
            let pipeline = parse_pipeline(&text).map_err(|error| bad(&error.to_string()))?;
            if pipeline.is_dynamic() {
                return Err(bad(
                    "it takes values from outside, and nothing is run or fetched here",
                ));
            }
            all.push(pipeline);
        }
        rsigma_eval::merge_pipelines(&mut all);
        Ok(Self(all))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a rule through all of them.
    pub(crate) fn apply(&self, rule: &mut SigmaRule) -> Result<(), Fault> {
        rsigma_eval::apply_pipelines(&self.0, rule).map_err(|error| fault(&error.to_string()))
    }

    /// The same for a correlation.
    pub(crate) fn apply_to_correlation(&self, rule: &mut CorrelationRule) -> Result<(), Fault> {
        let applied = rsigma_eval::pipeline::apply_pipelines_to_correlation(&self.0, rule);
        applied.map(drop).map_err(|error| fault(&error.to_string()))
    }
}

fn fault(why: &str) -> Fault {
    let reason = format!("a pipeline refuses it: {}", printable(why, 300));
    Fault::new("pipeline", reason).hint("see the pipeline, or leave the rule out")
}
