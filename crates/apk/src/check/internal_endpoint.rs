//! Addresses of the inside: what the app tells whoever reads it about the network behind.

use super::cleartext::{Use, use_of};
use super::{Check, Facts, Found, Look};
use crate::finding::Confidence;
use crate::names::{NAMED_SO, Owner, inside, is_nowhere};
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "internal_endpoint",
    title: "Internal addresses in the release",
    masvs: "MASVS-CODE-4",
    mastg: &[],
    maswe: None,
    cwe: 540,
    looks: &[Look::Package(look)],
};

const ADMIN: &[&str] = &[
    "/admin",
    "/actuator",
    "/debug",
    "/internal",
    "/swagger",
    "/phpmyadmin",
    "/wp-admin",
];

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    for endpoint in facts.endpoints.iter().filter(|e| !is_nowhere(&e.host)) {
        let path = endpoint
            .url
            .splitn(4, '/')
            .nth(3)
            .map(|path| format!("/{path}"))
            .unwrap_or_default();
        let admin = ADMIN.iter().find(|begin| {
            path.strip_prefix(**begin)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        });
        let why = match (inside(&endpoint.host), admin) {
            (Some(why), _) => why,
            (None, Some(_)) if endpoint.owner == Owner::App => "a path of administration",
            _ => continue,
        };
        let is_of_inside = inside(&endpoint.host).is_some_and(|why| why != NAMED_SO);
        let level = match use_of(endpoint) {
            _ if endpoint.owner != Owner::App => Level::Informational,
            // A page of help or a license tells of somebody's system, not of this app's.
            Use::Told | Use::Named if !is_of_inside => Level::Informational,
            Use::Unseen if !is_of_inside => Level::Low,
            _ => Level::Medium,
        };
        let confidence = if endpoint.consumer.is_some() {
            Confidence::High
        } else {
            Confidence::Medium
        };
        found.at(
            endpoint.owner.clone(),
            endpoint.proof(),
            level,
            confidence,
            format!("{} stands in the release: {why}", endpoint.url),
            "it names systems behind the business to whoever unpacks the app",
        );
    }
}
