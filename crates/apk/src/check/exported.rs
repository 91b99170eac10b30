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
                open("the permission is one that every app gets by asking, or makes itself")
            }
            _ => None,
        };
    }
    if component.is_isolated {
        return Some((
            Level::Informational,
            "it runs in a process of its own, with none of the app's permissions and files".into(),
        ));
    }
    match guard(&component.permission) {
        None if component.filters.iter().any(|filter| is_system(&filter.actions)) => Some((
            Level::Informational,
            "it answers the system's own broadcasts or calls, which must reach it".into(),
        )),
        None => open("no permission is in the way, and what it is handed is chosen by the caller"),
        Some(Strength::Weak) => open("the permission is one that every app gets by asking, or makes itself"),
        Some(Strength::Strong) => None,
    }
}

/// Whether every action is one that only the system may send, and that carries nothing to be believed: of messages,
/// which an app can make up where no permission is asked of the sender, it does.
fn is_system(actions: &[String]) -> bool {
    const BEGINS: &[&str] = &[
        "android.appwidget.action.",
        "android.bluetooth.",
        "android.net.conn.",
    ];
    const ACTIONS: &[&str] = &[
        "ACTION_POWER_CONNECTED",
        "ACTION_POWER_DISCONNECTED",
        "ACTION_SHUTDOWN",
        "AIRPLANE_MODE",
        "BATTERY_CHANGED",
        "BATTERY_LOW",
        "BATTERY_OKAY",
        "BOOT_COMPLETED",
        "CONFIGURATION_CHANGED",
        "DATE_CHANGED",
        "DEVICE_STORAGE_LOW",
        "DEVICE_STORAGE_OK",
        "DREAMING_STARTED",
        "DREAMING_STOPPED",
        "EXTERNAL_APPLICATIONS_AVAILABLE",
        "LOCALE_CHANGED",
        "LOCKED_BOOT_COMPLETED",
        "MEDIA_MOUNTED",
        "MEDIA_UNMOUNTED",
        "MY_PACKAGE_REPLACED",
        "MY_PACKAGE_SUSPENDED",
        "MY_PACKAGE_UNSUSPENDED",
        "PACKAGE_ADDED",
        "PACKAGE_CHANGED",
        "PACKAGE_FULLY_REMOVED",
        "PACKAGE_REMOVED",
        "PACKAGE_REPLACED",
        "SCREEN_OFF",
        "SCREEN_ON",
        "TIMEZONE_CHANGED",
        "TIME_SET",
        "TIME_TICK",
        "USER_PRESENT",
        "USER_UNLOCKED",
    ];
    let is_one = |action: &String| {
        let short = action.strip_prefix("android.intent.action.");
        short.is_some_and(|short| ACTIONS.contains(&short))
            || BEGINS.iter().any(|begin| action.starts_with(begin))
    };
    !actions.is_empty() && actions.iter().all(is_one)
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
        Some(_) => Strength::Strong,
        None if is_given_to_all(name) => Strength::Weak,
        // One of the app's own name that it forgot to make: whoever installs first makes it as he likes.
        None if is_within(name, &manifest.package) => Strength::Weak,
        // What the app does not make itself is the platform's or another app's.
        None => Strength::Strong,
    }
}

fn is_within(name: &str, package: &str) -> bool {
    !package.is_empty()
        && name
            .strip_prefix(package)
            .is_some_and(|rest| rest.starts_with('.'))
}

/// Permissions of the platform that every app gets by asking: of the protection level *normal*.
fn is_given_to_all(name: &str) -> bool {
    const NORMAL: &[&str] = &[
        "ACCESS_LOCATION_EXTRA_COMMANDS",
        "ACCESS_NETWORK_STATE",
        "ACCESS_NOTIFICATION_POLICY",
        "ACCESS_WIFI_STATE",
        "BLUETOOTH",
        "BLUETOOTH_ADMIN",
        "BROADCAST_STICKY",
        "CHANGE_NETWORK_STATE",
        "CHANGE_WIFI_MULTICAST_STATE",
        "CHANGE_WIFI_STATE",
        "DISABLE_KEYGUARD",
        "EXPAND_STATUS_BAR",
        "FOREGROUND_SERVICE",
        "GET_PACKAGE_SIZE",
        "INTERNET",
        "KILL_BACKGROUND_PROCESSES",
        "MODIFY_AUDIO_SETTINGS",
        "NFC",
        "QUERY_ALL_PACKAGES",
        "READ_SYNC_SETTINGS",
        "READ_SYNC_STATS",
        "RECEIVE_BOOT_COMPLETED",
        "REORDER_TASKS",
        "REQUEST_DELETE_PACKAGES",
        "SET_ALARM",
        "SET_WALLPAPER",
        "SET_WALLPAPER_HINTS",
        "TRANSMIT_IR",
        "USE_BIOMETRIC",
        "USE_FINGERPRINT",
        "USE_FULL_SCREEN_INTENT",
        "VIBRATE",
        "WAKE_LOCK",
        "WRITE_SYNC_SETTINGS",
    ];
    name.strip_prefix("android.permission.")
        .is_some_and(|short| NORMAL.contains(&short))
}
