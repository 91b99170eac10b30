//! `ambit scope`: what the intruder reached.

use super::search::PeriodArgs;
use crate::exit::Exit;
use crate::export::{subjects, timesketch};
use crate::gaps::blind_spans;
use crate::report::{Report, page};
use crate::screen::{Screen, lines};
use crate::seeds;
use crate::setting::{CaseArgs, Setting, read_text, remark, write_file};
use crate::veil::Veil;
use crate::words;
use ambit_case::Act;
use ambit_event::Evidence;
use ambit_lake::{Assertion, Lake, Version};
use ambit_scope::{Answer, Config, DataMap, Request, Seed, scope};
use anyhow::Result;
use clap::Args;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// From seeds to the answer: whose data of which classes was reached, between which bounds
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct ScopeArgs {
    /// What the intruder held: KIND=VALUE[,exclusive,reason="…"][,from=TIME][,until=TIME]; may be given again
    #[arg(long = "seed", value_name = "SEED", value_parser = Seed::parse)]
    pub seeds: Vec<Seed>,
    /// A file of indicators: CSV with columns kind and value, or STIX 2.1 JSON
    #[arg(long = "seeds", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The data map; without one everything is traced and listed as unmapped
    #[arg(long, value_name = "FILE.toml")]
    pub map: Option<PathBuf>,
    /// Assert that nothing is missing: coverage:SOURCE[@HOST][=FROM..UNTIL]:REASON
    #[arg(long, value_name = "ASSERTION", value_parser = Assertion::parse)]
    pub assume: Vec<Assertion>,
    /// Answer at this version of the lake instead of the newest
    #[arg(long, value_name = "N")]
    pub at_version: Option<u64>,
    #[command(flatten)]
    pub shown: PeriodArgs,
    /// Write the report as one self-contained HTML file
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// Write persons, classes and grades as CSV
    #[arg(long, value_name = "FILE.csv")]
    pub subjects: Option<PathBuf>,
    /// Write the attributed events as CSV for Timesketch
    #[arg(long, value_name = "FILE.csv")]
    pub timesketch: Option<PathBuf>,
    #[command(flatten)]
    pub case: CaseArgs,
}

const EXAMPLES: &str = "Examples:
  ambit scope --seed session=VALUE              the cookie's value, or its fp_… fingerprint
  ambit scope --seed session=VALUE --map map.toml --html report.html
  ambit scope --seed 'ip=203.0.113[.]7,exclusive,reason=\"rented by the intruder\"' --map map.toml
  ambit scope --seeds indicators.csv --seeds stix.json --map map.toml --case may
  ambit scope --seed account=app/alice,from=2014-05-20T00:00:00Z --map map.toml --json
  ambit scope --seed event=0123…cdef --assume 'coverage:sshd:one disk, never full' --map map.toml

Kinds: session, token, account, device, ip, user_agent, event, finding, connection, host, service, trace,
app_version, route. A session, token or event is certain, an account or device probable, an address
possible unless `exclusive` says that nobody else used it; so is a finding, unless grade=… says more.
--from and --to filter what is listed; the numbers never depend on them.
Seeds, assertions and the whole answer go into the case's journal (`ambit case show`).
The exit code is 3 where gaps or unmapped operations widen the answer, there is no map, or no record
names a seed.";

pub async fn run(setting: &Setting, args: &ScopeArgs) -> Result<Exit> {
    let outcome = answer(setting, &open(setting, args).await?, args).await?;
    if setting.is_json {
        setting.json(&outcome.answer)?;
    } else {
        outcome.tell(setting)?;
    }
    let exit = exit(&outcome.answer);
    outcome.kept()?;
    Ok(exit)
}

/// The answer, and what it takes to show it.
pub struct Outcome {
    pub answer: Answer,
    veil: Veil,
    next: Vec<String>,
    /// Why it is in no case, where it is in none.
    unkept: Option<anyhow::Error>,
}

impl Outcome {
    pub fn tell(&self, setting: &Setting) -> Result<()> {
        let screen = Screen {
            scope: &self.answer.scope,
            lake_version: self.answer.lake_version,
            veil: &self.veil,
            next: self.next.clone(),
        };
        Ok(setting.say_all(lines(&screen, &setting.paint))?)
    }

    /// Whether it is in its case, to be repeated and disclosed. Whoever may only read the lake has his answer before.
    ///
    /// # Errors
    /// Where it could not be written.
    pub fn kept(self) -> Result<()> {
        match self.unkept {
            None => Ok(()),
            Some(cause) => Err(cause.context(
                "the answer above stands in no case, so that no notice can rest on it: copy the lake to where you may write, and ask there",
            )),
        }
    }
}

/// Asks, journals, and writes the files that were asked for.
pub async fn answer(setting: &Setting, lake: &Lake, args: &ScopeArgs) -> Result<Outcome> {
    let seeds = gather_seeds(args, lake)?;
    let map = args.map.as_deref().map(load_map).transpose()?;
    let question = Question {
        seeds,
        map: map.as_ref(),
        args,
    };
    let answer = question.ask(lake).await?;
    let unkept = match question.journal(setting, &answer) {
        Ok(()) => pin(lake, &args.case.name).await.err(),
        Err(cause) => Some(cause),
    };
    let veil = veil(setting, args, &answer)?;
    question.write_files(setting, lake, &answer, &veil).await?;
    let next = question.next(setting, &answer);
    Ok(Outcome {
        answer,
        veil,
        next,
        unkept,
    })
}

/// Complete only where nothing widens the answer but what the intruder did.
pub fn exit(answer: &Answer) -> Exit {
    let scope = &answer.scope;
    let is_open = !scope.mapped || !scope.unanswered.is_empty();
    Exit::incomplete_if(is_open || !scope.gaps.is_empty() || !scope.unmapped.is_empty())
}

async fn open(setting: &Setting, args: &ScopeArgs) -> Result<Lake> {
    let lake = setting.open_lake().await?;
    match args.at_version {
        Some(version) => Ok(lake.at(Version(version)).await?),
        None => Ok(lake),
    }
}

/// All seeds, with secrets as fingerprints: nothing after this point sees them.
fn gather_seeds(args: &ScopeArgs, lake: &Lake) -> Result<Vec<Seed>> {
    let mut all = args.seeds.clone();
    for path in &args.files {
        let found = seeds::load(path)?;
        if let Some(text) = found.remark(path) {
            remark(&text);
        }
        all.extend(found.seeds);
    }
    Ok(all
        .into_iter()
        .map(|seed| seed.fingerprinted(lake.keys()))
        .collect())
}

/// The map with its digest; warnings are told beside.
pub fn load_map(path: &Path) -> Result<LoadedMap> {
    let text = read_text(path)?;
    let (map, diagnostics) = DataMap::load(path)?;
    let codes: BTreeSet<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    if !codes.is_empty() {
        let codes: Vec<&str> = codes.into_iter().collect();
        let remarks = words::counted(diagnostics.len() as u64, "remark", "remarks");
        let (shown, codes) = (path.display(), words::list(&codes));
        remark(&format!(
            "{shown}: {remarks} ({codes}); `ambit map check {shown}` shows them"
        ));
    }
    Ok(LoadedMap {
        map,
        path: path.to_owned(),
        sha256: hex::encode(Sha256::digest(text)),
    })
}

pub struct LoadedMap {
    pub map: DataMap,
    pub path: PathBuf,
    pub sha256: String,
}

struct Question<'a> {
    seeds: Vec<Seed>,
    map: Option<&'a LoadedMap>,
    args: &'a ScopeArgs,
}

impl Question<'_> {
    async fn ask(&self, lake: &Lake) -> Result<Answer> {
        let request = Request {
            seeds: self.seeds.clone(),
            map: self.map.map(|loaded| &loaded.map),
            coverage_assertions: self.args.assume.clone(),
            config: Config::standard(),
            shown: self.args.shown.span(),
        };
        Ok(scope(lake, &request).await?)
    }

    fn journal(&self, setting: &Setting, answer: &Answer) -> Result<()> {
        let seeds: Vec<String> = self.seeds.iter().map(Seed::sentence).collect();
        let mut assertions: Vec<String> = self.args.assume.iter().map(ToString::to_string).collect();
        assertions.extend(self.map.map(|loaded| {
            format!(
                "data map {} with SHA-256 {}",
                loaded.path.display(),
                loaded.sha256
            )
        }));
        let value = serde_json::to_value(answer)?;
        let scope = Act::scope(answer.lake_version, &answer.scope.content_root, value);
        setting.journal(
            &self.args.case.name,
            &[Act::seeds(&seeds), Act::assertions(&assertions), scope],
        )
    }

    async fn write_files(&self, setting: &Setting, lake: &Lake, answer: &Answer, veil: &Veil) -> Result<()> {
        if let Some(path) = &self.args.html {
            let evidence = lake.evidence().await?;
            write_file(path, self.report(setting, answer, veil, &evidence).as_bytes())?;
        }
        if let Some(path) = &self.args.subjects {
            write_file(path, &subjects::table(&answer.scope)?)?;
        }
        if let Some(path) = &self.args.timesketch {
            write_file(path, &timesketch::table(answer)?)?;
        }
        Ok(())
    }

    fn report(&self, setting: &Setting, answer: &Answer, veil: &Veil, evidence: &[Evidence]) -> String {
        page(&Report {
            scope: &answer.scope,
            lake_version: answer.lake_version,
            case: &self.args.case.name,
            evidence,
            veil,
            checks: checks(setting, &self.args.case.name, &self.command(), answer),
        })
    }

    /// The command that asks the same again.
    fn command(&self) -> String {
        let mut command = "ambit scope".to_owned();
        for seed in &self.seeds {
            command.push_str(&format!(" --seed {}", words::quoted(&seed_text(seed))));
        }
        if let Some(loaded) = self.map {
            command.push_str(&format!(
                " --map {}",
                words::quoted(&loaded.path.to_string_lossy())
            ));
        }
        if self.args.case.name != "default" {
            command.push_str(&format!(" --case {}", words::quoted(&self.args.case.name)));
        }
        for assertion in &self.args.assume {
            command.push_str(&format!(" --assume {}", words::quoted(&assertion.to_string())));
        }
        command
    }

    /// What leads on from here.
    fn next(&self, setting: &Setting, answer: &Answer) -> Vec<String> {
        let scope = &answer.scope;
        let lake = lake_option(setting);
        // Steps and gaps are looked up in the case that holds the answer.
        let case = match self.args.case.name.as_str() {
            "default" => String::new(),
            name => format!(" --case {}", words::quoted(name)),
        };
        let mut next = Vec::new();
        if self.map.is_none() {
            next.push(format!(
                "ambit map init{lake} > map.toml     propose a data map, then ask again with --map map.toml"
            ));
        }
        if let Some(blind) = blind_spans(&scope.gaps).first() {
            next.push(format!(
                "ambit show {}{lake}{case}     what is missing, and what would fill it",
                blind.gap.id
            ));
        }
        if let Some(hop) = scope
            .trace
            .iter()
            .find(|hop| hop.from.is_some())
            .or(scope.trace.first())
        {
            next.push(format!(
                "ambit show {}{lake}{case}     a step of the trace, with its events",
                hop.id
            ));
        }
        match &self.args.html {
            Some(path) => next.push(format!("open {}", path.display())),
            None => next.push(format!(
                "{}{lake} --html report.html     the whole report",
                self.command()
            )),
        }
        next
    }
}

/// What the journal quotes must stay repeatable, whatever is vacuumed.
async fn pin(lake: &Lake, case: &str) -> Result<()> {
    let name = format!("case-{}-{}", case.replace('.', "_"), lake.version());
    Ok(lake.pin(&name).await?)
}

/// A seed as the command line takes it.
fn seed_text(seed: &Seed) -> String {
    let mut text = seed.observable.to_string();
    if let Some(reason) = &seed.exclusive {
        text.push_str(&format!(",exclusive,reason=\"{}\"", reason.replace('"', "'")));
    }
    if let Some(from) = seed.from {
        text.push_str(&format!(",from={from}"));
    }
    if let Some(until) = seed.until {
        text.push_str(&format!(",until={until}"));
    }
    text
}

fn lake_option(setting: &Setting) -> String {
    if setting.lake == Path::new("./ambit-lake") {
        String::new()
    } else {
        format!(" --lake {}", words::quoted(&setting.lake.to_string_lossy()))
    }
}

/// How a reader checks the report.
fn checks(setting: &Setting, case: &str, command: &str, answer: &Answer) -> Vec<(String, String)> {
    let lake = lake_option(setting);
    vec![
        ("sha256sum FILE…".to_owned(), "The evidence is what was read: each file has the digest of the table above.".to_owned()),
        (format!("ambit lake info{lake}"), "The lake holds the same events: its content root is the one at the top of this report.".to_owned()),
        (
            format!("{command} --at-version {}{lake} --json", answer.lake_version),
            "The answer follows from the evidence: the same question at the same version gives the same answer, byte for byte.".to_owned(),
        ),
        (format!("ambit case verify {case}{lake}"), "Nothing in the case's journal was changed since: its chain of hashes is whole.".to_owned()),
    ]
}

/// Persons are shown only for a reason, which is journaled first.
pub fn veil(setting: &Setting, args: &ScopeArgs, answer: &Answer) -> Result<Veil> {
    let is_revealed = setting.reveal(&args.case, "persons of the scope")?;
    Ok(if is_revealed {
        Veil::lifted()
    } else {
        Veil::over(&answer.scope)
    })
}
