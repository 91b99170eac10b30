//! Components that every app on the device can start, with no permission in the way.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::manifest::{Component, ComponentKind, Manifest};
use crate::names::{Owner, owner};
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "exported",
    title: "Exported component without permission",
    masvs: "MASVS-PLATFORM-1",
    mastg: &[],
    maswe: None,
    cwe: 926,
    looks: &[Look::Package(look)],
};

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    for component in &facts.manifest.components {
        if !facts.manifest.is_exported(component) || is_a_front_door(component) {
            continue;
        }
        let Some((level, because)) = weight(facts.manifest, component) else {
            continue;
        };
        let mut proof = Proof::in_file("AndroidManifest.xml");
        proof.class = Some(component.name.clone());
        let what = format!(
            "{} {} can be used by every app",
            component.kind.name(),
            component.name
        );
        let whose = owner(&component.name);
        // A library's component is exported for a reason that its makers know.
        let level = if whose == Owner::App {
            level
        } else {
            Level::Informational
        };
        found.at(whose, proof, level, Confidence::High, what, because);
    }
}

/// What everybody is meant to open: the launcher's entry, and what is opened by links, which has its own check.
fn is_a_front_door(component: &Component) -> bool {
    let is_entry = |filter: &crate::manifest::Filter| {
        filter
            .actions
            .iter()
            .any(|action| action == "android.intent.action.MAIN")
            || filter
                .categories
                .iter()
                .any(|c| c == "android.intent.category.BROWSABLE")
    };
    component.kind == ComponentKind::Activity
        && !component.filters.is_empty()
        && component.filters.iter().all(is_entry)
}

fn weight(manifest: &Manifest, component: &Component) -> Option<(Level, String)> {
    let guard = |permission: &Option<String>| permission.as_ref().map(|name| strength(manifest, name));
    let open = |because: &str| Some((Level::Medium, because.to_owned()));
    if component.kind == ComponentKind::Provider {
        let read = guard(&component.read_permission).or(guard(&component.permission));
        let write = guard(&component.write_permission).or(guard(&component.permission));
        return match (read, write) {
            (None, None) => Some((Level::High, "every app can read and write what it holds".into())),
            (None, _) => Some((Level::High, "every app can read what it holds".into())),
            (_, None) => Some((Level::Medium, "every app can write what it holds".into())),
            (Some(Strength::Weak), _) | (_, Some(Strength::Weak)) => {
                open("the permission is one that every app gets by asking")
            }
            _ => None,
        };
    }
    match guard(&component.permission) {
        None if component.filters.iter().any(|filter| is_system(&filter.actions)) => Some((
            Level::Informational,
            "it answers the system's own broadcasts or calls, which must reach it".into(),
        )),
        None => open("no permission is in the way, and what it is handed is chosen by the caller"),
        Some(Strength::Weak) => open("the permission is one that every app gets by asking"),
        Some(Strength::Strong) => None,
    }
}

/// Whether every action is one that only the system sends.
fn is_system(actions: &[String]) -> bool {
    const BEGINS: &[&str] = &[
        "android.intent.action.BOOT_COMPLETED",
        "android.appwidget.action.",
        "android.intent.action.MY_PACKAGE_REPLACED",
    ];
    !actions.is_empty()
        && actions
            .iter()
            .all(|a| BEGINS.iter().any(|begin| a.starts_with(begin)))
}

enum Strength {
    Weak,
    Strong,
}

fn strength(manifest: &Manifest, name: &str) -> Strength {
    match manifest
        .declared
        .iter()
        .find(|permission| permission.name == name)
    {
        Some(permission) if permission.level.unwrap_or(0) & 0xf < 2 => Strength::Weak,
        // A permission that the app does not make itself is the platform's or another app's.
        _ => Strength::Strong,
    }
}
