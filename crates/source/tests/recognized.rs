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
