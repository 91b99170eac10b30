//! The one thing that is asked of a rule engine, and the Sigma engine that answers.

use crate::rule::Rule;
use crate::view::View;
use rsigma_eval::CompiledRule;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Matches single events with a set of rules that is fixed.
pub(crate) trait Engine: Send + Sync {
    /// The numbers of the rules that match, lowest first.
    fn matches(&self, event: &View<'_>) -> Vec<usize>;
}

/// The engine of `rsigma-eval`. It asks each rule only about events that have one of the rule's necessary literals or
/// fields.
pub(crate) struct Sigma {
    engine: rsigma_eval::Engine,
    numbers: BTreeMap<String, usize>,
}

impl Sigma {
    /// Rules with the numbers by which they are told.
    pub fn new<'a>(rules: impl Iterator<Item = (usize, &'a Rule)>) -> Self {
        let mut numbers = BTreeMap::new();
        let mut compiled = Vec::new();
        for (number, rule) in rules {
            // No two rules of a set have the same id, whatever their authors wrote.
            let mut one = (*rule.compiled).clone();
            one.id = Some(rule.head.id.clone());
            one.custom_attributes = Default::default();
            one.include_event = false;
            numbers.insert(rule.head.id.clone(), number);
            compiled.push(one);
        }
        let mut engine = rsigma_eval::Engine::new();
        engine.extend_compiled_rules(compiled);
        Self { engine, numbers }
    }
}

impl Engine for Sigma {
    fn matches(&self, event: &View<'_>) -> Vec<usize> {
        let results = self.engine.evaluate(event);
        let ids = results.iter().filter_map(|result| result.header.rule_id.as_ref());
        let mut found: Vec<usize> = ids.filter_map(|id| self.numbers.get(id)).copied().collect();
        found.sort_unstable();
        found
    }
}

/// Asks every rule about every event: what any engine must agree with.
pub(crate) struct Unfiltered(Vec<(usize, Arc<CompiledRule>)>);

impl Unfiltered {
    pub fn new<'a>(rules: impl Iterator<Item = (usize, &'a Rule)>) -> Self {
        Self(
            rules
                .map(|(number, rule)| (number, Arc::clone(&rule.compiled)))
                .collect(),
        )
    }
}

impl Engine for Unfiltered {
    fn matches(&self, event: &View<'_>) -> Vec<usize> {
        let asked = self.0.iter();
        asked
            .filter(|(_, rule)| rsigma_eval::evaluate_rule(rule, event).is_some())
            .map(|(number, _)| *number)
            .collect()
    }
}
