//! What can be said of a breach, sentence by sentence, each worded as its claim or bound is.

use super::Matter;
use super::saying::{Carrier, Sayings, Topic};
use super::tongue::Tongue;
use crate::decided::Decided;
use crate::fact::{Facts, Provenance, Value};
use crate::words::{at_utc, counted, length, list, number, plainly};
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
    pub tongue: &'m Tongue,
    pub out: Sayings,
}

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

    /// What a letter says that does not depend on its person, in a language in which nothing else is said.
    pub fn letter(&mut self) {
        for name in ["organisation", "contact"] {
            self.out.named(name, self.facts);
        }
        for name in ["nature", "consequences", "measures"] {
            let fact = self.in_tongue(name);
            self.out.signed(name, Topic::Nature, self.facts, &fact);
        }
    }

    /// A text that persons sign once for each language: `nature`, `nature:de`.
    pub(super) fn in_tongue(&self, name: &str) -> String {
        match self.tongue.is_english() {
            true => name.to_owned(),
            false => format!("{name}:{}", self.tongue.code),
        }
    }

    pub(super) fn claim(&self, id: &str) -> Option<&Claim> {
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
        if kinds.is_empty() {
            return;
        }
        let named: Vec<String> = kinds.into_iter().map(started_from).collect();
        let text = format!(
            "We take it that the intruder held {}, and traced the rest from there.",
            list(&named, "and")
        );
        self.out
            .put("method", Topic::Nature, &text, vec![Carrier::Coverage]);
        for exposed in scope.exposed.iter().filter(|e| e.by == "app_version") {
            let one = exposed.counted.strip_suffix('s').unwrap_or(&exposed.counted);
            let what = plainly(&exposed.n, one, &exposed.counted);
            let text = format!(
                "The requests named version {} of the app; our records show that version on {what}.",
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
        self.noticeable();
        self.detected();
        self.aware("aware", "aware_at");
        self.aware("processor_aware", "processor_aware_at");
        self.delay();
        if self.facts.text("late_reasons").is_some() {
            self.out.signed("late", Topic::Other, self.facts, "late_reasons");
        }
        if self.facts.instant("material_at").is_some() {
            self.instant("material", "material_at", "It was determined to be material on");
        } else {
            self.out.ask("material", Topic::Nature, "material_at");
        }
    }

    /// When it could first have been noticed: what the logs show, and what somebody stated beyond them.
    fn noticeable(&mut self) {
        let Some(times) = self.scope.map(|scope| &scope.timeline) else {
            if let Some(at) = self.facts.instant("noticeable_at") {
                let text = format!("It could first have been noticed on {}.", at_utc(at));
                self.told_instant("noticeable", "noticeable_at", &text);
            }
            return;
        };
        let carried = vec![Carrier::Timeline {
            name: "first_noticeable",
        }];
        let text = match times.first_noticeable {
            Some(at) => format!(
                "It could first have been noticed on {}: {}.",
                at_utc(at),
                times.first_noticeable_because
            ),
            None => "Nothing in the logs shows when it could first have been noticed.".to_owned(),
        };
        self.out.put("noticeable", Topic::Nature, &text, carried);
        self.stated(
            "noticeable:stated",
            "noticeable_at",
            "It could first have been noticed",
        );
    }

    fn detected(&mut self) {
        let shown = self.scope.and_then(|scope| scope.timeline.first_noticed);
        // The public is told when we noticed; who says so matters where the records say otherwise.
        let is_plain = shown.is_none() && self.reader == Reader::Public;
        if is_plain || self.beyond("detected_at").is_none() {
            return self.instant("detected", "detected_at", "It was first noticed on");
        }
        if let Some(at) = shown {
            let text = format!("Our records show that it was noticed on {}.", at_utc(at));
            let carried = vec![Carrier::Timeline {
                name: "first_noticed",
            }];
            self.out.put("detected:shown", Topic::Nature, &text, carried);
        }
        self.stated("detected", "detected_at", "It was first noticed");
    }

    fn delay(&mut self) {
        let from = self.facts.instant("noticeable_at");
        let aware = self.facts.instant("aware_at");
        let Some((from, to)) = from.zip(aware).filter(|(from, to)| to > from) else {
            return;
        };
        let since = match self.scope.is_some() && self.beyond("noticeable_at").is_none() {
            true => "the first sign in our records",
            false => "when it could first have been noticed",
        };
        let text = format!(
            "From {since} until we knew, {} passed.",
            length(to.0.saturating_sub(from.0))
        );
        let carriers = ["noticeable_at", "aware_at"].map(|name| Carrier::fact(self.facts, name));
        self.out.put("delay", Topic::Nature, &text, carriers.to_vec());
    }

    /// An instant that a person signed where there are logs, with who signed it and when: it is not what the logs show.
    fn beyond(&self, name: &str) -> Option<(Timestamp, &str, Timestamp)> {
        self.scope?;
        let fact = self.facts.get(name)?;
        match (&fact.value, &fact.provenance) {
            (Value::Instant(at), Provenance::Signed { by, at: signed, .. }) => Some((*at, by, *signed)),
            _ => None,
        }
    }

    /// Tells such an instant in a sentence of its own.
    fn stated(&mut self, id: &str, name: &str, that: &str) {
        let Some((at, by, signed)) = self.beyond(name) else {
            return;
        };
        let by = match self.reader {
            Reader::Authority => format!("as {by} stated on {}", at_utc(signed)),
            Reader::Public => format!("as was stated on {}", at_utc(signed)),
        };
        let text = format!("{that} on {}, {by}; our records do not show this.", at_utc(at));
        self.told_instant(id, name, &text);
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
        let shown = self.scope.map(|scope| &scope.timeline);
        let shown = shown.and_then(|times| times.first_activity.zip(times.last_activity));
        if let Some((from, to)) = shown {
            let text = format!(
                "What our records show as the intruder's doing, for certain or probably, happened {}.",
                between(from, to)
            );
            let carriers = ["first_activity", "last_activity"].map(|name| Carrier::Timeline { name });
            self.out.put("period", Topic::Nature, &text, carriers.to_vec());
        }
        self.lasted();
        self.stated("period:from", "occurred_from", "It began");
        self.stated("period:to", "occurred_to", "It ended");
        for (id, name) in [("period:from", "occurred_from"), ("period:to", "occurred_to")] {
            if self.facts.instant(name).is_none() {
                self.out.ask(id, Topic::Nature, name);
            }
        }
        let Some(times) = self.scope.map(|scope| &scope.timeline) else {
            return;
        };
        if let Some((first, last)) = times.first_possible.zip(times.last_possible) {
            let text = format!(
                "Other activity, {}, may have been the intruder's or somebody else's.",
                between(first, last)
            );
            let carried = vec![Carrier::Timeline {
                name: "first_possible",
            }];
            self.out.put("possible_period", Topic::Nature, &text, carried);
        }
    }

    /// How long it lasted, where there are no logs of it.
    fn lasted(&mut self) {
        if self.scope.is_some() {
            return;
        }
        let (from, to) = (
            self.facts.instant("occurred_from"),
            self.facts.instant("occurred_to"),
        );
        let text = match (from, to) {
            (Some(from), Some(to)) => format!("It lasted from {} to {}.", at_utc(from), at_utc(to)),
            (Some(from), None) => format!("It began on {}.", at_utc(from)),
            (None, Some(to)) => format!("It ended on {}.", at_utc(to)),
            (None, None) => return,
        };
        let known = ["occurred_from", "occurred_to"].into_iter();
        let carriers = known.filter(|name| self.facts.get(name).is_some());
        let carriers = carriers.map(|name| Carrier::fact(self.facts, name)).collect();
        self.out.put("period", Topic::Nature, &text, carriers);
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
            "Our records identify {} of those who are or may be concerned; of the others we know only how many they can be at most.",
            number(named as u64)
        );
        let bounds = Bounds {
            at_least: scope.subjects.at_least,
            at_most: scope.subjects.at_most,
            because: Vec::new(),
        };
        let carried = vec![Carrier::count("persons", &bounds)];
        self.out.put("named", Topic::Number, &text, carried.clone());
        if self.matter.decided.is_some_and(Decided::tells_persons) {
            let text = "Whoever gets no letter from us may still be among the others.";
            self.out.put("others_named", Topic::Number, text, carried);
        }
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
}

pub(super) fn is_supported(claim: &Claim) -> bool {
    claim.verdict == Verdict::Supported
}

fn persons_text(bounds: &Bounds) -> String {
    match (bounds.at_least, bounds.at_most) {
        (0, Some(0)) => "No personal data was reached.".to_owned(),
        (0, Some(most)) => format!(
            "It cannot be excluded that the data of up to {} was reached; it is certain of nobody.",
            plainly(&at_most(most), "person", "persons")
        ),
        (0, None) => {
            "It cannot be excluded that the data of persons was reached, and no upper limit is known."
                .to_owned()
        }
        (least, Some(most)) if least == most => {
            format!(
                "The data of {} was reached.",
                plainly(bounds, "person", "persons")
            )
        }
        (least, Some(most)) => format!(
            "The data of at least {} was reached, and of at most {}: it is certain for {}, and cannot be excluded for {} more.",
            plainly(&at_most(least), "person", "persons"),
            plainly(&at_most(most), "person", "persons"),
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

/// What the trace starts from, in words that need no training.
fn started_from(kind: &str) -> String {
    match kind {
        "session" => "a session (what keeps somebody signed in)".to_owned(),
        "token" => "a token (what a program signs in with)".to_owned(),
        "ip" => "an internet address".to_owned(),
        "event" => "what is recorded as one event".to_owned(),
        "finding" => "what a detection found".to_owned(),
        other => {
            let kind = other.replace('_', " ");
            let vowel = kind.starts_with(['a', 'e', 'i', 'o']);
            format!("{} {kind}", if vowel { "an" } else { "a" })
        }
    }
}

/// `between … and …`, or the one instant.
fn between(from: Timestamp, to: Timestamp) -> String {
    match at_utc(from) == at_utc(to) {
        true => format!("on {}", at_utc(from)),
        false => format!("between {} and {}", at_utc(from), at_utc(to)),
    }
}
