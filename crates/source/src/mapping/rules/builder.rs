//! A rulebook from its specification.

use super::super::path::{Names, Place};
use super::super::rule::{Condition, Field, FieldPart, Picker, Rule, Template};
use super::super::spec::{RuleSpec, Spec, Texts};
use super::super::transform::Transform;
use super::super::{path, spec};
use super::{CREDENTIALS, HttpRule, IdRule, Rulebook, TimeFormat, TimeRule, Told};
use crate::quick::Quick;
use crate::{Error, time};
use ambit_event::{Column, Outcome};
use std::collections::{BTreeMap, HashMap};

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
                by_outcome: id.outcome,
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
            Some(name) => time::unit(name)
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
            Some(written) => Some(time::unit(written).ok_or_else(|| {
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
