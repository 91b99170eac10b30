//! What missing records leave open, channel by channel (SCOPE §6).

use crate::account::{Contribution, Graded, graded, operation_text};
use crate::map::{
    Basis, Channel, Completion, DataMap, Effect, Principal, ReachContext, Touch, Who, WriteRecords,
};
use crate::trace::Trace;
use crate::{Error, Grade, ScopeGap};
use ambit_event::{Column, Event, ObservableKind, Span, Timestamp};
use ambit_lake::{Coverage, CoverageState, Filter, Lake, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

/// What the gaps add.
#[derive(Debug, Default)]
pub struct Gapped {
    pub contributions: Vec<Contribution>,
    pub gaps: Vec<ScopeGap>,
    /// Assumptions that coverage which is not proved makes necessary.
    pub assumptions: BTreeSet<String>,
}

/// A stretch of one source in which records are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hole {
    id: String,
    host: Option<String>,
    span: Span,
    state: CoverageState,
    because: String,
}

/// Looks at every way into a store that the intruder may have been able to go.
///
/// # Errors
/// Where the lake cannot answer.
pub async fn gapped(
    lake: &Lake,
    trace: &Trace<'_>,
    map: &DataMap,
    coverage: &Coverage,
    writes: &dyn WriteRecords,
) -> Result<Gapped, Error> {
    let mut out = Gapped::default();
    let Some(window) = coverage.window else {
        return Ok(out);
    };
    for channel in &map.channels {
        let control = control_spans(trace, channel, window);
        if control.is_empty() {
            out.assumptions.insert(format!(
                "nothing shows that the intruder controlled {} that could use the way `{}`",
                match channel.principal {
                    Principal::Account => "an account".to_owned(),
                    other => format!("a {}", other.name()),
                },
                channel.name
            ));
            continue;
        }
        let attributing = holes(coverage, &channel.attributing, window);
        let accounting = holes(coverage, &channel.accounting, window);
        assume_coverage(&mut out, coverage, channel, &control);
        if attributing
            .iter()
            .any(|h| control.iter().any(|c| c.overlaps(h.span)))
        {
            out.assumptions.insert(format!(
                "what is missing of {} shows the intruder with no session, key, account, device or address beside those that the trace found",
                channel.attributing
            ));
        }
        for hole in &attributing {
            for span in control.iter().filter_map(|c| c.intersect(hole.span)) {
                open(
                    lake,
                    trace,
                    map,
                    channel,
                    hole,
                    span,
                    &accounting,
                    writes,
                    &mut out,
                )
                .await?;
            }
        }
        lost_lines(lake, trace, map, channel, &control, writes, &mut out).await?;
        for hole in accounting.iter().filter(|h| {
            channel.attributing != channel.accounting && control.iter().any(|c| c.overlaps(h.span))
        }) {
            let consequence =
                "operations stay known; whose data they reached is bounded by the data map alone".to_owned();
            out.gaps.push(scope_gap(
                hole,
                &channel.accounting,
                channel,
                "accounting",
                hole.span,
                consequence,
            ));
        }
    }
    out.gaps
        .sort_by(|a, b| (a.span, &a.id, &a.channel, &a.role).cmp(&(b.span, &b.id, &b.channel, &b.role)));
    out.contributions.sort_by_key(|c| (c.time, c.event));
    Ok(out)
}

/// The spans in which control of a principal that can use the channel is not excluded.
fn control_spans(trace: &Trace<'_>, channel: &Channel, window: Span) -> Vec<Span> {
    let kinds: &[ObservableKind] = match channel.principal {
        Principal::Session => &[
            ObservableKind::Session,
            ObservableKind::Account,
            ObservableKind::Address,
            ObservableKind::Device,
            ObservableKind::UserAgent,
        ],
        Principal::Token | Principal::Service => &[ObservableKind::Token, ObservableKind::Service],
        Principal::Account | Principal::Connection => &[ObservableKind::Connection],
    };
    let by_kind = trace
        .control
        .facts()
        .filter(|f| kinds.contains(&f.observable.kind))
        .map(|f| f.span);
    // An account reaches a direct channel where it is one of its roles, or where the map names none.
    let accounts = trace.control.of_kind(ObservableKind::Account).filter(|f| {
        matches!(channel.principal, Principal::Account | Principal::Connection)
            && (channel.roles.is_empty() || channel.roles.contains(&f.observable.value))
    });
    let readable = trace.readable_since(channel.principal.observable());
    union(
        by_kind
            .chain(accounts.map(|f| f.span))
            .chain(readable)
            .filter_map(|s| s.intersect(window)),
    )
}

/// Where a source is absent or degraded; one that was never collected is absent for the whole window.
fn holes(coverage: &Coverage, source: &str, window: Span) -> Vec<Hole> {
    if !coverage.has_source(source) {
        return vec![Hole {
            id: format!("gap:{source}:not-collected"),
            host: None,
            span: window,
            state: CoverageState::Absent,
            because: format!("no record of {source} was collected"),
        }];
    }
    let gaps = coverage.gaps().into_iter().filter(|g| g.source == source);
    gaps.map(|g| Hole {
        id: g.id,
        host: g.host,
        span: g.span,
        state: g.state,
        because: g.because,
    })
    .collect()
}

#[allow(clippy::too_many_arguments)]
async fn open(
    lake: &Lake,
    trace: &Trace<'_>,
    map: &DataMap,
    channel: &Channel,
    hole: &Hole,
    span: Span,
    accounting: &[Hole],
    writes: &dyn WriteRecords,
    out: &mut Gapped,
) -> Result<(), Error> {
    let same = channel.attributing == channel.accounting;
    let blind: Vec<Span> = if same {
        vec![span]
    } else {
        // By the clock of the other source a record of this span may stand beside it.
        let near = accounting.iter().map(|h| trace.tolerated(h.span));
        union(near.filter_map(|h| h.intersect(span)))
    };
    let lit = without(span, &blind);
    for blind in &blind {
        out.contributions.push(population(map, channel, hole, *blind));
        let who = format!(
            "everyone in {} cannot be excluded from {} to {}: neither {} nor {} is complete then",
            channel.store, blind.from, blind.until, channel.attributing, channel.accounting
        );
        out.gaps.push(scope_gap(
            hole,
            &channel.attributing,
            channel,
            "attributing and accounting",
            *blind,
            who,
        ));
    }
    for lit in lit {
        let near = trace.tolerated(lit);
        let Some(unexplained) = unexplained(lake, trace, map, channel, near).await? else {
            out.contributions.push(population(map, channel, hole, lit));
            let consequence = format!(
                "everyone in {} cannot be excluded: {} records more accesses then than can be looked at",
                channel.store, channel.accounting
            );
            out.gaps.push(scope_gap(
                hole,
                &channel.attributing,
                channel,
                "attributing",
                lit,
                consequence,
            ));
            continue;
        };
        let n = unexplained.len();
        for event in unexplained {
            out.contributions
                .extend(possible(map, channel, hole, &event, writes).await);
        }
        let consequence = format!(
            "{n} accesses that {} records and {} does not explain are possible",
            channel.accounting, channel.attributing
        );
        out.gaps.push(scope_gap(
            hole,
            &channel.attributing,
            channel,
            "attributing",
            lit,
            consequence,
        ));
    }
    Ok(())
}

/// Where the source that says who is not proved complete, a trace id that it stamped and does not hold
/// itself shows a record of it that is missing: a deleted line in a log without sequence numbers.
async fn lost_lines(
    lake: &Lake,
    trace: &Trace<'_>,
    map: &DataMap,
    channel: &Channel,
    control: &[Span],
    writes: &dyn WriteRecords,
    out: &mut Gapped,
) -> Result<(), Error> {
    if channel.attributing == channel.accounting || !map.trust.trace.contains(&channel.attributing) {
        return Ok(());
    }
    let believed = |state| matches!(state, CoverageState::Consistent | CoverageState::Asserted);
    let pieces = trace
        .coverage
        .state_over(&channel.attributing, trace.coverage.window.unwrap_or(Span::ALL))
        .pieces;
    let believed = union(
        pieces
            .iter()
            .filter(|p| believed(p.part.state))
            .flat_map(|p| control.iter().filter_map(|c| c.intersect(p.part.span))),
    );
    for span in believed {
        let orphans = orphans(lake, channel, span).await?;
        let Some(hull) = orphans.iter().map(Event::when).reduce(Span::hull) else {
            continue;
        };
        let hole = Hole {
            id: format!("gap:{}:lost:{}", channel.attributing, hull.from.0),
            host: None,
            span: hull,
            state: CoverageState::Degraded,
            because: format!(
                "{} holds trace ids that only {} can have stamped, and that {} does not hold",
                channel.accounting, channel.attributing, channel.attributing
            ),
        };
        let n = orphans.len();
        for event in orphans.iter().filter(|e| !trace.attributed.contains_key(&e.id)) {
            out.contributions
                .extend(possible(map, channel, &hole, event, writes).await);
        }
        let consequence = format!("{n} accesses whose requests are missing are possible");
        out.gaps.push(scope_gap(
            &hole,
            &channel.attributing,
            channel,
            "attributing",
            hull,
            consequence,
        ));
    }
    Ok(())
}

/// Accesses with a trace id that the attributing source holds nowhere.
async fn orphans(lake: &Lake, channel: &Channel, span: Span) -> Result<Vec<Event>, Error> {
    let traced = |source: &str| {
        vec![
            Filter::eq(Column::Source, source),
            Filter::Column(Column::Trace, Test::Present),
        ]
    };
    let mut accounted = traced(&channel.accounting);
    if !channel.roles.is_empty() {
        accounted.push(Filter::one_of(Column::ActorUser, &channel.roles));
    }
    let here = lake
        .distinct(
            &[Column::Trace],
            &Query::of(Filter::All(accounted.clone())).within(span),
        )
        .await?;
    let there = lake
        .distinct(
            &[Column::Trace],
            &Query::of(Filter::All(traced(&channel.attributing))),
        )
        .await?;
    let there: BTreeSet<String> = there.into_iter().filter_map(|d| d.value).collect();
    let missing: Vec<String> = here
        .into_iter()
        .filter_map(|d| d.value)
        .filter(|id| !there.contains(id))
        .collect();
    let mut events = Vec::new();
    for ids in missing.chunks(400) {
        let filter = Filter::All(
            accounted
                .iter()
                .cloned()
                .chain([Filter::one_of(Column::Trace, ids)])
                .collect(),
        );
        events.extend(lake.events(&Query::of(filter).within(span)).await?);
    }
    Ok(events)
}

/// Accesses on the channel that no present record of a principal graded none explains; `None` where they
/// are more than the budget.
async fn unexplained(
    lake: &Lake,
    trace: &Trace<'_>,
    map: &DataMap,
    channel: &Channel,
    span: Span,
) -> Result<Option<Vec<Event>>, Error> {
    // A record that withholds its statement is an access too; a login is none.
    let mut filter = vec![
        Filter::eq(Column::Source, &channel.accounting),
        Filter::Not(Box::new(Filter::eq(Column::Class, "authentication"))),
    ];
    if !channel.roles.is_empty() {
        filter.push(Filter::one_of(Column::ActorUser, &channel.roles));
    }
    let query = Query::of(Filter::All(filter)).within(span);
    let limit = Some(trace.budget().saturating_add(1));
    let events = lake.events(&Query { limit, ..query }).await?;
    if events.len() > trace.budget() {
        return Ok(None);
    }
    let ids: BTreeSet<&str> = events.iter().filter_map(|e| e.trace.as_deref()).collect();
    let explained = explained(lake, trace, map, channel, &ids).await?;
    let open = |e: &Event| e.trace.as_ref().is_none_or(|id| !explained.contains(id));
    let unattributed = events
        .into_iter()
        .filter(|e| !trace.attributed.contains_key(&e.id));
    Ok(Some(unattributed.filter(open).collect()))
}

/// Trace ids that join to exactly one present record of a trusted hop, whose principal nothing attributes.
async fn explained(
    lake: &Lake,
    trace: &Trace<'_>,
    map: &DataMap,
    channel: &Channel,
    ids: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, Error> {
    if !map.trust.trace.contains(&channel.attributing) || ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut n: BTreeMap<String, (usize, bool)> = BTreeMap::new();
    let ids: Vec<&str> = ids.iter().copied().collect();
    for ids in ids.chunks(400) {
        let filter = Filter::All(vec![
            Filter::eq(Column::Source, &channel.attributing),
            Filter::one_of(Column::Trace, ids.iter().copied()),
        ]);
        for event in lake.events(&Query::of(filter)).await? {
            let Some(id) = event.trace.clone() else { continue };
            let entry = n.entry(id).or_default();
            entry.0 += 1;
            entry.1 |= trace.attributed.contains_key(&event.id);
        }
    }
    Ok(n.into_iter()
        .filter(|(_, (n, attributed))| *n == 1 && !attributed)
        .map(|(id, _)| id)
        .collect())
}

/// An unexplained access: its subjects are possible, and no others.
async fn possible(
    map: &DataMap,
    channel: &Channel,
    hole: &Hole,
    event: &Event,
    writes: &dyn WriteRecords,
) -> Option<Contribution> {
    // Which operation caused it is not known, nor that it only looked something up.
    let context = ReachContext::default();
    let reach = map.replayed(map.reach(event, &context), writes).await;
    let touches = graded(&reach, Grade::Possible);
    if touches.is_empty() && reach.internal.is_empty() {
        return None;
    }
    Some(Contribution {
        event: event.id,
        time: event.time,
        source: event.source.clone(),
        operation: operation_text(event),
        store: Some(channel.store.clone()),
        grade: Grade::Possible,
        basis: reach.basis,
        completion: Completion::Possible,
        touches,
        internal: reach.internal,
        records: reach.records,
        because: format!(
            "{} has a gap then, and no other principal explains this access",
            channel.attributing
        ),
        hops: Vec::new(),
        gap: Some(hole.id.clone()),
        assumptions: reach.assumptions.into_iter().collect(),
    })
}

/// Neither who nor what is recorded: everyone in the store.
fn population(map: &DataMap, channel: &Channel, hole: &Hole, span: Span) -> Contribution {
    let because = format!(
        "neither {} nor {} is complete from {} to {}",
        channel.attributing, channel.accounting, span.from, span.until
    );
    let touches = everyone(map, &channel.store, channel.principal).into_iter();
    Contribution {
        event: ambit_event::EventId::default(),
        time: span.from,
        source: channel.attributing.clone(),
        operation: "unrecorded".to_owned(),
        store: Some(channel.store.clone()),
        grade: Grade::Possible,
        basis: Basis::Whole,
        completion: Completion::Possible,
        touches: touches
            .map(|touch| Graded {
                touch,
                grade: Grade::Possible,
                because: because.clone(),
            })
            .collect(),
        internal: Vec::new(),
        records: None,
        because: because.clone(),
        hops: Vec::new(),
        gap: Some(hole.id.clone()),
        assumptions: BTreeSet::new(),
    }
}

/// Everyone in a store: all its classes, read, and every other effect that its operations can have, or
/// that a direct database session could have had.
pub fn everyone(map: &DataMap, store: &str, principal: Principal) -> Vec<Touch> {
    let Some(store) = map.store(store) else {
        return Vec::new();
    };
    let Some(subject) = store.subject.clone() else {
        return Vec::new();
    };
    let operations = || map.operations.iter().filter(|o| o.store == store.name);
    let tables = store
        .tables
        .iter()
        .flat_map(|t| t.classes.values())
        .filter(|c| !c.is_empty())
        .cloned();
    let classes: BTreeSet<String> = tables
        .chain(store.classes.iter().cloned())
        .chain(operations().flat_map(|o| o.classes.iter().cloned()))
        .collect();
    let mut effects: BTreeSet<Effect> = operations().map(|o| o.effect).chain([Effect::Read]).collect();
    if matches!(
        principal,
        Principal::Account | Principal::Connection | Principal::Service
    ) {
        effects.extend(Effect::ALL);
    }
    effects
        .into_iter()
        .map(|effect| Touch {
            store: store.name.clone(),
            subject: subject.clone(),
            classes: classes.clone(),
            effect,
            who: Who::Everyone,
            exact: false,
        })
        .collect()
}

/// Coverage that is not proved carries a claim only together with a printed assumption.
fn assume_coverage(out: &mut Gapped, coverage: &Coverage, channel: &Channel, control: &[Span]) {
    for source in BTreeSet::from([&channel.attributing, &channel.accounting]) {
        for stream in coverage.streams.iter().filter(|s| s.source == *source) {
            let weakest = stream
                .spans
                .iter()
                .filter(|p| {
                    control.iter().any(|c| c.overlaps(p.span))
                        && p.state >= CoverageState::Asserted
                        && p.state < CoverageState::Proved
                })
                .map(|p| p.state)
                .min();
            if let Some(state) = weakest {
                let host = stream
                    .host
                    .as_deref()
                    .map(|h| format!(" on {h}"))
                    .unwrap_or_default();
                let how = if state == CoverageState::Asserted {
                    "as a person asserts"
                } else {
                    "as its own cadence predicts, though nothing proves it"
                };
                out.assumptions.insert(format!(
                    "{source}{host} is complete where no gap is listed, {how}"
                ));
            }
        }
    }
}

fn scope_gap(
    hole: &Hole,
    source: &str,
    channel: &Channel,
    role: &str,
    span: Span,
    consequence: String,
) -> ScopeGap {
    ScopeGap {
        id: hole.id.clone(),
        source: source.to_owned(),
        host: hole.host.clone(),
        span,
        state: if hole.state == CoverageState::Absent {
            "absent"
        } else {
            "degraded"
        }
        .to_owned(),
        because: hole.because.clone(),
        channel: channel.name.clone(),
        role: role.to_owned(),
        consequence,
    }
}

/// The spans as the fewest that cover the same instants, in order.
pub fn union(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<Span> = spans.into_iter().filter(|s| !s.is_empty()).collect();
    spans.sort_unstable();
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        match out.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => out.push(span),
        }
    }
    out
}

/// What remains of a span when these, in order, are taken out.
fn without(span: Span, holes: &[Span]) -> Vec<Span> {
    let mut rest = Vec::new();
    let mut from: Timestamp = span.from;
    for hole in holes {
        rest.push(Span::new(from, hole.from.max(from)));
        from = from.max(hole.until);
    }
    rest.push(Span::new(from, span.until.max(from)));
    rest.retain(|s| !s.is_empty());
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, until: i64) -> Span {
        Span::new(Timestamp(from), Timestamp(until))
    }

    #[test]
    fn spans_are_joined_and_cut() {
        assert_eq!(
            union([span(5, 9), span(1, 3), span(3, 4), span(8, 12)]),
            [span(1, 4), span(5, 12)]
        );
        assert_eq!(
            without(span(0, 10), &[span(2, 3), span(8, 12)]),
            [span(0, 2), span(3, 8)]
        );
        assert_eq!(without(span(0, 10), &[]), [span(0, 10)]);
        assert_eq!(without(span(0, 10), &[span(0, 10)]), []);
    }
}
