//! Hosts that the app names with `http://`, and whether the effective policy lets the request out.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::{Owner, is_nowhere};
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "cleartext",
    title: "Traffic without encryption",
    masvs: "MASVS-NETWORK-1",
    mastg: &["0233", "0235"],
    maswe: Some("MASWE-0050"),
    cwe: 319,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    let (target, declared) = (facts.manifest.target(), facts.manifest.cleartext);
    let mut n_open = 0;
    for endpoint in facts.endpoints.iter().filter(|e| e.scheme == "http") {
        if is_nowhere(&endpoint.host) {
            continue;
        }
        let effective = facts.network.effective(&endpoint.host, target, declared);
        if !effective.cleartext {
            continue;
        }
        n_open += 1;
        let level = if endpoint.owner == Owner::App {
            Level::Medium
        } else {
            Level::Low
        };
        let what = format!(
            "{} is addressed without encryption, and the policy allows it",
            endpoint.host
        );
        let confidence = if endpoint.consumer.is_some() {
            Confidence::High
        } else {
            Confidence::Medium
        };
        let because = format!(
            "whoever is on the way reads and changes it; open by {}",
            effective.cleartext_because
        );
        found.at(
            endpoint.owner.clone(),
            endpoint.proof(),
            level,
            confidence,
            what,
            because,
        );
    }
    let base = facts.network.effective("", target, declared);
    if base.cleartext && n_open == 0 {
        found.at(
            Owner::App,
            Proof::in_file("AndroidManifest.xml"),
            Level::Low,
            Confidence::High,
            "unencrypted traffic is allowed to every host",
            format!(
                "no such address was found in the package; open by {}",
                base.cleartext_because
            ),
        );
    }
    for host in facts.network.hosts() {
        let effective = facts.network.effective(host, target, declared);
        if effective.cleartext && !base.cleartext {
            found.at(
                Owner::App,
                Proof::in_file("network security config").constant(host),
                Level::Low,
                Confidence::High,
                format!("unencrypted traffic is allowed to {host}"),
                effective.cleartext_because,
            );
        }
    }
}
