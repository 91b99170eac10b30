//! From a host that the intruder may have been on to the databases that it can reach from there.

use super::{Spread, Trace};
use crate::Error;
use crate::Grade;
use crate::control::{Fact, News, Rule};
use crate::map::{Channel, DataMap, Host, Principal};
use crate::recall::pieces;
use ambit_event::{Column, Observable, ObservableKind, Span, Timestamp};
use ambit_lake::{Filter, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

impl Trace<'_> {
    /// Database sessions that were in use since the intruder may have been on a host, and may come from it:
    /// nothing joins them with a process there, so each is possible. Where nobody declares the host's
    /// addresses, they may come from anywhere; shared sessions are used, as the map says, by others.
    pub(super) async fn leave_hosts(&mut self, hosts: &BTreeMap<String, Timestamp>) -> Result<(), Error> {
        let Some(map) = self.map else { return Ok(()) };
        for (name, since) in hosts {
            let host = map.host(name);
            let is_seeded = self
                .control
                .of_kind(ObservableKind::Host)
                .any(|f| f.observable.value == *name);
            for connection in self.sessions_from(map, host, *since, is_seeded).await? {
                self.control.add(News {
                    rule: Rule::FromHost,
                    from: Some(&Observable::new(ObservableKind::Host, name.clone())),
                    to: Observable::new(ObservableKind::Connection, connection),
                    span: Span::new(*since, Timestamp::MAX),
                    grade: Grade::Possible,
                    exclusive: false,
                    reason: reason(name, host),
                    evidence: None,
                });
            }
        }
        Ok(())
    }

    /// Credentials that lay on a host in the intruder's hands, or went through it: those that its records name,
    /// possible each from then on, and of each kind others that no record names.
    pub(super) async fn read_hosts(&mut self) -> Result<(), Error> {
        let seeded: Vec<Fact> = self.control.of_kind(ObservableKind::Host).cloned().collect();
        for fact in seeded {
            let since = Span::new(fact.span.from, Timestamp::MAX);
            for principal in Principal::ALL {
                self.readable.insert((principal.observable(), since.from));
            }
            for (kind, column) in [
                (ObservableKind::Session, Column::ActorSession),
                (ObservableKind::Token, Column::ActorCredential),
            ] {
                let written = Query::of(self.written_on(&fact.observable.value)).within(fact.span);
                let named = self.lake.distinct(&[column], &written).await?;
                let named: Vec<String> = named.into_iter().filter_map(|d| d.value).collect();
                self.attribute_named(&fact, kind, column, &named).await?;
            }
        }
        Ok(())
    }

    /// What finds the records that were, or may have been, written on a host.
    fn written_on(&self, host: &str) -> Filter {
        let nothing = DataMap::default();
        let map = self.map.unwrap_or(&nothing);
        let hosts = self.coverage.streams.iter().filter_map(|s| s.host.as_ref());
        let names: BTreeSet<&String> = hosts.filter(|name| map.may_be_one_host(name, host)).collect();
        let nameless = self.coverage.streams.iter().filter(|s| s.host.is_none());
        let sources: BTreeSet<&String> = nameless
            .map(|s| &s.source)
            .filter(|source| map.may_be_written_on(source, host))
            .collect();
        Filter::Any(vec![
            Filter::one_of(Column::Host, names),
            Filter::All(vec![
                Filter::one_of(Column::Source, sources),
                Filter::Column(Column::Host, Test::Absent),
            ]),
        ])
    }

    async fn attribute_named(
        &mut self,
        fact: &Fact,
        kind: ObservableKind,
        column: Column,
        values: &[String],
    ) -> Result<(), Error> {
        let since = Span::new(fact.span.from, Timestamp::MAX);
        let hop = self.control.note(News {
            rule: Rule::Readable,
            from: Some(&fact.observable),
            to: Observable::new(kind, "*"),
            span: since,
            grade: Grade::Possible,
            exclusive: false,
            reason: format!(
                "records of {} name it, so it could be read there",
                fact.observable.value
            ),
            evidence: None,
        });
        for values in pieces(values) {
            let query = Query::of(Filter::one_of(column, values)).within(since);
            for event in self.fetch(query).await? {
                self.attribute(event, Grade::Possible, hop, Spread::No);
            }
        }
        Ok(())
    }

    async fn sessions_from(
        &self,
        map: &DataMap,
        host: Option<&Host>,
        since: Timestamp,
        is_seeded: bool,
    ) -> Result<BTreeSet<String>, Error> {
        let direct = |c: &&Channel| c.pooled || !matches!(c.principal, Principal::Session | Principal::Token);
        let sources: BTreeSet<&str> = map
            .channels
            .iter()
            .filter(direct)
            .map(|c| c.accounting.as_str())
            .collect();
        let mut databases = vec![Filter::one_of(Column::Source, sources)];
        if map.stores_without_channel().next().is_some() {
            databases.push(Filter::eq(Column::Class, "datastore_activity"));
        }
        let database = Filter::All(vec![
            Filter::Any(databases),
            Filter::Column(Column::Connection, Test::Present),
        ]);
        let since = since.plus_nanos(-self.config.clock_tolerance);
        let open = self
            .connections(vec![database.clone()], Span::new(since, Timestamp::MAX))
            .await?;
        let shared: BTreeSet<&String> = map
            .channels
            .iter()
            .filter(|c| c.pooled)
            .flat_map(|c| &c.roles)
            .collect();
        let shared = vec![database.clone(), Filter::one_of(Column::ActorUser, shared)];
        let shared = self.connections(shared, Span::ALL).await?;
        let Some(addresses) = host.map(|h| &h.addresses).filter(|a| !a.is_empty()) else {
            // A server of the application is where the shared ones come from.
            return Ok(match is_seeded {
                true => open,
                false => open.difference(&shared).cloned().collect(),
            });
        };
        let located = vec![database.clone(), Filter::Column(Column::SrcIp, Test::Present)];
        let located = self.connections(located, Span::ALL).await?;
        let there = vec![database, Filter::one_of(Column::SrcIp, addresses)];
        let there = self.connections(there, Span::ALL).await?;
        let elsewhere = |c: &String| !there.contains(c) && (located.contains(c) || shared.contains(c));
        Ok(open.into_iter().filter(|c| !elsewhere(c)).collect())
    }

    async fn connections(&self, of: Vec<Filter>, within: Span) -> Result<BTreeSet<String>, Error> {
        let query = Query::of(Filter::All(of)).within(within);
        let found = self.lake.distinct(&[Column::Connection], &query).await?;
        Ok(found.into_iter().filter_map(|d| d.value).collect())
    }
}

fn reason(name: &str, host: Option<&Host>) -> String {
    match host.filter(|h| !h.addresses.is_empty()) {
        Some(_) => {
            format!("it was in use since the intruder may have been on {name}, and may come from there")
        }
        None => format!(
            "the intruder may have been on {name}, and no [[host]] of the data map says from which addresses it connects"
        ),
    }
}
