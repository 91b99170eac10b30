//! Tables of resources for the tests, and what a scan takes from them.

use crate::{document, package, smali};
use ambit_apk::{AppReport, Limits, scan_bytes};

/// A chunk of a resource table.
pub fn chunk(kind: u16, header: &[u8], body: &[u8]) -> Vec<u8> {
    let n_header = (header.len() + 8) as u16;
    let size = (header.len() + body.len() + 8) as u32;
    [
        &kind.to_le_bytes()[..],
        &n_header.to_le_bytes(),
        &size.to_le_bytes(),
        header,
        body,
    ]
    .concat()
}

/// A string pool of these strings in UTF-8, which claims to have `n_claimed`.
pub fn pool(strings: &[&str], n_claimed: u32) -> Vec<u8> {
    let (mut offsets, mut data) = (Vec::new(), Vec::new());
    for text in strings {
        offsets.extend((data.len() as u32).to_le_bytes());
        // The length in characters and in bytes; from 128 on it has two bytes.
        let length = match text.len() as u16 {
            short @ ..0x80 => vec![short as u8],
            long => (long | 0x8000).to_be_bytes().to_vec(),
        };
        data.extend([length.as_slice(), &length].concat());
        data.extend(text.bytes().chain([0]));
    }
    let begin = 28 + offsets.len() as u32;
    let words = [n_claimed, 0, 0x100, begin, 0];
    let header: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    chunk(1, &header, &[offsets, data].concat())
}

/// A value that holds from a version of Android on: 1 a reference, 3 a text by its number, 0x12 a flag.
pub type Held = (u8, u32);

/// A table with one type, whose entries are references to these ids.
pub fn references(ids: &[u32], n_claimed: u32) -> Vec<u8> {
    let values: Vec<Held> = ids.iter().map(|id| (1, *id)).collect();
    table(&["text"], &[(0, &values)], n_claimed)
}

/// A table with one type in several configurations, each for devices from a version on, and the texts of its pool.
pub fn table(texts: &[&str], configurations: &[(u16, &[Held])], n_claimed: u32) -> Vec<u8> {
    let (types, keys) = (pool(&["string"], 1), pool(&["key"], 1));
    let mut parts = vec![types.clone(), keys];
    parts.extend(
        configurations
            .iter()
            .map(|(since, values)| kind(*since, values, n_claimed)),
    );
    let mut header = 0x7fu32.to_le_bytes().to_vec();
    header.extend([0; 256]);
    header.extend(288u32.to_le_bytes());
    header.extend([0; 4]);
    header.extend((288 + types.len() as u32).to_le_bytes());
    header.extend([0; 8]);
    let inner = chunk(0x0200, &header, &parts.concat());
    let texts = pool(texts, texts.len() as u32);
    chunk(2, &1u32.to_le_bytes(), &[texts, inner].concat())
}

/// One type in one configuration.
fn kind(since: u16, values: &[Held], n_claimed: u32) -> Vec<u8> {
    let mut body: Vec<u8> = (0..values.len() as u32)
        .flat_map(|n| (n * 16).to_le_bytes())
        .collect();
    for (kind, data) in values {
        body.extend([8, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, *kind]);
        body.extend(data.to_le_bytes());
    }
    let begin = 8 + 12 + 64 + 4 * values.len() as u32;
    let mut header = vec![1, 0, 0, 0];
    header.extend(n_claimed.to_le_bytes());
    header.extend(begin.to_le_bytes());
    header.extend(64u32.to_le_bytes());
    header.extend([0; 20]);
    header.extend(since.to_le_bytes());
    header.extend([0; 38]);
    chunk(0x0201, &header, &body)
}

fn scanned(table: &[u8], application: &str, code: &str) -> AppReport {
    let manifest = document::compile(&format!(
        "<manifest package=\"org.example.shop\"><uses-sdk android:minSdkVersion=\"30\" \
         android:targetSdkVersion=\"34\"/><application {application}/></manifest>"
    ));
    let bytes = package::zip(&[
        ("AndroidManifest.xml", &manifest),
        ("resources.arsc", table),
        ("classes.dex", &smali::assemble(&[code])),
    ]);
    scan_bytes("shop.apk", &bytes, &Limits::default()).expect("an answer")
}

#[test]
fn a_value_is_the_one_that_devices_of_today_take() {
    let debuggable = "android:debuggable=\"@0x7f010000\"";
    let (no, yes): (&[Held], &[Held]) = (&[(0x12, 0)], &[(0x12, u32::MAX)]);
    for (configurations, is_debuggable) in [
        ([(0, no), (21, yes)], true),
        ([(21, yes), (0, no)], true),
        ([(0, yes), (24, no)], false),
        // No device is as new as that.
        ([(0, no), (10_000, yes)], false),
    ] {
        let report = scanned(&table(&["text"], &configurations, 1), debuggable, "");
        assert_eq!(report.manifest.debuggable, is_debuggable, "{configurations:?}");
        assert_eq!(report.coverage.unread, Vec::<String>::new());
    }
}

#[test]
fn a_text_of_the_resources_is_followed_to_what_takes_it() {
    let code = ".class public Lorg/example/shop/Pay;\n.super Landroid/app/Activity;\n\
        .method public ask(Ljava/net/HttpURLConnection;)V\n.registers 5\n\
        const v0, 0x7f010001\n\
        invoke-virtual {p0, v0}, Lorg/example/shop/Pay;->getString(I)Ljava/lang/String;\n\
        move-result-object v0\n\
        const-string v1, \"x-api-key\"\n\
        invoke-virtual {p1, v1, v0}, Ljava/net/HttpURLConnection;->setRequestProperty(Ljava/lang/String;Ljava/lang/String;)V\n\
        return-void\n.end method\n";
    let strings = table(&["Shop", "k7Qz2Lw9Xb4Nv1Rt6Yp3"], &[(0, &[(3, 0), (3, 1)])], 2);
    let report = scanned(&strings, "", code);
    let secret = report
        .findings
        .iter()
        .find(|finding| finding.check.name == "secret")
        .expect("the key of the service");
    assert_eq!(secret.proof.method.as_deref(), Some("ask"));
    assert_eq!(report.secrets.len(), 1, "{:?}", report.secrets);
    let without = scanned(&table(&["Shop"], &[(0, &[(3, 0)])], 1), "", code);
    assert!(
        without
            .findings
            .iter()
            .all(|finding| finding.check.name != "secret")
    );
}
