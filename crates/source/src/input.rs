//! One evidence file that is ready to be read, and how such files are found.

mod digests;

use crate::archive::{self, Glance, HEAD, Place};
use crate::capped::Caps;
use crate::chain::{Chain, Link};
use crate::contained::Ajar;
use crate::formats::aws::digest::Digest;
use crate::identity::{self, Occurrences, Rotation};
use crate::recognize::{chosen, recognize};
use crate::told::folder_and_file;
use crate::twins::Twins;
use crate::{Confidence, Error, Format, Framing, Options, Told};
use ambit_event::{Attestation, Evidence, EvidenceId, Loss, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
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
    pub(crate) told: Option<Arc<Told>>,
    pub(crate) family: Arc<Family>,
    /// Its place among its rotated siblings.
    pub(crate) rank: usize,
    /// The file before it that has the same bytes, source and host; then its records are not given again.
    pub(crate) copy_of: Option<String>,
    /// What a digest chain proves of it.
    pub(crate) attestations: Vec<Attestation>,
    /// For a manifest or a digest: what is missing of the files that it names.
    pub(crate) losses: Vec<Loss>,
}

impl Input {
    /// Whether none of its rotated siblings is newer: only such a file is still written.
    pub(crate) fn is_newest(&self) -> bool {
        self.rank + 1 >= self.family.members.len()
    }
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
    /// What was read up to and including the member of that rank.
    pub before: Mutex<Option<(usize, Before)>>,
    /// Its number among those that were found together, and what these have in common; `None` where there is
    /// no other.
    pub number: usize,
    pub twins: Option<Arc<Mutex<Twins>>>,
}

/// What the older siblings of a file tell of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    /// Counting goes on where they end.
    pub seen: Occurrences,
    /// The lines within which the last of them ends.
    pub ajar: Ajar,
}

/// Finds the evidence: files as they are, folders walked in the order of their names (symbolic links are
/// not followed), archives opened; recognizes the source of each, and checks the digest chains among
/// them. Rotated siblings come one after the other, the oldest first. What cannot be read or recognized
/// is told beside.
pub fn discover(paths: &[PathBuf], options: &Options) -> (Vec<Input>, Vec<Error>) {
    let mut finder = Finder {
        options,
        formats: options.formats(),
        found: Vec::new(),
        unknown: Vec::new(),
        chains: Vec::new(),
        digests: Vec::new(),
        errors: Vec::new(),
        misnamed: BTreeMap::new(),
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
    file: Sighted,
    format: Arc<dyn Format>,
}

/// A file that was found.
struct Sighted {
    place: Place,
    name: String,
    evidence: Evidence,
    modified: Option<Timestamp>,
    first_line: Vec<u8>,
    /// How a person said that it is to be read.
    told: Option<Arc<Told>>,
}

/// A file that no format recognized. A manifest, or its rotated siblings, may yet say what it is.
struct Unknown {
    file: Sighted,
    /// Where the complaint about it stands among the errors.
    complaint: usize,
    /// Nothing stands in it.
    is_empty: bool,
}

/// What rotated siblings share: folder, name, and which file of that name in an archive.
type FamilyName = (String, String, usize);

impl Sighted {
    fn family(&self) -> FamilyName {
        self.family_and_rotation().0
    }

    fn family_and_rotation(&self) -> (FamilyName, Rotation) {
        let name = self.place.bare_name();
        let (folder, name) = name.rsplit_once(['/', '!']).unwrap_or(("", &name));
        let (stem, rotation) = identity::rotation(name);
        // A second file of the same name in an archive is a later state of the first, not what was written
        // after it: it is no sibling.
        let family = (folder.to_owned(), stem, self.place.generation());
        (family, rotation)
    }
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
    unknown: Vec<Unknown>,
    chains: Vec<FoundChain>,
    digests: Vec<digests::FoundDigest>,
    errors: Vec<Error>,
    /// By manifest, the source that it names and the one that was recognized: lines and files.
    misnamed: BTreeMap<(String, String, String), Vec<(u64, String)>>,
}

/// Files that are named where many are meant.
const EXAMPLES: usize = 3;

/// What lies in a folder, by name, but for the lake's own folder.
pub(crate) fn files_under<'p>(
    path: &'p Path,
    own: Option<&Path>,
) -> impl Iterator<Item = walkdir::Result<walkdir::DirEntry>> + use<'p> {
    let own = own.and_then(|own| own.canonicalize().ok());
    let is_own = move |entry: &walkdir::DirEntry| {
        let is_within = entry.depth() > 0 && entry.file_type().is_dir();
        is_within && own.is_some() && entry.path().canonicalize().ok() == own
    };
    let entries = walkdir::WalkDir::new(path).sort_by_file_name().into_iter();
    entries.filter_entry(move |entry| !is_own(entry))
}

impl Finder<'_> {
    fn walk(&mut self, path: &Path) {
        if path.is_file() {
            return self.open(path);
        }
        for entry in files_under(path, self.options.own_folder.as_deref()) {
            match entry {
                Err(error) => {
                    let at = error.path().unwrap_or(path).to_string_lossy().into_owned();
                    self.errors.push(match error.io_error() {
                        Some(why) => Error::unreadable(at, why),
                        None => Error::Read {
                            path: at,
                            why: error.to_string(),
                        },
                    });
                }
                Ok(entry) if entry.file_type().is_file() => self.open(entry.path()),
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => self.errors.push(Error::Read {
                    path: entry.path().to_string_lossy().into_owned(),
                    why: match entry.file_type().is_symlink() {
                        true => "a link, and links are not followed; name what it points to".into(),
                        false => {
                            "neither a file nor a folder; save what comes out of it to a file, and name that"
                                .into()
                        }
                    },
                }),
            }
        }
    }

    fn open(&mut self, path: &Path) {
        let caps = self.options.caps;
        archive::glance(path, &caps, &mut |place, glance| {
            if let Err(error) = glance.and_then(|glance| self.look(place, glance)) {
                self.errors.push(error);
            }
        });
    }

    fn look(&mut self, mut place: Place, glance: Glance) -> Result<(), Error> {
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
        if Digest::may_be(&glance.head) {
            match self.look_at_digest(place, evidence)? {
                None => return Ok(()),
                Some(none) => (place, evidence) = none,
            }
        }
        let modified = glance
            .modified
            .map(Timestamp::from_secs)
            // When an archive was packed tells nothing of its members.
            .or_else(|| modified(&place.file).filter(|_| place.is_file()));
        let file = Sighted {
            place,
            name,
            evidence,
            modified,
            first_line: identity::first_line(&glance.head).to_vec(),
            told: None,
        };
        self.sort_in(file, &glance.head);
        Ok(())
    }

    fn sort_in(&mut self, mut file: Sighted, head: &[u8]) {
        if let Some(told) = self.told_of(&file, head) {
            return self.sort_in_as_told(file, head, told);
        }
        let is_blank = head.len() < HEAD && head.iter().all(u8::is_ascii_whitespace);
        if is_blank && self.options.source.is_none() {
            let error = Error::Empty {
                path: file.name.clone(),
            };
            return self.put_aside(file, error, true);
        }
        match recognize(self.options, &self.formats, &file.name, head, file.modified) {
            Ok((format, confidence)) => {
                file.first_line = beginning(&*format, head, &file).to_vec();
                self.found.push(Found::new(file, format, confidence));
            }
            Err(error) => self.put_aside(file, error, false),
        }
    }

    /// What was said of a file before, where nothing is said now.
    fn told_of(&self, file: &Sighted, head: &[u8]) -> Option<Told> {
        if self.options.source.is_some() || self.options.told.is_empty() {
            return None;
        }
        let (folder, name) = folder_and_file(&file.place.absolute_name());
        let lineage = |told: &Told| {
            let format = self.formats.iter().find(|f| f.name() == told.source)?;
            let beginning = beginning(&**format, head, file);
            let lineage = || identity::lineage(format.name(), told.host.as_deref(), beginning);
            (!beginning.is_empty()).then(lineage)
        };
        self.options.told.find(&folder, &name, lineage).cloned()
    }

    fn sort_in_as_told(&mut self, mut file: Sighted, head: &[u8], told: Told) {
        let Some(format) = self.formats.iter().find(|f| f.name() == told.source).cloned() else {
            let error = Error::ToldUnknown {
                path: file.name.clone(),
                source_name: told.source,
                day: told.at.to_string().chars().take(10).collect(),
            };
            return self.put_aside(file, error, false);
        };
        file.first_line = beginning(&*format, head, &file).to_vec();
        let host = &mut file.evidence.host;
        *host = host.take().or_else(|| told.host.clone());
        file.told = Some(Arc::new(told));
        self.found.push(Found::new(file, format, Confidence::CERTAIN));
    }

    fn put_aside(&mut self, file: Sighted, error: Error, is_empty: bool) {
        let complaint = self.errors.len();
        self.errors.push(error);
        self.unknown.push(Unknown {
            file,
            complaint,
            is_empty,
        });
    }

    fn look_at_chain(&mut self, place: Place, mut evidence: Evidence) -> Result<(), Error> {
        let mut text = Vec::new();
        let most = self.options.caps.record as u64 * 16;
        let read = place.with_content(&self.options.caps, |reader| {
            reader.take(most).read_to_end(&mut text)
        })?;
        read.map_err(|why| Error::unreadable(evidence.path.clone(), &why))?;
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
        let mut settled = self.adopt(&chains);
        settled.extend(self.adopt_logs());
        settled.extend(self.adopt_siblings());
        self.settle(&settled);
        let mut proofs: BTreeMap<usize, Vec<Attestation>> = BTreeMap::new();
        let mut inputs = Vec::new();
        for found in chains {
            let mut losses = Vec::new();
            for link in &found.chain.links {
                let origin = &found.chain.origin;
                match self.shipped(link, origin) {
                    Shipped::Whole(at) => proofs.entry(at).or_default().push(self.prove(at, link, origin)),
                    Shipped::Altered(n_bytes) => losses.push(self.lost(link.altered(origin, n_bytes))),
                    Shipped::Missing => losses.push(self.lost(link.loss(origin))),
                    Shipped::Unproved => {}
                }
            }
            inputs.push(Input {
                losses,
                ..Input::alone(found.evidence, None, found.place)
            });
        }
        self.complain_of_misnamed();
        let digests = self.judged();
        inputs.extend(in_order(self.found, proofs, &self.options.caps));
        // What they prove is given out behind what it is proved of.
        inputs.extend(digests);
        (inputs, self.errors)
    }

    /// Files that no format recognized and a manifest names are what it says: a file that was cut off early
    /// shows too little of itself. Of empty ones, which are all the same, only the name tells. Gives the
    /// complaints that are settled thereby.
    fn adopt(&mut self, chains: &[FoundChain]) -> Vec<usize> {
        let mut settled = Vec::new();
        for found in chains {
            for link in &found.chain.links {
                let path = link.path(&found.chain.origin).to_string_lossy().into_owned();
                let is_named = |u: &Unknown| match u.is_empty {
                    true => u.file.name == path,
                    false => link.names(&u.file.evidence.id, &u.file.name, &path),
                };
                let Some(at) = self.unknown.iter().position(is_named) else {
                    continue;
                };
                if let Some(format) = self.as_shipped(link) {
                    let Unknown { file, complaint, .. } = self.unknown.remove(at);
                    self.found.push(Found::new(file, format, Confidence::CERTAIN));
                    settled.push(complaint);
                }
            }
        }
        settled
    }

    /// An empty file beside others of its name is one of them: a log that was just rotated holds nothing yet.
    fn adopt_siblings(&mut self) -> Vec<usize> {
        let mut known: BTreeMap<FamilyName, Arc<dyn Format>> = BTreeMap::new();
        for found in &self.found {
            let name = found.file.family();
            known.entry(name).or_insert_with(|| Arc::clone(&found.format));
        }
        let mut settled = Vec::new();
        for unknown in std::mem::take(&mut self.unknown) {
            match known.get(&unknown.file.family()).filter(|_| unknown.is_empty) {
                Some(format) => {
                    let format = Arc::clone(format);
                    self.found
                        .push(Found::new(unknown.file, format, Confidence::CERTAIN));
                    settled.push(unknown.complaint);
                }
                None => self.unknown.push(unknown),
            }
        }
        settled
    }

    fn settle(&mut self, complaints: &[usize]) {
        let mut at = 0..;
        self.errors
            .retain(|_| !complaints.contains(&at.next().unwrap_or_default()));
    }

    /// The one format that the manifest means.
    fn as_shipped(&self, link: &Link) -> Option<Arc<dyn Format>> {
        let source = &link.shipment.source;
        let named = self.formats.iter().find(|f| f.name() == source);
        let mut forms = self.formats.iter().filter(|f| f.source() == source);
        let only = forms.next().filter(|_| forms.next().is_none());
        named.or(only).cloned()
    }

    fn prove(&self, at: usize, link: &Link, origin: &str) -> Attestation {
        let found = &self.found[at];
        Attestation {
            source: found.format.source().to_owned(),
            host: found.file.evidence.host.clone(),
            ..link.attestation(origin)
        }
    }

    /// A loss under the source that the events of such a file have.
    fn lost(&self, mut loss: Loss) -> Loss {
        if let Some(format) = self.formats.iter().find(|f| f.name() == loss.source) {
            loss.source = format.source().to_owned();
        }
        loss
    }

    /// Looks for the file that a link names: by its digest wherever it lies, then by its name.
    fn shipped(&mut self, link: &Link, origin: &str) -> Shipped {
        let wanted = link.shipment.sha256.to_ascii_lowercase();
        // Empty files are all the same: only the name tells which one is meant.
        let path = link.path(origin).to_string_lossy().into_owned();
        let is_it = |f: &Found| link.shipment.bytes > 0 || f.file.name == path;
        let whole: Vec<usize> = self.places(|f| f.file.evidence.id.0 == wanted && is_it(f));
        for at in &whole {
            self.attribute(*at, link);
        }
        if let Some(at) = whole.first() {
            return if link.is_sound && self.fits(*at, link, origin) {
                Shipped::Whole(*at)
            } else {
                Shipped::Unproved
            };
        }
        let is_unread = self.unknown.iter().any(|u| u.file.evidence.id.0 == wanted);
        if is_unread || link.shipment.bytes == 0 {
            return Shipped::Unproved;
        }
        self.under_its_name(link, origin, &path)
    }

    /// Looks for a file of that name, whose digest is not the one that was shipped.
    fn under_its_name(&mut self, link: &Link, origin: &str, path: &str) -> Shipped {
        let altered = self.places(|f| f.file.name == path);
        for at in &altered {
            self.attribute(*at, link);
            self.read_as_shipped(*at, link);
        }
        let unread = self.unknown.iter().map(|u| &u.file);
        let mut seen = altered.iter().map(|at| &self.found[*at].file).chain(unread);
        let n_bytes = seen.find(|f| f.name == path).map(|f| f.evidence.bytes);
        if n_bytes.is_none() && !Path::new(path).is_file() {
            return Shipped::Missing;
        }
        let why = match n_bytes {
            Some(_) => format!("{path} is not the file that was shipped: its digest differs"),
            None => format!(
                "{path} lies there and was not given with the manifest, which proves nothing of it so"
            ),
        };
        self.errors.push(Error::Chain {
            path: origin.to_owned(),
            line: link.line,
            why,
        });
        n_bytes.map_or(Shipped::Unproved, Shipped::Altered)
    }

    fn places(&self, test: impl Fn(&Found) -> bool) -> Vec<usize> {
        (0..self.found.len())
            .filter(|at| test(&self.found[*at]))
            .collect()
    }

    /// The shipper names the host of a file where no person did, whether the file is whole or not.
    fn attribute(&mut self, at: usize, link: &Link) {
        let host = &mut self.found[at].file.evidence.host;
        *host = host.take().or_else(|| link.shipment.host.clone());
    }

    /// What is left of an altered file may look like another source's; the shipper knew the whole of it.
    fn read_as_shipped(&mut self, at: usize, link: &Link) {
        let is_chosen =
            |format: &Arc<dyn Format>| chosen(self.options, &self.formats).any(|f| f.name() == format.name());
        let format = &self.found[at].format;
        let is_told = self.options.source.is_some() || self.found[at].file.told.is_some();
        if is_told || is_chosen(format) || is_of(format, link) {
            return;
        }
        if let Some(format) = self.as_shipped(link) {
            let evidence = &mut self.found[at].file.evidence;
            evidence.source = format.name().to_owned();
            evidence.confidence = Confidence::CERTAIN.0;
            self.found[at].format = format;
        }
    }

    /// Whether the file was recognized as what the manifest says it is.
    fn fits(&mut self, at: usize, link: &Link, origin: &str) -> bool {
        let format = &self.found[at].format;
        if is_of(format, link) {
            return true;
        }
        let named = (
            origin.to_owned(),
            link.shipment.source.clone(),
            format.name().to_owned(),
        );
        let other = (link.line, link.shipment.file.clone());
        self.misnamed.entry(named).or_default().push(other);
        false
    }

    /// One complaint for all files of a manifest that it names one source and that were read as one other.
    fn complain_of_misnamed(&mut self) {
        for ((path, named, read_as), files) in std::mem::take(&mut self.misnamed) {
            let Some((line, file)) = files.first().cloned() else {
                continue;
            };
            let why = match files.len() {
                1 => format!("{file} is of {named} there but was read as {read_as}"),
                n => {
                    let first: Vec<&str> = files
                        .iter()
                        .take(EXAMPLES)
                        .map(|(_, file)| file.as_str())
                        .collect();
                    let more = if n > EXAMPLES { ", ..." } else { "" };
                    format!(
                        "this and {} other files are of {named} there but were read as {read_as} ({}{more})",
                        n - 1,
                        first.join(", ")
                    )
                }
            };
            self.errors.push(Error::Chain { path, line, why });
        }
    }
}

fn is_of(format: &Arc<dyn Format>, link: &Link) -> bool {
    [format.name(), format.source()].contains(&link.shipment.source.as_str())
}

impl Found {
    fn new(mut file: Sighted, format: Arc<dyn Format>, confidence: Confidence) -> Self {
        file.evidence.source = format.name().to_owned();
        file.evidence.confidence = confidence.0;
        if let Framing::Chunks { .. } = format.framing() {
            file.first_line = beginning(&*format, b"", &file).to_vec();
        }
        Self { file, format }
    }
}

/// What tells a file of this format from others.
fn beginning<'f>(format: &dyn Format, head: &'f [u8], file: &'f Sighted) -> &'f [u8] {
    let framing = format.framing();
    if let Framing::Chunks { .. } = framing {
        // It is written to in place, and may begin as many others do: only its own bytes tell which it is.
        return file.evidence.id.0.as_bytes();
    }
    match identity::first_element(head, &framing) {
        Some(first) => first,
        None if format.names_columns() => identity::first_row(head),
        None => &file.first_line,
    }
}

/// What became of a shipped file.
enum Shipped {
    Whole(usize),
    /// It is there with other bytes, so many of them.
    Altered(u64),
    Missing,
    /// It is there, but nothing follows from that.
    Unproved,
}

impl Input {
    fn alone(evidence: Evidence, format: Option<Arc<dyn Format>>, place: Place) -> Self {
        let family = Arc::new(Family {
            members: Vec::new(),
            before: Mutex::new(None),
            number: 0,
            twins: None,
        });
        Self {
            evidence,
            format,
            place,
            modified: None,
            told: None,
            family,
            rank: 0,
            copy_of: None,
            attestations: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// How a person said before that it is to be read, where that is why it is read so.
    #[must_use]
    pub fn told(&self) -> Option<&Told> {
        self.told.as_deref()
    }

    /// What is to be remembered of these options, with which the file is read; `None` where they name no source.
    #[must_use]
    pub fn to_remember(&self, options: &Options, by: &str, at: Timestamp) -> Option<Told> {
        self.format.as_ref()?;
        let (folder, file) = folder_and_file(&self.place.absolute_name());
        Some(Told {
            folder,
            file,
            source: options.source.clone()?,
            host: options.host.clone(),
            time_zone: options.time_zone.clone(),
            log_format: options.log_format.clone(),
            at,
            by: by.to_owned(),
            lineages: vec![self.evidence.lineage.clone()],
        })
    }

    /// The manual page of the source that was recognized; empty for a manifest.
    #[must_use]
    pub fn manual(&self) -> &str {
        self.format.as_ref().map_or("", |f| f.manual())
    }
}

/// Rotated siblings together, the oldest first; families in the order of their first appearance's name.
fn in_order(found: Vec<Found>, mut proofs: BTreeMap<usize, Vec<Attestation>>, caps: &Caps) -> Vec<Input> {
    type Key = (FamilyName, String);
    let mut families: BTreeMap<Key, Vec<(Rotation, String, usize)>> = BTreeMap::new();
    for (at, Found { file, .. }) in found.iter().enumerate() {
        let (family, rotation) = file.family_and_rotation();
        let key = (family, file.evidence.source.clone());
        families
            .entry(key)
            .or_default()
            .push((rotation, file.name.clone(), at));
    }
    let mut inputs: Vec<Input> = Vec::new();
    let mut first: BTreeMap<(EvidenceId, String), String> = BTreeMap::new();
    let twins: Option<Arc<Mutex<Twins>>> = (families.len() > 1).then(Arc::default);
    for (number, mut siblings) in families.into_values().enumerate() {
        siblings.sort();
        // Names may differ in what cannot be shown.
        siblings.dedup_by(|a, b| a.1 == b.1 && found[a.2].file.place.file == found[b.2].file.place.file);
        let members = siblings
            .iter()
            .map(|s| (found[s.2].file.place.clone(), Arc::clone(&found[s.2].format)))
            .collect();
        let family = Arc::new(Family {
            members,
            before: Mutex::new(None),
            number,
            twins: twins.clone(),
        });
        let shared = shared_places(&siblings);
        for (rank, (rotation, _, at)) in siblings.into_iter().enumerate() {
            let Found { file, format } = &found[at];
            let Sighted {
                place,
                evidence,
                modified,
                first_line,
                told,
                ..
            } = file;
            let lineage = identity::lineage(format.name(), evidence.host.as_deref(), first_line);
            let evidence = Evidence {
                lineage,
                ..evidence.clone()
            };
            let content = shared.contains(&rotation).then(|| content(place, caps)).flatten();
            let same = (
                content.unwrap_or_else(|| evidence.id.clone()),
                evidence.lineage.clone(),
            );
            let copy_of = first.get(&same).filter(|_| evidence.bytes > 0).cloned();
            first.entry(same).or_insert_with(|| evidence.path.clone());
            inputs.push(Input {
                modified: *modified,
                told: told.clone(),
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

/// The places in a rotation at which there are two siblings: one may be the packed form of the other.
fn shared_places(siblings: &[(Rotation, String, usize)]) -> BTreeSet<Rotation> {
    let pairs = siblings.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    pairs.map(|pair| pair[0].0.clone()).collect()
}

/// The digest of what stands in a file, unpacked.
fn content(place: &Place, caps: &Caps) -> Option<EvidenceId> {
    let (sha256, _, error) = place.with_content(caps, |reader| archive::hash(reader)).ok()?;
    error.is_none().then_some(EvidenceId(sha256))
}

fn modified(path: &Path) -> Option<Timestamp> {
    let at = std::fs::metadata(path).ok()?.modified().ok()?;
    // Zero is what is written where no time was kept.
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    let since = Some(since).filter(|since| since.as_secs() > 0)?;
    i64::try_from(since.as_nanos()).ok().map(Timestamp)
}
