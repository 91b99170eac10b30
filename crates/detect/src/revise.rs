//! What is to be noted where history was looked at again: what is new, what another finding stands for now, and what
//! does not hold.

use ambit_event::{EventId, Finding, FindingEntry, FindingId, Noticed};
use std::collections::{BTreeMap, BTreeSet};

/// What was looked at.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Ids of the rules and behaviours that were asked.
    pub rules: BTreeSet<String>,
    /// They saw all there is, and gave nothing up: what they did not find is not there.
    pub is_whole: bool,
}

/// The entries after which the findings of these rules are those that were found.
///
/// A finding that is known and was not found again is corrected where one that is new has the same rule and shares an
/// event with it. Else it is withdrawn, where all there is was looked at, and left alone where not.
#[must_use]
pub fn revise(known: &[Noticed], found: &[&Finding], asked: &Asked) -> Vec<FindingEntry> {
    let is_asked = |noticed: &&Noticed| asked.rules.contains(&noticed.finding.rule_id);
    let standing: BTreeMap<FindingId, &Finding> = known
        .iter()
        .filter(|noticed| noticed.withdrawn_at.is_none())
        .filter(is_asked)
        .map(|noticed| (noticed.finding.id, &noticed.finding))
        .collect();
    let again: BTreeSet<FindingId> = found.iter().map(|finding| finding.id).collect();
    let mut gone: BTreeMap<FindingId, &Finding> = standing.clone();
    gone.retain(|id, _| !again.contains(id));
    let mut by_event: BTreeMap<(&str, EventId), Vec<FindingId>> = BTreeMap::new();
    for finding in gone.values() {
        for event in &finding.events {
            let key = (finding.rule_id.as_str(), *event);
            by_event.entry(key).or_default().push(finding.id);
        }
    }
    let mut entries = Vec::new();
    for finding in found.iter().filter(|finding| !standing.contains_key(&finding.id)) {
        let shared = finding
            .events
            .iter()
            .filter_map(|event| by_event.get(&(finding.rule_id.as_str(), *event)));
        let before: BTreeSet<FindingId> = shared
            .flatten()
            .filter(|id| gone.contains_key(id))
            .copied()
            .collect();
        for id in &before {
            gone.remove(id);
        }
        let finding = (*finding).clone();
        let mut before = before.into_iter();
        let first = before.next();
        entries.extend(before.map(|before| withdrawn(before, &finding.rule_id)));
        entries.push(match first {
            Some(before) => FindingEntry::Corrected { before, finding },
            None => FindingEntry::Raised { finding },
        });
    }
    if asked.is_whole {
        entries.extend(
            gone.values()
                .map(|finding| withdrawn(finding.id, &finding.rule_id)),
        );
    }
    entries
}

fn withdrawn(before: FindingId, rule_id: &str) -> FindingEntry {
    FindingEntry::Withdrawn {
        before,
        rule_id: rule_id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::{Noted, Timestamp, noticed};

    fn finding(rule: &str, events: &[u8]) -> Finding {
        let events: Vec<EventId> = events.iter().map(|n| EventId([*n; 16])).collect();
        Finding {
            id: FindingId::of(rule, &events),
            rule_id: rule.to_owned(),
            title: String::new(),
            level: None,
            attack: Vec::new(),
            time: Timestamp(0),
            until: Timestamp(0),
            source: "s".to_owned(),
            host: None,
            actor: Vec::new(),
            because: None,
            n_events: events.len() as u64,
            events,
        }
    }

    fn noted_at(at: i64, entries: Vec<FindingEntry>) -> Vec<Noted> {
        let noted = |entry| Noted {
            noted_at: Timestamp(at),
            entry,
        };
        entries.into_iter().map(noted).collect()
    }

    fn asked(rules: &[&str], is_whole: bool) -> Asked {
        Asked {
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            is_whole,
        }
    }

    /// Ids of the findings that stand, with when each was noticed.
    fn standing(journal: &[Noted]) -> BTreeMap<FindingId, i64> {
        let all = noticed(journal.to_vec()).into_iter();
        let stand = all.filter(|noticed| noticed.withdrawn_at.is_none());
        stand
            .map(|noticed| (noticed.finding.id, noticed.noticed_at.0))
            .collect()
    }

    /// Looks again and again, and tells what stands at the end.
    fn after(looks: &[(Vec<Finding>, Asked)]) -> BTreeMap<FindingId, i64> {
        let mut journal = Vec::new();
        for (at, (found, asked)) in (1..).zip(looks) {
            let found: Vec<&Finding> = found.iter().collect();
            journal.extend(noted_at(at, revise(&noticed(journal.clone()), &found, asked)));
        }
        standing(&journal)
    }

    #[test]
    fn what_was_found_stands_since_it_was_first_noticed() {
        let (a, ab) = (finding("r", &[1]), finding("r", &[1, 2]));
        let whole = asked(&["r"], true);
        let twice = after(&[(vec![a.clone()], whole.clone()), (vec![a.clone()], whole.clone())]);
        assert_eq!(twice, BTreeMap::from([(a.id, 1)]));
        let grown = after(&[
            (vec![a.clone()], whole.clone()),
            (vec![ab.clone()], whole.clone()),
        ]);
        assert_eq!(grown, BTreeMap::from([(ab.id, 1)]), "it grew");
        let back = after(&[
            (vec![a.clone()], whole.clone()),
            (vec![], whole.clone()),
            (vec![a.clone()], whole),
        ]);
        assert_eq!(back, BTreeMap::from([(a.id, 1)]), "withdrawn, and found again");
    }

    #[test]
    fn only_who_looked_at_everything_withdraws_and_only_what_was_asked() {
        let (a, b) = (finding("r", &[1]), finding("q", &[1]));
        let first = (vec![a.clone(), b.clone()], asked(&["r", "q"], true));
        let part = after(&[first.clone(), (vec![], asked(&["r", "q"], false))]);
        assert_eq!(part.len(), 2);
        let one = after(&[first, (vec![], asked(&["r"], true))]);
        assert_eq!(one, BTreeMap::from([(b.id, 1)]));
    }

    #[test]
    fn two_that_became_one_are_one() {
        let (a, b, all) = (finding("r", &[1]), finding("r", &[2]), finding("r", &[1, 2]));
        let part = asked(&["r"], false);
        let merged = after(&[(vec![a, b], part.clone()), (vec![all.clone()], part)]);
        assert_eq!(merged, BTreeMap::from([(all.id, 1)]));
    }
}
