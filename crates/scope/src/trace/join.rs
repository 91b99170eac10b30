//! Records of one request in several sources: joined by trace id, or by time where nothing else tells.

use super::{Carried, Spread, Trace, group_by};
use crate::control::{News, Rule};
use crate::map::Channel;
use crate::recall::pieces;
use crate::{Error, Grade};
use ambit_event::{Column, Event, Observable, ObservableKind, Span};
use ambit_lake::{Filter, Query, Test};
use std::collections::BTreeMap;

/// So many questions at most ask for the statements beside requests.
const PIECES: usize = 16;

impl Trace<'_> {
    /// Records that share a request's trace id: inherited where a trusted hop stamped it once.
    pub(super) async fn pivot_traces(&mut self, carried: &[Carried]) -> Result<(), Error> {
        let mut origins: BTreeMap<&str, &Carried> = BTreeMap::new();
        for c in carried {
            if let Some(trace) = c.event.trace.as_deref() {
                let best = origins.entry(trace).or_insert(c);
                if c.grade > best.grade {
                    *best = c;
                }
            }
        }
        let ids: Vec<&str> = origins.keys().copied().collect();
        for ids in pieces(&ids) {
            let events = self
                .fetch(Query::of(Filter::one_of(Column::Trace, ids.iter().copied())))
                .await?;
            for (id, group) in group_by(events, Column::Trace) {
                if let Some(origin) = origins.get(id.as_str()) {
                    self.join_trace(origin, &group);
                }
            }
        }
        Ok(())
    }

    fn join_trace(&mut self, origin: &Carried, group: &[Event]) {
        let stamp = self.only_stamp(group).cloned();
        for event in group.iter().filter(|e| e.id != origin.event.id) {
            let sure = stamp
                .as_ref()
                .is_some_and(|s| self.within(s, event) && self.within(s, &origin.event));
            let rule = if sure {
                Rule::StampedTrace
            } else {
                Rule::LooseTrace
            };
            let grade = if sure { origin.grade } else { Grade::Possible };
            let hop = self.control.note(News {
                rule,
                from: self.cause(origin).as_ref(),
                to: Observable::new(ObservableKind::Service, event.source.clone()),
                span: Span::ALL,
                grade,
                exclusive: false,
                reason: match rule {
                    Rule::StampedTrace => {
                        "the record shares a trace id that a trusted hop stamped once".to_owned()
                    }
                    _ => "the record shares a trace id that a client may have chosen, or that is not unique"
                        .to_owned(),
                },
                evidence: None,
            });
            let spread = if origin.spreads { Spread::Yes } else { Spread::No };
            self.attribute(event.clone(), grade, hop, spread);
        }
    }

    /// The record of the trusted hop that stamped the trace id of these, where it did so once.
    pub(super) fn only_stamp<'e>(&self, group: &'e [Event]) -> Option<&'e Event> {
        let trusted: &[String] = self.map.map_or(&[], |m| &m.trust.trace);
        let mut stamps = group.iter().filter(|e| trusted.contains(&e.source));
        stamps.next().filter(|_| stamps.next().is_none())
    }

    /// Whether a record falls into the time of the request that was stamped.
    pub(super) fn within(&self, stamp: &Event, event: &Event) -> bool {
        event.when().overlaps(self.around(stamp))
    }

    /// The time in which other sources may record what belongs to this event, whatever their clocks show.
    pub(super) fn around(&self, event: &Event) -> Span {
        self.tolerated(event.when())
    }

    /// A span by the clocks of other sources.
    pub fn tolerated(&self, span: Span) -> Span {
        let tolerance = self.config.clock_tolerance;
        Span::new(span.from.plus_nanos(-tolerance), span.until.plus_nanos(tolerance))
    }

    /// Statements of a shared database session that carry no trace id, while a controlled request ran.
    pub(super) async fn pivot_pooled(&mut self, carried: &[Carried]) -> Result<(), Error> {
        let channels: Vec<Channel> = self
            .map
            .into_iter()
            .flat_map(|m| m.channels.clone())
            .filter(|c| c.pooled)
            .collect();
        for channel in channels {
            let requests: Vec<&Carried> = carried
                .iter()
                .filter(|c| c.event.source == channel.attributing)
                .collect();
            let Some(hull) = requests.iter().map(|c| c.event.when()).reduce(Span::hull) else {
                continue;
            };
            let hull = self.tolerated(hull);
            let mut untraced = vec![
                Filter::eq(Column::Source, &channel.accounting),
                Filter::Column(Column::Trace, Test::Absent),
                Filter::Not(Box::new(Filter::eq(Column::Class, "authentication"))),
            ];
            if !channel.roles.is_empty() {
                untraced.push(Filter::one_of(Column::ActorUser, &channel.roles));
            }
            for event in self.fetch(Query::of(Filter::All(untraced)).within(hull)).await? {
                let Some(request) = requests.iter().find(|c| self.within(&c.event, &event)) else {
                    continue;
                };
                let hop = self.control.note(News {
                    rule: Rule::LooseTrace,
                    from: self.cause(request).as_ref(),
                    to: Observable::new(ObservableKind::Service, event.source.clone()),
                    span: Span::ALL,
                    grade: Grade::Possible,
                    exclusive: false,
                    reason: "a statement of a shared database session without trace id, while a controlled request ran".to_owned(),
                    evidence: None,
                });
                self.attribute(event, Grade::Possible, hop, Spread::No);
            }
        }
        Ok(())
    }

    /// Statements of shared sessions in the time of requests that left none under their own trace ids: a client
    /// may have chosen the id that these bear. Where there are too many to look at, nothing joins the requests.
    pub(super) async fn pivot_unstamped(&mut self, carried: &[Carried]) -> Result<(), Error> {
        let channels = self.map.into_iter().flat_map(|m| &m.channels);
        let channels: Vec<Channel> = channels.filter(|c| c.pooled).cloned().collect();
        for channel in channels {
            let bare = |c: &&Carried| {
                let sources = self
                    .stamped
                    .get(&c.event.id)
                    .filter(|_| c.event.source == channel.attributing);
                sources.is_some_and(|sources| !sources.contains(&channel.accounting))
            };
            let mut requests: Vec<Carried> = carried.iter().filter(bare).cloned().collect();
            requests.sort_by_key(|c| (c.event.time, c.event.id));
            for requests in requests.chunks(requests.len().div_ceil(PIECES).max(1)) {
                self.pivot_beside(&channel, requests).await?;
            }
        }
        Ok(())
    }

    async fn pivot_beside(&mut self, channel: &Channel, requests: &[Carried]) -> Result<(), Error> {
        let times = requests.iter().map(|c| self.around(&c.event));
        let Some(hull) = times.reduce(Span::hull) else {
            return Ok(());
        };
        let mut traced = vec![
            Filter::eq(Column::Source, &channel.accounting),
            Filter::Column(Column::Trace, Test::Present),
        ];
        if !channel.roles.is_empty() {
            traced.push(Filter::one_of(Column::ActorUser, &channel.roles));
        }
        let query = Query::of(Filter::All(traced)).within(hull);
        let most = self.budget();
        let statements = self.lake.events(&query.limited(most.saturating_add(1))).await?;
        if statements.len() > most {
            requests.iter().for_each(|c| _ = self.stamped.remove(&c.event.id));
            return Ok(());
        }
        for statement in statements {
            let during = |c: &&Carried| self.within(&c.event, &statement) && c.event.trace != statement.trace;
            let Some(request) = requests.iter().find(during) else {
                continue;
            };
            let hop = self.control.note(News {
                rule: Rule::LooseTrace,
                from: self.cause(request).as_ref(),
                to: Observable::new(ObservableKind::Service, statement.source.clone()),
                span: Span::ALL,
                grade: Grade::Possible,
                exclusive: false,
                reason: "a controlled request left no statement under its own trace id while this ran, and a client may have chosen the id that it bears".to_owned(),
                evidence: None,
            });
            self.attribute_apart(statement, Grade::Possible, hop);
        }
        Ok(())
    }
}
