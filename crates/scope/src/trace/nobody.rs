//! Records that name nobody: no account, no session, no key, no address. Nothing in them excludes the intruder.

use super::pivot::is_origin;
use super::{Spread, Trace};
use crate::control::{Fact, News, Rule};
use crate::{Error, Grade};
use ambit_event::{Column, Event, Observable, ObservableKind, Outcome, Span};
use ambit_lake::{Filter, Query, Test};
use std::collections::BTreeSet;

/// What tells who acted, or from where.
const TELLING: [Column; 9] = [
    Column::ActorUser,
    Column::ActorInvoker,
    Column::ActorSession,
    Column::ActorCredential,
    Column::ActorService,
    Column::SrcIp,
    Column::Device,
    Column::Connection,
    Column::Trace,
];

impl Trace<'_> {
    /// What the sources that say who record of nobody, while control of anything is not excluded: it may be the
    /// intruder's as well as anybody's. What it handed out is followed.
    pub(super) async fn attribute_nobodys(&mut self) -> Result<(), Error> {
        let channels = self.map.into_iter().flat_map(|map| &map.channels);
        let sources: BTreeSet<String> = channels.map(|channel| channel.attributing.clone()).collect();
        let held = self.held();
        let Some(controlled) = held.iter().copied().reduce(Span::hull) else {
            return Ok(());
        };
        for source in sources {
            let query = Query::of(of_nobody(&source)).within(controlled);
            let mut events = self.fetch(query).await?;
            let is_possible = |event: &Event| held.iter().any(|span| span.overlaps(event.when()));
            events.retain(|event| event.outcome != Outcome::Denied && is_possible(event));
            if events.is_empty() {
                continue;
            }
            let hop = self.note_nobody(&source, controlled);
            for event in events {
                self.attribute(event, Grade::Possible, hop, Spread::No);
            }
        }
        Ok(())
    }

    /// When the intruder held anything, or may have: where it came from lets nobody act, unless a person says that it was
    /// the intruder's.
    fn held(&self) -> Vec<Span> {
        let facts = self.control.facts();
        let lets_act = |fact: &&Fact| {
            !is_origin(fact.observable.kind) || self.control.rule_of(fact.hop) == Rule::Seed.name()
        };
        facts.filter(lets_act).map(|fact| fact.span).collect()
    }

    fn note_nobody(&mut self, source: &str, span: Span) -> usize {
        self.control.note(News {
            rule: Rule::NamesNobody,
            from: None,
            to: Observable::new(ObservableKind::Service, source),
            span,
            grade: Grade::Possible,
            exclusive: false,
            reason: format!("{source} does not record who did it, nor from where"),
            evidence: None,
        })
    }
}

/// Operations that a source records, and no name with them.
fn of_nobody(source: &str) -> Filter {
    let absent = TELLING.map(|column| Filter::Column(column, Test::Absent));
    let operation = Filter::Column(Column::Operation, Test::Present);
    let parts = [Filter::eq(Column::Source, source), operation];
    Filter::All(parts.into_iter().chain(absent).collect())
}
