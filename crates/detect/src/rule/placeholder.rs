//! `%names%` that a rule leaves to those who use it: with their values, or refused.
//!
//! The engine would look for a field of that name in each event, find none, and never match.

use super::refusal::Fault;
use crate::Error;
use ambit_event::printable;
use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaString, SigmaValue};
use std::collections::BTreeMap;

/// What each placeholder stands for: one or more values, with Sigma's wildcards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholders(BTreeMap<String, Vec<String>>);

impl Placeholders {
    /// No values: rules with placeholders are refused.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Reads TOML: `name = "value"` or `name = ["value", "value"]`; `origin` is its file, for messages.
    ///
    /// # Errors
    /// Where it is no TOML, or something else than that stands in it.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let error = |why: &str| Error::Placeholders {
            origin: printable(origin, 200),
            why: printable(why, 200),
        };
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| error(e.message()))?;
        let mut all = BTreeMap::new();
        for (name, value) in table {
            let values = match value {
                toml::Value::Array(items) => items,
                one => vec![one],
            };
            let texts: Option<Vec<String>> = values.iter().map(|v| v.as_str().map(str::to_owned)).collect();
            match texts.filter(|texts| !texts.is_empty()) {
                Some(texts) => drop(all.insert(name, texts)),
                None => return Err(error(&format!("`{name}` is neither a text nor a list of texts"))),
            }
        }
        Ok(Self(all))
    }
}

/// Most values that one may become.
const MOST: usize = 10_000;

/// Puts values in the place of every placeholder of a rule.
pub(crate) fn fill(rule: &mut SigmaRule, values: &Placeholders) -> Result<(), Fault> {
    let mut names: Vec<String> = rule.detection.named.keys().cloned().collect();
    names.sort();
    for name in names {
        if let Some(detection) = rule.detection.named.get_mut(&name) {
            fill_detection(detection, values)?;
        }
    }
    Ok(())
}

fn fill_detection(detection: &mut Detection, values: &Placeholders) -> Result<(), Fault> {
    match detection {
        Detection::AllOf(items) => items.iter_mut().try_for_each(|item| fill_item(item, values)),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter_mut().try_for_each(|part| fill_detection(part, values))
        }
        Detection::ArrayMatch { body, .. } => fill_detection(body, values),
        Detection::Conditional { named, .. } => named
            .values_mut()
            .try_for_each(|part| fill_detection(part, values)),
        Detection::Keywords(_) => Ok(()),
    }
}

fn fill_item(item: &mut DetectionItem, values: &Placeholders) -> Result<(), Fault> {
    if !item.field.has_modifier(Modifier::Expand) {
        return Ok(());
    }
    item.field
        .modifiers
        .retain(|modifier| *modifier != Modifier::Expand);
    let is_pattern = item.field.has_modifier(Modifier::Re);
    let mut filled = Vec::new();
    for value in std::mem::take(&mut item.values) {
        let SigmaValue::String(text) = &value else {
            filled.push(value);
            continue;
        };
        let made = expanded(&text.original, values)?;
        filled.extend(made.iter().map(|text| match is_pattern {
            true => SigmaValue::from_raw_string(text),
            false => SigmaValue::String(SigmaString::new(text)),
        }));
        if filled.len() > MOST {
            return Err(Fault::new(
                "placeholder",
                format!("placeholders make more than {MOST} values"),
            ));
        }
    }
    item.values = filled;
    Ok(())
}

/// The text with each value of each placeholder.
fn expanded(text: &str, values: &Placeholders) -> Result<Vec<String>, Fault> {
    let mut done = vec![String::new()];
    let mut rest = text;
    while let Some((before, name, after)) = next(rest) {
        let Some(known) = values.0.get(name) else {
            let fault = Fault::new("placeholder", format!("the placeholder `%{name}%` has no value"));
            return Err(fault.hint("give its values in a file, by --placeholders"));
        };
        if done.len().saturating_mul(known.len()) > MOST {
            let reason = format!("the placeholder `%{name}%` stands for too many values");
            return Err(Fault::new("placeholder", reason));
        }
        let with = |head: &String| {
            known
                .iter()
                .map(|value| format!("{head}{before}{value}"))
                .collect::<Vec<_>>()
        };
        done = done.iter().flat_map(with).collect();
        rest = after;
    }
    done.iter_mut().for_each(|text| text.push_str(rest));
    Ok(done)
}

/// What stands before the first placeholder, its name, and what follows.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('%')?;
    let (name, after) = rest.split_once('%')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c));
    is_name.then_some((before, name, after))
}
