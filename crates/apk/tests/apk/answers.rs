//! The shapes of answers: two releases compared, SARIF, a page.

use crate::package::{Key, signed, zip};
use crate::{document, smali};
use ambit_apk::{
    Altered, AppReport, ClassChange, Holds, Limits, Pinned, diff, ours, page, sarif, scan_bytes,
};
use serde_json::{Value, json};

fn release(code: u32, package: &str, mode: &str, key: &Key) -> AppReport {
    let manifest = document::compile(&format!(
        "<manifest package=\"{package}\" android:versionCode=\"{code}\" android:versionName=\"1.{code}\">\
         <uses-sdk android:minSdkVersion=\"28\" android:targetSdkVersion=\"34\"/><application android:allowBackup=\"false\"/></manifest>"
    ));
    let source = format!(
        ".class public Lorg/example/shop/Box;\n.super Ljava/lang/Object;\n.method public seal()V\n.registers 2\n\
         const-string v0, \"{mode}\"\n\
         invoke-static {{v0}}, Ljavax/crypto/Cipher;->getInstance(Ljava/lang/String;)Ljavax/crypto/Cipher;\n\
         return-void\n.end method\n"
    );
    let dex = smali::assemble(&[&source]);
    let bytes = signed(
        &zip(&[("AndroidManifest.xml", &manifest), ("classes.dex", &dex)]),
        key,
    );
    scan_bytes(&format!("{code}.apk"), &bytes, &Limits::default()).expect("an answer")
}

const WEAK: &str = "AES/ECB/PKCS5Padding";
const SOUND: &str = "AES/GCM/NoPadding";

#[test]
fn a_repaired_release_takes_the_old_ones_place() {
    let key = Key::new("shop");
    let (old, new) = (
        release(7, "org.example.shop", WEAK, &key),
        release(8, "org.example.shop", SOUND, &key),
    );
    let answer = diff(&old, &new);
    assert_eq!(answer.fixed.len(), 1, "{answer:#?}");
    assert_eq!(answer.fixed[0].check.name, "cipher");
    assert!(answer.left.is_empty() && answer.introduced.is_empty());
    assert_eq!((answer.in_place, answer.minimum_version), (Holds::Yes, Some(8)));
    let back = diff(&new, &old);
    assert_eq!(
        (back.fixed.len(), back.introduced.len(), back.in_place),
        (0, 1, Holds::No)
    );
}

#[test]
fn a_release_that_is_less_too_old_introduces_nothing() {
    let of = |code: u32, min: u32| {
        let manifest = document::compile(&format!(
            "<manifest package=\"org.example.shop\" android:versionCode=\"{code}\"><uses-sdk \
             android:minSdkVersion=\"{min}\" android:targetSdkVersion=\"34\"/><application/></manifest>"
        ));
        let bytes = zip(&[("AndroidManifest.xml", &manifest)]);
        scan_bytes("shop.apk", &bytes, &Limits::default()).expect("an answer")
    };
    let is_old = |f: &&ambit_apk::Finding| f.check.name == "supported_versions";
    let (older, newer) = (diff(&of(7, 14), &of(8, 21)), diff(&of(8, 21), &of(9, 24)));
    assert_eq!(older.introduced.iter().chain(&older.fixed).find(is_old), None);
    assert_eq!(older.left.iter().filter(is_old).count(), 1);
    assert_eq!(newer.fixed.iter().filter(is_old).count(), 1);
}

#[test]
fn another_package_or_signer_replaces_the_app() {
    let key = Key::new("shop");
    let old = release(7, "org.example.shop", WEAK, &key);
    let renamed = diff(&old, &release(8, "org.example.shop.music", SOUND, &key));
    assert_eq!(renamed.in_place, Holds::No);
    let resigned = diff(&old, &release(8, "org.example.shop", SOUND, &Key::new("other")));
    assert_eq!(resigned.in_place, Holds::No);
}

#[test]
fn sarif_names_the_rule_and_the_place() {
    let report = release(7, "org.example.shop", WEAK, &Key::new("shop"));
    let log = sarif(&[report]);
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().expect("results");
    let cipher = results
        .iter()
        .find(|r| r["ruleId"] == "cipher")
        .expect("the finding");
    assert_eq!(cipher["level"], "warning");
    let place = &cipher["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(*place, "org.example.shop.Box.seal");
}

#[test]
fn a_page_shows_nothing_of_the_package_as_markup() {
    let report = release(
        7,
        "org.example.shop",
        "DES/<script>alert(1)</script>",
        &Key::new("shop"),
    );
    let shown = page(&[report]);
    assert!(!shown.contains("<script>") && shown.contains("&lt;script&gt;"));
}

/// Whether a value has the shape that a schema describes: as much of the language as this one uses.
fn fits(whole: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(path) = schema["$ref"].as_str() {
        return fits(whole, whole.pointer(&path[1..]).expect("a definition"), value, at);
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let tried: Vec<String> = options
            .iter()
            .filter_map(|o| fits(whole, o, value, at).err())
            .collect();
        return if tried.len() + 1 == options.len() {
            Ok(())
        } else {
            Err(tried.join("; "))
        };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_kind = schema["type"] == kind
        || schema["type"]
            .as_array()
            .is_some_and(|all| all.contains(&kind.into()));
    if !is_kind || schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        return Err(format!("{at}: {value}"));
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(whole, &schema["items"], item, &format!("{at}[{n}]"))?;
    }
    let Some(object) = value.as_object().filter(|_| schema["properties"].is_object()) else {
        return Ok(());
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !object.contains_key(name.as_str().unwrap_or_default()) {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    for (name, item) in object {
        let Some(inner) = schema["properties"].get(name) else {
            return Err(format!("{at}: {name} is not described"));
        };
        fits(whole, inner, item, &format!("{at}.{name}"))?;
    }
    Ok(())
}

#[test]
fn answers_have_the_shape_that_the_schema_promises() {
    let text = include_str!("../../../../schemas/app.schema.json");
    let schema: Value = serde_json::from_str(text).expect("a schema");
    let key = Key::new("shop");
    let (old, new) = (
        release(7, "org.example.shop", WEAK, &key),
        release(8, "org.example.shop", SOUND, &key),
    );
    let compared = serde_json::to_value(diff(&old, &new)).expect("JSON");
    let change = ClassChange {
        class: "a.B".into(),
        owner: "app".into(),
        methods: vec!["go()V".into()],
    };
    let altered = Altered {
        n_added: 1,
        added: vec![change],
        ..Altered::default()
    };
    let judged = ours(&new, &Pinned::of(&old), Some(altered));
    let unasked = ours(&new, &Pinned::of(&old), None);
    let scanned =
        json!({ "reports": [old, new], "refused": [{ "file": "a", "why": "b" }], "ours": [judged, unasked] });
    for value in [compared, scanned] {
        assert_eq!(fits(&schema, &schema, &value, "$"), Ok(()));
    }
}
