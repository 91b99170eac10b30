//! Where each letter stands, and who is written to once more.

use super::args::{LettersArgs, ResendArgs};
use super::{alone, approve::tongues};
use crate::exit::Exit;
use crate::export;
use crate::setting::{CaseArgs, Setting, signer, write_file};
use crate::words::{counted, number};
use ambit_case::{Act, Dossier, Mailing, Outbox, State, Tally, stale};
use ambit_event::{mask, printable};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Persons that are named on the screen.
const MOST_NAMED: usize = 50;

/// `LETTERS    letter: 5,000 persons: 3,300 sent, …`.
pub fn told(name: &str, tally: &Tally) -> String {
    let parts = [
        (tally.sent, "sent"),
        (tally.handed_over, "handed over"),
        (tally.bounced, "bounced"),
        (tally.uncertain, "uncertain"),
        (tally.deferred, "to be tried again"),
        (tally.not_sent, "not sent"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", number(*n)))
        .collect();
    format!(
        "LETTERS    list {name}, {}: {}",
        counted(tally.listed, "person", "persons"),
        said.join(", ")
    )
}

/// Where the letters of each list stand, for `status --json`: what is left is what may still go without a further decision.
pub fn tallies(outbox: &Outbox) -> Vec<Value> {
    let each = outbox.mailings.iter().map(|(name, mailing)| {
        let tally = mailing.tally();
        json!({
            "list": name,
            "approved": { "entry": mailing.entry, "by": mailing.by, "at": mailing.at, "n_left_out": mailing.n_left_out },
            "account": tally,
            "left": tally.deferred + tally.not_sent,
            "done": tally.is_done(),
        })
    });
    each.collect()
}

pub fn resend(setting: &Setting, args: &ResendArgs) -> Result<Exit> {
    ensure!(
        !args.reason.trim().is_empty(),
        "a decision is signed with a reason"
    );
    let mut case = setting.open_case(&args.case)?;
    let _alone = alone(setting, &args.case)?;
    let outbox = Outbox::of(&case)?;
    let mailing = outbox.mailings.get(&args.list);
    let mailing = mailing.with_context(|| format!("nobody approved a list `{}`", args.list))?;
    for person in &args.persons {
        ensure!(
            mailing.letters.contains_key(person),
            "`{}` is not on the list",
            printable(person, 80)
        );
    }
    let fits = |person: &str, state: State| match state {
        State::Begun | State::Uncertain if args.uncertain => true,
        State::Bounced if args.bounced => true,
        _ => args.persons.iter().any(|named| named == person),
    };
    let chosen: Vec<String> = mailing
        .persons()
        .filter(|(person, state)| mailing.letters.contains_key(*person) && fits(person, *state))
        .map(|(person, _)| person.to_owned())
        .collect();
    ensure!(!chosen.is_empty(), "there is nobody to write to once more");
    let act = Act::letters_again(&args.list, &chosen, args.reason.trim());
    let entry = case.append(&signer()?, &act)?;
    super::super::disclose::tell(setting, &args.case, &[entry])
}

pub fn letters(setting: &Setting, args: &LettersArgs) -> Result<Exit> {
    let case = setting.open_case(&args.case)?;
    let (dossier, outbox) = (Dossier::of(&case)?, Outbox::of(&case)?);
    drop(case);
    if let Some(path) = &args.save {
        write_file(path, &account(&outbox)?)?;
    }
    let revealed = setting.reveal(
        &CaseArgs {
            name: args.case.clone(),
            reveal: args.reveal.clone(),
        },
        "persons whose letter is uncertain",
    )?;
    let tongues = tongues(args.templates.as_deref())?;
    let regimes = ambit_disclose::built_in();
    let mut all = Vec::new();
    let mut is_done = !outbox.mailings.is_empty();
    for (name, mailing) in &outbox.mailings {
        let tally = mailing.tally();
        let (n_stale, n_unclear) = stale(&dossier, mailing, &tongues, &regimes);
        is_done &= tally.is_done() && n_stale == 0;
        let uncertain: Vec<String> = mailing
            .persons()
            .filter(|(_, state)| matches!(state, State::Begun | State::Uncertain))
            .map(|(person, _)| {
                if revealed {
                    printable(person, 120)
                } else {
                    mask(person)
                }
            })
            .collect();
        if setting.is_json {
            all.push(account_json(mailing, &tally, n_stale, n_unclear, &uncertain));
            continue;
        }
        setting.say(&told(name, &tally))?;
        setting.say(&format!(
            "  approved by {} (entry {}); {} left out",
            printable(&mailing.by, 80),
            mailing.entry,
            number(mailing.n_left_out)
        ))?;
        if n_stale > 0 {
            setting.say(&format!("  {} that went would say something else now: tell them what changed (approve a further list with --again)", number(n_stale)))?;
        }
        if n_unclear > 0 {
            setting.say(&format!("  of {} it cannot be said whether they still hold: --templates names the folder of their language", number(n_unclear)))?;
        }
        for person in uncertain.iter().take(MOST_NAMED) {
            setting.say(&format!("  uncertain: {person}"))?;
        }
        if uncertain.len() > MOST_NAMED {
            setting.say(&format!(
                "  and {} more: --save lists them all",
                uncertain.len() - MOST_NAMED
            ))?;
        }
    }
    if setting.is_json {
        setting.json(&json!({ "lists": all }))?;
    } else if outbox.mailings.is_empty() {
        setting.say("no list of letters was approved: see `ambit disclose approve --help`")?;
    }
    Ok(Exit::incomplete_if(!is_done))
}

fn account_json(
    mailing: &Mailing,
    tally: &Tally,
    n_stale: u64,
    n_unclear: u64,
    uncertain: &[String],
) -> Value {
    json!({
        "list": mailing.name,
        "entry": mailing.entry,
        "by": mailing.by,
        "at": mailing.at,
        "account": tally,
        "n_left_out": mailing.n_left_out,
        "n_stale": n_stale,
        "n_unclear": n_unclear,
        "uncertain": uncertain,
    })
}

/// Where each person stands.
fn account(outbox: &Outbox) -> Result<Vec<u8>> {
    let rows = outbox.mailings.values().flat_map(|mailing| {
        mailing.persons().map(move |(person, state)| {
            let letter = mailing.letter(person);
            let text = |text: Option<&String>| text.cloned().unwrap_or_default();
            vec![
                mailing.name.clone(),
                person.to_owned(),
                state.name().to_owned(),
                letter
                    .and_then(|letter| letter.at)
                    .map_or(String::new(), |at| at.to_string()),
                text(letter.and_then(|letter| letter.through.as_ref())),
                text(letter.and_then(|letter| letter.reply.as_ref())),
                mailing.message_id(person),
                text(letter.and_then(|letter| letter.text.as_ref())),
            ]
        })
    });
    let header = [
        "list",
        "subject",
        "state",
        "at",
        "through",
        "reply",
        "message_id",
        "text_sha256",
    ];
    export::table(&header, rows)
}
