//! Addresses that other apps and web pages can open the app with.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "deep_link",
    title: "Links that anybody can claim or send",
    masvs: "MASVS-PLATFORM-1",
    mastg: &[],
    maswe: Some("MASWE-0058"),
    cwe: 939,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    for component in &facts.manifest.components {
        if !facts.manifest.is_exported(component) {
            continue;
        }
        for filter in &component.filters {
            if !filter
                .categories
                .iter()
                .any(|c| c == "android.intent.category.BROWSABLE")
            {
                continue;
            }
            let scheme = |address: &crate::manifest::Address| address.scheme.clone();
            for scheme in filter
                .addresses
                .iter()
                .filter_map(scheme)
                .collect::<std::collections::BTreeSet<_>>()
            {
                let is_web = scheme == "http" || scheme == "https";
                let hosts: Vec<&str> = filter
                    .addresses
                    .iter()
                    .filter_map(|a| a.host.as_deref())
                    .collect();
                let constant = format!("{scheme}://{}", hosts.join(", "));
                let (level, what, because) = match (is_web, filter.auto_verify) {
                    (true, true) => (
                        Level::Informational,
                        format!("{constant} opens {}", component.name),
                        "the host's owner confirms the app, where autoVerify succeeds",
                    ),
                    (true, false) => (
                        Level::Low,
                        format!("{constant} opens {} without autoVerify", component.name),
                        "another app can claim the same links, and get what stands in them",
                    ),
                    (false, _) => (
                        Level::Low,
                        format!("{constant} opens {}", component.name),
                        "a scheme belongs to nobody: another app can claim it, and any page can send its parameters",
                    ),
                };
                let mut proof = Proof::in_file("AndroidManifest.xml").constant(constant);
                proof.class = Some(component.name.clone());
                found.at(
                    owner(&component.name),
                    proof,
                    level,
                    Confidence::High,
                    what,
                    because,
                );
            }
        }
    }
}
