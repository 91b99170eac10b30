//! Findings as a layer of the ATT&CK Navigator, format 4.5: which techniques were seen, how heavy, by which rules.

use ambit_event::{Finding, Level, printable};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rules that a comment names; the others are counted.
const MOST_NAMED: usize = 20;

/// Colours from the least to the heaviest level, evenly from the gradient's one end to the other.
const COLOURS: [(Level, u32, &str); 5] = [
    (Level::Informational, 0, "#deebf7"),
    (Level::Low, 25, "#ffffb2"),
    (Level::Medium, 50, "#fecc5c"),
    (Level::High, 75, "#fd8d3c"),
    (Level::Critical, 100, "#bd0026"),
];
/// Of findings whose rule has no level.
const GREY: &str = "#bdbdbd";

/// A layer over the techniques of findings, sub-techniques as themselves. A technique's score is the heaviest level of
/// its findings, so that a noisy rule does not outshine the one that matters; the comment says how many there are, and
/// of which rules. A technique whose findings have no level is grey, and has no score.
///
/// ```
/// let layer = ambit_detect::navigator(&[], "nothing yet");
/// assert_eq!((layer["versions"]["layer"].as_str(), layer["techniques"].as_array().map(Vec::len)), (Some("4.5"), Some(0)));
/// ```
#[must_use]
pub fn navigator(findings: &[&Finding], name: &str) -> Value {
    let mut techniques: BTreeMap<&str, Seen<'_>> = BTreeMap::new();
    let mut n_without = 0;
    for finding in findings {
        let mut ids: Vec<&str> = finding.attack.iter().map(String::as_str).collect();
        ids.retain(|id| is_technique(id));
        ids.sort_unstable();
        ids.dedup();
        n_without += u64::from(ids.is_empty());
        for id in ids {
            techniques.entry(id).or_default().add(finding);
        }
    }
    let colours: Vec<&str> = COLOURS.iter().map(|(.., colour)| *colour).collect();
    let mut legend: Vec<Value> = COLOURS
        .iter()
        .map(|(level, _, colour)| json!({"label": level.name(), "color": colour}))
        .collect();
    legend.push(json!({"label": "no level", "color": GREY}));
    let techniques: Vec<Value> = techniques.iter().map(|(id, seen)| seen.technique(id)).collect();
    json!({
        "name": printable(name, 200),
        "versions": {"navigator": "5.2.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": format!(
            "{} findings, of which {n_without} name no technique. The score is the heaviest level of a technique's \
             findings.",
            findings.len()
        ),
        "sorting": 3,
        "layout": {"layout": "side", "showID": true, "showName": true, "expandedSubtechniques": "annotated"},
        "hideDisabled": false,
        "techniques": techniques,
        "gradient": {"colors": colours, "minValue": 0, "maxValue": 100},
        "legendItems": legend,
        "selectTechniquesAcrossTactics": true,
        "selectSubtechniquesWithParent": false,
        "metadata": [{"name": "product", "value": "Ambit"}],
    })
}

/// `T1110`, or `T1110.003`.
fn is_technique(id: &str) -> bool {
    let is_number = |text: &str, n: usize| text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = id.strip_prefix('T') else {
        return false;
    };
    match rest.split_once('.') {
        Some((technique, sub)) => is_number(technique, 4) && is_number(sub, 3),
        None => is_number(rest, 4),
    }
}

/// What was seen of a technique.
#[derive(Default)]
struct Seen<'f> {
    n: u64,
    level: Option<Level>,
    /// By rule: its title, and how many findings.
    rules: BTreeMap<&'f str, (&'f str, u64)>,
}

impl<'f> Seen<'f> {
    fn add(&mut self, finding: &'f Finding) {
        self.n += 1;
        self.level = self.level.max(finding.level);
        self.rules
            .entry(&finding.rule_id)
            .or_insert((&finding.title, 0))
            .1 += 1;
    }

    fn technique(&self, id: &str) -> Value {
        let mut technique = json!({
            "techniqueID": id,
            "comment": self.comment(),
            "enabled": true,
            "metadata": [
                {"name": "findings", "value": self.n.to_string()},
                {"name": "rules", "value": self.rules.len().to_string()},
                {"name": "heaviest level", "value": self.level.map_or("none", Level::name)},
            ],
        });
        let place = COLOURS.iter().find(|(level, ..)| Some(*level) == self.level);
        match place {
            Some((_, score, _)) => technique["score"] = (*score).into(),
            None => technique["color"] = GREY.into(),
        }
        technique
    }

    /// The rules with the most findings first.
    fn comment(&self) -> String {
        let mut rules: Vec<(&str, &str, u64)> = self
            .rules
            .iter()
            .map(|(id, (title, n))| (*id, *title, *n))
            .collect();
        rules.sort_by(|a, b| (b.2, a.0).cmp(&(a.2, b.0)));
        let named = rules.iter().take(MOST_NAMED);
        let mut lines: Vec<String> = named
            .map(|(id, title, n)| format!("{n} × {} ({})", printable(title, 200), printable(id, 100)))
            .collect();
        let n_more = rules.len().saturating_sub(MOST_NAMED);
        if n_more > 0 {
            lines.push(format!("and {n_more} more rules"));
        }
        lines.join("\n")
    }
}
