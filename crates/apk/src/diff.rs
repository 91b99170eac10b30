//! Two releases: what the newer one repaired, left and brought, and whether it takes the older one's place.

use crate::finding::Finding;
use crate::report::AppReport;
use crate::sign::Standing;
use ambit_event::Level;
use serde::Serialize;
use std::collections::BTreeMap;

/// Whether something holds, with the reason; not known where the packages do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    Yes,
    No,
    Unknown,
}

impl Holds {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// One condition of an upgrade in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    pub holds: Holds,
    pub what: String,
}

/// The difference between two releases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AppDiff {
    pub old: String,
    pub new: String,
    /// Weaknesses of the old release that the new one does not have.
    pub fixed: Vec<Finding>,
    pub left: Vec<Finding>,
    pub introduced: Vec<Finding>,
    /// Whether the new release takes the old one's place and keeps its data.
    pub in_place: Holds,
    pub conditions: Vec<Condition>,
    /// The least version code that is free of what was repaired; `None` where nothing was, or it is not known.
    pub minimum_version: Option<u64>,
    /// What was not read of either, so that a weakness may have moved there.
    pub unread: Vec<String>,
}

/// Compares two releases of one app. Informational findings are left out: they are no weaknesses.
#[must_use]
pub fn diff(old: &AppReport, new: &AppReport) -> AppDiff {
    let (mut fixed, mut left, introduced) = sort(old, new);
    fixed.sort_by(Finding::order);
    left.sort_by(Finding::order);
    let conditions = conditions(old, new);
    let in_place = all(&conditions);
    let unread = [old, new]
        .iter()
        .flat_map(|report| {
            report
                .coverage
                .unread
                .iter()
                .map(|why| format!("{}: {why}", report.file))
        })
        .collect();
    AppDiff {
        old: old.title(),
        new: new.title(),
        minimum_version: new.manifest.version_code.filter(|_| !fixed.is_empty()),
        fixed,
        left,
        introduced,
        in_place,
        conditions,
        unread,
    }
}

/// What is in the old one alone, in both, and in the new one alone: by check, class, method and sentence, each as
/// often as it stands there.
fn sort(old: &AppReport, new: &AppReport) -> (Vec<Finding>, Vec<Finding>, Vec<Finding>) {
    let weak = |report: &AppReport| -> Vec<Finding> {
        let weighs = |finding: &&Finding| finding.level > Level::Informational;
        report.findings.iter().filter(weighs).cloned().collect()
    };
    let (before, after) = (weak(old), weak(new));
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for finding in &before {
        *counts.entry(finding.likeness()).or_default() += 1;
    }
    let (mut left, mut introduced) = (Vec::new(), Vec::new());
    for finding in &after {
        match counts.get_mut(&finding.likeness()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                left.push(finding.clone());
            }
            _ => introduced.push(finding.clone()),
        }
    }
    let mut fixed = Vec::new();
    for finding in before.iter().rev() {
        if let Some(count) = counts.get_mut(&finding.likeness()).filter(|count| **count > 0) {
            *count -= 1;
            fixed.push(finding.clone());
        }
    }
    (fixed, left, introduced)
}

pub(crate) fn all(conditions: &[Condition]) -> Holds {
    if conditions.iter().any(|c| c.holds == Holds::No) {
        Holds::No
    } else if conditions.iter().any(|c| c.holds == Holds::Unknown) {
        Holds::Unknown
    } else {
        Holds::Yes
    }
}

fn conditions(old: &AppReport, new: &AppReport) -> Vec<Condition> {
    vec![
        package(old, new),
        signer(old, new),
        version(old, new),
        shared_user(old, new),
        devices(old, new),
    ]
}

fn of(holds: bool, what: String) -> Condition {
    Condition {
        holds: if holds { Holds::Yes } else { Holds::No },
        what,
    }
}

fn package(old: &AppReport, new: &AppReport) -> Condition {
    let (a, b) = (&old.manifest.package, &new.manifest.package);
    if a == b {
        of(true, format!("both are {a}"))
    } else {
        of(
            false,
            format!(
                "{a} and {b} are two apps to a device: the new one is put beside, and local data is not carried over"
            ),
        )
    }
}

fn signer(old: &AppReport, new: &AppReport) -> Condition {
    let unverified = [old, new]
        .into_iter()
        .find(|r| r.signature.standing != Standing::Verified);
    if let Some(report) = unverified {
        let standing = report.signature.standing.name();
        return Condition {
            holds: if standing == "broken" {
                Holds::No
            } else {
                Holds::Unknown
            },
            what: format!("the signature of {} is {standing}", report.title()),
        };
    }
    let prints = |report: &AppReport| -> Vec<String> {
        let mut all: Vec<String> = report
            .signature
            .signers()
            .iter()
            .map(|c| c.sha256.clone())
            .collect();
        all.sort();
        all
    };
    let (before, after) = (prints(old), prints(new));
    if before == after {
        return of(true, format!("signed by the same signer {}", before.join(", ")));
    }
    let line: Vec<&str> = new
        .signature
        .lineage()
        .iter()
        .map(|c| c.sha256.as_str())
        .collect();
    if before.iter().all(|print| line.contains(&print.as_str())) {
        let what = "the new signer is a proven successor of the old one, on devices that read lineages (Android 9 on)";
        return of(true, what.into());
    }
    of(
        false,
        "another signer, and no lineage that leads to it: devices refuse the upgrade until the old app and its data are gone"
            .into(),
    )
}

fn version(old: &AppReport, new: &AppReport) -> Condition {
    match (old.manifest.version_code, new.manifest.version_code) {
        (Some(a), Some(b)) => of(b > a, format!("version code {a} before, {b} after")),
        _ => Condition {
            holds: Holds::Unknown,
            what: "a version code is not stated".into(),
        },
    }
}

fn shared_user(old: &AppReport, new: &AppReport) -> Condition {
    let (a, b) = (&old.manifest.shared_user, &new.manifest.shared_user);
    let name = |user: &Option<String>| user.clone().unwrap_or_else(|| "none".into());
    of(
        a == b,
        format!("sharedUserId {} before, {} after", name(a), name(b)),
    )
}

fn devices(old: &AppReport, new: &AppReport) -> Condition {
    let (a, b) = (old.manifest.min(), new.manifest.min());
    let what = format!("minSdkVersion {a} before, {b} after");
    if b > a {
        return of(false, format!("{what}: older devices keep the old release"));
    }
    of(true, what)
}
