//! Whether a package is ours: pinned signers, repackaging, traces of a store; and findings that are accepted.

use crate::package::{Key, signed, zip};
use crate::{document, smali};
use ambit_apk::{AcceptList, AppReport, Holds, Limits, Pinned, ours, scan_bytes};
use ambit_event::Timestamp;

fn app(key: &Key, classes: &[&str], more: &[(&str, &[u8])]) -> AppReport {
    let manifest = document::compile(
        "<manifest package=\"org.example.shop\" android:versionCode=\"7\">\
         <uses-sdk android:minSdkVersion=\"28\" android:targetSdkVersion=\"34\"/>\
         <application android:debuggable=\"true\"/></manifest>",
    );
    let sources: Vec<String> = classes
        .iter()
        .map(|name| {
            format!(
                ".class public L{name};\n.super Ljava/lang/Object;\n.method public go()V\n.registers 1\nreturn-void\n.end method\n"
            )
        })
        .collect();
    let dex = smali::assemble(&sources.iter().map(String::as_str).collect::<Vec<_>>());
    let members = [
        &[
            ("AndroidManifest.xml", manifest.as_slice()),
            ("classes.dex", dex.as_slice()),
        ],
        more,
    ]
    .concat();
    scan_bytes("shop.apk", &signed(&zip(&members), key), &Limits::default()).expect("an answer")
}

const OWN: &[&str] = &["org/example/shop/Main"];

#[test]
fn the_pinned_signer_makes_it_ours_and_another_does_not() {
    let (key, other) = (Key::new("shop"), Key::new("shop"));
    let pin = |minimum: u64| {
        let print = key.print().to_uppercase();
        let text =
            format!("package = \"org.example.shop\"\nsigners = [\"{print}\"]\nminimum_version = {minimum}\n");
        Pinned::parse(&text).expect("what is pinned")
    };
    let good = ours(&app(&key, OWN, &[]), &pin(7), None);
    assert_eq!(good.is_ours, Holds::Yes, "{good:#?}");
    assert!(good.repackaging.is_empty());
    assert_eq!(ours(&app(&key, OWN, &[]), &pin(8), None).is_ours, Holds::No);
    let foreign = ours(&app(&other, OWN, &[]), &pin(7), None);
    assert_eq!(foreign.is_ours, Holds::No);
    assert!(
        foreign
            .repackaging
            .iter()
            .any(|sign| sign.contains("somebody else's signature"))
    );
    let unpinned = ours(&app(&key, OWN, &[]), &Pinned::default(), None);
    assert_eq!(unpinned.is_ours, Holds::Unknown);
}

#[test]
fn classes_that_the_reference_does_not_have_are_told() {
    let key = Key::new("shop");
    let reference = app(&key, OWN, &[]);
    let changed = ["org/example/shop/Main", "com/evil/Loader", "okhttp3/Request"];
    let found = ours(
        &app(&key, &changed, &[]),
        &Pinned::of(&reference),
        Some(&reference),
    );
    assert_eq!(
        (found.n_added, found.added.as_slice()),
        (Some(1), &["com.evil.Loader".to_owned()][..])
    );
    assert!(
        found.repackaging.iter().any(|sign| sign.starts_with("1 classes")),
        "{found:#?}"
    );
}

#[test]
fn what_a_store_left_is_told_as_unverified() {
    let key = Key::new("shop");
    let report = app(&key, OWN, &[("stamp-cert-sha256", &[7; 32])]);
    let pinned = |stamp: &str| Pinned {
        source_stamp: Some(stamp.into()),
        installer: Some("com.android.vending".into()),
        ..Pinned::of(&report)
    };
    let same = ours(&report, &pinned(&"07".repeat(32)), None);
    assert!(same.repackaging.is_empty(), "{same:#?}");
    assert!(
        same.store
            .iter()
            .all(|told| told.contains("unverified") || told.contains("no stamp")),
        "{same:#?}"
    );
    assert_eq!(same.store.len(), 2);
    let differs = ours(&report, &pinned(&"08".repeat(32)), None);
    assert_eq!(differs.repackaging.len(), 1);
}

#[test]
fn what_cannot_be_understood_is_refused() {
    for text in [
        "signers = [\"abc\"]",
        "signer = \"x\"",
        "minimum_version = \"7\"",
        "[",
    ] {
        assert!(Pinned::parse(text).is_err(), "{text}");
    }
    for text in [
        "[[accept]]\ncheck = \"none\"\nreason = \"r\"\nuntil = \"2027-01-01T00:00:00Z\"\n",
        "[[accept]]\ncheck = \"backup\"\nreason = \" \"\nuntil = \"2027-01-01T00:00:00Z\"\n",
        "[[accept]]\ncheck = \"backup\"\nreason = \"r\"\nuntil = \"soon\"\n",
        "[[accept]]\ncheck = \"backup\"\nreason = \"r\"\n",
    ] {
        assert!(AcceptList::parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_accepted_finding_is_put_aside_until_its_day_and_told() {
    let list = AcceptList::parse(
        "[[accept]]\ncheck = \"debuggable\"\nfile = \"Android*\"\nreason = \"a test build\"\nuntil = \"2027-01-01T00:00:00Z\"\n",
    )
    .expect("a list");
    let at = |text: &str| Timestamp::parse(text).expect("an instant");
    let has = |report: &AppReport| report.findings.iter().any(|f| f.check.name == "debuggable");
    let mut before = app(&Key::new("shop"), OWN, &[]);
    let mut after = before.clone();
    assert!(has(&before));
    list.apply(&mut before, at("2026-06-01T00:00:00Z"));
    assert!(!has(&before) && before.accepted.len() == 1);
    let told = before.told(ambit_apk::Detail::Own).join("\n");
    assert!(
        told.contains("accepted   1 findings") && told.contains("a test build"),
        "{told}"
    );
    list.apply(&mut after, at("2027-06-01T00:00:00Z"));
    assert!(has(&after) && after.accepted.is_empty());
    assert_eq!(list.expired(at("2027-06-01T00:00:00Z")).len(), 1);
}
