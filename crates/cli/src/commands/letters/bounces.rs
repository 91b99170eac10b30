//! Reports of mail servers, taken in.

use super::alone;
use super::args::BouncesArgs;
use crate::exit::Exit;
use crate::setting::{Setting, by};
use crate::words::number;
use ambit_case::{Outbox, read_reports};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of mails that are read in one go.
const MAIL_BYTES: u64 = 256 << 20;

/// Mails of a folder.
const MOST_MAILS: usize = 1_000_000;

pub fn bounces(setting: &Setting, args: &BouncesArgs) -> Result<Exit> {
    let mut case = setting.open_case(&args.case)?;
    let _alone = alone(setting, &args.case)?;
    let outbox = Outbox::of(&case)?;
    let (mut reports, mut n_other) = (Vec::new(), 0);
    for path in &args.files {
        for file in mails(path)? {
            let found = read_reports(&read_mail(&file)?);
            reports.extend(found.reports);
            n_other += found.n_other;
        }
    }
    let returned = outbox.returned(&reports);
    case.append_all(&by(), &returned.acts)?;
    if setting.is_json {
        setting.json(&json!({
            "bounced": returned.acts.len(),
            "strange": returned.n_strange,
            "nothing_new": returned.n_idle,
            "other_mails": n_other,
        }))?;
    } else {
        setting.say(&format!(
            "{} letters came back; {} reports say nothing new, {} speak of letters that did not go from here, {} mails are no reports",
            number(returned.acts.len() as u64),
            number(returned.n_idle),
            number(returned.n_strange),
            number(n_other)
        ))?;
    }
    Ok(Exit::Complete)
}

/// The file, or the mails of a folder and of a Maildir's `cur` and `new`.
fn mails(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for folder in [path.to_owned(), path.join("cur"), path.join("new")] {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                found.push(entry.path());
            }
            ensure!(
                found.len() <= MOST_MAILS,
                "{} holds more than {MOST_MAILS} mails",
                path.display()
            );
        }
    }
    found.sort();
    Ok(found)
}

fn read_mail(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    file.take(MAIL_BYTES + 1).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() as u64 <= MAIL_BYTES,
        "{shown} is longer than {} MiB",
        MAIL_BYTES >> 20
    );
    Ok(bytes)
}
