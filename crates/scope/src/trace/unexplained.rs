//! What other sources record for requests that are missing: while the source that says who has a gap, credentials
//! may have been handed out to the intruder, or read by him.

use super::{Carried, Spread, Trace, group_by};
use crate::control::{News, Rule};
use crate::map::{Channel, Completion, Principal, ReachContext};
use crate::recall::pieces;
use crate::{Error, Grade};
use ambit_event::{Column, Event, Observable, ObservableKind, Outcome, Span};
use ambit_lake::{Filter, Query, Test};
use std::collections::BTreeSet;

impl Trace<'_> {
    /// Goes on from what no present request explains, gap by gap of each source that says who.
    pub(super) async fn go_on_unexplained(&mut self) -> Result<(), Error> {
        let channels = self.map.into_iter().flat_map(|m| &m.channels);
        let of_requests = |c: &&Channel| {
            matches!(c.principal, Principal::Session | Principal::Token) && c.attributing != c.accounting
        };
        let channels: Vec<Channel> = channels.filter(of_requests).cloned().collect();
        let sources: BTreeSet<&String> = channels.iter().map(|c| &c.attributing).collect();
        for source in sources {
            let gaps = self.coverage.gaps().into_iter().filter(|g| g.source == *source);
            let gaps: Vec<Span> = gaps
                .map(|g| g.span)
                .filter(|gap| self.is_controlled_in(*gap))
                .collect();
            for gap in gaps {
                self.unexplained_issues(source, gap).await?;
                for channel in channels.iter().filter(|c| c.attributing == *source) {
                    self.unexplained_dumps(channel, gap).await?;
                }
            }
        }
        Ok(())
    }

    /// Credentials that were issued in a gap, for a request that is missing.
    async fn unexplained_issues(&mut self, source: &str, gap: Span) -> Result<(), Error> {
        let issues = Filter::All(vec![
            Filter::Not(Box::new(Filter::eq(Column::Source, source))),
            Filter::Any(vec![
                Filter::Column(Column::IssuedSession, Test::Present),
                Filter::Column(Column::IssuedCredential, Test::Present),
            ]),
        ]);
        let issues = self.fetch(Query::of(issues).within(self.tolerated(gap))).await?;
        for event in self.not_explained(source, issues).await? {
            if self.tells_its_caller(&event) {
                self.told_issues.insert((event.source, source.to_owned()));
                continue;
            }
            let hop = self.note_missing(source, gap, &event);
            self.attribute(event, Grade::Possible, hop, Spread::Yes);
        }
        Ok(())
    }

    /// Whether the source is one that says who for a way of its own, as a cloud's audit trail does: what it hands out
    /// goes to whoever it names, and not to who sent a request that another source misses. One that the map declares
    /// as an issuer hands out for others.
    fn tells_its_caller(&self, event: &Event) -> bool {
        self.map.is_some_and(|map| {
            map.channels.iter().any(|c| c.attributing == event.source)
                && !map.issuers.iter().any(|i| i.source == event.source)
        })
    }

    /// What was supposed of credentials that were handed out while a source that says who has a gap.
    pub fn told_issues(&self) -> impl Iterator<Item = String> {
        let told = self.told_issues.iter();
        told.map(|(issuer, gapped)| {
            format!(
                "what {issuer} handed out while {gapped} has a gap went to whom {issuer} names, as no [[issuer]] says that it hands out for others"
            )
        })
    }

    /// Stores of credentials that were read in a gap, for a request that is missing. One that returned a single
    /// record at most looked something up, as each login does.
    async fn unexplained_dumps(&mut self, channel: &Channel, gap: Span) -> Result<(), Error> {
        let Some(map) = self.map else { return Ok(()) };
        let store = map.store(&channel.store);
        if store.is_none_or(|s| map.credentials_in(s).is_empty()) {
            return Ok(());
        }
        let mut accounted = vec![Filter::eq(Column::Source, &channel.accounting)];
        if !channel.roles.is_empty() {
            accounted.push(Filter::one_of(Column::ActorUser, &channel.roles));
        }
        let query = Query::of(Filter::All(accounted)).within(self.tolerated(gap));
        let accesses = self.fetch(query).await?;
        let mut dumps = Vec::new();
        for event in self.not_explained(&channel.attributing, accesses).await? {
            let reach = map.reach(&event, &ReachContext::default());
            let has_ended = matches!(reach.completion, Completion::Attempt | Completion::Nothing);
            if reach.reveals.is_empty() || has_ended || reach.records.is_some_and(|n| n <= 1) {
                continue;
            }
            let carried = Carried {
                event,
                grade: Grade::Possible,
                hops: BTreeSet::new(),
                spreads: false,
            };
            dumps.extend(reach.reveals.into_iter().map(|kind| (kind, carried.clone())));
        }
        self.read_stores(dumps).await
    }

    /// Those of the records that nothing attributes, and that no single request explains which a source holds
    /// under their trace id.
    async fn not_explained(&mut self, source: &str, events: Vec<Event>) -> Result<Vec<Event>, Error> {
        let ids: Vec<&str> = events.iter().filter_map(|e| e.trace.as_deref()).collect();
        let mut explained = BTreeSet::new();
        for ids in pieces(&ids) {
            let requests = Filter::All(vec![
                Filter::eq(Column::Source, source),
                Filter::one_of(Column::Trace, ids.iter().copied()),
            ]);
            let groups = group_by(self.fetch(Query::of(requests)).await?, Column::Trace);
            let anothers = |group: &[Event]| {
                let stamp = self.only_stamp(group);
                stamp.is_some_and(|e| !self.attributed.contains_key(&e.id))
            };
            let groups = groups.into_iter().filter(|(_, group)| anothers(group));
            explained.extend(groups.map(|(id, _)| id));
        }
        let open = |e: &Event| {
            e.outcome != Outcome::Denied
                && !self.attributed.contains_key(&e.id)
                && e.trace.as_ref().is_none_or(|id| !explained.contains(id))
        };
        Ok(events.into_iter().filter(open).collect())
    }

    fn note_missing(&mut self, source: &str, gap: Span, event: &Event) -> usize {
        self.control.note(News {
            rule: Rule::UnrecordedIssue,
            from: None,
            to: Observable::new(ObservableKind::Service, event.source.clone()),
            span: gap,
            grade: Grade::Possible,
            exclusive: false,
            reason: format!("{source} has a gap then, and does not hold the request that caused this"),
            evidence: None,
        })
    }
}
