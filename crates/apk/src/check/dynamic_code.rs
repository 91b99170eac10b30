//! Code that is loaded from where others can write, or that came from outside.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "dynamic_code",
    title: "Code loaded at run time",
    masvs: "MASVS-CODE-4",
    mastg: &[],
    maswe: None,
    cwe: 494,
    looks: &[Look::Calls(
        &[
            ("dalvik/system/DexClassLoader", "<init>"),
            ("dalvik/system/PathClassLoader", "<init>"),
            ("dalvik/system/DexFile", "loadDex"),
            ("java/lang/System", "load"),
            ("java/lang/Runtime", "load"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let n = usize::from(matches!(site.target.1, "<init>") || site.target.0 == "java/lang/Runtime");
    let path = site.arg(n);
    let said = site
        .text(n)
        .filter(|text| text.starts_with("/sdcard") || text.starts_with("/storage"));
    if path.has(label::SHARED_PATH) || said.is_some() {
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
