//! From a host that the intruder may have been on to the databases that it can reach from there.

use super::Trace;
use crate::Error;
use crate::Grade;
use crate::control::{News, Rule};
use crate::map::{Channel, DataMap, Host, Principal};
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
            for connection in self.sessions_from(map, host, *since).await? {
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

    async fn sessions_from(
        &self,
        map: &DataMap,
        host: Option<&Host>,
        since: Timestamp,
    ) -> Result<BTreeSet<String>, Error> {
        let direct = |c: &&Channel| c.pooled || !matches!(c.principal, Principal::Session | Principal::Token);
        let sources: BTreeSet<&str> = map
            .channels
            .iter()
            .filter(direct)
            .map(|c| c.accounting.as_str())
            .collect();
        let database = Filter::All(vec![
            Filter::one_of(Column::Source, sources),
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
            return Ok(open.difference(&shared).cloned().collect());
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
