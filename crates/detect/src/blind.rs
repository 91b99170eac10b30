//! Where a source is blind, a rule that says nothing says nothing: *unknown*, and not *none*. And a source that should
//! speak and is silent is a finding itself.

use crate::behave::{Behaviours, Sheet};
use crate::explain::Explanation;
use crate::rule::RuleSet;
use ambit_event::{Finding, FindingId, Level, Span};
use ambit_lake::{Coverage, CoverageState, Gap};
use serde::Serialize;
use std::collections::BTreeSet;

/// A gap, and the rules that are unknown over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blind {
    pub source: String,
    pub host: Option<String>,
    pub span: Span,
    pub state: CoverageState,
    pub because: String,
    /// Ids of the rules and correlations that are about this source.
    pub rules: Vec<String>,
}

/// What is said of a source's silence.
pub const SILENCE: Sheet = Sheet {
    id: "ambit.source_silent",
    title: "A source that should speak is silent",
    level: Level::Medium,
    attack: &["T1685"],
    doc: "Nothing came of a source for longer than its own habits predict: less than once in a million times by chance. \
          Medium where it spoke again afterwards, low where it did not while others did for five minutes.",
    budget: "One for each restart, outage and lost file.",
};

/// The gaps of a span, each with the rules that are unknown over it. Behaviours look at every source: each gap may
/// hide what they look for.
#[must_use]
pub fn blind(rules: &RuleSet, coverage: &Coverage, span: Span) -> Vec<Blind> {
    let of_rule: Vec<(&str, BTreeSet<String>)> = rules
        .rules()
        .iter()
        .map(|rule| {
            let sites = Explanation::of(rule).sites.into_iter();
            (
                rule.head.id.as_str(),
                sites.flat_map(|site| site.sources).collect(),
            )
        })
        .collect();
    let gaps = coverage.gaps().into_iter();
    let gaps = gaps.filter(|gap| gap.span.overlaps(span));
    gaps.map(|gap| {
        let is_about = |(_, sources): &&(&str, BTreeSet<String>)| sources.contains(&gap.source);
        let about: BTreeSet<&str> = of_rule.iter().filter(is_about).map(|(id, _)| *id).collect();
        let mut ids: BTreeSet<String> = about.iter().map(|id| (*id).to_owned()).collect();
        // A correlation knows no more than what it is over.
        for _ in 0..rules.correlations().len() {
            let before = ids.len();
            for rule in rules.correlations() {
                if rule.over.iter().any(|id| ids.contains(id)) {
                    ids.insert(rule.head.id.clone());
                }
            }
            if ids.len() == before {
                break;
            }
        }
        Blind {
            source: gap.source,
            host: gap.host,
            span: gap.span,
            state: gap.state,
            because: gap.because,
            rules: ids.into_iter().collect(),
        }
    })
    .collect()
}

/// A finding that rests on something not being in the logs, and a gap that may hide it: whether it holds is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    pub finding: Finding,
    pub gap: Gap,
}

/// The findings that miss something, each with the first gap in which that may lie.
pub(crate) fn unproven(findings: &[&Finding], behaviours: &Behaviours, coverage: &Coverage) -> Vec<Unproven> {
    let gaps = coverage.gaps();
    let hidden = findings.iter().filter_map(|finding| {
        let (sources, span) = behaviours.looks_back(finding)?;
        let hides = |gap: &&Gap| sources.contains(&gap.source) && gap.span.overlaps(span);
        Some(Unproven {
            finding: (*finding).clone(),
            gap: gaps.iter().find(hides)?.clone(),
        })
    });
    hidden.collect()
}

/// A source that did not speak again is silent after so many nanoseconds: files that are copied or read one after the
/// other end some time apart.
const LEAST_OPEN: i64 = 300 * 1_000_000_000;

/// A finding for each silence.
#[must_use]
pub fn silences(coverage: &Coverage) -> Vec<Finding> {
    let absent = coverage
        .gaps()
        .into_iter()
        .filter(|gap| gap.state == CoverageState::Absent);
    let findings = absent.filter_map(|gap| {
        let stream = coverage
            .streams
            .iter()
            .find(|stream| stream.source == gap.source && stream.host == gap.host)?;
        let length = gap.span.until.0.saturating_sub(gap.span.from.0);
        // Before its first record a file may simply begin.
        let level = match (gap.span.from >= stream.first, gap.span.until <= stream.last) {
            (false, _) => return None,
            (true, true) => SILENCE.level,
            (true, false) if length < LEAST_OPEN => return None,
            (true, false) => Level::Low,
        };
        Some(Finding {
            id: FindingId::of(&format!("{} {}", SILENCE.id, gap.id), &[]),
            rule_id: SILENCE.id.to_owned(),
            title: SILENCE.title.to_owned(),
            level: Some(level),
            attack: SILENCE.attack.iter().map(|id| (*id).to_owned()).collect(),
            time: gap.span.from,
            until: gap.span.until,
            source: gap.source,
            host: gap.host,
            actor: Vec::new(),
            because: Some(gap.because),
            events: Vec::new(),
            n_events: 0,
        })
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Placeholders;
    use ambit_event::{Batch, Event, EventId, Timestamp};
    use ambit_lake::Ledger;

    #[test]
    fn over_a_gap_rules_are_unknown_and_a_silence_is_a_finding() {
        let rules = "title: A\nid: a\nlogsource: {category: webserver}\ndetection: {s: {cs-method: GET}, condition: s}\n---\n\
            title: B\nid: b\nlogsource: {product: okta}\ndetection: {s: {a: b}, condition: s}\n---\n\
            title: C\nid: c\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}\n";
        let rules = RuleSet::parse(rules, "rules.yml", &Placeholders::none());
        assert_eq!(rules.refused(), []);
        let speaks = |minute: &i64| !(300..420).contains(minute);
        let events = (0..720_i64).filter(speaks).flat_map(|minute| {
            (0..3).map(move |nth| {
                let mut event = Event::new("nginx_access", Timestamp::from_secs(minute * 60 + nth * 17));
                event.id = EventId::nth("s", "h", &(minute * 3 + nth).to_le_bytes(), 1);
                event
            })
        });
        let mut ledger = Ledger::default();
        ledger.add(&Batch {
            events: events.collect(),
            ..Batch::default()
        });
        let coverage = ledger.coverage(&[]);
        let blind = blind(&rules, &coverage, Span::ALL);
        assert_eq!(blind.len(), 1, "{blind:?}");
        assert_eq!(blind[0].rules, ["a", "c"]);
        let silences = silences(&coverage);
        assert_eq!(silences.len(), 1);
        assert_eq!(silences[0].level, Some(Level::Medium));
    }
}
