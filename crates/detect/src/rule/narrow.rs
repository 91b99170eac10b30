//! A filter joined to a rule: the rule's condition and the filter's must both hold.
//!
//! The engine can do so with rules that it has compiled, but leaves selectors in a filter's condition as
//! they are (`1 of names_*` then means detections of the rule) and takes only the first of a filter's
//! conditions. So the rule is narrowed before it is compiled.

use super::parse::written_out;
use super::refusal::Fault;
use rsigma_parser::{ConditionExpr, FilterRule, SigmaRule};
use std::collections::HashMap;

/// The rule with the filter; `nth` is the filter's number among all, so that no two have the same names.
pub(crate) fn narrowed(rule: &SigmaRule, filter: &FilterRule, nth: usize) -> Result<SigmaRule, Fault> {
    let mut narrowed = rule.clone();
    let ours: Vec<&str> = sorted(&rule.detection.named);
    let theirs: Vec<&str> = sorted(&filter.detection.named);
    // Beginning with `_`, so that `them` does not mean them.
    let renamed: HashMap<&str, String> = theirs
        .iter()
        .map(|name| (*name, format!("_filter{nth}.{name}")))
        .collect();
    for name in &theirs {
        if let (Some(detection), Some(new)) = (filter.detection.named.get(*name), renamed.get(name)) {
            narrowed.detection.named.insert(new.clone(), detection.clone());
        }
    }
    let conditions = filter.detection.conditions.iter();
    let any = ConditionExpr::Or(
        conditions
            .map(|c| rename(&written_out(c, &theirs), &renamed))
            .collect(),
    );
    let join = |condition| ConditionExpr::And(vec![written_out(condition, &ours), any.clone()]);
    narrowed.detection.conditions = rule.detection.conditions.iter().map(join).collect();
    if narrowed.detection.conditions.iter().any(counts) {
        let fault = Fault::new("filter-counts", "`2 of` and more cannot be joined with a filter");
        return Err(fault.hint("write out in the condition which detections must match"));
    }
    Ok(narrowed)
}

fn sorted<T>(named: &HashMap<String, T>) -> Vec<&str> {
    let mut names: Vec<&str> = named.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn rename(expression: &ConditionExpr, names: &HashMap<&str, String>) -> ConditionExpr {
    let all = |parts: &[ConditionExpr]| parts.iter().map(|part| rename(part, names)).collect();
    match expression {
        ConditionExpr::And(parts) => ConditionExpr::And(all(parts)),
        ConditionExpr::Or(parts) => ConditionExpr::Or(all(parts)),
        ConditionExpr::Not(part) => ConditionExpr::Not(Box::new(rename(part, names))),
        ConditionExpr::Identifier(name) => {
            ConditionExpr::Identifier(names.get(name.as_str()).unwrap_or(name).clone())
        }
        ConditionExpr::Selector { .. } => expression.clone(),
    }
}

/// Whether a selector is left that could not be written out.
fn counts(expression: &ConditionExpr) -> bool {
    match expression {
        ConditionExpr::And(parts) | ConditionExpr::Or(parts) => parts.iter().any(counts),
        ConditionExpr::Not(part) => counts(part),
        ConditionExpr::Identifier(_) => false,
        ConditionExpr::Selector { .. } => true,
    }
}
