//! `ambit rejects`: what could not be read.

use crate::exit::Exit;
use crate::paint::Tone;
use crate::setting::{CaseArgs, Setting};
use crate::words;
use ambit_event::{Reject, printable};
use anyhow::Result;
use clap::Args;
use serde::Serialize;

/// The records that could not be parsed: where each stands, and why
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct RejectsArgs {
    /// Show at most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    case: CaseArgs,
}

const EXAMPLES: &str = "Examples:
  ambit rejects
  ambit rejects --limit 5 --reveal 'to write a mapping'     the bytes themselves; journaled
  ambit rejects --json | jq -r '.rejects[].reason' | sort | uniq -c

The exit code is 3 where there are rejects.";

#[derive(Serialize)]
struct Answer<'a> {
    lake_version: u64,
    /// All of them, not only those listed.
    n_rejects: u64,
    rejects: &'a [Reject],
}

pub async fn run(setting: &Setting, args: &RejectsArgs) -> Result<Exit> {
    let lake = setting.open_lake().await?;
    let (n_rejects, rejects) = lake.rejects(args.limit).await?;
    if setting.is_json {
        setting.json(&Answer {
            lake_version: lake.version().0,
            n_rejects,
            rejects: &rejects,
        })?;
        return Ok(Exit::incomplete_if(n_rejects > 0));
    }
    let is_revealed = setting.reveal(&args.case, "rejected records")?;
    for reject in &rejects {
        setting.say_all(told(setting, reject))?;
        if is_revealed {
            let raw = lake.reject_raw(reject).await?.unwrap_or_default();
            setting.say(&format!("  {}", printable(&String::from_utf8_lossy(&raw), 2000)))?;
        }
    }
    let shown = rejects.len() as u64;
    let more = if shown < n_rejects {
        format!("; the first {} are shown", words::number(shown))
    } else {
        String::new()
    };
    setting.say(&format!(
        "{}{more}",
        words::counted(n_rejects, "reject", "rejects")
    ))?;
    Ok(Exit::incomplete_if(n_rejects > 0))
}

fn told(setting: &Setting, reject: &Reject) -> Vec<String> {
    let field = reject
        .field
        .as_deref()
        .map(|field| format!("{field}: "))
        .unwrap_or_default();
    let place = format!(
        "{}:{} ({}, {})",
        reject.position.path,
        reject.position.line,
        reject.source,
        words::bytes(reject.n_bytes)
    );
    let mut lines = vec![setting.paint.tone(Tone::Strong, &printable(&place, 400))];
    let reason = printable(&format!("{field}{}", reject.reason), 600);
    lines.extend(
        setting
            .paint
            .wrapped(2, &reason, 4)
            .into_iter()
            .map(|line| format!("  {line}")),
    );
    lines
}
