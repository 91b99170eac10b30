//! Activities that another app can slip its own screen before.

use super::{Check, Facts, Found, Look};
use crate::finding::{Confidence, Proof};
use crate::manifest::ComponentKind;
use crate::names::owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "task_hijack",
    title: "Task hijacking",
    masvs: "MASVS-PLATFORM-3",
    mastg: &[],
    maswe: Some("MASWE-0057"),
    cwe: 451,
    looks: &[Look::Package(look)],
};

const SINGLE_TASK: u32 = 2;
/// From this version on the system keeps tasks of different apps apart.
const REPAIRED: u32 = 30;

fn look(facts: &Facts<'_>, found: &mut Found<'_>) {
    let manifest = facts.manifest;
    for component in manifest
        .components
        .iter()
        .filter(|c| c.kind == ComponentKind::Activity)
    {
        let affinity = component
            .task_affinity
            .as_ref()
            .or(manifest.task_affinity.as_ref());
        let has_affinity = affinity.is_none_or(|affinity| !affinity.is_empty());
        let is_single = component.launch_mode == Some(SINGLE_TASK);
        let opens = is_single && manifest.is_exported(component) || component.reparents;
        if !(opens && has_affinity && manifest.min() < REPAIRED) {
            continue;
        }
        let mut proof = Proof::in_file("AndroidManifest.xml");
        proof.class = Some(component.name.clone());
        let how = if component.reparents {
            "allowTaskReparenting"
        } else {
            "launchMode singleTask"
        };
        found.at(
            owner(&component.name),
            proof,
            Level::Low,
            Confidence::High,
            format!("{} has {how} and a task of its package's name", component.name),
            format!(
                "on devices before Android 11 (this app runs from version {} on) another app can put its screen there",
                manifest.min()
            ),
        );
    }
}
