//! CloudTrail's digest files: which log files it delivered in an hour, with their hashes, and what can be proved
//! from a chain of them.
//!
//! A digest names the digest before it with its hash, so that neither can be altered alone. Whoever alters a digest
//! and all that follow it is found by their signatures only, which S3 keeps beside the files: they are not verified
//! here, and what is proved says so.
//!
//! Log files are delivered some minutes after the calls that they record. Thus an hour is covered only where the
//! log files of the next digest are all there too.

use ambit_event::{Attestation, Loss, Span, Timestamp, printable};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The source of the log files that digests speak of.
const SOURCE: &str = "aws_cloudtrail";

/// An account and a region: log files and digests are delivered for each on its own.
pub type Partition = (String, String);

/// What one digest file says.
#[derive(Debug, Clone)]
pub struct Digest {
    /// The file, as a person would name it.
    pub path: String,
    /// Bucket and key under which S3 held it.
    object: (String, String),
    /// Of its content, in hexadecimal.
    sha256: String,
    pub partition: Partition,
    /// When the log files that it names were delivered.
    delivered: Span,
    /// The digest before it, with its hash; `None` in the first of a chain.
    previous: Option<((String, String), String)>,
    pub files: Vec<LogFile>,
}

/// A log file that a digest names.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Its key in S3.
    pub object: String,
    /// SHA-256 of its content, unpacked, in hexadecimal.
    pub sha256: String,
    /// From its oldest to its newest event.
    events: Span,
}

/// What became of a log file that a digest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Whole,
    /// A file of that name has other bytes.
    Altered,
    Missing,
}

/// What follows from the digests.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is lost by each digest, by its place among them.
    pub losses: BTreeMap<usize, Vec<Loss>>,
    pub attestations: Vec<Attestation>,
    /// What does not fit, by the place of the digest.
    pub faults: Vec<(usize, String)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    aws_account_id: String,
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    previous_digest_s3_bucket: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    log_files: Vec<WrittenFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFile {
    s3_object: String,
    hash_value: String,
    hash_algorithm: Option<String>,
    oldest_event_time: Option<String>,
    newest_event_time: Option<String>,
}

impl Digest {
    /// Whether the beginning of a file may be that of a digest; only [`Self::parse`] tells.
    #[must_use]
    pub fn may_be(head: &[u8]) -> bool {
        let has = |key: &[u8]| memchr::memmem::find(head, key).is_some();
        head.trim_ascii_start().starts_with(b"{") && has(b"\"digestStartTime\"") && has(b"\"digestS3Object\"")
    }

    /// Reads a digest; `None` where the content is none.
    #[must_use]
    pub fn parse(content: &[u8], path: &str) -> Option<Self> {
        let written: Written = serde_json::from_slice(content).ok()?;
        let at = |text: &str| Timestamp::parse(text).ok();
        let delivered = Span::new(at(&written.digest_start_time)?, at(&written.digest_end_time)?);
        let previous = (
            written.previous_digest_s3_bucket,
            written.previous_digest_s3_object,
            written.previous_digest_hash_value,
        );
        let files: Option<Vec<LogFile>> = written
            .log_files
            .into_iter()
            .map(|file| file.read(delivered))
            .collect();
        Some(Self {
            path: path.to_owned(),
            sha256: hex::encode(Sha256::digest(content)),
            partition: (written.aws_account_id, region(&written.digest_s3_object)?),
            object: (written.digest_s3_bucket, written.digest_s3_object),
            delivered,
            previous: match previous {
                (Some(bucket), Some(object), Some(hash)) => Some(((bucket, object), hash)),
                _ => None,
            },
            files: files?,
        })
    }

    fn chain(&self) -> Chain<'_> {
        (&self.partition, trail(&self.object.1))
    }

    fn lost(&self, file: &LogFile, what: &str) -> Loss {
        let (digest, object) = (name_of(&self.path), name_of(&file.object));
        Loss {
            source: SOURCE.to_owned(),
            host: None,
            span: file.events,
            at_most: None,
            why: printable(&format!("CloudTrail digest {digest} names {object}, {what}"), 400),
        }
    }
}

impl WrittenFile {
    /// `None` where the hash is one that nobody here can check.
    fn read(self, delivered: Span) -> Option<LogFile> {
        if self.hash_algorithm.is_some_and(|name| name != "SHA-256") {
            return None;
        }
        let at = |text: Option<String>| Timestamp::parse(&text?).ok();
        let (oldest, newest) = (at(self.oldest_event_time), at(self.newest_event_time));
        let until = newest.map_or(delivered.until, |at| at.plus_nanos(1_000_000_000));
        Some(LogFile {
            object: self.s3_object,
            sha256: self.hash_value.to_ascii_lowercase(),
            events: Span::new(oldest.unwrap_or(delivered.from).min(until), until),
        })
    }
}

/// `AWSLogs/ACCOUNT/CloudTrail-Digest/REGION/...`
fn region(object: &str) -> Option<String> {
    let mut steps = object.split('/');
    steps.find(|step| *step == "CloudTrail-Digest")?;
    steps.next().map(str::to_owned)
}

/// What the names of a trail's digests have in common: `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOME`, without the
/// instant at which the digest ends. Names of another form tell no trail: those are one.
fn trail(object: &str) -> &str {
    let name = name_of(object);
    if !name.contains("_CloudTrail-Digest_") {
        return "";
    }
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let name = name.strip_suffix(".json").unwrap_or(name);
    let name = name.strip_suffix("_backfill").unwrap_or(name);
    name.rsplit_once('_').map_or(name, |(trail, _)| trail)
}

/// The last step of a path, whatever parts its steps.
#[must_use]
pub fn name_of(path: &str) -> &str {
    path.rsplit(['/', '!', '\\']).next().unwrap_or(path)
}

/// The account and region that the name of a log file tells: `ACCOUNT_CloudTrail_REGION_...`.
#[must_use]
pub fn partition_of(name: &str) -> Option<Partition> {
    let mut parts = name_of(name).split('_');
    let account = parts.next()?;
    let is_log = parts.next()? == "CloudTrail";
    let region = parts.next()?;
    is_log.then(|| (account.to_owned(), region.to_owned()))
}

/// What follows from these digests, where `found` tells what became of a log file. `logs` are the partitions of the
/// log files that are there, whoever names them; `None` where one of them tells no partition: then nothing says
/// which digests there would have to be.
#[must_use]
pub fn judge(
    digests: &[Digest],
    found: &dyn Fn(&LogFile) -> Found,
    logs: Option<&BTreeSet<Partition>>,
) -> Verdict {
    let mut verdict = Verdict::default();
    let states: Vec<Vec<Found>> = digests
        .iter()
        .map(|digest| digest.files.iter().map(found).collect())
        .collect();
    let mut told = BTreeSet::new();
    for (n, digest) in digests.iter().enumerate() {
        for (file, state) in digest.files.iter().zip(&states[n]) {
            let what = match state {
                Found::Whole => continue,
                Found::Missing => "which is not in the evidence",
                Found::Altered => "and the file of that name has other content",
            };
            if told.insert(&file.object) {
                verdict.losses.entry(n).or_default().push(digest.lost(file, what));
            }
        }
    }
    let chain = linked(digests, &mut verdict.faults);
    for (n, loss) in unnamed(digests, &chain.orphans) {
        verdict.losses.entry(n).or_default().push(loss);
    }
    let is_complete = |n: usize| !chain.is_broken[n] && states[n].iter().all(|s| *s == Found::Whole);
    let mut covered: BTreeMap<Chain<'_>, Vec<Span>> = BTreeMap::new();
    for (n, digest) in digests.iter().enumerate() {
        let spans = covered.entry(digest.chain()).or_default();
        let next = chain.next.get(&n);
        let goes_on =
            |next: &usize| is_complete(*next) && digests[*next].delivered.from <= digest.delivered.until;
        if is_complete(n) && next.is_some_and(goes_on) {
            spans.push(digest.delivered);
        }
    }
    let Some(logs) = logs else {
        return verdict;
    };
    let told: BTreeSet<&Partition> = covered.keys().map(|(partition, _)| *partition).collect();
    let untold = logs.iter().filter(|p| !told.contains(p)).map(|_| Vec::new());
    let common = covered
        .into_values()
        .chain(untold)
        .map(merged)
        .reduce(|a, b| in_both(&a, &b));
    verdict.attestations = common.unwrap_or_default().into_iter().map(attested).collect();
    verdict
}

/// Which digest follows on which, and which do not fit.
struct Links {
    next: BTreeMap<usize, usize>,
    is_broken: Vec<bool>,
    /// Those whose predecessor is not there, or that have none, although the trail has an earlier digest.
    orphans: Vec<usize>,
}

/// A trail in a partition: its digests are one chain.
type Chain<'d> = (&'d Partition, &'d str);

fn linked(digests: &[Digest], faults: &mut Vec<(usize, String)>) -> Links {
    let places: BTreeMap<&(String, String), usize> =
        digests.iter().enumerate().map(|(n, d)| (&d.object, n)).collect();
    let mut first: BTreeMap<Chain<'_>, Timestamp> = BTreeMap::new();
    for digest in digests {
        let at = first.entry(digest.chain()).or_insert(digest.delivered.from);
        *at = digest.delivered.from.min(*at);
    }
    let mut links = Links {
        next: BTreeMap::new(),
        is_broken: vec![false; digests.len()],
        orphans: Vec::new(),
    };
    for (n, digest) in digests.iter().enumerate() {
        let is_first = first.get(&digest.chain()) == Some(&digest.delivered.from);
        let Some((object, hash)) = &digest.previous else {
            if !is_first {
                links.orphans.push(n);
                let why = "the trail was stopped before it, or its digests were";
                faults.push((n, why.to_owned()));
            }
            continue;
        };
        let Some(&before) = places.get(object) else {
            if !is_first {
                links.orphans.push(n);
                let name = printable(name_of(&object.1), 200);
                faults.push((n, format!("the digest before it, {name}, is not in the evidence")));
            }
            continue;
        };
        if digests[before].sha256.eq_ignore_ascii_case(hash) {
            links.next.insert(before, n);
            continue;
        }
        // Either of them may have been altered.
        links.is_broken[n] = true;
        links.is_broken[before] = true;
        let name = printable(name_of(&digests[before].path), 200);
        faults.push((
            n,
            format!("its hash of {name} is not that file's: the chain is broken here"),
        ));
    }
    links
}

/// What log files may be missing that digests named which are not there, by the digest after them: from the hour
/// of the last digest before them, of which some calls are delivered in the hour after, to the next digest's.
fn unnamed(digests: &[Digest], orphans: &[usize]) -> Vec<(usize, Loss)> {
    let begun: BTreeSet<(Chain<'_>, Timestamp)> =
        digests.iter().map(|d| (d.chain(), d.delivered.from)).collect();
    let lost = |&n: &usize| {
        let digest = &digests[n];
        let from = digest.delivered.from;
        let mut earlier = begun.range((digest.chain(), Timestamp::MIN)..(digest.chain(), from));
        let span = Span::new(earlier.next_back()?.1, from);
        let on_what = match digest.previous {
            Some(_) => "follows on one that is not in the evidence",
            None => "begins anew, as when a trail was stopped",
        };
        let why = format!(
            "CloudTrail digest {} {on_what}: nothing tells which log files were delivered before it",
            name_of(&digest.path)
        );
        let loss = Loss {
            source: SOURCE.to_owned(),
            host: None,
            span,
            at_most: None,
            why: printable(&why, 400),
        };
        Some((n, loss))
    };
    orphans.iter().filter_map(lost).collect()
}

/// In order, with those that touch each other put together.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| !span.is_empty());
    spans.sort();
    let mut out: Vec<Span> = Vec::new();
    for span in spans {
        match out.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            _ => out.push(span),
        }
    }
    out
}

/// What lies in a span of each; both are in order.
fn in_both(a: &[Span], b: &[Span]) -> Vec<Span> {
    let (mut out, mut i, mut j) = (Vec::new(), 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let both = Span::new(x.from.max(y.from), x.until.min(y.until));
        if both.from < both.until {
            out.push(both);
        }
        if x.until < y.until {
            i += 1;
        } else {
            j += 1;
        }
    }
    out
}

fn attested(span: Span) -> Attestation {
    Attestation {
        source: SOURCE.to_owned(),
        host: None,
        span,
        because:
            "CloudTrail digests: every log file that they name for it and the hour after is here unaltered, \
                  and each digest fits the one before; their signatures were not verified"
                .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hours of a chain, each with one log file; the text of each digest is as CloudTrail writes it.
    fn chain(region: &str, hours: std::ops::Range<u8>) -> Vec<Digest> {
        let mut digests: Vec<Digest> = Vec::new();
        for hour in hours {
            let object = |hour: u8| {
                format!("AWSLogs/111122223333/CloudTrail-Digest/{region}/2024/05/23/digest_{hour}.json.gz")
            };
            let previous = digests.last().map_or("\"previousDigestS3Bucket\":null".to_owned(), |before| {
                format!(
                    r#""previousDigestS3Bucket":"b","previousDigestS3Object":"{}","previousDigestHashValue":"{}""#,
                    before.object.1, before.sha256
                )
            });
            let text = format!(
                r#"{{"awsAccountId":"111122223333","digestStartTime":"2024-05-23T{hour:02}:00:00Z","digestEndTime":"2024-05-23T{:02}:00:00Z","digestS3Bucket":"b","digestS3Object":"{}",{previous},"logFiles":[{{"s3Bucket":"b","s3Object":"AWSLogs/111122223333/CloudTrail/{region}/{hour}.json.gz","hashValue":"{hour:02}AB","hashAlgorithm":"SHA-256","newestEventTime":"2024-05-23T{hour:02}:40:00Z","oldestEventTime":"2024-05-23T{hour:02}:10:00Z"}}]}}"#,
                hour + 1,
                object(hour),
            );
            assert!(Digest::may_be(text.as_bytes()));
            digests.extend(Digest::parse(text.as_bytes(), &format!("d/digest_{hour}.json")));
        }
        digests
    }

    fn partitions(names: &[&str]) -> BTreeSet<Partition> {
        names
            .iter()
            .map(|name| ("111122223333".to_owned(), (*name).to_owned()))
            .collect()
    }

    fn spans(verdict: &Verdict) -> Vec<String> {
        verdict.attestations.iter().map(|a| a.span.to_string()).collect()
    }

    #[test]
    fn an_hour_is_covered_where_its_log_files_and_the_next_hours_are_whole() {
        let digests = chain("eu-west-1", 9..13);
        assert_eq!((digests.len(), digests[0].files[0].sha256.as_str()), (4, "09ab"));
        let verdict = judge(&digests, &|_| Found::Whole, Some(&partitions(&["eu-west-1"])));
        assert_eq!(spans(&verdict), ["2024-05-23T09:00:00Z to 2024-05-23T12:00:00Z"]);
        assert!(verdict.losses.is_empty() && verdict.faults.is_empty());

        let gone = |file: &LogFile| match file.sha256.as_str() {
            "10ab" => Found::Missing,
            _ => Found::Whole,
        };
        let verdict = judge(&digests, &gone, Some(&partitions(&["eu-west-1"])));
        assert_eq!(spans(&verdict), ["2024-05-23T11:00:00Z to 2024-05-23T12:00:00Z"]);
        let lost = &verdict.losses[&1][0];
        assert_eq!(
            lost.span.to_string(),
            "2024-05-23T10:10:00Z to 2024-05-23T10:40:01Z"
        );
        assert!(
            lost.at_most.is_none() && lost.why.contains("10.json.gz, which is not in"),
            "{}",
            lost.why
        );
    }

    #[test]
    fn an_altered_or_dropped_digest_proves_nothing_around_it() {
        let mut digests = chain("eu-west-1", 9..14);
        digests[2].sha256 = "another".into();
        let verdict = judge(&digests, &|_| Found::Whole, Some(&partitions(&["eu-west-1"])));
        assert_eq!((spans(&verdict).len(), verdict.faults.len()), (1, 1));
        assert_eq!(spans(&verdict), ["2024-05-23T09:00:00Z to 2024-05-23T10:00:00Z"]);
        let mut digests = chain("eu-west-1", 9..14);
        digests.remove(2);
        let verdict = judge(&digests, &|_| Found::Whole, Some(&partitions(&["eu-west-1"])));
        assert!(
            verdict.faults.len() == 1 && verdict.faults[0].1.contains("digest_11"),
            "{:?}",
            verdict.faults
        );
        assert_eq!(
            spans(&verdict),
            [
                "2024-05-23T09:00:00Z to 2024-05-23T10:00:00Z",
                "2024-05-23T12:00:00Z to 2024-05-23T13:00:00Z"
            ]
        );
        // What the digest that is gone named may be gone too, and calls of the hour before may stand there.
        let lost = &verdict.losses[&2][0];
        let span = "2024-05-23T10:00:00Z to 2024-05-23T12:00:00Z";
        assert!(
            lost.span.to_string() == span && lost.at_most.is_none(),
            "{lost:?}"
        );
    }

    /// Log files may be gone with the digests of the hours between, or nothing was written down then.
    #[test]
    fn a_trail_that_begins_anew_tells_what_may_be_missing() {
        let mut digests = chain("eu-west-1", 9..11);
        digests.extend(chain("eu-west-1", 13..15));
        let verdict = judge(&digests, &|_| Found::Whole, Some(&partitions(&["eu-west-1"])));
        let lost = &verdict.losses[&2][0];
        assert_eq!(
            lost.span.to_string(),
            "2024-05-23T10:00:00Z to 2024-05-23T13:00:00Z"
        );
        assert!(
            lost.why.contains("begins anew") && verdict.faults.len() == 1,
            "{lost:?}"
        );

        // Another trail over the same region has a chain of its own.
        let mut other = chain("eu-west-1", 10..12);
        for digest in &mut other {
            let other = |object: &mut (String, String)| {
                object.1 = object.1.replace("/digest_", "/1_CloudTrail-Digest_x_other_x_");
            };
            other(&mut digest.object);
            if let Some((object, _)) = &mut digest.previous {
                other(object);
            }
        }
        let mut digests = chain("eu-west-1", 9..13);
        digests.append(&mut other);
        let verdict = judge(&digests, &|_| Found::Whole, Some(&partitions(&["eu-west-1"])));
        assert!(
            verdict.losses.is_empty() && verdict.faults.is_empty(),
            "{verdict:?}"
        );
        // It may be set to record what the first does not.
        assert_eq!(spans(&verdict), ["2024-05-23T10:00:00Z to 2024-05-23T11:00:00Z"]);
    }

    #[test]
    fn digests_of_one_trail_have_its_name() {
        let of = |end: &str| {
            trail(&format!(
                "a/1_CloudTrail-Digest_us-east-2_my_trail.1_us-east-2_20150817T150131Z{end}"
            ))
            .to_owned()
        };
        for end in [".json.gz", "_backfill.json.gz", ".json"] {
            assert_eq!(of(end), "1_CloudTrail-Digest_us-east-2_my_trail.1_us-east-2");
        }
    }

    #[test]
    fn every_region_must_be_covered() {
        let mut digests = chain("eu-west-1", 9..13);
        digests.extend(chain("us-east-1", 10..14));
        let both = partitions(&["eu-west-1", "us-east-1"]);
        let verdict = judge(&digests, &|_| Found::Whole, Some(&both));
        assert_eq!(spans(&verdict), ["2024-05-23T10:00:00Z to 2024-05-23T12:00:00Z"]);
        let third = partitions(&["eu-west-1", "us-east-1", "ap-south-1"]);
        assert!(spans(&judge(&digests, &|_| Found::Whole, Some(&third))).is_empty());
        assert!(spans(&judge(&digests, &|_| Found::Whole, None)).is_empty());
    }

    #[test]
    fn what_is_no_digest_is_not_taken_for_one() {
        for text in [
            r#"{"Records":[{"requestParameters":{"encryptionContext":{"digestStartTime":"x","digestS3Object":"y"}}}]}"#,
            r#"{"digestStartTime":"x","digestS3Object":"y"}"#,
            "[]",
            "",
        ] {
            assert!(Digest::parse(text.as_bytes(), "p").is_none(), "{text}");
        }
        let log = "a/111122223333_CloudTrail_eu-west-1_20240523T0900Z_x.json.gz";
        assert_eq!(partition_of(log).map(|p| p.1), Some("eu-west-1".to_owned()));
        assert_eq!(partition_of("111122223333_CloudTrail-Digest_x_y.json"), None);
    }
}
