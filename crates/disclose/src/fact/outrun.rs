//! What somebody stated of a time that the records do not cover: of it nothing can be excluded.

use super::Facts;
use crate::words::at_utc;
use ambit_event::{Span, Timestamp};
use ambit_scope::{Bounds, Scope, Verdict};

/// The scope as it stands where a person signed that the incident began before the records begin, or ended after they
/// end: what they show holds, no upper bound does, and no claim is carried. `None` where the records cover what was
/// signed.
#[must_use]
pub fn outrun(scope: &Scope, signed: &Facts) -> Option<Scope> {
    let because = reasons(
        scope.window?,
        signed.instant("occurred_from"),
        signed.instant("occurred_to"),
    );
    if because.is_empty() {
        return None;
    }
    let mut open = scope.clone();
    open.subjects.at_most = None;
    open.subjects.because.extend(because.iter().cloned());
    let widen = |bounds: &mut Bounds| {
        bounds.at_most = None;
        bounds.because.extend(because.iter().cloned());
    };
    widen(&mut open.records);
    open.classes.values_mut().for_each(widen);
    open.effects
        .values_mut()
        .flat_map(|classes| classes.values_mut())
        .for_each(widen);
    if let Some(residence) = &mut open.residence {
        let all = residence
            .places
            .values_mut()
            .chain(residence.unlisted.values_mut());
        all.for_each(widen);
    }
    for claim in &mut open.claims {
        if claim.verdict == Verdict::Supported {
            claim.verdict = Verdict::Undecided;
            claim.because.clone_from(&because);
            claim.would_settle = Some("records of the time that was stated".to_owned());
        }
    }
    Some(open)
}

fn reasons(covered: Span, from: Option<Timestamp>, to: Option<Timestamp>) -> Vec<String> {
    let before = from.filter(|from| *from < covered.from).map(|from| {
        format!(
            "it is stated to have begun on {}, and our records begin on {}",
            at_utc(from),
            at_utc(covered.from)
        )
    });
    let after = to.filter(|to| *to > covered.until).map(|to| {
        format!(
            "it is stated to have ended on {}, and our records end on {}",
            at_utc(to),
            at_utc(covered.until)
        )
    });
    before.into_iter().chain(after).collect()
}
