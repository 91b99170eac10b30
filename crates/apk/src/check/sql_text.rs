//! Statements that are joined from what another app hands in.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "sql_text",
    title: "SQL joined from what is handed in",
    masvs: "MASVS-CODE-4",
    mastg: &[],
    maswe: Some("MASWE-0086"),
    cwe: 89,
    looks: &[Look::Calls(
        &[
            ("android/database/sqlite/SQLiteDatabase", "rawQuery"),
            ("android/database/sqlite/SQLiteDatabase", "execSQL"),
            ("android/database/sqlite/SQLiteDatabase", "compileStatement"),
        ],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    let statement = site.arg(1);
    if statement.has(label::HANDED_IN) {
        found.add(
            Level::High,
            Confidence::High,
            "a statement holds text that another app hands in",
            "who calls the app writes the rest of the statement",
        );
    } else if statement.has(label::JOINED) {
        found.add(
            Level::Informational,
            Confidence::Medium,
            "a statement is joined from parts",
            "where the parts come from was not seen",
        );
    }
}
