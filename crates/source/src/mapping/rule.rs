//! What fills one column: where its text comes from, when it counts, and what is made of it.

use super::path::{Names, Place, Step};
use super::transform::{Transform, transformed};
use crate::json::Json;
use crate::time;
use std::borrow::Cow;

/// The values that a record has for the slots of a rulebook.
pub type Slots<'s> = [Option<&'s Json<'s>>];

#[derive(Debug, Clone)]
pub struct Rule {
    pub from: Picker,
    pub when: Vec<Condition>,
    pub unless: Vec<Condition>,
    pub map: Vec<(String, String)>,
    pub transform: Vec<Transform>,
    pub unit: Option<i64>,
    pub split: Option<String>,
    /// Of each element the first of these that says something.
    pub each: Vec<Place>,
    pub is_count: bool,
}

/// Where a text comes from.
#[derive(Debug, Clone)]
pub enum Picker {
    /// The first of these fields that says something, and texts that say nothing here.
    Fields(Vec<Field>, Vec<String>),
    Constant(String),
    Template(Template),
}

/// Texts with fields between, and the text behind the last.
#[derive(Debug, Clone)]
pub struct Template {
    pub parts: Vec<(String, FieldPart)>,
    pub end: String,
}

/// A field in a template, with what is done to it first.
#[derive(Debug, Clone)]
pub struct FieldPart {
    pub field: Field,
    pub transforms: Vec<Transform>,
}

/// A slot, and the steps from its value on.
#[derive(Debug, Clone)]
pub struct Field {
    pub slot: usize,
    pub steps: Vec<Step>,
    pub names: Names,
}

/// A field that must have one of these values.
#[derive(Debug, Clone)]
pub struct Condition {
    pub field: Field,
    pub values: Vec<String>,
}

impl Rule {
    pub fn text<'s>(&'s self, slots: &Slots<'s>) -> Option<Cow<'s, str>> {
        if !self.counts_for(slots) {
            return None;
        }
        let mut value = self.from.text(slots)?;
        if !self.transform.is_empty() {
            value = transformed(value, &self.transform);
        }
        if !self.map.is_empty() {
            let found = self.map.iter().find(|(pattern, _)| fits(pattern, &value))?;
            return Some(Cow::Borrowed(&found.1));
        }
        (!is_absent(&value)).then_some(value)
    }

    /// Whether a text that it borrows stands in the record.
    pub const fn copies(&self) -> bool {
        matches!(self.from, Picker::Fields(..)) && self.map.is_empty()
    }

    pub fn integer(&self, slots: &Slots<'_>) -> Option<i64> {
        if self.is_count {
            return self.count(slots);
        }
        let value = self.text(slots)?;
        match self.unit {
            Some(unit) => time::parse_duration(value.trim(), unit)
                .or_else(|| by_float(&value, unit).filter(|n| *n >= 0)),
            None => value.trim().parse().ok().or_else(|| by_float(&value, 1)),
        }
    }

    /// How many elements there are; a list without any says nothing.
    fn count(&self, slots: &Slots<'_>) -> Option<i64> {
        if !self.counts_for(slots) {
            return None;
        }
        let n = self.from.values(slots).into_iter().flat_map(elements).count();
        i64::try_from(n).ok().filter(|n| *n > 0)
    }

    pub fn list(&self, slots: &Slots<'_>) -> Vec<String> {
        if !self.counts_for(slots) {
            return Vec::new();
        }
        let Picker::Fields(_, except) = &self.from else {
            return self.from.text(slots).map(Cow::into_owned).into_iter().collect();
        };
        let values = self.from.values(slots);
        let mut list = match self.each.is_empty() {
            true => values
                .into_iter()
                .flat_map(scalars)
                .map(Cow::into_owned)
                .collect(),
            false => self.each_of(values).unwrap_or_default(),
        };
        if let Some(separator) = self.split.as_deref().filter(|s| !s.is_empty()) {
            list = list
                .iter()
                .flat_map(|text| text.split(separator))
                .map(|part| part.trim().to_owned())
                .collect();
        }
        list.retain(|item| !is_absent(item) && !except.contains(item));
        list.into_iter()
            .map(|item| transformed(Cow::Owned(item), &self.transform).into_owned())
            .collect()
    }

    /// One text of each element; `None` where an element has none, as a list that leaves some out would say
    /// too little.
    fn each_of(&self, values: Vec<&Json<'_>>) -> Option<Vec<String>> {
        let names = self.from.names();
        let of = |element: &Json<'_>| {
            self.each.iter().find_map(|place| {
                let mut found = Vec::new();
                names.gather(
                    names.within(element.as_object()?, &place.head)?,
                    &place.steps,
                    &mut found,
                );
                found.into_iter().flat_map(scalars).next().map(Cow::into_owned)
            })
        };
        values.into_iter().map(of).collect()
    }

    /// Whether the conditions hold.
    fn counts_for(&self, slots: &Slots<'_>) -> bool {
        all_hold(&self.when, slots) && !self.unless.iter().any(|c| c.holds(slots))
    }
}

/// Whether each of the conditions holds.
pub fn all_hold(conditions: &[Condition], slots: &Slots<'_>) -> bool {
    conditions.iter().all(|c| c.holds(slots))
}

impl Condition {
    fn holds(&self, slots: &Slots<'_>) -> bool {
        if self.field.steps.is_empty() && !matches!(slots[self.field.slot], Some(Json::Array(_))) {
            let found = slots[self.field.slot].and_then(text);
            return found.is_some_and(|value| self.values.iter().any(|pattern| fits(pattern, &value)));
        }
        let mut found = Vec::new();
        self.field.gather(slots, &mut found);
        found
            .into_iter()
            .flat_map(scalars)
            .any(|value| self.values.iter().any(|pattern| fits(pattern, &value)))
    }
}

impl Field {
    fn gather<'s>(&self, slots: &Slots<'s>, found: &mut Vec<&'s Json<'s>>) {
        if let Some(value) = slots[self.slot] {
            self.names.gather(value, &self.steps, found);
        }
    }

    /// The text of a scalar; of a list that is gone into, the texts with commas between.
    fn text<'s>(&self, slots: &Slots<'s>, except: &[String]) -> Option<Cow<'s, str>> {
        let says = |text: &Cow<'s, str>| !except.iter().any(|e| e == text);
        if self.steps.is_empty() {
            return text(slots[self.slot]?).filter(says);
        }
        let mut found = Vec::new();
        self.gather(slots, &mut found);
        let mut texts: Vec<_> = found.into_iter().flat_map(scalars).filter(says).collect();
        match texts.len() {
            0 | 1 => texts.pop(),
            _ => Some(Cow::Owned(texts.join(","))),
        }
    }
}

impl Picker {
    pub fn text<'s>(&'s self, slots: &Slots<'s>) -> Option<Cow<'s, str>> {
        match self {
            Self::Fields(fields, except) => fields
                .iter()
                .filter(|field| slots[field.slot].is_some())
                .find_map(|field| field.text(slots, except)),
            Self::Constant(value) => Some(Cow::Borrowed(value)),
            Self::Template(template) => template.text(slots).map(Cow::Owned),
        }
    }

    /// The values of the first of the fields that is there.
    fn values<'s>(&self, slots: &Slots<'s>) -> Vec<&'s Json<'s>> {
        let Self::Fields(fields, _) = self else {
            return Vec::new();
        };
        let gathered = |field: &Field| {
            let mut found = Vec::new();
            field.gather(slots, &mut found);
            (!found.is_empty()).then_some(found)
        };
        fields.iter().find_map(gathered).unwrap_or_default()
    }

    fn names(&self) -> Names {
        match self {
            Self::Fields(fields, _) => fields.first().map_or_else(Names::default, |f| f.names),
            _ => Names::default(),
        }
    }

    /// Whether the value is a JSON number with a fraction.
    pub fn is_fraction(&self, slots: &Slots<'_>) -> bool {
        let Self::Fields(fields, _) = self else {
            return false;
        };
        let found = fields.iter().find_map(|field| slots[field.slot]);
        found.is_some_and(|value| matches!(value, Json::Number(n) if n.is_f64()))
    }
}

impl Template {
    /// `None` where one of the fields is absent.
    fn text(&self, slots: &Slots<'_>) -> Option<String> {
        let mut out = String::new();
        for (plain, part) in &self.parts {
            let value = transformed(part.field.text(slots, &[])?, &part.transforms);
            if is_absent(&value) {
                return None;
            }
            out.push_str(plain);
            out.push_str(&value);
        }
        out.push_str(&self.end);
        Some(out)
    }
}

/// The elements of a list, or what is none as the only one.
fn elements<'v>(value: &'v Json<'v>) -> Box<dyn Iterator<Item = &'v Json<'v>> + 'v> {
    match value {
        Json::Array(items) => Box::new(items.iter().filter(|item| **item != Json::Null)),
        Json::Null => Box::new(std::iter::empty()),
        other => Box::new(std::iter::once(other)),
    }
}

/// The texts in a value, however lists are nested.
fn scalars<'v>(value: &'v Json<'v>) -> Box<dyn Iterator<Item = Cow<'v, str>> + 'v> {
    match value {
        Json::Array(items) => Box::new(items.iter().flat_map(scalars)),
        _ => Box::new(text(value).into_iter()),
    }
}

/// Numbers such as `1e-3`; whole units where they fit.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // checked against the limits
fn by_float(value: &str, unit: i64) -> Option<i64> {
    let number = value.trim().parse::<f64>().ok()? * unit as f64;
    (number.abs() < 9e18).then(|| number.round() as i64)
}

/// The text of a scalar that says something.
pub fn text<'v>(value: &'v Json<'_>) -> Option<Cow<'v, str>> {
    match value {
        Json::Text(text) if is_absent(text) => None,
        Json::Text(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(Cow::Owned(match number.as_i64() {
            Some(whole) => whole.to_string(),
            None => number.to_string(),
        })),
        Json::Bool(true) => Some(Cow::Borrowed("true")),
        Json::Bool(false) => Some(Cow::Borrowed("false")),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Producers write `-` or nothing where there is nothing to say.
pub fn is_absent(text: &str) -> bool {
    text.is_empty() || text == "-"
}

/// Whether a value is as a pattern says, in which each `*` stands for any characters.
pub fn fits(pattern: &str, value: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == value;
    };
    let Some(mut left) = value.strip_prefix(head) else {
        return false;
    };
    let mut parts = rest.split('*');
    let tail = parts.next_back().unwrap_or("");
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, value, expected) in [
            ("a", "a", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*a", "a", false),
            ("*.*", "git.clone", true),
            ("*.*", "clone", false),
            ("*o*o*", "foo", true),
            ("*o*o*o", "foo", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, value), expected, "{pattern} {value}");
        }
    }
}
