//! Whether something was written to files since they were last looked at, told without reading them.

use crate::input::files_under;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The size of each of some files, and when it was last written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse(BTreeMap<PathBuf, State>);

type State = (u64, Option<SystemTime>, Option<(i64, i64)>);

/// When a file was last changed in any way, its rights too.
#[cfg(unix)]
fn changed(about: &Metadata) -> Option<(i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    Some((about.ctime(), about.ctime_nsec()))
}

#[cfg(not(unix))]
fn changed(_about: &Metadata) -> Option<(i64, i64)> {
    None
}

impl Glimpse {
    /// Of these files, and of those in these folders but for the lake's own. What cannot be looked at is left out:
    /// whoever reads it is told why.
    #[must_use]
    pub fn of(paths: &[PathBuf], own_folder: Option<&Path>) -> Self {
        let entries = paths.iter().flat_map(|path| files_under(path, own_folder));
        let state = |entry: walkdir::DirEntry| {
            // What a link names is read where the link itself is named.
            let about = match entry.depth() {
                0 => std::fs::metadata(entry.path()),
                _ => entry.metadata().map_err(Into::into),
            };
            let about = about.ok().filter(Metadata::is_file)?;
            let state = (about.len(), about.modified().ok(), changed(&about));
            Some((entry.into_path(), state))
        };
        Self(entries.flatten().filter_map(state).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    #[test]
    fn what_is_written_moved_or_removed_shows_and_the_lake_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let lake = at("lake");
        let look = || Glimpse::of(&[folder.path().to_owned()], Some(&lake));
        fs::create_dir_all(&lake).unwrap();
        fs::write(at("a.log"), "one\n").unwrap();
        let first = look();
        assert_eq!(first, look());
        assert_ne!(first, Glimpse::default());
        fs::write(lake.join("part"), "x").unwrap();
        assert_eq!(first, look());
        fs::write(at("a.log"), "one\ntwo\n").unwrap();
        let grown = look();
        assert_ne!(first, grown);
        fs::rename(at("a.log"), at("a.log.1")).unwrap();
        assert_ne!(grown, look());
        fs::remove_file(at("a.log.1")).unwrap();
        assert_eq!(look(), Glimpse::default());
        assert_eq!(Glimpse::of(&[at("nothing")], None), Glimpse::default());
    }
}
