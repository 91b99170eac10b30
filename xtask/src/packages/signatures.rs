//! Our verdicts on signatures beside those of `apksigner`: every way of signing, and what can be done to a signed file.

use super::{Outcome, PASSWORD, Workshop, tool};
use crate::packages::spoiled::spoiled;
use ambit_apk::{Limits, Standing, scan};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A way of signing, by the name that is printed.
struct Way {
    name: &'static str,
    key: &'static str,
    args: &'static [&'static str],
}

const fn way(name: &'static str, key: &'static str, args: &'static [&'static str]) -> Way {
    Way { name, key, args }
}

const V1: &[&str] = &[
    "--v1-signing-enabled",
    "true",
    "--v2-signing-enabled",
    "false",
    "--v3-signing-enabled",
    "false",
];
const V2: &[&str] = &[
    "--v1-signing-enabled",
    "false",
    "--v2-signing-enabled",
    "true",
    "--v3-signing-enabled",
    "false",
];
const V3: &[&str] = &[
    "--v1-signing-enabled",
    "false",
    "--v2-signing-enabled",
    "false",
    "--v3-signing-enabled",
    "true",
];
const V12: &[&str] = &[
    "--v1-signing-enabled",
    "true",
    "--v2-signing-enabled",
    "true",
    "--v3-signing-enabled",
    "false",
];
const V123: &[&str] = &[
    "--v1-signing-enabled",
    "true",
    "--v2-signing-enabled",
    "true",
    "--v3-signing-enabled",
    "true",
];

const WAYS: &[Way] = &[
    way("v1 rsa", "a", V1),
    way("v2 rsa", "a", V2),
    way("v3 rsa", "a", V3),
    way("v1+v2 rsa", "a", V12),
    way("v1+v2+v3 rsa", "a", V123),
    way("v1 ec", "ec", V1),
    way("v1+v2+v3 ec", "ec", V123),
    way("v1 dsa", "dsa", V1),
    way("v2 dsa", "dsa", V2),
];

/// The Android versions that a package is for: least, and the one it is made for.
const SDKS: &[(u32, u32)] = &[(18, 29), (24, 29), (28, 34)];

pub(super) fn compare(shop: &Workshop) -> Outcome<usize> {
    let lineage = shop.at("lineage");
    let stores = (shop.at("a.jks"), shop.at("b.jks"));
    tool(
        "apksigner",
        &[
            "rotate",
            "--out",
            &lineage,
            "--old-signer",
            "--ks",
            &stores.0,
            "--ks-pass",
            PASSWORD,
            "--new-signer",
            "--ks",
            &stores.1,
            "--ks-pass",
            PASSWORD,
        ],
    )?;
    let (mut n_cases, mut n_wrong) = (0, 0);
    for (min, target) in SDKS {
        let sdk = |manifest: String| {
            let least = manifest.replace("minSdkVersion=\"30\"", &format!("minSdkVersion=\"{min}\""));
            least.replace(
                "targetSdkVersion=\"34\"",
                &format!("targetSdkVersion=\"{target}\""),
            )
        };
        let package = shop.twin("static_key", "vulnerable", sdk)?;
        let mut cases = vec![("unsigned".to_owned(), package.clone())];
        for way in WAYS {
            let file = format!("{}-{min}.apk", way.name.replace([' ', '+'], "-"));
            // Some ways are refused for some versions; what was not signed is not compared.
            match shop.sign(&package, &file, way.key, way.args) {
                Ok(signed) => cases.extend(changed(shop, way.name, &signed)?),
                Err(why) => println!("     {min} {}: not signed: {why}", way.name),
            }
        }
        let again = shop.sign(
            &shop.at(&format!("v1-v2-v3-rsa-{min}.apk")),
            &format!("again-{min}.apk"),
            "b",
            &[],
        )?;
        cases.push(("signed again by another".into(), again));
        let args = [
            "--next-signer",
            "--ks",
            &stores.1,
            "--ks-pass",
            PASSWORD,
            "--lineage",
            &lineage,
        ];
        let rotated = shop.sign(&package, &format!("rotated-{min}.apk"), "a", &args)?;
        cases.extend(changed(shop, "rotated", &rotated)?);
        for (name, path) in cases {
            n_cases += 1;
            n_wrong += usize::from(!agree(&format!("{min}-{target} {name}"), &path)?);
        }
    }
    println!("packages: {n_cases} verdicts compared with apksigner, {n_wrong} differ");
    Ok(n_wrong)
}

/// Whether apksigner and we say the same of a package.
fn agree(name: &str, path: &str) -> Outcome<bool> {
    let said = Command::new("apksigner")
        .args(["verify", path])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("apksigner: {e}"))?;
    let theirs = said.status.success();
    let report = scan(Path::new(path), &Limits::default());
    // What cannot be read as a package is not verified.
    let ours = report
        .as_ref()
        .is_ok_and(|report| report.signature.standing == Standing::Verified);
    if ours != theirs {
        let words =
            String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        println!("DIFFERS {name}: apksigner {theirs}, ours {ours}");
        words.lines().take(4).for_each(|line| println!("     {line}"));
        if let Ok(report) = report {
            println!("     {:#?}", report.signature.errors);
            for scheme in &report.signature.schemes {
                let of_signers: Vec<_> = scheme.signers.iter().map(|s| (&s.errors, &s.unknown)).collect();
                println!(
                    "     {}: {:?} {of_signers:?}",
                    scheme.scheme.name(),
                    scheme.errors
                );
            }
        }
    }
    Ok(ours == theirs)
}

/// A signed package, and what can be done to it.
fn changed(shop: &Workshop, name: &str, path: &str) -> Outcome<Vec<(String, String)>> {
    let whole = fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    let mut cases = vec![(name.to_owned(), path.to_owned())];
    let mut put = |what: &str, bytes: &[u8]| -> Outcome<String> {
        let file = format!("{path}-{}.apk", what.replace(' ', "-"));
        fs::write(&file, bytes).map_err(|e| format!("{file}: {e}"))?;
        cases.push((format!("{name}, {what}"), file.clone()));
        Ok(file)
    };
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 0x40;
        }
        bytes
    };
    let n = whole.len();
    // The first member's data; the middle; the directory; the end record's place of the directory.
    put("a byte of a member changed", &flipped(90))?;
    put("a byte in the middle changed", &flipped(n / 2))?;
    put("a byte of the directory changed", &flipped(n - 22 - 30))?;
    put("a byte of the end record changed", &flipped(n - 5))?;
    put("cut", &whole[..n - 9])?;
    put("cut in half", &whole[..n / 2])?;
    put("a byte put behind", &[whole.as_slice(), b"x"].concat())?;
    put("bytes put before", &[b"dex\n035\0".as_slice(), &whole].concat())?;
    for one in spoiled(&whole) {
        let package = put(&one.what, &whole)?;
        shop.replace(&package, &one.member, &one.bytes)?;
    }
    if let Some(at) = whole.windows(16).position(|w| w == b"APK Sig Block 42") {
        put("a byte of the block changed", &flipped(at.saturating_sub(200)))?;
        let mut gone = whole.clone();
        gone[at] ^= 1;
        put("the block hidden", &gone)?;
    }
    let (extra, more) = (shop.at("extra.txt"), put("a member added", &whole)?);
    fs::write(&extra, "added").map_err(|e| e.to_string())?;
    tool("zip", &["-q", "-j", &more, &extra])?;
    let less = put("a member removed", &whole)?;
    tool("zip", &["-q", "-d", &less, "classes.dex"])?;
    if whole.windows(20).any(|w| w == b"META-INF/MANIFEST.MF") {
        let bare = put("the list removed", &whole)?;
        tool("zip", &["-q", "-d", &bare, "META-INF/MANIFEST.MF"])?;
    }
    Ok(cases)
}
