//! What opens something to the intruder: which credentials are in its hands, and whether they still open
//! anything.

use crate::Grade;
use crate::control::Fact;
use crate::origin::is_datastore;
use crate::trace::Trace;
use ambit_event::{Observable, ObservableKind, Outcome, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Credentials in the intruder's hands by kind and grade.
pub fn held(trace: &Trace<'_>) -> BTreeMap<(&'static str, Grade), usize> {
    use ObservableKind::{Account, Session, Token};
    let mut best: BTreeMap<&Observable, Grade> = BTreeMap::new();
    for fact in [Session, Token, Account]
        .into_iter()
        .flat_map(|kind| trace.control.of_kind(kind))
    {
        let known = best.entry(&fact.observable).or_insert(fact.grade);
        *known = (*known).max(fact.grade);
    }
    let mut held = BTreeMap::new();
    for (observable, grade) in best {
        *held.entry((observable.kind.name(), grade)).or_default() += 1;
    }
    held
}

/// Accounts that attributed events used without being denied, and that no fact says to be in the intruder's
/// hands, with the best grade of such an event. A database account may be a service's.
pub fn accounts_used(trace: &Trace<'_>) -> Option<(usize, Grade)> {
    let held: BTreeSet<&str> = trace
        .control
        .of_kind(ObservableKind::Account)
        .map(|f| f.observable.value.as_str())
        .collect();
    let used = trace.attributed.values().filter(|c| {
        !is_datastore(&c.event)
            && c.event.actor_session.is_none()
            && c.event.actor_credential.is_none()
            && !matches!(c.event.outcome, Outcome::Denied | Outcome::Failure)
    });
    let mut accounts: BTreeMap<&str, Grade> = BTreeMap::new();
    for c in used {
        let Some(user) = c.event.actor_user.as_deref().filter(|user| !held.contains(user)) else {
            continue;
        };
        let known = accounts.entry(user).or_insert(c.grade);
        *known = (*known).max(c.grade);
    }
    Some((accounts.len(), accounts.into_values().max()?))
}

const fn is_opening(kind: ObservableKind) -> bool {
    use ObservableKind::{Account, Session, Token};
    matches!(kind, Session | Token | Account)
}

fn credentials<'t>(trace: &'t Trace<'_>) -> impl Iterator<Item = &'t Fact> {
    trace.control.facts().filter(|f| is_opening(f.observable.kind))
}

/// Whether any credential may be in the intruder's hands.
#[must_use]
pub fn holds_any(trace: &Trace<'_>) -> bool {
    credentials(trace).next().is_some()
}

/// From when on nothing opens anything to the intruder; `None` where that is not shown, or nothing ever did.
#[must_use]
pub fn ended_at(trace: &Trace<'_>) -> Option<Timestamp> {
    let closed = trace.cut.is_none() && open_ends(trace).is_empty();
    credentials(trace).map(|f| f.span.until).max().filter(|_| closed)
}

/// What kept each credential from opening anything further.
pub fn ends(trace: &Trace<'_>) -> Vec<String> {
    let mut because: Vec<String> = credentials(trace)
        .filter(|f| trace.is_asserted_end(&f.observable, f.span.until))
        .map(|f| {
            format!(
                "it is asserted that the intruder did not hold {} after {}",
                f.observable, f.span.until
            )
        })
        .collect();
    because.push(
        match because.is_empty() {
            true => "every credential that may be in the intruder's hands is denied by every source that accepted it",
            false => "every other credential that may be in the intruder's hands is denied by every source that accepted it",
        }
        .to_owned(),
    );
    because
}

/// What may be in the intruder's hands with no end, at most six of them: credentials, hosts, accounts that it
/// used, and stores of credentials that it could read.
pub fn open_ends(trace: &Trace<'_>) -> Vec<String> {
    let opens = |kind| is_opening(kind) || kind == ObservableKind::Host;
    let facts = trace.control.facts().filter(|f| opens(f.observable.kind));
    let mut open: BTreeSet<String> = facts
        .filter(|f| f.span.until == Timestamp::MAX)
        .map(|f| f.observable.to_string())
        .collect();
    for kind in [
        ObservableKind::Session,
        ObservableKind::Token,
        ObservableKind::Account,
    ] {
        if trace.readable_since(kind).is_some() {
            open.insert(format!("any {kind} that the intruder could read"));
        }
    }
    if let Some((n, _)) = accounts_used(trace) {
        open.insert(match n {
            1 => "the account that was used with no known credential".to_owned(),
            n => format!("the {n} accounts that were used with no known credential"),
        });
    }
    open.extend(trace.hosts().into_keys().map(|host| format!("host={host}")));
    let more = open.len().saturating_sub(6);
    let mut out: Vec<String> = open.into_iter().take(6).collect();
    if more > 0 {
        out.push(format!("and {more} more"));
    }
    out
}
