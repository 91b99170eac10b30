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

mod rules;
mod spec;

use crate::csv::Dialect;
use crate::elements::IsRecord;
use crate::json::Object;
use crate::redact::Redactor;
use crate::{Context, Error, RejectReason};
use ambit_event::Event;
use rules::{KnownKeys, Rulebook};
use spec::Spec;
use std::path::Path;
use std::sync::Arc;

pub use spec::Form;

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

    pub(crate) fn form(&self) -> Form {
        self.spec.format
    }

    pub(crate) fn log_format(&self) -> Option<&str> {
        self.spec.log_format.as_deref()
    }

    /// How its CSV records are divided.
    pub(crate) fn dialect(&self) -> Dialect {
        Dialect {
            delimiter: self.spec.csv.delimiter,
            has_quotes: self.spec.csv.quotes,
        }
    }

    /// The names of its CSV fields; empty where the first record names them.
    pub(crate) fn csv_columns(&self) -> &[String] {
        &self.spec.csv.columns
    }

    pub(crate) fn confidence(&self) -> u8 {
        self.spec.recognize.confidence.unwrap_or(85).min(100)
    }

    /// Whether it says by which fields its records are known.
    pub(crate) fn is_choosy(&self) -> bool {
        let recognize = &self.spec.recognize;
        !recognize.present.is_empty() || !recognize.values.is_empty()
    }

    /// Whether a record has the fields by which it is known.
    pub(crate) fn knows(&self, fields: &Object<'_>) -> bool {
        let recognize = &self.spec.recognize;
        let value = |path: &str| rules::find(fields, path);
        recognize.present.iter().all(|path| value(path).is_some())
            && recognize
                .values
                .iter()
                .all(|(path, wanted)| value(path).is_some_and(|found| wanted.as_slice().contains(&found)))
    }

    /// Tells an object that is a record, with a time, from one that holds records.
    pub(crate) fn record_test(&self) -> IsRecord {
        let rules = Arc::clone(&self.rules);
        Arc::new(move |fields| rules.has_time(fields))
    }

    /// Its rules, ready for the records of one file.
    pub(crate) fn mapper(&self, context: &Context) -> Mapper {
        Mapper {
            rules: Arc::clone(&self.rules),
            source: self.spec.name.clone(),
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
    let needs = spec.recognize.present.join(", ");
    format!(
        "{}: {doc}\n\nKnown by the fields: {needs}\nFills: {}\n",
        spec.name,
        columns.join(", ")
    )
}

/// Applies a mapping's rules to records that were divided into fields already.
pub struct Mapper {
    rules: Arc<Rulebook>,
    source: String,
    context: Context,
    redactor: Redactor,
    keys: KnownKeys,
}

impl Mapper {
    /// The event that the fields tell, of a record of so many bytes.
    pub fn event(&mut self, fields: Object<'_>, n_bytes: usize) -> Result<Event, RejectReason> {
        let mut event = Event {
            source: self.source.clone(),
            ..Event::default()
        };
        let keys = &mut self.keys;
        let kept = self
            .rules
            .fill(&mut event, fields, &self.context, &mut self.redactor, keys)?;
        event.fields = kept.kept(n_bytes + n_bytes / 8);
        Ok(event)
    }
}
