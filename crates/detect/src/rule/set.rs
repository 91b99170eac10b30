//! All rules of some folders: each document is loaded, or refused with place and reason.

use super::files::{self, Found};
use super::model::{Correlation, Filter, Head, LogSource, Origin, Rule};
use super::own::OWN;
use super::parse::{self, Parsed};
use super::pipeline::Pipelines;
use super::placeholder::Placeholders;
use super::reading::{self, Document, Means, Outcome};
use super::refusal::{Fault, Place, Refusal};
use super::{model, narrow};
use rsigma_parser::{CorrelationRule, FilterRule, FilterRuleTarget};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rules, filters and correlations, in the order of their files.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    correlations: Vec<Correlation>,
    filters: Vec<Filter>,
    refused: Vec<Refusal>,
    remarks: Vec<Refusal>,
    n_passed_over: usize,
}

impl RuleSet {
    /// Reads every rule file of these folders and files. What cannot be used is among the refused; there is
    /// no other failure.
    #[must_use]
    pub fn load(paths: &[PathBuf], placeholders: &Placeholders) -> Self {
        Self::load_through(paths, placeholders, &Pipelines::none())
    }

    /// The same, each rule and correlation put through pipelines first.
    #[must_use]
    pub fn load_through(paths: &[PathBuf], placeholders: &Placeholders, pipelines: &Pipelines) -> Self {
        let means = Means {
            placeholders,
            pipelines,
        };
        let (loader, found) = Loader::of(paths, means);
        loader.finish(found)
    }

    /// The same, and the rules that are built in beside them. Of two with one id the given one stays.
    #[must_use]
    pub fn load_with_own(paths: &[PathBuf], placeholders: &Placeholders, pipelines: &Pipelines) -> Self {
        let means = Means {
            placeholders,
            pipelines,
        };
        let (mut loader, found) = Loader::of(paths, means);
        loader.add_own();
        loader.finish(found)
    }

    /// Reads the rules of one text; `path` is where it comes from, for messages.
    #[must_use]
    pub fn parse(text: &str, path: impl AsRef<Path>, placeholders: &Placeholders) -> Self {
        let mut loader = Loader::default();
        let means = Means {
            placeholders,
            pipelines: &Pipelines::none(),
        };
        loader.file(path.as_ref(), reading::documents(text, means));
        loader.finish(Found::default())
    }

    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    #[must_use]
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }

    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Documents that can be used, of each kind.
    #[must_use]
    pub fn n_loaded(&self) -> usize {
        self.rules.len() + self.correlations.len() + self.filters.len()
    }

    /// Documents that were given and can be used, of each kind: without the rules that are built in.
    #[must_use]
    pub fn n_given(&self) -> usize {
        let rules = self.rules.iter().map(|rule| &rule.head.origin);
        let correlations = self.correlations.iter().map(|rule| &rule.head.origin);
        let is_given = |origin: &&Origin| OWN.iter().all(|(path, _)| origin.path != Path::new(path));
        rules.chain(correlations).filter(is_given).count() + self.filters.len()
    }

    /// What cannot be used, and why, by path and place.
    #[must_use]
    pub fn refused(&self) -> &[Refusal] {
        &self.refused
    }

    /// What was loaded, but says something that means nothing.
    #[must_use]
    pub fn remarks(&self) -> &[Refusal] {
        &self.remarks
    }

    /// Files below the folders that are no rules by their names: hidden, or no YAML.
    #[must_use]
    pub fn n_passed_over(&self) -> usize {
        self.n_passed_over
    }
}

/// A document that was read, before it is known whether what it refers to is there.
struct Pending<T> {
    head: Head,
    sigma: T,
}

#[derive(Default)]
struct Loader {
    rules: Vec<Rule>,
    correlations: Vec<Pending<Box<CorrelationRule>>>,
    filters: Vec<Pending<Box<FilterRule>>>,
    /// Where each id was first seen.
    ids: BTreeMap<String, Origin>,
    refused: Vec<Refusal>,
    remarks: Vec<Refusal>,
}

impl Loader {
    /// Reads every rule file of these folders and files.
    fn of(paths: &[PathBuf], means: Means<'_>) -> (Self, Found) {
        let found = files::find(paths);
        let mut loader = Self::default();
        let read = reading::all(&found.files, means);
        for (path, read) in found.files.iter().zip(read) {
            match read {
                Ok(documents) => loader.file(path, documents),
                Err(fault) => loader.refuse(path, Place::default(), fault),
            }
        }
        (loader, found)
    }

    /// Adds the rules that are built in, but for those whose id a given one has that can be used. They are written for
    /// logs as they are read here: no pipeline changes them.
    fn add_own(&mut self) {
        let given = self.rules.iter().map(|rule| &rule.head);
        let given = given.chain(self.correlations.iter().map(|rule| &rule.head));
        let taken: BTreeSet<String> = given.map(|head| head.id.to_lowercase()).collect();
        let means = Means {
            placeholders: &Placeholders::none(),
            pipelines: &Pipelines::none(),
        };
        for (path, text) in OWN {
            let mut documents = reading::documents(text, means);
            documents.retain(|(_, read)| match read {
                Ok(Some(document)) => !taken.contains(&document.read.parsed.id().to_lowercase()),
                _ => true,
            });
            for (_, read) in &documents {
                if let Ok(Some(document)) = read {
                    self.ids.remove(&document.read.parsed.id().to_lowercase());
                }
            }
            self.file(Path::new(path), documents);
        }
    }

    fn refuse(&mut self, path: &Path, mut place: Place, fault: Fault) {
        if let Some((line, column)) = fault.at {
            (place.line, place.column) = (Some(line), Some(column));
        }
        self.refused.push(Refusal::new(path, place, fault));
    }

    fn refuse_at(&mut self, origin: &Origin, fault: Fault) {
        self.refuse(&origin.path, origin.place, fault);
    }

    fn file(&mut self, path: &Path, documents: Vec<(Place, Outcome)>) {
        for (place, outcome) in documents {
            match outcome {
                Ok(Some(document)) => self.take(path, place, document),
                Ok(None) => {}
                Err(fault) => self.refuse(path, place, fault),
            }
        }
    }

    fn take(&mut self, path: &Path, mut place: Place, document: Document) {
        let Document {
            read,
            root,
            compiled,
            before,
        } = document;
        (place.line, place.column) = (Some(root.at.0), Some(root.at.1));
        for remark in read.remarks {
            let (line, column) = remark.at.unzip();
            let place = Place {
                line: line.or(place.line),
                column: column.or(place.column),
                ..place
            };
            self.remarks.push(Refusal::new(path, place, remark));
        }
        let origin = Origin {
            path: path.to_path_buf(),
            place,
        };
        let head = match &read.parsed {
            Parsed::Rule(rule) => head(&rule.id, &rule.name, &rule.title, rule.level, &rule.tags, origin),
            Parsed::Correlation(rule) => {
                head(&rule.id, &rule.name, &rule.title, rule.level, &rule.tags, origin)
            }
            Parsed::Filter(rule) => head(&rule.id, &rule.name, &rule.title, rule.level, &rule.tags, origin),
        };
        if let Some(first) = self.ids.get(&head.id.to_lowercase()) {
            let line = first.place.line.unwrap_or(1);
            let reason = format!("the id `{}` is that of {}:{line}", head.id, first.path.display());
            let at = root.entry("id").map_or(root.at, |(key, _)| key.at);
            let fault = Fault::new("same-id", reason).at(at);
            self.refuse_at(
                &head.origin,
                fault.hint("load one of the two, or give each an id of its own"),
            );
            return;
        }
        self.ids.insert(head.id.to_lowercase(), head.origin.clone());
        match (read.parsed, compiled) {
            (Parsed::Rule(sigma), Some(Ok(compiled))) => self.rules.push(Rule {
                head,
                log_source: LogSource::of(&sigma.logsource),
                filters: Vec::new(),
                before,
                sigma,
                compiled: Arc::new(compiled),
            }),
            (Parsed::Rule(_), Some(Err(fault))) => self.refuse_at(&head.origin, fault),
            // A rule about single events is compiled when it is read.
            (Parsed::Rule(_), None) => {}
            (Parsed::Correlation(sigma), _) => self.correlations.push(Pending { head, sigma }),
            (Parsed::Filter(sigma), _) => self.filters.push(Pending { head, sigma }),
        }
    }

    fn finish(mut self, found: Found) -> RuleSet {
        let filters = self.narrow();
        let correlations = self.resolve();
        self.refused.extend(found.refused);
        self.refused.sort();
        self.remarks.sort();
        RuleSet {
            rules: self.rules,
            correlations,
            filters,
            refused: self.refused,
            remarks: self.remarks,
            n_passed_over: found.n_passed_over,
        }
    }

    /// Joins each filter to the rules that it is for.
    fn narrow(&mut self) -> Vec<Filter> {
        let mut taken = Vec::new();
        for (nth, Pending { head, sigma }) in std::mem::take(&mut self.filters).into_iter().enumerate() {
            match self.narrow_by(&head, &sigma, nth) {
                Ok(narrows) => taken.push(Filter { head, narrows }),
                Err(fault) => self.refuse_at(&head.origin, fault),
            }
        }
        taken
    }

    fn narrow_by(&mut self, head: &Head, filter: &FilterRule, nth: usize) -> Result<Vec<String>, Fault> {
        let source = filter.logsource.as_ref().map(LogSource::of).unwrap_or_default();
        let (meant, missing) = self.meant(&filter.rules)?;
        let fitting: Vec<usize> = meant
            .iter()
            .copied()
            .filter(|at| source.holds(&self.rules[*at].log_source))
            .collect();
        if fitting.is_empty() {
            let reason = match meant.first() {
                Some(_) => format!("no rule that it is for has the log source {source}"),
                None => "none of the rules that it is for is loaded".to_owned(),
            };
            return Err(Fault::new("no-such-rule", reason));
        }
        // All or none: a filter that is half in force would be hard to see.
        let mut narrowed = Vec::new();
        for at in fitting {
            let rule = &self.rules[at];
            let sigma = narrow::narrowed(&rule.sigma, filter, nth)?;
            let compiled = parse::compile(&sigma, None)?;
            narrowed.push((at, sigma, compiled));
        }
        for reference in missing {
            let remark = Fault::new(
                "no-such-rule",
                format!("it is also for `{reference}`, which is not loaded"),
            );
            self.remarks
                .push(Refusal::new(&head.origin.path, head.origin.place, remark));
        }
        let mut ids = Vec::new();
        for (at, sigma, compiled) in narrowed {
            let rule = &mut self.rules[at];
            (rule.sigma, rule.compiled) = (Box::new(sigma), Arc::new(compiled));
            rule.filters.push(head.id.clone());
            ids.push(rule.head.id.clone());
        }
        Ok(ids)
    }

    /// The rules that a filter names, and the names that none of them has.
    fn meant(&self, target: &FilterRuleTarget) -> Result<(Vec<usize>, Vec<String>), Fault> {
        let FilterRuleTarget::Specific(references) = target else {
            return Ok(((0..self.rules.len()).collect(), Vec::new()));
        };
        let (mut meant, mut missing) = (BTreeSet::new(), Vec::new());
        for reference in references {
            let called = |(_, rule): &(usize, &Rule)| rule.head.is_called(reference);
            let found: Vec<usize> = self
                .rules
                .iter()
                .enumerate()
                .filter(called)
                .map(|(at, _)| at)
                .collect();
            match found.as_slice() {
                [] => missing.push(reference.clone()),
                [one] => drop(meant.insert(*one)),
                _ => {
                    return Err(Fault::new(
                        "ambiguous",
                        format!("several rules are called `{reference}`"),
                    ));
                }
            }
        }
        Ok((meant.into_iter().collect(), missing))
    }

    /// The correlations all of whose rules are there, without those that look at themselves.
    fn resolve(&mut self) -> Vec<Correlation> {
        let mut open: Vec<Pending<Box<CorrelationRule>>> = std::mem::take(&mut self.correlations);
        let mut names = Names::of(&self.rules, &open);
        // What a refused correlation was needed for is refused too, until nothing changes.
        loop {
            let (kept, lost): (Vec<_>, Vec<_>) = open
                .into_iter()
                .map(|c| (names.over(&c.sigma), c))
                .partition(|(over, _)| over.is_ok());
            for (over, correlation) in &lost {
                names.remove(&correlation.head);
                if let Err(fault) = over {
                    self.refuse_at(&correlation.head.origin, fault.clone());
                }
            }
            open = kept.into_iter().map(|(_, correlation)| correlation).collect();
            if lost.is_empty() {
                break;
            }
        }
        let mut taken = Vec::new();
        for Pending { head, sigma } in open {
            let over = names.over(&sigma).unwrap_or_default();
            taken.push(Correlation { head, over, sigma });
        }
        let circular = circular(&taken);
        for correlation in taken.iter().filter(|c| circular.contains(&c.head.id)) {
            let fault = Fault::new("circle", "the correlation looks, in the end, at itself");
            self.refuse_at(&correlation.head.origin, fault);
        }
        taken.retain(|correlation| !circular.contains(&correlation.head.id));
        taken
    }
}

/// What references can mean: ids in lower case, and names.
struct Names(BTreeMap<String, Vec<String>>);

impl Names {
    fn of(rules: &[Rule], correlations: &[Pending<Box<CorrelationRule>>]) -> Self {
        let heads = rules
            .iter()
            .map(|rule| &rule.head)
            .chain(correlations.iter().map(|c| &c.head));
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for head in heads {
            for name in Self::all(head) {
                names.entry(name).or_default().push(head.id.clone());
            }
        }
        Self(names)
    }

    fn all(head: &Head) -> BTreeSet<String> {
        std::iter::once(head.id.to_lowercase())
            .chain(head.name.clone())
            .collect()
    }

    fn remove(&mut self, head: &Head) {
        for name in Self::all(head) {
            if let Some(ids) = self.0.get_mut(&name) {
                ids.retain(|id| *id != head.id);
            }
        }
    }

    fn over(&self, correlation: &CorrelationRule) -> Result<Vec<String>, Fault> {
        let one = |reference: &String| {
            let lower = reference.to_lowercase();
            let ids = self
                .0
                .get(reference)
                .or_else(|| self.0.get(&lower))
                .map_or(&[][..], Vec::as_slice);
            match ids {
                [id] => Ok(id.clone()),
                [] => {
                    let reason = format!("it looks at `{reference}`, which is not loaded");
                    Err(Fault::new("no-such-rule", reason)
                        .hint("load that rule too, or see why it was refused"))
                }
                _ => Err(Fault::new(
                    "ambiguous",
                    format!("several rules are called `{reference}`"),
                )),
            }
        };
        correlation.rules.iter().map(one).collect()
    }
}

/// The ids of correlations that look at themselves through others, and of those that look at such.
fn circular(correlations: &[Correlation]) -> BTreeSet<String> {
    let mut open: BTreeMap<&str, &[String]> = correlations
        .iter()
        .map(|c| (c.head.id.as_str(), c.over.as_slice()))
        .collect();
    loop {
        let settled: Vec<&str> = open
            .iter()
            .filter(|(_, over)| over.iter().all(|id| !open.contains_key(id.as_str())))
            .map(|(id, _)| *id)
            .collect();
        if settled.is_empty() {
            return open.into_keys().map(str::to_owned).collect();
        }
        for id in settled {
            open.remove(id);
        }
    }
}

fn head(
    id: &Option<String>,
    name: &Option<String>,
    title: &str,
    level: Option<rsigma_parser::Level>,
    tags: &[String],
    origin: Origin,
) -> Head {
    let id = id.as_ref().filter(|id| !id.trim().is_empty()).or(name.as_ref());
    Head {
        id: id.map_or_else(|| title.to_owned(), |id| id.trim().to_owned()),
        name: name.clone(),
        title: title.to_owned(),
        level: level.map(model::level),
        tags: tags.to_vec(),
        origin,
    }
}
