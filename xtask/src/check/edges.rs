//! What the manifests may say: who depends on whom, and through which door.

use super::house::{Fault, House};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The floors: each package with the packages of the house that it may use.
const FLOORS: &[(&str, &[&str])] = &[
    ("ambit-event", &[]),
    ("ambit-source", &["ambit-event"]),
    ("ambit-lake", &["ambit-event"]),
    ("ambit-apk", &["ambit-event"]),
    ("ambit-detect", &["ambit-lake", "ambit-event"]),
    ("ambit-scope", &["ambit-lake", "ambit-event"]),
    ("ambit-disclose", &["ambit-scope", "ambit-event"]),
    (
        "ambit-case",
        &["ambit-lake", "ambit-scope", "ambit-disclose", "ambit-event"],
    ),
    ("ambit-drill", &["ambit-event"]),
    (
        "ambit",
        &[
            "ambit-event",
            "ambit-source",
            "ambit-lake",
            "ambit-apk",
            "ambit-detect",
            "ambit-scope",
            "ambit-disclose",
            "ambit-case",
            "ambit-drill",
        ],
    ),
    (
        "xtask",
        &[
            "ambit-event",
            "ambit-source",
            "ambit-lake",
            "ambit-apk",
            "ambit-detect",
            "ambit-scope",
            "ambit-disclose",
            "ambit-case",
            "ambit-drill",
        ],
    ),
];

/// What the tests of every crate may use besides: incidents with known truth, and their reader.
const FOR_TESTS: &[&str] = &["ambit-drill", "ambit-source", "ambit-event"];

/// Big dependencies, by the beginning of their names, and the packages that may name them.
pub const DOORS: &[(&str, &[&str])] = &[
    ("datafusion", &["ambit-lake"]),
    ("deltalake", &["ambit-lake"]),
    ("arrow", &["ambit-lake"]),
    ("parquet", &["ambit-lake"]),
    ("object_store", &["ambit-lake"]),
    // Programs may pass any error on; rooms name theirs.
    ("anyhow", &["ambit", "xtask"]),
    ("rsigma", &["ambit-detect"]),
    ("rusqlite", &["ambit-case"]),
    // Whatever leaves the machine: letters to a mail server, letters to a service.
    ("lettre", &["ambit-case"]),
    ("rustls", &["ambit-case"]),
    ("mail-parser", &["ambit-case"]),
    ("reqwest", &["ambit"]),
    ("sqlparser", &["ambit-scope"]),
    ("aws-lc", &["ambit-apk"]),
    ("clap", &["ambit"]),
    // The conformance check asks it itself, to compare.
    ("evtx", &["ambit-source", "xtask"]),
];

/// A dependency as a manifest names it.
struct Dependency {
    name: String,
    for_tests: bool,
}

/// A crate depends only on crates below it.
pub fn floors(house: &House) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, package, dependencies) in packages(house) {
        let Some((_, below)) = FLOORS.iter().find(|(name, _)| *name == package) else {
            faults.push(Fault::new(
                path,
                format!("`{package}` has no floor: add it to the list of edges"),
            ));
            continue;
        };
        for dependency in dependencies
            .iter()
            .filter(|d| d.name == "ambit" || d.name.starts_with("ambit-"))
        {
            let name = dependency.name.as_str();
            let allowed = below.contains(&name) || dependency.for_tests && FOR_TESTS.contains(&name);
            if !allowed {
                faults.push(Fault::new(
                    path,
                    format!("`{package}` may not depend on `{name}`"),
                ));
            }
        }
    }
    faults
}

/// A big dependency stands in the manifests of its door alone.
pub fn doors(house: &House) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, package, dependencies) in packages(house) {
        for dependency in dependencies {
            let door = DOORS
                .iter()
                .find(|(begin, _)| begins_with(&dependency.name, begin));
            if let Some((_, allowed)) = door.filter(|(_, allowed)| !allowed.contains(&package.as_str())) {
                let name = dependency.name;
                faults.push(Fault::new(
                    path,
                    format!("`{name}` may be named by {} only", allowed.join(", ")),
                ));
            }
        }
    }
    faults
}

/// Whether a package or crate belongs to a family: `arrow`, `arrow-array`, `arrow_array`.
pub fn begins_with(name: &str, begin: &str) -> bool {
    name.strip_prefix(begin)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

/// The lock file holds each of the big ones once, and nothing from elsewhere than the public registry.
pub fn lock(house: &House) -> Vec<Fault> {
    const ONCE: &[&str] = &[
        "datafusion",
        "deltalake-core",
        "arrow",
        "parquet",
        "object_store",
        "sqlparser",
    ];
    const PUBLIC: &str = "registry+https://github.com/rust-lang/crates.io-index";
    let mut faults = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let lock = parse(house.text("Cargo.lock"));
    for package in lock
        .get("package")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let word = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default();
        versions.entry(word("name")).or_default().insert(word("version"));
        if !["", PUBLIC].contains(&word("source")) {
            let what = format!("`{}` comes from elsewhere than the public registry", word("name"));
            faults.push(Fault::new("Cargo.lock", what));
        }
    }
    for name in ONCE {
        let found = versions.get(name).cloned().unwrap_or_default();
        if found.len() != 1 {
            let list = found.into_iter().collect::<Vec<_>>().join(", ");
            faults.push(Fault::new(
                "Cargo.lock",
                format!("one version of `{name}` is expected, not [{list}]"),
            ));
        }
    }
    faults
}

/// No crate goes without the lints of the workspace.
pub fn lints(house: &House) -> Vec<Fault> {
    let takes = |manifest: &Table| {
        manifest
            .get("lints")
            .and_then(|l| l.get("workspace"))
            .and_then(Value::as_bool)
            .unwrap_or(false)
    };
    manifests(house)
        .filter(|(_, manifest)| !takes(manifest))
        .map(|(path, _)| Fault::new(path, "`[lints] workspace = true` is missing"))
        .collect()
}

/// The manifests of the workspace's members.
fn manifests(house: &House) -> impl Iterator<Item = (&str, Table)> {
    let members = house
        .below("crates/", "/Cargo.toml")
        .chain(house.below("xtask/", "/Cargo.toml"));
    members.map(|(path, text)| (path, parse(text)))
}

/// Path, name and dependencies of each member.
fn packages(house: &House) -> impl Iterator<Item = (&str, String, Vec<Dependency>)> {
    manifests(house).map(|(path, manifest)| {
        let name = manifest
            .get("package")
            .and_then(|p| p.get("name"))
            .and_then(Value::as_str);
        (path, name.unwrap_or_default().to_owned(), dependencies(&manifest))
    })
}

/// Every dependency of a manifest, those for some targets included, under the package's true name.
fn dependencies(manifest: &Table) -> Vec<Dependency> {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    let mut found = Vec::new();
    for table in tables {
        for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (key, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                let renamed = value.get("package").and_then(Value::as_str);
                let name = renamed.unwrap_or(key).to_owned();
                found.push(Dependency {
                    name,
                    for_tests: section == "dev-dependencies",
                });
            }
        }
    }
    found
}

/// A text that is no TOML counts as empty: cargo itself refuses such a manifest before this program runs.
fn parse(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(manifest: &str) -> House {
        House::of(&[("crates/x/Cargo.toml", manifest)])
    }

    #[test]
    fn an_edge_upwards_is_a_fault() {
        let up = with("[package]\nname = \"ambit-source\"\n[dependencies]\nambit-lake.workspace = true\n");
        assert_eq!(floors(&up).len(), 1);
        let down = with("[package]\nname = \"ambit-scope\"\n[dependencies]\nambit-lake.workspace = true\n");
        assert!(floors(&down).is_empty());
        let unknown = with("[package]\nname = \"ambit-utils\"\n");
        assert_eq!(floors(&unknown).len(), 1);
    }

    #[test]
    fn tests_may_use_the_simulator_and_code_may_not() {
        let section =
            |name| format!("[package]\nname = \"ambit-scope\"\n[{name}]\nambit-drill.workspace = true\n");
        assert!(floors(&with(&section("dev-dependencies"))).is_empty());
        assert_eq!(floors(&with(&section("dependencies"))).len(), 1);
        assert_eq!(
            floors(&with(&section("target.'cfg(unix)'.dependencies"))).len(),
            1
        );
    }

    #[test]
    fn a_big_dependency_outside_its_door_is_a_fault() {
        let text =
            "[package]\nname = \"ambit-scope\"\n[dependencies]\ndf = { package = \"datafusion-expr\" }\n";
        assert_eq!(doors(&with(text)).len(), 1);
        assert!(doors(&with(&text.replace("ambit-scope", "ambit-lake"))).is_empty());
        assert!(doors(&with(&text.replace("datafusion-expr", "datafusionish"))).is_empty());
    }

    #[test]
    fn two_engines_or_a_foreign_registry_are_faults() {
        let package =
            |name: &str, version: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        let once: String = [
            "datafusion",
            "deltalake-core",
            "arrow",
            "parquet",
            "object_store",
            "sqlparser",
        ]
        .iter()
        .map(|name| package(name, "1.0.0"))
        .collect();
        let of = |text: &str| lock(&House::of(&[("Cargo.lock", text)]));
        assert_eq!(of(&once), []);
        assert_eq!(of(&format!("{once}{}", package("arrow", "2.0.0"))).len(), 1);
        assert_eq!(
            of(&format!(
                "{once}{}source = \"git+https://example.org/x\"\n",
                package("x", "1.0.0")
            ))
            .len(),
            1
        );
    }

    #[test]
    fn a_crate_without_lints_is_a_fault() {
        assert_eq!(lints(&with("[package]\nname = \"ambit-event\"\n")).len(), 1);
        assert!(lints(&with("[lints]\nworkspace = true\n")).is_empty());
    }
}
