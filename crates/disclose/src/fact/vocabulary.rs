//! The names of facts, what kind of value each takes, and the question by which a person is asked for it.

use super::Value;
use ambit_scope::Bounds;
use std::collections::BTreeSet;

/// What kind of value a name takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Flag,
    Count,
    Instant,
    /// Exactly one word of the list.
    Word(&'static [&'static str]),
    /// Any number of words of the list.
    Words(&'static [&'static str]),
    Text,
}

/// One name with its question. A name that ends in `:` is the beginning of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    pub name: &'static str,
    pub kind: Kind,
    pub question: &'static str,
}

/// Levels of risk to persons, from below.
pub const RISKS: &[&str] = &["unlikely", "likely", "high"];

/// What happens to data.
pub(super) const EFFECTS: &[&str] = &["read", "changed", "destroyed", "unavailable"];

/// The word that says that none of the others is so.
pub(super) const NONE_OF_THESE: &str = "none_of_these";

const PLACES: &[&str] = &[
    "eu", "gb", "ch", "us", "ca", "ca-qc", "au", "jp", "in", "sg", "br", "kr",
];

const SECTORS: &[&str] = &[
    "communications_provider",
    "essential_or_important_entity",
    "trust_service_provider",
    "eu_financial_entity",
    "product_manufacturer",
    "sec_registrant",
    "hipaa_covered_entity",
    "health_app",
    "ftc_financial_institution",
    "us_bank",
    "us_critical_infrastructure",
    "nydfs_covered_entity",
    "none_of_these",
];

const fn flag(name: &'static str, question: &'static str) -> Term {
    Term {
        name,
        kind: Kind::Flag,
        question,
    }
}

const fn instant(name: &'static str, question: &'static str) -> Term {
    Term {
        name,
        kind: Kind::Instant,
        question,
    }
}

const fn count(name: &'static str, question: &'static str) -> Term {
    Term {
        name,
        kind: Kind::Count,
        question,
    }
}

const fn word(name: &'static str, words: &'static [&'static str], question: &'static str) -> Term {
    Term {
        name,
        kind: Kind::Word(words),
        question,
    }
}

/// Every name there is.
pub const VOCABULARY: &[Term] = &[
    Term {
        name: "establishment",
        kind: Kind::Words(PLACES),
        question: "in which of these places is the organisation established, or does it do business?",
    },
    Term {
        name: "sectors",
        kind: Kind::Words(SECTORS),
        question: "which of these is the organisation?",
    },
    Term {
        name: "role",
        kind: Kind::Words(&["controller", "processor"]),
        question: "does the organisation decide on the purposes of this data, or process it for others?",
    },
    count("subjects", "how many persons' data was reached?"),
    count("records", "how many records were reached?"),
    count("clients", "how many clients or counterparts are affected?"),
    count("residents:", "how many of the persons reside there?"),
    count(
        "class:",
        "how many persons' data of this class suffered this effect?",
    ),
    instant("occurred_from", "when did it begin?"),
    instant("occurred_to", "when did it end?"),
    instant("noticeable_at", "when could it first have been noticed?"),
    instant("detected_at", "when was it first detected?"),
    instant(
        "discovered_at",
        "when was it discovered, or when should it have been by reasonable diligence?",
    ),
    instant(
        "aware_at",
        "when did the organisation know with reasonable certainty that personal data was compromised, who knew, and by which evidence?",
    ),
    instant("processor_aware_at", "when did the processor become aware?"),
    instant(
        "suspected_at",
        "when were there first reasonable grounds to suspect it?",
    ),
    instant("believed_at", "when were there reasonable grounds to believe it?"),
    instant("assessed_at", "when was it assessed as notifiable?"),
    instant("classified_at", "when was the incident classified as major?"),
    instant("determined_at", "when was it determined that the event occurred?"),
    instant(
        "missing_determined_at",
        "when was what the filing lacked determined, or when did it become available?",
    ),
    instant("material_at", "when was the incident determined to be material?"),
    instant(
        "corrective_measure_at",
        "since when is a corrective measure available?",
    ),
    instant("individuals_notified_at", "when were the persons notified?"),
    instant("ransom_paid_at", "when was a ransom paid?"),
    instant(
        "exploitation_aware_at",
        "when did the maker learn of the exploitation or the severe incident?",
    ),
    instant("sent:", "when was the earlier stage sent?"),
    flag(
        "personal_data_breach",
        "was personal data disclosed, lost, altered or made unavailable without authority?",
    ),
    flag(
        "key_taken",
        "was a key that opens the encrypted data taken, or can that not be excluded?",
    ),
    flag(
        "high_risk_removed",
        "do measures since taken ensure that the high risk is no longer likely?",
    ),
    flag(
        "disproportionate_effort",
        "would telling each person take a disproportionate effort?",
    ),
    flag(
        "significant_incident",
        "did the incident severely disrupt the service, cost the entity severely, or damage others considerably?",
    ),
    flag(
        "major_incident",
        "is the incident major by the criteria for the financial sector?",
    ),
    flag(
        "filing_incomplete",
        "did the filing (Form 8-K) say that something was not determined or not available?",
    ),
    flag("material_incident", "is the incident material to investors?"),
    flag(
        "exploited_vulnerability",
        "is a vulnerability of the product actively exploited?",
    ),
    flag(
        "severe_product_incident",
        "does a severe incident impair the security of the product?",
    ),
    flag(
        "low_probability_of_compromise",
        "does a documented assessment show a low probability that health information was compromised?",
    ),
    flag(
        "banking_notification_incident",
        "does the incident materially disrupt or degrade the bank's operations?",
    ),
    flag(
        "nydfs_event",
        "does another agency have to be told, is material harm likely, or was ransomware deployed?",
    ),
    flag(
        "covered_cyber_incident",
        "is it a substantial incident of critical infrastructure?",
    ),
    flag("ransom_paid", "was a ransom paid?"),
    flag(
        "listed_incident_type",
        "is the incident of a type on the list that must be reported?",
    ),
    flag(
        "adverse_effect_likely",
        "is it likely to adversely affect the persons' data or privacy?",
    ),
    flag(
        "serious_harm_likely",
        "is serious harm, or a real risk of significant harm, to a person likely?",
    ),
    flag(
        "harm_remediated",
        "did remedies prevent the serious harm before it occurred?",
    ),
    flag(
        "property_damage_possible",
        "can the data be used to cause property damage (cards, paid services)?",
    ),
    flag(
        "improper_purpose",
        "was it, or may it have been, done for an improper purpose?",
    ),
    flag("external_intrusion", "was it unlawful access from outside?"),
    flag(
        "trust_service_impact",
        "does it have a significant impact on a trust service or the data in it?",
    ),
    flag(
        "name_with_account_data",
        "was a name or identifier reached together with listed data, or an account identifier with what opens it?",
    ),
    word(
        "encryption",
        &["none", "weak", "strong"],
        "was the data unreadable by state-of-the-art encryption or keyed hashing?",
    ),
    word(
        "risk",
        RISKS,
        "how likely is a risk to the persons' rights and freedoms, as a person decided?",
    ),
    word(
        "identification",
        &["negligible", "limited", "significant", "maximum"],
        "how easily can the persons be identified from the data?",
    ),
    word(
        "recipient",
        &[
            "nobody",
            "trusted",
            "known",
            "self_interested",
            "unknown",
            "malicious",
        ],
        "who got the data?",
    ),
    word(
        "returned",
        &["yes", "no"],
        "was it returned or deleted, with a confirmation that can be believed?",
    ),
    word(
        "restored",
        &["in_good_time", "late", "never"],
        "was what was lost or altered restored?",
    ),
    word(
        "harm",
        &["none", "limited", "serious"],
        "which consequences beyond the data itself were seen or must be expected?",
    ),
    word(
        "vulnerable",
        &["yes", "no"],
        "are the persons children, patients or otherwise vulnerable?",
    ),
    Term {
        name: "effects",
        kind: Kind::Words(EFFECTS),
        question: "what happened to the data?",
    },
    Term {
        name: "classes",
        kind: Kind::Words(ambit_scope::CLASSES),
        question: "which classes of data were reached?",
    },
    Term {
        name: "unintelligible",
        kind: Kind::Words(ambit_scope::CLASSES),
        question: "which of these classes were unreadable to whoever got them (encrypted or hashed with a key that is safe)?",
    },
    Term {
        name: "authority_zone",
        kind: Kind::Text,
        question: "in which time zone does the authority sit (such as Europe/Stockholm)?",
    },
    Term {
        name: "residence:",
        kind: Kind::Text,
        question: "where does this person live (such as eu, gb, us-ca)?",
    },
    Term {
        name: "controller",
        kind: Kind::Text,
        question: "on whose behalf does the organisation process this data?",
    },
    Term {
        name: "late_reasons",
        kind: Kind::Text,
        question: "why was the notification not made in time?",
    },
    Term {
        name: "impact",
        kind: Kind::Text,
        question: "what is the material impact, or the reasonably likely one, on the business, its finances and results?",
    },
    Term {
        name: "contact",
        kind: Kind::Text,
        question: "who answers questions, and how are they reached?",
    },
    Term {
        name: "organisation",
        kind: Kind::Text,
        question: "what is the organisation called?",
    },
    Term {
        name: "measures",
        kind: Kind::Text,
        question: "which measures were taken or are proposed?",
    },
    Term {
        name: "consequences",
        kind: Kind::Text,
        question: "which consequences are likely?",
    },
    Term {
        name: "advice",
        kind: Kind::Text,
        question: "what should the persons do?",
    },
    Term {
        name: "nature",
        kind: Kind::Text,
        question: "what happened, in one or two sentences?",
    },
    Term {
        name: "nature:",
        kind: Kind::Text,
        question: "what happened, in one or two sentences of this language?",
    },
    Term {
        name: "consequences:",
        kind: Kind::Text,
        question: "which consequences are likely, in this language?",
    },
    Term {
        name: "measures:",
        kind: Kind::Text,
        question: "which measures were taken or are proposed, in this language?",
    },
    Term {
        name: "advice:",
        kind: Kind::Text,
        question: "what should the persons do, in this language?",
    },
];

/// Facts that somebody knew something: they need who knew, and by which evidence.
const KNOWING: &[&str] = &["aware_at", "processor_aware_at", "exploitation_aware_at"];

/// Whether the fact of this name is that somebody knew.
#[must_use]
pub fn wants_knower(name: &str) -> bool {
    KNOWING.contains(&name)
}

/// The term of a name; names of families (`residents:us-ca`) have their family's.
#[must_use]
pub fn term(name: &str) -> Option<&'static Term> {
    let family = |term: &&Term| match term.name.strip_suffix(':') {
        Some(family) => name
            .strip_prefix(family)
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|rest| !rest.is_empty()),
        None => term.name == name,
    };
    VOCABULARY.iter().find(family)
}

impl Kind {
    pub(super) fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Flag, Value::Flag(_)) | (Self::Instant, Value::Instant(_)) => true,
            (
                Self::Count,
                Value::Count(Bounds {
                    at_least, at_most, ..
                }),
            ) => at_most.is_none_or(|most| most >= *at_least),
            (Self::Word(_), Value::Words(words)) => words.len() == 1,
            (Self::Words(_), Value::Words(_)) | (Self::Text, Value::Text(_)) => true,
            _ => false,
        }
    }

    /// The words that may be said, where they are listed.
    #[must_use]
    pub const fn words(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Word(words) | Self::Words(words) => Some(words),
            _ => None,
        }
    }
}

impl Term {
    /// A word that is not on the list.
    pub(super) fn stranger(&self, value: &Value) -> Option<String> {
        let (Value::Words(said), Some(words)) = (value, self.kind.words()) else {
            return None;
        };
        let strange = |said: &BTreeSet<String>| said.iter().find(|w| !words.contains(&w.as_str())).cloned();
        strange(said)
    }
}
