//! Exports of cloud services as they lie on disks: recognized, told apart, and the same record once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Checkpoint, EventId, Keys};
use ambit_source::{Input, Options, discover, read};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(case)
}

fn inputs(paths: &[PathBuf]) -> Vec<Input> {
    let (inputs, errors) = discover(paths, &Options::default());
    assert_eq!(errors, []);
    inputs
}

fn read_on(input: &Input, resume: Option<&Checkpoint>) -> (Batch, Vec<String>) {
    let mut whole = Batch::default();
    let mut sink = |batch: Batch| {
        whole.events.extend(batch.events);
        let unfinished = batch.unfinished.unwrap_or_default();
        whole.rejects.extend(batch.rejects);
        whole.rejects.extend(unfinished.rejects);
        whole.losses.extend(batch.losses);
        whole.checkpoint = batch.checkpoint.or(whole.checkpoint.take());
        ControlFlow::Continue(())
    };
    let summary = read(
        input,
        &Options::default(),
        &Keys::derive(&[7; 32]),
        resume,
        &mut sink,
    )
    .unwrap();
    (whole, summary.notes)
}

fn ids(batch: &Batch) -> BTreeSet<EventId> {
    batch.events.iter().map(|e| e.id).collect()
}

/// An export with the same first line as any other.
fn export(name: &str, ids: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let row = |id: &&str| {
        format!(
            "{id},\"{{\"\"CreationTime\"\":\"\"2014-05-23T10:00:00\"\",\"\"Id\"\":\"\"{id}\"\",\"\"Operation\"\":\"\"FileAccessed\"\",\"\"Workload\"\":\"\"SharePoint\"\"}}\"\n"
        )
    };
    let rows: String = ids.iter().map(row).collect();
    std::fs::write(&path, format!("RecordId,AuditData\n{rows}")).unwrap();
    (dir, path)
}

#[test]
fn each_export_is_recognized() {
    for (case, source) in [
        ("okta_system/everyday.in", "okta_system"),
        ("okta_system/envelopes.in", "okta_system"),
        ("github_audit/everyday.in", "github_audit"),
        ("github_audit/array.in", "github_audit"),
        ("azure_activity/diagnostic.in", "azure_activity"),
        ("azure_activity/rest.in", "azure_activity"),
        ("azure_activity/log_analytics.in", "azure_activity"),
        ("azure_signin/graph.in", "azure_signin"),
        ("azure_signin/diagnostic.in", "azure_signin"),
        ("azure_audit/forms.in", "azure_audit"),
        ("microsoft365_audit/mail.in", "microsoft365_audit"),
        ("microsoft365_audit/services.in", "microsoft365_audit"),
        ("microsoft365_audit/wrapped.in", "microsoft365_audit"),
        ("microsoft365_audit_csv/purview.in", "microsoft365_audit_csv"),
        ("microsoft365_audit_csv/powershell.in", "microsoft365_audit_csv"),
    ] {
        let found = inputs(&[golden(case)]);
        assert_eq!(found[0].evidence.source, source, "{case}");
    }
}

#[test]
fn a_record_in_two_exports_and_two_forms_is_one_event() {
    let forms = [
        "microsoft365_audit/services.in",
        "microsoft365_audit/wrapped.in",
        "microsoft365_audit_csv/purview.in",
        "microsoft365_audit_csv/powershell.in",
    ];
    let read = forms.map(|case| ids(&read_on(&inputs(&[golden(case)])[0], None).0));
    let shared: Vec<_> = read[0]
        .iter()
        .filter(|id| read[1..].iter().all(|r| r.contains(id)))
        .collect();
    assert_eq!(shared.len(), 1, "the download stands in all four");
}

#[test]
fn exports_with_the_same_columns_are_files_of_their_own() {
    let (dir, first) = export("1.csv", &["a", "b"]);
    let (_other, elsewhere) = export("2.csv", &["c", "d", "e", "b"]);
    let second = dir.path().join("export 2.csv");
    std::fs::copy(elsewhere, &second).unwrap();
    let mut found = inputs(&[first, second]);
    found.sort_by_key(|input| input.evidence.bytes);
    assert_ne!(found[0].evidence.lineage, found[1].evidence.lineage);
    let (march, _) = read_on(&found[0], None);
    let (april, notes) = read_on(&found[1], None);
    assert_eq!((march.events.len(), april.events.len(), notes), (2, 4, vec![]));
    assert_eq!(ids(&march).intersection(&ids(&april)).count(), 1);
}

#[test]
fn an_export_that_grew_is_read_on_with_its_columns() {
    let (_dir, path) = export("audit.csv", &["a", "b"]);
    let (before, _) = read_on(&inputs(std::slice::from_ref(&path))[0], None);
    let (_more, longer) = export("audit.csv", &["a", "b", "c"]);
    std::fs::copy(longer, &path).unwrap();
    let (after, notes) = read_on(&inputs(&[path])[0], before.checkpoint.as_ref());
    assert_eq!((after.events.len(), after.rejects.len(), notes), (1, 0, vec![]));
    assert!(ids(&before).is_disjoint(&ids(&after)));
}

#[test]
fn a_token_is_the_same_one_in_each_log() {
    let first = |case: &str| read_on(&inputs(&[golden(case)])[0], None).0.events.remove(0);
    let issued = first("azure_signin/diagnostic.in").issued_credential.unwrap();
    assert_eq!(
        first("microsoft365_audit/services.in").issued_credential.as_ref(),
        Some(&issued)
    );
    assert_eq!(
        first("microsoft365_audit/mail.in").actor_credential.as_ref(),
        Some(&issued)
    );
    assert_eq!(
        first("azure_activity/diagnostic.in").actor_credential.as_ref(),
        Some(&issued)
    );
}
