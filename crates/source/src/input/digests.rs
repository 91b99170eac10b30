//! Looks for the log files that CloudTrail's digests name, and for what the digests prove of them.

use super::{Finder, Found, Input};
use crate::Confidence;
use crate::archive::{self, Place};
use crate::formats::aws::digest::{self, Digest, LogFile, Partition};
use crate::{Error, Format};
use ambit_event::{Evidence, Loss};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

pub struct FoundDigest {
    digest: Digest,
    evidence: Evidence,
    place: Place,
}

/// The log files that are there.
struct Shelf {
    logs: Vec<Log>,
    /// Files in which nothing stands.
    empty: HashSet<String>,
}

struct Log {
    name: String,
    /// Of what is packed in it, as digests tell it; `None` where it cannot be unpacked to its end.
    sha256: Option<String>,
}

impl Finder<'_> {
    /// Takes the file for a digest; gives it back where it is none.
    pub(super) fn look_at_digest(
        &mut self,
        place: Place,
        mut evidence: Evidence,
    ) -> Result<Option<(Place, Evidence)>, Error> {
        let mut content = Vec::new();
        let most = self.options.caps.record as u64;
        let read = place.with_content(&self.options.caps, |reader| {
            reader.take(most).read_to_end(&mut content)
        })?;
        let digest = match read {
            Ok(_) => Digest::parse(&content, &evidence.path),
            Err(_) => None,
        };
        let Some(digest) = digest else {
            return Ok(Some((place, evidence)));
        };
        evidence.source = "manifest".into();
        evidence.confidence = Confidence::CERTAIN.0;
        evidence.lineage = format!("manifest-{}", evidence.id);
        self.digests.push(FoundDigest {
            digest,
            evidence,
            place,
        });
        Ok(None)
    }

    /// What the digests say: an input for each, with the losses that it tells; what is proved stands in the last.
    pub(super) fn judged(&mut self) -> Vec<Input> {
        let found = std::mem::take(&mut self.digests);
        if found.is_empty() {
            return Vec::new();
        }
        let digests: Vec<Digest> = found.iter().map(|f| f.digest.clone()).collect();
        let shelf = self.shelf();
        let partitions = shelf.partitions(&digests);
        let mut verdict = digest::judge(&digests, &shelf.states(), partitions.as_ref());
        for (n, why) in &verdict.faults {
            self.complain(&digests[*n].path, why.clone());
        }
        if partitions.is_none() {
            let why = "it proves nothing, as a file of aws_cloudtrail tells neither by a digest nor by its name of which account and region it is";
            self.complain(&digests[0].path, why.to_owned());
        }
        let last = found.len() - 1;
        let input = |(n, f): (usize, FoundDigest)| {
            let losses: Vec<Loss> = verdict.losses.remove(&n).unwrap_or_default();
            let attestations = match n == last {
                true => std::mem::take(&mut verdict.attestations),
                false => Vec::new(),
            };
            Input {
                losses,
                attestations,
                ..Input::alone(f.evidence, None, f.place)
            }
        };
        found.into_iter().enumerate().map(input).collect()
    }

    fn complain(&mut self, path: &str, why: String) {
        self.errors.push(Error::Chain {
            path: path.to_owned(),
            line: 1,
            why,
        });
    }

    fn cloudtrail(&self) -> Option<Arc<dyn Format>> {
        self.formats
            .iter()
            .find(|f| f.name() == "aws_cloudtrail")
            .cloned()
    }

    /// Files that no format recognized and a digest names are CloudTrail's. Gives the complaints that are settled
    /// thereby.
    pub(super) fn adopt_logs(&mut self) -> Vec<usize> {
        let files = self.digests.iter().flat_map(|found| &found.digest.files);
        let named: HashSet<String> = files.map(|file| bare(&file.object).to_owned()).collect();
        let Some(format) = self.cloudtrail() else {
            return Vec::new();
        };
        let mut settled = Vec::new();
        for unknown in std::mem::take(&mut self.unknown) {
            if unknown.is_empty || !named.contains(bare(&unknown.file.name)) {
                self.unknown.push(unknown);
                continue;
            }
            settled.push(unknown.complaint);
            self.found
                .push(Found::new(unknown.file, Arc::clone(&format), Confidence::CERTAIN));
        }
        settled
    }

    fn logs(&self) -> impl Iterator<Item = &Found> {
        self.found
            .iter()
            .filter(|f| f.format.source() == "aws_cloudtrail")
    }

    /// A digest tells the hash of what is packed, not of the packed file: each log file is unpacked once for it.
    fn shelf(&self) -> Shelf {
        let content = |f: &Found| {
            let hashed = f
                .file
                .place
                .with_content(&self.options.caps, |reader| archive::hash(reader));
            let (sha256, _, error) = hashed.ok()?;
            error.is_none().then_some(sha256)
        };
        let log = |f: &Found| Log {
            name: f.file.name.clone(),
            sha256: content(f),
        };
        Shelf {
            logs: self.logs().map(log).collect(),
            empty: self
                .unknown
                .iter()
                .map(|u| bare(&u.file.name).to_owned())
                .collect(),
        }
    }
}

impl Shelf {
    fn states(&self) -> impl Fn(&LogFile) -> digest::Found {
        let contents: HashSet<&str> = self.logs.iter().filter_map(|log| log.sha256.as_deref()).collect();
        let names: HashSet<&str> = self.logs.iter().map(|log| bare(&log.name)).collect();
        move |file| {
            let name = bare(&file.object);
            if contents.contains(file.sha256.as_str()) {
                digest::Found::Whole
            } else if names.contains(name) || self.empty.contains(name) {
                digest::Found::Altered
            } else {
                digest::Found::Missing
            }
        }
    }

    /// Of which accounts and regions they are, by their names, or by the digest that names their content; `None`
    /// where one of them does not tell.
    fn partitions(&self, digests: &[Digest]) -> Option<BTreeSet<Partition>> {
        let by_digest = |digest: &'_ Digest| {
            let partition = digest.partition.clone();
            digest
                .files
                .iter()
                .map(move |file| (file.sha256.clone(), partition.clone()))
                .collect::<Vec<_>>()
        };
        let by_hash: HashMap<String, Partition> = digests.iter().flat_map(by_digest).collect();
        let of = |log: &Log| {
            digest::partition_of(&log.name).or_else(|| by_hash.get(log.sha256.as_ref()?).cloned())
        };
        self.logs.iter().map(of).collect()
    }
}

/// The name of a log file, packed or not.
fn bare(path: &str) -> &str {
    let name = digest::name_of(path);
    name.strip_suffix(".gz").unwrap_or(name)
}
