//! Sentences that people want to say, each with whether the evidence carries it (SCOPE §7).

use crate::held::{accounts_used, ended_at, ends, held, holds_any, open_ends};
use crate::trace::{Carried, Trace};
use crate::unanswered::Unanswered;
use crate::{Bounds, Claim, Grade, InternalAccess, ScopeGap, Subjects, Verdict};
use ambit_event::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// What the claims are made from.
pub struct Grounds<'a> {
    pub subjects: &'a Subjects,
    pub effects: &'a BTreeMap<String, BTreeMap<String, Bounds>>,
    pub internal: &'a [InternalAccess],
    pub internal_possible: bool,
    /// The classes that lie in company data that was read, or that cannot be excluded to have been.
    pub internal_classes: &'a BTreeMap<String, Grade>,
    pub gaps: &'a [ScopeGap],
    pub platforms: &'a BTreeSet<String>,
    pub trace: &'a Trace<'a>,
    /// The store's coverage that a negative claim rests on, in words.
    pub rests_on: &'a [String],
    pub mapped: bool,
    pub unanswered: &'a [Unanswered],
}

/// All claims, in a fixed order.
#[must_use]
pub fn claims(grounds: &Grounds<'_>) -> Vec<Claim> {
    let mut claims = vec![only_these(grounds)];
    if let Some(read) = grounds.effects.get("read") {
        claims.extend(
            read.iter()
                .map(|(class, bounds)| no_class(grounds, class, bounds)),
        );
    }
    claims.extend(
        ["changed", "destroyed", "unavailable"]
            .iter()
            .map(|effect| no_effect(grounds, effect)),
    );
    claims.push(no_internal(grounds));
    claims.extend(
        grounds
            .platforms
            .iter()
            .map(|platform| no_platform(grounds, platform)),
    );
    claims.push(credentials_held(grounds));
    claims.push(ended(grounds));
    let answered = claims.into_iter().map(|claim| unless_unanswered(grounds, claim));
    answered.chain([nobody_else()]).collect()
}

/// Where the question has no answer in the lake, the evidence carries no sentence.
fn unless_unanswered(g: &Grounds<'_>, claim: Claim) -> Claim {
    match g.unanswered {
        [first, ..] if claim.verdict != Verdict::Contradicted => Claim {
            verdict: Verdict::Undecided,
            because: g.unanswered.iter().map(|u| u.why.clone()).collect(),
            would_settle: Some(first.would_settle.to_owned()),
            ..claim
        },
        _ => claim,
    }
}

fn decided(id: String, text: String, verdict: Verdict, because: Vec<String>) -> Claim {
    Claim {
        id,
        text,
        verdict,
        because,
        would_settle: None,
    }
}

fn only_these(g: &Grounds<'_>) -> Claim {
    let n = g.subjects.at_least;
    let text = match n {
        0 => "No person's data was reached.".to_owned(),
        1 => "Only this one person's data was reached.".to_owned(),
        n => format!("Only these {n} persons' data was reached."),
    };
    let id = "only_these_persons".to_owned();
    if !g.mapped {
        return Claim {
            id,
            text,
            verdict: Verdict::Undecided,
            because: vec![UNMAPPED.to_owned()],
            would_settle: Some(MAKE_MAP.to_owned()),
        };
    }
    if g.subjects.at_most == Some(n)
        && g.subjects.possible.is_empty()
        && g.subjects.probable.is_empty()
        && g.subjects.unnamed.is_empty()
    {
        return decided(id, text, Verdict::Supported, g.rests_on.to_vec());
    }
    let would = settle(g, g.subjects.at_most.map(|most| most.saturating_sub(n)));
    Claim {
        id,
        text,
        verdict: Verdict::Undecided,
        because: g.subjects.because.clone(),
        would_settle: Some(would),
    }
}

const UNMAPPED: &str = "there is no data map, so nothing says which operations reach whose data";
const MAKE_MAP: &str = "a data map: `ambit map init` proposes one from the logs";

fn no_class(g: &Grounds<'_>, class: &str, bounds: &Bounds) -> Claim {
    let (id, text) = (
        format!("class:{class}:read"),
        format!("No {class} data was read."),
    );
    let no_person = bounds.at_least == 0 && bounds.at_most == Some(0) && g.mapped;
    match g.internal_classes.get(class).filter(|_| no_person) {
        None => none_of(g, id, text, bounds),
        Some(Grade::Certain) => {
            let why = "attributed operations read company data of this class";
            decided(id, text, Verdict::Contradicted, vec![why.to_owned()])
        }
        Some(_) => {
            let why = "operations that may have read company data of this class cannot be excluded";
            Claim {
                id,
                text,
                verdict: Verdict::Undecided,
                because: vec![why.to_owned()],
                would_settle: Some(settle(g, None)),
            }
        }
    }
}

fn no_effect(g: &Grounds<'_>, effect: &str) -> Claim {
    let none = BTreeMap::new();
    let classes = g.effects.get(effect).unwrap_or(&none);
    let worst = classes
        .values()
        .max_by_key(|b| (b.at_least, b.at_most.unwrap_or(u64::MAX)));
    let zero = Bounds {
        at_least: 0,
        at_most: Some(0),
        because: Vec::new(),
    };
    let text = match effect {
        "unavailable" => "No personal data was made unavailable.".to_owned(),
        effect => format!("No personal data was {effect}."),
    };
    none_of(g, format!("effect:{effect}"), text, worst.unwrap_or(&zero))
}

fn none_of(g: &Grounds<'_>, id: String, text: String, bounds: &Bounds) -> Claim {
    match (bounds.at_least, bounds.at_most) {
        (0, Some(0)) if g.mapped => decided(id, text, Verdict::Supported, g.rests_on.to_vec()),
        (0, _) => Claim {
            id,
            text,
            verdict: Verdict::Undecided,
            because: if g.mapped {
                bounds.because.clone()
            } else {
                vec![UNMAPPED.to_owned()]
            },
            would_settle: Some(if g.mapped {
                settle(g, bounds.at_most)
            } else {
                MAKE_MAP.to_owned()
            }),
        },
        (n, _) => decided(
            id,
            text,
            Verdict::Contradicted,
            vec![format!(
                "record-level evidence shows it for at least {n} {}",
                if n == 1 { "person" } else { "persons" }
            )],
        ),
    }
}

/// What would decide it: the gaps first, else the grades.
fn settle(g: &Grounds<'_>, persons: Option<u64>) -> String {
    let of = persons.map_or_else(
        || "an unknown number of persons".to_owned(),
        |n| format!("up to {n} {}", if n == 1 { "person" } else { "persons" }),
    );
    let gaps: BTreeSet<String> = g
        .gaps
        .iter()
        .map(|gap| format!("{} from {} to {}", gap.source, gap.span.from, gap.span.until))
        .collect();
    match gaps.len() {
        0 => format!(
            "evidence of who used the sessions, addresses and devices that are graded possible or probable; it would settle {of}"
        ),
        _ => format!(
            "the missing records of {}; they would settle {of}",
            gaps.into_iter().take(4).collect::<Vec<_>>().join(", and of ")
        ),
    }
}

fn no_internal(g: &Grounds<'_>) -> Claim {
    let (id, text) = (
        "internal".to_owned(),
        "No internal company data was read.".to_owned(),
    );
    let certain = g.internal.iter().any(|i| i.grade == Grade::Certain);
    if certain {
        let objects: Vec<String> = g
            .internal
            .iter()
            .map(|i| format!("{} in {}", i.object, i.store))
            .collect();
        return decided(
            id,
            text,
            Verdict::Contradicted,
            vec![format!("attributed operations reached {}", objects.join(", "))],
        );
    }
    if g.internal.is_empty() && !g.internal_possible && g.mapped {
        return decided(id, text, Verdict::Supported, g.rests_on.to_vec());
    }
    let because = if g.mapped {
        "operations that may have reached it cannot be excluded"
    } else {
        UNMAPPED
    };
    Claim {
        id,
        text,
        verdict: Verdict::Undecided,
        because: vec![because.to_owned()],
        would_settle: Some(if g.mapped {
            settle(g, None)
        } else {
            MAKE_MAP.to_owned()
        }),
    }
}

/// Reached through this platform's app.
fn no_platform(g: &Grounds<'_>, platform: &str) -> Claim {
    let (id, text) = (
        format!("platform:{platform}"),
        format!("Nothing was reached through platform {platform}."),
    );
    let on = |c: &&Carried| {
        c.event.app_platform.as_deref() == Some(platform) && !matches!(c.event.outcome, Outcome::Denied)
    };
    let grade = g.trace.attributed.values().filter(on).map(|c| c.grade).max();
    match grade {
        None if g.gaps.is_empty() && g.trace.cut.is_none() => {
            decided(id, text, Verdict::Supported, g.rests_on.to_vec())
        }
        Some(Grade::Certain) => decided(
            id,
            text,
            Verdict::Contradicted,
            vec!["attributed requests name this platform".to_owned()],
        ),
        None => Claim {
            id,
            text,
            verdict: Verdict::Undecided,
            because: vec!["requests may be missing from the logs".to_owned()],
            would_settle: Some(settle(g, None)),
        },
        Some(grade) => Claim {
            id,
            text,
            verdict: Verdict::Undecided,
            because: vec![format!(
                "requests that are {grade} the intruder's name this platform"
            )],
            would_settle: Some(settle(g, None)),
        },
    }
}

/// Apart from data read: what the intruder holds that opens something.
fn credentials_held(g: &Grounds<'_>) -> Claim {
    let held = held(g.trace);
    let (id, text) = (
        "credentials_held".to_owned(),
        "The intruder holds no credential beside the data that was read.".to_owned(),
    );
    let mut because: Vec<String> = held
        .iter()
        .rev()
        .map(|((kind, grade), n)| {
            format!(
                "{n} {kind}{} {grade} in the intruder's hands",
                if *n == 1 { " is" } else { "s are" }
            )
        })
        .collect();
    if let Some((n, grade)) = accounts_used(g.trace) {
        because.push(format!(
            "{} used by events that are {grade} the intruder's, and nothing says with which credential",
            if n == 1 {
                "1 account was".to_owned()
            } else {
                format!("{n} accounts were")
            }
        ));
    }
    if held.keys().any(|(_, grade)| *grade == Grade::Certain) {
        return decided(id, text, Verdict::Contradicted, because);
    }
    if because.is_empty() && g.gaps.is_empty() && g.trace.cut.is_none() {
        return decided(id, text, Verdict::Supported, g.rests_on.to_vec());
    }
    Claim {
        id,
        text,
        verdict: Verdict::Undecided,
        because,
        would_settle: Some(settle(g, None)),
    }
}

fn ended(g: &Grounds<'_>) -> Claim {
    let (id, text) = (
        "control_ended".to_owned(),
        "The intruder's access has ended.".to_owned(),
    );
    if ended_at(g.trace).is_some() {
        return decided(id, text, Verdict::Supported, ends(g.trace));
    }
    let open = open_ends(g.trace);
    let mut because = Vec::new();
    if !holds_any(g.trace) {
        because.push("no credential of the intruder is known, so none can be seen denied".to_owned());
    }
    if !open.is_empty() {
        because.push(format!("not seen denied: {}", open.join(", ")));
    }
    because.extend(g.trace.cut.clone());
    Claim {
        id,
        text,
        verdict: Verdict::Undecided,
        because,
        would_settle: Some("a denial of each credential, logged by every source that accepts it".to_owned()),
    }
}

fn nobody_else() -> Claim {
    Claim {
        id: "nobody_else".to_owned(),
        text: "Nobody else did the same.".to_owned(),
        verdict: Verdict::Undecided,
        because: vec!["the method was not hunted through history".to_owned()],
        would_settle: Some("a hunt for the same method over covered history".to_owned()),
    }
}
