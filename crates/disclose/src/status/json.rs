//! The status for programs; `schemas/disclose.schema.json` promises its shape.

use super::{Disclosure, Openness, Told};
use crate::duty::{Due, Duty, State};
use crate::fact::{Fact, Provenance, told};
use crate::regime::{Holds, Open};
use crate::warranted::Assessment;
use ambit_event::Timestamp;
use serde_json::{Value, json};

/// The whole answer.
#[must_use]
pub fn status_json(status: &Disclosure) -> Value {
    json!({
        "case": status.case,
        "now": status.now,
        "n_later_entries": status.n_later,
        "state": match status.standing() {
            Openness::Settled => "settled",
            Openness::Open => "open",
            Openness::Overdue => "overdue",
        },
        "scope": status.scope.as_ref().map(|(version, root)| json!({ "lake_version": version, "content_root": root })),
        "facts": status.known.facts.iter().map(|(name, fact)| fact_json(name, fact)).collect::<Vec<_>>(),
        "conflicts": status.known.conflicts.iter().map(|conflict| json!({
            "fact": conflict.name, "signed": told(&conflict.signed.value), "because": conflict.because,
        })).collect::<Vec<_>>(),
        "assessment": assessment(&status.assessment),
        "decision": status.decided.as_ref().map(|decided| json!({
            "entry": decided.entry,
            "by": decided.by,
            "at": decided.at,
            "risk": decided.risk.name(),
            "reason": decided.reason,
            "notify_authority": decided.tells_authority(),
            "tell_persons": decided.tells_persons(),
            "departs": status.departs,
            "outdated": status.outdated,
        })),
        "duties": status.duties.iter().map(duty).collect::<Vec<_>>(),
        "to_be_known": status.asks.iter().map(|ask| json!({
            "fact": ask.fact, "question": ask.question, "form": ask.form, "needed_by": ask.needed_by,
        })).collect::<Vec<_>>(),
        "notices": status.notices.iter().map(notice).collect::<Vec<_>>(),
        "legal_advice": false,
    })
}

/// One fact with who or what stands behind it.
#[must_use]
pub fn fact_json(name: &str, fact: &Fact) -> Value {
    let from = match &fact.provenance {
        Provenance::ScopeAt {
            version,
            content_root,
        } => json!({ "scope": { "lake_version": version, "content_root": content_root } }),
        Provenance::Snapshot {
            version,
            content_root,
            table,
        } => json!({ "snapshot": {
            "lake_version": version, "content_root": content_root,
            "file": table.file, "columns": table.columns, "at": table.at, "sha256": table.sha256,
        } }),
        Provenance::Signed {
            entry,
            by,
            at,
            knower,
            evidence,
        } => {
            json!({ "signed": { "entry": entry, "by": by, "at": at, "knower": knower, "evidence": evidence } })
        }
    };
    json!({ "name": name, "value": fact.value, "told": told(&fact.value), "from": from })
}

fn assessment(assessment: &Assessment) -> Value {
    json!({
        "at_least": assessment.at_least.name(),
        "at_most": assessment.at_most.name(),
        "notify_authority": assessment.notify_authority.to_string(),
        "tell_persons": assessment.tell_persons.to_string(),
        "because": assessment.because,
        "depends_on": assessment.depends_on.iter().map(|(fact, _)| fact).collect::<Vec<_>>(),
        "enisa": assessment.severity.as_ref().map(|severity| json!({
            "score": severity.score,
            "level": severity.level.to_string(),
            "context": severity.context,
            "identification": severity.identification,
            "circumstances": severity.circumstances,
            "flags": severity.flags,
        })),
        "disagreement": assessment.disagreement,
    })
}

fn duty(duty: &Duty) -> Value {
    json!({
        "regime": duty.regime,
        "duty": duty.id,
        "title": duty.title,
        "recipient": duty.recipient,
        "owed": owed(&duty.owed),
        "in_force": duty.in_force,
        "due": due(&duty.due),
        "state": match duty.state {
            State::Open => "open",
            State::Overdue => "overdue",
            State::Sent { .. } => "sent",
            State::SentLate { .. } => "sent_late",
            State::Idle => "idle",
        },
        "sent_at": sent_at(duty),
        "asks": duty.asks.iter().map(|ask| &ask.fact).collect::<Vec<_>>(),
        "content": duty.content,
        "forbidden": duty.forbidden,
        "delays": duty.delays,
        "notes": duty.notes,
        "citations": duty.citations.iter().map(|citation| json!({
            "instrument": citation.instrument,
            "article": citation.article,
            "url": citation.url,
            "confidence": citation.confidence.letter(),
            "basis": citation.basis,
        })).collect::<Vec<_>>(),
    })
}

fn sent_at(duty: &Duty) -> Option<Timestamp> {
    match duty.state {
        State::Sent { at } | State::SentLate { at } => Some(at),
        _ => None,
    }
}

fn owed(owed: &Holds) -> Value {
    let (because, on): (&[String], Vec<Value>) = match owed {
        Holds::Yes { because } | Holds::No { because } => (because, Vec::new()),
        Holds::Depends { on } => (&[], on.iter().map(open).collect()),
    };
    json!({ "answer": owed.name(), "because": because, "depends_on": on })
}

fn open(open: &Open) -> Value {
    match open {
        Open::Missing { fact, question } => json!({ "kind": "missing", "what": fact, "told": question }),
        Open::Straddles {
            what,
            at_least,
            at_most,
            threshold,
        } => {
            let most = at_most.map_or("no upper bound".to_owned(), |most| format!("at most {most}"));
            json!({
                "kind": "straddles",
                "what": what,
                "told": format!("at least {at_least}, {most}; {threshold} counts"),
            })
        }
        Open::Unverified { what } => json!({ "kind": "unverified", "what": "rule", "told": what }),
    }
}

fn due(due: &Due) -> Value {
    let (kind, until, told) = match due {
        Due::Never => ("never", None, None),
        Due::By(deadline) => ("by", Some(deadline), None),
        Due::WithoutDelay { since } => ("without_delay", None, Some(format!("since {since}"))),
        Due::NotStarted { event } => (
            "not_started",
            None,
            Some(format!("the clock starts with {event}")),
        ),
        Due::NoZone => (
            "no_zone",
            None,
            Some("the authority's time zone is not known".to_owned()),
        ),
        Due::TooFar => ("too_far", None, None),
        Due::Unverified { confidence, would_be } => (
            "unverified",
            None,
            Some(match would_be {
                Some(deadline) => format!(
                    "confidence {}; if it reads as recorded: {}",
                    confidence.letter(),
                    deadline.until
                ),
                None => format!("confidence {}", confidence.letter()),
            }),
        ),
    };
    json!({
        "kind": kind,
        "until": until.map(|deadline| deadline.until),
        "told": until.map(|deadline| deadline.told.clone()).or(told),
        "later_reading": until.and_then(|deadline| deadline.later_reading.as_ref()).map(|later| json!({
            "until": later.until, "because": later.because,
        })),
    })
}

fn notice(told: &Told) -> Value {
    let issued = &told.issued;
    json!({
        "kind": issued.kind.name(),
        "entry": issued.entry,
        "by": issued.by,
        "at": issued.at,
        "person": issued.person,
        "stale": told.stale.iter().map(|difference| json!({
            "saying": difference.saying, "was": difference.was, "now": difference.now,
        })).collect::<Vec<_>>(),
        "unclear": told.unclear,
        "when_stale": issued.kind.when_stale(),
    })
}
