//! A mapping made ready: fields found once, then each column's rule.

use super::path::{self, below};
use super::spec::{self, Instant, RuleSpec, Spec};
use crate::json::{Json, Object};
use crate::quick::Quick;
use crate::redact::Redactor;
use crate::time::{self, Clock};
use crate::{Context, Error, RejectReason, http, redact};
use ambit_event::{Column, ColumnKind, Event, EventId, Keys, Outcome, printable};
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// A mapping made ready. Fields are looked up by going once through a record, whatever the number of rules.
#[derive(Debug, Clone)]
pub struct Rulebook {
    /// For each first key of a path: the slots that it may fill, and what remains of the path below it.
    heads: HashMap<String, Vec<(usize, String)>, Quick>,
    n_slots: usize,
    time: TimeRule,
    http: HttpRule,
    columns: Vec<(Column, Vec<Rule>)>,
    duration: Vec<Rule>,
    /// Paths whose values are secrets, with what is done to them before they are fingerprinted.
    secrets: BTreeMap<String, Vec<Transform>>,
    /// Those of them that may lie within a field.
    nested_secrets: Vec<(String, Vec<Transform>)>,
    id: Option<IdRule>,
}

#[derive(Debug, Clone)]
struct TimeRule {
    source: Picker,
    format: TimeFormat,
    zone: Option<TimeZone>,
    /// Nanoseconds below which the producer's clock tells nothing.
    coarsest: i64,
    is: Instant,
}

#[derive(Debug, Clone)]
enum TimeFormat {
    Auto,
    Epoch(i64),
    Pattern(String),
}

#[derive(Debug, Clone)]
struct HttpRule {
    request: Picker,
    method: Picker,
    uri: Picker,
    query: Picker,
    status: Picker,
    bytes: Picker,
}

#[derive(Debug, Clone)]
struct Rule {
    from: Picker,
    /// The fields that must fit one of their patterns each.
    when: Vec<(usize, Vec<String>)>,
    map: Vec<(String, String)>,
    transform: Vec<Transform>,
    unit: Option<i64>,
    split: Option<String>,
}

/// Where the producer's own name of a record comes from.
#[derive(Debug, Clone)]
struct IdRule {
    from: Picker,
    /// In which it means something.
    family: String,
    /// On every host, or on that of the record.
    everywhere: bool,
}

/// Where a text comes from.
#[derive(Debug, Clone)]
enum Picker {
    /// The first of these fields that is there, and what to take of each element where it is a list.
    Fields(Vec<(usize, Option<String>)>),
    Constant(String),
    Template(Template),
}

/// Texts with fields between, and the text behind the last.
#[derive(Debug, Clone)]
struct Template {
    parts: Vec<(String, FieldPart)>,
    end: String,
}

/// A field in a template, with what is done to it first.
#[derive(Debug, Clone)]
struct FieldPart {
    slot: usize,
    transforms: Vec<Transform>,
}

/// What is done to a text before it becomes a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    Sha256,
    Lower,
    Upper,
    Trim,
    Prefix(usize),
    Suffix(usize),
    StripPrefix(String),
    StripSuffix(String),
    Before(String),
    After(String),
    Bearer,
    /// An IP address in its usual form; what is none is absent.
    Address,
}

/// The columns that hold credentials: always keyed fingerprints.
const CREDENTIALS: &[Column] = &[
    Column::ActorSession,
    Column::ActorCredential,
    Column::IssuedSession,
    Column::IssuedCredential,
];

struct Builder {
    origin: String,
    heads: HashMap<String, Vec<(usize, String)>, Quick>,
    slots: BTreeMap<String, usize>,
    secrets: BTreeMap<String, Vec<Transform>>,
}

impl Rulebook {
    /// Makes a mapping ready.
    pub fn new(spec: &Spec, origin: &str) -> Result<Self, Error> {
        let mut builder = Builder {
            origin: origin.to_owned(),
            heads: HashMap::default(),
            slots: BTreeMap::new(),
            secrets: spec
                .secrets
                .fields
                .iter()
                .map(|f| (f.clone(), Vec::new()))
                .collect(),
        };
        let mut columns = builder.columns(spec)?;
        let at = columns.iter().position(|(column, _)| *column == Column::Duration);
        let duration = at.map(|at| columns.remove(at).1).unwrap_or_default();
        let time = builder.time(&spec.time)?;
        let http = builder.http(&spec.http);
        let id = match &spec.id {
            None => None,
            Some(id) => Some(IdRule {
                from: builder.id(id)?,
                family: id.family.clone().unwrap_or_else(|| spec.name.clone()),
                everywhere: id.everywhere,
            }),
        };
        Ok(Self {
            heads: builder.heads,
            n_slots: builder.slots.len(),
            time,
            http,
            columns,
            duration,
            nested_secrets: builder
                .secrets
                .iter()
                .filter(|(path, _)| path.contains('.'))
                .map(|(path, transform)| (path.clone(), transform.clone()))
                .collect(),
            secrets: builder.secrets,
            id,
        })
    }

    /// Fills an event by what a record's fields tell, and gives them back without their secrets.
    pub fn fill<'r>(
        &self,
        event: &mut Event,
        mut fields: Object<'r>,
        context: &Context,
        redactor: &mut Redactor,
        keys: &mut KnownKeys,
    ) -> Result<Object<'r>, RejectReason> {
        keys.learn(&fields, self, redactor);
        let mut slots = vec![None; self.n_slots];
        for (nth, (name, value)) in fields.iter().enumerate() {
            match keys.nth(nth) {
                Some(key) => lay_into(&mut slots, &key.heads, value),
                None => lay_into(&mut slots, self.heads_of(name), value),
            }
        }
        let clock = self.time.read(&slots, context)?;
        event.duration = first(&self.duration, |rule| rule.integer(&slots));
        set_time(event, clock, self.time.is);
        self.http.fill(event, &slots, redactor);
        for (column, rules) in &self.columns {
            fill(event, *column, rules, &slots, &context.keys);
        }
        if event.actor_user.is_none() {
            event.actor_realm = None;
        }
        if let Some(id) = &self.id
            && let Some(native) = id.from.text(&slots)
        {
            let host = event.host.as_deref().or(context.host.as_deref());
            let host = host.filter(|_| !id.everywhere).unwrap_or("");
            event.id = EventId::native(&id.family, host, &native);
        }
        drop(slots);
        self.redact(redactor, &mut fields, keys);
        Ok(fields)
    }

    /// Whether the fields that tell the time are there.
    pub fn has_time(&self, fields: &Object<'_>) -> bool {
        let mut slots = vec![None; self.n_slots];
        for (name, value) in fields.iter() {
            lay_into(&mut slots, self.heads_of(name), value);
        }
        self.time.source.text(&slots).is_some()
    }

    fn heads_of(&self, name: &str) -> &[(usize, String)] {
        self.heads.get(name).map_or(&[], Vec::as_slice)
    }

    /// Takes the secrets out of the fields. What feeds a credential's column becomes the same fingerprint.
    fn redact(&self, redactor: &mut Redactor, fields: &mut Object<'_>, keys: &KnownKeys) {
        for (nth, (name, value)) in fields.iter_mut().enumerate() {
            let transform = match keys.nth(nth) {
                Some(key) => key.transform.as_ref(),
                None => self.secrets.get(name),
            };
            if let Some(transform) = transform {
                fingerprint(&redactor.keys, transform, value);
            }
        }
        for (path, transform) in &self.nested_secrets {
            if !fields.contains_key(path)
                && let Some((head, rest)) = path.split_once('.')
                && let Some(value) = fields.get_mut(head.trim_end_matches("[]"))
            {
                fingerprint_below(&redactor.keys, transform, value, rest);
            }
        }
        for (nth, (name, value)) in fields.iter_mut().enumerate() {
            let is_secret = match keys.nth(nth) {
                Some(key) => key.is_secret,
                None => redactor.is_secret(name),
            };
            if is_secret {
                redactor.secret(value);
            } else {
                redactor.value(value);
            }
        }
    }
}

/// Each slot takes the first value that is found for it.
fn lay_into<'f>(slots: &mut [Option<&'f Json<'f>>], heads: &[(usize, String)], value: &'f Json<'f>) {
    for (slot, rest) in heads {
        if slots[*slot].is_none() {
            slots[*slot] = below(value, rest);
        }
    }
}

/// Keys that are remembered; attackers may invent more.
const KEYS: usize = 1024;

/// What a rulebook and a redactor say of the keys that were seen. The records of a log have the same keys in
/// the same order, so that a key is mostly the one that stood in its place in the record before.
#[derive(Debug, Clone, Default)]
pub struct KnownKeys {
    keys: Vec<KnownKey>,
    by_name: HashMap<String, usize, Quick>,
    /// For each field of the record at hand its key's place, [`KEYS`] for a key that is not remembered.
    places: Vec<usize>,
}

#[derive(Debug, Clone)]
struct KnownKey {
    name: String,
    heads: Vec<(usize, String)>,
    transform: Option<Vec<Transform>>,
    is_secret: bool,
}

impl KnownKeys {
    /// Finds the keys of a record; [`Self::nth`] speaks of that record until the next one.
    fn learn(&mut self, fields: &Object<'_>, rules: &Rulebook, redactor: &mut Redactor) {
        for (nth, (name, _)) in fields.iter().enumerate() {
            if self.nth(nth).is_some_and(|key| key.name == name) {
                continue;
            }
            let place = match self.by_name.get(name) {
                Some(place) => *place,
                None => self.remember(name, rules, redactor),
            };
            match self.places.get_mut(nth) {
                Some(known) => *known = place,
                None => self.places.push(place),
            }
        }
        self.places.truncate(fields.len());
    }

    fn nth(&self, nth: usize) -> Option<&KnownKey> {
        self.keys.get(*self.places.get(nth)?)
    }

    fn remember(&mut self, name: &str, rules: &Rulebook, redactor: &mut Redactor) -> usize {
        if self.keys.len() == KEYS {
            return KEYS;
        }
        self.keys.push(KnownKey {
            name: name.to_owned(),
            heads: rules.heads_of(name).to_vec(),
            transform: rules.secrets.get(name).cloned(),
            is_secret: redactor.is_secret(name),
        });
        self.by_name.insert(name.to_owned(), self.keys.len() - 1);
        self.keys.len() - 1
    }
}

fn fingerprint_below(keys: &Keys, transform: &[Transform], value: &mut Json<'_>, rest: &str) {
    match value {
        Json::Array(items) => items
            .iter_mut()
            .for_each(|item| fingerprint_below(keys, transform, item, rest)),
        Json::Object(object) if object.contains_key(rest) => {
            if let Some(value) = object.get_mut(rest) {
                fingerprint(keys, transform, value);
            }
        }
        Json::Object(object) => {
            if let Some((head, rest)) = rest.split_once('.')
                && let Some(value) = object.get_mut(head.trim_end_matches("[]"))
            {
                fingerprint_below(keys, transform, value, rest);
            }
        }
        _ => {}
    }
}

fn fingerprint(keys: &Keys, transform: &[Transform], value: &mut Json<'_>) {
    if let Json::Array(items) = value {
        return items
            .iter_mut()
            .for_each(|item| fingerprint(keys, transform, item));
    }
    match text(value) {
        Some(plain) if !plain.starts_with("fp_") => {
            let shown = keys.fingerprint(&transformed(Cow::Borrowed(&plain), transform));
            *value = Json::Text(Cow::Owned(shown));
        }
        _ => {}
    }
}

/// For an operation that lasts, the doubt reaches from its arrival to its end.
fn set_time(event: &mut Event, clock: Clock, is: Instant) {
    let lasted = event.duration.unwrap_or(0).max(0);
    event.time = match is {
        Instant::Arrival => clock.at,
        Instant::End => clock.at.plus_nanos(-lasted),
    };
    event.precision = clock.resolution.saturating_add(lasted);
}

fn fill<'s>(
    event: &mut Event,
    column: Column,
    rules: &'s [Rule],
    slots: &[Option<&'s Json<'s>>],
    keys: &Keys,
) {
    match column.kind() {
        ColumnKind::Integer => {
            if let Some(number) = first(rules, |rule| rule.integer(slots)) {
                event.set_integer(column, Some(number));
            }
        }
        ColumnKind::TextList => {
            let list = first(rules, |rule| {
                Some(rule.list(slots)).filter(|list| !list.is_empty())
            });
            let list = list
                .unwrap_or_default()
                .into_iter()
                .map(|item| redact::owned(keys, item))
                .collect();
            event.set_list(column, list);
        }
        ColumnKind::Text => {
            let Some(value) = first(rules, |rule| rule.text(slots)) else {
                return;
            };
            if CREDENTIALS.contains(&column) {
                event.set_text(column, Some(keys.fingerprint(&value)));
            } else if column == Column::Outcome {
                event.outcome = outcome(&value);
            } else {
                event.set_text(column, Some(redact::text(keys, &value).into_owned()));
            }
        }
    }
}

/// An outcome by its name, or by the HTTP status that it is.
fn outcome(value: &str) -> Outcome {
    Outcome::parse(value).unwrap_or_else(|| http::outcome(value))
}

fn first<'r, T>(rules: &'r [Rule], give: impl Fn(&'r Rule) -> Option<T>) -> Option<T> {
    rules.iter().find_map(give)
}

impl TimeRule {
    fn read(&self, slots: &[Option<&Json<'_>>], context: &Context) -> Result<Clock, RejectReason> {
        let zone = self.zone.as_ref().unwrap_or(&context.time_zone);
        let written = self
            .source
            .text(slots)
            .ok_or_else(|| RejectReason::field("time", "the record has no time"))?;
        let clock = match &self.format {
            TimeFormat::Auto => time::parse(&written, zone).map(|clock| self.widened(clock, slots)),
            TimeFormat::Epoch(unit) => {
                time::parse_epoch_in(written.trim(), *unit).map(|clock| self.widened(clock, slots))
            }
            TimeFormat::Pattern(pattern) => time::parse_pattern(written.trim(), pattern, zone),
        };
        let clock = clock.ok_or_else(|| {
            RejectReason::field("time", format!("`{}` is no time", printable(&written, 60)))
        })?;
        let resolution = clock.resolution.max(self.coarsest);
        Ok(Clock { resolution, ..clock })
    }

    /// A JSON number has lost the zeros at its end: its resolution is that of whole milliseconds, or finer.
    fn widened(&self, clock: Clock, slots: &[Option<&Json<'_>>]) -> Clock {
        let is_number = match &self.source {
            Picker::Fields(fields) => fields
                .iter()
                .find_map(|(slot, _)| slots[*slot])
                .is_some_and(|value| matches!(value, Json::Number(n) if n.is_f64())),
            _ => false,
        };
        let resolution = match clock.resolution {
            r if !is_number || r > 1_000_000_000 => r,
            1_000_000.. => 1_000_000,
            _ => 1_000,
        };
        Clock { resolution, ..clock }
    }
}

impl HttpRule {
    fn fill(&self, event: &mut Event, slots: &[Option<&Json<'_>>], redactor: &mut Redactor) {
        let exchange = http::Exchange {
            request: self.request.text(slots),
            method: self.method.text(slots),
            uri: self.uri.text(slots),
            query: self.query.text(slots),
            status: self.status.text(slots),
            bytes: self.bytes.text(slots).and_then(|n| n.parse().ok()),
        };
        http::fill(event, exchange, redactor);
    }
}

impl Rule {
    fn text<'s>(&'s self, slots: &[Option<&'s Json<'s>>]) -> Option<Cow<'s, str>> {
        if !self.applies(slots) {
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

    fn applies(&self, slots: &[Option<&Json<'_>>]) -> bool {
        self.when.iter().all(|(slot, patterns)| {
            let value = slots[*slot].and_then(text);
            value.is_some_and(|value| patterns.iter().any(|pattern| fits(pattern, &value)))
        })
    }

    fn integer(&self, slots: &[Option<&Json<'_>>]) -> Option<i64> {
        let value = self.text(slots)?;
        match self.unit {
            Some(unit) => time::parse_duration(value.trim(), unit)
                .or_else(|| by_float(&value, unit).filter(|n| *n >= 0)),
            None => value.trim().parse().ok().or_else(|| by_float(&value, 1)),
        }
    }

    fn list(&self, slots: &[Option<&Json<'_>>]) -> Vec<String> {
        if !self.applies(slots) {
            return Vec::new();
        }
        let Picker::Fields(fields) = &self.from else {
            return self.text(slots).map(Cow::into_owned).into_iter().collect();
        };
        let found = fields.iter().find_map(|(slot, each)| Some((slots[*slot]?, each)));
        let Some((value, each)) = found else {
            return Vec::new();
        };
        let mut list = Vec::new();
        collect(value, each.as_deref(), &mut list);
        if let Some(separator) = self.split.as_deref().filter(|s| !s.is_empty()) {
            list = list
                .iter()
                .flat_map(|text| text.split(separator))
                .map(|part| part.trim().to_owned())
                .collect();
        }
        list.retain(|item| !is_absent(item));
        list.into_iter()
            .map(|item| transformed(Cow::Owned(item), &self.transform).into_owned())
            .collect()
    }
}

impl Picker {
    fn text<'s>(&'s self, slots: &[Option<&'s Json<'s>>]) -> Option<Cow<'s, str>> {
        match self {
            Self::Fields(fields) => fields.iter().find_map(|(slot, each)| match each {
                None => text(slots[*slot]?),
                Some(each) => joined(slots[*slot]?, each),
            }),
            Self::Constant(value) => Some(Cow::Borrowed(value)),
            Self::Template(template) => template.text(slots).map(Cow::Owned),
        }
    }
}

impl Template {
    /// `None` where one of the fields is absent.
    fn text(&self, slots: &[Option<&Json<'_>>]) -> Option<String> {
        let mut out = String::new();
        for (plain, field) in &self.parts {
            let value = transformed(text(slots[field.slot]?)?, &field.transforms);
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

/// Numbers such as `1e-3`; whole units where they fit.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // checked against the limits
fn by_float(value: &str, unit: i64) -> Option<i64> {
    let number = value.trim().parse::<f64>().ok()? * unit as f64;
    (number.abs() < 9e18).then(|| number.round() as i64)
}

/// A unit of time in nanoseconds.
fn unit(name: &str) -> Option<i64> {
    match name {
        "s" => Some(1_000_000_000),
        "ms" => Some(1_000_000),
        "us" => Some(1_000),
        "ns" => Some(1),
        _ => None,
    }
}

/// The texts of a list, with commas between.
fn joined<'v>(value: &'v Json<'v>, each: &str) -> Option<Cow<'v, str>> {
    let mut list = Vec::new();
    collect(value, Some(each), &mut list);
    list.retain(|item| !is_absent(item));
    (!list.is_empty()).then(|| Cow::Owned(list.join(",")))
}

fn collect(value: &Json<'_>, each: Option<&str>, list: &mut Vec<String>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| collect(item, each, list)),
        _ => {
            let value = match each {
                Some(path) => below(value, path),
                None => Some(value),
            };
            list.extend(value.and_then(text).map(Cow::into_owned));
        }
    }
}

/// The text of a scalar that says something.
fn text<'v>(value: &'v Json<'_>) -> Option<Cow<'v, str>> {
    match value {
        Json::Text(text) if is_absent(text) => None,
        Json::Text(text) => Some(Cow::Borrowed(text)),
        Json::Number(number) => Some(Cow::Owned(number.to_string())),
        Json::Bool(true) => Some(Cow::Borrowed("true")),
        Json::Bool(false) => Some(Cow::Borrowed("false")),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// Producers write `-` or nothing where there is nothing to say.
fn is_absent(text: &str) -> bool {
    text.is_empty() || text == "-"
}

/// A pattern in which each `*` stands for any characters.
pub fn fits(pattern: &str, value: &str) -> bool {
    let Some((head, mut pattern)) = pattern.split_once('*') else {
        return pattern == value;
    };
    let Some(mut value) = value.strip_prefix(head) else {
        return false;
    };
    // The first place that fits leaves the most to those behind it.
    while let Some((part, rest)) = pattern.split_once('*') {
        let Some((_, behind)) = value.split_once(part) else {
            return false;
        };
        (pattern, value) = (rest, behind);
    }
    value.ends_with(pattern)
}

fn transformed<'t>(text: Cow<'t, str>, transforms: &[Transform]) -> Cow<'t, str> {
    transforms
        .iter()
        .fold(text, |text, transform| transform.apply(text))
}

impl Transform {
    fn parse(text: &str) -> Option<Self> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        Some(match (name, argument.is_empty()) {
            ("sha256", true) => Self::Sha256,
            ("lower", true) => Self::Lower,
            ("upper", true) => Self::Upper,
            ("trim", true) => Self::Trim,
            ("bearer", true) => Self::Bearer,
            ("address", true) => Self::Address,
            ("prefix", false) => Self::Prefix(argument.parse().ok()?),
            ("suffix", false) => Self::Suffix(argument.parse().ok()?),
            ("strip_prefix", false) => Self::StripPrefix(argument.to_owned()),
            ("strip_suffix", false) => Self::StripSuffix(argument.to_owned()),
            ("before", false) => Self::Before(argument.to_owned()),
            ("after", false) => Self::After(argument.to_owned()),
            _ => return None,
        })
    }

    fn apply<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        match self {
            Self::Sha256 => Cow::Owned(hex::encode(Sha256::digest(text.as_bytes()))),
            Self::Lower => Cow::Owned(text.to_lowercase()),
            Self::Upper => Cow::Owned(text.to_uppercase()),
            Self::Trim => part(text, |t| t.trim()),
            Self::Prefix(n) => part(text, |t| t.char_indices().nth(*n).map_or(t, |(at, _)| &t[..at])),
            Self::Suffix(n) => part(text, |t| {
                let skip = t.chars().count().saturating_sub(*n);
                t.char_indices().nth(skip).map_or("", |(at, _)| &t[at..])
            }),
            Self::StripPrefix(head) => part(text, |t| t.strip_prefix(head.as_str()).unwrap_or(t)),
            Self::StripSuffix(tail) => part(text, |t| t.strip_suffix(tail.as_str()).unwrap_or(t)),
            Self::Before(mark) => part(text, |t| t.split_once(mark.as_str()).map_or(t, |(head, _)| head)),
            Self::After(mark) => part(text, |t| t.split_once(mark.as_str()).map_or(t, |(_, tail)| tail)),
            Self::Address => match text.trim().parse::<IpAddr>() {
                Ok(address) => Cow::Owned(address.to_canonical().to_string()),
                Err(_) => Cow::Borrowed(""),
            },
            Self::Bearer => part(text, |t| t.split_once(' ').map_or(t, |(_, value)| value.trim())),
        }
    }
}

fn part<'t>(text: Cow<'t, str>, take: impl Fn(&str) -> &str) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(take(text)),
        Cow::Owned(text) => Cow::Owned(take(&text).to_owned()),
    }
}

impl Builder {
    fn wrong(&self, why: String) -> Error {
        Error::Mapping {
            origin: self.origin.clone(),
            why,
        }
    }

    /// The slot of a path. A key may itself hold dots or brackets: every way to split the path is looked for.
    fn slot(&mut self, path: &str) -> usize {
        if let Some(slot) = self.slots.get(path) {
            return *slot;
        }
        let slot = self.slots.len();
        self.slots.insert(path.to_owned(), slot);
        self.heads
            .entry(path.to_owned())
            .or_default()
            .push((slot, String::new()));
        for (head, rest) in path::splits(path) {
            self.heads
                .entry(head.to_owned())
                .or_default()
                .push((slot, rest.to_owned()));
        }
        slot
    }

    fn id(&mut self, spec: &spec::Id) -> Result<Picker, Error> {
        match (&spec.field, &spec.template) {
            (Some(path), None) => Ok(self.fields(std::slice::from_ref(path))),
            (None, Some(template)) => self.template(template),
            _ => Err(self.wrong("[id] needs either `field` or `template`".into())),
        }
    }

    fn fields(&mut self, paths: &[String]) -> Picker {
        let fields = paths.iter().map(|path| match path.split_once("[]") {
            Some((list, each)) => (self.slot(list), Some(each.trim_start_matches('.').to_owned())),
            None => (self.slot(path), None),
        });
        Picker::Fields(fields.collect())
    }

    fn template(&mut self, template: &str) -> Result<Picker, Error> {
        let (mut parts, mut rest) = (Vec::new(), template);
        while let Some((plain, after)) = rest.split_once('{') {
            let (field, after) = after
                .split_once('}')
                .ok_or_else(|| self.wrong(format!("template `{template}`: `{{` without `}}`")))?;
            let mut words = field.split('|');
            let slot = self.slot(words.next().unwrap_or(field));
            let transforms: Option<Vec<_>> = words.map(Transform::parse).collect();
            let transforms = transforms.ok_or_else(|| {
                self.wrong(format!(
                    "template `{template}`: one of the transforms of `{field}` is unknown"
                ))
            })?;
            parts.push((plain.to_owned(), FieldPart { slot, transforms }));
            rest = after;
        }
        let end = rest.to_owned();
        Ok(Picker::Template(Template { parts, end }))
    }

    fn time(&mut self, spec: &spec::Time) -> Result<TimeRule, Error> {
        let source = match (&spec.field, &spec.template) {
            (Some(paths), None) => self.fields(paths.as_slice()),
            (None, Some(template)) => self.template(template)?,
            _ => return Err(self.wrong("[time] needs either `field` or `template`".into())),
        };
        let format = match spec.format.as_str() {
            "auto" | "rfc3339" => TimeFormat::Auto,
            "epoch_s" => TimeFormat::Epoch(1_000_000_000),
            "epoch_ms" => TimeFormat::Epoch(1_000_000),
            "epoch_us" => TimeFormat::Epoch(1_000),
            "epoch_ns" => TimeFormat::Epoch(1),
            pattern if pattern.contains('%') => TimeFormat::Pattern(pattern.to_owned()),
            other => return Err(self.wrong(format!("[time] format: `{other}` is neither auto, rfc3339, epoch_s, epoch_ms, epoch_us, epoch_ns nor a pattern with `%`"))),
        };
        let zone = match &spec.zone {
            None => None,
            Some(name) => Some(
                time::zone(name)
                    .ok_or_else(|| self.wrong(format!("[time] zone: `{name}` is no time zone")))?,
            ),
        };
        let coarsest = match spec.resolution.as_deref() {
            None => 0,
            Some(name) => unit(name)
                .ok_or_else(|| self.wrong(format!("[time] resolution `{name}` is none of s, ms, us, ns")))?,
        };
        Ok(TimeRule {
            source,
            format,
            zone,
            coarsest,
            is: spec.is,
        })
    }

    fn http(&mut self, spec: &spec::Http) -> HttpRule {
        HttpRule {
            request: self.fields(spec.request.as_slice()),
            method: self.fields(spec.method.as_slice()),
            uri: self.fields(spec.uri.as_slice()),
            query: self.fields(spec.query.as_slice()),
            status: self.fields(spec.status.as_slice()),
            bytes: self.fields(spec.bytes.as_slice()),
        }
    }

    fn columns(&mut self, spec: &Spec) -> Result<Vec<(Column, Vec<Rule>)>, Error> {
        let mut columns = Vec::new();
        for (name, rules) in &spec.columns {
            let column = Column::parse(name).map_err(|e| self.wrong(format!("[columns] {e}")))?;
            let rules: Result<Vec<Rule>, Error> = rules
                .flat()
                .iter()
                .map(|rule| self.rule(column, name, rule))
                .collect();
            columns.push((column, rules?));
        }
        columns.sort_by_key(|(column, _)| *column);
        match columns.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(self.wrong(format!("[columns] {} is filled twice", pair[0].0))),
            None => Ok(columns),
        }
    }

    fn rule(&mut self, column: Column, name: &str, spec: &RuleSpec) -> Result<Rule, Error> {
        let from = match (spec.field.as_slice(), &spec.value, &spec.template) {
            ([], Some(value), None) => Picker::Constant(value.clone()),
            ([], None, Some(template)) => self.template(template)?,
            (paths @ [_, ..], None, None) => self.fields(paths),
            _ => {
                return Err(self.wrong(format!(
                    "[columns] {name}: needs exactly one of `field`, `value`, `template`"
                )));
            }
        };
        let transform: Option<Vec<_>> = spec.transform.iter().map(|t| Transform::parse(t)).collect();
        let transform = transform.ok_or_else(|| {
            self.wrong(format!(
                "[columns] {name}: one of the transforms {:?} is unknown",
                spec.transform
            ))
        })?;
        if CREDENTIALS.contains(&column) {
            for path in spec.field.as_slice() {
                self.secrets.insert(path::without_places(path), transform.clone());
            }
        }
        let unit = match spec.unit.as_deref() {
            None => None,
            Some(written) => Some(unit(written).ok_or_else(|| {
                self.wrong(format!(
                    "[columns] {name}: unit `{written}` is none of s, ms, us, ns"
                ))
            })?),
        };
        let mut map: Vec<(String, String)> = spec.map.clone().into_iter().collect();
        // Exact values first, then the longer pattern before the shorter.
        map.sort_by_key(|(pattern, _)| (pattern.contains('*'), std::cmp::Reverse(pattern.len())));
        self.check_outcomes(column, name, &map)?;
        let when = spec.when.iter();
        let when = when.map(|(path, patterns)| (self.slot(path), patterns.as_slice().to_vec()));
        let when = when.collect();
        Ok(Rule {
            from,
            when,
            map,
            transform,
            unit,
            split: spec.split.clone(),
        })
    }

    fn check_outcomes(&self, column: Column, name: &str, map: &[(String, String)]) -> Result<(), Error> {
        let wrong = map
            .iter()
            .find(|(_, to)| column == Column::Outcome && Outcome::parse(to).is_none());
        match wrong {
            Some((_, to)) => Err(self.wrong(format!("[columns] {name}: `{to}` is no outcome"))),
            None => Ok(()),
        }
    }
}
