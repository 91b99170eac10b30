//! Accesses that the accounting source records and the attributing one does not explain.

use super::Way;
use super::hole::Hole;
use crate::account::{Contribution, graded, operation_text};
use crate::map::{Completion, ReachContext};
use crate::recall::pieces;
use crate::{Error, Grade};
use ambit_event::{Column, Event, Span};
use ambit_lake::{Filter, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

impl Way<'_> {
    /// What finds the records of the accounting source that may be accesses on this way.
    pub(super) fn accounted(&self, besides: Filter) -> Filter {
        let mut filter = vec![Filter::eq(Column::Source, &self.channel.accounting), besides];
        if !self.channel.roles.is_empty() {
            filter.push(Filter::one_of(Column::ActorUser, &self.channel.roles));
        }
        Filter::All(filter)
    }

    /// Accesses that no present record of a principal graded none explains; `None` where they are more than
    /// the budget.
    pub(super) async fn unexplained(&self, span: Span) -> Result<Option<Vec<Event>>, Error> {
        // A record that withholds its statement is an access too; a login is none.
        let login = Filter::eq(Column::Class, "authentication");
        let query = Query::of(self.accounted(Filter::Not(Box::new(login)))).within(span);
        let limit = Some(self.trace.budget().saturating_add(1));
        let events = self.lake.events(&Query { limit, ..query }).await?;
        if events.len() > self.trace.budget() {
            return Ok(None);
        }
        let ids: BTreeSet<&str> = events.iter().filter_map(|e| e.trace.as_deref()).collect();
        let explained = self.explained(&ids).await?;
        let open = |e: &Event| e.trace.as_ref().is_none_or(|id| !explained.contains(id));
        let unattributed = events.into_iter().filter(|e| !self.is_attributed(e));
        Ok(Some(unattributed.filter(open).collect()))
    }

    pub(super) fn is_attributed(&self, event: &Event) -> bool {
        self.trace.attributed.contains_key(&event.id)
    }

    /// Trace ids that join to exactly one present record of a trusted hop, whose principal nothing attributes.
    async fn explained(&self, ids: &BTreeSet<&str>) -> Result<BTreeSet<String>, Error> {
        if !self.stamps() || ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut n: BTreeMap<String, (usize, bool)> = BTreeMap::new();
        let ids: Vec<&str> = ids.iter().copied().collect();
        for ids in pieces(&ids) {
            let filter = Filter::All(vec![
                Filter::eq(Column::Source, &self.channel.attributing),
                Filter::one_of(Column::Trace, ids.iter().copied()),
            ]);
            for event in self.lake.events(&Query::of(filter)).await? {
                let Some(id) = event.trace.clone() else { continue };
                let entry = n.entry(id).or_default();
                entry.0 += 1;
                entry.1 |= self.is_attributed(&event);
            }
        }
        Ok(n.into_iter()
            .filter(|(_, (n, attributed))| *n == 1 && !attributed)
            .map(|(id, _)| id)
            .collect())
    }

    /// Accesses with a trace id that the attributing source holds nowhere.
    pub(super) async fn orphans(&self, span: Span) -> Result<Vec<Event>, Error> {
        let traced = || Filter::Column(Column::Trace, Test::Present);
        let here = Query::of(self.accounted(traced())).within(span);
        let attributing = Filter::eq(Column::Source, &self.channel.attributing);
        let there = Query::of(Filter::All(vec![attributing, traced()]));
        let (here, there) = (self.trace_ids(&here).await?, self.trace_ids(&there).await?);
        let missing: Vec<&String> = here.difference(&there).collect();
        let mut events = Vec::new();
        for ids in pieces(&missing) {
            let of_them = Filter::one_of(Column::Trace, ids.iter().copied());
            let query = Query::of(self.accounted(of_them)).within(span);
            events.extend(self.lake.events(&query).await?);
        }
        Ok(events)
    }

    pub(super) async fn trace_ids(&self, query: &Query) -> Result<BTreeSet<String>, Error> {
        let seen = self.lake.distinct(&[Column::Trace], query).await?;
        Ok(seen.into_iter().filter_map(|d| d.value).collect())
    }

    /// An unexplained access: its subjects are possible, and no others.
    pub(super) async fn possible(&self, hole: &Hole, event: &Event) -> Option<Contribution> {
        // Which operation caused it is not known, nor that it only looked something up.
        let context = ReachContext::default();
        let reach = self.map.reach(event, &context);
        let reach = self.map.replayed(reach, self.writes).await;
        let touches = graded(&reach, Grade::Possible);
        if touches.is_empty() && reach.internal.is_empty() {
            return None;
        }
        Some(Contribution {
            event: event.id,
            time: event.time,
            source: event.source.clone(),
            operation: operation_text(event),
            store: Some(self.channel.store.clone()),
            grade: Grade::Possible,
            basis: reach.basis,
            completion: Completion::Possible,
            touches,
            internal: reach.internal,
            records: reach.records,
            record_names: reach.record_names,
            because: format!(
                "{} has a gap then, and no other principal explains this access",
                self.channel.attributing
            ),
            hops: Vec::new(),
            gap: Some(hole.id.clone()),
            assumptions: reach.assumptions.into_iter().collect(),
        })
    }
}
