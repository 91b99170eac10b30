//! Walking through a FHIR resource: the same thing has other names in DSTU2, STU3, R4 and R5.

use crate::json::{Json, Object};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// What lies at a dotted path; of a list the first element.
pub fn at<'o>(object: &'o Object<'o>, path: &str) -> Option<&'o Json<'o>> {
    let (head, rest) = path
        .split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)));
    let value = first(object.get(head)?)?;
    match rest {
        None => Some(value),
        Some(rest) => at(value.as_object()?, rest),
    }
}

fn first<'o>(value: &'o Json<'o>) -> Option<&'o Json<'o>> {
    match value {
        Json::Array(items) => items.first(),
        other => Some(other),
    }
}

/// The text at the first of several paths that has one.
pub fn text<'o>(object: &'o Object<'o>, paths: &[&str]) -> Option<&'o str> {
    paths
        .iter()
        .find_map(|path| at(object, path)?.as_str().filter(|text| !text.trim().is_empty()))
}

/// The objects of a list, or of what stands where a list could.
pub fn objects<'o>(object: &'o Object<'o>, name: &str) -> Vec<&'o Object<'o>> {
    match object.get(name) {
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_object).collect(),
        Some(Json::Object(inner)) => vec![inner],
        _ => Vec::new(),
    }
}

/// The codes of a member, each with its system: of a Coding, a list of them, or CodeableConcepts.
pub fn codes<'o>(object: &'o Object<'o>, name: &str) -> Vec<(&'o str, &'o str)> {
    objects(object, name)
        .into_iter()
        .flat_map(|concept| match concept.contains_key("coding") {
            true => objects(concept, "coding"),
            false => vec![concept],
        })
        .filter_map(|coding| {
            Some((
                text(coding, &["system"]).unwrap_or(""),
                text(coding, &["code", "display"])?,
            ))
        })
        .collect()
}

/// Who or what a reference means: by identifier, by reference, by name.
pub fn named<'o>(object: &'o Object<'o>, name: &str) -> Option<&'o str> {
    let inner = at(object, name)?.as_object()?;
    text(inner, &["identifier.value", "value", "reference", "display"])
}

/// `Patient/7` of a reference to a patient, however it is written: relative, absolute, with a version.
pub fn patient(reference: &str) -> Option<String> {
    let path = reference.split(['?', '#']).next()?;
    let mut parts = path.split('/');
    parts.find(|part| *part == "Patient")?;
    let id = parts.next().filter(|id| !id.is_empty())?;
    Some(format!("Patient/{id}"))
}

/// The text of a base64 value; what is none stays as it is.
pub fn decoded(text: &str) -> Cow<'_, str> {
    let bare: String = text.split_ascii_whitespace().collect();
    match STANDARD.decode(bare) {
        Ok(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        Err(_) => Cow::Borrowed(text),
    }
}

/// A text as base64.
pub fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_patients_are_known_however_they_are_written() {
        for (reference, expected) in [
            ("Patient/7", Some("Patient/7")),
            ("Patient/7/_history/2", Some("Patient/7")),
            ("https://ehr.example/fhir/Patient/a-7?x", Some("Patient/a-7")),
            ("Patient/", None),
            ("Patient?name=x", None),
            ("Observation/7", None),
            ("#Patient/7", None),
        ] {
            assert_eq!(patient(reference).as_deref(), expected, "{reference}");
        }
    }

    #[test]
    fn codes_are_found_in_codings_and_concepts() {
        let text =
            r#"{"a":{"system":"s","code":"1"},"b":[{"coding":[{"code":"2"},{"display":"x"}]},{"code":"3"}]}"#;
        let object = crate::json::object(text).unwrap_or_default();
        assert_eq!(codes(&object, "a"), [("s", "1")]);
        assert_eq!(codes(&object, "b"), [("", "2"), ("", "x"), ("", "3")]);
        assert_eq!(decoded("aGk="), "hi");
        assert_eq!(decoded("not base64"), "not base64");
    }
}
