//! Certificates that users installed, or were made to install, open the app's traffic.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "user_certificates",
    title: "Certificates of users are trusted",
    masvs: "MASVS-NETWORK-1",
    mastg: &["0285", "0286"],
    maswe: Some("MASWE-0052"),
    cwe: 295,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    let hosts = std::iter::once("").chain(facts.network.hosts());
    for host in hosts {
        let effective = facts.network.effective(host, facts.manifest);
        if !effective.trusts_users {
            continue;
        }
        let whom = if host.is_empty() { "every host" } else { host };
        let file = if facts.network.is_declared() {
            "network security config"
        } else {
            "AndroidManifest.xml"
        };
        let level = if facts.manifest.may_use_network() {
            Level::Medium
        } else {
            // It does not ask for the network: there is no traffic to read.
            Level::Informational
        };
        found.at(
            Owner::App,
            Proof::in_file(file).constant(whom),
            level,
            Confidence::High,
            format!("certificates that a user installed are trusted for {whom}"),
            format!(
                "whoever brings a user to install one reads the traffic; open by {}",
                effective.trusts_because
            ),
        );
        if host.is_empty() {
            return;
        }
    }
}
