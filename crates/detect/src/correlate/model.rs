//! What a correlation asks, in our words.

use crate::rule::Correlation;
use rsigma_parser::{ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationType, WindowMode};
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;

/// What is measured over a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measure {
    Events,
    /// Different values.
    Values,
    Sum,
    Average,
    /// 0 to 100.
    Percentile(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    Sliding,
    Tumbling,
    /// It ends where nothing comes for so long.
    Session {
        gap: i64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Any,
    AsNamed,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    /// Each of them.
    Threshold(Vec<(ConditionOperator, f64)>),
    /// Over the rules below.
    Expression(Box<ConditionExpr>),
}

/// A correlation, ready to be asked.
#[derive(Debug)]
pub(crate) struct Plan {
    pub is_temporal: bool,
    pub measure: Measure,
    pub order: Order,
    pub window: Window,
    /// Nanoseconds.
    pub span: i64,
    pub n_over: usize,
    /// Whether more events can only make the condition hold. Else it is judged when the window is complete.
    pub is_rising: bool,
    /// The fields whose values are counted or measured.
    pub fields: Vec<String>,
    /// For each rule below, in their order: the names of the fields to group by, there.
    pub group_by: Vec<Vec<String>>,
    /// Their names here.
    pub group_names: Vec<String>,
    condition: Condition,
    /// How a condition calls the rules below.
    names: Vec<Vec<String>>,
}

impl Plan {
    /// `called` answers with the other names by which the rule of an id is referred to.
    pub fn of(rule: &Correlation, called: &dyn Fn(&str) -> Vec<String>) -> Self {
        let sigma = &rule.sigma;
        let names: Vec<Vec<String>> = rule
            .over
            .iter()
            .zip(&sigma.rules)
            .map(|(id, reference)| {
                let mut names = called(id);
                names.extend([id.clone(), reference.clone()]);
                names
            })
            .collect();
        let (condition, fields, rank) = match &sigma.condition {
            CorrelationCondition::Threshold {
                predicates,
                field,
                percentile,
            } => {
                let predicates = predicates.iter().map(|(op, n)| (*op, *n as f64)).collect();
                (
                    Condition::Threshold(predicates),
                    field.clone().unwrap_or_default(),
                    percentile.unwrap_or(50) as f64,
                )
            }
            CorrelationCondition::Extended(expression) => (
                Condition::Expression(Box::new(expression.clone())),
                Vec::new(),
                50.0,
            ),
        };
        let is_expression = matches!(condition, Condition::Expression(_));
        let is_temporal = matches!(
            sigma.correlation_type,
            CorrelationType::Temporal | CorrelationType::TemporalOrdered
        );
        let nanos = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND);
        let gap = sigma.gap.as_ref().map_or(0, |gap| nanos(gap.seconds));
        Self {
            is_temporal,
            measure: match sigma.correlation_type {
                CorrelationType::ValueCount => Measure::Values,
                CorrelationType::ValueSum => Measure::Sum,
                CorrelationType::ValueAvg => Measure::Average,
                CorrelationType::ValuePercentile => Measure::Percentile(rank),
                CorrelationType::ValueMedian => Measure::Percentile(50.0),
                _ => Measure::Events,
            },
            // A condition of its own says which rules are needed; all of them in a row would be too many.
            order: match sigma.correlation_type {
                CorrelationType::TemporalOrdered if !is_expression => Order::AsNamed,
                _ => Order::Any,
            },
            window: match sigma.window {
                WindowMode::Sliding => Window::Sliding,
                WindowMode::Tumbling => Window::Tumbling,
                WindowMode::Session => Window::Session { gap },
            },
            span: nanos(sigma.timespan.seconds),
            n_over: rule.over.len(),
            is_rising: is_rising(&condition),
            fields,
            group_by: group_by(rule, &names),
            group_names: sigma.group_by.clone(),
            condition,
            names,
        }
    }

    /// Whether a measured value is what the threshold asks for.
    pub fn holds(&self, value: f64) -> bool {
        let Condition::Threshold(predicates) = &self.condition else {
            return false;
        };
        predicates.iter().all(|(op, n)| match op {
            ConditionOperator::Lt => value < *n,
            ConditionOperator::Lte => value <= *n,
            ConditionOperator::Gt => value > *n,
            ConditionOperator::Gte => value >= *n,
            ConditionOperator::Eq => value == *n,
            ConditionOperator::Neq => value != *n,
        })
    }

    /// Whether the rules below that were seen are those that are asked for: all of them, where nothing else is said.
    pub fn is_met(&self, seen: &[bool]) -> bool {
        match &self.condition {
            // What the parser puts in place of no condition.
            Condition::Threshold(predicates) if *predicates == [(ConditionOperator::Gte, 1.0)] => {
                seen.iter().all(|seen| *seen)
            }
            Condition::Threshold(_) => self.holds(seen.iter().filter(|seen| **seen).count() as f64),
            Condition::Expression(expression) => self.is_true(expression, seen),
        }
    }

    fn is_true(&self, expression: &ConditionExpr, seen: &[bool]) -> bool {
        let called = |name: &str| {
            let parts = self.names.iter().zip(seen);
            parts
                .filter(|(names, _)| names.iter().any(|one| one.eq_ignore_ascii_case(name)))
                .any(|(_, seen)| *seen)
        };
        match expression {
            ConditionExpr::Identifier(name) => called(name),
            ConditionExpr::And(parts) => parts.iter().all(|part| self.is_true(part, seen)),
            ConditionExpr::Or(parts) => parts.iter().any(|part| self.is_true(part, seen)),
            ConditionExpr::Not(part) => !self.is_true(part, seen),
            ConditionExpr::Selector { .. } => false,
        }
    }
}

fn is_rising(condition: &Condition) -> bool {
    match condition {
        Condition::Threshold(predicates) => predicates
            .iter()
            .all(|(op, _)| matches!(op, ConditionOperator::Gt | ConditionOperator::Gte)),
        Condition::Expression(_) => true,
    }
}

/// The fields to group by under the names that each rule below has for them.
fn group_by(rule: &Correlation, names: &[Vec<String>]) -> Vec<Vec<String>> {
    let aliases: BTreeMap<&str, _> = rule
        .sigma
        .aliases
        .iter()
        .map(|alias| (alias.alias.as_str(), &alias.mapping))
        .collect();
    let there = |names: &[String], field: &String| {
        let alias = aliases.get(field.as_str());
        let of_rule = alias.and_then(|mapping| names.iter().find_map(|name| mapping.get(name)));
        of_rule.unwrap_or(field).clone()
    };
    names
        .iter()
        .map(|names| {
            rule.sigma
                .group_by
                .iter()
                .map(|field| there(names, field))
                .collect()
        })
        .collect()
}
