//! When the intruder may have been able to go a way.

use super::spans::union;
use crate::map::{Channel, Principal};
use crate::trace::Trace;
use ambit_event::{ObservableKind, Span};

/// The spans in which control of a principal that can use the channel is not excluded.
pub(super) fn control_spans(trace: &Trace<'_>, channel: &Channel, window: Span) -> Vec<Span> {
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

/// The spans in which control of anything is not excluded, by which somebody may have come in where nobody
/// says how one comes in.
pub(super) fn any_control(trace: &Trace<'_>, window: Span) -> Vec<Span> {
    let opens = |kind| !matches!(kind, ObservableKind::Event | ObservableKind::Trace);
    let facts = || trace.control.facts();
    // An event that carries nothing was done with something that no record names.
    let nothing_else = !facts().any(|f| opens(f.observable.kind));
    let open = facts().filter(|f| nothing_else || opens(f.observable.kind));
    let kinds = [
        ObservableKind::Session,
        ObservableKind::Token,
        ObservableKind::Account,
    ];
    let readable = kinds.into_iter().filter_map(|kind| trace.readable_since(kind));
    union(
        open.map(|f| f.span)
            .chain(readable)
            .filter_map(|s| s.intersect(window)),
    )
}
