//! What these commands are asked with.

use crate::setting::case_name;
use clap::Args;
use std::path::PathBuf;

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
    pub case: String,
    /// Whom to write to: CSV with the columns subject, email, and where known name, language, residence
    #[arg(long, value_name = "FILE.csv")]
    pub addresses: PathBuf,
    /// What the list is called; one person gets one letter of it
    #[arg(long, value_name = "NAME", default_value = "letter", value_parser = case_name)]
    pub list: String,
    /// A folder with templates (letter.de.txt) and further languages (fr.toml with letter.fr.txt)
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// A file of further regimes; may be given again
    #[arg(long = "regimes", value_name = "FILE.toml")]
    pub regimes: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ApproveArgs {
    #[command(flatten)]
    pub which: ListArgs,
    /// Who writes: 'Name <address>'
    #[arg(long, value_name = "MAILBOX")]
    pub from: String,
    /// Where answers go
    #[arg(long, value_name = "MAILBOX")]
    pub reply_to: Option<String>,
    /// The language of those for whom the table names none
    #[arg(long, value_name = "CODE", default_value = "en")]
    pub language: String,
    /// Answer for the sentences of a language that nothing checks; may be given again
    #[arg(long, value_name = "CODE")]
    pub unchecked: Vec<String>,
    /// Write to those too who have a letter of another list, and why
    #[arg(long, value_name = "REASON")]
    pub again: Option<String>,
    /// Only show who would be on the list; nothing is written
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("way").required(true).args(["smtp", "webhook", "csv"])))]
pub struct SendArgs {
    #[command(flatten)]
    pub which: ListArgs,
    /// A mail server: smtps://USER@HOST, smtp://HOST (STARTTLS), smtp-plain://HOST; password in AMBIT_SMTP_PASSWORD
    #[arg(long, value_name = "URL")]
    pub smtp: Option<String>,
    /// A service that takes each letter as JSON by POST; a token for it in AMBIT_WEBHOOK_TOKEN
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// A file with all letters, for those who send by other means
    #[arg(long, value_name = "FILE.csv")]
    pub csv: Option<PathBuf>,
    /// Letters a minute, at most; 0 for as fast as it goes
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub per_minute: u32,
    /// Letters whose intent is written down together: faster, and so many may be uncertain after a crash
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub at_once: u16,
    /// Refusals for the time being after which a letter counts as refused
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub attempts: u32,
    /// Minutes that such a letter rests; twice as long after each further refusal
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub retry_after: u32,
    /// Seconds after which an answer counts as lost
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub timeout: u32,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct BouncesArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    pub case: String,
    /// Mails, mailboxes (mbox), or folders of mails (Maildir)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("who").required(true).args(["persons", "uncertain", "bounced"])))]
pub struct ResendArgs {
    #[arg(value_name = "CASE", value_parser = case_name)]
    pub case: String,
    #[arg(long, value_name = "NAME", default_value = "letter", value_parser = case_name)]
    pub list: String,
    /// This person, as the scope names them; may be given again
    #[arg(long = "person", value_name = "DOMAIN:KEY")]
    pub persons: Vec<String>,
    /// Everybody of whom nobody knows whether they have it
    #[arg(long)]
    pub uncertain: bool,
    /// Everybody whose letter was refused or came back
    #[arg(long)]
    pub bounced: bool,
    /// Why they are written to once more
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct LettersArgs {
    #[arg(value_name = "CASE", default_value = "default", value_parser = case_name)]
    pub case: String,
    /// Write where each person stands, with replies and message ids
    #[arg(long, value_name = "FILE.csv")]
    pub save: Option<PathBuf>,
    /// The folder of templates that the letters were approved with
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// Name the uncertain on the screen; the reason is kept in the case's journal
    #[arg(long, value_name = "REASON")]
    pub reveal: Option<String>,
}
