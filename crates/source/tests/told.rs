//! Files that are read as a person said before.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use ambit_event::{Batch, Keys, Timestamp};
use ambit_source::{Input, Options, ToldList, discover, read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Lines that Apache writes and nginx writes alike, so that recognition alone cannot know whose they are.
fn lines(from: u32, until: u32) -> String {
    let line = |n: u32| {
        format!(
            "203.0.113.7 - - [23/May/2014:10:{:02}:{:02} +0000] \"GET /p{n} HTTP/1.1\" 200 5 \"-\" \"x\"\n",
            n / 60,
            n % 60
        )
    };
    (from..until).map(line).collect()
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn said() -> Options {
    Options {
        source: Some("apache_access".into()),
        host: Some("gw1".into()),
        ..Options::default()
    }
}

/// Finds a file or folder, and what is remembered of it under these options.
fn remember(list: &mut ToldList, path: &Path, options: &Options) {
    let at = Timestamp::parse("2026-05-01T10:00:00Z").unwrap();
    for input in found(path, options) {
        list.remember(input.to_remember(options, "ana", at).unwrap());
    }
}

fn found(path: &Path, options: &Options) -> Vec<Input> {
    let (inputs, errors) = discover(&[path.to_owned()], options);
    assert_eq!(errors, []);
    inputs
}

/// The source, the host and whether it was told, file by file.
fn seen(path: &Path, told: &ToldList) -> Vec<(String, Option<String>, bool)> {
    let options = Options {
        told: told.clone(),
        ..Options::default()
    };
    let row = |input: &Input| {
        let evidence = &input.evidence;
        (
            evidence.source.clone(),
            evidence.host.clone(),
            input.told().is_some(),
        )
    };
    found(path, &options).iter().map(row).collect()
}

fn told(n: usize) -> Vec<(String, Option<String>, bool)> {
    vec![("apache_access".into(), Some("gw1".into()), true); n]
}

fn guessed(n: usize) -> Vec<(String, Option<String>, bool)> {
    vec![("nginx_access".into(), None, false); n]
}

#[test]
fn a_choice_is_kept_through_rotation_and_for_nothing_beside() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let path = write(root, "web1/access.log", lines(0, 9));
    let mut list = ToldList::default();
    assert_eq!(seen(root, &list), guessed(1));
    remember(&mut list, &path, &said());
    assert_eq!(seen(&path, &list), told(1));
    write(root, "web1/access.log.1", lines(0, 20));
    write(root, "web1/access.log.2", lines(60, 70));
    write(root, "web1/access.log", "");
    assert_eq!(seen(&root.join("web1"), &list), told(3));
    write(root, "web1/site.log", lines(100, 110));
    write(root, "web2/access.log", lines(120, 130));
    assert_eq!(seen(root, &list), [told(3), guessed(2)].concat());
}

#[test]
fn a_copy_is_known_by_its_name_and_its_first_record() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    let path = write(root, "web1/access.log", lines(0, 9));
    let mut list = ToldList::default();
    remember(&mut list, &path, &said());
    for (name, expected) in [
        ("copy/access.log", told(1)),
        ("copy/renamed.log", guessed(1)),
        ("copy/old/access.log.3", told(1)),
    ] {
        assert_eq!(seen(&write(root, name, lines(0, 5)), &list), expected, "{name}");
    }
    let other = write(root, "other/access.log", lines(1, 9));
    assert_eq!(seen(&other, &list), guessed(1));
}

#[test]
fn members_of_an_archive_are_told_apart_from_those_of_another() {
    let dir = TempDir::new().unwrap();
    let tar = |name: &str, from: u32| {
        let mut builder = tar::Builder::new(Vec::new());
        for host in ["web1", "web2"] {
            let from = from + if host == "web1" { 0 } else { 100 };
            let text = lines(from, from + 5);
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            let member = format!("{host}/access.log");
            builder.append_data(&mut header, member, text.as_bytes()).unwrap();
        }
        write(dir.path(), name, builder.into_inner().unwrap())
    };
    let (one, two) = (tar("one.tar", 0), tar("two.tar", 1000));
    let mut list = ToldList::default();
    remember(&mut list, &one, &said());
    assert_eq!(list.iter().count(), 2);
    assert_eq!(seen(&one, &list), told(2));
    assert_eq!(seen(&two, &list), guessed(2));
    let place = |list: &ToldList| {
        let told = list.iter().next().unwrap();
        (told.folder.clone(), told.file.clone())
    };
    let (folder, file) = place(&list);
    assert!(
        folder.ends_with("/one.tar!web1") && file == "access.log",
        "{folder}"
    );
    let member = |path: &Path, member: &str| format!("{}!{member}", path.display());
    assert_eq!(list.forget(&member(&one, "web1/access.log.7.gz")).len(), 1);
    assert_eq!(seen(&one, &list), [guessed(1), told(1)].concat());
    assert_eq!(list.forget(&member(&two, "web2/access.log")).len(), 0);
    assert_eq!(list.forget(&member(&one, "web2")).len(), 1, "a folder");
    assert!(list.is_empty());
}

#[test]
fn what_is_said_now_goes_before_what_was_said() {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), "access.log", lines(0, 9));
    let mut list = ToldList::default();
    remember(&mut list, &path, &said());
    let now = Options {
        source: Some("nginx_access".into()),
        told: list.clone(),
        ..Options::default()
    };
    let inputs = found(&path, &now);
    assert!(inputs[0].told().is_none());
    assert_eq!(inputs[0].evidence.source, "nginx_access");
    assert_eq!(inputs[0].evidence.host, None);
    let host = Options {
        host: Some("gw2".into()),
        told: list.clone(),
        ..Options::default()
    };
    let inputs = found(&path, &host);
    assert_eq!(inputs[0].evidence.source, "apache_access");
    assert_eq!(inputs[0].evidence.host.as_deref(), Some("gw2"));
    assert!(inputs[0].to_remember(&host, "ana", Timestamp(0)).is_none());
    remember(&mut list, &path, &now);
    assert_eq!(seen(&path, &list), [("nginx_access".into(), None, true)]);
}

#[test]
fn a_source_that_is_not_known_any_more_is_told_and_nothing_is_guessed() {
    let dir = TempDir::new().unwrap();
    let path = write(dir.path(), "access.log", lines(0, 9));
    let mut list = ToldList::default();
    remember(&mut list, &path, &said());
    let text = list.to_text().replace("apache_access", "shop_access");
    let options = Options {
        told: ToldList::parse(&text, "told.toml").unwrap(),
        ..Options::default()
    };
    let (inputs, errors) = discover(&[path], &options);
    let error = errors[0].to_string();
    assert!(
        inputs.is_empty() && error.contains("shop_access") && error.contains("2026-05-01"),
        "{error}"
    );
}

#[test]
fn the_zone_that_was_told_is_the_zone_of_its_times() {
    let dir = TempDir::new().unwrap();
    let text = "2014/05/23 10:00:00 [error] 7#7: *1 open() failed, client: 203.0.113.7, server: x\n";
    let path = write(dir.path(), "error.log", text);
    let options = Options {
        source: Some("nginx_error".into()),
        time_zone: Some("Europe/Stockholm".into()),
        ..Options::default()
    };
    let mut list = ToldList::default();
    remember(&mut list, &path, &options);
    let later = Options {
        told: list,
        ..Options::default()
    };
    let mut times = Vec::new();
    let mut sink = |batch: Batch| {
        times.extend(batch.events.iter().map(|event| event.time.to_string()));
        ControlFlow::Continue(())
    };
    read(
        &found(&path, &later)[0],
        &later,
        &Keys::derive(&[7; 32]),
        None,
        &mut sink,
    )
    .unwrap();
    assert_eq!(times, ["2014-05-23T08:00:00Z"]);
}
