//! What is to be noted where history was looked at again: what is new, what another finding stands for now, and what
//! does not hold.

use ambit_event::{EventId, Finding, FindingEntry, FindingId, Noticed, Observable, Span};
use std::collections::{BTreeMap, BTreeSet};

/// What was looked at.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Ids of the rules and behaviours that were asked.
    pub rules: BTreeSet<String>,
    /// When the events happened that they were shown.
    pub looked: Span,
    /// They saw all there is, and gave nothing up: what they did not find is not there.
    pub is_whole: bool,
}

/// The entries after which the findings of these rules are those that were found.
///
/// A finding that is known and is told otherwise now is corrected, and so is one that was not found again where one
/// that is new has the same rule and shares an event with it. What else was not found again is withdrawn, where all
/// there is was looked at, and left alone where not. A look at a part says nothing against a finding that reaches
/// beyond it, and never makes one less.
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
    let mut beyond: BTreeMap<(&str, &[Observable]), Vec<&Finding>> = BTreeMap::new();
    let is_beyond = |known: &&&Finding| !asked.is_whole && reaches_beyond(known, asked.looked);
    for known in standing.values().filter(is_beyond) {
        beyond
            .entry((&known.rule_id, &known.actor))
            .or_default()
            .push(known);
    }
    let by_event = by_event(&gone);
    let mut entries = Vec::new();
    for finding in found {
        if let Some(known) = standing.get(&finding.id) {
            if is_told_otherwise(known, finding, asked) {
                entries.push(FindingEntry::Corrected {
                    before: known.id,
                    finding: (*finding).clone(),
                });
            }
            continue;
        }
        let alike = beyond.get(&(finding.rule_id.as_str(), finding.actor.as_slice()));
        if alike.is_some_and(|alike| alike.iter().any(|known| is_at_once(finding, known))) {
            // It may be what a look at a part saw of one that is known.
            continue;
        }
        let shared = finding.events.iter();
        let shared = shared.filter_map(|event| by_event.get(&(finding.rule_id.as_str(), *event)));
        let before: BTreeSet<FindingId> = shared
            .flatten()
            .filter(|id| gone.contains_key(id))
            .copied()
            .collect();
        for id in &before {
            gone.remove(id);
        }
        entries.extend(instead_of(before, finding));
    }
    if asked.is_whole {
        entries.extend(
            gone.values()
                .map(|finding| withdrawn(finding.id, &finding.rule_id)),
        );
    }
    entries
}

/// The findings that list an event, by their rule and the event.
fn by_event<'f>(findings: &BTreeMap<FindingId, &'f Finding>) -> BTreeMap<(&'f str, EventId), Vec<FindingId>> {
    let mut by_event: BTreeMap<(&str, EventId), Vec<FindingId>> = BTreeMap::new();
    for finding in findings.values() {
        for event in &finding.events {
            let key = (finding.rule_id.as_str(), *event);
            by_event.entry(key).or_default().push(finding.id);
        }
    }
    by_event
}

/// The first of them is corrected to the finding, the others are withdrawn.
fn instead_of(before: BTreeSet<FindingId>, finding: &Finding) -> Vec<FindingEntry> {
    let mut before = before.into_iter();
    let first = before.next();
    let mut entries: Vec<FindingEntry> = before.map(|before| withdrawn(before, &finding.rule_id)).collect();
    let finding = finding.clone();
    entries.push(match first {
        Some(before) => FindingEntry::Corrected { before, finding },
        None => FindingEntry::Raised { finding },
    });
    entries
}

fn reaches_beyond(known: &Finding, looked: Span) -> bool {
    known.time < looked.from || known.until >= looked.until
}

fn is_at_once(a: &Finding, b: &Finding) -> bool {
    a.time <= b.until && b.time <= a.until
}

/// A finding may grow, its rule may be written anew. With less behind them, habits may read otherwise: what a look at
/// a part tells is taken only where it tells more.
fn is_told_otherwise(known: &Finding, now: &Finding, asked: &Asked) -> bool {
    if asked.is_whole {
        return known != now;
    }
    let is_more = now.n_events > known.n_events || now.until > known.until || now.level > known.level;
    let is_less = now.n_events < known.n_events || now.until < known.until;
    let is_renamed = now.title != known.title || now.attack != known.attack || now.level != known.level;
    !is_less && !reaches_beyond(known, asked.looked) && (is_more || is_renamed)
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
    use ambit_event::{Level, Noted, Timestamp, noticed};

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
            looked: Span::ALL,
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

    /// With so many events from one second to another.
    fn over(finding: &Finding, n_events: u64, secs: (i64, i64), level: Level) -> Finding {
        Finding {
            n_events,
            time: Timestamp::from_secs(secs.0),
            until: Timestamp::from_secs(secs.1),
            level: Some(level),
            ..finding.clone()
        }
    }

    fn part(from: i64, until: i64) -> Asked {
        Asked {
            looked: Span::new(Timestamp::from_secs(from), Timestamp::from_secs(until)),
            ..asked(&["r"], false)
        }
    }

    #[test]
    fn a_look_at_a_part_says_nothing_against_what_reaches_beyond_it() {
        let whole = over(&finding("r", &[1, 2, 3]), 3, (0, 100), Level::High);
        let noted = noted_at(
            1,
            vec![FindingEntry::Raised {
                finding: whole.clone(),
            }],
        );
        let known = noticed(noted);
        for (seen, looked) in [
            (
                over(&finding("r", &[1, 2]), 2, (0, 50), Level::Low),
                part(-1000, 60),
            ),
            (
                over(&finding("r", &[2, 3]), 2, (50, 100), Level::High),
                part(40, 1000),
            ),
            (over(&whole, 2, (0, 50), Level::Low), part(-1000, 60)),
        ] {
            assert_eq!(revise(&known, &[&seen], &looked), [], "{seen:?}");
        }
    }

    #[test]
    fn what_has_the_same_events_and_is_told_otherwise_is_corrected() {
        let known = over(&finding("r", &[1]), 300, (0, 100), Level::Medium);
        let journal = noted_at(
            1,
            vec![FindingEntry::Raised {
                finding: known.clone(),
            }],
        );
        let grown = over(&known, 401, (0, 200), Level::High);
        for looked in [part(-1000, 1000), asked(&["r"], true)] {
            let mut journal = journal.clone();
            journal.extend(noted_at(2, revise(&noticed(journal.clone()), &[&grown], &looked)));
            let now = noticed(journal);
            assert_eq!((now.len(), &now[0].finding, now[0].noticed_at.0), (1, &grown, 1));
            assert_eq!(revise(&now, &[&grown], &looked), []);
        }
    }

    #[test]
    fn two_that_became_one_are_one() {
        let (a, b, all) = (finding("r", &[1]), finding("r", &[2]), finding("r", &[1, 2]));
        let part = asked(&["r"], false);
        let merged = after(&[(vec![a, b], part.clone()), (vec![all.clone()], part)]);
        assert_eq!(merged, BTreeMap::from([(all.id, 1)]));
    }
}
