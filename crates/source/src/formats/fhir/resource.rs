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

/// The resources that stand within an event, to which its references `#id` lead: another event's `#id` is another's.
pub struct Contained<'o> {
    resources: Vec<&'o Object<'o>>,
    event: Option<&'o str>,
}

impl<'o> Contained<'o> {
    pub fn of(fields: &'o Object<'o>) -> Self {
        Self {
            resources: objects(fields, "contained"),
            event: text(fields, &["id"]),
        }
    }

    /// Who or what a reference means: by identifier, by reference, by name.
    pub fn named(&self, object: &'o Object<'o>, name: &str) -> Option<Cow<'o, str>> {
        let inner = at(object, name)?.as_object()?;
        let by_identifier = text(inner, &["identifier.value", "value"]).map(Cow::Borrowed);
        by_identifier
            .or_else(|| self.referred(text(inner, &["reference"])?))
            .or_else(|| text(inner, &["display"]).map(Cow::Borrowed))
    }

    /// As [`Self::named`], but not by what several may be called.
    pub fn named_surely(&self, inner: &Object<'_>) -> Option<String> {
        let by_identifier = text(inner, &["identifier.value"]).map(str::to_owned);
        by_identifier.or_else(|| Some(self.referred(text(inner, &["reference"])?)?.into_owned()))
    }

    /// What a reference leads to, however it is written; what stands within the event, by its identifier.
    fn referred<'r>(&self, reference: &'r str) -> Option<Cow<'r, str>>
    where
        'o: 'r,
    {
        if !reference.starts_with('#') {
            return Some(literal(reference));
        }
        let found = self.at(reference)?;
        let by_identifier = text(found, &["identifier.value", "practitioner.identifier.value"]);
        by_identifier
            .map(Cow::Borrowed)
            .or_else(|| Some(literal(text(found, &["practitioner.reference"])?)))
    }

    /// A name for what stands within the event and has none that others would know.
    pub fn local(&self, reference: &str) -> Option<String> {
        let event = self.event.filter(|_| reference.starts_with('#'))?;
        Some(format!("AuditEvent/{event}{reference}"))
    }

    pub fn is_patient(&self, reference: &str) -> bool {
        self.at(reference)
            .is_some_and(|found| text(found, &["resourceType"]) == Some("Patient"))
    }

    fn at(&self, reference: &str) -> Option<&'o Object<'o>> {
        let id = reference.strip_prefix('#')?;
        let mut resources = self.resources.iter().copied();
        resources.find(|resource| text(resource, &["id"]) == Some(id))
    }
}

/// `Practitioner/17` of a reference to a resource, however it is written: relative, absolute, with a version. What is
/// none of these stays.
fn literal(reference: &str) -> Cow<'_, str> {
    let plain = reference
        .split_once("/_history/")
        .map_or(reference, |(head, _)| head);
    let is_kind = |kind: &str| {
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphabetic())
    };
    let mut parts = plain.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(id), Some(kind)) if !id.is_empty() && is_kind(kind) => Cow::Owned(format!("{kind}/{id}")),
        _ => Cow::Borrowed(reference),
    }
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
    fn references_have_one_form() {
        for (reference, expected) in [
            ("Practitioner/17", "Practitioner/17"),
            ("Practitioner/17/_history/2", "Practitioner/17"),
            ("https://ehr.example/fhir/Practitioner/17", "Practitioner/17"),
            ("urn:uuid:17", "urn:uuid:17"),
            ("https://ehr.example/staff/17", "https://ehr.example/staff/17"),
            ("Practitioner/", "Practitioner/"),
        ] {
            assert_eq!(literal(reference), expected);
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
