//! Packages that want to be read wrongly, or to cost more than they are worth.

use crate::{document, package, smali, twins};
use ambit_apk::{Budget, Container, Error, Limits, scan_bytes};
use std::path::Path;

fn twin() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("twins/static_key");
    twins::build(&folder, "vulnerable")
}

#[test]
fn a_package_cut_anywhere_is_refused_or_read_and_never_a_panic() {
    let whole = twin();
    for n_bytes in (0..whole.len()).step_by(37) {
        let _ = scan_bytes("cut", &whole[..n_bytes], &Limits::default());
    }
}

#[test]
fn bytes_changed_anywhere_never_panic() {
    let whole = twin();
    for at in (0..whole.len()).step_by(3) {
        for value in [0, 0x7f, 0xff] {
            let mut bad = whole.clone();
            bad[at] = value;
            let _ = scan_bytes("changed", &bad, &Limits::default());
        }
    }
}

#[test]
fn members_that_overlap_or_repeat_are_told() {
    let bytes = package::zip(&[("a", b"one"), ("a", b"two"), ("../b", b"three")]);
    let container = Container::parse(&bytes, &Limits::default()).expect("a container");
    let told: Vec<&str> = container.oddities().0.iter().map(|o| o.what.as_str()).collect();
    assert!(
        told.iter()
            .any(|what| what.contains("two members have this name")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|what| what.contains("leaves the folder")),
        "{told:?}"
    );
    let budget = Budget::of(&Limits::default());
    let read = container
        .read_named("a", &budget)
        .expect("readable")
        .expect("there");
    assert_eq!(&*read, b"two", "the last one is what Android reads");
}

#[test]
fn a_local_header_that_says_something_else_is_told() {
    let mut bytes = package::zip(&[("classes.dex", b"code"), ("x", b"y")]);
    bytes[30..33].copy_from_slice(b"zzz");
    let container = Container::parse(&bytes, &Limits::default()).expect("a container");
    let (told, n) = container.oddities();
    assert_eq!(n, 1);
    assert!(told[0].hides && told[0].what.contains("zzzsses.dex"), "{told:?}");
}

#[test]
fn a_bomb_ends_at_its_cap() {
    use flate2::{Compression, write::DeflateEncoder};
    use std::io::Write;
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&vec![0u8; 64 << 20]).expect("memory");
    let packed = packed.finish().expect("memory");
    let mut bytes = package::zip(&[("assets/a.json", &packed)]);
    // Deflated, in both headers.
    bytes[8] = 8;
    let central = bytes
        .windows(4)
        .position(|w| w == b"PK\x01\x02")
        .expect("a directory");
    bytes[central + 10] = 8;
    let limits = Limits {
        member: 1 << 20,
        ..Limits::default()
    };
    let container = Container::parse(&bytes, &limits).expect("a container");
    let read = container.read_named("assets/a.json", &Budget::of(&limits));
    assert!(matches!(read, Err(Error::TooMuch { .. })), "{read:?}");
}

#[test]
fn documents_nested_without_end_are_refused() {
    let deep = format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000));
    let manifest = document::compile(&deep);
    let bytes = package::zip(&[("AndroidManifest.xml", &manifest)]);
    let refused = scan_bytes("deep", &bytes, &Limits::default());
    assert!(matches!(refused, Err(Error::TooMuch { .. })), "{refused:?}");
}

#[test]
fn code_outside_the_file_is_named_and_the_rest_is_read() {
    let source = ".class public Lorg/example/shop/A;\n.super Ljava/lang/Object;\n\
        .method public static a()V\n.registers 1\nreturn-void\n.end method\n";
    let mut code = smali::assemble(&[source]);
    // Every offset of a body: whatever it becomes, the answer comes.
    for at in 0x70..code.len() {
        let kept = code[at];
        code[at] = 0xff;
        let manifest = document::compile("<manifest package=\"org.example.shop\"></manifest>");
        let bytes = package::zip(&[("AndroidManifest.xml", &manifest), ("classes.dex", &code)]);
        let report = scan_bytes("code", &bytes, &Limits::default()).expect("an answer");
        assert_eq!(report.manifest.package, "org.example.shop");
        code[at] = kept;
    }
}
