//! What people said of files, remembered: how a file of that name in that folder is to be read.
//!
//! A choice holds for the files that lie in one folder and share a name but for their rotation (`access.log`,
//! `access.log.1`, `access.log-20140523.gz`), and nowhere else: two hosts' logs lie in two folders, and what was said
//! of one is not said of the other. A member of an archive lies in a folder of that archive. Beyond its folder a
//! choice holds for copies alone: files of the same name that begin with the same record as one that was read so.

use crate::archive::Place;
use crate::{Error, Options, identity};
use ambit_event::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::Path;

/// How the files of one name in one folder are to be read, as a person said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The folder as an absolute path; of a member of an archive `/path/archive!folder`.
    pub folder: String,
    /// The name that rotated siblings share.
    pub file: String,
    pub source: String,
    #[serde(default)]
    pub host: Option<String>,
    /// The zone of times that name none.
    #[serde(default, rename = "tz")]
    pub time_zone: Option<String>,
    #[serde(default)]
    pub log_format: Option<String>,
    /// When it was said.
    pub at: Timestamp,
    pub by: String,
    /// The lineages of files that were read so: by these, copies of them are known elsewhere.
    #[serde(default)]
    pub lineages: Vec<String>,
}

/// All that was remembered, in the order of folders and names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToldList(Vec<Told>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    told: Vec<Told>,
}

/// Lineages that are kept of one choice: enough for the rotated files that a copy is taken of.
const MOST_LINEAGES: usize = 64;

const HEAD: &str = "\
# How files are to be read, as people said with `ambit ingest --source`.
# `ambit sources --told` lists it, and `ambit sources --forget FILE` takes one out.
";

impl ToldList {
    /// Reads what [`Self::to_text`] wrote, or a person changed.
    ///
    /// # Errors
    /// [`Error::Told`] with the place where the text cannot be understood.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::Told {
            origin: origin.to_owned(),
            why,
        };
        let written: Written =
            toml::from_str(text).map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
        let mut list = Self::default();
        for told in written.told {
            let (folder, file) = (told.folder.clone(), told.file.clone());
            if list.at(&folder, &file).is_some() {
                return Err(wrong(format!("{file} in {folder} is told twice")));
            }
            list.insert(told);
        }
        Ok(list)
    }

    /// The text that people can read and change.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = HEAD.to_owned();
        for told in &self.0 {
            text.push_str("\n[[told]]\n");
            let lines = [
                ("folder", Some(&told.folder)),
                ("file", Some(&told.file)),
                ("source", Some(&told.source)),
                ("host", told.host.as_ref()),
                ("tz", told.time_zone.as_ref()),
                ("log_format", told.log_format.as_ref()),
                ("at", Some(&told.at.to_string())),
                ("by", Some(&told.by)),
            ];
            for (name, value) in lines {
                if let Some(value) = value {
                    // A text in memory takes everything.
                    let _ = writeln!(text, "{name} = {}", quoted(value));
                }
            }
            let lineages: Vec<String> = told.lineages.iter().map(|l| quoted(l)).collect();
            let _ = writeln!(text, "lineages = [{}]", lineages.join(", "));
        }
        text
    }

    pub fn iter(&self) -> impl Iterator<Item = &Told> {
        self.0.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Remembers what was said of a file. It takes the place of what was said of it before; said again, or said of
    /// a sibling, it is the same choice, and holds for the copies of both.
    pub fn remember(&mut self, mut told: Told) {
        if let Some(at) = self.at(&told.folder, &told.file) {
            let before = self.0.remove(at);
            if before.says_as(&told) {
                let new = std::mem::take(&mut told.lineages);
                told.lineages = before.lineages;
                told.lineages.extend(new);
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        told.lineages.reverse();
        told.lineages.retain(|lineage| seen.insert(lineage.clone()));
        told.lineages.truncate(MOST_LINEAGES);
        told.lineages.reverse();
        self.insert(told);
    }

    /// Forgets what was said of a file, or of all that lie in a folder or an archive; gives what it was. Members of
    /// archives are named `archive!member`, and need not be there any more, as files need not.
    pub fn forget(&mut self, name: &str) -> Vec<Told> {
        let (folder, file) = folder_and_file(&absolute(name));
        if let Some(at) = self.at(&folder, &file) {
            return vec![self.0.remove(at)];
        }
        let resolved = Path::new(name).canonicalize();
        let folder = resolved.map_or_else(|_| absolute(name), |path| path.to_string_lossy().into_owned());
        let archive = format!("{folder}!");
        let is_in = |told: &mut Told| told.folder == folder || told.folder.starts_with(&archive);
        self.0.extract_if(.., is_in).collect()
    }

    /// What was said of the files of that name in that folder, else of a file of that name elsewhere of which this
    /// is a copy: `lineage` tells the lineage that the file would have, were it read so. The last word counts.
    pub(crate) fn find(
        &self,
        folder: &str,
        file: &str,
        lineage: impl Fn(&Told) -> Option<String>,
    ) -> Option<&Told> {
        if let Some(at) = self.at(folder, file) {
            return self.0.get(at);
        }
        let named = self
            .0
            .iter()
            .filter(|told| told.file == file && !told.lineages.is_empty());
        let copies =
            named.filter(|told| lineage(told).is_some_and(|lineage| told.lineages.contains(&lineage)));
        copies.max_by_key(|told| told.at)
    }

    fn at(&self, folder: &str, file: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|told| told.folder == folder && told.file == file)
    }

    fn insert(&mut self, told: Told) {
        let place = |told: &Told| (told.folder.clone(), told.file.clone());
        let at = self.0.partition_point(|other| place(other) < place(&told));
        self.0.insert(at, told);
    }
}

impl Told {
    /// These options, with what was said before where they say nothing.
    #[must_use]
    pub(crate) fn under(&self, options: &Options) -> Options {
        let or = |said: &Option<String>, before: &Option<String>| said.clone().or_else(|| before.clone());
        Options {
            host: or(&options.host, &self.host),
            time_zone: or(&options.time_zone, &self.time_zone),
            log_format: or(&options.log_format, &self.log_format),
            ..options.clone()
        }
    }

    fn says_as(&self, other: &Self) -> bool {
        let words = |told: &Self| {
            (
                told.source.clone(),
                told.host.clone(),
                told.time_zone.clone(),
                told.log_format.clone(),
            )
        };
        words(self) == words(other)
    }
}

/// The path from the root of the file system on, or of the archive in which a member lies.
fn absolute(name: &str) -> String {
    let (file, member) = match name.split_once('!') {
        Some((archive, member)) if !Path::new(name).exists() => (archive, format!("!{member}")),
        _ => (name, String::new()),
    };
    Place::file(Path::new(file)).absolute_name() + &member
}

/// The folder and the shared name of a path, or of `archive!member`.
pub(crate) fn folder_and_file(name: &str) -> (String, String) {
    let (folder, file) = match name.rfind(['/', '!']) {
        Some(0) => ("/", name.get(1..).unwrap_or_default()),
        Some(at) => (
            name.get(..at).unwrap_or_default(),
            name.get(at + 1..).unwrap_or_default(),
        ),
        None => ("", name),
    };
    (folder.to_owned(), identity::rotation(file).0)
}

/// What JSON writes between quotes TOML reads, but for one character.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn told(folder: &str, file: &str, source: &str) -> Told {
        Told {
            folder: folder.into(),
            file: file.into(),
            source: source.into(),
            host: None,
            time_zone: None,
            log_format: None,
            at: Timestamp::from_secs(1_400_000_000),
            by: "ana".into(),
            lineages: vec!["l1".into()],
        }
    }

    fn found<'l>(list: &'l ToldList, folder: &str, file: &str, lineage: &str) -> Option<&'l str> {
        let told = list.find(folder, file, |_| Some(lineage.to_owned()));
        told.map(|told| told.source.as_str())
    }

    #[test]
    fn a_choice_holds_in_its_folder_and_for_copies_of_its_files() {
        let mut list = ToldList::default();
        list.remember(told("/web1", "access.log", "apache_access"));
        list.remember(Told {
            lineages: vec!["l2".into()],
            ..told("/web2", "access.log", "nginx_access")
        });
        for (folder, file, lineage, source) in [
            ("/web1", "access.log", "new", Some("apache_access")),
            ("/web2", "access.log", "l1", Some("nginx_access")),
            ("/web3", "access.log", "l1", Some("apache_access")),
            ("/web3", "access.log", "l2", Some("nginx_access")),
            ("/web3", "access.log", "new", None),
            ("/web1", "error.log", "l1", None),
            ("/web1/old", "access.log", "new", None),
        ] {
            assert_eq!(
                found(&list, folder, file, lineage),
                source,
                "{folder} {file} {lineage}"
            );
        }
        assert_eq!(list.forget("/web1/access.log.3.gz").len(), 1);
        assert_eq!(list.forget("/web1/access.log").len(), 0);
        assert_eq!(found(&list, "/web1", "access.log", "l1"), None);
    }

    #[test]
    fn the_last_word_counts_and_the_same_word_again_holds_for_more() {
        let mut list = ToldList::default();
        list.remember(told("/w", "a.log", "one"));
        list.remember(Told {
            lineages: vec!["l2".into(), "l1".into()],
            ..told("/w", "a.log", "one")
        });
        assert_eq!(list.iter().next().unwrap().lineages, ["l2", "l1"]);
        list.remember(Told {
            lineages: vec!["l3".into()],
            ..told("/w", "a.log", "two")
        });
        assert_eq!(list.iter().count(), 1);
        assert_eq!(list.iter().next().unwrap().lineages, ["l3"]);
        list.remember(Told {
            at: Timestamp::from_secs(1_500_000_000),
            lineages: vec!["l3".into()],
            ..told("/v", "a.log", "three")
        });
        assert_eq!(found(&list, "/x", "a.log", "l3"), Some("three"));
        for n in 0..200 {
            list.remember(Told {
                lineages: vec![format!("n{n}")],
                ..told("/w", "a.log", "two")
            });
        }
        let kept = &list.iter().find(|t| t.folder == "/w").unwrap().lineages;
        assert_eq!(
            (kept.len(), kept.last().unwrap().as_str()),
            (MOST_LINEAGES, "n199")
        );
    }

    #[test]
    fn what_is_written_is_read_and_what_is_damaged_says_where() {
        let mut list = ToldList::default();
        list.remember(told("/b", "x", "one"));
        list.remember(Told {
            host: Some("gw\u{7f}\"1\\\n\u{1b}".into()),
            time_zone: Some("Europe/Stockholm".into()),
            log_format: Some("$remote_addr \"$request\"".into()),
            lineages: vec![],
            ..told("/a b/ünï!c", "'x'", "two")
        });
        let text = list.to_text();
        assert_eq!(ToldList::parse(&text, "told.toml").unwrap(), list);
        assert_eq!(
            ToldList::parse(&ToldList::default().to_text(), "t").unwrap(),
            ToldList::default()
        );
        let twice = text.clone() + "\n" + text.strip_prefix(HEAD).unwrap();
        for (text, part) in [
            ("told", "expected"),
            ("[[told]]\nfolder = \"/a\"", "missing field"),
            ("[[told]]\ncolour = \"/a\"", "colour"),
            (&text.replace("2014-05-13T16:53:20Z", "yesterday"), "yesterday"),
            (&twice, "told twice"),
        ] {
            let error = ToldList::parse(text, "told.toml").unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("told.toml"), "{error}");
        }
    }

    #[test]
    fn rotated_files_share_a_name_and_members_a_folder() {
        for (name, folder, file) in [
            ("/var/log/access.log", "/var/log", "access.log"),
            ("/var/log/access.log.2.gz", "/var/log", "access.log"),
            ("/access.log.1", "/", "access.log"),
            (
                "/e/logs.tar!web1/access.log-20140523",
                "/e/logs.tar!web1",
                "access.log",
            ),
            ("/e/logs.zip!access.log", "/e/logs.zip", "access.log"),
            ("access.log", "", "access.log"),
        ] {
            assert_eq!(folder_and_file(name), (folder.to_owned(), file.to_owned()));
        }
    }
}
