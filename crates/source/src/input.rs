//! One evidence file that is ready to be read, and how such files are found.

use crate::capped::{self, Glance, Place};
use crate::chain::{Chain, Link};
use crate::identity::{self, Occurrences, Rotation};
use crate::{Confidence, Error, Format, Options, Sample};
use ambit_event::{Attestation, Evidence, EvidenceId, Loss, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One evidence file that is ready to be read.
#[derive(Clone)]
pub struct Input {
    /// The file with its digest, recognized source and lineage.
    pub evidence: Evidence,
    pub(crate) format: Option<Arc<dyn Format>>,
    pub(crate) place: Place,
    pub(crate) modified: Option<Timestamp>,
    pub(crate) family: Arc<Family>,
    /// Its place among its rotated siblings.
    pub(crate) rank: usize,
    /// The file before it that has the same bytes, source and host; then its records are not given again.
    pub(crate) copy_of: Option<String>,
    /// What a digest chain proves of it.
    pub(crate) attestations: Vec<Attestation>,
    /// For a manifest: what is missing of the files that it names.
    pub(crate) losses: Vec<Loss>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("evidence", &self.evidence)
            .field("rank", &self.rank)
            .finish_non_exhaustive()
    }
}

/// Rotated siblings, the oldest first: identical records that a rotation parts are counted on.
pub(crate) struct Family {
    pub members: Vec<(Place, Arc<dyn Format>)>,
    /// What was counted up to and including the member of that rank.
    pub counted: Mutex<Option<(usize, Occurrences)>>,
}

/// Below this nobody knows the file.
const SURE_ENOUGH: Confidence = Confidence(30);

/// Finds the evidence: files as they are, folders walked in the order of their names (symbolic links are
/// not followed), archives opened; recognizes the source of each, and checks the digest chains among
/// them. Rotated siblings come one after the other, the oldest first. What cannot be read or recognized
/// is told beside.
pub fn discover(paths: &[PathBuf], options: &Options) -> (Vec<Input>, Vec<Error>) {
    let mut finder = Finder {
        options,
        formats: options.formats(),
        found: Vec::new(),
        chains: Vec::new(),
        errors: Vec::new(),
    };
    if let Some(name) = &options.source
        && let Err(error) = options.format(name)
    {
        return (Vec::new(), vec![error]);
    }
    for path in paths {
        finder.walk(path);
    }
    finder.finish()
}

/// A file that was found and recognized, not yet put in order.
struct Found {
    place: Place,
    name: String,
    evidence: Evidence,
    format: Arc<dyn Format>,
    modified: Option<Timestamp>,
    first_line: Vec<u8>,
}

struct FoundChain {
    chain: Chain,
    evidence: Evidence,
    place: Place,
}

struct Finder<'o> {
    options: &'o Options,
    formats: Vec<Arc<dyn Format>>,
    found: Vec<Found>,
    chains: Vec<FoundChain>,
    errors: Vec<Error>,
}

impl Finder<'_> {
    fn walk(&mut self, path: &Path) {
        if path.is_file() {
            return self.open(path);
        }
        for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
            match entry {
                Err(error) => {
                    let at = error.path().unwrap_or(path).to_string_lossy().into_owned();
                    let why = error
                        .io_error()
                        .map_or_else(|| error.to_string(), io::Error::to_string);
                    self.errors.push(Error::Read { path: at, why });
                }
                Ok(entry) if entry.file_type().is_file() => self.open(entry.path()),
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => self.errors.push(Error::Read {
                    path: entry.path().to_string_lossy().into_owned(),
                    why: "neither a file nor a folder; links are not followed, name what it points to".into(),
                }),
            }
        }
    }

    fn open(&mut self, path: &Path) {
        let caps = self.options.caps;
        let result = capped::glance(path, &caps, &mut |place, glance| {
            if let Err(error) = glance.and_then(|glance| self.look(place, glance)) {
                self.errors.push(error);
            }
        });
        self.errors.extend(result.err());
    }

    fn look(&mut self, place: Place, glance: Glance) -> Result<(), Error> {
        let name = place.name();
        let mut evidence = Evidence {
            id: EvidenceId(glance.sha256),
            path: name.clone(),
            bytes: glance.bytes,
            host: self.options.host.clone(),
            ..Evidence::default()
        };
        if Chain::is_manifest(&name) {
            return self.look_at_chain(place, evidence);
        }
        if glance.head.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let (format, confidence) = self.recognize(&name, &glance.head)?;
        evidence.source = format.name().to_owned();
        evidence.confidence = confidence.0;
        let modified = glance
            .modified
            .map(Timestamp::from_secs)
            .or_else(|| modified(&place.file));
        self.found.push(Found {
            place,
            name,
            evidence,
            format,
            modified,
            first_line: identity::first_line(&glance.head).to_vec(),
        });
        Ok(())
    }

    fn recognize(&self, name: &str, head: &[u8]) -> Result<(Arc<dyn Format>, Confidence), Error> {
        if let Some(source) = &self.options.source {
            return Ok((self.options.format(source)?, Confidence::CERTAIN));
        }
        let mut sample = Sample::new(name, head);
        sample.log_format = self.options.log_format.as_deref();
        let declared = surest(self.chosen(), &sample).filter(|(_, sure)| *sure > Confidence::NONE);
        if let Some((format, sure)) = declared {
            return Ok((Arc::clone(format), sure));
        }
        match surest(self.formats.iter(), &sample) {
            Some((format, sure)) if sure >= SURE_ENOUGH => Ok((Arc::clone(format), sure)),
            other => Err(Error::Unrecognized {
                path: name.to_owned(),
                tried: tried(other, self.formats.len()),
            }),
        }
    }

    /// The declared formats that say by which fields their records are known: a person who wrote that down
    /// knows more of the file than any built-in format can.
    fn chosen(&self) -> impl Iterator<Item = &Arc<dyn Format>> {
        let declared = self.options.mappings.iter().zip(&self.formats);
        declared
            .filter(|(mapping, _)| mapping.is_choosy())
            .map(|(_, format)| format)
    }

    fn look_at_chain(&mut self, place: Place, mut evidence: Evidence) -> Result<(), Error> {
        let mut text = Vec::new();
        let most = self.options.caps.record as u64 * 16;
        let read = place.with_content(&self.options.caps, |reader| {
            reader.take(most).read_to_end(&mut text)
        })?;
        read.map_err(|why| Error::Read {
            path: evidence.path.clone(),
            why: why.to_string(),
        })?;
        let (chain, errors) = Chain::parse(&String::from_utf8_lossy(&text), &evidence.path);
        self.errors.extend(errors);
        evidence.source = "manifest".into();
        evidence.confidence = 100;
        evidence.lineage = format!("manifest-{}", evidence.id);
        self.chains.push(FoundChain {
            chain,
            evidence,
            place,
        });
        Ok(())
    }

    fn finish(mut self) -> (Vec<Input>, Vec<Error>) {
        let chains = std::mem::take(&mut self.chains);
        let mut proofs: BTreeMap<usize, Vec<Attestation>> = BTreeMap::new();
        let mut inputs = Vec::new();
        for found in chains {
            let mut losses = Vec::new();
            for link in &found.chain.links {
                let origin = &found.chain.origin;
                match self.shipped(link, origin) {
                    Shipped::Here(at) => proofs.entry(at).or_default().push(self.prove(at, link, origin)),
                    Shipped::Missing => losses.push(self.lost(link, origin)),
                    Shipped::Unproved => {}
                }
            }
            inputs.push(Input {
                losses,
                ..Input::alone(found.evidence, None, found.place)
            });
        }
        inputs.extend(in_order(self.found, proofs));
        (inputs, self.errors)
    }

    /// The shipper names the host of a file where no person did.
    fn prove(&mut self, at: usize, link: &Link, origin: &str) -> Attestation {
        let found = &mut self.found[at];
        let host = &mut found.evidence.host;
        *host = host.take().or_else(|| link.shipment.host.clone());
        Attestation {
            source: found.format.source().to_owned(),
            host: host.clone(),
            ..link.attestation(origin)
        }
    }

    fn lost(&self, link: &Link, origin: &str) -> Loss {
        let mut loss = link.loss(origin);
        if let Some(format) = self.formats.iter().find(|f| f.name() == loss.source) {
            loss.source = format.source().to_owned();
        }
        loss
    }

    /// Looks for the file that a link names: by its digest wherever it lies, then by its name.
    fn shipped(&mut self, link: &Link, origin: &str) -> Shipped {
        let wanted = link.shipment.sha256.to_ascii_lowercase();
        if let Some(at) = self.found.iter().position(|f| f.evidence.id.0 == wanted) {
            return if link.is_sound && self.fits(at, link, origin) {
                Shipped::Here(at)
            } else {
                Shipped::Unproved
            };
        }
        let path = link.path(origin).to_string_lossy().into_owned();
        if link.shipment.bytes == 0 {
            return Shipped::Unproved;
        }
        if self.found.iter().any(|f| f.name == path) || Path::new(&path).is_file() {
            let why = format!("{path} is not the file that was shipped: its digest differs");
            self.errors.push(Error::Chain {
                path: origin.to_owned(),
                line: link.line,
                why,
            });
            return Shipped::Unproved;
        }
        Shipped::Missing
    }

    /// Whether the file was recognized as what the manifest says it is.
    fn fits(&mut self, at: usize, link: &Link, origin: &str) -> bool {
        let format = &self.found[at].format;
        if [format.name(), format.source()].contains(&link.shipment.source.as_str()) {
            return true;
        }
        let read_as = format.name();
        let why = format!(
            "the file is named {} there but read as {read_as}",
            link.shipment.source
        );
        self.errors.push(Error::Chain {
            path: origin.to_owned(),
            line: link.line,
            why,
        });
        false
    }
}

/// What became of a shipped file.
enum Shipped {
    Here(usize),
    Missing,
    /// It is there, but nothing follows from that.
    Unproved,
}

impl Input {
    fn alone(evidence: Evidence, format: Option<Arc<dyn Format>>, place: Place) -> Self {
        let family = Arc::new(Family {
            members: Vec::new(),
            counted: Mutex::new(None),
        });
        Self {
            evidence,
            format,
            place,
            modified: None,
            family,
            rank: 0,
            copy_of: None,
            attestations: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// The manual page of the source that was recognized; empty for a manifest.
    #[must_use]
    pub fn manual(&self) -> &str {
        self.format.as_ref().map_or("", |f| f.manual())
    }
}

/// Rotated siblings together, the oldest first; families in the order of their first appearance's name.
fn in_order(found: Vec<Found>, mut proofs: BTreeMap<usize, Vec<Attestation>>) -> Vec<Input> {
    type Key = (String, String, String);
    let mut families: BTreeMap<Key, Vec<(Rotation, String, usize)>> = BTreeMap::new();
    for (at, file) in found.iter().enumerate() {
        let (folder, name) = file.name.rsplit_once(['/', '!']).unwrap_or(("", &file.name));
        let (stem, rotation) = identity::rotation(name);
        let key = (folder.to_owned(), stem, file.evidence.source.clone());
        families
            .entry(key)
            .or_default()
            .push((rotation, file.name.clone(), at));
    }
    let mut inputs: Vec<Input> = Vec::new();
    let mut first: BTreeMap<(EvidenceId, String), String> = BTreeMap::new();
    for mut siblings in families.into_values() {
        siblings.sort();
        siblings.dedup_by(|a, b| a.1 == b.1);
        let members = siblings
            .iter()
            .map(|s| (found[s.2].place.clone(), Arc::clone(&found[s.2].format)))
            .collect();
        let family = Arc::new(Family {
            members,
            counted: Mutex::new(None),
        });
        for (rank, (_, _, at)) in siblings.into_iter().enumerate() {
            let Found {
                place,
                evidence,
                format,
                modified,
                first_line,
                ..
            } = &found[at];
            let lineage = identity::lineage(format.name(), evidence.host.as_deref(), first_line);
            let evidence = Evidence {
                lineage,
                ..evidence.clone()
            };
            let same = (evidence.id.clone(), evidence.lineage.clone());
            let copy_of = first.get(&same).cloned();
            first.entry(same).or_insert_with(|| evidence.path.clone());
            inputs.push(Input {
                modified: *modified,
                copy_of,
                family: Arc::clone(&family),
                rank,
                attestations: proofs.remove(&at).unwrap_or_default(),
                ..Input::alone(evidence, Some(Arc::clone(format)), place.clone())
            });
        }
    }
    inputs
}

/// The format that is surest; of equally sure ones the first.
fn surest<'f>(
    formats: impl Iterator<Item = &'f Arc<dyn Format>>,
    sample: &Sample<'_>,
) -> Option<(&'f Arc<dyn Format>, Confidence)> {
    let mut best: Option<(&Arc<dyn Format>, Confidence)> = None;
    for format in formats {
        let sure = format.recognize(sample);
        if best.is_none_or(|(_, before)| sure > before) {
            best = Some((format, sure));
        }
    }
    best
}

fn tried(best: Option<(&Arc<dyn Format>, Confidence)>, n: usize) -> String {
    match best {
        Some((format, sure)) if sure > Confidence::NONE => {
            format!(
                "{n} tried; the nearest is {}, {} percent sure",
                format.name(),
                sure.0
            )
        }
        _ => format!("{n} tried; none fits"),
    }
}

fn modified(path: &Path) -> Option<Timestamp> {
    let at = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().map(Timestamp)
}
