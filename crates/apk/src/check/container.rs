//! A container that two readers read differently: how bytes are hidden from whoever looks.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "container",
    title: "The container hides or contradicts itself",
    masvs: "MASVS-RESILIENCE-2",
    mastg: &[],
    maswe: None,
    cwe: 436,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    for oddity in facts.oddities {
        let level = if oddity.hides {
            Level::Medium
        } else {
            Level::Informational
        };
        let file = if oddity.member.is_empty() {
            "package"
        } else {
            &oddity.member
        };
        let mut proof = Proof::in_file(file);
        proof.offset = Some(oddity.at);
        let because = if oddity.hides {
            "readers disagree about what is in the package"
        } else {
            "no honest tool writes it, and it hides nothing by itself"
        };
        found.at(
            Owner::App,
            proof,
            level,
            Confidence::High,
            oddity.what.clone(),
            because,
        );
    }
}
