//! What a rule may not say because the engine would take it for something else, or for nothing, in silence.
//!
//! Each check looks at the document's tree, so that it can point at the place.

use super::refusal::Fault;
use super::yaml::{Kind, Node};
use rsigma_parser::{ConditionExpr, Quantifier, SelectorPattern, detection_name_matches, parse_condition};
use std::collections::BTreeSet;

/// Longer conditions are not read; the engine follows them by recursion.
const MOST_CONDITION: usize = 8 << 10;
/// Most dashes in one value whose dashes are varied: each of them makes the patterns five times as many.
const MOST_DASHES: usize = 5;

/// What a document is, by the section that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Detection,
    Correlation,
    Filter,
    /// `action: global`, `reset` or `repeat`: parts that other documents share.
    Action,
}

/// Which kind of document it is, as the engine's parser decides it.
pub(crate) fn section(root: &Node) -> Result<Section, Fault> {
    if !matches!(root.kind, Kind::Map(_)) {
        return Err(Fault::new("not-a-rule", "the document is no mapping of keys to values").at(root.at));
    }
    if root.get("action").is_some() {
        return Ok(Section::Action);
    }
    let is = |key| root.get(key).is_some();
    match (is("correlation"), is("filter"), is("detection")) {
        (true, _, _) => Ok(Section::Correlation),
        (_, true, _) => Ok(Section::Filter),
        (_, _, true) => Ok(Section::Detection),
        _ => {
            let fault = Fault::new("not-a-rule", "it has no detection, no correlation and no filter");
            Err(fault.at(root.at).hint("is this a Sigma rule?"))
        }
    }
}

/// Checks a document of that kind; the first fault is enough.
pub(crate) fn document(root: &Node, section: Section) -> Result<(), Fault> {
    for key in ["title", "id", "name", "level", "status", "description"] {
        match root.get(key) {
            Some(node) if !matches!(node.kind, Kind::Text { .. }) => {
                return Err(Fault::new("bad-value", format!("`{key}` is no text")).at(node.at));
            }
            _ => {}
        }
    }
    match section {
        Section::Action => Ok(()),
        Section::Correlation => correlation(root),
        Section::Detection => {
            log_source(root, true)?;
            root.get("detection").map_or(Ok(()), detections)
        }
        Section::Filter => {
            log_source(root, false)?;
            filter(root)
        }
    }
}

fn log_source(root: &Node, is_needed: bool) -> Result<(), Fault> {
    let Some(node) = root.get("logsource") else {
        if !is_needed {
            return Ok(());
        }
        let fault = Fault::new("no-log-source", "it names no log source").at(root.at);
        return Err(fault.hint("add `logsource:` with a product, category or service"));
    };
    let parts = ["category", "product", "service"];
    let named: Vec<&Node> = parts.iter().filter_map(|part| node.get(part)).collect();
    if let Some(bad) = named.iter().find(|part| !part.is_text()) {
        return Err(Fault::new("bad-value", "a part of the log source is no text").at(bad.at));
    }
    if named.is_empty() && is_needed {
        let fault = Fault::new(
            "no-log-source",
            "its log source has no product, category or service",
        );
        return Err(fault.at(node.at));
    }
    Ok(())
}

fn filter(root: &Node) -> Result<(), Fault> {
    let Some(section) = root.get("filter") else {
        return Ok(());
    };
    match section.get("rules") {
        None => {
            let fault = Fault::new(
                "filter-without-rules",
                "the filter does not say which rules it is for",
            );
            return Err(fault
                .at(section.at)
                .hint("list ids under `rules:`, or write `rules: any`"));
        }
        Some(rules) => texts(rules, "filter-without-rules", "a rule of the filter is no text")?,
    }
    let mut rest = section.clone();
    if let Kind::Map(entries) = &mut rest.kind {
        entries.retain(|(key, _)| key.text() != Some("rules"));
    }
    detections(&rest)
}

fn texts(node: &Node, code: &'static str, reason: &str) -> Result<(), Fault> {
    let is_list = matches!(node.kind, Kind::List(_));
    if is_list && node.items().is_empty() {
        return Err(Fault::new(code, "the list is empty").at(node.at));
    }
    let items = if is_list {
        node.items()
    } else {
        std::slice::from_ref(node)
    };
    match items.iter().find(|item| !item.is_text()) {
        Some(item) => Err(Fault::new(code, reason).at(item.at)),
        None => Ok(()),
    }
}

fn detections(section: &Node) -> Result<(), Fault> {
    let mut names = BTreeSet::new();
    for (key, value) in section.entries() {
        let name = word(key)?;
        match name {
            "condition" => {}
            "timeframe" => {
                let fault = Fault::new(
                    "timeframe",
                    "`timeframe` belongs to conditions that count, of Sigma 1",
                );
                return Err(fault.at(key.at).hint("write a correlation rule with a timespan"));
            }
            _ => {
                names.insert(name);
                detection(value)?;
            }
        }
    }
    let Some(condition) = section.get("condition") else {
        return Err(Fault::new("no-condition", "the detection has no condition").at(section.at));
    };
    let conditions = match &condition.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(condition),
    };
    if conditions.is_empty() {
        return Err(Fault::new("no-condition", "the list of conditions is empty").at(condition.at));
    }
    conditions.iter().try_for_each(|node| named(node, &names))
}

/// A key of a mapping that must be a text: the engine takes any other for an empty name.
fn word(key: &Node) -> Result<&str, Fault> {
    match key.text() {
        Some("<<") => Err(Fault::new("merge-key", "the merge key `<<` is not followed").at(key.at)),
        Some(text) if key.is_text() => Ok(text),
        _ => {
            let fault = Fault::new("bad-key", "a key is no text").at(key.at);
            Err(fault.hint("write it in quotes"))
        }
    }
}

fn detection(node: &Node) -> Result<(), Fault> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .try_for_each(|(key, value)| item(word(key)?, key, value)),
        Kind::List(items) => items.iter().try_for_each(detection),
        Kind::Text { .. } | Kind::Alias => Ok(()),
    }
}

fn item(spec: &str, key: &Node, value: &Node) -> Result<(), Fault> {
    let mut parts = spec.split('|');
    let field = parts.next().unwrap_or_default();
    let modifiers: Vec<&str> = parts.collect();
    // Selectors of array members open a detection of its own below the key.
    if field.ends_with(']') && matches!(value.kind, Kind::Map(_)) {
        return block(value);
    }
    let values = match &value.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(value),
    };
    if values.is_empty() {
        return Err(Fault::new("no-value", format!("`{spec}` has no value")).at(key.at));
    }
    for value in values {
        if matches!(value.kind, Kind::List(_) | Kind::Map(_)) {
            let fault = Fault::new("bad-value", format!("a value of `{spec}` is a list or a mapping"));
            return Err(fault
                .at(value.at)
                .hint("values are texts, numbers, truth values or null"));
        }
        let text = value.text().unwrap_or_default();
        if modifiers.contains(&"exists") && !matches!(text, "true" | "false" | "yes" | "no") {
            return Err(Fault::new("bad-value", "`exists` takes true or false").at(value.at));
        }
        if modifiers.contains(&"windash") && text.bytes().filter(|b| *b == b'-').count() > MOST_DASHES {
            let reason = format!("a value with `windash` has more than {MOST_DASHES} dashes");
            return Err(Fault::new("too-many-dashes", reason).at(value.at));
        }
    }
    Ok(())
}

/// What is asked of each member of an array: fields, or detections with a condition of their own.
fn block(node: &Node) -> Result<(), Fault> {
    if node.get("condition").is_some() {
        detections(node)
    } else {
        detection(node)
    }
}

/// Each name in a condition must be that of a detection: the engine takes an unknown one for a detection
/// that never matches.
fn named(node: &Node, names: &BTreeSet<&str>) -> Result<(), Fault> {
    let Some(text) = node.text() else {
        return Err(Fault::new("condition", "the condition is no text").at(node.at));
    };
    if text.len() > MOST_CONDITION {
        return Err(Fault::new("condition", "the condition is too long").at(node.at));
    }
    let Ok(expression) = parse_condition(text) else {
        // The parser says what is wrong with it.
        return Ok(());
    };
    let mut stack = vec![&expression];
    while let Some(expression) = stack.pop() {
        match expression {
            ConditionExpr::And(parts) | ConditionExpr::Or(parts) => stack.extend(parts),
            ConditionExpr::Not(part) => stack.push(part),
            ConditionExpr::Identifier(name) => {
                if !names.contains(name.as_str()) {
                    let reason = format!("the condition names `{name}`, which is no detection of this rule");
                    return Err(Fault::new("unknown-detection", reason).at(node.at));
                }
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                let n = names.iter().filter(|name| is_selected(pattern, name)).count();
                let most = if let Quantifier::Count(n) = quantifier {
                    *n
                } else {
                    1
                };
                if (n as u64) < most {
                    let reason =
                        format!("`{quantifier} of {pattern}` can select only {n} detections of this rule");
                    return Err(Fault::new("unknown-detection", reason).at(node.at));
                }
            }
        }
    }
    Ok(())
}

pub(crate) fn is_selected(pattern: &SelectorPattern, name: &str) -> bool {
    match pattern {
        SelectorPattern::Them => !name.starts_with('_'),
        SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
    }
}

fn correlation(root: &Node) -> Result<(), Fault> {
    const KEYS: &[&str] = &[
        "type",
        "rules",
        "group-by",
        "timespan",
        "timeframe",
        "condition",
        "aliases",
        "generate",
        "window",
        "gap",
    ];
    let Some(section) = root.get("correlation") else {
        return Ok(());
    };
    for (key, _) in section.entries() {
        let name = word(key)?;
        if !KEYS.contains(&name) {
            return Err(
                Fault::new("unknown-key", format!("`{name}` means nothing in a correlation")).at(key.at),
            );
        }
    }
    match section.get("rules") {
        Some(rules) => texts(rules, "bad-reference", "a rule that it refers to is no text")?,
        None => return Err(Fault::new("bad-reference", "it refers to no rules").at(section.at)),
    }
    if let Some(group) = section.get("group-by") {
        texts(group, "bad-value", "a field to group by is no text")?;
    }
    for (alias, fields) in section.get("aliases").map_or(&[][..], Node::entries) {
        word(alias)?;
        if fields.entries().is_empty()
            || fields
                .entries()
                .iter()
                .any(|(rule, field)| !rule.is_text() || !field.is_text())
        {
            let fault = Fault::new("bad-value", "an alias names no field for a rule").at(alias.at);
            return Err(fault.hint("write `alias: {rule: field}`"));
        }
    }
    let kind = section.get("type").and_then(Node::text).unwrap_or_default();
    section
        .get("condition")
        .map_or(Ok(()), |condition| threshold(kind, condition))
}

/// What a correlation leaves open, and what is taken for it.
pub(crate) fn unsaid(root: &Node) -> Option<Fault> {
    let section = root.get("correlation")?;
    let is_percentile = section.get("type").and_then(Node::text) == Some("value_percentile");
    let condition = section.get("condition")?;
    if !is_percentile || condition.get("percentile").is_some() {
        return None;
    }
    let fault = Fault::new(
        "no-percentile",
        "it does not say which percentile: the 50th is taken",
    );
    Some(
        fault
            .at(condition.at)
            .hint("add `percentile: 95` to the condition"),
    )
}

fn threshold(kind: &str, condition: &Node) -> Result<(), Fault> {
    const OPERATORS: &[&str] = &["lt", "lte", "gt", "gte", "eq", "neq"];
    if condition.text().is_some() {
        return Ok(());
    }
    for (key, value) in condition.entries() {
        let name = word(key)?;
        let number = value.text().and_then(|text| text.parse::<u64>().ok());
        let is_good = match name {
            "field" => matches!(value.kind, Kind::List(_)) || value.is_text(),
            "percentile" if kind != "value_percentile" => {
                let reason = format!("`percentile` means nothing beside `{kind}`");
                return Err(Fault::new("unknown-key", reason).at(key.at));
            }
            "percentile" => number.is_some_and(|n| n <= 100),
            _ if OPERATORS.contains(&name) => number.is_some(),
            _ => {
                let reason = format!("`{name}` means nothing in the condition of a correlation");
                return Err(Fault::new("unknown-key", reason).at(key.at));
            }
        };
        if !is_good {
            return Err(Fault::new("bad-value", format!("this is no value for `{name}`")).at(value.at));
        }
    }
    if kind.starts_with("value_") && condition.get("field").is_none() {
        let fault = Fault::new("no-field", format!("`{kind}` does not say of which field"));
        return Err(fault.at(condition.at).hint("add `field:` to the condition"));
    }
    Ok(())
}
