//! The list that a person approves, and the languages that it is written in.

use super::args::{ApproveArgs, ListArgs};
use crate::exit::Exit;
use crate::setting::{Setting, read_text, signer};
use crate::words::{counted, number};
use ambit_case::{Act, Addresses, Case, Dossier, List, Listing, Outbox, Sender};
use ambit_disclose::{Regime, Tongue, is_language};
use ambit_event::{mask, printable};
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Languages that come with the program, with those of a folder.
pub fn tongues(folder: Option<&Path>) -> Result<Vec<Tongue>> {
    let mut tongues = Tongue::built_in();
    let Some(folder) = folder else { return Ok(tongues) };
    let listed = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    for path in files {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if let Some(code) = name.strip_suffix(".toml") {
            ensure!(is_language(code), "{}: `{code}` is no language", path.display());
            ensure!(
                tongues.iter().all(|tongue| tongue.code != code),
                "{}: the sentences of `{code}` come with the program; its template can be another (letter.{code}.txt)",
                path.display()
            );
            let letter = read_text(&folder.join(format!("letter.{code}.txt")))?;
            let read = Tongue::read(code, &read_text(&path)?, &letter);
            tongues.push(read.map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?);
        } else if let Some(code) = name
            .strip_prefix("letter.")
            .and_then(|rest| rest.strip_suffix(".txt"))
        {
            if let Some(at) = tongues.iter().position(|tongue| tongue.code == code) {
                let letter = read_text(&path)?;
                let with = tongues.remove(at).with_letter(&letter);
                tongues.insert(at, with);
            } else if !folder.join(format!("{code}.toml")).is_file() {
                bail!(
                    "{}: there are no sentences in `{code}`: {code}.toml beside it holds them",
                    path.display()
                );
            }
        }
    }
    Ok(tongues)
}

/// What a list is made from, read once.
pub(super) struct Sources {
    pub case: Case,
    pub dossier: Dossier,
    pub outbox: Outbox,
    pub addresses: Addresses,
    pub tongues: Vec<Tongue>,
    pub regimes: Vec<Regime>,
}

impl Sources {
    pub fn read(setting: &Setting, which: &ListArgs) -> Result<Self> {
        let case = setting.open_case(&which.case)?;
        let shown = which.addresses.display();
        let addresses = Addresses::read(&read_text(&which.addresses)?)
            .with_context(|| format!("{shown} cannot be used"))?;
        Ok(Self {
            dossier: Dossier::of(&case)?,
            outbox: Outbox::of(&case)?,
            case,
            addresses,
            tongues: tongues(which.templates.as_deref())?,
            regimes: super::super::disclose::regimes(&which.regimes)?,
        })
    }
}

pub fn approve(setting: &Setting, args: &ApproveArgs) -> Result<Exit> {
    // A list that is being sent is not changed meanwhile.
    let case = setting.case_path(&args.which.case);
    let _alone = case
        .is_file()
        .then(|| super::alone(setting, &args.which.case))
        .transpose()?;
    let mut read = Sources::read(setting, &args.which)?;
    let sender = Sender::read(&args.from, args.reply_to.as_deref())?;
    let unchecked: BTreeSet<String> = args.unchecked.iter().cloned().collect();
    let listing = Listing {
        name: &args.which.list,
        addresses: &read.addresses,
        tongues: &read.tongues,
        language: &args.language,
        unchecked: &unchecked,
        regimes: &read.regimes,
        again: args
            .again
            .as_deref()
            .map(str::trim)
            .filter(|reason| !reason.is_empty()),
    };
    let list = List::of(&read.dossier, &read.outbox, &listing);
    let root = read
        .dossier
        .scope
        .as_ref()
        .map(|(_, scope)| scope.content_root.as_str());
    let mut entry = None;
    if !args.check {
        let act = Act::mailing(&list, &listing, &sender, root)?;
        entry = Some(read.case.append(&signer()?, &act)?);
    }
    let reasons = list.reasons();
    if setting.is_json {
        setting.json(&json!({
            "list": args.which.list,
            "approved": entry.as_ref().map(|entry| json!({ "seq": entry.seq, "hash": entry.hash, "by": entry.who })),
            "n_letters": list.ready.len(),
            "left_out": reasons.iter().map(|(because, n)| json!({ "because": because, "n": n })).collect::<Vec<_>>(),
        }))?;
    } else {
        let n = counted(list.ready.len() as u64, "letter", "letters");
        setting.say(&match &entry {
            Some(entry) => format!(
                "{n} approved by {}: entry {} · head {}",
                entry.who, entry.seq, entry.hash
            ),
            None => format!("{n} can be approved; nothing was written"),
        })?;
        for (because, n) in &reasons {
            setting.say(&printable(
                &format!("  left out: {} · {because}", number(*n)),
                400,
            ))?;
        }
        if let Some(first) = list.ready.first().filter(|_| args.check) {
            setting.say(&format!(
                "\nthe first of them, to {}:\n\n{}\n\n{}",
                mask(&first.planned.person),
                first.title,
                first.text
            ))?;
        }
    }
    Ok(Exit::incomplete_if(!list.left_out.is_empty()))
}
