//! Time and memory of reading one large app, and `androguard` beside it on the same file.
//!
//! The package is built from real ones: their DEX files again and again, with another letter in the names of their
//! classes each time, so that no file is the other's copy, and bytes that do not pack behind them.

use super::program::{Program, Took, run_timed};
use ambit_apk::{Budget, Container, Limits};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Bytes of code, and of the whole.
const CODE: usize = 64 << 20;
const WHOLE: usize = 101 << 20;
/// A hostile package: text that packs to next to nothing, in code and beside it.
const HOSTILE: usize = 300 << 20;

/// Reads each of these packages' code, builds the large one, and measures.
pub fn run(packages: &[String]) -> Result<(), String> {
    let program = Program::find()?;
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (manifest, dex) = parts(packages)?;
    let large = dir.path().join("large.apk");
    let n_files = build(&large, &manifest, &dex)?;
    let size = fs::metadata(&large).map_err(|e| e.to_string())?.len();
    println!(
        "a package of {} MB, {} MB of code in {n_files} files, of {} real ones\n",
        size >> 20,
        CODE >> 20,
        dex.len()
    );
    println!("| reader | wall | processor | peak MB |\n|---|---|---|---|");
    let lake = dir.path().join("none");
    let file = large.display().to_string();
    for _ in 0..3 {
        row(
            "ambit app scan",
            &program.run(&lake, &["app", "scan", &file, "--json"])?,
        );
    }
    let hostile = dir.path().join("hostile.apk");
    build_hostile(&hostile, &manifest)?;
    let file = hostile.display().to_string();
    row(
        "ambit app scan, 300 MB of hostile members",
        &program.run(&lake, &["app", "scan", &file, "--json"])?,
    );
    beside(&large)
}

fn row(name: &str, took: &Took) {
    println!(
        "| {name} | {:.2} s | {:.2} s | {} |",
        took.wall.as_secs_f64(),
        took.cpu.as_secs_f64(),
        took.peak >> 20
    );
}

/// The manifest of the first package, and every DEX file of all.
fn parts(packages: &[String]) -> Result<(Vec<u8>, Vec<Vec<u8>>), String> {
    let (limits, mut manifest, mut dex) = (Limits::default(), None, Vec::new());
    for path in packages {
        let bytes = fs::read(path).map_err(|e| format!("{path}: {e}"))?;
        let container = Container::parse(&bytes, &limits).map_err(|e| format!("{path}: {e}"))?;
        let budget = Budget::of(&limits);
        let read = |name: &str| {
            container
                .read_named(name, &budget)
                .map_err(|e| format!("{path}: {e}"))
        };
        if let (None, Some(found)) = (&manifest, read("AndroidManifest.xml")?) {
            manifest = Some(found.into_owned());
        }
        for entry in container.entries().iter().filter(|e| e.name.ends_with(".dex")) {
            dex.push(read(&entry.name)?.unwrap_or_default().into_owned());
        }
    }
    match (manifest, dex.is_empty()) {
        (Some(manifest), false) => Ok((manifest, dex)),
        _ => Err("name packages with a manifest and code: bench app FILE.apk…".to_owned()),
    }
}

/// Writes the package, deflated as such packages are; answers how many files of code it has.
fn build(path: &Path, manifest: &[u8], dex: &[Vec<u8>]) -> Result<usize, String> {
    let mut members: Vec<(String, Vec<u8>)> = vec![("AndroidManifest.xml".into(), manifest.to_vec())];
    let (mut n_code, mut n_files) = (0, 0);
    for (round, bytes) in dex.iter().cycle().enumerate() {
        if n_code >= CODE {
            break;
        }
        n_code += bytes.len();
        n_files += 1;
        let name = match n_files {
            1 => "classes.dex".to_owned(),
            n => format!("classes{n}.dex"),
        };
        members.push((name, renamed(bytes, round / dex.len())));
    }
    write_zip(path, members, WHOLE)?;
    Ok(n_files)
}

/// The file with another letter at the end of each class's package: `Lorg/a/B;` as `Lorg/b/B;`.
fn renamed(dex: &[u8], round: usize) -> Vec<u8> {
    let mut bytes = dex.to_vec();
    let word = |bytes: &[u8], at: usize| {
        let raw: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(raw)).ok()
    };
    let (n_strings, table) = (word(dex, 56).unwrap_or(0), word(dex, 60).unwrap_or(0));
    let letter = b'a' + (round % 26) as u8;
    for n in (0..n_strings).filter(|_| round > 0) {
        let Some(at) = word(dex, table + n * 4) else { break };
        // A length in one byte stands before the text.
        let text = dex.get(at + 1..).and_then(|rest| rest.split(|b| *b == 0).next());
        let Some(text) = text.filter(|text| is_named(text)) else {
            continue;
        };
        let slash = text.iter().rposition(|b| *b == b'/').unwrap_or(1);
        if let Some(place) = bytes.get_mut(at + slash) {
            *place = letter;
        }
    }
    // Readers compare the checksum in the head.
    let sum = adler32(bytes.get(12..).unwrap_or_default());
    if let Some(head) = bytes.get_mut(8..12) {
        head.copy_from_slice(&sum.to_le_bytes());
    }
    bytes
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1u32, 0u32);
    for part in bytes.chunks(5_000) {
        for byte in part {
            low += u32::from(*byte);
            high += low;
        }
        (low, high) = (low % 65_521, high % 65_521);
    }
    high << 16 | low
}

/// A descriptor of a class that is not the platform's.
fn is_named(text: &[u8]) -> bool {
    let is_platform = [
        &b"Ljava/"[..],
        b"Ljavax/",
        b"Landroid/",
        b"Landroidx/",
        b"Lkotlin/",
    ]
    .iter()
    .any(|begin| text.starts_with(begin));
    text.starts_with(b"L") && text.ends_with(b";") && text.contains(&b'/') && text.len() < 127 && !is_platform
}

/// Members that unpack to much more than they take.
fn build_hostile(path: &Path, manifest: &[u8]) -> Result<(), String> {
    let line = b"https://a.example/b AKIA0000000000000000 -----BEGIN PRIVATE KEY----- ";
    let text: Vec<u8> = line.iter().copied().cycle().take(7 << 20).collect();
    let mut members: Vec<(String, Vec<u8>)> = vec![("AndroidManifest.xml".into(), manifest.to_vec())];
    members.extend((0..40).map(|n| (format!("assets/{n}.json"), text.clone())));
    members.extend((0..12).map(|n| (format!("classes{}.dex", n + 2), vec![b'x'; 24 << 20])));
    write_zip(path, members, HOSTILE)
}

/// A zip of deflated members, made by Debian's `zip`, and filled up with one stored member that no reader looks into.
fn write_zip(path: &Path, members: Vec<(String, Vec<u8>)>, whole: usize) -> Result<(), String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let folder = path.with_extension("members");
    for (name, bytes) in members {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap_or(&folder)).map_err(|e| failed(&e))?;
        fs::write(file, bytes).map_err(|e| failed(&e))?;
    }
    zip(&folder, path, &["-q", "-r", "-X", "-6"], ".")?;
    let so_far = fs::metadata(path).map_err(|e| failed(&e))?.len();
    let left = whole.saturating_sub(usize::try_from(so_far).unwrap_or(whole));
    let mut noise = 0x2014_0523_u64;
    let filling: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 56) as u8
    })
    .take(left)
    .collect();
    let music = "music.ogg";
    fs::write(folder.join(music), filling).map_err(|e| failed(&e))?;
    zip(&folder, path, &["-q", "-X", "-0"], music)?;
    fs::remove_dir_all(&folder).map_err(|e| failed(&e))
}

fn zip(folder: &Path, to: &Path, options: &[&str], what: &str) -> Result<(), String> {
    let done = Command::new("zip")
        .current_dir(folder)
        .args(options)
        .arg(to)
        .arg(what)
        .status();
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("zip: {status}")),
        Err(error) => Err(format!("zip: {error}")),
    }
}

/// The same file read by `androguard`, where a Python with it is named.
fn beside(file: &Path) -> Result<(), String> {
    let Some(python) = std::env::var_os("AMBIT_ANDROGUARD") else {
        println!("\nAMBIT_ANDROGUARD names the Python of an environment with androguard, to measure it too");
        return Ok(());
    };
    for (name, call) in [
        (
            "androguard, package and DEX parsed",
            "apk.get_package(); [len(DEX(d).get_classes()) for d in apk.get_all_dex()]",
        ),
        ("androguard, AnalyzeAPK", "AnalyzeAPK(path)"),
    ] {
        let script = format!(
            "import sys\nfrom loguru import logger\nlogger.remove()\nfrom androguard.core.apk import APK\n\
             from androguard.core.dex import DEX\nfrom androguard.misc import AnalyzeAPK\npath = sys.argv[1]\n\
             apk = APK(path)\n{call}\n"
        );
        let mut command = Command::new(&python);
        command.arg("-c").arg(script).arg(file);
        match run_timed(&mut command) {
            Ok(took) => row(name, &took),
            Err(why) => println!("| {name} | {why} | | |"),
        }
    }
    Ok(())
}
