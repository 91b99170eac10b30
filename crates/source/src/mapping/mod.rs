//! Sources that are declared rather than programmed: JSON, logfmt, CSV and access logs by a small TOML file.
//!
//! ```
//! use ambit_source::Mapping;
//!
//! let mapping = Mapping::parse(
//!     r#"
//!     name = "shop_api"
//!     format = "json"
//!     [recognize]
//!     present = ["ts", "route", "sub"]
//!     [time]
//!     field = "ts"
//!     [columns]
//!     actor_user_uid = "sub"
//!     api_operation = { template = "{method} {route}" }
//!     actor_session_uid = { field = "sid", transform = ["sha256", "prefix:16"] }
//!     outcome = { field = "result", map = { ok = "success", "*" = "failure" } }
//!     "#,
//!     "shop_api.toml",
//! )?;
//! assert_eq!(mapping.name(), "shop_api");
//! # Ok::<(), ambit_source::Error>(())
//! ```
//!
//! [`Mapping::MANUAL`] tells all of it.

mod held;
mod layer;
mod path;
mod rule;
mod rules;
mod spec;
mod transform;

use crate::elements::IsRecord;
use crate::json::{self, Json, Object};
use crate::redact::{Quotes, Redactor};
use crate::{Context, Error, Output, RejectReason};
use ambit_event::Event;
use path::Names;
use rules::{KnownKeys, Rulebook};
use spec::{Spec, Texts};
use std::path::Path;
use std::sync::Arc;

pub use held::{Held, Kind};
pub use layer::Own;
pub use spec::Form;

/// How many programs may have put a record into one of their own, one after the other.
const LAYERS: usize = 3;

/// A declared source: how its records are written, and what their fields mean.
#[derive(Debug, Clone)]
pub struct Mapping {
    spec: Arc<Spec>,
    rules: Arc<Rulebook>,
    manual: Arc<str>,
}

impl Mapping {
    /// How mappings are written.
    pub const MANUAL: &str = include_str!("manual.txt");

    /// Reads a mapping; `origin` says where it stands, for errors.
    ///
    /// # Errors
    /// [`Error::Mapping`] with what is wrong and where.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let spec = spec::parse(text, origin)?;
        let rules = Rulebook::new(&spec, origin)?;
        let manual = manual(&spec).into();
        Ok(Self {
            spec: Arc::new(spec),
            rules: Arc::new(rules),
            manual,
        })
    }

    /// Reads a mapping file.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Mapping`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let origin = path.to_string_lossy();
        let text = std::fs::read_to_string(path).map_err(|why| Error::Read {
            path: origin.clone().into_owned(),
            why: why.to_string(),
        })?;
        Self::parse(&text, &origin)
    }

    /// The name of the source that it declares.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The manual page that its text makes.
    #[must_use]
    pub fn manual(&self) -> &str {
        &self.manual
    }

    /// The source of its events: its name, unless it is one form among several of a log.
    #[must_use]
    pub fn source(&self) -> &str {
        self.spec.source()
    }

    pub(crate) fn form(&self) -> Form {
        self.spec.format
    }

    pub(crate) fn log_format(&self) -> Option<&str> {
        self.spec.log_format.as_deref()
    }

    /// What stands between its CSV fields, where that is said.
    pub(crate) fn delimiter(&self) -> Option<char> {
        self.spec.csv.delimiter
    }

    /// Whether its CSV fields may stand in quotes.
    pub(crate) fn has_quotes(&self) -> bool {
        self.spec.csv.quotes.unwrap_or(true)
    }

    /// The names of its CSV fields; empty where the first record names them.
    pub(crate) fn csv_columns(&self) -> &[String] {
        &self.spec.csv.columns
    }

    pub(crate) fn confidence(&self) -> u8 {
        self.spec.recognize.confidence.unwrap_or(85).min(100)
    }

    /// Whether a record's own name is unique, whichever host it comes from.
    pub(crate) fn names_everywhere(&self) -> bool {
        self.spec.id.as_ref().is_some_and(|id| id.everywhere)
    }

    /// Whether it says by which fields its records are known.
    pub(crate) fn is_choosy(&self) -> bool {
        let recognize = &self.spec.recognize;
        let is_bare = recognize.present.is_empty() && recognize.any.is_empty();
        !is_bare || !recognize.values.is_empty() || !recognize.columns.is_empty()
    }

    /// Whether a record has the fields by which it is known.
    pub(crate) fn knows(&self, fields: &Object<'_>) -> bool {
        let recognize = &self.spec.recognize;
        let has = |mark: &String| self.has(fields, mark);
        recognize.present.iter().all(|any| any.as_slice().iter().any(has))
            && (recognize.any.is_empty() || recognize.any.iter().any(|all| all.iter().all(has)))
            && recognize.values.iter().all(|(path, wanted)| {
                let found = self.names().find(fields, path);
                found.is_some_and(|found| wanted.as_slice().iter().any(|w| rule::fits(w, &found)))
            })
    }

    /// Whether a CSV file with these columns may be its own; `None` where it does not say by which it is known.
    pub(crate) fn knows_columns(&self, columns: &Object<'_>) -> Option<bool> {
        let wanted = &self.spec.recognize.columns;
        let mut wanted = wanted.iter().map(|any| any.as_slice().iter());
        (wanted.len() > 0).then(|| wanted.all(|mut any| any.any(|mark| self.has(columns, mark))))
    }

    /// Whether one of its rules asks for a field of this name.
    pub(crate) fn reads(&self, name: &str) -> bool {
        self.rules.reads(name)
    }

    /// Whether a field is there, by its path or as `path=pattern`.
    fn has(&self, fields: &Object<'_>, mark: &str) -> bool {
        let Some((path, wanted)) = mark.split_once('=') else {
            let found = self.names().within(fields, mark);
            return found.is_some_and(|found| *found != Json::Null);
        };
        self.names()
            .find(fields, path)
            .is_some_and(|found| rule::fits(wanted, &found))
    }

    fn names(&self) -> Names {
        self.spec.names()
    }

    /// Tells an object that is a record, with a time, from one that holds records.
    pub(crate) fn record_test(&self) -> IsRecord {
        let mapping = self.clone();
        Arc::new(move |fields| {
            let has_time = |fields: &Object<'_>| mapping.rules.has_time(fields);
            has_time(fields)
                || mapping.find_within(fields, LAYERS, &mut |inner, _| has_time(inner)) == Some(true)
                || mapping.is_encoded(fields, has_time)
        })
    }

    /// Whether it knows the record, or the one that stands within it.
    pub(crate) fn knows_within(&self, fields: &Object<'_>) -> bool {
        self.knows_plain(fields) || self.is_encoded(fields, |inner| self.knows_plain(inner))
    }

    /// As [`Self::knows_within`], but for what stands in base64.
    fn knows_plain(&self, fields: &Object<'_>) -> bool {
        self.knows(fields)
            || self.find_within(fields, LAYERS, &mut |_, _| ()).is_some()
            || self.has_list(fields, LAYERS)
    }

    fn is_encoded(&self, fields: &Object<'_>, test: impl Fn(&Object<'_>) -> bool) -> bool {
        self.decoded(fields)
            .any(|text| json::object(text.trim()).is_ok_and(|inner| test(&inner)))
    }

    /// The texts that stand in base64 within a record, as queues of messages hand them on, and look like objects.
    pub(crate) fn decoded(&self, fields: &Object<'_>) -> impl Iterator<Item = String> {
        self.spec.encoded.as_slice().iter().filter_map(|path| {
            let written = self.names().within(fields, path)?.as_str()?;
            let text = String::from_utf8(transform::decoded(written)?).ok()?;
            text.trim_start().starts_with('{').then_some(text)
        })
    }

    /// Whether its records may stand within others.
    pub(crate) fn is_within(&self) -> bool {
        !self.spec.within.as_slice().is_empty() || !self.spec.encoded.as_slice().is_empty()
    }

    /// The fields in which a list of records may stand.
    fn lists(&self) -> impl Iterator<Item = &str> {
        let paths = self.spec.within.as_slice().iter();
        paths.filter_map(|path| path.strip_suffix("[]"))
    }

    /// Whether a list with a known record stands in one, however many programs have handed it on.
    fn has_list(&self, fields: &Object<'_>, layers: usize) -> bool {
        if self.lists().next().is_none() {
            return false;
        }
        let is_known = |item: &Json<'_>| item.as_object().is_some_and(|item| self.knows(item));
        let is_list = |path: &str| match self.names().within(fields, path) {
            Some(Json::Array(items)) => items.iter().any(is_known),
            _ => false,
        };
        let mut paths = self.spec.within.as_slice().iter().filter(|_| layers > 0);
        self.lists().any(is_list)
            || paths.any(|path| match self.names().within(fields, path) {
                Some(Json::Object(inner)) => self.has_list(inner, layers - 1),
                Some(Json::Text(text)) if text.trim_start().starts_with('{') => {
                    json::object(text.trim()).is_ok_and(|inner| self.has_list(&inner, layers - 1))
                }
                _ => false,
            })
    }

    /// A record that was cut off within another is not to pass for the other.
    pub(crate) fn readable_within(&self, fields: &Object<'_>) -> Result<(), RejectReason> {
        for path in self.spec.within.as_slice() {
            if let Some(Json::Text(text)) = self.names().within(fields, path)
                && text.trim_start().starts_with('{')
            {
                json::object(text.trim()).map_err(|why| RejectReason::field(path, why.reason))?;
            }
        }
        Ok(())
    }

    /// Goes through the fields in which a record may stand, layer by layer, to the first that is known.
    fn find_within<R>(
        &self,
        fields: &Object<'_>,
        layers: usize,
        then: &mut dyn FnMut(&Object<'_>, usize) -> R,
    ) -> Option<R> {
        let paths = self.spec.within.as_slice();
        paths
            .iter()
            .filter(|_| layers > 0)
            .find_map(|path| match self.names().within(fields, path)? {
                Json::Object(inner) => self.one_layer(inner, 0, layers, then),
                Json::Text(text) if text.trim_start().starts_with('{') => {
                    self.one_layer(&json::object(text.trim()).ok()?, text.len(), layers, then)
                }
                _ => None,
            })
    }

    fn one_layer<R>(
        &self,
        inner: &Object<'_>,
        n_bytes: usize,
        layers: usize,
        then: &mut dyn FnMut(&Object<'_>, usize) -> R,
    ) -> Option<R> {
        if self.knows(inner) {
            return Some(then(inner, n_bytes));
        }
        self.find_within(inner, layers - 1, then)
    }

    /// Its rules, ready for the records of one file.
    pub(crate) fn mapper(&self, context: &Context) -> Mapper {
        Mapper {
            rules: Arc::clone(&self.rules),
            source: self.source().to_owned(),
            texts: self.spec.json.clone(),
            names: self.names(),
            context: context.clone(),
            redactor: Redactor::new(&context.keys),
            keys: KnownKeys::default(),
        }
    }

    /// A mapping that is part of the program.
    pub(crate) fn embedded(text: &str, name: &str) -> Self {
        match Self::parse(text, name) {
            Ok(mapping) => mapping,
            Err(error) => unreachable!("an embedded mapping is well formed: {error}"),
        }
    }
}

fn manual(spec: &Spec) -> String {
    let doc = spec.doc.trim();
    let columns: Vec<&str> = spec.columns.keys().map(String::as_str).collect();
    let recognize = &spec.recognize;
    let one_of = |any: &Texts| any.as_slice().join(" or ");
    let marks = recognize.present.iter().chain(&recognize.columns).map(one_of);
    let groups: Vec<String> = recognize.any.iter().map(|all| all.join(" and ")).collect();
    let groups = Some(groups.join("; or ")).filter(|groups| !groups.is_empty());
    let needs: Vec<String> = marks.chain(groups).collect();
    format!(
        "{}: {doc}\n\nKnown by the fields: {}\nFills: {}\n",
        spec.name,
        needs.join(", "),
        columns.join(", ")
    )
}

/// Applies a mapping's rules to records that were divided into fields already.
pub struct Mapper {
    rules: Arc<Rulebook>,
    source: String,
    /// Fields whose texts are JSON.
    texts: Vec<String>,
    names: Names,
    context: Context,
    redactor: Redactor,
    keys: KnownKeys,
}

impl Mapper {
    /// What takes the secrets out of its records.
    pub fn redactor(&mut self) -> &mut Redactor {
        &mut self.redactor
    }

    /// As [`Self::decode`], for the fields that stand in this text: as they are, or behind a backslash.
    pub fn decode_from(
        &mut self,
        text: &str,
        quotes: Quotes,
        fields: Object<'_>,
        n_bytes: usize,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        self.redactor.look_at(text, quotes);
        let result = self.decode(fields, n_bytes, out);
        self.redactor.look_away();
        result
    }

    /// Gives out the event that the fields tell, of a record of so many bytes, and what they say of others.
    pub fn decode(
        &mut self,
        mut fields: Object<'_>,
        n_bytes: usize,
        out: &mut Output,
    ) -> Result<(), RejectReason> {
        self.read_texts(&mut fields);
        let mut event = Event {
            source: self.source.clone(),
            ..Event::default()
        };
        let keys = &mut self.keys;
        let kept = self
            .rules
            .fill(&mut event, fields, &self.context, &mut self.redactor, keys, out)?;
        event.fields = kept.kept(n_bytes + n_bytes / 8);
        out.push(event);
        Ok(())
    }

    /// As [`Self::decode`], the event alone.
    pub fn event(&mut self, fields: Object<'_>, n_bytes: usize) -> Result<Event, RejectReason> {
        let mut out = Output::default();
        self.decode(fields, n_bytes, &mut out)?;
        out.events
            .pop()
            .ok_or_else(|| RejectReason::new("the record tells nothing"))
    }

    fn read_texts(&self, fields: &mut Object<'_>) {
        for path in &self.texts {
            if let Some(value) = self.names.within_mut(fields, path)
                && let Some(inner) = value.as_str().and_then(json::nested)
            {
                *value = inner;
            }
        }
    }
}
