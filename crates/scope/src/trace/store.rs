//! Stores of credentials that the intruder could read.

use super::{Carried, Spread, Trace};
use crate::control::{News, Rule};
use crate::origin::is_datastore;
use crate::{Error, Grade};
use ambit_event::{Column, Event, Observable, ObservableKind, Span, Timestamp};
use ambit_lake::{Filter, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

impl Trace<'_> {
    /// Stores of credentials were readable: each credential that was issued by then is possible from then
    /// on. Passwords and what recovers them open every account later.
    pub(super) async fn read_stores(&mut self, dumps: Vec<(ObservableKind, Carried)>) -> Result<(), Error> {
        let mut new: BTreeMap<ObservableKind, Vec<Dump>> = BTreeMap::new();
        for (kind, c) in dumps {
            let when = c.event.when();
            if self.readable.insert((kind, when.from)) {
                let hop = self.note_dump(kind, &c);
                new.entry(kind).or_default().push(Dump { when, hop });
            }
        }
        for (kind, mut dumps) in new {
            dumps.sort_by_key(|d| (d.when, d.hop));
            self.read_store(kind, &dumps).await?;
        }
        Ok(())
    }

    fn note_dump(&mut self, kind: ObservableKind, c: &Carried) -> usize {
        self.control.note(News {
            rule: Rule::Readable,
            from: self.cause(c).as_ref(),
            to: Observable::new(kind, "*"),
            span: Span::new(c.event.time, Timestamp::MAX),
            grade: Grade::Possible,
            exclusive: false,
            reason: "an attributed event could read the store of them".to_owned(),
            evidence: Some(&c.event),
        })
    }

    async fn read_store(&mut self, kind: ObservableKind, dumps: &[Dump]) -> Result<(), Error> {
        let (used, issued) = match kind {
            ObservableKind::Session => (Column::ActorSession, Some(Column::IssuedSession)),
            ObservableKind::Token => (Column::ActorCredential, Some(Column::IssuedCredential)),
            ObservableKind::Account => (Column::ActorUser, None),
            ObservableKind::Connection => (Column::Connection, None),
            _ => return Ok(()),
        };
        let Some(first) = dumps.first() else { return Ok(()) };
        let issued = match issued {
            Some(column) => self.issued_at(column).await?,
            None => BTreeMap::new(),
        };
        let span = Span::new(first.when.from, Timestamp::MAX);
        let beside = self.strong_addresses();
        let events = self
            .fetch(Query::of(Filter::Column(used, Test::Present)).within(span))
            .await?;
        // What accounts of databases do is known by their sessions.
        let of_databases = kind == ObservableKind::Connection;
        for event in events.into_iter().filter(|e| is_datastore(e) == of_databases) {
            let Some(value) = event.text(used).map(str::to_owned) else {
                continue;
            };
            let lay_there = |d: &&Dump| {
                d.when.from < event.when().until && issued.get(&value).is_none_or(|at| *at <= d.when.until)
            };
            let Some(dump) = dumps.iter().find(lay_there) else {
                continue;
            };
            if kind != ObservableKind::Account && event.src_ip.as_ref().is_some_and(|a| beside.contains(a)) {
                self.seen_beside(kind, value, &event, dump.when.from);
            }
            self.attribute(event, Grade::Possible, dump.hop, Spread::No);
        }
        Ok(())
    }

    /// When each credential is first recorded as issued.
    async fn issued_at(&self, column: Column) -> Result<BTreeMap<String, Timestamp>, Error> {
        let issued = self
            .lake
            .distinct(&[column], &Query::of(Filter::Column(column, Test::Present)))
            .await?;
        Ok(issued
            .into_iter()
            .filter_map(|d| Some((d.value?, d.seen.from)))
            .collect())
    }

    fn seen_beside(&mut self, kind: ObservableKind, value: String, event: &Event, from: Timestamp) {
        self.control.add(News {
            rule: Rule::ReadableAndSeen,
            from: None,
            to: Observable::new(kind, value),
            span: Span::new(from, Timestamp::MAX),
            grade: Grade::Probable,
            exclusive: false,
            reason: "it lay in a store that the intruder could read, and was used from the intruder's origin"
                .to_owned(),
            evidence: Some(event),
        });
    }

    /// Addresses from which events came that are more than possibly the intruder's.
    fn strong_addresses(&self) -> BTreeSet<String> {
        let strong = self
            .attributed
            .values()
            .filter(|c| c.grade > Grade::Possible && !is_datastore(&c.event));
        strong.filter_map(|c| c.event.src_ip.clone()).collect()
    }
}

/// A moment at which a store of credentials was readable.
struct Dump {
    when: Span,
    hop: usize,
}
