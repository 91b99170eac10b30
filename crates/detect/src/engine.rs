//! The one thing that is asked of a rule engine, and the Sigma engine that answers.

use crate::logsource::FieldMap;
use crate::sieve::Sieve;
use crate::view::View;
use rsigma_eval::CompiledRule;
use std::sync::Arc;

/// Rules with the numbers by which they are told, lowest first.
pub(crate) type Numbered = Vec<(usize, Arc<CompiledRule>)>;

/// Matches single events of a log with a set of rules that is fixed.
pub(crate) trait Engine: Send + Sync {
    /// The numbers of the rules that match, lowest first.
    fn matches(&self, event: &View<'_>) -> Vec<usize>;
}

/// The evaluator of `rsigma-eval`, asked about the rules that the sieve lets through.
pub(crate) struct Sigma {
    sieve: Sieve,
    rules: Numbered,
}

impl Sigma {
    pub fn new(rules: Numbered, map: &FieldMap) -> Self {
        let sieve = Sieve::new(rules.iter().map(|(_, rule)| rule.as_ref()), map);
        Self { sieve, rules }
    }
}

impl Engine for Sigma {
    fn matches(&self, event: &View<'_>) -> Vec<usize> {
        let candidates = self.sieve.candidates(event).into_iter();
        let rules = candidates.filter_map(|at| self.rules.get(at as usize));
        matching(rules, event)
    }
}

/// Asks every rule about every event: what any engine must agree with.
pub(crate) struct Unfiltered(pub Numbered);

impl Engine for Unfiltered {
    fn matches(&self, event: &View<'_>) -> Vec<usize> {
        matching(self.0.iter(), event)
    }
}

fn matching<'r>(rules: impl Iterator<Item = &'r (usize, Arc<CompiledRule>)>, event: &View<'_>) -> Vec<usize> {
    rules
        .filter(|(_, rule)| rsigma_eval::evaluate_rule(rule, event).is_some())
        .map(|(number, _)| *number)
        .collect()
}
