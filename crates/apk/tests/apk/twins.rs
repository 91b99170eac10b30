//! For each check a vulnerable and a safe app, small enough to read: the one raises it, the other raises nothing.

use crate::{document, package, smali};
use ambit_apk::{AppReport, CHECKS, Limits, scan_bytes};
use ambit_event::Level;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Checks whose twins are not apps: packages made by hand show them, in the other files of these tests.
const ELSEWHERE: &[&str] = &["container", "signer", "update_gate"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("twins")
}

/// Builds a twin: `NAME.smali` is its code; `NAME.xml` its manifest, `NAME.network.xml` its network policy and
/// `NAME.asset.json` an asset, where they differ from what all have.
pub fn build(folder: &Path, name: &str) -> Vec<u8> {
    // `vulnerable-…` has the manifest and the policy of `vulnerable`, unless it has its own.
    let kind = name.split('-').next().unwrap_or(name);
    let one = |name: &str, end: &str| fs::read_to_string(folder.join(format!("{name}.{end}"))).ok();
    let read = |end: &str| one(name, end).or_else(|| one(kind, end));
    let common = folder
        .parent()
        .expect("the folder of twins")
        .join("AndroidManifest.xml");
    let manifest = read("xml").unwrap_or_else(|| fs::read_to_string(common).expect("the common manifest"));
    let code = read("smali").unwrap_or_default();
    let manifest = document::compile(&manifest);
    let code = smali::assemble(&[&code]);
    let policy = read("network.xml").map(|text| document::compile(&text));
    let asset = read("asset.json");
    let mut members: Vec<(&str, &[u8])> = vec![("AndroidManifest.xml", &manifest), ("classes.dex", &code)];
    members.extend(
        policy
            .as_ref()
            .map(|p| ("res/xml/network_security_config.xml", p.as_slice())),
    );
    members.extend(asset.as_ref().map(|a| ("assets/config.json", a.as_bytes())));
    package::signed(&package::zip(&members), &package::Key::new("twins"))
}

fn scanned(folder: &Path, name: &str) -> AppReport {
    let report = scan_bytes(name, &build(folder, name), &Limits::default());
    let report = report.unwrap_or_else(|error| panic!("{}/{name}: {error}", folder.display()));
    assert_eq!(
        report.coverage.unread,
        Vec::<String>::new(),
        "{}/{name}",
        folder.display()
    );
    report
}

fn said(report: &AppReport) -> Vec<String> {
    report
        .findings
        .iter()
        .map(|f| format!("{} {:?} {} | {}", f.level, f.check, f.what, f.proof))
        .collect()
}

/// The cases of a kind: `vulnerable`, and `vulnerable-…` for each further way in which the check must see it.
fn cases(folder: &Path, kind: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder of twins");
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.expect("an entry").path().file_name()?.to_str()?.to_owned()))
        .filter_map(|name| name.strip_suffix(".smali").map(str::to_owned))
        .filter(|name| name == kind || name.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-')))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{}: no {kind} twin", folder.display());
    names
}

#[test]
fn every_vulnerable_twin_raises_its_check_and_no_safe_one_anything() {
    let mut wrong = Vec::new();
    for check in CHECKS.iter().filter(|check| !ELSEWHERE.contains(&check.name)) {
        let folder = folder().join(check.name);
        for name in cases(&folder, "vulnerable") {
            let report = scanned(&folder, &name);
            let is_raised = |f: &ambit_apk::Finding| f.check == check && f.level > Level::Informational;
            if !report.findings.iter().any(is_raised) {
                wrong.push(format!("{}/{name} raises {:#?}", check.name, said(&report)));
            }
        }
        for name in cases(&folder, "safe") {
            let report = scanned(&folder, &name);
            if report.findings.iter().any(|f| f.level > Level::Informational) {
                wrong.push(format!("{}/{name} raises {:#?}", check.name, said(&report)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_twins_is_of_a_check() {
    let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
    for entry in fs::read_dir(folder()).expect("the folder of twins") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        assert!(!entry.path().is_dir() || names.contains(name.as_str()), "{name}");
    }
}

#[test]
fn a_finding_says_where_and_what() {
    let report = scanned(&folder().join("static_key"), "vulnerable");
    let finding = report
        .findings
        .iter()
        .find(|f| f.check.name == "static_key")
        .expect("a finding");
    assert_eq!(finding.proof.file, "classes.dex");
    assert_eq!(finding.proof.class.as_deref(), Some("org.example.shop.Vault"));
    assert_eq!(finding.proof.method.as_deref(), Some("key"));
    assert_eq!(
        finding.proof.consumer.as_deref(),
        Some("javax.crypto.spec.SecretKeySpec.<init>")
    );
    assert_eq!(finding.proof.callers.len(), 1, "{:?}", finding.proof);
    assert!(
        !format!("{:?}", finding).contains("0123456789abcdef"),
        "a secret is not shown"
    );
}

#[test]
fn each_credential_that_goes_through_a_helper_is_told_with_where_it_came_from() {
    let report = scanned(&folder().join("plain_preferences"), "vulnerable-helper");
    let told: Vec<(Option<&str>, usize)> = report
        .findings
        .iter()
        .filter(|f| f.check.name == "plain_preferences")
        .map(|f| (f.proof.constant.as_deref(), f.proof.callers.len()))
        .collect();
    assert_eq!(told, [(Some("password"), 2), (Some("refresh_token"), 2)]);
}
