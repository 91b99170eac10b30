//! `ambit disclose approve`, `send`, `bounces`, `resend`, `letters`: telling people what was decided.

use crate::exit::Exit;
use crate::export;
use crate::setting::{CaseArgs, Setting, by, case_name, read_text, remark, write_file};
use crate::webhook::Webhook;
use crate::words::number;
use ambit_case::{
    Act, Addresses, By, Case, Clock, Dossier, List, Listing, Mailing, Message, Outbox, Pace, Sender, Sending,
    Smtp, SmtpUrl, State, Tally, hand_over, read_reports, send as send_all, stale,
};
use ambit_disclose::{Tongue, is_language};
use ambit_event::{mask, printable};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "Examples:
  ambit disclose approve may --addresses members.csv --from 'Tonal <privacy@tonal.example>' --check
  ambit disclose approve may --addresses members.csv --from 'Tonal <privacy@tonal.example>'
  AMBIT_SMTP_PASSWORD=… ambit disclose send may --addresses members.csv --smtp smtps://privacy@mail.tonal.example
  ambit disclose send may --addresses members.csv --webhook https://post.tonal.example/letters
  ambit disclose send may --addresses members.csv --csv letters.csv
  ambit disclose bounces may ~/Maildir/.bounces report.eml
  ambit disclose letters may --save account.csv
  ambit disclose resend may --uncertain --reason 'the provider lost that minute'

members.csv: subject,email,name,language,residence (subject and email are needed). Whoever approves signs with AMBIT_WHO.
Every letter's intent is in the journal before it goes and its outcome after. Whoever was in flight at a crash is
uncertain: listed, and not written to again unless `resend` decides it. Nobody gets two letters otherwise.";

/// Where letters go and what they are made from.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    case: String,
    /// Whom to write to: CSV with the columns subject, email, and where known name, language, residence
    #[arg(long, value_name = "FILE.csv")]
    addresses: PathBuf,
    /// What the list is called; one person gets one letter of it
    #[arg(long, value_name = "NAME", default_value = "letter", value_parser = case_name)]
    list: String,
    /// A folder with templates (letter.de.txt) and further languages (fr.toml with letter.fr.txt)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// A file of further regimes; may be given again
    #[arg(long = "regimes", value_name = "FILE.toml")]
    regimes: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ApproveArgs {
    #[command(flatten)]
    which: ListArgs,
    /// Who writes: 'Name <address>'
    #[arg(long, value_name = "MAILBOX")]
    from: String,
    /// Where answers go
    #[arg(long, value_name = "MAILBOX")]
    reply_to: Option<String>,
    /// The language of those for whom the table names none
    #[arg(long, value_name = "CODE", default_value = "en")]
    language: String,
    /// Answer for the sentences of a language that nothing checks; may be given again
    #[arg(long, value_name = "CODE")]
    unchecked: Vec<String>,
    /// Write to those too who have a letter of another list, and why
    #[arg(long, value_name = "REASON")]
    again: Option<String>,
    /// Only show who would be on the list; nothing is written
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("way").required(true).args(["smtp", "webhook", "csv"])))]
pub struct SendArgs {
    #[command(flatten)]
    which: ListArgs,
    /// A mail server: smtps://USER@HOST, smtp://HOST (STARTTLS), smtp-plain://HOST; password in AMBIT_SMTP_PASSWORD
    #[arg(long, value_name = "URL")]
    smtp: Option<String>,
    /// A service that takes each letter as JSON by POST; a token for it in AMBIT_WEBHOOK_TOKEN
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// A file with all letters, for those who send by other means
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Letters a minute, at most; 0 for as fast as it goes
    #[arg(long, value_name = "N", default_value_t = 300)]
    per_minute: u32,
    /// Letters whose intent is written down together: faster, and so many may be uncertain after a crash
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    at_once: u16,
    /// Refusals for the time being after which a letter counts as refused
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    attempts: u32,
    /// Minutes that such a letter rests; twice as long after each further refusal
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    retry_after: u32,
    /// Seconds after which an answer counts as lost
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3600))]
    timeout: u32,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BouncesArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    case: String,
    /// Mails, mailboxes (mbox), or folders of mails (Maildir)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("who").required(true).args(["persons", "uncertain", "bounced"])))]
pub struct ResendArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    case: String,
    #[arg(long, value_name = "NAME", default_value = "letter", value_parser = case_name)]
    list: String,
    /// This person, as the scope names them; may be given again
    #[arg(long = "person", value_name = "DOMAIN:KEY")]
    persons: Vec<String>,
    /// Everybody of whom nobody knows whether they have it
    #[arg(long)]
    uncertain: bool,
    /// Everybody whose letter was refused or came back
    #[arg(long)]
    bounced: bool,
    /// Why they are written to once more
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct LettersArgs {
    #[arg(value_name = "CASE", default_value = "default", value_parser = case_name)]
    case: String,
    /// Write where each person stands, with replies and message ids
    #[arg(long, value_name = "FILE.csv")]
    save: Option<PathBuf>,
    /// The folder of templates that the letters were approved with
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Name the uncertain on the screen; the reason is kept in the case's journal
    #[arg(long, value_name = "REASON")]
    reveal: Option<String>,
}

/// Bytes of mails that are read in one go.
const MAIL_BYTES: u64 = 256 << 20;

/// Mails of a folder.
const MOST_MAILS: usize = 1_000_000;

/// Persons that are named on the screen.
const MOST_NAMED: usize = 50;

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
struct Sources {
    case: Case,
    dossier: Dossier,
    outbox: Outbox,
    addresses: Addresses,
    tongues: Vec<Tongue>,
    regimes: Vec<ambit_disclose::Regime>,
}

impl Sources {
    fn read(setting: &Setting, which: &ListArgs) -> Result<Self> {
        let case = Case::open(&setting.case_path(&which.case))?;
        let shown = which.addresses.display();
        let addresses = Addresses::read(&read_text(&which.addresses)?)
            .with_context(|| format!("{shown} cannot be used"))?;
        Ok(Self {
            dossier: Dossier::of(&case)?,
            outbox: Outbox::of(&case)?,
            case,
            addresses,
            tongues: tongues(which.templates.as_deref())?,
            regimes: super::disclose::regimes(&which.regimes)?,
        })
    }
}

pub fn approve(setting: &Setting, args: &ApproveArgs) -> Result<Exit> {
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
        entry = Some(read.case.append(&by(), &act)?);
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
        let n = number(list.ready.len() as u64);
        setting.say(&match &entry {
            Some(entry) => format!(
                "{n} letters approved by {}: entry {} · head {}",
                entry.who, entry.seq, entry.hash
            ),
            None => format!("{n} letters can be approved; nothing was written"),
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

/// Held as long as letters go: two runs at once could send one letter twice.
fn alone(setting: &Setting, case: &str) -> Result<File> {
    let path = setting.cases().join(format!("{case}.sending"));
    let file = File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    file.try_lock()
        .map_err(|_| anyhow::anyhow!("letters of this case are being sent by another run"))?;
    Ok(file)
}

pub fn send(setting: &Setting, args: &SendArgs) -> Result<Exit> {
    ensure!(
        setting.case_path(&args.which.case).is_file(),
        "there is no case `{}`",
        args.which.case
    );
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
    let run = match (&args.smtp, &args.webhook, &args.csv) {
        (_, _, Some(path)) => {
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
        (Some(url), _, _) => {
            let url = SmtpUrl::read(url)?;
            let password = secret("AMBIT_SMTP_PASSWORD");
            ensure!(
                password.is_some() || !url.wants_password(),
                "a user was named and no password: set AMBIT_SMTP_PASSWORD"
            );
            let mut carrier = Smtp::new(url, password, Duration::from_secs(args.timeout.into()));
            send_all(
                &mut read.case,
                name,
                &list,
                &sender,
                &pace(args),
                &mut carrier,
                &mut Wall,
            )?
        }
        (None, url, None) => {
            let url = url.as_deref().unwrap_or_default();
            let timeout = Duration::from_secs(args.timeout.into());
            let mut carrier = Webhook::new(
                url,
                secret("AMBIT_WEBHOOK_TOKEN"),
                timeout,
                &args.which.case,
                name,
            )?;
            send_all(
                &mut read.case,
                name,
                &list,
                &sender,
                &pace(args),
                &mut carrier,
                &mut Wall,
            )?
        }
    };
    let outbox = Outbox::of(&read.case)?;
    let tally = outbox.mailings.get(name).map(Mailing::tally).unwrap_or_default();
    tell(setting, name, &run, &tally, &args.which.case)
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

fn tell(setting: &Setting, name: &str, run: &Sending, tally: &Tally, case: &str) -> Result<Exit> {
    if setting.is_json {
        setting.json(&json!({
            "list": name,
            "run": {
                "sent": run.n_sent,
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
            "this run: {} sent, {} refused, {} to be tried again, {} uncertain",
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
        "LETTERS    list {name}, {} persons: {}",
        number(tally.listed),
        said.join(", ")
    )
}

pub fn bounces(setting: &Setting, args: &BouncesArgs) -> Result<Exit> {
    let mut case = Case::open(&setting.case_path(&args.case))?;
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

pub fn resend(setting: &Setting, args: &ResendArgs) -> Result<Exit> {
    ensure!(
        !args.reason.trim().is_empty(),
        "a decision is signed with a reason"
    );
    let mut case = Case::open(&setting.case_path(&args.case))?;
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
    let entry = case.append(&by(), &act)?;
    super::disclose::tell(setting, &args.case, &[entry])
}

pub fn letters(setting: &Setting, args: &LettersArgs) -> Result<Exit> {
    let case = Case::open(&setting.case_path(&args.case))?;
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
