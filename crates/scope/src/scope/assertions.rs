//! What the answer rests on: each assertion that was used, and what the ways into the stores rest on.

use super::Parts;
use super::found::taken_for_granted;
use crate::map::{Channel, Host, Store};
use crate::trace::Trace;
use crate::{AssertionUsed, Seed};
use ambit_event::{ObservableKind, Span};
use ambit_lake::CoverageState;
use std::collections::BTreeSet;

impl Parts<'_> {
    pub(super) fn assertions(&self, trace: &Trace<'_>) -> Vec<AssertionUsed> {
        let asked = self.contributions.iter().flat_map(|c| &c.assumptions);
        let assumed = asked.chain(&self.gapped.assumptions).cloned();
        let of_map = assumed
            .chain(self.only_ways())
            .chain(self.of_hosts(trace))
            .chain(not_entered(trace))
            .chain(trace.told_issues())
            .chain(self.trusted_hops())
            .chain(self.lived())
            .map(|text| used("map", text, None));
        let mut all: BTreeSet<AssertionUsed> = of_map.collect();
        all.extend(self.seeds.iter().map(|seed| AssertionUsed {
            contradicted_by: spoken_against(trace, seed),
            ..used("seed", seed.sentence(), seed.exclusive.clone())
        }));
        let granted = taken_for_granted(self.seeds, self.findings);
        all.extend(granted.into_iter().map(|text| used("default", text, None)));
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
        let names = |ways: &[Channel], store: &Store| -> Vec<String> {
            let into = ways.iter().filter(|c| c.store == store.name);
            into.map(|c| c.name.clone()).collect()
        };
        self.map.stores.iter().map(move |store| {
            let implied = names(self.implied, store);
            match implied.is_empty() {
                true => format!(
                    "there is no other way into {}: only by {}",
                    store.name,
                    names(&self.map.channels, store).join(", ")
                ),
                false => format!(
                    "no channel is declared for {}: taken as reached only through {}",
                    store.name,
                    implied.join(" and ")
                ),
            }
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
        let held = trace.control.of_kind(ObservableKind::Host);
        all.extend(held.map(|f| {
            let host = &f.observable.value;
            format!("no session, token or key lay on {host} but those that records of it name")
        }));
        for host in &self.map.hosts {
            let written = |source| format!("{source} is written on {}, where it names no host", host.name);
            all.extend(host.sources.iter().map(written));
        }
        all
    }

    fn lived(&self) -> impl Iterator<Item = String> {
        self.map.subjects.iter().filter_map(|subject| {
            let lived = subject.lived.as_ref()?;
            lived.table.as_ref()?;
            Some(format!(
                "each {} lives where {} says, by its column {}, as of {}",
                subject.name,
                lived.name(),
                lived.columns.join(" and "),
                lived.at
            ))
        })
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
        self.ways().map(way).collect()
    }
}

/// Nobody declares who can log on to a host: that the intruder did not is supposed where no logon is recorded.
fn not_entered(trace: &Trace<'_>) -> Option<String> {
    const MOST: usize = 6;
    let hosts = trace.hosts_without_logons();
    let named: Vec<&str> = hosts.iter().take(MOST).map(String::as_str).collect();
    let more = match hosts.len().saturating_sub(MOST) {
        0 => String::new(),
        n => format!(" and {n} more hosts"),
    };
    let text = format!(
        "the intruder logged on to none of the hosts of which no logon is recorded: {}{more}",
        named.join(", ")
    );
    (!named.is_empty()).then_some(text)
}

fn spoken_against(trace: &Trace<'_>, seed: &Seed) -> Option<String> {
    let unseen = trace.unseen.contains(seed);
    let unseen = unseen.then(|| "no record names it, so nothing was traced from it".to_owned());
    trace.contradictions.get(&seed.sentence()).cloned().or(unseen)
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
