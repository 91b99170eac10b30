//! `ambit lake`: the store itself.

use crate::exit::Exit;
use crate::paint::columns;
use crate::setting::{Setting, by};
use crate::words;
use ambit_event::{Timestamp, printable};
use ambit_lake::{Filter, Lake, Query, Version};
use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

/// The lake itself: what it holds, its versions, compaction, pins
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum LakeCommand {
    /// What it holds, at which version, with the hash over its events
    Info,
    /// The newest versions with what each holds
    Versions(VersionsArgs),
    /// Rewrite small files to larger ones; with --vacuum remove what no kept version needs
    Compact(CompactArgs),
    /// Keep the newest version readable, whatever is vacuumed later
    Pin(PinArgs),
    /// Drop a pin
    Unpin(PinArgs),
}

const EXAMPLES: &str = "Examples:
  ambit lake info
  ambit lake versions
  ambit lake compact --vacuum --keep-days 30
  ambit lake pin before-the-audit

A scope pins the version that it answered at, so that its answer can be repeated.";

#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// Show at most so many, the newest first
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u64,
}

#[derive(Debug, Args)]
pub struct CompactArgs {
    /// Remove the files that no version of the last --keep-days needs, pinned versions apart
    #[arg(long)]
    vacuum: bool,
    #[arg(long, default_value_t = 7, value_name = "N")]
    keep_days: u32,
}

#[derive(Debug, Args)]
pub struct PinArgs {
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Serialize)]
struct About {
    lake: String,
    lake_version: u64,
    content_root: String,
    n_events: u64,
    n_rejects: u64,
    n_files: u64,
    n_bytes: u64,
    sources: Vec<SourceCount>,
}

#[derive(Serialize)]
struct SourceCount {
    source: String,
    n_events: u64,
    first: Timestamp,
    last: Timestamp,
}

pub async fn run(setting: &Setting, command: LakeCommand) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    match command {
        LakeCommand::Info => info(setting, &lake).await?,
        LakeCommand::Versions(args) => versions(setting, &lake, args.limit).await?,
        LakeCommand::Compact(args) => compact(setting, &lake, &args).await?,
        LakeCommand::Pin(args) => {
            lake.pin(&args.name).await?;
            told(
                setting,
                &format!("version {} is pinned as {}", lake.version(), args.name),
            )?;
        }
        LakeCommand::Unpin(args) => {
            lake.unpin(&args.name).await?;
            told(setting, &format!("{} is no pin any more", args.name))?;
        }
    }
    Ok(Exit::Complete)
}

fn told(setting: &Setting, text: &str) -> Result<()> {
    if setting.is_json {
        return setting.json(&serde_json::json!({ "done": text }));
    }
    Ok(setting.say(&printable(text, 400))?)
}

async fn about(setting: &Setting, lake: &Lake) -> Result<About> {
    let everything = Query::of(Filter::everything());
    let evidence = lake.evidence().await?;
    let sources = lake.distinct(&[ambit_event::Column::Source], &everything).await?;
    Ok(About {
        lake: setting.lake.display().to_string(),
        lake_version: lake.version().0,
        content_root: lake.content_root().await?,
        n_events: lake.count(&everything).await?,
        n_rejects: lake.rejects(0).await?.0,
        n_files: evidence.len() as u64,
        n_bytes: evidence.iter().map(|file| file.bytes).sum(),
        sources: sources
            .into_iter()
            .map(|value| SourceCount {
                source: value.value.unwrap_or_default(),
                n_events: value.n_events,
                first: value.seen.from,
                last: value.seen.until,
            })
            .collect(),
    })
}

async fn info(setting: &Setting, lake: &Lake) -> Result<()> {
    let about = about(setting, lake).await?;
    if setting.is_json {
        return setting.json(&about);
    }
    let mut rows: Vec<Vec<String>> = [
        ("lake", about.lake),
        ("version", about.lake_version.to_string()),
        ("events", words::number(about.n_events)),
        ("rejects", words::number(about.n_rejects)),
        (
            "evidence",
            format!(
                "{}, {}",
                words::counted(about.n_files, "file", "files"),
                words::bytes(about.n_bytes)
            ),
        ),
        ("content root", about.content_root),
    ]
    .into_iter()
    .map(|(name, value)| vec![name.to_owned(), printable(&value, 400)])
    .collect();
    rows.extend(about.sources.iter().map(|source| {
        let events = words::counted(source.n_events, "event", "events");
        let seen = format!(
            "{} to {}",
            words::instant(source.first),
            words::instant(source.last)
        );
        vec![printable(&source.source, 60), format!("{events}, {seen} UTC")]
    }));
    Ok(setting.say_all(columns(&rows))?)
}

#[derive(Serialize)]
struct VersionLine {
    lake_version: u64,
    n_events: Option<u64>,
    content_root: Option<String>,
    /// Why it cannot be read any more, where it cannot.
    gone: Option<String>,
}

async fn versions(setting: &Setting, lake: &Lake, limit: u64) -> Result<()> {
    let newest = lake.version().0;
    let oldest = newest.saturating_sub(limit.saturating_sub(1));
    let mut lines = Vec::new();
    for version in (oldest..=newest).rev() {
        lines.push(version_line(lake, version).await);
    }
    if setting.is_json {
        return setting.json(&serde_json::json!({ "versions": lines }));
    }
    let mut rows = vec![["version", "events", "content root"].map(str::to_owned).to_vec()];
    rows.extend(lines.into_iter().map(|line| {
        let last = line.content_root.or(line.gone).unwrap_or_default();
        let events = line.n_events.map_or("unknown".to_owned(), words::number);
        vec![line.lake_version.to_string(), events, printable(&last, 200)]
    }));
    Ok(setting.say_all(columns(&rows))?)
}

async fn version_line(lake: &Lake, version: u64) -> VersionLine {
    let read = async {
        let then = lake.at(Version(version)).await?;
        let n_events = then.count(&Query::of(Filter::everything())).await?;
        Ok::<_, ambit_lake::Error>((n_events, then.content_root().await?))
    };
    match read.await {
        Ok((n_events, root)) => VersionLine {
            lake_version: version,
            n_events: Some(n_events),
            content_root: Some(root),
            gone: None,
        },
        Err(error) => VersionLine {
            lake_version: version,
            n_events: None,
            content_root: None,
            gone: Some(error.to_string()),
        },
    }
}

async fn compact(setting: &Setting, lake: &Lake, args: &CompactArgs) -> Result<()> {
    let done = lake.compact().await?;
    let vacuum = if args.vacuum {
        let keep_since = by().at.plus_secs(-86_400 * i64::from(args.keep_days));
        Some(lake.refresh().await?.vacuum(keep_since).await?)
    } else {
        None
    };
    if setting.is_json {
        return setting.json(&serde_json::json!({
            "lake_version": done.version, "n_files_before": done.n_before, "n_files_after": done.n_after,
            "n_files_removed": vacuum.map(|v| v.n_files), "n_bytes_removed": vacuum.map(|v| v.n_bytes),
        }));
    }
    setting.say(&format!(
        "{} became {} · lake version {}",
        words::counted(done.n_before, "file", "files"),
        words::number(done.n_after),
        done.version
    ))?;
    if let Some(vacuum) = vacuum {
        let files = words::counted(vacuum.n_files, "file", "files");
        setting.say(&format!(
            "{files} removed, {} freed",
            words::bytes(vacuum.n_bytes)
        ))?;
    }
    Ok(())
}
