//! Files that every app may read or write.

use super::{Check, Found, Look, Site};
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "world_files",
    title: "Files for every app",
    masvs: "MASVS-STORAGE-2",
    mastg: &[],
    maswe: None,
    cwe: 276,
    looks: &[Look::Calls(
        &[
            ("android/content/Context", "openFileOutput"),
            ("android/content/Context", "getSharedPreferences"),
            ("android/content/Context", "openOrCreateDatabase"),
            ("java/io/File", "setReadable"),
            ("java/io/File", "setWritable"),
        ],
        look,
    )],
};

/// `MODE_WORLD_READABLE` and `MODE_WORLD_WRITEABLE`.
const WORLD: i64 = 3;

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let because = "another app reads or changes what this one relies on";
    if site.target.0 == "java/io/File" {
        // setReadable(true, false): not only the owner.
        if site.call.args.len() == 3 && site.int(1) == Some(1) && site.int(2) == Some(0) {
            found.add(
                Level::Medium,
                Confidence::High,
                format!("{}(true, false)", site.target.1),
                because,
            );
        }
        return;
    }
    if site.int(2).is_some_and(|mode| mode & WORLD != 0) {
        found
            .add(
                Level::Medium,
                Confidence::High,
                format!("{} with a mode for every app", site.target.1),
                because,
            )
            .constant(site.text(1));
    }
}
