//! Whether a package is ours: pinned signers, repackaging, traces of a store; and findings that are accepted.

use crate::package::{Key, signed, zip};
use crate::{document, smali};
use ambit_apk::{AcceptList, Altered, AppReport, Contents, Holds, Limits, Pinned, ours, scan_bytes};
use ambit_event::Timestamp;

fn package(key: &Key, classes: &[(&str, &str)], more: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest = document::compile(
        "<manifest package=\"org.example.shop\" android:versionCode=\"7\">\
         <uses-sdk android:minSdkVersion=\"28\" android:targetSdkVersion=\"34\"/>\
         <application android:debuggable=\"true\"/></manifest>",
    );
    let sources: Vec<String> = classes
        .iter()
        .map(|(name, text)| {
            format!(
                ".class public L{name};\n.super Ljava/lang/Object;\n.method public go()V\n.registers 2\n\
                 const-string v0, \"{text}\"\nreturn-void\n.end method\n"
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
    signed(&zip(&members), key)
}

fn app(key: &Key, more: &[(&str, &[u8])]) -> AppReport {
    scan_bytes("shop.apk", &package(key, OWN, more), &Limits::default()).expect("an answer")
}

const OWN: &[(&str, &str)] = &[("org/example/shop/Main", "hello"), ("okhttp3/Call", "call")];

#[test]
fn the_pinned_signer_makes_it_ours_and_another_does_not() {
    let (key, other) = (Key::new("shop"), Key::new("shop"));
    let pin = |minimum: u64| {
        let print = key.print().to_uppercase();
        let text =
            format!("package = \"org.example.shop\"\nsigners = [\"{print}\"]\nminimum_version = {minimum}\n");
        Pinned::parse(&text).expect("what is pinned")
    };
    let good = ours(&app(&key, &[]), &pin(7), None);
    assert_eq!(good.is_ours, Holds::Yes, "{good:#?}");
    assert!(good.repackaging.is_empty());
    assert_eq!(ours(&app(&key, &[]), &pin(8), None).is_ours, Holds::No);
    let foreign = ours(&app(&other, &[]), &pin(7), None);
    assert_eq!(foreign.is_ours, Holds::No);
    assert!(
        foreign
            .repackaging
            .iter()
            .any(|sign| sign.contains("somebody else's signature"))
    );
    let unpinned = ours(&app(&key, &[]), &Pinned::default(), None);
    assert_eq!(unpinned.is_ours, Holds::Unknown);
}

fn altered(package: &[u8], reference: &[u8]) -> Altered {
    let read = |bytes: &[u8]| Contents::of_bytes(bytes, &Limits::default()).expect("a package");
    read(package).altered(&read(reference), "org.example.shop")
}

#[test]
fn what_differs_from_the_reference_is_told_class_by_class_and_file_by_file() {
    let key = Key::new("shop");
    let reference = package(&key, OWN, &[("assets/a.txt", b"a"), ("assets/b.txt", b"b")]);
    // A class of the same name with other code, one more under a library's name, and one that is gone.
    let changed = [
        ("org/example/shop/Main", "stolen"),
        ("okhttp3/Loader", "load"),
        ("com/evil/Loader", "load"),
    ];
    let files: &[(&str, &[u8])] = &[("assets/a.txt", b"other"), ("assets/c.txt", b"c")];
    let found = altered(&package(&Key::new("other"), &changed, files), &reference);
    assert_eq!(
        (found.n_added, found.n_changed, found.n_removed, found.n_files),
        (2, 1, 1, 3),
        "{found:#?}"
    );
    let names: Vec<(&str, &str)> = found
        .added
        .iter()
        .map(|change| (change.class.as_str(), change.owner.as_str()))
        .collect();
    assert_eq!(names, [("com.evil.Loader", "app"), ("okhttp3.Loader", "OkHttp")]);
    assert_eq!(found.changed[0].methods, ["go()V"]);
    assert_eq!(found.removed[0].class, "okhttp3.Call");
    assert_eq!(
        found.files,
        [
            "assets/a.txt is another",
            "assets/c.txt was added",
            "assets/b.txt is gone"
        ]
    );
    let report = scan_bytes("shop.apk", &reference, &Limits::default()).expect("an answer");
    let judged = ours(&report, &Pinned::of(&report), Some(found));
    assert!(
        judged
            .repackaging
            .iter()
            .any(|sign| sign.contains("2 classes were added, 1 classes are others")),
        "{judged:#?}"
    );
}

#[test]
fn the_same_code_built_anew_does_not_differ() {
    let key = Key::new("shop");
    let reference = package(&key, OWN, &[]);
    // Signed by another, and the classes in another order: every number of the tables is another one.
    let turned: Vec<(&str, &str)> = OWN.iter().rev().copied().collect();
    let found = altered(&package(&Key::new("other"), &turned, &[]), &reference);
    assert!(found.is_nothing(), "{found:#?}");
    // A text more moves the numbers of all that follow, and of the other classes nothing changed.
    let more = [("a/A", "aaaa"), OWN[0], OWN[1]];
    let found = altered(&package(&key, &more, &[]), &reference);
    assert_eq!(
        (found.n_added, found.n_changed, found.n_removed),
        (1, 0, 0),
        "{found:#?}"
    );
}

#[test]
fn what_a_store_left_is_told_as_unverified() {
    let key = Key::new("shop");
    let report = app(&key, &[("stamp-cert-sha256", &[7; 32])]);
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
    let mut before = app(&Key::new("shop"), &[]);
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
