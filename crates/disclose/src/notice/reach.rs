//! What was reached and what was not, what can be claimed, what limits all this, and what a person decided of it.

use super::pen::{Pen, Reader, is_supported};
use super::saying::{Carrier, Topic};
use crate::words::{at_utc, capital, class, counted, list, number};
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Claim, Scope, Verdict};
use std::collections::BTreeSet;

/// The effects beside reading.
const OTHER_EFFECTS: [&str; 3] = ["changed", "destroyed", "unavailable"];

impl Pen<'_> {
    /// What was read, what cannot be excluded, and what was not read.
    pub(super) fn data(&mut self) {
        let Some(scope) = self.scope else {
            return self.classes_said();
        };
        let mut excluded: Vec<(String, Carrier)> = Vec::new();
        for (name, bounds) in &scope.classes {
            let claim = self.claim(&format!("class:{name}:read"));
            let mut carried = vec![Carrier::count(
                &format!("persons whose {name} data was read"),
                bounds,
            )];
            carried.extend(claim.map(Carrier::claim));
            let shown = class(name);
            match (bounds.at_least, claim.map(|claim| claim.verdict)) {
                (0, Some(Verdict::Supported)) => {
                    excluded.extend(carried.pop().map(|carrier| (shown, carrier)));
                }
                (0, _) => {
                    let text = may_have(&shown, "read", bounds);
                    self.out
                        .put(&format!("open:{name}"), Topic::Other, &text, carried);
                }
                _ => {
                    let text = was(&shown, "read", bounds);
                    self.out
                        .put(&format!("read:{name}"), Topic::Other, &text, carried);
                }
            }
        }
        if !excluded.is_empty() {
            let (names, carried): (Vec<String>, Vec<Carrier>) = excluded.into_iter().unzip();
            let text = format!("No {} data was read.", list(&names, "or"));
            self.out.put("excluded:classes", Topic::Other, &text, carried);
        }
    }

    /// Without logs, a person names the classes.
    fn classes_said(&mut self) {
        match self.facts.words("classes") {
            Some(words) if !words.is_empty() => {
                let names: Vec<String> = words.iter().map(|word| class(word)).collect();
                let text = format!("{} data was affected.", capital(&list(&names, "and")));
                let carried = vec![Carrier::fact(self.facts, "classes")];
                self.out.put("read:said", Topic::Other, &text, carried);
            }
            _ => self.out.ask("read:said", Topic::Other, "classes"),
        }
    }

    pub(super) fn effects(&mut self) {
        let Some(scope) = self.scope else { return };
        for effect in OTHER_EFFECTS {
            let Some(claim) = self.claim(&format!("effect:{effect}")) else {
                continue;
            };
            if is_supported(claim) {
                let (text, carried) = (claim.text.clone(), vec![Carrier::claim(claim)]);
                self.out
                    .put(&format!("excluded:{effect}"), Topic::Other, &text, carried);
                continue;
            }
            let claim = Carrier::claim(claim);
            for (name, bounds) in scope.effects.get(effect).into_iter().flatten() {
                let verb = if effect == "unavailable" {
                    "made unavailable"
                } else {
                    effect
                };
                let (group, text) = match (bounds.at_least, bounds.at_most) {
                    (0, Some(0)) => continue,
                    (0, _) => ("open", may_have(&class(name), verb, bounds)),
                    _ => ("harmed", was(&class(name), verb, bounds)),
                };
                let carried = vec![
                    Carrier::count(&format!("persons whose {name} data was {effect}"), bounds),
                    claim.clone(),
                ];
                self.out
                    .put(&format!("{group}:{effect}:{name}"), Topic::Other, &text, carried);
            }
        }
    }

    /// The other claims, each worded as its verdict is.
    pub(super) fn claims(&mut self) {
        let Some(scope) = self.scope else { return };
        for claim in &scope.claims {
            let carried = vec![Carrier::claim(claim)];
            let (group, topic, text) = match (claim.id.as_str(), claim.verdict) {
                ("internal", Verdict::Supported) => ("excluded", Topic::Other, claim.text.as_str()),
                ("internal", Verdict::Contradicted) => {
                    ("harmed", Topic::Other, "Internal company data was read.")
                }
                ("internal", Verdict::Undecided) => (
                    "open",
                    Topic::Other,
                    "It cannot be excluded that internal company data was read.",
                ),
                ("credentials_held", Verdict::Contradicted) => (
                    "holds",
                    Topic::Nature,
                    "The intruder held a session, or something else that opens our service.",
                ),
                ("credentials_held", Verdict::Undecided) => (
                    "holds",
                    Topic::Nature,
                    "It cannot be excluded that the intruder held something that opens our service.",
                ),
                ("control_ended", Verdict::Supported) => ("ended", Topic::Nature, claim.text.as_str()),
                ("control_ended", _) => (
                    "ended",
                    Topic::Nature,
                    "It is not certain that the intruder's access has ended.",
                ),
                ("nobody_else", Verdict::Supported) => ("others", Topic::Nature, claim.text.as_str()),
                ("nobody_else", _) => (
                    "others",
                    Topic::Nature,
                    "Whether somebody else used the same method is not known: our history was not searched for it.",
                ),
                _ => continue,
            };
            self.out
                .put(&format!("{group}:{}", claim.id), topic, text, carried);
        }
        self.platforms(&scope.claims);
        let until = scope.timeline.control_until;
        if let Some(at) = until.filter(|_| self.claim("control_ended").is_some_and(is_supported)) {
            let text = format!(
                "The last of what the intruder held was refused on {}.",
                at_utc(at)
            );
            let carried = vec![Carrier::Timeline {
                name: "control_until",
            }];
            self.out.put("ended:at", Topic::Nature, &text, carried);
        }
    }

    /// Through which platforms of the app it went, and through which it did not.
    fn platforms(&mut self, claims: &[Claim]) {
        for (verdict, group, words) in [
            (
                Verdict::Contradicted,
                "came",
                "The requests came through the platform",
            ),
            (
                Verdict::Undecided,
                "open",
                "It cannot be excluded that requests came through the platform",
            ),
            (
                Verdict::Supported,
                "none",
                "Nothing was reached through the platform",
            ),
        ] {
            let fitting = claims.iter().filter(|claim| claim.verdict == verdict);
            let found: Vec<(&str, &Claim)> = fitting
                .filter_map(|claim| Some((claim.id.strip_prefix("platform:")?, claim)))
                .collect();
            if found.is_empty() {
                continue;
            }
            let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
            let text = format!("{words} {}.", list(&names, "or"));
            let carried = found.iter().map(|(_, claim)| Carrier::claim(claim)).collect();
            self.out
                .put(&format!("platform:{group}"), Topic::Nature, &text, carried);
        }
    }

    /// What limits all this, and why one may believe the rest.
    pub(super) fn limits(&mut self) {
        let Some(scope) = self.scope else {
            let text = "There are no logs of it; what is said here rests on what persons signed.";
            return self
                .out
                .put("limits", Topic::Other, text, vec![Carrier::Coverage]);
        };
        for gap in &scope.gaps {
            let span = span(gap.span.from, gap.span.until);
            let what = if gap.state == "absent" {
                "are missing"
            } else {
                "are incomplete"
            };
            let text = match (self.reader, &gap.host) {
                (Reader::Authority, Some(host)) => {
                    format!("The records of {} on {host} {what} {span}.", gap.source)
                }
                (Reader::Authority, None) => format!("The records of {} {what} {span}.", gap.source),
                (Reader::Public, _) => format!("Records of ours {what} {span}."),
            };
            // The public reads the same of two hosts once.
            if !self
                .out
                .iter()
                .any(|saying| saying.group() == "gap" && saying.text == text)
            {
                let id = gap.id.trim_start_matches("gap:");
                let carried = vec![Carrier::Gap { id: gap.id.clone() }];
                self.out.put(&format!("gap:{id}"), Topic::Other, &text, carried);
            }
        }
        self.believe(scope);
        if !scope.unmapped.is_empty() {
            let text =
                "Some operations of the intruder are not described yet; nobody is excluded because of them.";
            self.out
                .put("limits:unmapped", Topic::Other, text, vec![Carrier::Coverage]);
        }
        let text = "All this speaks of the intruder whom we traced, and of nobody beside.";
        self.out
            .put("limits:actor", Topic::Other, text, vec![Carrier::Coverage]);
        self.assertions(scope);
        let text = format!(
            "The evidence behind this has the root {}; whoever is given it can compute the answer again and compare.",
            scope.content_root
        );
        self.out
            .put("proof", Topic::Other, &text, vec![Carrier::Coverage]);
    }

    /// How complete the sources are over the time in question.
    fn believe(&mut self, scope: &Scope) {
        let named = |state: &str| -> Vec<&str> {
            let of = scope.coverage.iter().filter(|source| source.worst == state);
            let names: BTreeSet<&str> = of.map(|source| source.source.as_str()).collect();
            let lacking = scope.coverage.iter().filter(|source| source.worst != state);
            let lacking: BTreeSet<&str> = lacking.map(|source| source.source.as_str()).collect();
            names.difference(&lacking).copied().collect()
        };
        let (all, proved) = (
            scope
                .coverage
                .iter()
                .map(|source| source.source.as_str())
                .collect::<BTreeSet<_>>(),
            named("proved"),
        );
        if all.is_empty() {
            return;
        }
        let text = match self.reader {
            Reader::Authority => format!(
                "The records of {} were compared; proved complete over the whole time: {}.",
                list(&all.iter().collect::<Vec<_>>(), "and"),
                if proved.is_empty() {
                    "none of them".to_owned()
                } else {
                    list(&proved, "and")
                }
            ),
            Reader::Public => format!(
                "We compared the records that our systems keep independently of each other: {} kinds of them, of which {} are proved complete over the whole time.",
                number(all.len() as u64),
                number(proved.len() as u64)
            ),
        };
        self.out
            .put("believe", Topic::Other, &text, vec![Carrier::Coverage]);
        if self.out.iter().any(|saying| saying.group() == "excluded") {
            let text = "What we exclude we exclude because the records that would show it are complete for the time in question.";
            self.out
                .put("believe:excluded", Topic::Other, text, vec![Carrier::Coverage]);
        }
    }

    fn assertions(&mut self, scope: &Scope) {
        let text = format!(
            "The answer rests on {} assertions beside the evidence, which are listed with it.",
            number(scope.assertions.len() as u64)
        );
        self.out
            .put("limits:assertions", Topic::Other, &text, vec![Carrier::Coverage]);
    }

    pub(super) fn decided(&mut self) {
        let Some(decided) = self.matter.decided else {
            return self.out.ask("decision", Topic::Other, "risk");
        };
        let told = match (decided.tells_authority(), decided.tells_persons()) {
            (_, true) => "the authority and the persons",
            (true, false) => "the authority",
            (false, false) => "nobody",
        };
        let text = format!(
            "{} decided on {} that the risk to the persons is {}, and whom to tell: {told}. The reason: {}.",
            decided.by,
            at_utc(decided.at),
            decided.risk.name(),
            decided.reason.trim_end_matches('.')
        );
        let carried = vec![Carrier::Decision {
            entry: decided.entry.clone(),
            by: decided.by.clone(),
        }];
        if decided.tells_persons() {
            let text = "Those whom our records identify are told in person.";
            self.out.put("told", Topic::Other, text, carried.clone());
        }
        self.out.put("decision", Topic::Other, &text, carried);
    }
}

fn was(class: &str, verb: &str, bounds: &Bounds) -> String {
    let ends = counted(bounds, "person", "persons");
    let open = if bounds.at_most.is_none() {
        ", and no upper limit is known"
    } else {
        ""
    };
    format!("{} data of {ends} was {verb}{open}.", capital(class))
}

fn may_have(class: &str, verb: &str, bounds: &Bounds) -> String {
    match bounds.at_most {
        Some(most) => format!(
            "It cannot be excluded that {class} data of up to {} {} was {verb}.",
            number(most),
            if most == 1 { "person" } else { "persons" }
        ),
        None => {
            format!("It cannot be excluded that {class} data was {verb}, for an unknown number of persons.")
        }
    }
}

fn span(from: Timestamp, until: Timestamp) -> String {
    match (from > Timestamp::MIN, until < Timestamp::MAX) {
        (true, true) => format!("from {} to {}", at_utc(from), at_utc(until)),
        (true, false) => format!("from {} on", at_utc(from)),
        (false, true) => format!("until {}", at_utc(until)),
        (false, false) => "for the whole time".to_owned(),
    }
}
