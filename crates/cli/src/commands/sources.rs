//! `ambit sources`: the manual pages of what can be read.

use super::ingest::load_mappings;
use crate::exit::Exit;
use crate::paint::columns;
use crate::setting::Setting;
use ambit_event::printable;
use ambit_source::{Format, Mapping, Options};
use anyhow::Result;
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
}

const EXAMPLES: &str = "Examples:
  ambit sources
  ambit sources postgresql_csvlog
  ambit sources mapping                 how to declare a source of one's own
  ambit sources app --mapping app.toml";

pub fn run(setting: &Setting, args: &SourcesArgs) -> Result<Exit> {
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
