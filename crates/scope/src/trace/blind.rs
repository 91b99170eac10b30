//! What the intruder may have kept out of the logs: hosts that it was on, issues that are not recorded.

use super::Trace;
use crate::control::{News, Rule};
use crate::map::{Credential, DataMap};
use crate::{Error, Grade};
use ambit_event::{Column, Observable, ObservableKind, Outcome, Span, Timestamp};
use ambit_lake::{Coverage, CoverageState, Filter, Query, StreamCoverage};
use std::collections::{BTreeMap, BTreeSet};

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
            .filter(|e| e.source == "sshd" && e.activity.as_deref() == Some("Logon"));
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
        let taken: Vec<Span> = self
            .control
            .of_kind(ObservableKind::Account)
            .filter(|f| matches!(f.observable.realm.as_str(), "" | "host"))
            .map(|f| f.span)
            .collect();
        let gaps = self.coverage.gaps().into_iter().filter(|g| g.source == "sshd");
        let unseen = gaps.filter_map(|gap| {
            let within = taken.iter().filter_map(|t| t.intersect(gap.span));
            Some((gap.host?, within.map(|s| s.from).min()?))
        });
        self.unseen_logons = unseen.collect();
    }

    /// Principals with no recorded issue, where the source that records issues has a gap.
    pub(super) async fn unrecorded_issues(&mut self) -> Result<(), Error> {
        let issuers = self.map.map(|m| m.issuers.clone()).unwrap_or_default();
        for issuer in issuers.iter().filter(|i| i.issues == Credential::Session) {
            let gaps = self
                .coverage
                .gaps()
                .into_iter()
                .filter(|g| g.source == issuer.source);
            let Some(gap) = gaps.map(|g| g.span).reduce(Span::hull) else {
                continue;
            };
            if !self.is_controlled_in(gap) {
                continue;
            }
            let issued = self
                .lake
                .distinct(&[Column::IssuedSession], &Query::of(Filter::everything()))
                .await?;
            let issued: BTreeSet<String> = issued.into_iter().filter_map(|d| d.value).collect();
            let used = self
                .lake
                .distinct(&[Column::ActorSession], &Query::of(Filter::everything()))
                .await?;
            for session in used
                .into_iter()
                .filter(|d| d.seen.from >= gap.from.plus_nanos(-self.config.clock_tolerance))
            {
                let Some(value) = session.value.filter(|v| !issued.contains(v)) else {
                    continue;
                };
                self.control.add(News {
                    rule: Rule::UnrecordedIssue,
                    from: None,
                    to: Observable::new(ObservableKind::Session, value),
                    span: Span::new(gap.from, Timestamp::MAX),
                    grade: Grade::Possible,
                    exclusive: false,
                    reason: format!(
                        "its issue is not recorded, and {} has a gap from {}",
                        issuer.source, gap
                    ),
                    evidence: None,
                });
            }
        }
        Ok(())
    }

    /// Whether control of anything is not excluded in this span.
    fn is_controlled_in(&self, span: Span) -> bool {
        self.control.facts().any(|f| f.span.overlaps(span))
    }
}

/// What a host wrote and had not yet given away is lost by an unknown number, from the moment at which
/// the intruder may have been on it: back to the beginning of the piece that was then being written. A
/// stream of which nobody knows the host may have been written there.
pub(super) fn degrade(coverage: &mut Coverage, map: &DataMap, host: &str, since: Timestamp) {
    let there = |s: &&mut StreamCoverage| match &s.host {
        Some(name) => map.may_be_one_host(name, host),
        None => map.may_be_written_on(&s.source, host),
    };
    for stream in coverage.streams.iter_mut().filter(there) {
        for part in stream
            .spans
            .iter_mut()
            .filter(|p| p.span.until > since && !p.state.is_gap())
        {
            part.state = CoverageState::Degraded;
            part.at_most = None;
            part.because = match &stream.host {
                Some(host) => {
                    format!("the intruder may have been on {host}, which wrote this, since {since}")
                }
                None => format!(
                    "the intruder may have been on {host} since {since}, and nobody says which host wrote this"
                ),
            };
        }
    }
}
