//! What the answer rests on: each assertion that was used, and what the ways into the stores rest on.

use super::Parts;
use crate::AssertionUsed;
use crate::map::{Channel, Host};
use crate::trace::Trace;
use ambit_event::Span;
use ambit_lake::CoverageState;
use std::collections::BTreeSet;

impl Parts<'_> {
    pub(super) fn assertions(&self, trace: &Trace<'_>) -> Vec<AssertionUsed> {
        let asked = self.contributions.iter().flat_map(|c| &c.assumptions);
        let assumed = asked.chain(&self.gapped.assumptions).cloned();
        let of_map = assumed
            .chain(self.only_ways())
            .chain(self.of_hosts(trace))
            .chain(self.trusted_hops())
            .map(|text| used("map", text, None));
        let mut all: BTreeSet<AssertionUsed> = of_map.collect();
        all.extend(self.seeds.iter().map(|seed| AssertionUsed {
            contradicted_by: trace.contradictions.get(&seed.sentence()).cloned(),
            ..used("seed", seed.sentence(), seed.exclusive.clone())
        }));
        all.extend(self.request.coverage_assertions.iter().map(|a| {
            let text = format!("{} is complete", a.source);
            used("coverage", text, Some(a.reason.clone()))
        }));
        all.extend(self.coverage.window.map(|window| {
            let text = format!(
                "nothing before {}, the start of the retained logs, is considered",
                window.from
            );
            used("default", text, None)
        }));
        all.into_iter().collect()
    }

    fn only_ways(&self) -> impl Iterator<Item = String> {
        self.map.stores.iter().map(|store| {
            let channels = self.map.channels.iter().filter(|c| c.store == store.name);
            let ways: Vec<&str> = channels.map(|c| c.name.as_str()).collect();
            let ways = match ways.is_empty() {
                true => "none is declared".to_owned(),
                false => format!("only by {}", ways.join(", ")),
            };
            format!("there is no other way into {}: {ways}", store.name)
        })
    }

    /// What the map says of hosts matters where the intruder may have been on one.
    fn of_hosts(&self, trace: &Trace<'_>) -> Vec<String> {
        let entered = trace.hosts();
        if entered.is_empty() {
            return Vec::new();
        }
        let names = entered.keys().filter_map(|name| self.map.host(name));
        let mut all: Vec<String> = names.flat_map(of_host).collect();
        for host in &self.map.hosts {
            let written = |source| format!("{source} is written on {}, where it names no host", host.name);
            all.extend(host.sources.iter().map(written));
        }
        all
    }

    fn trusted_hops(&self) -> impl Iterator<Item = String> {
        let hops = self.map.trust.trace.iter();
        hops.map(|s| format!("trace ids in {s} are stamped by a hop that the client cannot influence"))
    }

    /// What a supported negative claim rests on, way by way.
    pub(super) fn rests_on(&self) -> Vec<String> {
        let state = |source: &str| {
            let window = self.coverage.window.unwrap_or(Span::ALL);
            match self.coverage.state_over(source, window).state {
                CoverageState::Proved => "proved complete",
                CoverageState::Consistent => "complete as its cadence predicts",
                CoverageState::Asserted => "complete as asserted",
                CoverageState::Degraded => "complete where it matters, degraded elsewhere",
                CoverageState::Absent => "complete where it matters, absent elsewhere",
            }
        };
        let way = |c: &Channel| match c.attributing == c.accounting {
            true => format!(
                "way `{}` into {}: {} is {}",
                c.name,
                c.store,
                c.attributing,
                state(&c.attributing)
            ),
            false => format!(
                "way `{}` into {}: {} (who) is {}, {} (what) is {}",
                c.name,
                c.store,
                c.attributing,
                state(&c.attributing),
                c.accounting,
                state(&c.accounting)
            ),
        };
        self.map.channels.iter().map(way).collect()
    }
}

fn used(kind: &str, text: String, reason: Option<String>) -> AssertionUsed {
    AssertionUsed {
        kind: kind.to_owned(),
        text,
        reason,
        contradicted_by: None,
    }
}

/// What the map says of a host that the intruder may have been on.
fn of_host(host: &Host) -> Vec<String> {
    let addresses: Vec<&str> = host.addresses.iter().map(String::as_str).collect();
    let mut all = Vec::new();
    if !addresses.is_empty() {
        all.push(format!(
            "connections of {} come from no other address than {}",
            host.name,
            addresses.join(", ")
        ));
    }
    if !host.also.is_empty() {
        all.push(format!(
            "{} is called {} too, and nothing else",
            host.name,
            host.also.join(", ")
        ));
    }
    all
}
