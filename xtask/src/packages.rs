//! `packages`: Android packages built with Debian's tools. The twins of each check as a real assembler and packer make
//! them, and our verdicts on signatures beside those of `apksigner`, over valid, changed, cut, signed again and rotated
//! packages.

mod signatures;
mod spoiled;

use ambit_apk::{AppReport, CHECKS, Limits, scan};
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
    Ok(twins(&shop)? + signatures::compare(&shop)?)
}

/// Runs a tool; its own words are the error.
fn tool(name: &str, args: &[&str]) -> Outcome<()> {
    tool_in(Path::new("."), name, args)
}

fn tool_in(folder: &Path, name: &str, args: &[&str]) -> Outcome<()> {
    let done = Command::new(name)
        .args(args)
        .current_dir(folder)
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
        let one = |name: &str, end: &str| {
            fs::read_to_string(self.twins.join(check).join(format!("{name}.{end}"))).ok()
        };
        // `vulnerable-…` has the manifest and the policy of `vulnerable`, unless it has its own.
        let plain = kind.split('-').next().unwrap_or(kind);
        let read = |end: &str| one(kind, end).or_else(|| one(plain, end));
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

    /// The twins of a kind: `vulnerable`, and `vulnerable-…` for each further way in which the check must see it.
    fn cases(&self, check: &str, kind: &str) -> Outcome<Vec<String>> {
        let folder = self.twins.join(check);
        let entries = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let is_one =
            |name: &String| name == kind || name.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-'));
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".smali")?.to_owned()))
            .filter(is_one)
            .collect();
        names.sort();
        if names.is_empty() {
            return Err(format!("{}: no {kind} twin", folder.display()));
        }
        Ok(names)
    }

    /// Puts these bytes into a package as the member of that name.
    fn replace(&self, package: &str, member: &str, bytes: &[u8]) -> Outcome<()> {
        let folder = self.folder.join("replaced");
        let file = folder.join(member);
        let parent = file.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(|e| e.to_string())?;
        fs::write(&file, bytes).map_err(|e| e.to_string())?;
        tool_in(&folder, "zip", &["-q", "-0", package, member])
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
    println!("| check | vulnerable twins | safe twins |\n|---|---|---|");
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
        let (vulnerable, safe) = (
            shop.cases(check.name, "vulnerable")?,
            shop.cases(check.name, "safe")?,
        );
        let (mut missed, mut alarms) = (Vec::new(), Vec::new());
        for name in &vulnerable {
            if weighs(&judge(name)?, true) == 0 {
                missed.push(name.clone());
            }
        }
        for name in &safe {
            let report = judge(name)?;
            if weighs(&report, false) > 0 {
                alarms.push(name.clone());
            }
            for finding in report.findings.iter().filter(|f| f.level > Level::Informational) {
                println!(
                    "  {name}: {} {} {}",
                    finding.check.name, finding.what, finding.proof
                );
            }
        }
        println!(
            "| `{}` | {} of {} raised | {} of {} quiet |",
            check.name,
            vulnerable.len() - missed.len(),
            vulnerable.len(),
            safe.len() - alarms.len(),
            safe.len()
        );
        missed.iter().for_each(|name| println!("  MISSED {name}"));
        alarms.iter().for_each(|name| println!("  FALSE ALARM {name}"));
        n_wrong += missed.len() + alarms.len();
    }
    Ok(n_wrong)
}
