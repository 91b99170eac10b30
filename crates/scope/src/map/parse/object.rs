//! Operations on objects and records: which ones are meant, how many there are, what credentials lie in them.

use super::reader::{At, Reader, Section};
use crate::map::model::{Attribute, Condition, Match, Place, Recorded};
use crate::map::nearest::did_you_mean;
use crate::map::route::{Glob, ObjectPath};
use ambit_event::{Observable, ObservableKind, printable};

/// What a condition can look at.
const ATTRIBUTES: &[&str] = &["activity", "resource", "query", "user"];
/// The lists that can name records.
const LISTS: &[&str] = &["record_count", "parameters", "subject_refs"];

impl Reader<'_> {
    /// `None` where it is wrong.
    pub(super) fn resource(
        &mut self,
        s: Section<'_>,
        matches: Option<&At<Match>>,
    ) -> Option<Option<ObjectPath>> {
        let Some(text) = self.text(s, "resource") else {
            return Some(None);
        };
        if matches!(matches.map(|m| &m.value), Some(Match::Route(_))) {
            let hint = "a route says the path already: leave it out, or write `api` instead of `match`";
            let title = "an operation with a route has no `resource`";
            self.error("bad-resource", text.span, title, Some(hint.to_owned()));
            return None;
        }
        match ObjectPath::parse(&text.value) {
            Ok(pattern) => Some(Some(pattern)),
            Err(why) => {
                let hint = "the object's name as the log writes it: `s3://media/users/{user}/{file...}`";
                self.error(
                    "bad-resource",
                    text.span,
                    &printable(&why, 200),
                    Some(hint.to_owned()),
                );
                None
            }
        }
    }

    pub(super) fn conditions(&mut self, s: Section<'_>) -> Vec<Condition> {
        let pairs = self.pairs(s, "when");
        pairs
            .into_iter()
            .filter_map(|(name, pattern)| {
                Some(Condition {
                    attribute: self.attribute(&name, &pattern)?,
                    pattern: Glob::new(&pattern.value),
                })
            })
            .collect()
    }

    fn attribute(&mut self, name: &str, at: &At<String>) -> Option<Attribute> {
        match name {
            "activity" => Some(Attribute::Activity),
            "resource" => Some(Attribute::Resource),
            "query" => Some(Attribute::Query),
            "user" => Some(Attribute::User),
            _ => {
                let field = name.strip_prefix("field.").filter(|path| !path.is_empty());
                if field.is_none() {
                    let near = did_you_mean(name, ATTRIBUTES.iter().copied());
                    let forms = "write activity, resource, query, user or \"field.X\"";
                    let title = format!("a condition cannot look at `{}`", printable(name, 60));
                    self.error(
                        "bad-when",
                        at.span.clone(),
                        &title,
                        Some(near.unwrap_or_else(|| forms.to_owned())),
                    );
                }
                field.map(|path| Attribute::Field(path.to_owned()))
            }
        }
    }

    pub(super) fn recorded(&mut self, s: Section<'_>) -> Option<Recorded> {
        let text = self.text(s, "records")?;
        match text.value.as_str() {
            "record_count" => Some(Recorded::Count),
            "parameters" => Some(Recorded::Named(Place::Parameters)),
            "subject_refs" => Some(Recorded::Named(Place::SubjectRefs)),
            _ => {
                self.no_such(&text, "list of records", LISTS);
                None
            }
        }
    }

    pub(super) fn opens(&mut self, s: Section<'_>) -> Option<Vec<Observable>> {
        s.get("opens")?;
        let texts = self.texts(s, "opens");
        let credentials = texts.iter().filter_map(|text| self.held(text));
        Some(credentials.collect())
    }

    /// A session, a token or an account.
    fn held(&mut self, text: &At<String>) -> Option<Observable> {
        let is_credential = |o: &Observable| {
            matches!(
                o.kind,
                ObservableKind::Session | ObservableKind::Token | ObservableKind::Account
            )
        };
        let credential = Observable::parse(&text.value).ok().filter(is_credential);
        if credential.is_none() {
            let title = format!("`{}` is no credential", printable(&text.value, 60));
            let hint = "write what the logs call it: `account=db/app`, `token=AKIA…`, `session=…`";
            self.error("bad-opens", text.span.clone(), &title, Some(hint.to_owned()));
        }
        credential
    }
}
