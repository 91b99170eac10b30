//! Credentials and personal data in an unencrypted SQLite database.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "plain_database",
    title: "Credentials in an unencrypted database",
    masvs: "MASVS-STORAGE-1",
    mastg: &["0207", "0287"],
    maswe: Some("MASWE-0006"),
    cwe: 312,
    looks: &[Look::Calls(
        &[
            ("android/database/sqlite/SQLiteDatabase", "insert"),
            ("android/database/sqlite/SQLiteDatabase", "insertOrThrow"),
            ("android/database/sqlite/SQLiteDatabase", "insertWithOnConflict"),
            ("android/database/sqlite/SQLiteDatabase", "replace"),
            ("android/database/sqlite/SQLiteDatabase", "update"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let n = match site.target.1 {
        "update" => 2,
        _ => 3,
    };
    let row = site.arg(n);
    if row.has(label::CREDENTIAL) && !row.has(label::ENCRYPTED) {
        let table = site.text(1);
        found
            .add(
                Level::Medium,
                Confidence::Medium,
                "a credential is stored in an unencrypted database",
                "a backup, a rooted device or another hole in the app gives it away",
            )
            .constant(table);
    }
}
