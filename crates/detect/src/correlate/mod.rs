//! Sigma's correlations over event time: what rules match, and what other correlations conclude, within a time.
//!
//! The engine of rules counts in the order of arrival, and takes a late event for a new one. Here windows lie in the
//! events' own time.

mod counted;
mod episode;
mod model;
mod temporal;

use crate::rule::{Head, RuleSet};
use crate::stream::{Change, Clock, Key, Keyed, Limits, Stamp, Who};
use crate::view::View;
use ambit_event::{Event, EventId};
use counted::{Counted, Member, Value};
use model::{Measure, Plan};
use rsigma_eval::EventValue;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use temporal::Temporal;

/// Where the members of a rule, or the findings of a correlation, go.
#[derive(Debug, Clone, Copy)]
struct Link {
    to: usize,
    /// The place of the rule among those that the correlation names.
    part: u32,
}

enum Kind {
    Counted(Keyed<Counted>),
    Temporal(Keyed<Temporal>),
}

struct One {
    head: Head,
    plan: Arc<Plan>,
    kind: Kind,
    links: Vec<Link>,
    /// Whether its findings are told, or only make those of other correlations.
    is_told: bool,
}

/// All correlations of a set of rules.
pub(crate) struct Correlations {
    all: Vec<One>,
    of_rule: BTreeMap<usize, Vec<Link>>,
    silent: BTreeSet<usize>,
    n_without_group: u64,
}

/// What an event is to a correlation over a rule that it matches.
#[derive(Debug)]
pub(crate) struct Arrival {
    link: Link,
    key: Key,
    value: Value,
}

impl Arrival {
    /// What it takes in memory, about.
    pub fn n_bytes(&self) -> usize {
        let key: usize = self
            .key
            .iter()
            .map(|text| size_of::<Box<str>>() + text.len())
            .sum();
        size_of::<Self>() + key
    }
}

/// A change of what a correlation concludes.
pub(crate) struct Conclusion<'a> {
    pub head: &'a Head,
    pub change: Change,
}

impl Correlations {
    /// At most so many groups of each are kept.
    pub fn new(rules: &RuleSet, most_groups: usize) -> Self {
        let names = names(rules);
        let called = |id: &str| names.get(id).cloned().unwrap_or_default();
        let mut all: Vec<One> = rules
            .correlations()
            .iter()
            .map(|rule| {
                let plan = Arc::new(Plan::of(rule, &called));
                let kind = match plan.is_temporal {
                    true => Kind::Temporal(Keyed::new(
                        &rule.head.id,
                        Temporal(Arc::clone(&plan)),
                        most_groups,
                    )),
                    false => {
                        Kind::Counted(Keyed::new(&rule.head.id, Counted(Arc::clone(&plan)), most_groups))
                    }
                };
                One {
                    head: rule.head.clone(),
                    plan,
                    kind,
                    links: Vec::new(),
                    is_told: true,
                }
            })
            .collect();
        let mut of_rule: BTreeMap<usize, Vec<Link>> = BTreeMap::new();
        let (mut kept, mut used) = (BTreeSet::new(), BTreeSet::new());
        for (to, rule) in rules.correlations().iter().enumerate() {
            for (part, id) in rule.over.iter().enumerate() {
                let link = Link {
                    to,
                    part: u32::try_from(part).unwrap_or(u32::MAX),
                };
                if let Some(at) = rules.rules().iter().position(|rule| rule.head.id == *id) {
                    of_rule.entry(at).or_default().push(link);
                } else if let Some(one) = all.iter_mut().find(|one| one.head.id == *id) {
                    one.links.push(link);
                }
                used.insert(id.clone());
                if rule.keeps_its_rules_findings() {
                    kept.insert(id.clone());
                }
            }
        }
        let is_silent = |head: &Head| used.contains(&head.id) && !kept.contains(&head.id);
        all.iter_mut().for_each(|one| one.is_told = !is_silent(&one.head));
        let rules = rules.rules().iter().enumerate();
        let silent = rules
            .filter(|(_, rule)| is_silent(&rule.head))
            .map(|(at, _)| at)
            .collect();
        Self {
            all,
            of_rule,
            silent,
            n_without_group: 0,
        }
    }

    /// Rules that only make findings of correlations, and none of their own.
    pub fn silent(&self) -> &BTreeSet<usize> {
        &self.silent
    }

    /// Events without a field that they were to be grouped by.
    pub fn n_without_group(&self) -> u64 {
        self.n_without_group
    }

    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for one in &self.all {
            limits.add(&match &one.kind {
                Kind::Counted(keyed) => keyed.limits(),
                Kind::Temporal(keyed) => keyed.limits(),
            });
        }
        limits
    }

    /// How long before its last event the first of a finding can lie, in nanoseconds: the longest window, and those of
    /// all correlations that others are over.
    pub fn longest(&self) -> i64 {
        let below = self.all.iter().filter(|one| !one.links.is_empty());
        let below = below.fold(0_i64, |sum, one| sum.saturating_add(one.plan.span));
        let longest = self.all.iter().map(|one| one.plan.span).max().unwrap_or(0);
        longest.saturating_add(below)
    }

    /// What a rule's match gives to the correlations over it.
    pub fn arrivals(&self, rule: usize, view: &View<'_>, n_without: &mut u64) -> Vec<Arrival> {
        let links = self.of_rule.get(&rule).map_or(&[][..], Vec::as_slice);
        let arrival = |link: &Link| {
            let plan = &self.all.get(link.to)?.plan;
            let names = plan.group_by.get(link.part as usize)?;
            let key: Option<Vec<Box<str>>> = names.iter().map(|name| text(view, name)).collect();
            let Some(key) = key else {
                *n_without += 1;
                return None;
            };
            Some(Arrival {
                link: *link,
                key: key.into(),
                value: value(plan, view)?,
            })
        };
        links.iter().filter_map(arrival).collect()
    }

    pub fn count_without_group(&mut self, n: u64) {
        self.n_without_group += n;
    }

    /// Takes an event in for what it is to them, and tells every change, those of correlations above included.
    pub fn take(
        &mut self,
        arrivals: Vec<Arrival>,
        event: &Event,
        who: &Arc<Who>,
        clock: &Clock,
        told: &mut dyn FnMut(Conclusion<'_>),
    ) {
        for Arrival { link, key, value } in arrivals {
            let at = Stamp {
                time: event.time,
                id: event.id,
                part: link.part,
            };
            let member = Member {
                who: Arc::clone(who),
                value,
                events: None,
            };
            let changes = self.give(link.to, &key, at, member, clock);
            self.pass_on(link.to, changes, clock, told);
        }
    }

    fn give(&mut self, to: usize, key: &Key, at: Stamp, member: Member, clock: &Clock) -> Changes {
        match self.all.get_mut(to).map(|one| &mut one.kind) {
            Some(Kind::Counted(keyed)) => keyed.take(key, at, member, clock),
            Some(Kind::Temporal(keyed)) => keyed.take(key, at, member, clock),
            None => Vec::new(),
        }
    }

    fn take_back(&mut self, to: usize, key: &Key, at: Stamp, clock: &Clock) -> Vec<Change> {
        match self.all.get_mut(to).map(|one| &mut one.kind) {
            Some(Kind::Counted(keyed)) => keyed.retract(key, at, clock),
            Some(Kind::Temporal(keyed)) => keyed.retract(key, at, clock),
            None => Vec::new(),
        }
    }

    /// Tells changes of a correlation, and gives them to those above it. No correlation is above itself.
    fn pass_on(
        &mut self,
        from: usize,
        changes: Changes,
        clock: &Clock,
        told: &mut dyn FnMut(Conclusion<'_>),
    ) {
        for (key, changes) in changes {
            for change in changes {
                let links = self.all.get(from).map_or(Vec::new(), |one| one.links.clone());
                for link in links {
                    self.lift(from, link, &key, &change, clock, told);
                }
                if let Some(one) = self.all.get(from).filter(|one| one.is_told) {
                    told(Conclusion {
                        head: &one.head,
                        change,
                    });
                }
            }
        }
    }

    /// Brings one change of a correlation to one above it.
    fn lift(
        &mut self,
        from: usize,
        link: Link,
        key: &Key,
        change: &Change,
        clock: &Clock,
        told: &mut dyn FnMut(Conclusion<'_>),
    ) {
        let (Some(lower), Some(upper)) = (self.all.get(from), self.all.get(link.to)) else {
            return;
        };
        let stamp = |anchor: Stamp| Stamp {
            time: anchor.time,
            id: EventId::native(
                &lower.head.id,
                &key.join("\n"),
                &format!("{}/{}", anchor.id, anchor.part),
            ),
            part: link.part,
        };
        let (before, verdict) = match change {
            Change::Raised(_, verdict) => (None, Some(verdict)),
            Change::Corrected(before, _, verdict) => (Some(stamp(before.anchor)), Some(verdict)),
            Change::Withdrawn(before) => (Some(stamp(before.anchor)), None),
        };
        let names = &lower.plan.group_names;
        let of_field = |name: &String| {
            let place = names.iter().position(|one| one == name)?;
            key.get(place).cloned()
        };
        let asked = upper.plan.group_by.get(link.part as usize);
        let upper_key: Option<Vec<Box<str>>> = asked.and_then(|names| names.iter().map(of_field).collect());
        let Some(upper_key) = upper_key.map(Key::from) else {
            self.n_without_group += u64::from(before.is_none());
            return;
        };
        let arrival = verdict.map(|verdict| {
            let value = match upper.plan.measure {
                Measure::Values => {
                    let values: Option<Vec<Box<str>>> = upper.plan.fields.iter().map(of_field).collect();
                    values.map_or(Value::None, |values| Value::Hash(hash(&values)))
                }
                _ => Value::None,
            };
            let member = Member {
                who: Arc::new(verdict.who.clone()),
                value,
                events: Some(Arc::new(verdict.core().to_vec())),
            };
            (stamp(verdict.anchor), member)
        });
        if let Some(before) = before {
            let changes = self.take_back(link.to, &upper_key, before, clock);
            self.pass_on(link.to, vec![(upper_key.clone(), changes)], clock, told);
        }
        // What is final below was taken in for good above, and is not taken in again.
        let is_open = |at: &Stamp| before.is_none() || at.time >= clock.horizon();
        if let Some((at, member)) = arrival.filter(|(at, _)| is_open(at)) {
            let changes = self.give(link.to, &upper_key, at, member, clock);
            self.pass_on(link.to, changes, clock, told);
        }
    }

    /// Tells what is complete by now.
    pub fn sweep(&mut self, clock: &Clock, told: &mut dyn FnMut(Conclusion<'_>)) {
        self.for_each(clock, told, |kind, clock| match kind {
            Kind::Counted(keyed) => keyed.sweep(clock),
            Kind::Temporal(keyed) => keyed.sweep(clock),
        });
    }

    /// Tells what there is by now, as if nothing more came.
    pub fn catch_up(&mut self, clock: &Clock, told: &mut dyn FnMut(Conclusion<'_>)) {
        self.for_each(clock, told, |kind, clock| match kind {
            Kind::Counted(keyed) => keyed.catch_up(clock),
            Kind::Temporal(keyed) => keyed.catch_up(clock),
        });
    }

    /// Tells all that remains, as nothing more comes.
    pub fn finish(&mut self, clock: &Clock, told: &mut dyn FnMut(Conclusion<'_>)) {
        self.for_each(clock, told, |kind, clock| match kind {
            Kind::Counted(keyed) => keyed.finish(clock),
            Kind::Temporal(keyed) => keyed.finish(clock),
        });
    }

    /// From those over rules to those over others, so that what is told below is taken in above.
    fn for_each(
        &mut self,
        clock: &Clock,
        told: &mut dyn FnMut(Conclusion<'_>),
        ask: impl Fn(&mut Kind, &Clock) -> Changes,
    ) {
        for at in self.in_order() {
            let Some(one) = self.all.get_mut(at) else { continue };
            let changes = ask(&mut one.kind, clock);
            self.pass_on(at, changes, clock, told);
        }
    }

    fn in_order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = Vec::new();
        let mut waiting: BTreeMap<usize, usize> = (0..self.all.len()).map(|at| (at, 0)).collect();
        for link in self.all.iter().flat_map(|one| &one.links) {
            *waiting.entry(link.to).or_default() += 1;
        }
        while let Some(at) = waiting.iter().find(|(_, n)| **n == 0).map(|(at, _)| *at) {
            waiting.remove(&at);
            for link in self.all.get(at).map_or(&[][..], |one| &one.links) {
                if let Some(n) = waiting.get_mut(&link.to) {
                    *n -= 1;
                }
            }
            order.push(at);
        }
        order
    }
}

type Changes = Vec<(Key, Vec<Change>)>;

/// By id: the name of a rule or correlation.
fn names(rules: &RuleSet) -> BTreeMap<String, Vec<String>> {
    let heads = rules.rules().iter().map(|rule| &rule.head);
    let heads = heads.chain(rules.correlations().iter().map(|rule| &rule.head));
    heads
        .map(|head| (head.id.clone(), head.name.iter().cloned().collect()))
        .collect()
}

/// A field's value as text; `None` where the event does not have it.
fn text(view: &View<'_>, name: &str) -> Option<Box<str>> {
    let value = rsigma_eval::Event::get_field(view, name)?;
    match value {
        EventValue::Null => None,
        EventValue::Str(text) if text.is_empty() => None,
        EventValue::Str(text) => Some(text.as_ref().into()),
        other => match other.to_json() {
            serde_json::Value::String(text) => Some(text.into()),
            json => Some(json.to_string().into()),
        },
    }
}

/// What the correlation counts or measures of an event; `None` where the event has no such value.
fn value(plan: &Plan, view: &View<'_>) -> Option<Value> {
    match plan.measure {
        _ if plan.is_temporal => Some(Value::None),
        Measure::Events => Some(Value::None),
        Measure::Values => {
            let values: Option<Vec<Box<str>>> = plan.fields.iter().map(|name| text(view, name)).collect();
            values.map(|values| Value::Hash(hash(&values)))
        }
        _ => {
            let number: f64 = text(view, plan.fields.first()?)?.trim().parse().ok()?;
            number.is_finite().then_some(Value::Number(number))
        }
    }
}

/// The same in every run.
fn hash(values: &[Box<str>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    values.hash(&mut hasher);
    hasher.finish()
}
