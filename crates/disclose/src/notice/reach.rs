//! What was reached and what was not, what can be claimed, what limits all this, and what a person decided of it.

use super::pen::{Pen, Reader, is_supported};
use super::saying::{Carrier, Topic};
use crate::words::{at_utc, capital, class, list, number, plainly};
use ambit_event::{Span, Timestamp};
use ambit_scope::{Bounds, Claim, Scope, ScopeGap, Verdict};
use std::collections::{BTreeMap, BTreeSet};

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
                // No person's, but the company's own.
                (0, Some(Verdict::Contradicted)) => {
                    let text = format!("{} data was read, of no person that is known.", capital(&shown));
                    self.out
                        .put(&format!("read:{name}"), Topic::Other, &text, carried);
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
        let mut excluded = Vec::new();
        for effect in OTHER_EFFECTS {
            let Some(claim) = self.claim(&format!("effect:{effect}")) else {
                continue;
            };
            if is_supported(claim) {
                excluded.push((effect, Carrier::claim(claim)));
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
        let (effects, carried): (Vec<&str>, Vec<Carrier>) = excluded.into_iter().unzip();
        let verbs: Vec<&str> = effects
            .iter()
            .map(|effect| match *effect {
                "unavailable" => "made unavailable",
                verb => verb,
            })
            .collect();
        if !verbs.is_empty() {
            let text = format!("No personal data was {}.", list(&verbs, "or"));
            let id = format!("excluded:{}", effects.join("+"));
            self.out.put(&id, Topic::Other, &text, carried);
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
                    "The intruder held something that opens our service, such as a session.",
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
                    "Whether somebody else used the same method is not known: our older records were not searched for it.",
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
                "All that the intruder may have held has been refused since {}.",
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
            (Verdict::Contradicted, "came", "The requests came through"),
            (
                Verdict::Undecided,
                "open",
                "It cannot be excluded that requests came through",
            ),
            (Verdict::Supported, "none", "Nothing was reached through"),
        ] {
            let fitting = claims.iter().filter(|claim| claim.verdict == verdict);
            let found: Vec<(&str, &Claim)> = fitting
                .filter_map(|claim| Some((claim.id.strip_prefix("platform:")?, claim)))
                .collect();
            if found.is_empty() {
                continue;
            }
            let names: Vec<String> = found.iter().map(|(name, _)| platform(name)).collect();
            let and = if group == "came" { "and" } else { "or" };
            let text = format!("{words} {}.", list(&names, and));
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
        match self.reader {
            Reader::Authority => self.gaps(&scope.gaps),
            Reader::Public => self.holes(&scope.gaps),
        }
        self.believe(scope);
        if !scope.unmapped.is_empty() {
            let text =
                "Some operations of the intruder are not described yet; nobody is excluded because of them.";
            self.out
                .put("limits:unmapped", Topic::Other, text, vec![Carrier::Coverage]);
        }
        let text =
            "All this is about the intruder whom we traced; what others may have done is not part of it.";
        self.out
            .put("limits:actor", Topic::Other, text, vec![Carrier::Coverage]);
        self.assertions(scope);
        let text = match self.reader {
            Reader::Authority => format!(
                "The evidence behind this has the root {}; whoever is given it can compute the answer again and compare.",
                scope.content_root
            ),
            Reader::Public => {
                "The evidence is kept, and an examiner who is given it can compute this answer again."
                    .to_owned()
            }
        };
        self.out
            .put("proof", Topic::Other, &text, vec![Carrier::Coverage]);
    }

    /// Each gap once, with its source and all that it touches: one hole may bear on several channels.
    fn gaps(&mut self, gaps: &[ScopeGap]) {
        let mut told: Vec<Vec<&ScopeGap>> = Vec::new();
        let mut at = BTreeMap::new();
        for gap in gaps {
            let n = *at
                .entry((&gap.source, &gap.host, gap.span, &gap.state))
                .or_insert(told.len());
            match told.get_mut(n) {
                Some(of) => of.push(gap),
                None => told.push(vec![gap]),
            }
        }
        for of in told {
            let Some(gap) = of.first() else { continue };
            let host = gap.host.as_ref().map(|host| format!(" on {host}"));
            let channels: BTreeSet<&str> = of.iter().map(|gap| gap.channel.as_str()).collect();
            let touched: Vec<&str> = channels.into_iter().collect();
            let touches = match touched.len() {
                0 | 1 => String::new(),
                _ => format!("; this touches what is known of {}", list(&touched, "and")),
            };
            let text = format!(
                "The records of {}{} {} {}{touches}.",
                gap.source,
                host.unwrap_or_default(),
                lacking([gap.state.as_str()]),
                span(gap.span.from, gap.span.until)
            );
            let id = gap.id.trim_start_matches("gap:");
            let ids: BTreeSet<&str> = of.iter().map(|gap| gap.id.as_str()).collect();
            let carried = ids.into_iter().map(|id| Carrier::Gap { id: id.to_owned() });
            let carried = carried.collect();
            self.out.put(&format!("gap:{id}"), Topic::Other, &text, carried);
        }
    }

    /// When something of ours is missing, whichever it is: the public reads of one hole in several logs once.
    fn holes(&mut self, gaps: &[ScopeGap]) {
        let mut gaps: Vec<&ScopeGap> = gaps.iter().collect();
        gaps.sort_by_key(|gap| (gap.span.from, gap.span.until, &gap.id));
        let mut holes: Vec<(Span, Vec<&ScopeGap>)> = Vec::new();
        for gap in gaps {
            match holes.last_mut() {
                Some((hole, of)) if gap.span.from <= hole.until => {
                    *hole = hole.hull(gap.span);
                    of.push(gap);
                }
                _ => holes.push((gap.span, vec![gap])),
            }
        }
        for (hole, of) in holes {
            let what = lacking(of.iter().map(|gap| gap.state.as_str()));
            let text = format!("Some of our records {what} {}.", span(hole.from, hole.until));
            let carried = of.iter().map(|gap| Carrier::Gap { id: gap.id.clone() }).collect();
            let id = of.first().map_or("", |gap| gap.id.trim_start_matches("gap:"));
            self.out.put(&format!("gap:{id}"), Topic::Other, &text, carried);
        }
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
            Reader::Public => compared(all.len() as u64, proved.len() as u64),
        };
        self.out
            .put("believe", Topic::Other, &text, vec![Carrier::Coverage]);
        if self.out.iter().any(|saying| saying.group() == "excluded") {
            let text = "What we exclude would show in records that are complete for the time in question.";
            self.out
                .put("believe:excluded", Topic::Other, text, vec![Carrier::Coverage]);
        }
    }

    fn assertions(&mut self, scope: &Scope) {
        let n = scope.assertions.len() as u64;
        let text = match self.reader {
            Reader::Authority => format!(
                "Beside the evidence the answer rests on {}, listed with it.",
                plainly(&exactly(n), "assertion", "assertions")
            ),
            Reader::Public => format!(
                "Beside our records this rests on {}, each of them written down.",
                plainly(&exactly(n), "assumption", "assumptions")
            ),
        };
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
            let text = "We write to each person whom our records identify.";
            self.out.put("told", Topic::Other, text, carried.clone());
        }
        self.out.put("decision", Topic::Other, &text, carried);
    }
}

fn was(class: &str, verb: &str, bounds: &Bounds) -> String {
    let counted = |n: u64| plainly(&exactly(n), "person", "persons");
    let class = capital(class);
    match bounds.at_most {
        Some(most) if most == bounds.at_least => format!("{class} data of {} was {verb}.", counted(most)),
        Some(most) => format!(
            "{class} data of at least {} was {verb}, and of at most {}.",
            counted(bounds.at_least),
            counted(most)
        ),
        None => format!(
            "{class} data of at least {} was {verb}, and no upper limit is known.",
            counted(bounds.at_least)
        ),
    }
}

const fn exactly(n: u64) -> Bounds {
    Bounds {
        at_least: n,
        at_most: Some(n),
        because: Vec::new(),
    }
}

/// How many kinds of records were compared, and of how many nothing is missing.
fn compared(all: u64, proved: u64) -> String {
    if all == 1 {
        let state = if proved == 1 { "are" } else { "are not" };
        return format!(
            "We went through the records of one of our systems; they {state} proved complete over the whole time."
        );
    }
    let complete = match proved {
        0 => "none of them is".to_owned(),
        1 => "1 of them is".to_owned(),
        n if n == all => "all of them are".to_owned(),
        n => format!("{} of them are", number(n)),
    };
    format!(
        "We went through records of {} kinds; {complete} proved complete over the whole time.",
        number(all)
    )
}

/// A platform as people call it.
fn platform(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "android" => "the Android app".to_owned(),
        "ios" | "iphone" | "ipad" => "the iOS app".to_owned(),
        "web" | "www" | "browser" => "the website".to_owned(),
        "desktop" => "the desktop app".to_owned(),
        _ => format!("the platform {name}"),
    }
}

fn may_have(class: &str, verb: &str, bounds: &Bounds) -> String {
    match bounds.at_most {
        Some(0) => format!("It cannot be excluded that {class} data was {verb}."),
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

/// What is the matter with records in these states.
fn lacking<'s>(states: impl IntoIterator<Item = &'s str>) -> &'static str {
    let (absent, degraded): (Vec<&str>, Vec<&str>) = states.into_iter().partition(|state| *state == "absent");
    match (absent.is_empty(), degraded.is_empty()) {
        (false, false) => "are missing or incomplete",
        (false, true) => "are missing",
        _ => "are incomplete",
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
