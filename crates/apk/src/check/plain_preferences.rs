//! Credentials in shared preferences, which are a plain XML file.

use super::{Check, Found, Look, Site};
use crate::dex::label;
use crate::finding::Confidence;
use crate::names::is_credential;
use ambit_event::Level;

pub(super) const CHECK: Check = Check {
    name: "plain_preferences",
    title: "Credentials in plain preferences",
    masvs: "MASVS-STORAGE-1",
    mastg: &["0207", "0287"],
    maswe: Some("MASWE-0006"),
    cwe: 312,
    looks: &[Look::Calls(
        &[("android/content/SharedPreferences$Editor", "putString")],
        look,
    )],
};

fn look(site: &Site<'_, '_, '_>, found: &mut Found<'_>) {
    // An editor of the encrypted preferences carries that mark with it.
    if site.arg(0).has(label::ENCRYPTED) || site.arg(2).has(label::ENCRYPTED) {
        return;
    }
    // What a method of that name returned is taken to be what it says.
    if site
        .result_of(2)
        .is_some_and(|call| call.to_ascii_lowercase().contains("encrypt"))
    {
        return;
    }
    let key = site.text(1).unwrap_or_default();
    let value = site.arg(2);
    if is_credential(&key) && !value.is_constant() || value.has(label::CREDENTIAL) {
        found
            .add(
                Level::Medium,
                Confidence::Medium,
                "a credential is stored in plain preferences",
                "a backup, a rooted device or another hole in the app gives it away",
            )
            .constant(Some(key));
    } else if value.has(label::PERSONAL) {
        found
            .add(
                Level::Low,
                Confidence::Medium,
                format!("{} is stored in plain preferences", label::words(value.labels)),
                "a backup, a rooted device or another hole in the app gives it away",
            )
            .constant(Some(key));
    }
}
