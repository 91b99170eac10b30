//! Whether what was issued is still so.

use super::{Draft, Matter, NoDraft, NoticeKind, Tongue, Wanted, draft};
use ambit_event::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A notice as it was issued, from the case's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The entry that holds it.
    pub entry: String,
    pub by: String,
    pub at: Timestamp,
    pub kind: NoticeKind,
    pub person: Option<String>,
    /// A template other than the built-in one.
    pub template: Option<String>,
    /// A language other than English.
    pub language: Option<String>,
    /// What it said, by the ids of its sayings.
    pub said: BTreeMap<String, String>,
}

/// One saying that is another now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub saying: String,
    /// `None`: it was not said.
    pub was: Option<String>,
    /// `None`: it would not be said now.
    pub now: Option<String>,
}

/// What in an issued notice is no longer so; empty where it still holds.
///
/// # Errors
/// As [`draft`]: a person whom the scope no longer names has no letter.
pub fn differences(issued: &Issued, matter: &Matter<'_>) -> Result<Vec<Difference>, NoDraft> {
    let tongue = issued
        .language
        .as_deref()
        .map(|code| {
            Tongue::known(code).ok_or_else(|| NoDraft::Language {
                code: code.to_owned(),
            })
        })
        .transpose()?;
    let now = draft(
        matter,
        &Wanted {
            kind: issued.kind,
            person: issued.person.as_deref(),
            template: issued.template.as_deref(),
            tongue: tongue.as_ref(),
            residence: None,
        },
    )?;
    Ok(compared(&issued.said, &now))
}

fn compared(was: &BTreeMap<String, String>, now: &Draft) -> Vec<Difference> {
    let now = now.said();
    let ids: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let mut ids: Vec<&String> = ids.into_iter().collect();
    ids.sort_by_key(|id| rank(id));
    ids.into_iter()
        .filter(|id| was.get(*id) != now.get(*id))
        .map(|id| Difference {
            saying: id.clone(),
            was: was.get(id).cloned(),
            now: now.get(id).cloned(),
        })
        .collect()
}

/// What matters most to whoever was told comes first.
fn rank(id: &str) -> usize {
    let group = id.split(':').next().unwrap_or(id);
    let first = [
        "persons",
        "n_persons",
        "only",
        "your_read",
        "your_open",
        "read",
        "harmed",
        "open",
        "excluded",
    ];
    first
        .iter()
        .position(|known| *known == group)
        .unwrap_or(first.len())
}
