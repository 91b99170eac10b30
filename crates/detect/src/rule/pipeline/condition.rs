//! On which rules a step works: conditions, which may have names, and what joins them.
//!
//! The engine takes conditions as a list, each with its `id`, and one expression whose words stand apart.

use super::form::{boolean, fault, flag, list, map, pair, text};
use crate::rule::refusal::Fault;
use crate::rule::yaml::{Kind, Node};

/// Conditions as a list, each with its name; a mapping gives the names by its keys.
pub(super) fn named(conditions: &Node) -> Result<Vec<(String, Node)>, Fault> {
    match &conditions.kind {
        Kind::List(items) => Ok(items
            .iter()
            .enumerate()
            .map(|(nth, item)| {
                let id = item.get("id").and_then(Node::text);
                (
                    id.map_or_else(|| format!("cond_{nth}"), str::to_owned),
                    item.clone(),
                )
            })
            .collect()),
        Kind::Map(entries) => Ok(entries
            .iter()
            .map(|(key, value)| (key.text().unwrap_or_default().to_owned(), value.clone()))
            .collect()),
        _ => Err(fault(
            conditions,
            "conditions are a list, or a mapping of names to conditions",
        )),
    }
}

/// The conditions on rules and what joins them, as the engine takes them.
pub(super) fn on_rules(step: &Node, conditions: &[(String, Node)]) -> Result<Vec<(Node, Node)>, Fault> {
    let names: Vec<&str> = conditions.iter().map(|(name, _)| name.as_str()).collect();
    let joined = match step.get("rule_cond_expression") {
        Some(node) => {
            if let Some((other, _)) = step.entry("rule_cond_op").or(step.entry("rule_cond_not")) {
                let reason = "beside `rule_cond_expression` it says nothing";
                return Err(fault(other, reason).hint("write it into the expression"));
            }
            Some(expression(node, &names)?)
        }
        None => joined_by_op(step, &names),
    };
    let at = step.at;
    let items = conditions.iter().map(|(name, condition)| {
        let mut entries = condition.entries().to_vec();
        entries.retain(|(key, _)| key.text() != Some("id"));
        entries.push(pair("id", text(name, at)));
        map(entries, condition.at)
    });
    let mut entries = vec![pair("rule_conditions", list(items.collect(), at))];
    if let Some(joined) = joined {
        entries.push(pair("rule_cond_expression", text(&joined, at)));
    }
    Ok(entries)
}

fn joined_by_op(step: &Node, names: &[&str]) -> Option<String> {
    let is_any = step.get("rule_cond_op").and_then(Node::text) == Some("or");
    let is_not = flag(step, "rule_cond_not");
    if !is_any && !is_not {
        return None;
    }
    let joined = names.join(if is_any { " or " } else { " and " });
    Some(match is_not {
        true => format!("not ( {joined} )"),
        false => joined,
    })
}

/// The expression with its words apart, all of them known: the engine takes others for conditions that do not hold.
fn expression(node: &Node, names: &[&str]) -> Result<String, Fault> {
    let written = node
        .text()
        .ok_or_else(|| fault(node, "a text is expected: `a and not b`"))?;
    let apart = written.replace('(', " ( ").replace(')', " ) ");
    let (mut depth, mut wants_operand) = (0_usize, true);
    let mut words: Vec<String> = Vec::new();
    for word in apart.split_whitespace() {
        let lower = word.to_ascii_lowercase();
        let is_well = match (lower.as_str(), wants_operand) {
            ("and" | "or", false) => {
                wants_operand = true;
                true
            }
            ("not", true) => words.last().is_none_or(|last| last != "not"),
            ("(", true) => {
                depth += 1;
                true
            }
            (")", false) if depth > 0 => {
                depth -= 1;
                true
            }
            ("and" | "or" | "not" | "(" | ")", _) | (_, false) => false,
            (_, true) => {
                if !names.contains(&word) {
                    let reason = format!("`{word}` is none of its conditions");
                    let known = format!("its conditions are {}", names.join(", "));
                    return Err(fault(node, &reason).hint(known));
                }
                wants_operand = false;
                true
            }
        };
        if !is_well {
            return Err(
                fault(node, &format!("`{word}` cannot stand there in `{written}`"))
                    .hint("names of conditions are joined by and, or, not and parentheses"),
            );
        }
        words.push(if ["and", "or", "not"].contains(&&*lower) {
            lower
        } else {
            word.to_owned()
        });
    }
    match wants_operand || depth > 0 {
        true => Err(fault(node, &format!("`{written}` ends too early"))),
        false => Ok(words.join(" ")),
    }
}

/// What joins the conditions on fields or values: all must hold, which is the only way that the engine knows.
pub(super) fn all_must_hold(step: &Node, of: &str, names: &[&str]) -> Result<(), Fault> {
    let key = |end: &str| format!("{of}_cond_{end}");
    if let Some((key, value)) = step.entry(&key("op"))
        && value.text() == Some("or")
        && names.len() > 1
    {
        let reason = "conditions of fields and values are joined by `and` alone";
        return Err(fault(key, reason).hint("write a step for each"));
    }
    if let Some((key, value)) = step.entry(&key("expression")) {
        let words = value.text().unwrap_or_default().split_whitespace();
        let is_all = words.clone().count() == names.len() * 2 - usize::from(!names.is_empty())
            && words.clone().step_by(2).all(|word| names.contains(&word))
            && words
                .skip(1)
                .step_by(2)
                .all(|word| word.eq_ignore_ascii_case("and"));
        if !is_all {
            let reason = "conditions of fields and values are joined by `and` alone";
            return Err(fault(key, reason).hint("write a step for each"));
        }
    }
    match step.entry(&key("not")) {
        Some((key, value)) if of == "detection_item" && boolean(value) => {
            let hint = "write `negate: true` into a condition of `match_string` or `is_null`";
            Err(fault(key, "conditions of values are not negated as a whole").hint(hint))
        }
        _ => Ok(()),
    }
}
