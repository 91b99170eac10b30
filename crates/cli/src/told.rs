//! What people said of files, as the lake's folder keeps it: `told.toml`.

use ambit_event::Timestamp;
use ambit_lake::{load_note, save_note};
use ambit_source::ToldList;
use anyhow::Result;
use std::path::Path;

const FILE: &str = "told.toml";

/// What was remembered; nothing where nobody said anything.
pub fn load(lake: &Path) -> Result<ToldList> {
    let origin = lake.join(FILE).display().to_string();
    match load_note(lake, FILE)? {
        Some(text) => Ok(ToldList::parse(&text, &origin)?),
        None => Ok(ToldList::default()),
    }
}

pub fn save(lake: &Path, list: &ToldList) -> Result<()> {
    Ok(save_note(lake, FILE, &list.to_text())?)
}

/// The day of an instant, as `2014-05-23`.
pub fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}
