//! Hosts that the app names with `http://`, and whether the effective policy lets the request out.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::names::{Owner, is_nowhere};
use crate::report::Endpoint;
use ambit_event::Level;
use std::collections::BTreeMap;

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
    // What does not ask for the network sends nothing, encrypted or not.
    let heaviest = if facts.manifest.may_use_network() {
        Level::Critical
    } else {
        Level::Informational
    };
    let open = |host: &str| facts.network.effective(host, facts.manifest);
    let addressed = addressed(facts);
    for ((_, host), places) in &addressed {
        let effective = open(host);
        let Some(endpoint) = places.iter().min_by_key(|e| (use_of(e), e.place.file.as_str())) else {
            continue;
        };
        if effective.cleartext {
            say(
                endpoint,
                places.len(),
                &effective.cleartext_because,
                heaviest,
                found,
            );
        }
    }
    let base = open("");
    let is_told = |((_, host), places): (&(&Owner, &str), &Vec<&Endpoint>)| {
        open(host).cleartext && places.iter().any(|endpoint| use_of(endpoint) < Use::Told)
    };
    if base.cleartext && !addressed.iter().any(is_told) {
        found.at(
            Owner::App,
            Proof::in_file("AndroidManifest.xml"),
            Level::Low.min(heaviest),
            Confidence::High,
            "unencrypted traffic is allowed to every host",
            format!(
                "no such address was found that the app asks; open by {}",
                base.cleartext_because
            ),
        );
    }
    for host in facts.network.hosts() {
        let effective = open(host);
        if effective.cleartext && !base.cleartext {
            // A server that runs on the device itself is on no way.
            let level = if is_nowhere(host) {
                Level::Informational
            } else {
                Level::Low
            };
            found.at(
                Owner::App,
                Proof::in_file("network security config").constant(host),
                level.min(heaviest),
                Confidence::High,
                format!("unencrypted traffic is allowed to {host}"),
                effective.cleartext_because,
            );
        }
    }
}

/// The hosts that are named with `http://`, by whose code names them.
fn addressed<'f>(facts: &'f Facts<'_>) -> BTreeMap<(&'f Owner, &'f str), Vec<&'f Endpoint>> {
    let mut hosts: BTreeMap<_, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in facts.endpoints.iter().filter(|e| e.scheme == "http") {
        if !is_nowhere(&endpoint.host) {
            let host = (&endpoint.owner, endpoint.host.as_str());
            hosts.entry(host).or_default().push(endpoint);
        }
    }
    hosts
}

/// What is seen of an address's use, the weightiest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// A call takes it that may ask it.
    Asked,
    /// It stands where a program or its settings stand; what takes it was not seen.
    Unseen,
    /// It is told to people: a message, a license, a page of help.
    Told,
    /// It names a schema or a feature to a reader of XML, which asks nobody.
    Named,
}

pub(super) fn use_of(endpoint: &Endpoint) -> Use {
    const MESSAGES: &[&str] = &[
        "Log.",
        "Logger.",
        "Timber.",
        "Exception.<init>",
        "Error.<init>",
        "Throwable.",
        "PrintStream.",
        "Toast.",
        "TextView.",
        "Preconditions.",
        "AlertDialog",
    ];
    const READERS: &[&str] = &[
        "org.xmlpull.",
        "org.xml.sax.",
        "org.w3c.dom.",
        "javax.xml.",
        "android.util.Xml.",
        "android.util.AttributeSet.",
        "android.content.res.XmlResourceParser.",
        "android.sax.",
    ];
    const PAGES: &[&str] = &[".html", ".htm", ".md", ".txt", ".css", ".svg"];
    let file = endpoint.place.file.to_ascii_lowercase();
    let is_page =
        PAGES.iter().any(|end| file.ends_with(end)) || file.contains("licen") || file.contains("notice");
    match &endpoint.consumer {
        Some(consumer) if MESSAGES.iter().any(|part| consumer.contains(part)) => Use::Told,
        Some(consumer) if READERS.iter().any(|begin| consumer.starts_with(begin)) => Use::Named,
        Some(_) => Use::Asked,
        None if is_page => Use::Told,
        None => Use::Unseen,
    }
}

fn say(endpoint: &Endpoint, n_places: usize, because: &str, heaviest: Level, found: &mut Found<'_>) {
    let host = &endpoint.host;
    let is_own = endpoint.owner == Owner::App;
    let (level, confidence, what) = match use_of(endpoint) {
        Use::Asked => (
            if is_own { Level::Medium } else { Level::Low },
            Confidence::High,
            format!("{host} is addressed without encryption, and the policy allows it"),
        ),
        Use::Unseen => (
            Level::Low,
            Confidence::Low,
            format!("{host} stands there with http://, and the policy allows it; what asks it was not seen"),
        ),
        Use::Told => (
            Level::Informational,
            Confidence::Low,
            format!("{host} is told to people with http://"),
        ),
        Use::Named => (
            Level::Informational,
            Confidence::Low,
            format!("{host} stands in the name of a schema"),
        ),
    };
    let places = match n_places {
        1 => String::new(),
        n => format!("; {n} places name it"),
    };
    let because = format!("whoever is on the way reads and changes it; open by {because}{places}");
    found.at(
        endpoint.owner.clone(),
        endpoint.proof(),
        level.min(heaviest),
        confidence,
        what,
        because,
    );
}
