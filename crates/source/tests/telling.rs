//! What a person is told of evidence that is not as it should be: all of it, and not the same thing many times.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Keys, Timestamp};
use ambit_source::{Input, Options, Shipment, Summary, discover, manifest_line, read};
use std::ops::ControlFlow;
use std::path::Path;
use tempfile::TempDir;

const LINE: &str = "203.0.113.7 - - [23/May/2014:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 5 \"-\" \"x\"\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

fn found(dir: &TempDir, options: &Options) -> (Vec<Input>, Vec<String>) {
    let (inputs, errors) = discover(&[dir.path().to_owned()], options);
    (
        inputs,
        errors.iter().map(|e| relative(dir, &e.to_string())).collect(),
    )
}

fn relative(dir: &TempDir, text: &str) -> String {
    text.replace(&format!("{}/", dir.path().display()), "")
}

fn read_one(input: &Input) -> (Summary, Batch) {
    let mut whole = Batch::default();
    let mut sink = |batch: Batch| {
        whole.evidence = whole.evidence.take().or(batch.evidence);
        whole.attestations.extend(batch.attestations);
        whole.losses.extend(batch.losses);
        ControlFlow::Continue(())
    };
    let summary = read(
        input,
        &Options::default(),
        &Keys::derive(&[7; 32]),
        None,
        &mut sink,
    )
    .unwrap();
    (summary, whole)
}

fn shipment(file: &str, text: &str, source: &str) -> Shipment {
    use sha2::Digest;
    Shipment {
        file: file.into(),
        sha256: hex::encode(sha2::Sha256::digest(text)),
        bytes: text.len() as u64,
        lines: text.lines().count() as u64,
        source: source.into(),
        host: Some("gw1".into()),
        from: Timestamp::from_secs(0),
        until: Timestamp::from_secs(60),
        prev: String::new(),
    }
}

fn manifest(shipments: &[Shipment]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for shipment in shipments {
        lines.push(manifest_line(shipment, lines.last().map(String::as_str)));
    }
    lines.join("\n") + "\n"
}

#[test]
fn an_emptied_log_is_told_and_one_that_was_just_rotated_is_evidence() {
    let dir = folder(&[
        ("access.log", " \n"),
        ("access.log.1", LINE),
        ("auth.log", ""),
        ("blank", "\n\n"),
    ]);
    let (inputs, errors) = found(&dir, &Options::default());
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("auth.log: it is empty") && errors[1].starts_with("blank: it is empty"));
    let empty = &inputs[1];
    assert_eq!(
        (
            relative(&dir, &empty.evidence.path).as_str(),
            empty.evidence.source.as_str()
        ),
        ("access.log", "nginx_access")
    );
    let (summary, batch) = read_one(empty);
    assert_eq!((summary.n_records, summary.notes.len()), (0, 0));
    assert!(batch.evidence.is_some());

    let named = Options {
        source: Some("sshd".into()),
        ..Options::default()
    };
    assert_eq!(
        found(&dir, &named).1,
        [""; 0],
        "whoever names the source knows what is empty"
    );
}

#[test]
fn blanks_that_go_on_are_not_taken_for_nothing() {
    let text = " \n".repeat(40_000) + LINE;
    let (inputs, errors) = found(&folder(&[("access.log", &text)]), &Options::default());
    assert!(
        inputs.is_empty() && errors[0].contains("no source recognizes"),
        "{errors:?}"
    );
}

#[test]
fn a_file_that_was_shipped_empty_is_whole_and_one_that_was_emptied_is_a_loss() {
    let list = manifest(&[
        shipment("a.log", "", "nginx_access"),
        shipment("b.log", LINE, "nginx_access"),
    ]);
    let dir = folder(&[("a.log", ""), ("b.log", ""), ("x.manifest.jsonl", &list)]);
    let (inputs, errors) = found(&dir, &Options::default());
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].contains("b.log is not the file that was shipped"),
        "{errors:?}"
    );
    let read: Vec<_> = inputs.iter().map(|input| read_one(input).1).collect();
    let n_of = |count: fn(&Batch) -> usize| read.iter().map(count).sum::<usize>();
    assert_eq!((n_of(|b| b.attestations.len()), n_of(|b| b.losses.len())), (1, 1));
}

#[test]
fn many_files_of_another_source_than_a_manifest_says_are_one_complaint() {
    let logs: Vec<(String, String)> = (0..5)
        .map(|n| (format!("{n}.log"), LINE.replace("/a", &format!("/{n}"))))
        .collect();
    let shipments: Vec<Shipment> = logs
        .iter()
        .map(|(name, text)| shipment(name, text, "shop"))
        .collect();
    let list = manifest(&shipments);
    let mut files: Vec<(&str, &str)> = logs
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    files.push(("x.manifest.jsonl", &list));
    let (_, errors) = found(&folder(&files), &Options::default());
    let told = "x.manifest.jsonl, line 1: this and 4 other files are of shop there but were read as nginx_access \
                (0.log, 1.log, 2.log, ...); no completeness follows from it";
    assert_eq!(errors, [told]);
    let one = manifest(&shipments[..1]);
    let (_, errors) = found(
        &folder(&[files[0], ("x.manifest.jsonl", &one)]),
        &Options::default(),
    );
    assert!(
        errors[0].contains("line 1: 0.log is of shop there but was read as nginx_access"),
        "{errors:?}"
    );
}

#[test]
fn a_note_does_not_repeat_the_name_of_its_file() {
    let dir = folder(&[("a.log", LINE), ("b.log", LINE)]);
    let (inputs, _) = found(&dir, &Options::default());
    let note = relative(&dir, &read_one(&inputs[1]).0.notes[0]);
    assert_eq!(note, "the same bytes as a.log; its records are not given again");
}

#[test]
fn what_is_not_there_or_no_file_says_what_to_do() {
    let (_, errors) = discover(&["/nowhere/at/all".into()], &Options::default());
    assert!(
        errors[0].to_string().contains("look for a mistake in its name"),
        "{errors:?}"
    );
    if Path::new("/dev/null").exists() {
        let (_, errors) = discover(&["/dev/null".into()], &Options::default());
        assert!(
            errors[0]
                .to_string()
                .contains("save what comes out of it to a file"),
            "{errors:?}"
        );
    }
}

#[test]
fn our_own_folder_among_the_logs_is_passed_over_and_no_other() {
    let dir = folder(&[("access.log", LINE)]);
    for name in ["lake", "other"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name).join("key"), [0, 159]).unwrap();
    }
    let options = Options {
        own_folder: Some(dir.path().join("other").join("..").join("lake")),
        ..Options::default()
    };
    let (inputs, errors) = found(&dir, &options);
    assert_eq!((inputs.len(), errors.len()), (1, 1), "{errors:?}");
    assert!(errors[0].starts_with("other/key"), "{errors:?}");
    // What a person names is read.
    let (_, errors) = discover(&[dir.path().join("lake")], &options);
    assert_eq!(errors.len(), 1);
}
