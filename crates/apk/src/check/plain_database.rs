//! Credentials and personal data in an unencrypted SQLite database.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "plain_database",
    title: "Credentials and personal data in an unencrypted database",
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
            ("android/database/sqlite/SQLiteDatabase", "execSQL"),
            ("android/database/sqlite/SQLiteProgram", "bindString"),
            ("android/database/sqlite/SQLiteStatement", "bindString"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let row = match site.target.1 {
        "update" | "bindString" => site.arg(2),
        // The statement, or what is bound to it.
        "execSQL" if site.arg(2).has(label::SENSITIVE) => site.arg(2),
        "execSQL" => site.arg(1),
        _ => site.arg(3),
    };
    let because = "a backup, a rooted device or another hole in the app gives it away";
    if row.has(label::ENCRYPTED) || row.is_constant() {
        return;
    }
    let (level, what) = if row.has(label::CREDENTIAL) {
        (
            Level::Medium,
            "a credential is stored in an unencrypted database".to_owned(),
        )
    } else if row.has(label::PERSONAL) {
        let words = label::words(row.labels);
        (
            Level::Low,
            format!("{words} is stored in an unencrypted database"),
        )
    } else {
        return;
    };
    let table = site
        .text(1)
        .filter(|_| matches!(site.target.1, "insert" | "update" | "replace"));
    found
        .add(level, Confidence::Medium, what, because)
        .constant(table);
}
