//! The notification in the draft common template of the EDPB (version 1.0, adopted on 8 June 2026; the final one was not
//! seen): the fields that facts and scope can fill, and the names of the mandatory ones that a person must still fill.
//!
//! Numbers of fields and letters of options are those of the template. A field in which several options may be chosen
//! is a list. Source: edpb.europa.eu, *Template for personal data breach notification*, by the JSON Schema of Nicola
//! Franchetto and Martim Taborda Barata (CC-BY-4.0).

use super::{register, stated};
use crate::fact::Facts;
use crate::notice::{Draft, Matter};
use crate::warranted::Risk;
use crate::words::{at_utc, counted, range};
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Scope, Territory, Verdict};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The version of the template.
const TEMPLATE: &str = "EDPB template for personal data breach notification, draft 1.0 of 8 June 2026";

/// Fields that the template calls mandatory, with their names.
const MANDATORY: &[(u16, &str)] = &[
    (3, "type of notification"),
    (4, "sub-type of notification"),
    (12, "name of the organisation"),
    (13, "contact details of the organisation"),
    (21, "name of the reporting person"),
    (22, "contact details of the reporting person"),
    (23, "function of the reporting person"),
    (29, "is a data protection officer designated?"),
    (30, "name of the DPO"),
    (31, "contact details of the DPO"),
    (38, "are other parties involved?"),
    (39, "qualification of the other party"),
    (40, "name of the other party"),
    (41, "contact details of the other party"),
    (44, "when did the breach occur?"),
    (48, "date and time of awareness"),
    (50, "how was the breach discovered?"),
    (51, "further description of the discovery"),
    (55, "nature of the breach"),
    (60, "nature of the incident"),
    (61, "cause of the breach"),
    (62, "further description of the nature of the incident"),
    (63, "systems involved, and where they are located"),
    (65, "categories of data subjects"),
    (66, "further description of the data subjects"),
    (67, "data subjects: exact or approximate number"),
    (70, "type of breached data"),
    (71, "further description of the data"),
    (72, "records: exact or approximate number"),
    (73, "number of records"),
    (75, "measures in place"),
    (76, "further description of the measures in place"),
    (85, "nature of the potential impact"),
    (87, "severity of the potential impacts"),
    (89, "outcome of the risk assessment"),
    (90, "further description of the risk assessment"),
    (92, "measures taken to address the breach"),
    (94, "measures taken to prevent a similar breach"),
    (95, "further description of these measures"),
    (97, "has the breach been communicated to data subjects?"),
    (113, "does it involve cross-border processing?"),
    (120, "is the controller established outside of the EEA?"),
];

/// The notification as far as it is known, and what a person must still fill in.
#[must_use]
pub fn edpb(matter: &Matter<'_>, now: Timestamp) -> Value {
    let draft = register(matter);
    let form = Form {
        facts: &matter.known.facts,
        scope: matter.standing.map(|standing| standing.scope),
        draft: draft.as_ref(),
        matter,
        fields: Map::new(),
    };
    let mut fields = form.filled();
    let missing: Vec<Value> = MANDATORY
        .iter()
        .filter(|(number, _)| !fields.contains_key(&name(*number)) && *number != 4)
        .map(|(number, what)| json!({ "field": name(*number), "what": what }))
        .collect();
    fields.insert(name(4), json!(if missing.is_empty() { "a" } else { "b" }));
    json!({
        "template": TEMPLATE,
        "status": "draft template: the final one was not seen when this was written",
        "made_at": now,
        "fields": fields,
        "to_be_filled_by_a_person": missing,
    })
}

fn name(number: u16) -> String {
    format!("field_{number}")
}

struct Form<'f> {
    facts: &'f Facts,
    scope: Option<&'f Scope>,
    draft: Option<&'f Draft>,
    matter: &'f Matter<'f>,
    fields: Map<String, Value>,
}

impl Form<'_> {
    fn filled(mut self) -> Map<String, Value> {
        self.notification();
        self.times();
        self.nature();
        self.persons_and_data();
        self.assessment();
        self.told();
        self.across_borders();
        self.fields
    }

    fn put(&mut self, number: u16, value: impl Into<Value>) {
        self.fields.insert(name(number), value.into());
    }

    /// Where there is something to say.
    fn text(&mut self, number: u16, text: &str) {
        if !text.trim().is_empty() {
            self.put(number, text.trim());
        }
    }

    fn said(&self, groups: &[&str]) -> String {
        self.draft.map(|draft| stated(draft, groups)).unwrap_or_default()
    }

    fn fact(&mut self, number: u16, fact: &str) {
        if let Some(text) = self.facts.text(fact) {
            self.put(number, text);
        }
    }

    fn notification(&mut self) {
        let again = self.facts.instant("sent:eu-gdpr/authority").is_some();
        self.put(3, if again { "b" } else { "a" });
        self.put(7, self.matter.case);
        self.fact(12, "organisation");
        self.fact(36, "contact");
    }

    fn times(&mut self) {
        let (from, to) = (
            self.facts.instant("occurred_from"),
            self.facts.instant("occurred_to"),
        );
        let ended = self.scope.is_none_or(|scope| {
            let claim = scope.claims.iter().find(|claim| claim.id == "control_ended");
            claim.is_some_and(|claim| claim.verdict == Verdict::Supported)
        });
        let when = match (from, to) {
            (Some(from), Some(to)) if ended && at_utc(from) == at_utc(to) => "a",
            (Some(_), Some(_)) if ended => "b",
            _ => "e",
        };
        self.put(44, when);
        let open = |scope: &Scope| scope.timeline.first_possible.is_some() || !scope.gaps.is_empty();
        self.put(45, self.scope.is_some_and(open));
        for (number, at) in [(46, from), (47, to.filter(|_| ended))] {
            if let Some(at) = at {
                self.put(number, json!(at));
            }
        }
        if let Some(at) = self.facts.instant("aware_at") {
            self.put(48, json!(at));
        }
        self.fact(49, "late_reasons");
        let discovered = self.said(&["noticeable", "detected", "aware"]);
        self.text(51, &discovered);
        let timeline = self.said(&["period", "possible_period", "delay", "gap"]);
        self.text(53, &timeline);
    }

    fn nature(&mut self) {
        let natures: Vec<&str> = [
            ("read", "a"),
            ("changed", "b"),
            ("destroyed", "c"),
            ("unavailable", "c"),
        ]
        .into_iter()
        .filter(|(effect, _)| self.suffered(effect).is_some())
        .map(|(_, letter)| letter)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
        if !natures.is_empty() {
            self.put(55, json!(natures));
        }
        if let Some(certain) = self.suffered("read") {
            self.put(56, if certain { "a" } else { "e" });
            self.put(57, self.unreadable());
        }
        if [self.suffered("destroyed"), self.suffered("unavailable")].contains(&Some(true)) {
            self.put(
                59,
                match self.facts.word("restored") {
                    Some("never") => "b",
                    Some(_) => "a",
                    None => "c",
                },
            );
        }
        let traced = self.scope.is_some() && self.suffered("read") == Some(true);
        self.put(60, if traced { "f" } else { "x" });
        let malicious = [
            self.facts.flag("external_intrusion"),
            self.facts.flag("improper_purpose"),
        ];
        self.put(61, if malicious == [Some(true); 2] { "d" } else { "e" });
        let nature = self.said(&[
            "nature", "method", "platform", "version", "holds", "ended", "others",
        ]);
        self.text(62, &nature);
        let stores: BTreeSet<&str> = self
            .scope
            .iter()
            .flat_map(|scope| scope.accesses.iter().filter_map(|access| access.store.as_deref()))
            .collect();
        if !stores.is_empty() {
            let stores: Vec<&str> = stores.into_iter().collect();
            self.put(63, format!("Stores that were reached: {}", stores.join(", ")));
        }
    }

    /// `Some(true)`: for certain; `Some(false)`: not excluded; without a scope what a person said.
    fn suffered(&self, effect: &str) -> Option<bool> {
        let Some(scope) = self.scope else {
            let said = self.facts.words("effects")?;
            return said.contains(effect).then_some(true);
        };
        let classes = scope.effects.get(effect)?;
        let certain = classes.values().any(|bounds| bounds.at_least > 0);
        let possible = classes.values().any(|bounds| bounds.at_most != Some(0));
        // What is only not excluded makes a breach of confidentiality; of the rest the description tells.
        (certain || possible && effect == "read").then_some(certain)
    }

    fn unreadable(&self) -> &'static str {
        match (self.facts.word("encryption"), self.facts.flag("key_taken")) {
            (Some("strong"), Some(false)) => "a",
            (Some("strong"), Some(true)) | (Some("weak"), _) => "b",
            (Some("none"), _) => "c",
            _ => "e",
        }
    }

    fn persons_and_data(&mut self) {
        self.put(
            65,
            json!([if self.facts.word("vulnerable") == Some("yes") {
                "i"
            } else {
                "k"
            }]),
        );
        let persons = self.said(&["persons", "only", "named"]);
        self.text(66, &persons);
        self.number("subjects", 67, 68);
        let kinds = self.kinds();
        self.put(
            70,
            if kinds.is_empty() {
                json!(["t"])
            } else {
                json!(kinds)
            },
        );
        let mut data = self.said(&["read", "harmed", "open", "excluded"]);
        if let Some(records) = self.facts.count("records") {
            data = format!("{data} Records: {}.", range(&records));
        }
        self.text(71, &data);
        self.number("records", 72, 73);
    }

    /// One number stands in the form: of bounds the upper one, which makes nothing smaller than it may be.
    fn number(&mut self, fact: &str, how: u16, number: u16) {
        let Some(bounds) = self.facts.count(fact) else {
            return self.put(how, "d");
        };
        match bounds.at_most {
            Some(most) if most == bounds.at_least => {
                self.put(how, "a");
                self.put(number, most);
            }
            Some(most) => {
                self.put(how, "b");
                self.put(number, most);
            }
            None => self.put(how, "d"),
        }
    }

    fn kinds(&self) -> BTreeSet<&'static str> {
        let reached = |scope: &Scope| -> BTreeSet<String> {
            let all = scope.effects.values().flatten();
            all.filter(|(_, bounds)| bounds.at_most != Some(0))
                .map(|(class, _)| class.clone())
                .collect()
        };
        let said = || self.facts.words("classes").cloned();
        let classes = self.scope.map(reached).or_else(said).unwrap_or_default();
        classes.iter().map(|class| kind(class)).collect()
    }

    fn assessment(&mut self) {
        if self.facts.text("consequences").is_some() {
            if self.suffered("read").is_some() {
                self.put(79, json!(["d"]));
                self.fact(80, "consequences");
            }
            self.put(85, json!(["n"]));
            self.fact(86, "consequences");
        }
        self.put(
            87,
            match self.facts.word("harm") {
                Some("none") => "a",
                Some("limited") => "b",
                Some("serious") => "c",
                _ => "d",
            },
        );
        if let Some(decided) = self.matter.decided {
            self.put(
                89,
                match decided.risk {
                    Risk::High => "a",
                    Risk::Likely => "b",
                    Risk::Unlikely => "c",
                },
            );
            self.text(90, &decided.reason);
        }
        self.fact(92, "measures");
    }

    fn told(&mut self) {
        let sent = ["individuals_notified_at", "sent:eu-gdpr/persons"]
            .into_iter()
            .filter_map(|name| self.facts.instant(name))
            .min();
        if let Some(at) = sent {
            self.put(97, "a");
            let day = at.to_string().chars().take(10).collect::<String>();
            return self.put(98, day);
        }
        let Some(decided) = self.matter.decided else {
            return self.put(97, "c");
        };
        let spared = [
            (self.unreadable() == "a", "a"),
            (self.facts.flag("high_risk_removed") == Some(true), "b"),
            (self.facts.flag("disproportionate_effort") == Some(true), "c"),
        ];
        match spared.iter().find(|(holds, _)| *holds) {
            _ if !decided.tells_persons() => self.put(97, "d"),
            Some((_, letter)) => {
                self.put(97, "e");
                self.put(100, *letter);
            }
            None => self.put(97, "b"),
        }
    }

    fn across_borders(&mut self) {
        let established = self.facts.words("establishment");
        let here = established.map(|places| places.contains("eu"));
        let by_country = self.by_country();
        let several = by_country
            .iter()
            .filter(|(_, bounds)| bounds.at_least > 0)
            .count()
            > 1;
        let list: Vec<String> = by_country
            .iter()
            .map(|(country, bounds)| {
                format!(
                    "{}: {}",
                    country.to_uppercase(),
                    counted(bounds, "person", "persons")
                )
            })
            .collect();
        match here {
            Some(true) => {
                self.put(113, if several { "a" } else { "c" });
                self.put(120, "b");
                self.text(116, &list.join("; "));
            }
            Some(false) => {
                self.put(113, "b");
                self.put(120, if list.is_empty() { "c" } else { "a" });
                self.text(121, &list.join("; "));
            }
            None => {
                self.put(113, "c");
                self.put(120, "c");
            }
        }
    }

    /// Persons by country of the Union, as far as a table of residences or a person says.
    fn by_country(&self) -> Vec<(String, Bounds)> {
        let places = self
            .facts
            .iter()
            .filter_map(|(name, _)| name.strip_prefix("residents:"));
        let countries = places
            .filter_map(Territory::parse)
            .filter(|place| place.is_in_union() && !place.has_region() && place.as_str() != "eu");
        countries
            .filter_map(|place| {
                let bounds = self.facts.count(&format!("residents:{place}"))?;
                (bounds.at_most != Some(0)).then(|| (place.to_string(), bounds))
            })
            .collect()
    }
}

/// The template's letter for a class of data.
fn kind(class: &str) -> &'static str {
    match class {
        "identity" | "demographic" => "a",
        "contact" => "b",
        "biometric" => "c",
        "political" => "e",
        "religion" => "g",
        "sexual" => "h",
        "union" => "i",
        "genetic" => "j",
        "health" => "k",
        "financial" => "l",
        "government_id" => "n",
        "location" => "o",
        "payment" => "q",
        "behaviour" | "preferences" | "social" => "r",
        "credential" => "s",
        _ => "u",
    }
}
