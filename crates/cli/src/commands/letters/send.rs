//! Sending what was approved, and handing it to those who send otherwise.

use super::account::told;
use super::alone;
use super::approve::Sources;
use super::args::SendArgs;
use crate::exit::Exit;
use crate::export;
use crate::setting::{Setting, by, remark, write_file};
use crate::webhook::Webhook;
use crate::words::number;
use ambit_case::{
    By, Carrier, Clock, List, Listing, Mailing, Message, Outbox, Pace, Sender, Sending, Smtp, SmtpUrl, Tally,
    hand_over, send as send_all,
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// The wall clock, and sleep.
struct Wall;

impl Clock for Wall {
    fn now(&mut self) -> By {
        by()
    }

    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

pub fn send(setting: &Setting, args: &SendArgs) -> Result<Exit> {
    setting.open_case(&args.which.case)?;
    let _alone = alone(setting, &args.which.case)?;
    let mut read = Sources::read(setting, &args.which)?;
    let name = args.which.list.as_str();
    let mailing = read.outbox.mailings.get(name);
    let mailing =
        mailing.with_context(|| format!("nobody approved a list `{name}`: see `ambit disclose approve`"))?;
    let sender = Sender::read(&mailing.from, mailing.reply_to.as_deref())?;
    let listing = Listing {
        name,
        addresses: &read.addresses,
        tongues: &read.tongues,
        language: &mailing.language,
        unchecked: &mailing.unchecked,
        regimes: &read.regimes,
        again: mailing.again.as_deref(),
    };
    let list = List::of(&read.dossier, &read.outbox, &listing);
    let handed_over = args.csv.is_some();
    let run = match &args.csv {
        Some(path) => {
            let mut write = |messages: &[Message]| save(path, messages).map_err(|error| format!("{error:#}"));
            let through = format!("file {}", path.display());
            let n = hand_over(
                &mut read.case,
                name,
                &list,
                &sender,
                &through,
                &mut Wall,
                &mut write,
            )?;
            Sending {
                n_sent: n,
                ..Sending::default()
            }
        }
        None => send_all(
            &mut read.case,
            name,
            &list,
            &sender,
            &pace(args),
            carrier(args)?.as_mut(),
            &mut Wall,
        )?,
    };
    let outbox = Outbox::of(&read.case)?;
    let tally = outbox.mailings.get(name).map(Mailing::tally).unwrap_or_default();
    let went = if handed_over { "handed over" } else { "sent" };
    tell(setting, name, &run, &tally, (&args.which.case, went))
}

/// The mail server, or the service, that letters go through.
fn carrier(args: &SendArgs) -> Result<Box<dyn Carrier>> {
    let timeout = Duration::from_secs(args.timeout.into());
    let Some(url) = &args.smtp else {
        let url = args.webhook.as_deref().unwrap_or_default();
        let token = secret("AMBIT_WEBHOOK_TOKEN");
        let webhook = Webhook::new(url, token, timeout, &args.which.case, &args.which.list)?;
        return Ok(Box::new(webhook));
    };
    let url = SmtpUrl::read(url)?;
    let password = secret("AMBIT_SMTP_PASSWORD");
    ensure!(
        password.is_some() || !url.wants_password(),
        "a user was named and no password: set AMBIT_SMTP_PASSWORD"
    );
    Ok(Box::new(Smtp::new(url, password, timeout)))
}

fn pace(args: &SendArgs) -> Pace {
    Pace {
        between: match args.per_minute {
            0 => Duration::ZERO,
            n => Duration::from_secs(60) / n,
        },
        at_once: usize::from(args.at_once),
        most_attempts: args.attempts,
        rest: Duration::from_secs(60).saturating_mul(args.retry_after),
    }
}

fn secret(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Addresses, ids and texts stand there as they are: another program sends by them.
fn save(path: &Path, messages: &[Message]) -> Result<()> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "subject",
        "email",
        "name",
        "language",
        "residence",
        "message_id",
        "title",
        "text",
    ])?;
    for message in messages {
        let plain = |text: Option<&String>| text.map(|text| export::harmless(text)).unwrap_or_default();
        table.write_record([
            export::harmless(&message.person),
            message.to.email.to_string(),
            plain(message.to.name.as_ref()),
            message.language.clone(),
            plain(message.residence.as_ref()),
            message.id.clone(),
            message.title.clone(),
            message.text.clone(),
        ])?;
    }
    let bytes = table.into_inner().map_err(|error| error.into_error())?;
    write_file(path, &bytes)
}

fn tell(
    setting: &Setting,
    name: &str,
    run: &Sending,
    tally: &Tally,
    (case, went): (&str, &str),
) -> Result<Exit> {
    if setting.is_json {
        setting.json(&json!({
            "list": name,
            "run": {
                "sent": if went == "sent" { run.n_sent } else { 0 },
                "handed_over": if went == "sent" { 0 } else { run.n_sent },
                "refused": run.n_refused,
                "deferred": run.n_deferred,
                "uncertain": run.n_lost,
                "changed": run.n_changed,
                "resting": run.n_resting,
                "stopped": run.stopped.as_ref().map(|stopped| &stopped.why),
            },
            "account": tally,
        }))?;
    } else {
        setting.say(&format!(
            "this run: {} {went}, {} refused, {} to be tried again, {} uncertain",
            number(run.n_sent),
            number(run.n_refused),
            number(run.n_deferred),
            number(run.n_lost)
        ))?;
        if run.n_changed > 0 {
            setting.say(&format!(
                "  {} not tried: words or address are not those that were approved; `ambit disclose approve {case}` again",
                number(run.n_changed)
            ))?;
        }
        if run.n_resting > 0 {
            setting.say(&format!(
                "  {} not tried: they rest after a refusal for the time being",
                number(run.n_resting)
            ))?;
        }
        setting.say(&told(name, tally))?;
    }
    if let Some(stopped) = &run.stopped {
        remark(&format!("stopped: {}", stopped.why));
        return Ok(Exit::Failed);
    }
    Ok(Exit::incomplete_if(!tally.is_done()))
}
