//! What can be said of a breach, sentence by sentence, each worded as its claim or bound is.

use super::Matter;
use super::saying::{Carrier, Sayings, Topic};
use crate::fact::{Facts, Provenance, Value};
use crate::words::{at_utc, capital, class, counted, length, list, number};
use ambit_event::Timestamp;
use ambit_scope::{Bounds, Claim, Scope, Verdict};
use std::collections::BTreeSet;

/// Who reads it: names of systems are for an authority, not for the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    Authority,
    Public,
}

pub(super) struct Pen<'m> {
    pub matter: &'m Matter<'m>,
    pub facts: &'m Facts,
    pub scope: Option<&'m Scope>,
    pub reader: Reader,
    pub out: Sayings,
}

/// The effects beside reading.
const OTHER_EFFECTS: [&str; 3] = ["changed", "destroyed", "unavailable"];

impl Pen<'_> {
    /// Everything that does not depend on one person.
    pub fn all(&mut self) {
        for name in ["organisation", "contact", "controller"] {
            self.out.named(name, self.facts);
        }
        // What persons write of measures and consequences may tell what happened.
        for name in ["nature", "consequences", "measures", "impact"] {
            self.out.signed(name, Topic::Nature, self.facts, name);
        }
        self.method();
        self.when();
        self.persons();
        self.records();
        self.data();
        self.effects();
        self.claims();
        self.limits();
        self.decided();
    }

    fn claim(&self, id: &str) -> Option<&Claim> {
        self.scope?.claims.iter().find(|claim| claim.id == id)
    }

    /// What the trace starts from: it is asserted, not proved.
    fn method(&mut self) {
        let Some(scope) = self.scope else { return };
        let kinds: BTreeSet<&str> = scope
            .trace
            .iter()
            .filter(|hop| hop.rule == "seed")
            .map(|hop| hop.to.kind.name())
            .collect();
        let kinds: Vec<String> = kinds.into_iter().map(|kind| kind.replace('_', " ")).collect();
        if kinds.is_empty() {
            return;
        }
        let named: Vec<String> = kinds.iter().map(|kind| with_article(kind)).collect();
        let text = format!(
            "We traced it from what the intruder is taken to have held: {}.",
            list(&named, "and")
        );
        self.out
            .put("method", Topic::Nature, &text, vec![Carrier::Coverage]);
        for exposed in scope.exposed.iter().filter(|e| e.by == "app_version") {
            let what = counted(&exposed.n, &exposed.counted, &exposed.counted);
            let text = format!(
                "It came through version {} of the app, which our records show on {what}.",
                exposed.value
            );
            let id = format!("version:{}", exposed.value);
            self.out.put(
                &id,
                Topic::Nature,
                &text,
                vec![Carrier::count(&exposed.counted, &exposed.n)],
            );
        }
    }

    fn when(&mut self) {
        self.period();
        let noticeable = self.facts.instant("noticeable_at");
        match noticeable {
            Some(at) => {
                let because = self.scope.map_or(String::new(), |scope| {
                    match scope.timeline.first_noticeable == Some(at) {
                        true => format!(": {}", scope.timeline.first_noticeable_because),
                        false => String::new(),
                    }
                });
                let text = format!("It could first have been noticed on {}{because}.", at_utc(at));
                self.told_instant("noticeable", "noticeable_at", &text);
            }
            None if self.scope.is_some() => {
                let text = "Nothing in the logs shows when it could first have been noticed.";
                self.out.put(
                    "noticeable",
                    Topic::Nature,
                    text,
                    vec![Carrier::Timeline {
                        name: "first_noticeable",
                    }],
                );
            }
            None => {}
        }
        self.instant("detected", "detected_at", "It was first noticed on");
        self.aware("aware", "aware_at");
        self.aware("processor_aware", "processor_aware_at");
        let aware = self.facts.instant("aware_at");
        if let Some((from, to)) = noticeable.zip(aware).filter(|(from, to)| to > from) {
            let text = format!(
                "Between the first sign in the logs and our knowing lay {}.",
                length(to.0.saturating_sub(from.0))
            );
            let carriers = ["noticeable_at", "aware_at"].map(|name| Carrier::fact(self.facts, name));
            self.out.put("delay", Topic::Nature, &text, carriers.to_vec());
        }
        if self.facts.text("late_reasons").is_some() {
            self.out.signed("late", Topic::Other, self.facts, "late_reasons");
        }
        if self.facts.instant("material_at").is_some() {
            self.instant("material", "material_at", "It was determined to be material on");
        } else {
            self.out.ask("material", Topic::Nature, "material_at");
        }
    }

    fn told_instant(&mut self, id: &str, fact: &str, text: &str) {
        self.out
            .put(id, Topic::Nature, text, vec![Carrier::fact(self.facts, fact)]);
    }

    fn instant(&mut self, id: &str, fact: &str, words: &str) {
        match self.facts.instant(fact) {
            Some(at) => self.told_instant(id, fact, &format!("{words} {}.", at_utc(at))),
            None => self.out.ask(id, Topic::Nature, fact),
        }
    }

    /// When the organisation knew: a fact of its own, with who knew and by which evidence.
    fn aware(&mut self, id: &str, name: &str) {
        let Some(fact) = self.facts.get(name) else {
            return self.out.ask(id, Topic::Nature, name);
        };
        let Value::Instant(at) = &fact.value else { return };
        let at = *at;
        let mut text = format!("We knew on {} that personal data was affected", at_utc(at));
        if let (Reader::Authority, Provenance::Signed { knower, evidence, .. }) =
            (self.reader, &fact.provenance)
        {
            if let Some(knower) = knower {
                text.push_str(&format!("; who knew: {knower}"));
            }
            if let Some(evidence) = evidence {
                text.push_str(&format!("; by this evidence: {}", evidence.trim_end_matches('.')));
            }
        }
        text.push('.');
        self.told_instant(id, name, &text);
    }

    fn period(&mut self) {
        let (from, to) = (
            self.facts.instant("occurred_from"),
            self.facts.instant("occurred_to"),
        );
        let carriers = |facts: &Facts| {
            ["occurred_from", "occurred_to"]
                .map(|name| Carrier::fact(facts, name))
                .to_vec()
        };
        match (from, to) {
            (Some(from), Some(to)) => {
                let what = match self.scope {
                    Some(_) => "What the records show as the intruder's doing, for certain or probably,",
                    None => "It",
                };
                let text = format!("{what} lasted from {} to {}.", at_utc(from), at_utc(to));
                self.out.put("period", Topic::Nature, &text, carriers(self.facts));
            }
            _ => self.out.ask("period", Topic::Nature, "occurred_from"),
        }
        let Some(times) = self.scope.map(|scope| &scope.timeline) else {
            return;
        };
        if let Some((first, last)) = times.first_possible.zip(times.last_possible) {
            let text = format!(
                "Activity that may have been the intruder's, and may not, was recorded from {} to {}.",
                at_utc(first),
                at_utc(last)
            );
            let carried = vec![Carrier::Timeline {
                name: "first_possible",
            }];
            self.out.put("possible_period", Topic::Nature, &text, carried);
        }
    }

    fn persons(&mut self) {
        let unknown = self.unknown();
        if let Some(why) = unknown {
            let text = format!("How many persons are affected is not known: {why}.");
            self.out
                .put("persons", Topic::Number, &text, vec![Carrier::Coverage]);
            self.out
                .put("n_persons", Topic::Number, "not known", vec![Carrier::Coverage]);
            return;
        }
        let Some(bounds) = self.facts.count("subjects") else {
            self.out.ask("n_persons", Topic::Number, "subjects");
            return self.out.ask("persons", Topic::Number, "subjects");
        };
        let carried = vec![
            Carrier::count("persons", &bounds),
            Carrier::fact(self.facts, "subjects"),
        ];
        self.out
            .put("persons", Topic::Number, &persons_text(&bounds), carried.clone());
        self.out.put(
            "n_persons",
            Topic::Number,
            &counted(&bounds, "person", "persons"),
            carried,
        );
        if let Some(claim) = self.claim("only_these_persons").filter(|c| is_supported(c)) {
            let (text, carried) = (claim.text.clone(), vec![Carrier::claim(claim)]);
            self.out.put("only", Topic::Number, &text, carried);
        }
        self.unnamed();
    }

    /// Whom the logs name, and whom they only bound.
    fn unnamed(&mut self) {
        let Some(scope) = self.scope.filter(|scope| !scope.subjects.unnamed.is_empty()) else {
            return;
        };
        let named =
            scope.subjects.confirmed.len() + scope.subjects.probable.len() + scope.subjects.possible.len();
        let text = format!(
            "Of those who cannot be excluded our records identify {}; the others can only be bounded in number.",
            number(named as u64)
        );
        let bounds = Bounds {
            at_least: scope.subjects.at_least,
            at_most: scope.subjects.at_most,
            because: Vec::new(),
        };
        self.out.put(
            "named",
            Topic::Number,
            &text,
            vec![Carrier::count("persons", &bounds)],
        );
    }

    /// Why no number can be given, where none can.
    fn unknown(&self) -> Option<&'static str> {
        let scope = self.scope?;
        match (scope.unanswered.is_empty(), scope.mapped) {
            (false, _) => Some("the logs hold no answer to the question"),
            (true, false) => Some("nothing tells yet which operations reach whose data"),
            (true, true) => None,
        }
    }

    fn records(&mut self) {
        match self.facts.count("records") {
            Some(bounds) if self.unknown().is_none() => {
                let carried = vec![Carrier::count("records", &bounds)];
                let text = counted(&bounds, "record", "records");
                self.out.put("n_records", Topic::Number, &text, carried);
            }
            Some(_) => self
                .out
                .put("n_records", Topic::Number, "not known", vec![Carrier::Coverage]),
            None => self.out.ask("n_records", Topic::Number, "records"),
        }
    }

    /// What was read, what cannot be excluded, and what was not read.
    fn data(&mut self) {
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

    fn effects(&mut self) {
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
    fn claims(&mut self) {
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
    fn limits(&mut self) {
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

    fn decided(&mut self) {
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

fn is_supported(claim: &Claim) -> bool {
    claim.verdict == Verdict::Supported
}

fn persons_text(bounds: &Bounds) -> String {
    match (bounds.at_least, bounds.at_most) {
        (0, Some(0)) => "No personal data was reached.".to_owned(),
        (0, Some(most)) => format!(
            "It cannot be excluded that the data of up to {} was reached; of nobody is it certain.",
            counted(&at_most(most), "person", "persons").trim_start_matches("exactly ")
        ),
        (0, None) => {
            "It cannot be excluded that the data of persons was reached, and no upper limit is known."
                .to_owned()
        }
        (least, Some(most)) if least == most => {
            format!(
                "The data of {} was reached.",
                counted(bounds, "person", "persons")
            )
        }
        (least, Some(most)) => format!(
            "The data of {} was reached: of {} it is certain, and {} more cannot be excluded.",
            counted(bounds, "person", "persons"),
            number(least),
            number(most.saturating_sub(least))
        ),
        (_, None) => format!(
            "The data of {} was reached, and no upper limit is known.",
            counted(bounds, "person", "persons")
        ),
    }
}

fn at_most(n: u64) -> Bounds {
    Bounds {
        at_least: n,
        at_most: Some(n),
        because: Vec::new(),
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

pub(super) fn may_have(class: &str, verb: &str, bounds: &Bounds) -> String {
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

fn with_article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

fn span(from: Timestamp, until: Timestamp) -> String {
    match (from > Timestamp::MIN, until < Timestamp::MAX) {
        (true, true) => format!("from {} to {}", at_utc(from), at_utc(until)),
        (true, false) => format!("from {} on", at_utc(from)),
        (false, true) => format!("until {}", at_utc(until)),
        (false, false) => "for the whole time".to_owned(),
    }
}
