//! What the app lets onto the network unencrypted, and whom it trusts: the effective policy for a host.

use crate::manifest::Manifest;
use crate::xml::{Element, Held};
use serde::Serialize;

/// A policy as one part of the document states it; `None` where it leaves that to the part around it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Policy {
    cleartext: Option<bool>,
    /// Whether certificates that the user installed are trusted.
    users: Option<bool>,
    pins: Option<Pins>,
}

/// Public keys that a host must have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Pins {
    pub n_pins: usize,
    /// The day from which they are not looked at any more.
    pub expires: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Domain {
    name: String,
    with_subdomains: bool,
    policy: Policy,
}

/// Domains of a policy that are read: no app speaks of as many hosts.
const DOMAINS: usize = 1_000;

/// `networkSecurityConfig`, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NetworkConfig {
    is_declared: bool,
    base: Policy,
    domains: Vec<Domain>,
    /// Whether builds that are debuggable trust certificates of users besides.
    debug_trusts_users: bool,
}

/// What holds for one host, and the part of the package that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    pub cleartext: bool,
    pub cleartext_because: String,
    pub trusts_users: bool,
    pub trusts_because: String,
    pub pins: Option<Pins>,
}

impl NetworkConfig {
    pub(crate) fn of(root: &Element) -> Self {
        let mut config = Self {
            is_declared: true,
            base: root.first("base-config").map(policy).unwrap_or_default(),
            debug_trusts_users: root.first("debug-overrides").and_then(trusts_users) == Some(true),
            ..Self::default()
        };
        // Documents are at most a hundred levels deep: the parser holds that.
        let mut open: Vec<(&Element, Policy)> = root
            .all("domain-config")
            .map(|element| (element, config.base.clone()))
            .collect();
        while let Some((element, around)) = open.pop() {
            let policy = policy(element).within(&around);
            for domain in element
                .all("domain")
                .filter(|domain| !domain.text.trim().is_empty())
                .take(DOMAINS.saturating_sub(config.domains.len()))
            {
                config.domains.push(Domain {
                    name: domain.text.trim().to_ascii_lowercase(),
                    with_subdomains: is_true(domain, "includeSubdomains"),
                    policy: policy.clone(),
                });
            }
            open.extend(element.all("domain-config").map(|inner| (inner, policy.clone())));
        }
        config.domains.sort_by(|a, b| a.name.cmp(&b.name));
        config
    }

    /// The names of the hosts that it speaks about.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().map(|domain| domain.name.as_str())
    }

    pub(crate) const fn is_declared(&self) -> bool {
        self.is_declared
    }

    /// What holds for a host in an app with that manifest. An empty host asks what holds where no part of the
    /// document speaks of the host.
    pub(crate) fn effective(&self, host: &str, manifest: &Manifest) -> Effective {
        let (target, cleartext) = (manifest.target(), manifest.cleartext);
        let domain = self.domain(host);
        let policy = domain.map_or(&self.base, |domain| &domain.policy);
        let place = domain.map_or("base-config".to_owned(), |d| {
            format!("domain-config of {}", d.name)
        });
        let (allows, why) = match (policy.cleartext, self.is_declared, cleartext) {
            (Some(said), _, _) => (said, format!("cleartextTrafficPermitted in {place}")),
            (None, false, Some(said)) => (said, "usesCleartextTraffic in the manifest".into()),
            _ if target < 28 => (
                true,
                format!("the default for targetSdkVersion {target}, below 28"),
            ),
            _ => (false, format!("the default for targetSdkVersion {target}")),
        };
        let (users, because) = match policy.users {
            _ if manifest.debuggable && self.debug_trusts_users => (
                true,
                "debug-overrides, which hold as the app is debuggable".into(),
            ),
            Some(said) => (said, format!("trust-anchors in {place}")),
            None if target < 24 => (
                true,
                format!("the default for targetSdkVersion {target}, below 24"),
            ),
            None => (false, format!("the default for targetSdkVersion {target}")),
        };
        Effective {
            cleartext: allows,
            cleartext_because: why,
            trusts_users: users,
            trusts_because: because,
            pins: policy.pins.clone(),
        }
    }

    /// The most specific part that speaks of a host.
    fn domain(&self, host: &str) -> Option<&Domain> {
        let host = host.to_ascii_lowercase();
        let speaks = |domain: &&Domain| {
            domain.name == host
                || domain.with_subdomains
                    && host
                        .strip_suffix(&domain.name)
                        .is_some_and(|head| head.ends_with('.'))
        };
        self.domains
            .iter()
            .filter(speaks)
            .max_by_key(|domain| domain.name.len())
    }
}

impl Policy {
    fn within(mut self, around: &Self) -> Self {
        self.cleartext = self.cleartext.or(around.cleartext);
        self.users = self.users.or(around.users);
        self.pins = self.pins.or_else(|| around.pins.clone());
        self
    }
}

fn policy(element: &Element) -> Policy {
    let pins = element.first("pin-set").map(|set| Pins {
        n_pins: set.all("pin").count(),
        expires: match set.held("expiration") {
            Some(Held::Text(day)) => Some(day.clone()),
            _ => None,
        },
    });
    Policy {
        cleartext: flag(element, "cleartextTrafficPermitted"),
        users: trusts_users(element),
        pins,
    }
}

/// Whether the anchors of a part are also those that a user installed; `None` where it names no anchors.
fn trusts_users(element: &Element) -> Option<bool> {
    let is_users = |c: &Element| matches!(c.held("src"), Some(Held::Text(source)) if source == "user");
    let anchors = element.first("trust-anchors")?;
    Some(anchors.all("certificates").any(is_users))
}

fn flag(element: &Element, name: &str) -> Option<bool> {
    match element.held(name)? {
        Held::Flag(flag) => Some(*flag),
        Held::Number(number) => Some(*number != 0),
        Held::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn is_true(element: &Element, name: &str) -> bool {
    flag(element, name).unwrap_or(false)
}
