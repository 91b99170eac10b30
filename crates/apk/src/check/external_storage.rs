//! Sensitive data in files that other apps can read.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "external_storage",
    title: "Sensitive data on shared storage",
    masvs: "MASVS-STORAGE-1",
    mastg: &["0200", "0202"],
    maswe: Some("MASWE-0007"),
    cwe: 276,
    looks: &[Look::Calls(
        &[
            ("java/io/OutputStream", "write"),
            ("java/io/FileOutputStream", "write"),
            ("java/io/FileOutputStream", "<init>"),
            ("java/io/FileWriter", "<init>"),
            ("java/io/Writer", "write"),
            ("java/io/Writer", "append"),
            ("java/io/FileWriter", "write"),
            ("java/io/FileWriter", "append"),
            ("java/io/OutputStreamWriter", "write"),
            ("java/io/BufferedWriter", "write"),
            ("java/io/PrintWriter", "println"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let (to, what) = (site.arg(0), site.arg(1));
    if site.target.1 == "<init>" {
        let path = site
            .text(1)
            .filter(|t| t.starts_with("/sdcard") || t.starts_with("/storage/emulated"));
        if site.is_shared(what) || path.is_some() {
            let level = if site.manifest.target() < 29 {
                Level::Low
            } else {
                Level::Informational
            };
            found
                .add(
                    level,
                    Confidence::High,
                    "a file is written to shared storage",
                    "other apps with storage access read it; what is written was not followed",
                )
                .constant(path);
        }
        return;
    }
    if site.is_shared(to) && what.has(label::SENSITIVE) && !what.has(label::ENCRYPTED) {
        let words = label::words(what.labels);
        found.add(
            Level::Medium,
            Confidence::Medium,
            format!("{words} is written to shared storage"),
            if to.has(label::SHARED_PATH) {
                "other apps with storage access read it, and it stays when the app is gone"
            } else {
                "before Android 11 other apps with storage access read it"
            },
        );
    }
}
