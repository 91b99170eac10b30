//! `ambit disclose`: what is owed, to whom, by when, and in words that the evidence carries.

use super::letters::{self, ApproveArgs, BouncesArgs, LettersArgs, ResendArgs, SendArgs};
use crate::exit::Exit;
use crate::setting::{Setting, by, case_name, read_text, remark, signer, write_file};
use ambit_case::{Act, Case, Dossier, Entry, Outbox, Signed};
use ambit_disclose::{
    NoticeKind, Openness, Regime, Risk, Tongue, Wanted, built_in, calendar_of, draft, edpb, fact_json,
    notice_json, notice_page, notice_text, parse, status_json, status_lines, status_page, stix, told, veris,
};
use ambit_event::{Timestamp, printable};
use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is owed, to whom, by when; decisions, and notices that the evidence carries
#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum DiscloseCommand {
    /// Duties, clocks, decision, stale notices, and what remains to be known
    Status(StatusArgs),
    /// What law needs and logs cannot know: said by a person, kept in the case
    #[command(subcommand)]
    Fact(FactCommand),
    /// Sign how likely a risk to the persons is, with a reason; the register entry is written with it
    Decide(DecideArgs),
    /// Draft a notice, and issue it where nothing stands in the way
    Notice(NoticeArgs),
    /// Write down that something was sent, and what proves it
    Sent(SentArgs),
    /// Sign the list of those who are written to: each with their own letter, in their language
    Approve(ApproveArgs),
    /// Send the approved letters, each at most once; resumes where it was interrupted
    Send(SendArgs),
    /// Take in mail servers' reports of letters that did not arrive
    Bounces(BouncesArgs),
    /// Decide that somebody is written to once more
    Resend(ResendArgs),
    /// Where each letter stands: sent, bounced, uncertain, not sent
    Letters(LettersArgs),
    /// The deadlines as a calendar file
    Ical(IcalArgs),
    /// The incident as a VERIS record or a STIX bundle, or in the EDPB's draft template of a notification
    Export(ExportArgs),
}

#[derive(Debug, Subcommand)]
#[command(after_long_help = EXAMPLES)]
pub enum FactCommand {
    /// Sign a fact
    Set(FactSetArgs),
    /// Take a fact back, so that it is asked for again
    Unset(FactUnsetArgs),
    /// List what was signed, or with --names every name that there is
    List(FactListArgs),
}

const EXAMPLES: &str = "Examples:
  ambit disclose status may
  ambit disclose fact set may establishment=eu role=controller sectors=none_of_these
  ambit disclose fact set may aware_at=2026-05-22T11:40:00Z --knew 'head of security' --evidence 'gateway log'
  ambit disclose fact set may residents:us-ca=3..40
  ambit disclose fact list --names
  ambit disclose decide may likely --reason 'an attacker has name and address'
  ambit disclose notice authority may --html notice.html
  ambit disclose notice letter may --person user:1042
  ambit disclose notice public may --template our.txt --issue
  ambit disclose sent may eu-gdpr/authority --at 2026-05-23T09:05:00Z --proof 'portal receipt 118'
  ambit disclose approve may --addresses members.csv --from 'Tonal <privacy@tonal.example>'
  ambit disclose send may --addresses members.csv --smtp smtps://privacy@mail.tonal.example
  ambit disclose bounces may ~/Maildir/.bounces
  ambit disclose letters may
  ambit disclose ical may > deadlines.ics
  ambit disclose export veris may
  ambit disclose export edpb may

What the logs know comes from the newest scope of the case, with its bounds; what they cannot know is asked for,
never assumed. A signed number never narrows what the logs leave open. Notices: authority, letter, public, faq,
sec-8k, controller, register. Nothing here is legal advice.
`status` ends with 0 where nothing is open, 3 where something is owed, asked or stale, 4 where an end has passed.";

#[derive(Debug, Args)]
pub struct WhichArgs {
    #[arg(value_name = "CASE", default_value = "default", value_parser = case_name)]
    case: String,
    /// A file of further regimes; may be given again
    #[arg(long = "regimes", value_name = "FILE.toml")]
    regimes: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct StatusArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Answer as of this instant: by what the journal held then, with the clocks as they stood
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Timestamp>,
    /// Let the clocks stand at this instant, with all that is known now
    #[arg(long, value_name = "TIME", value_parser = instant, conflicts_with = "at")]
    clock: Option<Timestamp>,
    /// Write the status as one self-contained HTML file
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct FactSetArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    case: String,
    /// What is so; `fact list --names` shows the names and the forms
    #[arg(value_name = "NAME=VALUE", required = true)]
    facts: Vec<String>,
    /// Who knew, for facts that somebody knew (aware_at)
    #[arg(long = "knew", value_name = "WHO")]
    knew: Option<String>,
    /// What it rests on
    #[arg(long, value_name = "TEXT")]
    evidence: Option<String>,
}

#[derive(Debug, Args)]
pub struct FactUnsetArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    case: String,
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Why nobody stands behind it any longer
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
pub struct FactListArgs {
    #[arg(value_name = "CASE", default_value = "default", value_parser = case_name)]
    case: String,
    /// Every name that there is, with its question and form
    #[arg(long)]
    names: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DecideArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    case: String,
    /// unlikely: nobody is told; likely: the authority; high: the authority and the persons
    #[arg(value_name = "RISK", value_parser = risk)]
    risk: Risk,
    /// Why it was decided so
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct NoticeArgs {
    /// authority, letter, public, faq, sec-8k, controller, register
    #[arg(value_name = "KIND", value_parser = kind)]
    kind: NoticeKind,
    #[command(flatten)]
    which: WhichArgs,
    /// For a letter: the person as the scope names it
    #[arg(long, value_name = "DOMAIN:KEY")]
    person: Option<String>,
    /// For a letter: its language, en or de, or one of --templates
    #[arg(long, value_name = "CODE", default_value = "en")]
    language: String,
    /// A folder with further languages (fr.toml with letter.fr.txt)
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Show the sentences of the language, to start another from
    #[arg(long)]
    show_sentences: bool,
    /// A template in place of the built-in one
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Show the built-in template, to start one's own from
    #[arg(long)]
    show_template: bool,
    /// Write it as one self-contained HTML file, with what carries each sentence
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Write it as text
    #[arg(long, value_name = "FILE.txt")]
    text: Option<PathBuf>,
    /// Write it into the journal as issued; refused where something stands in the way
    #[arg(long)]
    issue: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SentArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    case: String,
    /// The duty, as `status` names it
    #[arg(value_name = "REGIME/DUTY")]
    duty: String,
    /// When it was sent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Timestamp,
    /// By which way, and what proves it
    #[arg(long, value_name = "TEXT")]
    proof: String,
    /// The journal's entry with the notice that was sent
    #[arg(long, value_name = "SEQ")]
    notice: Option<u64>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct IcalArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Write it here instead of standard output
    #[arg(long, value_name = "FILE.ics")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Veris,
    Stix,
    Edpb,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ExportArgs {
    #[arg(value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    which: WhichArgs,
}

pub fn run(setting: &Setting, command: &DiscloseCommand) -> Result<Exit> {
    match command {
        DiscloseCommand::Status(args) => status(setting, args),
        DiscloseCommand::Fact(FactCommand::Set(args)) => set(setting, args),
        DiscloseCommand::Fact(FactCommand::Unset(args)) => unset(setting, args),
        DiscloseCommand::Fact(FactCommand::List(args)) => list(setting, args),
        DiscloseCommand::Decide(args) => decide(setting, args),
        DiscloseCommand::Notice(args) => notice(setting, args),
        DiscloseCommand::Sent(args) => sent(setting, args),
        DiscloseCommand::Approve(args) => letters::approve(setting, args),
        DiscloseCommand::Send(args) => letters::send(setting, args),
        DiscloseCommand::Bounces(args) => letters::bounces(setting, args),
        DiscloseCommand::Resend(args) => letters::resend(setting, args),
        DiscloseCommand::Letters(args) => letters::letters(setting, args),
        DiscloseCommand::Ical(args) => ical(setting, args),
        DiscloseCommand::Export(args) => export(setting, args),
    }
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|_| "write an instant such as 2026-05-22T11:40:00Z".to_owned())
}

fn risk(text: &str) -> Result<Risk, String> {
    Risk::parse(text).ok_or_else(|| "one of unlikely, likely, high".to_owned())
}

fn kind(text: &str) -> Result<NoticeKind, String> {
    let names: Vec<&str> = NoticeKind::ALL.iter().map(|kind| kind.name()).collect();
    NoticeKind::parse(text).ok_or_else(|| format!("one of {}", names.join(", ")))
}

/// The built-in regimes, and those of the files.
pub fn regimes(files: &[PathBuf]) -> Result<Vec<Regime>> {
    let mut regimes = built_in();
    for file in files {
        let (read, found) = parse(&read_text(file)?, &file.display().to_string());
        if read.is_empty() {
            let told: Vec<String> = found.iter().map(ToString::to_string).collect();
            bail!(
                "{} has no regime that can be used:\n{}",
                file.display(),
                told.join("\n")
            );
        }
        regimes.retain(|regime| read.iter().all(|new| new.id != regime.id));
        regimes.extend(read);
    }
    regimes.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(regimes)
}

fn dossier(setting: &Setting, case: &str) -> Result<Dossier> {
    Ok(Dossier::of(&setting.open_case(case)?)?)
}

fn status(setting: &Setting, args: &StatusArgs) -> Result<Exit> {
    let now = args.at.or(args.clock).unwrap_or_else(|| by().at);
    let case = setting.open_case(&args.which.case)?;
    let (dossier, outbox) = match args.at {
        Some(at) => (Dossier::at(&case, at)?, Outbox::at(&case, at)?),
        None => (Dossier::of(&case)?, Outbox::of(&case)?),
    };
    let found = dossier.disclosure(&regimes(&args.which.regimes)?, now);
    if let Some(path) = &args.html {
        write_file(path, status_page(&found).as_bytes())?;
    }
    if setting.is_json {
        let mut told = status_json(&found);
        told["letters"] = json!(letters::tallies(&outbox));
        setting.json(&told)?;
    } else {
        setting.say_all(status_lines(&found))?;
        for (name, mailing) in &outbox.mailings {
            setting.say(&letters::told(name, &mailing.tally()))?;
        }
    }
    Ok(match found.standing() {
        Openness::Settled => Exit::Complete,
        Openness::Open => Exit::Incomplete,
        Openness::Overdue => Exit::Overdue,
    })
}

fn set(setting: &Setting, args: &FactSetArgs) -> Result<Exit> {
    let (knew, evidence) = (args.knew.as_deref(), args.evidence.as_deref());
    let signed = args.facts.iter().map(|fact| Signed::read(fact, knew, evidence));
    let signed: Vec<Signed> = signed.collect::<Result<_, _>>()?;
    let now = by().at;
    for said in &signed {
        if let Some(ambit_disclose::Value::Instant(at)) = &said.value {
            ensure!(
                *at <= now,
                "{at} has not come yet, and `{}` is about what was",
                said.name
            );
        }
    }
    let mut case = setting.open_case(&args.case)?;
    Dossier::of(&case)?.check(&signed)?;
    let acts: Vec<Act> = signed.iter().map(Signed::act).collect();
    let exit = write(setting, &mut case, &acts)?;
    conflicts(&Dossier::of(&case)?, &signed);
    Ok(exit)
}

/// What was just signed and does not go together with what is known is told at once.
fn conflicts(dossier: &Dossier, signed: &[Signed]) {
    let found = dossier.disclosure(&[], by().at);
    let of = |name: &str| signed.iter().any(|said| said.name == name);
    for conflict in found.known.conflicts.iter().filter(|c| of(&c.name)) {
        remark(&format!("conflict: {}: {}", conflict.name, conflict.because));
    }
}

fn unset(setting: &Setting, args: &FactUnsetArgs) -> Result<Exit> {
    let withdrawn = args
        .names
        .iter()
        .map(|name| Signed::withdrawn(name, Some(&args.reason)));
    let acts = withdrawn
        .map(|signed| signed.map(|signed| signed.act()))
        .collect::<Result<Vec<Act>, _>>()?;
    write(setting, &mut setting.open_case(&args.case)?, &acts)
}

/// Nothing is written where one of the acts could not be read.
fn write(setting: &Setting, case: &mut Case, acts: &[Act]) -> Result<Exit> {
    let entries = case.append_all(&signer()?, acts)?;
    tell(setting, case.name(), &entries)
}

pub fn tell(setting: &Setting, case: &str, entries: &[Entry]) -> Result<Exit> {
    if setting.is_json {
        setting.json(&json!({ "entries": entries }))?;
        return Ok(Exit::Complete);
    }
    for entry in entries {
        setting.say(&format!(
            "entry {} of case {case} · head {}",
            entry.seq, entry.hash
        ))?;
    }
    Ok(Exit::Complete)
}

fn list(setting: &Setting, args: &FactListArgs) -> Result<Exit> {
    if args.names {
        return names(setting);
    }
    let dossier = dossier(setting, &args.case)?;
    if setting.is_json {
        let facts: Vec<Value> = dossier
            .signed
            .iter()
            .map(|(name, fact)| fact_json(name, fact))
            .collect();
        setting.json(&json!({ "facts": facts }))?;
        return Ok(Exit::Complete);
    }
    for (name, fact) in dossier.signed.iter() {
        let who = match &fact.provenance {
            ambit_disclose::Provenance::Signed { entry, by, .. } => format!("{by}, entry {entry}"),
            ambit_disclose::Provenance::ScopeAt { version, .. } => format!("scope at version {version}"),
            ambit_disclose::Provenance::Snapshot { version, table, .. } => {
                format!("{} with the scope at version {version}", table.file)
            }
        };
        setting.say(&printable(
            &format!("{name:<28} {} ({who})", told(&fact.value)),
            500,
        ))?;
    }
    Ok(Exit::Complete)
}

fn names(setting: &Setting) -> Result<Exit> {
    let terms = ambit_disclose::VOCABULARY;
    if setting.is_json {
        let all: Vec<Value> = terms
            .iter()
            .map(|term| json!({ "name": term.name, "question": term.question, "form": term.form() }))
            .collect();
        setting.json(&json!({ "names": all }))?;
        return Ok(Exit::Complete);
    }
    for term in terms {
        let name = if term.name.ends_with(':') {
            format!("{}…", term.name)
        } else {
            term.name.to_owned()
        };
        setting.say(&format!("{name:<30} {}", term.question))?;
        setting.say(&format!("{:<30} {}", "", term.form()))?;
    }
    Ok(Exit::Complete)
}

fn decide(setting: &Setting, args: &DecideArgs) -> Result<Exit> {
    ensure!(
        !args.reason.trim().is_empty(),
        "a decision is signed with a reason"
    );
    let by = signer()?;
    let mut case = setting.open_case(&args.case)?;
    let (decision, register) = case.decide(&by, args.risk, args.reason.trim(), &built_in())?;
    if !setting.is_json {
        let found = dossier(setting, &args.case)?.disclosure(&built_in(), by.at);
        if let Some(text) = &found.departs {
            setting.say(&printable(text, 1000))?;
        }
        setting.say("the decision and its register entry:")?;
    }
    tell(setting, &args.case, &[decision, register])
}

fn notice(setting: &Setting, args: &NoticeArgs) -> Result<Exit> {
    let tongues = letters::tongues(args.templates.as_deref())?;
    let tongue = tongues.iter().find(|tongue| tongue.code == args.language);
    let tongue =
        tongue.with_context(|| format!("there are no sentences in `{}`", printable(&args.language, 20)))?;
    if args.show_sentences {
        let sentences = Tongue::sentences(&args.language);
        setting.say(
            sentences
                .context("these sentences do not come with the program")?
                .trim_end(),
        )?;
        return Ok(Exit::Complete);
    }
    if args.show_template {
        let template = match args.kind {
            NoticeKind::Letter => tongue.letter(),
            kind => kind.template(),
        };
        setting.say(template.trim_end())?;
        return Ok(Exit::Complete);
    }
    let template = args.template.as_deref().map(read_text).transpose()?;
    let wanted = Wanted {
        person: args.person.as_deref(),
        template: template.as_deref(),
        tongue: Some(tongue),
        ..Wanted::of(args.kind)
    };
    let case = dossier(setting, &args.which.case)?;
    let regimes = regimes(&args.which.regimes)?;
    let drafted = case.matter(&regimes, |matter| draft(matter, &wanted));
    let drafted = drafted.map_err(|error| anyhow::anyhow!("{error}"))?;
    if let Some(path) = &args.html {
        write_file(path, notice_page(&drafted).as_bytes())?;
    }
    if let Some(path) = &args.text {
        write_file(path, notice_text(&drafted).as_bytes())?;
    }
    let mut issued = None;
    if args.issue {
        ensure!(
            tongue.is_checked(),
            "nothing checks sentences in `{}`: such letters are approved as a list, by whoever answers for them",
            tongue.code
        );
        let root = case.scope.as_ref().map(|(_, scope)| scope.content_root.as_str());
        let act = Act::notice(&drafted, template.as_deref(), root)?;
        let by = signer()?;
        let mut case = setting.open_case(&args.which.case)?;
        issued = Some(case.append(&by, &act)?);
    }
    if setting.is_json {
        let mut told = notice_json(&drafted);
        told["issued"] = json!(issued);
        setting.json(&told)?;
    } else {
        setting.say(notice_text(&drafted).trim_end())?;
        if let Some(entry) = &issued {
            setting.say(&format!("\nissued as entry {} · head {}", entry.seq, entry.hash))?;
        }
    }
    Ok(Exit::incomplete_if(!drafted.may_be_issued()))
}

fn sent(setting: &Setting, args: &SentArgs) -> Result<Exit> {
    let known = built_in();
    let is_duty = |regime: &Regime| {
        let rest = args.duty.strip_prefix(regime.id.as_str());
        let id = rest.and_then(|rest| rest.strip_prefix('/'));
        id.is_some_and(|id| regime.duties.iter().any(|rule| rule.id == id))
    };
    ensure!(
        known.iter().any(is_duty),
        "there is no duty `{}`: `ambit disclose status` names them",
        printable(&args.duty, 80)
    );
    ensure!(
        !args.proof.trim().is_empty(),
        "say by which way, and what proves it"
    );
    ensure!(
        args.at <= by().at,
        "{} has not come yet: say when it was sent, once it was",
        args.at
    );
    let act = Act::sent(&args.duty, args.at, args.proof.trim(), args.notice);
    let mut case = setting.open_case(&args.case)?;
    Dossier::of(&case)?.check_sent(args.at)?;
    write(setting, &mut case, &[act])
}

fn ical(setting: &Setting, args: &IcalArgs) -> Result<Exit> {
    let now = by().at;
    let found = dossier(setting, &args.which.case)?.disclosure(&regimes(&args.which.regimes)?, now);
    let calendar = calendar_of(&args.which.case, &found.duties, now);
    match &args.out {
        Some(path) => write_file(path, calendar.as_bytes())?,
        None => setting.say(calendar.trim_end())?,
    }
    Ok(Exit::Complete)
}

fn export(setting: &Setting, args: &ExportArgs) -> Result<Exit> {
    let by = by();
    let case = dossier(setting, &args.which.case)?;
    let record = case.matter(&built_in(), |matter| match args.format {
        Format::Veris => veris(matter, by.at),
        Format::Stix => stix(matter, by.at),
        Format::Edpb => edpb(matter, by.at),
    });
    setting.json(&record)?;
    Ok(Exit::Complete)
}
