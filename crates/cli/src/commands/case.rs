//! `ambit case`: the file on one suspected incident.

use crate::exit::Exit;
use crate::paint::{Tone, columns};
use crate::setting::{Setting, by, case_name, remark};
use crate::words;
use ambit_case::{Act, Case, Entry, Kind, Verified};
use ambit_event::printable;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

/// The journal of a case: seeds, assertions, answers, notes, looks behind the masks
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum CaseCommand {
    /// List the cases of the lake
    List,
    /// Show a journal
    Show(ShowArgs),
    /// Write a note down; it begins a case where there is none of that name
    Note(NoteArgs),
    /// Write a decision down, with its reason
    Decide(DecideArgs),
    /// Walk the hash chain and name the first broken entry
    Verify(VerifyArgs),
}

const EXAMPLES: &str = "Examples:
  ambit case list
  ambit case show                            the case `default`
  ambit case show may --entry 3 --json       one entry, whole
  ambit case note may 'the gateway clock is two seconds ahead'
  ambit case decide may 'notify the authority' --reason 'contact data of one person was read'
  ambit case verify may --head HASH          HASH as it was written down earlier

A journal only grows: the file refuses changes, and each entry holds the hash of the one before it.
Write the head down elsewhere (a ticket, a mail), so that a removed end would show too.";

#[derive(Debug, Args)]
pub struct ShowArgs {
    #[arg(value_name = "NAME", default_value = "default", value_parser = case_name)]
    name: String,
    /// Only this entry, with its whole body
    #[arg(long, value_name = "SEQ")]
    entry: Option<u64>,
}

#[derive(Debug, Args)]
pub struct NoteArgs {
    #[arg(value_name = "NAME", value_parser = case_name)]
    name: String,
    #[arg(value_name = "TEXT")]
    text: String,
}

#[derive(Debug, Args)]
pub struct DecideArgs {
    #[arg(value_name = "NAME", value_parser = case_name)]
    name: String,
    #[arg(value_name = "TEXT")]
    text: String,
    /// Why it was decided so
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[arg(value_name = "NAME", default_value = "default", value_parser = case_name)]
    name: String,
    /// A hash that was written down earlier and must be in the chain
    #[arg(long, value_name = "HASH")]
    head: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    n_entries: u64,
    head: Option<String>,
    /// Why it cannot be read or verified, where it cannot.
    broken: Option<String>,
}

pub fn run(setting: &Setting, command: CaseCommand) -> Result<Exit> {
    match command {
        CaseCommand::List => list(setting),
        CaseCommand::Show(args) => show(setting, &args),
        CaseCommand::Note(args) => note(setting, &args),
        CaseCommand::Decide(args) => {
            let case = setting.open_case(&args.name)?;
            write(setting, case, &Act::decision(&args.text, &args.reason))
        }
        CaseCommand::Verify(args) => verify(setting, &args),
    }
}

fn list(setting: &Setting) -> Result<Exit> {
    let listed: Vec<Listed> = setting
        .case_names()?
        .into_iter()
        .map(|name| look(setting, name))
        .collect();
    let is_broken = listed.iter().any(|case| case.broken.is_some());
    if setting.is_json {
        setting.json(&serde_json::json!({ "cases": listed }))?;
    } else if listed.is_empty() {
        setting.say("no cases: `ambit scope` and `ambit case note` make one")?;
    } else {
        let mut rows = vec![["case", "entries", "head"].map(str::to_owned).to_vec()];
        rows.extend(listed.iter().map(|case| {
            let head = case.broken.as_ref().or(case.head.as_ref());
            let head = printable(head.map_or("", String::as_str), 200);
            vec![printable(&case.name, 80), words::number(case.n_entries), head]
        }));
        setting.say_all(columns(&rows))?;
    }
    Ok(if is_broken { Exit::Failed } else { Exit::Complete })
}

fn look(setting: &Setting, name: String) -> Listed {
    let verified = Case::open(&setting.case_path(&name)).and_then(|case| case.verify());
    match verified {
        Ok(Verified { n_entries, head }) => Listed {
            name,
            n_entries,
            head: Some(head),
            broken: None,
        },
        Err(error) => Listed {
            name,
            n_entries: 0,
            head: None,
            broken: Some(error.to_string()),
        },
    }
}

fn show(setting: &Setting, args: &ShowArgs) -> Result<Exit> {
    let case = setting.open_case(&args.name)?;
    let mut entries = case.journal().entries()?;
    if let Some(wanted) = args.entry {
        entries.retain(|entry| entry.seq == wanted);
        anyhow::ensure!(!entries.is_empty(), "case {} has no entry {wanted}", args.name);
    }
    if setting.is_json {
        setting.json(&serde_json::json!({ "case": case.name(), "entries": entries }))?;
        return Ok(Exit::Complete);
    }
    for entry in &entries {
        let head = format!(
            "{:>3}  {} UTC  {}  {}",
            entry.seq,
            words::instant(entry.at),
            entry.who,
            entry.kind
        );
        setting.say(&setting.paint.tone(Tone::Strong, &printable(&head, 200)))?;
        for line in setting.paint.wrapped(5, &printable(&told(entry), 1000), 6) {
            setting.say(&format!("     {line}"))?;
        }
    }
    Ok(Exit::Complete)
}

/// An entry in one paragraph; a whole answer is told by its number of persons. The persons themselves are
/// in the JSON alone.
fn told(entry: &Entry) -> String {
    let list = |name: &str| {
        let items = entry
            .body
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let text = |name: &str| entry.text(name).unwrap_or_default();
    match entry.kind {
        Kind::Seeds => list("seeds"),
        Kind::Assertions => list("assertions"),
        Kind::Note => text("text").to_owned(),
        Kind::Reveal => format!("{}: {}", text("what"), text("reason")),
        Kind::Decision => format!("{}: {}", text("text"), text("reason")),
        Kind::Fact => fact(entry),
        Kind::Notice => format!(
            "the notice `{}` was issued; --entry {} --json shows it",
            text("notice"),
            entry.seq
        ),
        Kind::Sent => format!("{}, sent {}: {}", text("duty"), text("at"), text("proof")),
        Kind::Mailing => {
            let letters = entry
                .body
                .get("letters")
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            let (list, from) = (text("mailing"), text("from"));
            let verb = if letters == 1 { "was" } else { "were" };
            let letters = words::counted(letters as u64, "letter", "letters");
            format!("{letters} of the list `{list}` {verb} approved, from {from}")
        }
        // Persons are masked, as everywhere.
        Kind::Letter => format!(
            "the letter to {}: {} {}",
            ambit_event::mask(text("person")),
            text("state"),
            text("reply")
        ),
        Kind::Scope => {
            let subjects = entry.body.pointer("/answer/subjects");
            let end = |name: &str| subjects.and_then(|s| s.get(name)).and_then(Value::as_u64);
            let version = entry
                .body
                .get("lake_version")
                .and_then(Value::as_u64)
                .unwrap_or(0);
            format!(
                "persons {} · lake version {version} · answer {}",
                words::both_ends(end("at_least").unwrap_or(0), end("at_most")),
                text("answer_hash")
            )
        }
    }
}

/// A signed fact, with who knew and by which evidence.
fn fact(entry: &Entry) -> String {
    let value = entry.body.get("value").cloned().unwrap_or_default();
    let value = serde_json::from_value(value)
        .map_or_else(|_| "taken back".to_owned(), |value| ambit_disclose::told(&value));
    let mut told = format!("{} = {value}", entry.text("name").unwrap_or_default());
    for (word, name) in [("; who knew: ", "knower"), ("; evidence: ", "evidence")] {
        told.extend(entry.text(name).map(|text| format!("{word}{text}")));
    }
    told
}

/// A note begins a case where there is none of its name, and says so.
fn note(setting: &Setting, args: &NoteArgs) -> Result<Exit> {
    let path = setting.case_path(&args.name);
    if !path.is_file() {
        remark(&format!("this note begins the case {}", args.name));
    }
    let case = Case::create(&path, &args.name, &by())?;
    write(setting, case, &Act::note(&args.text))
}

fn write(setting: &Setting, mut case: Case, act: &Act) -> Result<Exit> {
    let entry = case.append(&by(), act)?;
    let name = case.name();
    if setting.is_json {
        setting.json(&entry)?;
    } else {
        setting.say(&format!(
            "entry {} of case {name} · head {}",
            entry.seq, entry.hash
        ))?;
    }
    Ok(Exit::Complete)
}

fn verify(setting: &Setting, args: &VerifyArgs) -> Result<Exit> {
    let case = setting.open_case(&args.name)?;
    let verified = match &args.head {
        Some(head) => case.journal().verify_against(head)?,
        None => case.verify()?,
    };
    if setting.is_json {
        setting.json(&serde_json::json!({
            "case": case.name(), "n_entries": verified.n_entries, "head": verified.head,
        }))?;
    } else {
        setting.say(&format!(
            "{} as written · head {}",
            words::counted(verified.n_entries, "entry is", "entries are"),
            verified.head
        ))?;
    }
    Ok(Exit::Complete)
}
