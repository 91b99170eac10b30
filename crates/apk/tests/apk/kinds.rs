//! The kinds of files that an app comes in: sets of splits, bundles, native libraries; and the gate that none of the
//! twins shows.

use crate::package::{Key, signed, zip};
use crate::{document, smali};
use ambit_apk::{AppReport, Limits, PackageKind, Standing, scan_bytes};
use ambit_event::Level;

/// An address of the inside and an access key, as a library's texts stand between other bytes.
const NATIVE: &[u8] =
    b"\x7fELF\x02\x01\0\0libc.so\0http://10.1.2.3/metrics\0\x01\x02AKIAQ3EGXKM7ZJQ2RT5W\0\xff\xfe";

fn base(more: &[(&str, &[u8])]) -> Vec<u8> {
    let manifest = document::compile(
        "<manifest package=\"org.example.shop\" android:versionCode=\"7\">\
         <uses-sdk android:minSdkVersion=\"28\" android:targetSdkVersion=\"34\"/><application/></manifest>",
    );
    zip(&[&[("AndroidManifest.xml", manifest.as_slice())], more].concat())
}

fn split() -> Vec<u8> {
    let manifest = document::compile(
        "<manifest package=\"org.example.shop\" split=\"config.arm64_v8a\" android:versionCode=\"7\"><application/></manifest>",
    );
    zip(&[
        ("AndroidManifest.xml", &manifest),
        ("lib/arm64-v8a/libshop.so", NATIVE),
    ])
}

fn scanned(name: &str, bytes: &[u8]) -> AppReport {
    scan_bytes(name, bytes, &Limits::default()).expect("an answer")
}

fn raises(report: &AppReport, check: &str) -> bool {
    report.findings.iter().any(|f| f.check.name == check)
}

#[test]
fn a_set_is_its_base_and_all_that_its_splits_hold() {
    let key = Key::new("shop");
    let (base, split) = (signed(&base(&[]), &key), signed(&split(), &key));
    for (name, members) in [
        (
            "shop.apks",
            [
                ("splits/base-master.apk", &base),
                ("splits/base-arm64_v8a.apk", &split),
            ],
        ),
        (
            "shop.xapk",
            [("config.arm64_v8a.apk", &split), ("org.example.shop.apk", &base)],
        ),
        ("shop.apkm", [("split_config.apk", &split), ("base.apk", &base)]),
    ] {
        let members: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (*n, b.as_slice())).collect();
        let report = scanned(name, &zip(&members));
        assert_eq!(report.kind, PackageKind::Set, "{name}");
        assert_eq!(
            report.signature.standing,
            Standing::Verified,
            "{name}: {:?}",
            report.signature.errors
        );
        assert_eq!(report.manifest.version_code, Some(7));
        let native = report
            .endpoints
            .iter()
            .find(|e| e.host == "10.1.2.3")
            .expect("the library's address");
        assert!(
            native.place.file.ends_with("!lib/arm64-v8a/libshop.so"),
            "{}",
            native.place.file
        );
        assert!(
            raises(&report, "internal_endpoint") && raises(&report, "secret"),
            "{name}"
        );
    }
}

#[test]
fn a_split_of_another_signer_breaks_the_set() {
    let base = signed(&base(&[]), &Key::new("shop"));
    let foreign = signed(&split(), &Key::new("other"));
    let report = scanned("shop.apks", &zip(&[("base.apk", &base), ("split.apk", &foreign)]));
    assert_eq!(report.signature.standing, Standing::Broken);
    let unsigned = scanned("shop.apks", &zip(&[("base.apk", &base), ("split.apk", &split())]));
    assert_eq!(unsigned.signature.standing, Standing::Broken);
}

#[test]
fn one_machine_of_a_native_library_is_read() {
    let other = b"\x7fELF\0http://10.9.9.9/other\0";
    let report = scanned(
        "shop.apk",
        &base(&[
            ("lib/x86/libshop.so", other),
            ("lib/arm64-v8a/libshop.so", NATIVE),
        ]),
    );
    let hosts: Vec<&str> = report.endpoints.iter().map(|e| e.host.as_str()).collect();
    assert_eq!(hosts, ["10.1.2.3"]);
    let secret = report
        .secrets
        .iter()
        .find(|s| s.kind == "AWS access key")
        .expect("the key");
    assert_eq!(secret.place.file, "lib/arm64-v8a/libshop.so");
    assert!(
        !serde_json::to_string(&report)
            .expect("JSON")
            .contains("AKIAQ3EGXKM7ZJQ2RT5W")
    );
}

/// A field of a protobuf message that holds bytes, or a number.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 1 << 14);
    let n = bytes.len();
    let mut out = vec![number << 3 | 2];
    if n > 127 {
        out.push((n & 127) as u8 | 128);
        out.push((n >> 7) as u8);
    } else {
        out.push(n as u8);
    }
    out.extend_from_slice(bytes);
    out
}

fn element(name: &str, attributes: &[Vec<u8>], children: &[Vec<u8>]) -> Vec<u8> {
    let mut inner = field(3, name.as_bytes());
    attributes
        .iter()
        .for_each(|attribute| inner.extend(field(4, attribute)));
    children.iter().for_each(|child| inner.extend(field(5, child)));
    field(1, &inner)
}

fn text(name: &str, value: &str) -> Vec<u8> {
    [field(2, name.as_bytes()), field(3, value.as_bytes())].concat()
}

/// An attribute whose value is compiled: a primitive's flag.
fn flag(name: &str, is_set: bool) -> Vec<u8> {
    let primitive = [8 << 3, u8::from(is_set)];
    [field(2, name.as_bytes()), field(6, &field(7, &primitive))].concat()
}

#[test]
fn a_bundle_is_read_in_its_own_form() {
    let manifest = element(
        "manifest",
        &[
            text("package", "org.example.shop"),
            text("versionCode", "8"),
            text("versionName", "1.8"),
        ],
        &[
            element(
                "uses-sdk",
                &[text("minSdkVersion", "28"), text("targetSdkVersion", "34")],
                &[],
            ),
            element(
                "application",
                &[
                    flag("debuggable", true),
                    text("networkSecurityConfig", "@xml/policy"),
                ],
                &[],
            ),
        ],
    );
    let policy = element(
        "network-security-config",
        &[],
        &[element(
            "base-config",
            &[text("cleartextTrafficPermitted", "true")],
            &[],
        )],
    );
    let code = smali::assemble(&[
        ".class public Lorg/example/shop/Api;\n.super Ljava/lang/Object;\n.method public open()V\n.registers 3\n\
         new-instance v0, Ljava/net/URL;\nconst-string v1, \"http://api.shop.example/v1/\"\n\
         invoke-direct {v0, v1}, Ljava/net/URL;-><init>(Ljava/lang/String;)V\n\
         const-string v1, \"/v1/users/%s/profile\"\nreturn-void\n.end method\n",
    ]);
    let report = scanned(
        "shop.aab",
        &zip(&[
            ("base/manifest/AndroidManifest.xml", &manifest),
            ("base/res/xml/policy.xml", &policy),
            ("base/dex/classes.dex", &code),
            ("base/lib/arm64-v8a/libshop.so", NATIVE),
        ]),
    );
    assert_eq!(
        (report.kind, report.manifest.version_code),
        (PackageKind::Bundle, Some(8))
    );
    for check in ["debuggable", "cleartext", "internal_endpoint", "secret"] {
        assert!(raises(&report, check), "{check}: {:#?}", report.findings);
    }
    assert_eq!(report.signature.standing, Standing::Unsigned);
    let path = report
        .paths
        .iter()
        .find(|p| p.path == "/v1/users/%s/profile")
        .expect("the path");
    assert_eq!(path.place.class.as_deref(), Some("org.example.shop.Api"));
}

#[test]
fn a_cut_bundle_is_refused_or_says_what_is_missing() {
    let manifest = element("manifest", &[text("package", "org.example.shop")], &[]);
    for n in 0..manifest.len() {
        let bytes = zip(&[("base/manifest/AndroidManifest.xml", &manifest[..n])]);
        assert!(scan_bytes("shop.aab", &bytes, &Limits::default()).is_err(), "{n}");
    }
}

#[test]
fn an_app_that_asks_the_store_for_updates_has_a_gate() {
    let asking = "Lcom/google/android/play/core/appupdate/AppUpdateManager;";
    let source = |call: &str| {
        format!(
            ".class public Lorg/example/shop/Main;\n.super Ljava/lang/Object;\n.method public go({asking})V\n\
             .registers 4\n{call}return-void\n.end method\n"
        )
    };
    let call = format!("const/4 v0, 0\ninvoke-virtual {{p1, v0}}, {asking}->startUpdateFlow(I)Z\n");
    for (code, is_without) in [(source(&call), false), (source(""), true)] {
        let dex = smali::assemble(&[&code]);
        let report = scanned("shop.apk", &base(&[("classes.dex", &dex)]));
        assert_eq!(raises(&report, "update_gate"), is_without);
    }
}

#[test]
fn of_code_that_was_not_read_nothing_is_concluded() {
    let manifest = document::compile(
        "<manifest package=\"org.example.shop\"><uses-permission android:name=\"android.permission.CAMERA\"/>\
         <uses-sdk android:minSdkVersion=\"28\" android:targetSdkVersion=\"34\"/><application/></manifest>",
    );
    let whole = smali::assemble(&[".class public Lorg/example/shop/Main;\n.super Ljava/lang/Object;\n"]);
    for (code, level) in [(&whole[..], Level::Low), (&b""[..], Level::Informational)] {
        let report = scanned(
            "shop.apk",
            &zip(&[("AndroidManifest.xml", &manifest), ("classes.dex", code)]),
        );
        let asked = report
            .findings
            .iter()
            .find(|f| f.check.name == "permissions")
            .expect("the permission");
        assert_eq!(asked.level, level, "{asked:#?}");
    }
}
