//! `ambit app expose`: who used a release, what its addresses and keys were used for, and from where.

use super::scope::load_map;
use crate::exit::Exit;
use crate::paint::Tone;
use crate::setting::Setting;
use crate::words;
use ambit_apk::{AppReport, Limits, Secret, scan};
use ambit_event::printable;
use ambit_scope::Bounds;
use ambit_scope::expose::{
    Address, Asked, Caller, Exposure, Fit, HardCodedKey, InsideAddress, Key, Looked, Origin, Release,
    Releases, RouteUse, expose,
};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Rows of one list that are shown; JSON has all.
const ROWS: usize = 25;

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ExposeArgs {
    /// The release: .apk, .apks, .xapk, .apkm or .aab
    #[arg(value_name = "RELEASE")]
    release: PathBuf,
    /// The data map, which says what lies behind a route and which machines are ours
    #[arg(long, value_name = "FILE.toml")]
    map: Option<PathBuf>,
    /// Count older releases with this one: what it lacks, they lack too
    #[arg(long)]
    older: bool,
}

const EXAMPLES: &str = "Examples:
  ambit app expose shop-1.7.apk --map map.toml
  ambit app expose shop-1.7.apk --older --lake /srv/lake --json
  ambit drill --attack stolen-api-key --out exercise && ambit ingest exercise/logs \\
    --mapping exercise/mappings/nginx_access.toml --mapping exercise/mappings/app.toml &&
    ambit app expose exercise/app/tonal-0.9.4.aab --map exercise/map.toml

Numbers are at least what records show, at most what they cannot exclude: a request that names no version may
be the release's. Which client, version and platform it is, a client says itself.
The exit code is 3 where a part of the package was not read, or a source of requests misses records.";

pub async fn run(setting: &Setting, args: &ExposeArgs) -> Result<Exit> {
    let report = scan(&args.release, &Limits::default())?;
    let map = args.map.as_deref().map(load_map).transpose()?;
    let lake = setting.open_lake().await?;
    let release = release_of(&report);
    let asked = Asked {
        release: &release,
        releases: if args.older {
            Releases::AndOlder
        } else {
            Releases::This
        },
        map: map.as_ref().map(|loaded| &loaded.map),
    };
    let answer = expose(&lake, &asked).await?;
    if setting.is_json {
        setting.json(&answer)?;
    } else {
        setting.say_all(told(setting, &report, &answer))?;
    }
    let is_partial =
        !report.coverage.unread.is_empty() || answer.coverage.iter().any(|s| s.n_missing != Some(0));
    Ok(Exit::incomplete_if(is_partial))
}

/// What the package says, as values that can be looked for in logs. Addresses of libraries are their own affair.
fn release_of(report: &AppReport) -> Release {
    let mut addresses: Vec<Address> = Vec::new();
    for endpoint in &report.endpoints {
        if endpoint.is_of_the_app() {
            addresses.push(Address {
                text: endpoint.url.clone(),
                host: Some(endpoint.host.clone()),
                path: endpoint.path().to_owned(),
                inside: endpoint.inside.map(str::to_owned),
                place: endpoint.place.to_string(),
            });
        }
    }
    addresses.extend(
        report
            .paths
            .iter()
            .filter(|path| path.is_of_the_app())
            .map(|path| Address {
                text: path.path.clone(),
                host: None,
                path: path.path.clone(),
                inside: None,
                place: path.place.to_string(),
            }),
    );
    addresses.sort();
    addresses.dedup_by(|a, b| a.text == b.text);
    let mut keys: Vec<Key> = report.secrets.iter().map(key_of).collect();
    keys.sort();
    keys.dedup_by(|a, b| a.value.is_some() && a.value == b.value);
    Release {
        package: report.manifest.package.clone(),
        platform: "android".to_owned(),
        version_name: report.manifest.version_name.clone(),
        version_code: report.manifest.version_code,
        addresses,
        keys,
    }
}

fn key_of(secret: &Secret) -> Key {
    Key {
        kind: secret.kind.to_owned(),
        value: secret.sent().map(str::to_owned),
        is_public: secret.is_public,
        place: secret.place.to_string(),
    }
}

fn told(setting: &Setting, report: &AppReport, answer: &Exposure) -> Vec<String> {
    let paint = &setting.paint;
    let mut lines = vec![paint.tone(Tone::Strong, &printable(&report.title(), 200))];
    lines.push(format!("  lake       version {}", answer.lake_version));
    if let Some(window) = answer.window {
        lines.push(format!("  logs       {}", words::span(window)));
    }
    lines.push(format!("  signature  {}", report.signature.standing.name()));
    let mut section = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            lines.push(String::new());
            lines.push(paint.tone(Tone::Head, title));
            lines.extend(rows);
        }
    };
    section("Who used it", used(answer));
    section("Versions that records name", versions(answer));
    section("Requests to paths that the package holds", routes(answer));
    section(
        "Keys that the package holds",
        answer.keys.iter().flat_map(key).collect(),
    );
    section(
        "Addresses of the inside that the package holds",
        answer.inside.iter().flat_map(inside).collect(),
    );
    section("What the logs saw of it", seen(answer));
    let bullets = |texts: &[String]| texts.iter().map(|text| format!("  {text}")).collect();
    section("It rests on", bullets(&answer.assumptions));
    section("Not answered", bullets(&answer.unanswered));
    section("A scope can begin with", seeds(answer));
    lines.into_iter().map(|line| printable_line(&line)).collect()
}

/// Texts of packages and logs are made harmless; colours are ours.
fn printable_line(line: &str) -> String {
    if line.contains("\u{1b}[") {
        line.to_owned()
    } else {
        printable(line, 400)
    }
}

fn used(answer: &Exposure) -> Vec<String> {
    let counted: Vec<&str> = answer.counted.iter().map(String::as_str).collect();
    let mut lines = Vec::new();
    if counted.is_empty() {
        lines.push("  no record names this version".to_owned());
    } else {
        lines.push(format!("  counted    {}", counted.join(", ")));
    }
    for (name, bounds) in [
        ("accounts", &answer.accounts),
        ("sessions", &answer.sessions),
        ("devices", &answer.devices),
    ] {
        match bounds {
            Some(bounds) => {
                lines.push(format!("  {name:<10} {}", both(bounds)));
                lines.extend(bounds.because.iter().map(|why| format!("               {why}")));
            }
            None => lines.push(format!("  {name:<10} not known")),
        }
    }
    lines
}

fn both(bounds: &Bounds) -> String {
    words::both_ends(bounds.at_least, bounds.at_most)
}

fn versions(answer: &Exposure) -> Vec<String> {
    let rows = answer.versions.iter().map(|row| {
        format!(
            "  {:<16} {:<15} {} records, {} sessions, {} devices, {}",
            row.version,
            row.standing.name(),
            words::number(row.n_records),
            words::number(row.n_sessions),
            words::number(row.n_devices),
            words::span(row.seen)
        )
    });
    capped(rows.collect(), answer.versions.len())
}

fn capped(mut lines: Vec<String>, n_rows: usize) -> Vec<String> {
    if n_rows > ROWS {
        lines.truncate(ROWS);
        lines.push(format!("  and {} more; --json has all", n_rows - ROWS));
    }
    lines
}

fn routes(answer: &Exposure) -> Vec<String> {
    let mut lines = capped(answer.routes.iter().map(route).collect(), answer.routes.len());
    if answer.n_unused > 0 {
        let shown: Vec<&str> = answer.unused.iter().take(5).map(String::as_str).collect();
        lines.push(format!(
            "  no request is recorded for {} other paths, such as {}",
            words::number(answer.n_unused),
            shown.join(", ")
        ));
    }
    lines
}

fn route(row: &RouteUse) -> String {
    let behind = match (row.classes.is_empty(), row.is_unmapped, row.mapped.is_empty()) {
        (_, true, _) => "the map does not know it: any data may lie behind it".to_owned(),
        (false, ..) => row.classes.iter().cloned().collect::<Vec<_>>().join(", "),
        (true, _, false) => "no personal data".to_owned(),
        _ => "not mapped".to_owned(),
    };
    let fit = match row.fit {
        Fit::Whole => String::new(),
        other => format!(" ({} {})", other.name(), row.path),
    };
    format!(
        "  {}{fit}: {} requests, {} by counted versions, {} by clients that are not the app; {behind}",
        row.operation,
        words::number(row.n_requests.at_least),
        words::number(row.n_counted),
        words::number(row.n_foreign)
    )
}

fn key(row: &HardCodedKey) -> Vec<String> {
    let shown = row.fingerprint.as_deref().unwrap_or("no value that a log holds");
    let public = if row.is_public { ", made to be in apps" } else { "" };
    let mut lines = vec![format!("  {}{public}  {shown}  in {}", row.kind, row.place)];
    match (&row.n_records, row.looked) {
        (_, Looked::Not) | (None, _) => lines.push("    not looked for".to_owned()),
        (Some(n), _) if n.at_least == 0 => lines.push(format!(
            "    no record shows it used{}",
            if n.at_most == Some(0) { "" } else { "; records are missing" }
        )),
        (Some(n), _) => lines.push(format!(
            "    {} records, {} by clients that name themselves the app; {} addresses and {} client programs that no \
             record of the app has",
            both(n),
            words::number(row.n_by_app),
            words::number(row.n_foreign_addresses),
            words::number(row.n_foreign_clients)
        )),
    }
    lines.extend(row.callers.iter().filter(|c| c.origin != Origin::App).map(caller));
    lines
}

fn caller(row: &Caller) -> String {
    format!(
        "      {} — {}, {} records, {}",
        row.value,
        row.origin.name(),
        words::number(row.n_records),
        words::span(row.seen)
    )
}

fn inside(row: &InsideAddress) -> Vec<String> {
    let mut lines = vec![format!("  {}  ({}, in {})", row.text, row.inside, row.place)];
    let (Some(n), Some(outside), Some(how)) = (&row.n_requests, &row.n_from_outside, &row.told_by) else {
        lines.push("    no record tells whether it was asked for: not known".to_owned());
        return lines;
    };
    lines.push(format!(
        "    {} requests, from outside {}; told by {how}",
        both(n),
        both(outside)
    ));
    lines.extend(row.callers.iter().filter(|c| c.origin != Origin::Own).map(caller));
    lines
}

fn seen(answer: &Exposure) -> Vec<String> {
    let rows = answer.coverage.iter().map(|state| {
        let host = state
            .host
            .as_deref()
            .map(|h| format!(" on {h}"))
            .unwrap_or_default();
        let missing = match state.n_missing {
            Some(0) => "nothing is known to be missing".to_owned(),
            Some(n) => format!("at most {} records are missing", words::number(n)),
            None => "records are missing, nobody knows how many".to_owned(),
        };
        let because = state
            .because
            .first()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        format!("  {}{host}  {}; {missing}{because}", state.source, state.worst)
    });
    capped(rows.collect(), answer.coverage.len())
}

fn seeds(answer: &Exposure) -> Vec<String> {
    answer
        .seeds
        .iter()
        .flat_map(|line| {
            [
                format!("  --seed {}", words::quoted(&line.seed)),
                format!("      {}", line.why),
            ]
        })
        .collect()
}
