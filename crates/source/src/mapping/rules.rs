//! A mapping made ready: fields found once, then each column's rule.

use super::path::{self, Names, Place};
use super::rule::{Condition, Field, FieldPart, Picker, Rule, Slots, Template, all_hold, is_absent, text};
use super::spec::{self, Instant, RuleSpec, Spec, Texts};
use super::transform::{Transform, transformed};
use crate::json::{Json, Object};
use crate::quick::Quick;
use crate::redact::Redactor;
use crate::time::{self, Clock};
use crate::{Context, Error, Output, RejectReason, http, redact};
use ambit_event::{Column, ColumnKind, Event, EventId, Outcome, Span, printable};
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

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
    /// Those of them that may lie within a field, with the slot of what is looked into.
    nested_secrets: Vec<(usize, Place, Vec<Transform>)>,
    id: Option<IdRule>,
    names: Names,
    losses: Vec<Told>,
    spreads: Vec<Told>,
}

/// What some records say for a while: that others are missing, that they sum up several.
#[derive(Debug, Clone)]
struct Told {
    when: Vec<Condition>,
    nanos: i64,
    why: String,
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

/// Where the producer's own name of a record comes from.
#[derive(Debug, Clone)]
struct IdRule {
    from: Picker,
    /// In which it means something.
    family: String,
    /// On every host, or on that of the record.
    everywhere: bool,
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
    names: Names,
    heads: HashMap<String, Vec<(usize, String)>, Quick>,
    slots: BTreeMap<String, usize>,
    secrets: BTreeMap<String, Vec<Transform>>,
}

impl Rulebook {
    /// Makes a mapping ready.
    pub fn new(spec: &Spec, origin: &str) -> Result<Self, Error> {
        let mut builder = Builder {
            origin: origin.to_owned(),
            names: spec.names(),
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
                family: id.family.clone().unwrap_or_else(|| spec.source().to_owned()),
                everywhere: id.everywhere,
            }),
        };
        let losses = builder.told("loss", &spec.loss)?;
        let spreads = builder.told("spread", &spec.spread)?;
        let names = builder.names;
        let nested: Vec<_> = builder.secrets.clone().into_iter().collect();
        let nested = nested
            .into_iter()
            .map(|(path, transform)| (Place::everywhere(&path), transform))
            .filter(|(place, _)| place.is_nested())
            .map(|(place, transform)| (builder.slot(&place.head), place, transform))
            .collect();
        let flat = builder.secrets.iter();
        let flat = flat.map(|(path, transform)| (names.key(path).into_owned(), transform.clone()));
        Ok(Self {
            nested_secrets: nested,
            secrets: flat.collect(),
            heads: builder.heads,
            n_slots: builder.slots.len(),
            time,
            http,
            columns,
            duration,
            id,
            names,
            losses,
            spreads,
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
        out: &mut Output,
    ) -> Result<Object<'r>, RejectReason> {
        keys.learn(&fields, self, redactor);
        let mut slots = vec![None; self.n_slots];
        for (nth, (name, value)) in fields.iter().enumerate() {
            match keys.nth(nth) {
                Some(key) => self.lay_into(&mut slots, &key.heads, value),
                None => self.lay_into(&mut slots, self.heads_of(name), value),
            }
        }
        let clock = self.time.read(&slots, context)?;
        event.duration = first(&self.duration, |rule| rule.integer(&slots));
        set_time(event, clock, self.time.is);
        if let Some(spread) = self.spreads.iter().find(|told| all_hold(&told.when, &slots)) {
            event.precision = event.precision.saturating_add(spread.nanos);
        }
        self.http.fill(event, &slots, redactor);
        for (column, rules) in &self.columns {
            fill(event, *column, rules, &slots, redactor);
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
        for told in self.losses.iter().filter(|told| all_hold(&told.when, &slots)) {
            let span = Span::new(event.time, event.time.plus_nanos(told.nanos));
            out.lose(span, None, told.why.as_str());
        }
        let places = self.nested_secrets.iter();
        let is_there: Vec<bool> = places.map(|(slot, ..)| slots[*slot].is_some()).collect();
        drop(slots);
        self.redact(redactor, &mut fields, keys, &is_there);
        Ok(fields)
    }

    /// Whether the fields that tell the time are there.
    pub fn has_time(&self, fields: &Object<'_>) -> bool {
        let mut slots = vec![None; self.n_slots];
        for (name, value) in fields.iter() {
            self.lay_into(&mut slots, self.heads_of(name), value);
        }
        self.time.source.text(&slots).is_some()
    }

    fn heads_of(&self, name: &str) -> &[(usize, String)] {
        self.heads.get(&*self.names.key(name)).map_or(&[], Vec::as_slice)
    }

    fn secret_of(&self, name: &str) -> Option<&Vec<Transform>> {
        self.secrets.get(&*self.names.key(name))
    }

    /// Each slot takes the first value that is found for it.
    fn lay_into<'f>(
        &self,
        slots: &mut [Option<&'f Json<'f>>],
        heads: &[(usize, String)],
        value: &'f Json<'f>,
    ) {
        for (slot, rest) in heads {
            if slots[*slot].is_none() {
                slots[*slot] = self.names.below(value, rest);
            }
        }
    }

    /// Takes the secrets out of the fields. What feeds a credential's column becomes the same fingerprint.
    fn redact(&self, redactor: &mut Redactor, fields: &mut Object<'_>, keys: &KnownKeys, is_there: &[bool]) {
        fields.change(|nth, name, value| {
            let transform = match keys.nth(nth) {
                Some(key) => key.transform.as_ref(),
                None => self.secret_of(name),
            };
            transform.is_some_and(|transform| fingerprint(redactor, transform, value))
        });
        for ((_, place, transform), _) in self
            .nested_secrets
            .iter()
            .zip(is_there)
            .filter(|(_, there)| **there)
        {
            if let Some(value) = self.names.within_mut(fields, &place.head) {
                let mut change = |value: &mut Json<'_>| {
                    fingerprint(redactor, transform, value);
                };
                self.names.change(value, &place.steps, &mut change);
            }
        }
        fields.change(|nth, name, value| {
            let is_secret = match keys.nth(nth) {
                Some(key) => key.is_secret,
                None => redactor.is_secret(name),
            };
            match is_secret {
                true => redactor.secret(value),
                false => redactor.value(value),
            }
        });
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
        if self.keys.len() == KEYS || name.len() > redact::SHORT {
            return KEYS;
        }
        self.keys.push(KnownKey {
            name: name.to_owned(),
            heads: rules.heads_of(name).to_vec(),
            transform: rules.secret_of(name).cloned(),
            is_secret: redactor.is_secret(name),
        });
        self.by_name.insert(name.to_owned(), self.keys.len() - 1);
        self.keys.len() - 1
    }
}

/// Whether the value was changed.
fn fingerprint(redactor: &mut Redactor, transform: &[Transform], value: &mut Json<'_>) -> bool {
    if let Json::Array(items) = value {
        return items.iter_mut().fold(false, |is_changed, item| {
            fingerprint(redactor, transform, item) | is_changed
        });
    }
    match text(value) {
        Some(plain) if !plain.starts_with("fp_") => {
            // What no transform finds a part in is a secret whole.
            let secret = transformed(Cow::Borrowed(&plain), transform);
            let secret = if is_absent(&secret) { &plain } else { &secret };
            let shown = redactor.fingerprint(secret);
            *value = Json::Text(Cow::Owned(shown));
            true
        }
        _ => false,
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
    slots: &Slots<'s>,
    redactor: &mut Redactor,
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
                .map(|item| redact::owned(&redactor.keys, item))
                .collect();
            event.set_list(column, list);
        }
        ColumnKind::Text => {
            let Some((rule, value)) = first(rules, |rule| Some((rule, rule.text(slots)?))) else {
                return;
            };
            if CREDENTIALS.contains(&column) {
                event.set_text(column, Some(redactor.fingerprint(&value)));
            } else if column == Column::Outcome {
                event.outcome = outcome(&value);
            } else {
                let shown = match value {
                    // What stands in the record as it is.
                    Cow::Borrowed(part) if rule.copies() => redactor.part(part).into_owned(),
                    other => redact::owned(&redactor.keys, other.into_owned()),
                };
                event.set_text(column, Some(shown));
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
    fn read(&self, slots: &Slots<'_>, context: &Context) -> Result<Clock, RejectReason> {
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
    fn widened(&self, clock: Clock, slots: &Slots<'_>) -> Clock {
        let is_number = self.source.is_fraction(slots);
        let resolution = match clock.resolution {
            r if !is_number || r > 1_000_000_000 => r,
            1_000_000.. => 1_000_000,
            _ => 1_000,
        };
        Clock { resolution, ..clock }
    }
}

impl HttpRule {
    fn fill(&self, event: &mut Event, slots: &Slots<'_>, redactor: &mut Redactor) {
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

impl Builder {
    fn wrong(&self, why: String) -> Error {
        Error::Mapping {
            origin: self.origin.clone(),
            why,
        }
    }

    /// The slot of a path. A key may itself hold dots or brackets: every way to split the path is looked for.
    fn slot(&mut self, path: &str) -> usize {
        let path = &*self.names.key(path);
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
        match (spec.field.as_slice(), &spec.template) {
            (paths @ [_, ..], None) => Ok(self.fields(paths, &[])),
            ([], Some(template)) => self.template(template),
            _ => Err(self.wrong("[id] needs either `field` or `template`".into())),
        }
    }

    fn field(&mut self, path: &str) -> Field {
        let place = Place::parse(path);
        Field {
            slot: self.slot(&place.head),
            steps: place.steps,
            names: self.names,
        }
    }

    fn fields(&mut self, paths: &[String], except: &[String]) -> Picker {
        let fields = paths.iter().map(|path| self.field(path)).collect();
        Picker::Fields(fields, except.to_vec())
    }

    fn conditions(&mut self, specs: &BTreeMap<String, Texts>) -> Vec<Condition> {
        let condition = |(path, values): (&String, &Texts)| Condition {
            field: self.field(path),
            values: values.as_slice().to_vec(),
        };
        specs.iter().map(condition).collect()
    }

    fn told(&mut self, table: &str, specs: &[spec::Told]) -> Result<Vec<Told>, Error> {
        let told = |spec: &spec::Told| {
            let nanos = time::parse_span(&spec.lasts).ok_or_else(|| {
                self.wrong(format!(
                    "[[{table}]] lasts: `{}` is no 90s, 2m, 24h or 7d",
                    spec.lasts
                ))
            })?;
            if spec.when.is_empty() {
                return Err(self.wrong(format!("[[{table}]] needs `when`")));
            }
            Ok(Told {
                when: self.conditions(&spec.when),
                nanos,
                why: spec.why.clone(),
            })
        };
        specs.iter().map(told).collect()
    }

    fn template(&mut self, template: &str) -> Result<Picker, Error> {
        let (mut parts, mut rest) = (Vec::new(), template);
        while let Some((plain, after)) = rest.split_once('{') {
            let (field, after) = after
                .split_once('}')
                .ok_or_else(|| self.wrong(format!("template `{template}`: `{{` without `}}`")))?;
            let mut words = field.split('|');
            let path = self.field(words.next().unwrap_or(field));
            let transforms: Option<Vec<_>> = words.map(Transform::parse).collect();
            let transforms = transforms.ok_or_else(|| {
                self.wrong(format!(
                    "template `{template}`: one of the transforms of `{field}` is unknown"
                ))
            })?;
            let part = FieldPart {
                field: path,
                transforms,
            };
            parts.push((plain.to_owned(), part));
            rest = after;
        }
        let end = rest.to_owned();
        Ok(Picker::Template(Template { parts, end }))
    }

    fn time(&mut self, spec: &spec::Time) -> Result<TimeRule, Error> {
        let source = match (&spec.field, &spec.template) {
            (Some(paths), None) => self.fields(paths.as_slice(), &[]),
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
        let mut fields = |paths: &Texts| self.fields(paths.as_slice(), &[]);
        HttpRule {
            request: fields(&spec.request),
            method: fields(&spec.method),
            uri: fields(&spec.uri),
            query: fields(&spec.query),
            status: fields(&spec.status),
            bytes: fields(&spec.bytes),
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
            (paths @ [_, ..], None, None) => self.fields(paths, &spec.except),
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
                self.secrets.insert(path.clone(), transform.clone());
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
        Ok(Rule {
            from,
            when: self.conditions(&spec.when),
            unless: self.conditions(&spec.unless),
            map,
            transform,
            unit,
            split: spec.split.clone(),
            each: spec
                .each
                .as_slice()
                .iter()
                .map(|path| Place::parse(path))
                .collect(),
            is_count: spec.count,
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
