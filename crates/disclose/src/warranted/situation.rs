//! One way in which the facts may stand, and the risk that follows from it.

use super::Risk;
use crate::fact::Facts;
use std::collections::BTreeSet;

/// A situation in which nothing is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Situation {
    pub read: bool,
    pub changed: bool,
    /// Destroyed or unavailable.
    pub lost: bool,
    pub data: Data,
    /// 0 negligible to 3 maximum.
    pub identification: u8,
    /// In the order of the vocabulary: nobody, trusted, known, self-interested, unknown, malicious.
    pub recipient: u8,
    pub returned: bool,
    /// 0 in good time, 1 late, 2 never.
    pub restored: u8,
    /// 0 none, 1 limited, 2 serious.
    pub harm: u8,
    pub vulnerable: bool,
    pub many: bool,
    pub unreadable: bool,
}

/// How sensitive what can be read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Data {
    /// 0 hardly personal, 1 simple, 2 tells of a person's life, 3 opens something or is specially protected.
    pub sensitivity: u8,
    /// Name, address and birth date or the like: enough to pass for the person.
    pub identifies: bool,
}

pub(super) const NOBODY: u8 = 0;
const TRUSTED: u8 = 1;
const KNOWN: u8 = 2;
const SELF_INTERESTED: u8 = 3;
const UNKNOWN: u8 = 4;
pub(super) const MALICIOUS: u8 = 5;

/// From how many persons on scale itself weighs. The guidance names no number; ENISA's method reports one above 100.
const MANY: u64 = 101;

/// What each fact may be, as far as it is known.
pub(super) struct Open {
    effects: Vec<(bool, bool, bool)>,
    data: Vec<Data>,
    identification: Vec<u8>,
    recipient: Vec<u8>,
    returned: Vec<u8>,
    restored: Vec<u8>,
    harm: Vec<u8>,
    vulnerable: Vec<u8>,
    many: Vec<bool>,
    unreadable: Vec<bool>,
    /// Names of the facts that are open.
    pub unknown: Vec<&'static str>,
}

impl Open {
    pub fn of(facts: &Facts) -> Self {
        let mut unknown = Vec::new();
        let mut word = |name: &'static str, words: &[&str]| -> Vec<u8> {
            let said = facts
                .word(name)
                .and_then(|said| words.iter().position(|w| *w == said));
            if said.is_none() {
                unknown.push(name);
            }
            let all = 0..u8::try_from(words.len()).unwrap_or(0);
            said.and_then(|n| u8::try_from(n).ok())
                .map_or_else(|| all.collect(), |n| vec![n])
        };
        let identification = word(
            "identification",
            &["negligible", "limited", "significant", "maximum"],
        );
        let recipient = word(
            "recipient",
            &[
                "nobody",
                "trusted",
                "known",
                "self_interested",
                "unknown",
                "malicious",
            ],
        );
        let returned = word("returned", &["no", "yes"]);
        let restored = word("restored", &["in_good_time", "late", "never"]);
        let harm = word("harm", &["none", "limited", "serious"]);
        let vulnerable = word("vulnerable", &["no", "yes"]);
        let mut ask = |name, is_open: bool| {
            if is_open {
                unknown.push(name)
            }
        };
        let effects = effects(facts);
        ask("effects", effects.len() > 1);
        let data = data(facts);
        ask("classes", data.len() > 1);
        let many = many(facts);
        ask("subjects", many.len() > 1);
        let unreadable = unreadable(facts);
        ask(
            "encryption",
            unreadable.len() > 1 && facts.word("encryption").is_none(),
        );
        ask(
            "key_taken",
            unreadable.len() > 1 && facts.word("encryption") == Some("strong"),
        );
        Self {
            effects,
            data,
            identification,
            recipient,
            returned,
            restored,
            harm,
            vulnerable,
            many,
            unreadable,
            unknown,
        }
    }

    /// Every situation that the facts leave open. At most some hundred thousand, where nothing at all is known.
    pub fn situations(&self) -> Vec<Situation> {
        let mut all = vec![Situation::BLANK];
        let mut spread = |n: usize, set: &dyn Fn(&mut Situation, usize)| {
            all = all
                .iter()
                .flat_map(|s| {
                    (0..n).map(move |k| {
                        let mut next = *s;
                        set(&mut next, k);
                        next
                    })
                })
                .collect();
        };
        spread(self.effects.len(), &|s, k| {
            (s.read, s.changed, s.lost) = self.effects[k]
        });
        spread(self.data.len(), &|s, k| s.data = self.data[k]);
        spread(self.identification.len(), &|s, k| {
            s.identification = self.identification[k]
        });
        spread(self.recipient.len(), &|s, k| s.recipient = self.recipient[k]);
        spread(self.returned.len(), &|s, k| s.returned = self.returned[k] == 1);
        spread(self.restored.len(), &|s, k| s.restored = self.restored[k]);
        spread(self.harm.len(), &|s, k| s.harm = self.harm[k]);
        spread(self.vulnerable.len(), &|s, k| {
            s.vulnerable = self.vulnerable[k] == 1
        });
        spread(self.many.len(), &|s, k| s.many = self.many[k]);
        spread(self.unreadable.len(), &|s, k| s.unreadable = self.unreadable[k]);
        all
    }
}

fn effects(facts: &Facts) -> Vec<(bool, bool, bool)> {
    match facts.words("effects") {
        Some(said) => {
            let has = |word: &str| said.contains(word);
            vec![(
                has("read"),
                has("changed"),
                has("destroyed") || has("unavailable"),
            )]
        }
        None => (1..8u8)
            .map(|bits| (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0))
            .collect(),
    }
}

/// The classes that can be read; a key that was taken opens the rest.
fn data(facts: &Facts) -> Vec<Data> {
    let Some(classes) = facts.words("classes") else {
        let any = (0..4).map(|sensitivity| Data {
            sensitivity,
            identifies: false,
        });
        return any
            .chain([Data {
                sensitivity: 1,
                identifies: true,
            }])
            .collect();
    };
    let none = BTreeSet::new();
    let hidden = match facts.flag("key_taken") {
        Some(true) => &none,
        _ => facts.words("unintelligible").unwrap_or(&none),
    };
    let plain: BTreeSet<&str> = classes.difference(hidden).map(String::as_str).collect();
    let sensitivity = plain.iter().map(|class| sensitivity(class)).max().unwrap_or(0);
    let identifies = ["identity", "contact", "demographic"]
        .iter()
        .all(|class| plain.contains(class));
    vec![Data {
        sensitivity,
        identifies,
    }]
}

/// How much a class says of a person. A class that is not known here weighs most.
fn sensitivity(class: &str) -> u8 {
    match class {
        "preferences" | "device" | "internal" => 0,
        "identity" | "contact" | "demographic" | "social" | "education" | "behaviour" => 1,
        "financial" | "employment" | "family" | "location" | "communication" | "content" => 2,
        _ => 3,
    }
}

fn many(facts: &Facts) -> Vec<bool> {
    let persons = facts.count("subjects");
    let least = persons.as_ref().map_or(0, |bounds| bounds.at_least);
    let most = persons.and_then(|bounds| bounds.at_most);
    match (least >= MANY, most.is_some_and(|most| most < MANY)) {
        (true, _) => vec![true],
        (_, true) => vec![false],
        _ => vec![false, true],
    }
}

/// Everything at once: whole devices and stores that are encrypted. A key that is not known to be safe is not safe.
fn unreadable(facts: &Facts) -> Vec<bool> {
    match (facts.word("encryption"), facts.flag("key_taken")) {
        (Some("strong"), Some(false)) => vec![true],
        (Some("none" | "weak"), _) | (_, Some(true)) => vec![false],
        _ => vec![false, true],
    }
}

impl Situation {
    const BLANK: Self = Self {
        read: false,
        changed: false,
        lost: false,
        data: Data {
            sensitivity: 0,
            identifies: false,
        },
        identification: 0,
        recipient: NOBODY,
        returned: false,
        restored: 0,
        harm: 0,
        vulnerable: false,
        many: false,
        unreadable: false,
    };

    /// The same, with the fact of this name left out.
    pub fn without(&self, name: &str) -> Self {
        let (mut rest, blank) = (*self, Self::BLANK);
        match name {
            "effects" => (rest.read, rest.changed, rest.lost) = (false, false, false),
            "classes" => rest.data = blank.data,
            "identification" => rest.identification = 0,
            "recipient" => rest.recipient = NOBODY,
            "returned" => rest.returned = false,
            "restored" => rest.restored = 0,
            "harm" => rest.harm = 0,
            "vulnerable" => rest.vulnerable = false,
            "subjects" => rest.many = false,
            _ => rest.unreadable = false,
        }
        rest
    }

    /// The risk, and what speaks for it.
    pub fn risk(&self) -> (Risk, Vec<String>) {
        let parts = [self.disclosed(), self.altered(), self.missed(), self.harmed()];
        let worst = parts
            .iter()
            .map(|(risk, _)| *risk)
            .max()
            .unwrap_or(Risk::Unlikely);
        let because = parts
            .into_iter()
            .filter(|(risk, why)| *risk == worst && !why.is_empty());
        (worst, because.map(|(_, why)| why.to_owned()).collect())
    }

    /// Breach of confidentiality: what can be read, by whom.
    fn disclosed(&self) -> (Risk, &'static str) {
        if !self.read || self.recipient == NOBODY {
            return (Risk::Unlikely, "nothing was disclosed to anybody");
        }
        if self.unreadable {
            return (
                Risk::Unlikely,
                "whoever got the data cannot read it, and the key is safe",
            );
        }
        let raised = u8::from(self.vulnerable && self.data.sensitivity > 0);
        let sensitivity = (self.data.sensitivity + raised).min(3);
        if self.identification == 0 {
            return match sensitivity {
                3 => (
                    Risk::Likely,
                    "nobody is named, but what was read opens something or is specially protected",
                ),
                _ => (
                    Risk::Unlikely,
                    "the persons can hardly be identified from the data",
                ),
            };
        }
        match self.recipient {
            TRUSTED => self.with_trusted(sensitivity),
            KNOWN => self.with_known(sensitivity),
            SELF_INTERESTED if sensitivity <= 1 => {
                (Risk::Likely, "somebody known uses simple data for their own ends")
            }
            SELF_INTERESTED => (
                Risk::High,
                "somebody uses data that tells of persons' lives for their own ends",
            ),
            UNKNOWN => self.with_unknown(sensitivity),
            _ => self.with_malicious(sensitivity),
        }
    }

    const fn with_trusted(&self, sensitivity: u8) -> (Risk, &'static str) {
        if self.returned || sensitivity <= 1 {
            (Risk::Unlikely, "the recipient is bound and can be trusted")
        } else {
            (
                Risk::Likely,
                "the recipient can be trusted, but still holds data that tells of persons' lives",
            )
        }
    }

    const fn with_known(&self, sensitivity: u8) -> (Risk, &'static str) {
        match sensitivity {
            3 => (
                Risk::High,
                "specially protected data, or data that opens something, came to strangers",
            ),
            2 => (
                Risk::Likely,
                "data that tells of a person's life came to a known recipient",
            ),
            1 if self.many && !self.returned => (
                Risk::Likely,
                "data of many persons came to known recipients and is still there",
            ),
            0 if self.many && !self.returned => (
                Risk::Likely,
                "data of many persons came to known recipients and is still there",
            ),
            _ => (
                Risk::Unlikely,
                "simple data of few persons, or returned, came to known recipients",
            ),
        }
    }

    const fn with_unknown(&self, sensitivity: u8) -> (Risk, &'static str) {
        match sensitivity {
            0 => (Risk::Likely, "nobody knows who has the data"),
            1 if !self.many && !self.data.identifies => {
                (Risk::Likely, "simple data of few persons is in unknown hands")
            }
            1 => (
                Risk::High,
                "data by which one can pass for the persons, or of many persons, is in unknown hands",
            ),
            _ => (
                Risk::High,
                "data that tells of persons' lives is in unknown hands",
            ),
        }
    }

    const fn with_malicious(&self, sensitivity: u8) -> (Risk, &'static str) {
        match sensitivity {
            0 => (Risk::Likely, "an attacker has the data"),
            1 if !self.many && !self.data.identifies => {
                (Risk::Likely, "an attacker has simple data of few persons")
            }
            1 => (
                Risk::High,
                "an attacker has data by which one can pass for the persons, or of many persons",
            ),
            _ => (
                Risk::High,
                "an attacker has data that tells of persons' lives, or opens something",
            ),
        }
    }

    /// Breach of integrity.
    const fn altered(&self) -> (Risk, &'static str) {
        match (self.changed, self.restored) {
            (false, _) => (Risk::Unlikely, ""),
            (true, 0) if self.harm == 0 && self.recipient <= TRUSTED => {
                (Risk::Unlikely, "what was altered was restored in good time")
            }
            (true, 0 | 1) => (Risk::Likely, "data was altered"),
            (true, _) if self.data.sensitivity >= 2 => (
                Risk::High,
                "data that tells of persons' lives was altered for good",
            ),
            (true, _) => (Risk::Likely, "data was altered for good"),
        }
    }

    /// Breach of availability.
    const fn missed(&self) -> (Risk, &'static str) {
        match (self.lost, self.restored) {
            (false, _) => (Risk::Unlikely, ""),
            (true, 0) => (Risk::Unlikely, "what was missing was restored in good time"),
            (true, 1) => (Risk::Likely, "data was missing for some time"),
            (true, _) if self.data.sensitivity == 3 => (Risk::High, "specially protected data is lost"),
            (true, _) => (Risk::Likely, "data is lost"),
        }
    }

    const fn harmed(&self) -> (Risk, &'static str) {
        match self.harm {
            0 => (Risk::Unlikely, ""),
            1 => (Risk::Likely, "consequences were seen or must be expected"),
            _ => (Risk::High, "serious consequences were seen or must be expected"),
        }
    }
}
