//! Archives that were packed carelessly or to do harm: every member is read or told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, EventId, Keys};
use ambit_source::{Caps, Options, discover, read};
use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use tempfile::TempDir;

/// What came out of a file: what each input is called, distinct events, rejects, and what was not read.
#[derive(Debug, Default)]
struct Found {
    names: Vec<String>,
    ids: BTreeSet<EventId>,
    n_rejects: usize,
    n_losses: usize,
    errors: Vec<String>,
}

fn found(name: &str, bytes: &[u8], caps: Caps) -> Found {
    let dir: TempDir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let options = Options {
        caps,
        ..Options::default()
    };
    let (inputs, errors) = discover(&[path], &options);
    let folder = format!("{}/", dir.path().display());
    let mut found = Found {
        errors: errors
            .iter()
            .map(|error| error.to_string().replace(&folder, ""))
            .collect(),
        ..Found::default()
    };
    for input in inputs {
        found.names.push(input.evidence.path.replace(&folder, ""));
        let mut sink = |batch: Batch| {
            found.ids.extend(batch.events.iter().map(|event| event.id));
            let unfinished = batch.unfinished.unwrap_or_default();
            found.n_rejects += batch.rejects.len() + unfinished.rejects.len();
            found.n_losses += batch.losses.len() + unfinished.losses.len();
            ControlFlow::Continue(())
        };
        read(&input, &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
    }
    found
}

fn whole(name: &str, bytes: &[u8]) -> Found {
    found(name, bytes, Caps::default())
}

fn lines(seconds: std::ops::Range<u32>) -> Vec<u8> {
    let line = |s: u32| {
        let (m, s) = (s / 60 % 60, s % 60);
        format!(r#"203.0.113.7 - - [23/May/2014:10:{m:02}:{s:02} +0000] "GET /p HTTP/1.1" 200 5 "-" "x""#)
            + "\n"
    };
    seconds.map(line).collect::<String>().into_bytes()
}

fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        append(&mut builder, tar::EntryType::Regular, name, bytes);
    }
    builder.into_inner().unwrap()
}

fn append(builder: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, name: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    if name.len() < 100 {
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    } else {
        builder.append_data(&mut header, name, bytes).unwrap();
    }
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gz_of(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// A zip with two members of one name, which its writer refuses: their names differ until it is written.
fn zip_of_twins(name: &str, one: &[u8], two: &[u8]) -> Vec<u8> {
    let other = "#".repeat(name.len());
    let mut zip = zip_of(&[(name, one), (&other, two)]);
    while let Some(at) = zip.windows(other.len()).position(|w| w == other.as_bytes()) {
        zip[at..at + name.len()].copy_from_slice(name.as_bytes());
    }
    zip
}

#[test]
fn members_of_the_same_name_are_all_read() {
    let (one, two) = (lines(0..1), lines(10..60));
    for (archive, bytes) in [
        ("dup.tar", tar_of(&[("dup.log", &one), ("dup.log", &two)])),
        ("dup.zip", zip_of_twins("dup.log", &one, &two)),
    ] {
        let found = whole(archive, &bytes);
        assert_eq!(
            found.names,
            [format!("{archive}!dup.log"), format!("{archive}!dup.log [2]")]
        );
        assert_eq!((found.ids.len(), found.errors.len()), (51, 0), "{archive}");
    }
}

#[test]
fn a_log_that_was_added_again_when_it_had_grown_counts_once() {
    let (then, now, rotated) = (lines(0..20), lines(0..50), lines(50..60));
    let members: &[(&str, &[u8])] = &[("a.log", &then), ("a.log", &now), ("a.log.1", &rotated)];
    assert_eq!(whole("grown.tar", &tar_of(members)).ids.len(), 60);
}

#[test]
fn a_log_in_utf_16_is_the_same_log() {
    let (plain, orders) = (lines(0..90), [u16::to_le_bytes, u16::to_be_bytes]);
    let same = whole("access.log", &plain);
    assert_eq!(same.ids.len(), 90);
    let text = String::from_utf8(plain).unwrap();
    for order in orders {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        let bytes: Vec<u8> = units.flat_map(order).collect();
        for (name, bytes) in [("access.log", bytes.clone()), ("access.log.gz", gz_of(&bytes))] {
            let found = whole(name, &bytes);
            assert_eq!(
                (&found.ids, found.n_rejects, found.errors.len()),
                (&same.ids, 0, 0)
            );
        }
    }
}

#[test]
fn a_member_that_is_no_file_is_told() {
    use tar::EntryType;
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name) in [
        (EntryType::Symlink, "link"),
        (EntryType::Link, "hard"),
        (EntryType::Char, "device"),
        (EntryType::Fifo, "pipe"),
        (EntryType::Directory, "folder"),
        (EntryType::new(b'V'), "volume"),
    ] {
        append(&mut builder, kind, name, b"");
    }
    append(&mut builder, EntryType::Continuous, "a.log", &lines(0..3));
    let found = whole("odd.tar", &builder.into_inner().unwrap());
    assert_eq!(found.ids.len(), 3);
    let told = [
        "odd.tar!link: a link to /etc/passwd, and links are not followed",
        "odd.tar!hard: a hard link to /etc/passwd: what it is stands in the archive under that name, if at all",
        "odd.tar!device: a device, no file",
        "odd.tar!pipe: a pipe, no file",
        "odd.tar!volume: no file: tar's type of it is 86",
    ];
    assert_eq!(found.errors, told);
    assert_eq!(
        whole("no.zip", &zip_of(&[])).errors,
        ["no.zip: the archive holds no file"]
    );
}

#[test]
fn archives_within_archives_are_opened_so_deep() {
    let log = lines(0..5);
    let zip = zip_of(&[
        ("b.log", &lines(5..10)),
        ("c.tar.gz", &gz_of(&tar_of(&[("c.log", &lines(10..15))]))),
    ]);
    let outer = gz_of(&tar_of(&[("a.log.gz", &gz_of(&log)), ("in.zip", &zip)]));
    let found = whole("deep.tgz", &outer);
    let names = [
        "deep.tgz!a.log.gz",
        "deep.tgz!in.zip!b.log",
        "deep.tgz!in.zip!c.tar.gz!c.log",
    ];
    assert_eq!(
        (found.names, found.ids.len()),
        (names.map(str::to_owned).to_vec(), 15)
    );
    let packed = gz_of(&zip_of(&[("a.log", &log)]));
    assert_eq!(whole("a.zip.gz", &packed).ids.len(), 5);

    let nested = |n: usize| (0..n).fold(log.clone(), |inner, _| tar_of(&[("x", &inner)]));
    assert_eq!(whole("4.tar", &nested(4)).ids.len(), 5);
    let found = whole("5.tar", &nested(5));
    assert!(found.ids.is_empty() && found.errors[0].contains("5.tar!x!x!x!x: an archive within 4 others"));
}

#[test]
fn bombs_in_archives_share_one_budget() {
    let caps = Caps {
        ratio: 100,
        ..Caps::default()
    };
    // None of them is a bomb by itself: each stays below what a small file may always give.
    let small = zstd::encode_all(&vec![b' '; 30 << 20][..], 3).unwrap();
    let members: Vec<(String, &[u8])> = (0..8).map(|n| (format!("{n}.log"), &small[..])).collect();
    let members: Vec<(&str, &[u8])> = members
        .iter()
        .map(|(name, bytes)| (name.as_str(), *bytes))
        .collect();
    let (tar, zip) = (tar_of(&members), zip_of(&members));
    for bytes in [
        tar_of(&[("in.tar", &tar)]),
        zip.clone(),
        tar_of(&[("in.zip", &zip)]),
    ] {
        let found = found("bomb", &bytes, caps);
        assert!(
            found
                .errors
                .iter()
                .any(|e| e.contains("more than 100 bytes come out")),
            "{:?}",
            found.errors
        );
        assert!(found.errors.len() < 8);
    }
    let held = Caps {
        held: 1000,
        ..Caps::default()
    };
    let found = found("held.tar", &tar_of(&[("in.zip", &zip)]), held);
    assert!(
        found.errors[0].contains("a zip of more than 1000 bytes"),
        "{:?}",
        found.errors
    );
}

#[test]
fn names_are_for_people_alone_and_have_an_end() {
    let log = lines(0..2);
    let long = format!("{}/{}.log", "d".repeat(10_000), "é".repeat(2_000));
    let names = [
        "../../../etc/passwd",
        "/tmp/abs.log",
        "a\u{1b}[31m.log",
        long.as_str(),
    ];
    let logs: Vec<Vec<u8>> = (0..4).map(|n| lines(n * 10..n * 10 + 2)).collect();
    let members: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&logs)
        .map(|(name, log)| (*name, &log[..]))
        .collect();
    let found = whole("names.tar", &tar_of(&members));
    assert_eq!((found.ids.len(), found.errors.len()), (8, 0));
    assert!(
        found.names.iter().all(|name| name.len() < 1_100),
        "{:?}",
        found.names
    );
    assert!(found.names.contains(&"names.tar!../../../etc/passwd".to_owned()));

    let endless = tar_of(&[("ok.log", &log), (&"n".repeat(3 << 20), &log)]);
    let found = whole("endless.tar", &endless);
    assert_eq!(found.ids.len(), 2);
    assert!(
        found.errors[0].contains("1048576 bytes stand before a member; nothing after endless.tar!ok.log")
    );
}

#[test]
fn what_breaks_off_within_an_archive_is_read_as_far_as_it_goes() {
    let log = lines(0..500);
    let tar = tar_of(&[("a.log", &lines(600..601)), ("b.log", &log)]);
    let found = whole("torn.tar", &tar[..tar.len() / 2]);
    assert!(
        found.ids.len() > 100 && found.n_losses == 1 && found.n_rejects >= 1,
        "{found:?}"
    );
    assert!(
        found.errors[0].contains("nothing after torn.tar!b.log was read"),
        "{:?}",
        found.errors
    );

    let gz = gz_of(&log);
    let found = whole("torn.tar", &tar_of(&[("b.log.gz", &gz[..gz.len() / 2])]));
    assert!(found.ids.len() > 100 && found.n_losses == 1, "{found:?}");

    // Less than what is looked at to recognize it.
    let gz = gz_of(&lines(0..50));
    let found = whole("small.log.gz", &gz[..gz.len() - 20]);
    assert!(
        found.ids.len() > 10 && found.n_losses == 1 && found.errors.is_empty(),
        "{found:?}"
    );
}

#[test]
fn a_log_line_cannot_make_its_file_an_archive() {
    let mut line = lines(0..1);
    let at = line.windows(2).position(|w| w == b"/p").unwrap() + 2;
    let pad = "a".repeat(257 - at) + "ustar" + &"a".repeat(300);
    line.splice(at..at, pad.into_bytes());
    line.extend(lines(1..3));
    let found = whole("access.log", &line);
    assert_eq!((found.ids.len(), found.errors.len()), (3, 0));
}

#[test]
fn what_is_not_opened_says_what_to_do() {
    let onion = (0..5).fold(lines(0..3), |inner, _| gz_of(&inner));
    let found = whole("onion.gz", &onion);
    assert_eq!(
        found.errors,
        ["onion.gz: what is compressed over and over is not opened; unpack it first"]
    );
    let zip = zip_of(&[("a.log", &lines(0..3))]);
    let found = whole("cut.zip", &zip[..zip.len() - 20]);
    assert!(
        found.errors[0].contains("zip -FF may restore it"),
        "{:?}",
        found.errors
    );

    let found = whole("logs.7z", b"7z\xbc\xaf\x27\x1c\0\x04rest of it");
    assert_eq!(
        found.errors,
        ["logs.7z: a 7z archive is not opened; unpack it first"]
    );
}

/// `gzip -k`, or evidence out of two backups: the records of one file are not counted again by its packed form.
#[test]
fn a_log_and_its_packed_form_in_one_folder_are_read_once() {
    let (log, other) = (lines(0..40), lines(0..41));
    for (packed, n_events) in [(gz_of(&log), 40), (gz_of(&other), 81)] {
        let dir: TempDir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.log.1"), &log).unwrap();
        std::fs::write(dir.path().join("a.log.1.gz"), packed).unwrap();
        let options = Options::default();
        let (inputs, errors) = discover(&[dir.path().to_owned()], &options);
        assert!(errors.is_empty() && inputs.len() == 2, "{errors:?}");
        let mut ids = BTreeSet::new();
        let mut sink = |batch: Batch| {
            ids.extend(batch.events.iter().map(|event| event.id));
            ControlFlow::Continue(())
        };
        for input in inputs {
            read(&input, &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
        }
        assert_eq!(ids.len(), n_events);
    }
}

/// Records without a year have that of their file's change time: the member's own, and not the archive's.
#[test]
fn the_year_is_that_of_the_member() {
    let log = b"May  6 10:00:00 web1 sshd[1]: Accepted password for ann from 192.0.2.7 port 4 ssh2\n";
    let zip = |at: zip::DateTime| {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().last_modified_time(at);
        writer.start_file("auth.log", options).unwrap();
        writer.write_all(log).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let told = zip::DateTime::from_date_and_time(2022, 5, 7, 1, 0, 0).unwrap();
    let untold = zip::DateTime::default();
    let tar = tar_of(&[("auth.log", log)]);
    for (name, bytes, year) in [
        ("a.zip", zip(told), Some("2022-05-06")),
        ("a.zip", zip(untold), None),
        ("a.tar", tar, None),
    ] {
        let dir: TempDir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let options = Options {
            source: Some("sshd".to_owned()),
            ..Options::default()
        };
        let (inputs, _) = discover(&[path], &options);
        let mut days = Vec::new();
        let mut sink = |batch: Batch| {
            days.extend(batch.events.iter().map(|e| e.time.to_string()[..10].to_owned()));
            ControlFlow::Continue(())
        };
        read(&inputs[0], &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
        assert_eq!(days.first().map(String::as_str), year, "{name}");
    }
}
