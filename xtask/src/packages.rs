//! `packages`: Android packages built with Debian's tools. The twins of each check as a real assembler and packer make
//! them, and our verdicts on signatures beside those of `apksigner`, over valid, changed, cut, signed again and rotated
//! packages.

use ambit_apk::{AppReport, CHECKS, Limits, Standing, scan};
use ambit_event::Level;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

type Outcome<T> = Result<T, String>;

/// What Debian calls the packages that hold the tools.
const NEEDED: &str =
    "aapt android-framework-res apksigner apktool default-jre-headless libsmali-java zip zipalign";
const FRAMEWORK: &str = "/usr/share/android-framework-res/framework-res.apk";
const PASSWORD: &str = "pass:packages";
/// Checks that need a package made by hand; the crate's tests show them.
const ELSEWHERE: &[&str] = &["container", "signer", "update_gate"];

/// Where things are built, removed in the end.
struct Workshop {
    folder: PathBuf,
    twins: PathBuf,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Builds, scans and compares; fails where a twin is judged wrongly or a verdict differs.
pub fn run() -> ExitCode {
    match all() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(n_wrong) => {
            println!("packages: {n_wrong} wrong");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("packages: {why}; Debian has the tools in: {NEEDED}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> Outcome<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let folder = std::env::temp_dir().join(format!("ambit-packages-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let shop = Workshop {
        folder,
        twins: root.join("crates/apk/twins"),
    };
    for (name, kind) in [("a", "RSA"), ("b", "RSA"), ("ec", "EC"), ("dsa", "DSA")] {
        shop.key(name, kind)?;
    }
    Ok(twins(&shop)? + signatures(&shop)?)
}

/// Runs a tool; its own words are the error.
fn tool(name: &str, args: &[&str]) -> Outcome<()> {
    let done = Command::new(name)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{name}: {e}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!(
        "{name} {}: {}",
        args.join(" "),
        said.lines().next().unwrap_or("failed")
    ))
}

impl Workshop {
    fn at(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn key(&self, name: &str, kind: &str) -> Outcome<()> {
        let (store, owner) = (self.at(&format!("{name}.jks")), format!("CN={name}"));
        let size: &[&str] = if kind == "EC" {
            &["-groupname", "secp256r1"]
        } else {
            &["-keysize", "2048"]
        };
        let mut args = vec![
            "-genkeypair",
            "-keystore",
            &store,
            "-storepass",
            "packages",
            "-alias",
            "k",
        ];
        args.extend([
            "-keypass",
            "packages",
            "-validity",
            "9000",
            "-dname",
            &owner,
            "-keyalg",
            kind,
        ]);
        args.extend(size);
        tool("keytool", &args)
    }

    /// Builds a twin with the assembler and the packer.
    fn twin(&self, check: &str, kind: &str, edit: impl Fn(String) -> String) -> Outcome<String> {
        let read = |end: &str| fs::read_to_string(self.twins.join(check).join(format!("{kind}.{end}"))).ok();
        let common = || fs::read_to_string(self.twins.join("AndroidManifest.xml")).ok();
        let manifest = read("xml").or_else(common).ok_or("no manifest")?;
        let folder = self.folder.join(format!("{check}-{kind}"));
        let put = |name: &str, text: &str| -> Outcome<String> {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(&folder);
            fs::create_dir_all(parent).map_err(|e| e.to_string())?;
            fs::write(&path, text).map_err(|e| e.to_string())?;
            Ok(path.display().to_string())
        };
        let manifest = put("AndroidManifest.xml", &edit(manifest))?;
        for (n, class) in classes(&read("smali").ok_or("no code")?).iter().enumerate() {
            put(&format!("smali/{n}.smali"), class)?;
        }
        let (code, unaligned) = (put("classes.dex", "")?, put("unaligned.apk", "")?);
        let smali = folder.join("smali").display().to_string();
        tool("smali", &["assemble", &smali, "-o", &code, "--api", "24"])?;
        let mut args = vec![
            "package", "-f", "-M", &manifest, "-I", FRAMEWORK, "-F", &unaligned,
        ];
        let resources = folder.join("res").display().to_string();
        if let Some(policy) = read("network.xml") {
            put("res/xml/network_security_config.xml", &policy)?;
            args.extend(["-S", &resources]);
        }
        tool("aapt", &args)?;
        tool("zip", &["-q", "-j", &unaligned, &code])?;
        let aligned = self.at(&format!("{check}-{kind}.apk"));
        tool("zipalign", &["-f", "4", &unaligned, &aligned])?;
        Ok(aligned)
    }

    /// Signs a package into a file of that name.
    fn sign(&self, package: &str, name: &str, key: &str, more: &[&str]) -> Outcome<String> {
        let (out, store) = (self.at(name), self.at(&format!("{key}.jks")));
        let mut args = vec!["sign", "--ks", &store, "--ks-pass", PASSWORD, "--out", &out];
        args.extend(more);
        args.push(package);
        tool("apksigner", &args)?;
        Ok(out)
    }
}

/// The assembler wants one class a file.
fn classes(source: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(".class") {
            out.push(String::new());
        }
        if let Some(class) = out.last_mut() {
            class.push_str(line);
            class.push('\n');
        }
    }
    out
}

fn scanned(path: &str) -> Outcome<AppReport> {
    scan(Path::new(path), &Limits::default()).map_err(|e| e.to_string())
}

/// Judges every twin; prints a row for each check.
fn twins(shop: &Workshop) -> Outcome<usize> {
    let mut n_wrong = 0;
    println!("| check | vulnerable twin | safe twin |\n|---|---|---|");
    for check in CHECKS.iter().filter(|check| !ELSEWHERE.contains(&check.name)) {
        let judge = |kind: &str| -> Outcome<AppReport> {
            let package = shop.twin(check.name, kind, |manifest| manifest)?;
            let signed = shop.sign(&package, &format!("{}-{kind}-signed.apk", check.name), "ec", &[])?;
            scanned(&signed)
        };
        let weighs = |report: &AppReport, own: bool| {
            let weighty =
                |f: &&ambit_apk::Finding| f.level > Level::Informational && (!own || f.check == check);
            report.findings.iter().filter(weighty).count()
        };
        let (vulnerable, safe) = (judge("vulnerable")?, judge("safe")?);
        let (raised, false_alarms) = (weighs(&vulnerable, true), weighs(&safe, false));
        println!(
            "| `{}` | {} | {} |",
            check.name,
            if raised > 0 { "raised" } else { "MISSED" },
            if false_alarms == 0 {
                "nothing"
            } else {
                "FALSE ALARM"
            }
        );
        n_wrong += usize::from(raised == 0) + usize::from(false_alarms > 0);
        for finding in safe.findings.iter().filter(|f| f.level > Level::Informational) {
            println!("  {}: {} {}", finding.check.name, finding.what, finding.proof);
        }
    }
    Ok(n_wrong)
}

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

fn signatures(shop: &Workshop) -> Outcome<usize> {
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

/// How apksigner says that it cannot read a certificate.
const UNREADABLE: &str = "Failed to parse certificate";

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
        // The keys are new in each run, so that it is chance which byte of a certificate is hit. Its own bytes are
        // covered by no signature of scheme v1, and readers are strict about them to different degrees.
        if ours && words.contains(UNREADABLE) {
            println!("  note: {name}: apksigner cannot read a certificate that is read here");
            return Ok(true);
        }
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
