//! Hosts that the intruder may have been on: as records of logons show, or as missing ones may.

use super::Trace;
use crate::map::DataMap;
use ambit_event::{ObservableKind, Outcome, Span, Timestamp};
use ambit_lake::{Coverage, StreamCoverage};
use std::collections::{BTreeMap, BTreeSet};

/// The source that records logons to hosts.
const LOGONS: &str = "sshd";

impl Trace<'_> {
    /// Hosts that the intruder may have been on, each with the earliest instant.
    pub fn hosts(&self) -> BTreeMap<String, Timestamp> {
        let mut hosts: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut on = |host: &str, at: Timestamp| {
            let since = hosts.entry(host.to_owned()).or_insert(at);
            *since = at.min(*since);
        };
        for fact in self.control.of_kind(ObservableKind::Host) {
            on(&fact.observable.value, fact.span.from);
        }
        let logons = self
            .attributed
            .values()
            .map(|c| &c.event)
            .filter(|e| e.source == LOGONS && e.activity.as_deref() == Some("Logon"));
        for event in logons.filter(|e| e.outcome == Outcome::Success) {
            if let Some(host) = &event.host {
                on(host, event.time);
            }
        }
        for (host, at) in &self.unseen_logons {
            on(host, *at);
        }
        hosts
    }

    /// Where a log of logons to a host is missing, the first logon with an account in the intruder's hands may
    /// be. What the intruder itself may have taken out of the log comes with the host, so this is asked before.
    pub(super) fn note_unseen_logons(&mut self) {
        let taken = |realms: &[&str]| -> Vec<Span> {
            let accounts = self.control.of_kind(ObservableKind::Account);
            let of_realms = accounts.filter(|f| realms.contains(&f.observable.realm.as_str()));
            of_realms.map(|f| f.span).collect()
        };
        // Of an account whose realm nobody says nothing shows that it opens hosts which never gave a logon.
        let any = taken(&["", "host"]);
        let gaps = self.coverage.gaps().into_iter().filter(|g| g.source == LOGONS);
        let known = gaps.filter_map(|gap| Some((gap.host?, first(&any, gap.span)?)));
        let mut unseen: BTreeSet<(String, Timestamp)> = known.collect();
        // All that another host wrote may lie in such a gap, and then nothing tells of it at any other time.
        let of_hosts = taken(&["host"]);
        let mut silences = silent(&self.coverage).into_iter();
        if silences.any(|span| first(&of_hosts, span).is_some())
            && let Some(since) = self.coverage.window.and_then(|window| first(&of_hosts, window))
        {
            let nothing = DataMap::default();
            let unheard = unheard(&self.coverage, self.map.unwrap_or(&nothing));
            unseen.extend(unheard.into_iter().map(|host| (host, since)));
        }
        self.unseen_logons = unseen;
    }

    /// Hosts of which no logon is known, where an account of hosts may be in the intruder's hands and nothing
    /// else speaks for it that it was there.
    pub fn hosts_without_logons(&self) -> BTreeSet<String> {
        let mut accounts = self.control.of_kind(ObservableKind::Account);
        if !accounts.any(|f| f.observable.realm == "host") {
            return BTreeSet::new();
        }
        let nothing = DataMap::default();
        let entered = self.hosts();
        let mut unheard = unheard(&self.coverage, self.map.unwrap_or(&nothing));
        unheard.retain(|host| !entered.contains_key(host));
        unheard
    }
}

/// The first instant of a span at which any of these last.
fn first(any: &[Span], within: Span) -> Option<Timestamp> {
    let common = any.iter().filter_map(|span| span.intersect(within));
    common.map(|span| span.from).min()
}

/// When no host of which logons are known is known to have recorded them all.
fn silent(coverage: &Coverage) -> Vec<Span> {
    let gaps = |stream: &StreamCoverage| -> Vec<Span> {
        let gaps = stream.spans.iter().filter(|part| part.state.is_gap());
        gaps.map(|part| part.span).collect()
    };
    let common = |a: Vec<Span>, b: Vec<Span>| -> Vec<Span> {
        a.iter()
            .flat_map(|a| b.iter().filter_map(|b| a.intersect(*b)))
            .collect()
    };
    coverage
        .streams_of(LOGONS)
        .map(gaps)
        .reduce(common)
        .unwrap_or_default()
}

/// Hosts that records or the map name and of which no logon is known.
fn unheard(coverage: &Coverage, map: &DataMap) -> BTreeSet<String> {
    let heard: Vec<&String> = coverage
        .streams_of(LOGONS)
        .filter_map(|s| s.host.as_ref())
        .collect();
    let named = coverage.streams.iter().filter_map(|s| s.host.as_ref());
    let all = named.chain(map.hosts.iter().map(|h| &h.name));
    all.filter(|host| !heard.iter().any(|h| map.may_be_one_host(h, host)))
        .cloned()
        .collect()
}
