//! `ambit sources`: the manual pages of what can be read.

use super::ingest::load_mappings;
use crate::exit::Exit;
use crate::paint::columns;
use crate::setting::Setting;
use crate::told;
use ambit_event::printable;
use ambit_source::{Format, Mapping, Options, Told, ToldList};
use anyhow::{Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// List the sources that can be read, or show the manual page of one
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SourcesArgs {
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// A file that declares a source, to be listed too
    #[arg(long = "mapping", value_name = "FILE.toml")]
    mappings: Vec<PathBuf>,
    /// List how files are to be read, as `ambit ingest --source` said and the lake remembers
    #[arg(long, conflicts_with_all = ["name", "mappings"])]
    told: bool,
    /// Forget what was said of a file, or of all in a folder or an archive; then it is recognized again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "mappings", "told"])]
    forget: Option<String>,
}

const EXAMPLES: &str = "Examples:
  ambit sources
  ambit sources postgresql_csvlog
  ambit sources mapping                 how to declare a source of one's own
  ambit sources app --mapping app.toml
  ambit sources --told                  which files are read as somebody said
  ambit sources --forget /var/log/nginx/access.log

What was said holds for the files of one folder that share a name but for their rotation, and for files of that
name elsewhere that begin with the same record as one that was read so. It stands in told.toml in the lake's folder.
What was read before it was said, or forgotten, stays in the lake as it was read.";

pub fn run(setting: &Setting, args: &SourcesArgs) -> Result<Exit> {
    if let Some(name) = &args.forget {
        return forget(setting, name);
    }
    if args.told {
        let list = told::load(&setting.lake)?;
        return show_told(setting, &list.iter().collect::<Vec<_>>());
    }
    let options = Options {
        mappings: load_mappings(&args.mappings)?,
        ..Options::default()
    };
    let name = args.name.as_deref();
    if name == Some(MAPPING) && !options.mappings.iter().any(|m| m.name() == MAPPING) {
        return explain_mappings(setting);
    }
    let formats = match &args.name {
        Some(name) => vec![options.format(name)?],
        None => options.formats(),
    };
    if setting.is_json {
        let page = |format: &Arc<dyn Format>| serde_json::json!({ "name": format.name(), "manual": format.manual() });
        let pages: Vec<_> = formats.iter().map(page).collect();
        setting.json(&serde_json::json!({ "sources": pages }))?;
    } else if args.name.is_some() {
        for line in formats.iter().flat_map(|format| format.manual().lines()) {
            setting.say(&printable(line, 1000))?;
        }
    } else {
        let row =
            |format: &Arc<dyn Format>| vec![printable(format.name(), 60), first_sentence(format.manual())];
        setting.say_all(columns(&formats.iter().map(row).collect::<Vec<_>>()))?;
        setting.say("\n`ambit sources NAME` shows the manual page of one.")?;
    }
    Ok(Exit::Complete)
}

/// The page that is about declaring a source rather than about one.
const MAPPING: &str = "mapping";

fn explain_mappings(setting: &Setting) -> Result<Exit> {
    if setting.is_json {
        let page = serde_json::json!({ "name": MAPPING, "manual": Mapping::MANUAL });
        setting.json(&serde_json::json!({ "sources": [page] }))?;
    } else {
        for line in Mapping::MANUAL.lines() {
            setting.say(&printable(line, 1000))?;
        }
    }
    Ok(Exit::Complete)
}

fn first_sentence(manual: &str) -> String {
    let paragraph: Vec<&str> = manual
        .trim()
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let text = paragraph.join(" ");
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    printable(text.get(..end).unwrap_or(&text), 120)
}

fn forget(setting: &Setting, name: &str) -> Result<Exit> {
    let mut list: ToldList = told::load(&setting.lake)?;
    let forgotten = list.forget(name);
    if forgotten.is_empty() {
        bail!("nothing was said of `{name}`; `ambit sources --told` lists of what something was");
    }
    told::save(&setting.lake, &list)?;
    if !setting.is_json {
        setting.say("forgotten:")?;
    }
    show_told(setting, &forgotten.iter().collect::<Vec<_>>())
}

fn show_told(setting: &Setting, list: &[&Told]) -> Result<Exit> {
    if setting.is_json {
        setting.json(&serde_json::json!({ "told": list }))?;
        return Ok(Exit::Complete);
    }
    if list.is_empty() {
        setting.say(
            "Of no file anything was said: each is recognized. `ambit ingest FILE --source NAME` says it.",
        )?;
        return Ok(Exit::Complete);
    }
    let head = ["file", "source", "host", "zone", "told on", "by", "in"];
    let row = |told: &&Told| {
        let said = |value: &Option<String>| printable(value.as_deref().unwrap_or("-"), 60);
        vec![
            printable(&told.file, 60),
            printable(&told.source, 60),
            said(&told.host),
            said(&told.time_zone),
            told::day(told.at),
            printable(&told.by, 60),
            printable(&told.folder, 300),
        ]
    };
    let head = head.map(str::to_owned).to_vec();
    let rows: Vec<_> = [head].into_iter().chain(list.iter().map(row)).collect();
    setting.say_all(columns(&rows))?;
    Ok(Exit::Complete)
}
