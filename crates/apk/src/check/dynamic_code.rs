//! Code that is loaded from where others can write, or that came from outside.

use super::{Check, Facts, Found, Look, Site};
use crate::dex::label;
use crate::finding::{Confidence, Proof};
use crate::names::Owner;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "dynamic_code",
    title: "Code loaded at run time",
    masvs: "MASVS-CODE-4",
    mastg: &[],
    maswe: Some("MASWE-0085"),
    cwe: 494,
    looks: &[
        Look::Package(disguised),
        Look::Calls(
            &[
                ("dalvik/system/DexClassLoader", "<init>"),
                ("dalvik/system/PathClassLoader", "<init>"),
                ("dalvik/system/DelegateLastClassLoader", "<init>"),
                ("dalvik/system/DexFile", "loadDex"),
                ("java/lang/System", "load"),
                ("java/lang/Runtime", "load"),
            ],
            look,
        ),
    ],
};

/// Code that only the program itself can load: where its name hides that, somebody wants it not to be found.
fn disguised(facts: &Facts<'_>, found: &mut Found<'_>) {
    for file in facts.disguised {
        let is_named = [".dex", ".jar", ".apk", ".zip", ".aar"]
            .iter()
            .any(|end| file.split('!').next().unwrap_or(file).ends_with(end));
        let (level, what) = if is_named {
            (Level::Low, "code stands where no device looks for it")
        } else {
            (
                Level::Medium,
                "code stands there under the name of something else",
            )
        };
        found.at(
            Owner::App,
            Proof::in_file(file.clone()),
            level,
            Confidence::High,
            what,
            "the program loads it by itself; it was read with the rest",
        );
    }
}

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let n = usize::from(matches!(site.target.1, "<init>") || site.target.0 == "java/lang/Runtime");
    let path = site.arg(n);
    let said = site
        .text(n)
        .filter(|text| text.starts_with("/sdcard") || text.starts_with("/storage"));
    if site.is_shared(path) || said.is_some() {
        found
            .add(
                Level::High,
                Confidence::High,
                "code is loaded from storage that other apps can write",
                "whoever writes that file runs as this app",
            )
            .constant(said);
    } else if path.has(label::HANDED_IN) {
        found.add(
            Level::High,
            Confidence::Medium,
            "code is loaded from a path that another app hands in",
            "whoever calls this app chooses what it runs",
        );
    } else if site.target.0.starts_with("dalvik/system/Dex") {
        found.add(
            Level::Informational,
            Confidence::High,
            "code is loaded that is not in this scan",
            "what it does was not looked at",
        );
    }
}
