//! Packages that want to be read wrongly, or to cost more than they are worth.

use crate::resources::{chunk, pool, references, table};
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

/// Where a member's entry of the central directory stands.
fn entry_at(bytes: &[u8], nth: usize) -> usize {
    let places = bytes.windows(4).enumerate().filter(|(_, w)| *w == b"PK\x01\x02");
    places.map(|(at, _)| at).nth(nth).expect("an entry")
}

fn odd(bytes: &[u8]) -> Vec<String> {
    let container = Container::parse(bytes, &Limits::default()).expect("a container");
    container.oddities().0.iter().map(|o| o.what.clone()).collect()
}

#[test]
fn members_over_the_same_bytes_are_told() {
    let mut bytes = package::zip(&[("a", b"first member"), ("b", b"second member")]);
    // The second entry points into the first member's data.
    let second = entry_at(&bytes, 1);
    bytes[second + 42..second + 46].copy_from_slice(&4u32.to_le_bytes());
    assert!(
        odd(&bytes)
            .iter()
            .any(|what| what.contains("there is no member here")),
        "{:?}",
        odd(&bytes)
    );
    bytes[second + 42..second + 46].copy_from_slice(&0u32.to_le_bytes());
    let told = odd(&bytes);
    assert!(told.iter().any(|what| what.contains("overlaps")), "{told:?}");
}

#[test]
fn wrong_methods_and_sizes_are_told() {
    let good = package::zip(&[("a", b"some bytes"), ("b", b"more bytes")]);
    let first = entry_at(&good, 0);
    let mut method = good.clone();
    method[first + 10] = 99;
    assert!(
        odd(&method).iter().any(|what| what.contains("method 99")),
        "{:?}",
        odd(&method)
    );
    let mut size = good.clone();
    size[first + 20..first + 28].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    assert!(!odd(&size).is_empty());
    let container = Container::parse(&size, &Limits::default()).expect("a container");
    let read = container.read_named("a", &Budget::of(&Limits::default()));
    assert!(matches!(read, Err(Error::Cut { .. })), "{read:?}");
    let mut encrypted = good;
    encrypted[first + 8] |= 1;
    assert!(odd(&encrypted).iter().any(|what| what.contains("encrypted")));
}

#[test]
fn headers_that_disagree_about_their_sizes_place_are_told() {
    let mut bytes = package::zip(&[("a", b"some bytes")]);
    bytes[6] |= 8;
    assert!(
        odd(&bytes).iter().any(|what| what.contains("headers disagree")),
        "{:?}",
        odd(&bytes)
    );
}

fn with_table(table: &[u8]) -> ambit_apk::AppReport {
    let text = "<manifest package=\"org.example.shop\" android:versionName=\"@0x7f010000\"></manifest>";
    let manifest = document::compile(text);
    let bytes = package::zip(&[("AndroidManifest.xml", &manifest), ("resources.arsc", table)]);
    scan_bytes("table", &bytes, &Limits::default()).expect("an answer")
}

#[test]
fn resources_that_go_round_in_circles_end() {
    // Each is a reference to the next, and the last to the first; one is a reference to itself.
    let report = with_table(&references(
        &[0x7f01_0001, 0x7f01_0002, 0x7f01_0000, 0x7f01_0003],
        4,
    ));
    assert_eq!(report.manifest.package, "org.example.shop");
    assert_eq!(report.coverage.unread, Vec::<String>::new());
}

#[test]
fn one_long_text_under_many_names_is_read_once() {
    let long = format!("http://a.example.net/{}", "x".repeat(30_000));
    let values = vec![(3, 0); 60_000];
    let report = with_table(&table(&[&long], &[(0, &values)], 60_000));
    let n_places = report
        .endpoints
        .iter()
        .filter(|e| e.host == "a.example.net")
        .count();
    assert_eq!((n_places, report.coverage.unread.len()), (1, 0));
    // As many texts that begin at the same place.
    let texts: Vec<&str> = std::iter::once(long.as_str()).chain(vec![""; 59_999]).collect();
    let values: Vec<(u8, u32)> = (0..60_000).map(|n| (3, n)).collect();
    let mut table = table(&texts, &[(0, &values)], 60_000);
    table[12 + 28..12 + 28 + 4 * 60_000].fill(0);
    let report = with_table(&table);
    assert!(
        report.coverage.unread[0].contains("overlap"),
        "{:?}",
        report.coverage.unread
    );
}

#[test]
fn a_line_without_end_is_read_in_pieces() {
    // A program in one line: what stands where a piece ends is whole.
    let mut line = "f(1,2);".repeat(149_795);
    line.push_str("g(\"http://a.example.net/v1/users\");");
    line.push_str(&"f(1,2);".repeat(300_000));
    line.push_str("g(\"AKIAQ3EGXKM7ZJQ2RT5W\")");
    // An address without end.
    let long = format!("http://b.example.net/{}", "x".repeat(3 << 20));
    let manifest = document::compile("<manifest package=\"org.example.shop\"></manifest>");
    let bytes = package::zip(&[
        ("AndroidManifest.xml", &manifest),
        ("assets/index.js", line.as_bytes()),
        ("assets/long.txt", long.as_bytes()),
    ]);
    let report = scan_bytes("shop.apk", &bytes, &Limits::default()).expect("an answer");
    let of = |host: &str| -> Vec<&str> {
        let is_one = |e: &&ambit_apk::Endpoint| e.host == host;
        report
            .endpoints
            .iter()
            .filter(is_one)
            .map(|e| e.url.as_str())
            .collect()
    };
    assert_eq!(of("a.example.net"), ["http://a.example.net/v1/users"]);
    assert!(of("b.example.net").iter().all(|url| url.len() == 2_048));
    assert_eq!(report.secrets.len(), 1);
}

#[test]
fn a_manifest_that_says_one_long_text_again_and_again_is_refused() {
    let long = "x".repeat(30_000);
    let meta = "<meta-data android:name=\"a\" android:value=\"@0x7f010000\"/>".repeat(2_000);
    let text = format!("<manifest package=\"org.example.shop\"><application>{meta}</application></manifest>");
    let bytes = package::zip(&[
        ("AndroidManifest.xml", &document::compile(&text)),
        ("resources.arsc", &table(&[&long], &[(0, &[(3, 0)])], 1)),
    ]);
    let refused = scan_bytes("shop.apk", &bytes, &Limits::default());
    assert!(matches!(refused, Err(Error::TooMuch { .. })), "{refused:?}");
}

#[test]
fn huge_counts_cost_nothing() {
    let report = with_table(&references(&[0x7f01_0000], u32::MAX));
    assert_eq!(report.manifest.package, "org.example.shop");
    let mut strings = chunk(2, &1u32.to_le_bytes(), &pool(&["text"], u32::MAX));
    let _ = with_table(&strings);
    // A pool whose strings begin behind its end, and one whose lengths leave it.
    strings[12 + 8 + 20..12 + 8 + 24].copy_from_slice(&u32::MAX.to_le_bytes());
    let _ = with_table(&strings);
}
