//! Instants that cannot have been in the order in which they are said.

use super::{Conflict, Facts, Provenance};
use ambit_event::Timestamp;

/// Nobody detects, knows or tells what has not begun.
const AFTER_THE_BEGINNING: &[&str] = &[
    "occurred_to",
    "detected_at",
    "discovered_at",
    "aware_at",
    "processor_aware_at",
    "suspected_at",
    "believed_at",
    "assessed_at",
    "classified_at",
    "determined_at",
    "material_at",
    "individuals_notified_at",
    "ransom_paid_at",
];

/// Signed instants before the beginning of the incident, as far as that is known.
pub(super) fn disorders(facts: &Facts) -> Vec<Conflict> {
    let Some(began) = facts.instant("occurred_from") else {
        return Vec::new();
    };
    let later = |name: &str| AFTER_THE_BEGINNING.contains(&name) || name.starts_with("sent:");
    let signed = facts
        .iter()
        .filter(|(name, fact)| later(name) && matches!(fact.provenance, Provenance::Signed { .. }));
    let early = signed.filter(|(name, _)| facts.instant(name).is_some_and(|at| at < began));
    let told = early.map(|(name, fact)| Conflict {
        name: name.to_owned(),
        signed: fact.clone(),
        because: format!("it is before the beginning of the incident (occurred_from), {began}"),
    });
    told.collect()
}

/// Why two ends, as somebody says them, cannot be: against each other, and against what is known.
///
/// # Errors
/// Names the instant that comes too early or too late.
pub fn check_period(said: &Facts, known: &Facts) -> Result<(), String> {
    let before =
        |end: Option<Timestamp>, begin: Option<Timestamp>| end.zip(begin).filter(|(end, begin)| end < begin);
    let ends = before(said.instant("occurred_to"), known.instant("occurred_from"));
    if let Some((to, from)) = ends {
        return Err(format!(
            "occurred_to ({to}) lies before occurred_from ({from}): it cannot end before it begins"
        ));
    }
    let begins = before(known.instant("occurred_to"), said.instant("occurred_from"));
    if let Some((to, from)) = begins {
        return Err(format!(
            "occurred_from ({from}) lies after occurred_to ({to}): it cannot begin after it ended"
        ));
    }
    Ok(())
}
