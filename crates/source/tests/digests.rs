//! CloudTrail's digest files beside its log files, as S3 holds them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Keys};
use ambit_source::{Error, Options, discover, read};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Hours of one region: a log file each, and the digest that names it.
struct Region<'d> {
    dir: &'d TempDir,
    name: &'d str,
    /// Object and hash of the digest before.
    previous: Option<(String, String)>,
}

impl Region<'_> {
    fn hour(&mut self, hour: u8) {
        let region = self.name;
        let record = format!(
            r#"{{"eventVersion":"1.08","userIdentity":{{"type":"Root","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"}},"eventTime":"2024-05-23T{hour:02}:30:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","awsRegion":"{region}","sourceIPAddress":"203.0.113.7","eventID":"{region}-{hour}"}}"#
        );
        let log = format!("{{\"Records\":[{record}]}}");
        let object = log_name(region, hour);
        pack(&self.dir.path().join(&object), &log);
        let digest_object =
            format!("AWSLogs/111122223333/CloudTrail-Digest/{region}/2024/05/23/{hour}.json.gz");
        let previous = match self.previous.take() {
            None => r#""previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null"#.to_owned(),
            Some((object, hash)) => format!(
                r#""previousDigestS3Bucket":"bucket","previousDigestS3Object":"{object}","previousDigestHashValue":"{hash}""#
            ),
        };
        let digest = format!(
            r#"{{"awsAccountId":"111122223333","digestStartTime":"2024-05-23T{hour:02}:01:31Z","digestEndTime":"2024-05-23T{:02}:01:31Z","digestS3Bucket":"bucket","digestS3Object":"{digest_object}","digestPublicKeyFingerprint":"31e8","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":"2024-05-23T{hour:02}:30:00Z","oldestEventTime":"2024-05-23T{hour:02}:30:00Z",{previous},"previousDigestHashAlgorithm":"SHA-256","previousDigestSignature":"50887c","logFiles":[{{"s3Bucket":"bucket","s3Object":"{object}","hashValue":"{}","hashAlgorithm":"SHA-256","newestEventTime":"2024-05-23T{hour:02}:30:00Z","oldestEventTime":"2024-05-23T{hour:02}:30:00Z"}}]}}"#,
            hour + 1,
            sha256(&log),
        );
        pack(&self.dir.path().join(&digest_object), &digest);
        self.previous = Some((digest_object, sha256(&digest)));
    }
}

fn log_name(region: &str, hour: u8) -> String {
    format!(
        "AWSLogs/111122223333/CloudTrail/{region}/2024/05/23/111122223333_CloudTrail_{region}_20240523T{hour:02}35Z_x{hour}.json.gz"
    )
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn pack(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut packer =
        flate2::write::GzEncoder::new(std::fs::File::create(path).unwrap(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap();
}

fn bucket(hours: &[(&str, std::ops::Range<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, hours) in hours {
        let mut region = Region {
            dir: &dir,
            name,
            previous: None,
        };
        hours.clone().for_each(|hour| region.hour(hour));
    }
    dir
}

/// What comes of the whole folder, the order of the batches kept.
fn ingest(dir: &TempDir) -> (Batch, Vec<Error>) {
    let options = Options::default();
    let (inputs, errors) = discover(&[dir.path().to_path_buf()], &options);
    let mut whole = Batch::default();
    for input in &inputs {
        let mut sink = |batch: Batch| {
            if !batch.events.is_empty() {
                assert!(
                    whole.attestations.is_empty(),
                    "what is proved comes behind what it is proved of"
                );
            }
            whole.events.extend(batch.events);
            let unfinished = batch.unfinished.unwrap_or_default();
            whole.rejects.extend(batch.rejects);
            whole.rejects.extend(unfinished.rejects);
            whole.losses.extend(batch.losses);
            whole.attestations.extend(batch.attestations);
            ControlFlow::Continue(())
        };
        read(input, &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
    }
    (whole, errors)
}

fn proved(batch: &Batch) -> Vec<String> {
    batch.attestations.iter().map(|a| a.span.to_string()).collect()
}

#[test]
fn whole_hours_are_proved_and_the_signature_is_not_claimed() {
    let dir = bucket(&[("eu-west-1", 9..12)]);
    let (batch, errors) = ingest(&dir);
    assert_eq!((batch.events.len(), batch.losses.len(), errors), (3, 0, vec![]));
    assert_eq!(proved(&batch), ["2024-05-23T09:01:31Z to 2024-05-23T11:01:31Z"]);
    let said = &batch.attestations[0];
    assert_eq!((said.source.as_str(), &said.host), ("aws_cloudtrail", &None));
    assert!(
        said.because.contains("signatures were not verified"),
        "{}",
        said.because
    );
}

#[test]
fn unpacked_and_renamed_files_are_found_by_their_content() {
    let dir = bucket(&[("eu-west-1", 9..12)]);
    let packed = dir.path().join(log_name("eu-west-1", 10));
    let (batch, _) = ingest(&dir);
    let record = batch
        .events
        .iter()
        .find(|e| e.time.to_string() == "2024-05-23T10:30:00Z");
    std::fs::write(
        dir.path().join("export.json"),
        [b"{\"Records\":[", &record.unwrap().raw[..], b"]}"].concat(),
    )
    .unwrap();
    std::fs::remove_file(packed).unwrap();
    let (batch, errors) = ingest(&dir);
    assert_eq!((batch.events.len(), batch.losses.len(), errors), (3, 0, vec![]));
    assert_eq!(proved(&batch), ["2024-05-23T09:01:31Z to 2024-05-23T11:01:31Z"]);
}

#[test]
fn a_log_file_that_is_missing_or_altered_is_a_loss() {
    for (alter, what) in [
        (None, "which is not in the evidence"),
        (Some("{\"Records\":[]}"), "has other content"),
        (Some(""), "has other content"),
    ] {
        let dir = bucket(&[("eu-west-1", 9..13)]);
        let path = dir.path().join(log_name("eu-west-1", 11));
        match alter {
            None => std::fs::remove_file(&path).unwrap(),
            Some(text) => pack(&path, text),
        }
        let (batch, _) = ingest(&dir);
        assert_eq!(
            proved(&batch),
            ["2024-05-23T09:01:31Z to 2024-05-23T10:01:31Z"],
            "{what}"
        );
        let lost = &batch.losses[0];
        assert_eq!(
            (batch.losses.len(), lost.source.as_str(), lost.at_most),
            (1, "aws_cloudtrail", None)
        );
        assert_eq!(
            lost.span.to_string(),
            "2024-05-23T11:30:00Z to 2024-05-23T11:30:01Z"
        );
        assert!(lost.why.contains(what), "{}", lost.why);
    }
}

#[test]
fn a_digest_that_was_rewritten_breaks_its_chain() {
    let dir = bucket(&[("eu-west-1", 9..14)]);
    let path: PathBuf = dir
        .path()
        .join("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/05/23/11.json.gz");
    let bytes = std::fs::read(&path).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
    let at = text.find("\"logFiles\"").unwrap();
    pack(&path, &format!("{}\"logFiles\":[]}}", &text[..at]));
    std::fs::remove_file(dir.path().join(log_name("eu-west-1", 11))).unwrap();
    let (batch, errors) = ingest(&dir);
    assert_eq!(proved(&batch), ["2024-05-23T09:01:31Z to 2024-05-23T10:01:31Z"]);
    assert!(
        errors.len() == 1 && errors[0].to_string().contains("the chain is broken here"),
        "{errors:?}"
    );
}

#[test]
fn what_one_region_proves_holds_for_no_other() {
    let dir = bucket(&[("eu-west-1", 9..13), ("us-east-1", 10..13)]);
    assert_eq!(
        proved(&ingest(&dir).0),
        ["2024-05-23T10:01:31Z to 2024-05-23T12:01:31Z"]
    );
    std::fs::remove_dir_all(
        dir.path()
            .join("AWSLogs/111122223333/CloudTrail-Digest/us-east-1"),
    )
    .unwrap();
    assert!(proved(&ingest(&dir).0).is_empty());
}

#[test]
fn a_log_that_only_looks_like_a_digest_is_read_as_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let record = r#"{"eventTime":"2024-05-23T10:30:00Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"x","requestParameters":{"encryptionContext":{"digestStartTime":"x","digestS3Object":"y"}},"eventID":"1"}"#;
    std::fs::write(dir.path().join("log.json"), format!("{{\"Records\":[{record}]}}")).unwrap();
    let (batch, errors) = ingest(&dir);
    assert_eq!((batch.events.len(), errors), (1, vec![]));
}
