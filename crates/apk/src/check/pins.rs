//! Pinned keys whose day has passed, or that have no spare.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "pins",
    title: "Certificate pins",
    masvs: "MASVS-NETWORK-2",
    mastg: &["0242", "0243"],
    maswe: Some("MASWE-0047"),
    cwe: 295,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    for host in facts.network.hosts() {
        let effective = facts.network.effective(host, facts.manifest);
        let Some(pins) = effective.pins else { continue };
        let proof = Proof::in_file("network security config").constant(host);
        let mut say = |level, what: String, because: &str| {
            found.at(Owner::App, proof.clone(), level, Confidence::High, what, because);
        };
        if pins.n_pins == 0 {
            say(
                Level::Low,
                format!("the pin set of {host} has no pins"),
                "it pins nothing",
            );
        } else if pins.n_pins == 1 {
            say(
                Level::Low,
                format!("{host} has one pin and no spare"),
                "when the key is changed in a hurry, the app is locked out or the pin is dropped",
            );
        } else if let Some(day) = pins.expires {
            say(
                Level::Informational,
                format!("the pins of {host} are not looked at from {day} on"),
                "compare with the day on which this release is still used",
            );
        }
    }
}
