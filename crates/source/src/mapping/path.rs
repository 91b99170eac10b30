//! Paths into a record: keys with dots between, places in lists (`a[0]`, `a[-1]`), every element of a list (`a[]`),
//! and the elements that say so of themselves (`a[Name=x]`).

use crate::json::{Json, Object};
use std::borrow::Cow;

/// How the names of fields are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Names {
    #[default]
    AsWritten,
    /// `CreationTime` and `creationtime` are one name.
    AnyCase,
}

/// A path that may lead to several values: to the first list on it, then the steps from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub head: String,
    pub steps: Vec<Step>,
}

/// One step from a value on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Down a path.
    Into(String),
    /// To each element of a list.
    Each,
    /// To those elements of a list that have this value under this name.
    Where { name: String, value: String },
}

impl Place {
    pub fn parse(path: &str) -> Self {
        let (head, mut rest) = to_list(path);
        let mut steps = Vec::new();
        while let Some((step, behind)) = through_list(rest) {
            steps.push(step);
            let (into, next) = to_list(behind.strip_prefix('.').unwrap_or(behind));
            if !into.is_empty() {
                steps.push(Step::Into(into.to_owned()));
            }
            rest = next;
        }
        let head = head.to_owned();
        Self { head, steps }
    }

    /// As [`Self::parse`]; a place in a list means every element.
    pub fn everywhere(path: &str) -> Self {
        let mut spread = String::with_capacity(path.len());
        let mut rest = path;
        while let Some(at) = rest.find('[') {
            let (before, bracket) = rest.split_at(at);
            spread.push_str(before);
            match place(bracket) {
                Some((_, behind)) => {
                    spread.push_str("[]");
                    if !behind.is_empty() && !behind.starts_with('[') {
                        spread.push('.');
                    }
                    rest = behind;
                }
                None => {
                    spread.push('[');
                    rest = &bracket[1..];
                }
            }
        }
        spread.push_str(rest);
        Self::parse(&spread)
    }

    /// Whether it lies within a field.
    pub fn is_nested(&self) -> bool {
        self.head.contains('.') || !self.steps.is_empty()
    }
}

/// What stands before the first `[]` or `[name=value]`, and the rest from there.
fn to_list(path: &str) -> (&str, &str) {
    let mut brackets = path.match_indices('[').map(|(at, _)| at);
    let at = brackets.find(|at| through_list(&path[*at..]).is_some());
    path.split_at(at.unwrap_or(path.len()))
}

/// The step of a bracket that is no place, and what follows on it.
fn through_list(path: &str) -> Option<(Step, &str)> {
    let (within, behind) = path.strip_prefix('[')?.split_once(']')?;
    let step = match within.split_once('=') {
        Some((name, value)) => Step::Where {
            name: name.to_owned(),
            value: value.to_owned(),
        },
        None if within.is_empty() => Step::Each,
        None => return None,
    };
    Some((step, behind))
}

/// Every way to take the first key off a path, as keys may hold dots and brackets themselves: `a.b[0]` is `a` and
/// `b[0]`, or `a.b` and `[0]`.
pub fn splits(path: &str) -> impl Iterator<Item = (&str, &str)> {
    path.match_indices(['.', '['])
        .filter(|(at, _)| *at > 0)
        .map(|(at, mark)| {
            let rest = if mark == "." { at + 1 } else { at };
            (&path[..at], &path[rest..])
        })
}

/// `[0].rest`: the place, and what follows on it.
fn place(path: &str) -> Option<(i64, &str)> {
    let (digits, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((digits.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

impl Names {
    /// The form in which names are looked up.
    pub fn key(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::AnyCase if name.bytes().any(|b| b.is_ascii_uppercase()) => {
                Cow::Owned(name.to_ascii_lowercase())
            }
            _ => Cow::Borrowed(name),
        }
    }

    fn are_same(self, a: &str, b: &str) -> bool {
        match self {
            Self::AsWritten => a == b,
            Self::AnyCase => a.eq_ignore_ascii_case(b),
        }
    }

    /// The field of that name.
    pub fn get<'v, 'r>(self, object: &'v Object<'r>, name: &str) -> Option<&'v Json<'r>> {
        if self == Self::AsWritten {
            return object.get(name);
        }
        let mut fields = object.iter();
        fields.find(|(key, _)| self.are_same(key, name)).map(|(_, v)| v)
    }

    fn get_mut<'v, 'r>(self, object: &'v mut Object<'r>, name: &str) -> Option<&'v mut Json<'r>> {
        object.find_mut(|key| self.are_same(key, name))
    }

    /// What lies at a path below a value; the value itself for an empty path. `[0]` is the first element of a
    /// list, `[-1]` the last.
    pub fn below<'v, 'r>(self, value: &'v Json<'r>, path: &str) -> Option<&'v Json<'r>> {
        if path.is_empty() {
            return Some(value);
        }
        if let Some((place, rest)) = place(path) {
            let Json::Array(items) = value else { return None };
            let distance = usize::try_from(place.unsigned_abs()).ok()?;
            let at = match place < 0 {
                true => items.len().checked_sub(distance)?,
                false => distance,
            };
            return self.below(items.get(at)?, rest);
        }
        self.within(value.as_object()?, path)
    }

    /// What lies at a path of a record.
    pub fn within<'v, 'r>(self, fields: &'v Object<'r>, path: &str) -> Option<&'v Json<'r>> {
        if let Some(found) = self.get(fields, path) {
            return Some(found);
        }
        // Most paths are bare names.
        memchr::memchr2(b'.', b'[', path.as_bytes())?;
        splits(path).find_map(|(head, rest)| self.below(self.get(fields, head)?, rest))
    }

    /// As [`Self::within`], to change it; through objects only.
    pub fn within_mut<'v, 'r>(self, fields: &'v mut Object<'r>, path: &str) -> Option<&'v mut Json<'r>> {
        if self.get(fields, path).is_some() {
            return self.get_mut(fields, path);
        }
        let (head, rest) = splits(path).find(|(head, rest)| {
            let inner = self.get(fields, head).and_then(Json::as_object);
            inner.is_some_and(|inner| self.within(inner, rest).is_some())
        })?;
        match self.get_mut(fields, head)? {
            Json::Object(inner) => self.within_mut(inner, rest),
            _ => None,
        }
    }

    /// The text at a path of a record; what is no scalar as JSON.
    pub fn find<'v>(self, fields: &'v Object<'_>, path: &str) -> Option<Cow<'v, str>> {
        match self.within(fields, path)? {
            Json::Null => None,
            Json::Text(text) => Some(Cow::Borrowed(text)),
            other => Some(Cow::Owned(other.to_string())),
        }
    }

    /// The values to which the steps lead, in the order of the record.
    pub fn gather<'v, 'r>(self, value: &'v Json<'r>, steps: &[Step], found: &mut Vec<&'v Json<'r>>) {
        let Some((step, rest)) = steps.split_first() else {
            return found.push(value);
        };
        match (step, value) {
            (Step::Into(_) | Step::Where { .. }, Json::Array(items)) => {
                items.iter().for_each(|item| self.gather(item, steps, found));
            }
            (Step::Each, Json::Array(items)) => {
                items.iter().for_each(|item| self.gather(item, rest, found));
            }
            (Step::Each, _) => self.gather(value, rest, found),
            (Step::Into(path), _) => {
                if let Some(inner) = self.below(value, path) {
                    self.gather(inner, rest, found);
                }
            }
            (Step::Where { name, value: wanted }, _) => {
                if self.says(value, name, wanted) {
                    self.gather(value, rest, found);
                }
            }
        }
    }

    /// Changes the values to which the steps lead.
    pub fn change(self, value: &mut Json<'_>, steps: &[Step], change: &mut dyn FnMut(&mut Json<'_>)) {
        let Some((step, rest)) = steps.split_first() else {
            return change(value);
        };
        match (step, value) {
            (Step::Each, Json::Array(items)) => {
                items.iter_mut().for_each(|item| self.change(item, rest, change));
            }
            (_, Json::Array(items)) => {
                items.iter_mut().for_each(|item| self.change(item, steps, change));
            }
            (Step::Each, value) => self.change(value, rest, change),
            (Step::Into(path), Json::Object(object)) => {
                if let Some(inner) = self.within_mut(object, path) {
                    self.change(inner, rest, change);
                }
            }
            (Step::Where { name, value: wanted }, value) if self.says(value, name, wanted) => {
                self.change(value, rest, change);
            }
            _ => {}
        }
    }

    fn says(self, element: &Json<'_>, name: &str, wanted: &str) -> bool {
        let found = element.as_object().and_then(|object| self.within(object, name));
        found.and_then(Json::as_str).is_some_and(|text| text == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn paths_go_into_objects_and_lists() {
        let text = r#"{"a":{"b.c":[1,{"d":2},[3]],"e":{"f":4}},"g.h":{"i":5},"j[0]":6}"#;
        let fields = json::object(text).unwrap_or_default();
        for (path, expected) in [
            ("a.b.c[0]", Some("1")),
            ("a.b.c[-1]", Some("[3]")),
            ("a.b.c[-1][0]", Some("3")),
            ("a.b.c[1].d", Some("2")),
            ("a.b.c[-3]", Some("1")),
            ("a.b.c[-4]", None),
            ("a.b.c[3]", None),
            ("a.b.c[x]", None),
            ("a.e.f", Some("4")),
            ("a.e.f[0]", None),
            ("g.h.i", Some("5")),
            ("j[0]", Some("6")),
            ("a.b.c[-9223372036854775808]", None),
            ("", None),
        ] {
            assert_eq!(
                Names::AsWritten.find(&fields, path).as_deref(),
                expected,
                "{path}"
            );
        }
    }

    const RECORD: &str = r#"{"A.b":{"c":1},"Folders":[{"Items":[{"Id":"x"},null,{"Id":"y"}]},{"Items":{"Id":"z"}},7],"P":[{"Name":"k","Value":"v"},{"Name":"s","Value":"secret"}]}"#;

    fn texts(names: Names, path: &str) -> Vec<String> {
        let object = crate::json::object(RECORD).unwrap_or_default();
        let place = Place::parse(path);
        let mut found = Vec::new();
        if let Some(value) = names.within(&object, &place.head) {
            names.gather(value, &place.steps, &mut found);
        }
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lists_are_gone_into_and_elements_chosen() {
        for (path, expected) in [
            ("A.b.c", vec!["1"]),
            ("Folders[].Items[].Id", vec![r#""x""#, r#""y""#, r#""z""#]),
            ("Folders.Items", vec![]),
            ("Folders[].Items.Id", vec![r#""z""#]),
            ("P[Name=k].Value", vec![r#""v""#]),
            ("P[Name=none].Value", vec![]),
            ("P[0].Value", vec![r#""v""#]),
            ("P[-1].Value", vec![r#""secret""#]),
            ("Folders[0].Items[].Id", vec![r#""x""#, r#""y""#]),
            ("Folders[].Items[0].Id", vec![r#""x""#]),
            ("P[Name]", vec![]),
            ("P[", vec![]),
            ("[]", vec![]),
        ] {
            assert_eq!(texts(Names::AsWritten, path), expected, "{path}");
        }
    }

    #[test]
    fn names_may_be_of_any_case() {
        assert_eq!(texts(Names::AnyCase, "folders[].ITEMS[].id").len(), 3);
        assert_eq!(texts(Names::AsWritten, "folders[].ITEMS[].id").len(), 0);
        assert_eq!(Names::AnyCase.key("ClientIP"), "clientip");
    }

    #[test]
    fn chosen_values_are_changed_and_no_others() {
        let mut object = crate::json::object(RECORD).unwrap_or_default();
        let steps = Place::parse("P[Name=s].Value").steps;
        if let Some(value) = Names::AsWritten.within_mut(&mut object, "P") {
            Names::AsWritten.change(value, &steps, &mut |value| *value = Json::Null);
        }
        let shown = Json::Object(Box::new(object)).to_string();
        assert!(
            shown.contains(r#""Value":"v""#) && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[test]
    fn a_place_in_a_list_may_mean_every_element() {
        for (path, expected) in [
            ("a.b[0]", "a.b[]"),
            ("a[-1].b", "a[].b"),
            ("a[0][1].b", "a[][].b"),
            ("a[].b", "a[].b"),
            ("a[n=x].b[2]", "a[n=x].b[]"),
            ("a", "a"),
        ] {
            assert_eq!(Place::everywhere(path), Place::parse(expected), "{path}");
        }
    }
}
