//! Where the engine matches otherwise than Sigma says, the rule is written so that it matches as Sigma says.
//!
//! - A word without a field stands anywhere in a text of the record. The engine wants the whole text to be it where
//!   modifiers are given (`'|all'`) or the word has a wildcard, and takes a number for a number.
//! - A wildcard goes over the end of a line. The engine's ends there: a command over two lines would escape.

use rsigma_parser::value::{SpecialChar, StringPart};
use rsigma_parser::{Detection, DetectionItem, FieldSpec, Modifier, SigmaRule, SigmaString, SigmaValue};

/// The rule that the engine must be given to match what the rule means.
pub(crate) fn meant(rule: &SigmaRule) -> SigmaRule {
    let mut meant = rule.clone();
    meant
        .detection
        .named
        .values_mut()
        .for_each(|detection| set_right(detection, Where::Record));
    meant
}

/// What a part without a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    /// Any text of the record.
    Record,
    /// The member of an array that is being looked at.
    Member,
}

fn set_right(detection: &mut Detection, place: Where) {
    match detection {
        Detection::AllOf(items) => items.iter_mut().for_each(|item| set_item_right(item, place)),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter_mut().for_each(|part| set_right(part, place));
        }
        Detection::ArrayMatch { body, .. } => set_right(body, Where::Member),
        Detection::Conditional { named, .. } => named.values_mut().for_each(|part| set_right(part, place)),
        Detection::Keywords(words) if place == Where::Record => {
            let mut item = DetectionItem {
                field: FieldSpec::new(None, Vec::new()),
                values: std::mem::take(words),
            };
            set_item_right(&mut item, place);
            *detection = Detection::AllOf(vec![item]);
        }
        Detection::Keywords(_) => {}
    }
}

/// Modifiers that say how a text is compared, and nothing of what becomes of it before.
const PLAIN: [Modifier; 5] = [
    Modifier::Contains,
    Modifier::StartsWith,
    Modifier::EndsWith,
    Modifier::All,
    Modifier::Cased,
];
/// Those of them that say where in the text.
const ENDS: [Modifier; 3] = [Modifier::Contains, Modifier::StartsWith, Modifier::EndsWith];

fn set_item_right(item: &mut DetectionItem, place: Where) {
    let is_plain = item
        .field
        .modifiers
        .iter()
        .all(|modifier| PLAIN.contains(modifier));
    if !is_plain {
        return;
    }
    if item.field.name.is_none() && place == Where::Record {
        if !ENDS.iter().any(|end| item.field.has_modifier(*end)) {
            item.field.modifiers.push(Modifier::Contains);
        }
        item.values.iter_mut().for_each(as_text);
    }
    let texts: Option<Vec<&SigmaString>> = item.values.iter().map(text_of).collect();
    let Some(texts) = texts.filter(|texts| texts.iter().any(|text| text.contains_wildcards())) else {
        return;
    };
    let patterns: Vec<SigmaValue> = texts
        .iter()
        .map(|text| SigmaValue::from_raw_string(&pattern(text, &item.field)))
        .collect();
    let mut modifiers = vec![Modifier::Re];
    modifiers.extend(item.field.has_modifier(Modifier::All).then_some(Modifier::All));
    item.field.modifiers = modifiers;
    item.values = patterns;
}

fn text_of(value: &SigmaValue) -> Option<&SigmaString> {
    match value {
        SigmaValue::String(text) => Some(text),
        _ => None,
    }
}

fn as_text(value: &mut SigmaValue) {
    if let SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) = value {
        *value = SigmaValue::from_raw_string(&value.to_string());
    }
}

/// The regular expression that means the same.
fn pattern(text: &SigmaString, field: &FieldSpec) -> String {
    let is = |modifier| field.has_modifier(modifier);
    let mut pattern = String::from(if is(Modifier::Cased) { "(?s)" } else { "(?is)" });
    if !is(Modifier::Contains) && !is(Modifier::EndsWith) {
        pattern.push('^');
    }
    for part in &text.parts {
        match part {
            StringPart::Plain(plain) => pattern.push_str(&regex::escape(plain)),
            StringPart::Special(SpecialChar::WildcardMulti) => pattern.push_str(".*"),
            StringPart::Special(SpecialChar::WildcardSingle) => pattern.push('.'),
        }
    }
    if !is(Modifier::Contains) && !is(Modifier::StartsWith) {
        pattern.push('$');
    }
    pattern
}
