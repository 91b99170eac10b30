//! How CloudTrail delivers: packed log files of five minutes for each region, a digest for each hour that names
//! them with their hashes and the digest before it, and the holes.

use crate::Error;
use crate::clock::{HOUR, MINUTE, SECOND, Style, Written};
use crate::gap::GapKind;
use crate::logs::garble;
use crate::record::{ACCOUNT, mixed_case};
use crate::rng::mix;
use crate::sink::Sink;
use crate::truth::{Found, Gathered, MadeGap, TrueEvent};
use ambit_event::{Span, Timestamp};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write;

/// The source's name.
pub const SOURCE: &str = "aws_cloudtrail";
/// The regions that are used, and what their global services count to.
pub const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// Where the evidence lies among the logs.
const FOLDER: &str = "cloudtrail";
/// The bucket that the trail delivers to.
const ARCHIVE: &str = "music-audit";
const TRAIL: &str = "music-trail";
/// What one log file holds.
const PERIOD: i64 = 5 * MINUTE;
/// So long after its hour a digest is delivered.
const DIGEST_DELAY: i64 = 6 * MINUTE;

/// The trail in one region.
#[derive(Debug)]
pub struct Region {
    name: &'static str,
    /// The number of its stream among the logs.
    stream: usize,
    holes: Vec<(GapKind, Span)>,
    /// Some files are delivered twice.
    is_twice: bool,
    seed: u64,
    open: Option<Open>,
    n_files: u64,
    /// Files that no digest has named yet.
    unnamed: Vec<Delivered>,
    /// When the hour of the next digest begins. Trails have a minute of their own for it; this one's is that with
    /// which the window begins, so that the digests are about no time of which nothing else was collected.
    hour: Timestamp,
    before: Option<Before>,
    /// The end of the window.
    until: Timestamp,
}

/// The digest before the next one.
#[derive(Debug)]
struct Before {
    object: String,
    sha256: String,
    signature: String,
}

/// A log file that is being filled.
#[derive(Debug)]
struct Open {
    span: Span,
    records: Vec<Filed>,
}

#[derive(Debug)]
struct Filed {
    at: Timestamp,
    text: String,
    deed: Option<&'static str>,
}

/// A log file that was delivered, wherever it is now.
#[derive(Debug)]
struct Delivered {
    object: String,
    sha256: String,
    at: Timestamp,
    oldest: Timestamp,
    newest: Timestamp,
}

impl Region {
    pub fn new(
        nth: usize,
        stream: usize,
        window: Span,
        holes: Vec<(GapKind, Span)>,
        is_twice: bool,
        random_seed: u64,
    ) -> Self {
        let seed = mix(&[random_seed, 0x7ea11, nth as u64]);
        Self {
            name: REGIONS[nth],
            stream,
            holes,
            is_twice,
            seed,
            open: None,
            n_files: 0,
            unnamed: Vec::new(),
            hour: window.from,
            before: None,
            until: window.until,
        }
    }

    /// Takes a record, of which none earlier comes any more.
    pub fn take(
        &mut self,
        at: Timestamp,
        text: String,
        deed: Option<&'static str>,
        sink: &mut dyn Sink,
        truth: &mut Gathered,
    ) -> Result<(), Error> {
        let at = Timestamp(at.0 - at.0.rem_euclid(SECOND));
        self.advance(at, sink, truth)?;
        let from = Timestamp(at.0 - at.0.rem_euclid(PERIOD));
        let open = self.open.get_or_insert_with(|| Open {
            span: Span::new(from, from.plus_nanos(PERIOD)),
            records: Vec::new(),
        });
        open.records.push(Filed { at, text, deed });
        Ok(())
    }

    /// Delivers everything. The digest of the hour after the window shows that nothing came late.
    pub fn finish(&mut self, sink: &mut dyn Sink, truth: &mut Gathered) -> Result<(), Error> {
        self.ship(sink, truth)?;
        while self.hour <= self.until {
            self.digest(sink)?;
        }
        Ok(())
    }

    fn advance(&mut self, at: Timestamp, sink: &mut dyn Sink, truth: &mut Gathered) -> Result<(), Error> {
        if self.open.as_ref().is_some_and(|open| open.span.until <= at) {
            self.ship(sink, truth)?;
        }
        while self.hour.plus_nanos(HOUR) <= at {
            self.digest(sink)?;
        }
        Ok(())
    }

    /// Delivers the file that is being filled.
    fn ship(&mut self, sink: &mut dyn Sink, truth: &mut Gathered) -> Result<(), Error> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        self.n_files += 1;
        let content = open.content();
        let lost = self.fate(open.span);
        let draw = mix(&[self.seed, self.n_files]);
        let at = open.span.until.plus_secs(30 + (draw % 210) as i64);
        let n_times = if self.is_twice && draw.is_multiple_of(3) {
            2
        } else {
            1
        };
        for nth in 0..n_times {
            let delivered = self.delivered(&open, &content, at.plus_secs(47 * nth), draw ^ nth as u64);
            if let Some(bytes) = as_found(&content, lost.map(|(kind, _)| kind)) {
                append(sink, &delivered.object, &bytes)?;
            }
            if nth == 0 {
                self.note(&open, lost, &delivered.object, truth);
            }
            self.unnamed.push(delivered);
        }
        Ok(())
    }

    fn delivered(&self, open: &Open, content: &str, at: Timestamp, draw: u64) -> Delivered {
        let region = self.name;
        let object = format!(
            "AWSLogs/{ACCOUNT}/CloudTrail/{region}/{}/{ACCOUNT}_CloudTrail_{region}_{}_{}.json.gz",
            Written(at, Style::DatePath),
            Written(at, Style::CompactMinute),
            mixed_case(draw, 16)
        );
        let times = || open.records.iter().map(|r| r.at);
        Delivered {
            object,
            sha256: sha256(content),
            at,
            oldest: times().min().unwrap_or(at),
            newest: times().max().unwrap_or(at),
        }
    }

    /// How a file of this span is lost, if it is, and by which hole.
    fn fate(&self, span: Span) -> Option<(GapKind, Span)> {
        let struck = |(kind, hole): &&(GapKind, Span)| match kind {
            GapKind::Truncated => span.contains(hole.from),
            _ => hole.overlaps(span),
        };
        let all = || self.holes.iter().filter(struck).copied();
        let is_gone = |(kind, _): &(GapKind, Span)| matches!(kind, GapKind::Lines | GapKind::Host);
        all().find(is_gone).or_else(|| all().next())
    }

    /// Tells the truth about a file's records.
    fn note(&self, open: &Open, lost: Option<(GapKind, Span)>, object: &str, truth: &mut Gathered) {
        let n_records = open.records.len() as u64;
        match lost {
            None => truth.n_records += n_records,
            Some((kind, span)) => truth.lose(
                (self.stream, span.from, kind),
                MadeGap {
                    source: SOURCE.to_owned(),
                    host: self.name.to_owned(),
                    span,
                    kind: kind.name().to_owned(),
                    n_records,
                },
            ),
        }
        let of_intruder = |r: &Filed| {
            Some(TrueEvent {
                source: SOURCE.to_owned(),
                host: self.name.to_owned(),
                at: r.at,
                deed: r.deed?.to_owned(),
                // The whole file is one line.
                found: lost.is_none().then(|| Found {
                    file: path_of(object),
                    line: 1,
                }),
                lost: lost.map(|(kind, _)| kind.name().to_owned()),
            })
        };
        truth.events.extend(open.records.iter().filter_map(of_intruder));
    }

    /// Writes the digest of the hour, unless it was due in a hole. The one with which the evidence begins is
    /// there: without it nothing could tell that anything came before.
    fn digest(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        let hour = Span::new(self.hour, self.hour.plus_nanos(HOUR));
        let (named, later) = std::mem::take(&mut self.unnamed)
            .into_iter()
            .partition(|file: &Delivered| file.at < hour.until);
        self.unnamed = later;
        let (region, home) = (self.name, REGIONS[0]);
        let object = format!(
            "AWSLogs/{ACCOUNT}/CloudTrail-Digest/{region}/{}/{ACCOUNT}_CloudTrail-Digest_{region}_{TRAIL}_{home}_{}Z.json.gz",
            Written(hour.until, Style::DatePath),
            Written(hour.until, Style::Compact)
        );
        let content = self.statement(hour, &object, &named).to_string();
        let due = hour.until.plus_nanos(DIGEST_DELAY);
        let is_lost = |(kind, hole): &(GapKind, Span)| {
            matches!(kind, GapKind::Lines | GapKind::Host) && hole.contains(due)
        };
        if self.before.is_none() || !self.holes.iter().any(is_lost) {
            append(sink, &object, &packed(content.as_bytes()))?;
        }
        let sha256 = sha256(&content);
        self.before = Some(Before {
            signature: self.signature(&sha256),
            object,
            sha256,
        });
        self.hour = hour.until;
        Ok(())
    }

    fn statement(&self, hour: Span, object: &str, named: &[Delivered]) -> Value {
        let before = self.before.as_ref();
        json!({
            "awsAccountId": ACCOUNT,
            "digestStartTime": time(hour.from),
            "digestEndTime": time(hour.until),
            "digestS3Bucket": ARCHIVE,
            "digestS3Object": object,
            "digestPublicKeyFingerprint": self.fingerprint(),
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": named.iter().map(|f| f.newest).max().map(time),
            "oldestEventTime": named.iter().map(|f| f.oldest).min().map(time),
            "previousDigestS3Bucket": before.map(|_| ARCHIVE),
            "previousDigestS3Object": before.map(|b| &b.object),
            "previousDigestHashValue": before.map(|b| &b.sha256),
            "previousDigestHashAlgorithm": before.map(|_| "SHA-256"),
            "previousDigestSignature": before.map(|b| &b.signature),
            "logFiles": named.iter().map(Delivered::entry).collect::<Vec<_>>(),
        })
    }

    /// Of the key with which the region's digests are signed.
    fn fingerprint(&self) -> String {
        format!("{:016x}{:016x}", mix(&[self.seed, 0xf1]), mix(&[self.seed, 0xf2]))
    }

    /// What stands for the signature of 2,048 bits, which nobody here has the key for.
    fn signature(&self, sha256: &str) -> String {
        (0..8)
            .map(|n| hex::encode(Sha256::digest(format!("{}{n}{sha256}", self.seed))))
            .collect()
    }
}

impl Delivered {
    /// As a digest names it.
    fn entry(&self) -> Value {
        json!({
            "s3Bucket": ARCHIVE, "s3Object": self.object, "hashValue": self.sha256, "hashAlgorithm": "SHA-256",
            "newestEventTime": time(self.newest), "oldestEventTime": time(self.oldest),
        })
    }
}

fn time(at: Timestamp) -> String {
    Written(at, Style::Utc).to_string()
}

impl Open {
    fn content(&self) -> String {
        let mut text = String::from("{\"Records\":[");
        for (n, record) in self.records.iter().enumerate() {
            let _ = write!(text, "{}{}", if n > 0 { "," } else { "" }, record.text);
        }
        text + "]}"
    }
}

/// The bytes of a log file as the evidence holds them; `None` where it holds none.
fn as_found(content: &str, lost: Option<GapKind>) -> Option<Vec<u8>> {
    match lost {
        Some(GapKind::Lines | GapKind::Host | GapKind::Deleted) => None,
        Some(GapKind::Truncated) => {
            let mut bytes = packed(content.as_bytes());
            bytes.truncate(bytes.len() / 2);
            Some(bytes)
        }
        Some(GapKind::Garbled) => Some(packed(garble(content).as_bytes())),
        None => Some(packed(content.as_bytes())),
    }
}

/// As gzip packs, without a time of its own.
fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // A vector takes everything.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn path_of(object: &str) -> String {
    format!("{FOLDER}/{object}")
}

fn append(sink: &mut dyn Sink, object: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = path_of(object);
    sink.append(&path, bytes)
        .map_err(|source| Error::Write { path, source })
}
