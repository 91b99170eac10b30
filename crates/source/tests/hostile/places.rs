//! What lies where logs are expected: nothing, pipes, devices, links, folders, files that change while they are
//! read, and archives that give more than they hold. Each is read or told of, and nothing waits for ever.

use crate::trial::{Found, Keep, options, read_path};
use ambit_event::{Batch, Keys, printable};
use ambit_source::{Caps, Options, discover, read};
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::Path;

fn lines(n: usize) -> String {
    let line = |n: usize| {
        let (m, s) = (n / 60 % 60, n % 60);
        format!(
            "203.0.113.7 - - [23/May/2014:10:{m:02}:{s:02} +0000] \"GET /{n} HTTP/1.1\" 200 5 \"-\" \"x\"\n"
        )
    };
    (0..n).map(line).collect()
}

fn told(paths: &[&Path]) -> Vec<String> {
    let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
    let (inputs, errors) = discover(&paths, &Options::default());
    assert!(inputs.is_empty());
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_no_file_is_told_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let made = std::process::Command::new("mkfifo")
        .arg(at("access.log"))
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::create_dir(at("error.log")).unwrap();
    std::fs::write(at("empty.log"), "").unwrap();
    std::fs::write(at("blank.log"), "\n \n\n").unwrap();
    symlink("/dev/zero", at("link.log")).unwrap();
    symlink(dir.path(), at("loop")).unwrap();
    symlink("nowhere", at("dangling.log")).unwrap();
    let errors = told(&[dir.path()]);
    let has = |name: &str, why: &str| errors.iter().any(|e| e.contains(name) && e.contains(why));
    for (name, why) in [
        ("access.log", "neither a file nor a folder"),
        ("empty.log", "it is empty"),
        ("blank.log", "it is empty"),
        ("link.log", "links are not followed"),
        ("loop", "links are not followed"),
        ("dangling.log", "links are not followed"),
    ] {
        assert!(has(name, why), "{name}: {errors:?}");
    }
    assert_eq!(errors.len(), 6);
    for (path, why) in [
        ("access.log", "neither a file nor a folder"),
        ("link.log", "links are not followed"),
        ("dangling.log", "mistake in its name"),
        ("missing.log", "mistake in its name"),
    ] {
        let errors = told(&[&at(path)]);
        assert!(errors.len() == 1 && errors[0].contains(why), "{path}: {errors:?}");
    }
    assert!(told(&[Path::new("/dev/zero")])[0].contains("neither a file nor a folder"));
}

/// What is read of a file that becomes `then` after it was found.
fn read_changed(now: &[u8], then: &[u8]) -> Found {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, now).unwrap();
    let options = Options::default();
    let (inputs, _) = discover(std::slice::from_ref(&path), &options);
    std::fs::write(&path, then).unwrap();
    let mut found = Found::default();
    let mut sink = |batch: Batch| {
        found.n_losses += batch.losses.len();
        found.rejects.extend(batch.rejects);
        ControlFlow::Continue(())
    };
    found.summary = read(&inputs[0], &options, &Keys::derive(&[7; 32]), None, &mut sink).unwrap();
    found
}

#[test]
fn a_file_that_shrinks_before_it_is_read_is_a_loss() {
    let (long, short) = (lines(500), lines(200));
    for then in [short.as_bytes(), b"", &long.as_bytes()[..long.len() - 1]] {
        let found = read_changed(long.as_bytes(), then);
        assert_eq!((found.n_losses, found.rejects.len()), (1, 1));
        let reason = &found.rejects[0].reason;
        assert!(reason.contains("shorter than it was"), "{reason}");
        assert_eq!(found.summary.notes.len(), 1);
    }
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(long.as_bytes()).unwrap();
    let packed = gz.finish().unwrap();
    let found = read_changed(&packed, &packed[..packed.len() / 2]);
    assert_eq!((found.n_losses, found.rejects.len()), (1, 1));
    for then in [long.clone(), long.clone() + &short] {
        let found = read_changed(long.as_bytes(), then.as_bytes());
        assert_eq!((found.n_losses, found.rejects.len()), (0, 0));
    }
}

fn found(name: &str, bytes: &[u8]) -> Found {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let options = Options {
        caps: Caps::default(),
        ..options("nginx_access")
    };
    read_path(&path, &options, Keep::All)
}

#[test]
fn bombs_end_in_bounded_memory_with_what_they_gave() {
    let (log, nothing) = (lines(100), vec![b'\n'; 400 << 20]);
    let bomb = zstd::encode_all(&[log.as_bytes(), &nothing].concat()[..], 3).unwrap();
    assert!(bomb.len() < 100_000);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("../../access.log", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(&bomb).unwrap();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(bomb.len() as u64);
    header.set_cksum();
    tar.append_data(&mut header, "x/access.log", &bomb[..]).unwrap();
    for (name, bytes) in [
        ("bomb.zst", bomb.clone()),
        ("bomb.zip", zip.finish().unwrap().into_inner()),
        ("bomb.tar", tar.into_inner().unwrap()),
    ] {
        let found = found(name, &bytes);
        assert!(found.peak < 48 << 20, "{name}: {}", found.peak);
        let texts: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        let reasons = found.rejects.iter().map(|r| r.reason.clone());
        let all: Vec<String> = texts.into_iter().chain(reasons).collect();
        assert!(
            all.iter().any(|t| t.contains("bytes come out of each")),
            "{name}: {all:?}"
        );
        assert!(all.iter().all(|t| *t == printable(t, 1000)), "{all:?}");
    }
}

#[test]
fn blank_members_without_number_are_held_one_at_a_time() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..400 {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(format!("{n}.log"), options).unwrap();
        zip.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let found = found("many.zip", &zip.finish().unwrap().into_inner());
    assert!(found.peak < 48 << 20, "{}", found.peak);
}
