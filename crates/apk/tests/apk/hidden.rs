//! Code, texts and declarations that stand where somebody hopes that nobody looks.

use crate::package::{Key, signed, zip};
use crate::{document, smali};
use ambit_apk::{AppReport, Limits, scan_bytes};
use ambit_event::Level;

const MANIFEST: &str = "<manifest package=\"org.example.shop\"><uses-sdk android:minSdkVersion=\"30\" \
    android:targetSdkVersion=\"34\"/><application android:allowBackup=\"false\"/></manifest>";

fn code(class: &str, text: &str) -> Vec<u8> {
    smali::assemble(&[&format!(
        ".class public L{class};\n.super Ljava/lang/Object;\n.method public go()V\n.registers 3\n\
         const-string v0, \"{text}\"\nconst-string v1, \"tag\"\n\
         invoke-static {{v1, v0}}, Landroid/util/Log;->d(Ljava/lang/String;Ljava/lang/String;)I\n\
         return-void\n.end method\n"
    )])
}

/// A key of a documented form that opens nothing.
const SECRET: &str = "AKIAQ7MZ2XB4LT9KWJ5D";

fn scanned(members: &[(&str, &[u8])]) -> AppReport {
    let manifest = document::compile(MANIFEST);
    let own = code("org/example/shop/Main", "hello");
    let all = [
        &[
            ("AndroidManifest.xml", manifest.as_slice()),
            ("classes.dex", own.as_slice()),
        ],
        members,
    ]
    .concat();
    let bytes = signed(&zip(&all), &Key::new("shop"));
    scan_bytes("shop.apk", &bytes, &Limits::default()).expect("an answer")
}

fn secret_in(report: &AppReport) -> Option<&str> {
    let mut raised = report.findings.iter().filter(|f| f.check.name == "secret");
    raised.next().map(|finding| finding.proof.file.as_str())
}

#[test]
fn code_is_known_by_its_bytes_and_not_by_its_name() {
    let hidden = code("org/example/shop/Hidden", SECRET);
    let report = scanned(&[("assets/sounds/click.ogg", &hidden)]);
    assert_eq!(secret_in(&report), Some("assets/sounds/click.ogg"));
    let disguised = report.findings.iter().find(|f| f.check.name == "dynamic_code");
    assert_eq!(disguised.map(|f| f.level), Some(Level::Medium), "{report:#?}");
}

#[test]
fn code_and_texts_in_an_archive_within_the_package_are_read() {
    let inner = zip(&[("classes.dex", &code("org/example/shop/Plug", SECRET))]);
    let report = scanned(&[("assets/plugin.jar", &inner)]);
    assert_eq!(secret_in(&report), Some("assets/plugin.jar!classes.dex"));
    let text = zip(&[("config", format!("key = {SECRET}").as_bytes())]);
    let report = scanned(&[("res/raw/blob", &text)]);
    assert_eq!(secret_in(&report), Some("res/raw/blob!config"));
}

#[test]
fn texts_are_read_whatever_their_file_is_called() {
    let text = format!("[server]\nkey = {SECRET}\n");
    for name in [
        "assets/data.bin",
        "assets/logo",
        "res/raw/x.png",
        "META-INF/notes",
        "config",
    ] {
        let report = scanned(&[(name, text.as_bytes())]);
        assert_eq!(secret_in(&report), Some(name));
    }
    // A picture's bytes are none.
    let picture = [b"\x89PNG\r\n\x1a\n".as_slice(), text.as_bytes()].concat();
    assert_eq!(secret_in(&scanned(&[("res/a.png", &picture)])), None);
}

#[test]
fn a_native_library_that_only_a_rare_machine_has_is_read_too() {
    let library = |text: &str| [b"\x7fELF\x02\x01\0\0".as_slice(), text.as_bytes(), b"\0"].concat();
    let (plain, hidden) = (library("nothing to see here"), library(SECRET));
    let report = scanned(&[
        ("lib/arm64-v8a/libmain.so", &plain),
        ("lib/x86/libextra.so", &hidden),
    ]);
    assert_eq!(secret_in(&report), Some("lib/x86/libextra.so"));
}

#[test]
fn code_under_the_name_of_a_platforms_library_is_read() {
    let hidden = code("androidx/core/view/Hidden", SECRET);
    let report = scanned(&[("classes2.dex", &hidden)]);
    assert_eq!(secret_in(&report), Some("classes2.dex"));
}

#[test]
fn an_attribute_without_an_id_does_not_stand_before_the_platforms_own() {
    // `debuggable` without a namespace has no id, and a device does not read it.
    let text = MANIFEST.replace(
        "android:allowBackup",
        "debuggable=\"false\" android:debuggable=\"true\" android:allowBackup",
    );
    let manifest = document::compile(&text);
    let bytes = zip(&[("AndroidManifest.xml", &manifest)]);
    let report = scan_bytes("shop.apk", &bytes, &Limits::default()).expect("an answer");
    assert!(report.manifest.debuggable);
}

#[test]
fn what_no_reading_shows_is_said() {
    let source = ".class public Lorg/example/shop/Call;\n.super Ljava/lang/Object;\n\
        .method public go(Ljava/lang/reflect/Method;)V\n.registers 3\nconst/4 v0, 0x0\n\
        invoke-virtual {p1, v0, v0}, Ljava/lang/reflect/Method;->invoke(Ljava/lang/Object;[Ljava/lang/Object;)Ljava/lang/Object;\n\
        return-void\n.end method\n";
    let report = scanned(&[("classes2.dex", &smali::assemble(&[source]))]);
    let told = &report.coverage.hidden;
    assert!(
        told.len() == 1 && told[0].starts_with("1 calls by reflection"),
        "{told:?}"
    );
}

#[test]
fn every_member_of_one_name_is_read_where_two_have_it() {
    let (first, second) = (
        code("org/example/shop/A", SECRET),
        code("org/example/shop/B", "plain"),
    );
    let report = scanned(&[("classes2.dex", &first), ("classes2.dex", &second)]);
    assert_eq!(secret_in(&report), Some("classes2.dex"));
    assert!(
        report
            .oddities
            .iter()
            .any(|o| o.what.contains("two members have this name"))
    );
}
