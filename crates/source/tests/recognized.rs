//! Each golden file of the cloud sources is recognized for what it is, without anybody saying so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_source::{Options, discover};
use std::path::Path;

#[test]
fn golden_files_are_recognized_as_their_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for source in ["aws_cloudtrail", "gcp_audit", "kubernetes_audit"] {
        let (mut inputs, errors) = discover(&[root.join(source)], &Options::default());
        let is_whole = |path: &str| path.ends_with(".in") && !path.ends_with("hostile.in");
        inputs.retain(|input| is_whole(&input.evidence.path));
        assert!(!inputs.is_empty());
        for input in inputs {
            assert_eq!(input.evidence.source, source, "{}", input.evidence.path);
        }
        for error in errors {
            let about = error.to_string();
            assert!(!about.contains(".in") || about.contains("hostile.in"), "{error}");
        }
    }
}

#[test]
fn what_has_the_same_fields_is_not_taken_for_cloudtrail() {
    for text in [
        r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2024-05-23T10:00:00Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:AIDAEXAMPLE"},"s3":{"bucket":{"name":"b"}}}]}"#,
        r#"{"eventId":"1","eventVersion":"1","eventSource":"ecs.aliyuncs.com","eventName":"DescribeInstances","eventTime":"2024-05-23T10:00:00Z","userIdentity":{"type":"root-account"},"acsRegion":"eu-central-1"}"#,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.json");
        std::fs::write(&path, text).unwrap();
        let (inputs, _) = discover(&[path], &Options::default());
        assert!(
            inputs
                .iter()
                .all(|input| input.evidence.source != "aws_cloudtrail"),
            "{text}"
        );
    }
}
