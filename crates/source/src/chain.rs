//! Digest-chained manifests: what a log shipper writes beside the files that it ships, and what can be
//! proved from it.
//!
//! A file named `*.manifest.jsonl` has one line per shipped file. `prev` is the SHA-256 of the text of the
//! line before (without its line end), empty in the first line. A line that fits its neighbours and its
//! file proves that nothing of the file is missing; a line whose file is not there, or there with other
//! bytes, tells how many records are lost at most. Host and source of a file are what its line says, where
//! no person says otherwise.

use crate::Error;
use ambit_event::{Attestation, EvidenceId, Loss, Span, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The ending of a manifest's file name.
pub const ENDING: &str = ".manifest.jsonl";

/// One shipped file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// The file, relative to the manifest.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    pub bytes: u64,
    /// Records in it.
    pub lines: u64,
    pub source: String,
    #[serde(default)]
    pub host: Option<String>,
    /// The file holds every record of the source in `[from, until)`.
    pub from: Timestamp,
    pub until: Timestamp,
    /// SHA-256 of the line before, in hexadecimal; empty in the first line.
    #[serde(default)]
    pub prev: String,
}

/// A manifest with what its chain proves.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pub origin: String,
    pub links: Vec<Link>,
}

/// One line of a manifest.
#[derive(Debug, Clone)]
pub struct Link {
    pub shipment: Shipment,
    pub line: u64,
    /// Whether the lines around it confirm it.
    pub is_sound: bool,
}

/// The digest by which the next line of a manifest names this one.
#[must_use]
pub fn line_digest(line: &str) -> String {
    hex::encode(Sha256::digest(line.as_bytes()))
}

/// The next line of a manifest, without its line end. `previous` is the text of the line before.
#[must_use]
pub fn manifest_line(shipment: &Shipment, previous: Option<&str>) -> String {
    let linked = Shipment {
        prev: previous.map(line_digest).unwrap_or_default(),
        ..shipment.clone()
    };
    match serde_json::to_string(&linked) {
        Ok(line) => line,
        Err(error) => unreachable!("a shipment holds plain values only: {error}"),
    }
}

impl Chain {
    /// Reads a manifest. What cannot be read or does not fit is told, and proves nothing: neither the line
    /// that does not fit, nor the one before it (either may have been altered), nor any after it.
    #[must_use]
    pub fn parse(text: &str, origin: &str) -> (Self, Vec<Error>) {
        let mut chain = Self {
            origin: origin.to_owned(),
            links: Vec::new(),
        };
        let (mut errors, mut previous, mut is_whole) = (Vec::new(), None::<&str>, true);
        for (n, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            let at = n as u64 + 1;
            let mut complain = |why: String| {
                errors.push(Error::Chain {
                    path: origin.to_owned(),
                    line: at,
                    why,
                })
            };
            match serde_json::from_str::<Shipment>(line) {
                Err(error) => {
                    complain(format!("no shipment can be read from the line: {error}"));
                    is_whole = false;
                }
                Ok(shipment) => {
                    if is_whole && shipment.prev != previous.map(line_digest).unwrap_or_default() {
                        complain(
                            "its `prev` is not the digest of the line before: the chain is broken here"
                                .into(),
                        );
                        is_whole = false;
                        if let Some(last) = chain.links.last_mut() {
                            last.is_sound = false;
                        }
                    }
                    chain.links.push(Link {
                        shipment,
                        line: at,
                        is_sound: is_whole,
                    });
                }
            }
            previous = Some(line);
        }
        (chain, errors)
    }

    /// Whether a path is a manifest's.
    #[must_use]
    pub fn is_manifest(path: &str) -> bool {
        path.ends_with(ENDING)
    }
}

impl Link {
    /// Where the shipped file lies, next to its manifest.
    #[must_use]
    pub fn path(&self, manifest: &str) -> PathBuf {
        match manifest.rsplit_once(['/', '!']) {
            Some((folder, _)) => Path::new(&manifest[..=folder.len()]).join(&self.shipment.file),
            None => PathBuf::from(&self.shipment.file),
        }
    }

    /// Whether it names a file with that digest, or the one at that path (the link's own).
    #[must_use]
    pub(crate) fn names(&self, id: &EvidenceId, name: &str, path: &str) -> bool {
        name == path || self.shipment.sha256.eq_ignore_ascii_case(&id.0)
    }

    /// What the link proves once its file was found.
    #[must_use]
    pub fn attestation(&self, origin: &str) -> Attestation {
        let Shipment {
            source,
            host,
            from,
            until,
            ..
        } = &self.shipment;
        Attestation {
            source: source.clone(),
            host: host.clone(),
            span: Span::new(*from, *until),
            because: format!(
                "digest chain: {origin}, line {}, names this file and its neighbours fit",
                self.line
            ),
        }
    }

    /// What is lost with a file that is not there.
    #[must_use]
    pub fn loss(&self, origin: &str) -> Loss {
        let (line, file) = (self.line, &self.shipment.file);
        self.lost(format!(
            "digest chain: {origin}, line {line}, names {file}, which is not in the evidence"
        ))
    }

    /// What may be lost of a file that is there with other bytes than were shipped. Nothing tells whether it
    /// was cut off at its end or lines were taken out of its middle: any of its records may be gone.
    #[must_use]
    pub fn altered(&self, origin: &str, n_bytes: u64) -> Loss {
        let (line, file, shipped) = (self.line, &self.shipment.file, self.shipment.bytes);
        self.lost(format!(
            "digest chain: {origin}, line {line}, names {file} with {shipped} bytes; the file that is there has {n_bytes} and another digest"
        ))
    }

    fn lost(&self, why: String) -> Loss {
        let Shipment {
            source,
            host,
            from,
            until,
            lines,
            ..
        } = &self.shipment;
        Loss {
            source: source.clone(),
            host: host.clone(),
            span: Span::new(*from, *until),
            at_most: self.is_sound.then_some(*lines),
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipment(file: &str) -> Shipment {
        Shipment {
            file: file.into(),
            sha256: "00".into(),
            bytes: 1,
            lines: 1,
            source: "nginx_access".into(),
            host: None,
            from: Timestamp(0),
            until: Timestamp(1),
            prev: String::new(),
        }
    }

    fn three() -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for file in ["a", "b", "c"] {
            lines.push(manifest_line(&shipment(file), lines.last().map(String::as_str)));
        }
        lines
    }

    fn sound(lines: &[String]) -> (Vec<bool>, usize) {
        let (chain, errors) = Chain::parse(&lines.join("\n"), "m");
        (chain.links.iter().map(|l| l.is_sound).collect(), errors.len())
    }

    #[test]
    fn a_written_chain_is_sound() {
        assert_eq!(sound(&three()), (vec![true, true, true], 0));
    }

    #[test]
    fn an_altered_dropped_or_unreadable_line_breaks_the_chain() {
        let mut lines = three();
        lines[1] = lines[1].replace("\"b\"", "\"x\"");
        assert_eq!(sound(&lines), (vec![true, false, false], 1));
        let mut lines = three();
        lines.remove(1);
        assert_eq!(sound(&lines), (vec![false, false], 1));
        let mut lines = three();
        lines[1] = "{".into();
        assert_eq!(sound(&lines), (vec![true, false], 1));
    }
}
