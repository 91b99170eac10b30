//! `ambit ingest`: log files into the lake.

mod follow;
mod table;

use crate::detection::{self, DetectionArgs, suspicions};
use crate::exit::Exit;
use crate::looking::Looking;
use crate::progress::Progress;
use crate::quarry::{Hunted, Quarry};
use crate::setting::{Setting, by, read_text, remark, write_file};
use crate::told;
use ambit_detect::{Found, Hunt, Incoming, RuleSet, Run, Terms};
use ambit_event::{Batch, Event, Evidence, Finding, Span, Timestamp};
use ambit_lake::{Lake, Receipt, Writer};
use ambit_source::{Input, LastRecord, Mapping, Options, Summary, Told, discover};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
pub use table::table;
use tokio::sync::mpsc;

/// Take logs into the lake: files, folders and archives, whose formats are recognized
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct IngestArgs {
    /// Files, folders, tar and zip archives; gz, zst, xz and bz2 are unpacked
    #[arg(required = true, value_name = "LOGS")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Say what is suspicious in what is new, and keep it in the lake: by the rules and behaviours that are
    /// built in, and the rules of --rules
    #[arg(long)]
    pub detect: bool,
    /// Sigma rules, filters and correlations: files, and folders of them
    #[arg(long, value_name = "DIR", requires = "detect")]
    pub rules: Vec<PathBuf>,
    #[command(flatten)]
    pub detection: DetectionArgs,
    /// Go on and read what is written to them, until it is stopped; with --detect, say what is suspicious as it comes
    #[arg(long)]
    pub follow: bool,
    /// Seconds between two looks whether something was written
    #[arg(long, value_name = "SECS", default_value_t = 10, requires = "follow", value_parser = clap::value_parser!(u64).range(1..))]
    pub every: u64,
}

/// What a person says about the evidence.
#[derive(Debug, Clone, Default, Args)]
pub struct ReadingArgs {
    /// Read every file as this source instead of recognizing it; see `ambit sources`. The lake remembers it,
    /// with --host, --tz and --log-format
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// The host that wrote the files, where the records do not say
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// The zone of times that name none: Europe/Stockholm, +02:00 (UTC if nobody says otherwise)
    #[arg(long = "tz", value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// The producer's own line format: nginx log_format, Apache LogFormat, Envoy's format string, PostgreSQL log_line_prefix
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// A file that declares a source of JSON lines or logfmt; see `ambit sources mapping`
    #[arg(long = "mapping", value_name = "FILE.toml")]
    pub mappings: Vec<PathBuf>,
    /// The files are all there: take a last record without its end as it is, instead of waiting for the rest
    #[arg(long)]
    pub whole: bool,
}

const EXAMPLES: &str = "Examples:
  ambit ingest /var/log/nginx/access.log*
  ambit ingest evidence.tar.zst --host gw1
  ambit ingest pg/ --tz Europe/Stockholm
  ambit ingest app.jsonl --mapping app.toml
  ambit ingest logs/ --detect --rules sigma/rules     and say what is suspicious in them
  ambit ingest /var/log --detect --follow             and go on: what is suspicious is told as it is written
  ambit ingest logs/ --json | jq '.files[] | [.path, .sha256]'

The same records twice, grown, rotated or copied files add nothing: run it again at any time.
What cannot be parsed is kept and listed by `ambit rejects`; the exit code is then 3.

What --source says of a file is remembered: later it holds for the files of that folder that share
its name but for their rotation (access.log, access.log.1, access.log.2.gz), also in an archive, and
for files of that name elsewhere that begin with the same record. `ambit sources --told` lists and
`--forget` forgets it.

A file may be read while it is written. A last record whose end is not there is no event yet: a
number or a name that is cut short reads well and is wrong. It is a reject and a gap until the file
is read again with the rest. Records that show themselves that they are whole (a JSON object that
closes) are taken; --whole takes everything.

With --follow it goes on until it is stopped, at any instant and without harm: what is in the lake stays,
and begun again it goes on from there. With --json each time that something came is a line of its own.

Lines that a container's runtime cut into pieces are put together, and no piece is read by itself:
who makes a line long enough chooses what a piece looks like. Give rotated files together (0.log and
0.log.*): where the older one ends within a line, its end in the newer one is a reject. Where the
older one is not there, nothing tells that what stands first is such an end, and it is read.";

/// Bytes that are taken in before they are written, while as many are being written: more would only cost
/// memory, and fewer make many small files.
const MOST_PENDING: u64 = 96 << 20;
/// Batches that are read ahead of the writer, and that wait to be looked at behind it.
const AHEAD: usize = 4;

/// What was done, file by file.
#[derive(Debug, Serialize)]
pub struct Ingested {
    pub lake_version: u64,
    /// New in the lake.
    pub n_events: u64,
    /// Already in the lake, records that an earlier run read counted.
    pub n_duplicates: u64,
    pub n_rejects: u64,
    pub n_bytes: u64,
    pub files: Vec<FileRead>,
    /// Files that could not be opened or recognized.
    pub errors: Vec<String>,
    /// What is suspicious in what is new, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected: Option<Detected>,
    /// From the first to the last event that was read.
    #[serde(skip)]
    span: Option<Span>,
}

/// What detection made of the new events.
#[derive(Debug, Default, Serialize)]
pub struct Detected {
    pub n_raised: u64,
    pub n_corrected: u64,
    pub n_withdrawn: u64,
    /// The findings that the new events are in or before, those that were known too.
    pub findings: Vec<Finding>,
    /// Whether every rule could be asked about everything.
    pub is_complete: bool,
    /// What was not looked at, or is unknown.
    pub remarks: Vec<String>,
}

/// One evidence file, with what came out of it in this run.
#[derive(Debug, Serialize)]
pub struct FileRead {
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    pub source: String,
    pub host: Option<String>,
    /// How sure the recognition was, 0 to 100.
    pub confidence: u8,
    /// When a person said that such files are of this source, where it is read so for that reason.
    pub told_at: Option<Timestamp>,
    pub n_records: u64,
    pub n_events: u64,
    pub n_rejects: u64,
    /// Bytes at its end that wait for the rest of their record.
    pub n_waiting_bytes: u64,
    pub notes: Vec<String>,
    /// What is to be remembered of how it was read.
    #[serde(skip)]
    remember: Option<Told>,
}

impl Ingested {
    pub fn exit(&self) -> Exit {
        let is_blind = self
            .detected
            .as_ref()
            .is_some_and(|detected| !detected.is_complete);
        Exit::incomplete_if(self.n_rejects > 0 || !self.errors.is_empty() || is_blind)
    }
}

impl ReadingArgs {
    pub fn options(&self) -> Result<Options> {
        let options = Options {
            source: self.source.clone(),
            host: self.host.clone(),
            time_zone: self.time_zone.clone(),
            log_format: self.log_format.clone(),
            mappings: load_mappings(&self.mappings)?,
            last_record: match self.whole {
                true => LastRecord::IsWhole,
                false => LastRecord::MayBeCut,
            },
            ..Options::default()
        };
        options.check()?;
        Ok(options)
    }
}

pub fn load_mappings(paths: &[PathBuf]) -> Result<Vec<Mapping>> {
    paths
        .iter()
        .map(|path| {
            let text = read_text(path)?;
            Ok(Mapping::parse(&text, &path.display().to_string())?)
        })
        .collect()
}

pub async fn run(setting: &Setting, args: &IngestArgs) -> Result<Exit> {
    if let Some(missing) = args.paths.iter().find(|path| !path.exists()) {
        bail!("{}: there is no such file or folder", missing.display());
    }
    let mut options = args.reading.options()?;
    options.own_folder = Some(setting.lake.clone());
    if !args.detect && !args.detection.is_empty() {
        bail!("--placeholders, --pipeline, --behaviours, --allow and --min-level are about --detect");
    }
    if args.follow && (args.detection.ocsf.is_some() || args.detection.navigator.is_some()) {
        bail!(
            "--ocsf and --navigator are written at the end, and --follow has none; `ambit hunt` writes them"
        );
    }
    // What is wrong with them is told before hours of reading.
    let rules = args.detection.rules_and_own(&args.rules)?;
    let terms = args.detection.terms()?;
    let lake = setting.create_lake().await?;
    options.told = told::load(&setting.lake)?;
    match args.follow {
        true => follow::run(setting, args, options, &rules, terms).await,
        false => once(setting, args, options, &lake, &rules, terms).await,
    }
}

async fn once(
    setting: &Setting,
    args: &IngestArgs,
    options: Options,
    lake: &Lake,
    rules: &RuleSet,
    terms: Terms,
) -> Result<Exit> {
    // What was never looked at is looked at through the lake.
    let is_first = args.detect && lake.count(&Hunt::everything().limited(1)).await? == 0;
    let looking = is_first.then(|| {
        let incoming = Incoming::over(Run::new(rules, terms.clone()));
        Looking::over(incoming, AHEAD, Incoming::is_as_replayed)
    });
    let mut ingested = ingest(lake, &args.paths, options, looking.as_ref()).await?;
    if args.detect {
        let seen = looking.map(Looking::stop).transpose()?.flatten();
        let seen = seen.map(Incoming::finish).filter(|seen| seen.is_as_replayed);
        let newest = lake.refresh().await?;
        // Nothing was read in between that was not looked at, and something was read now.
        let read = ingested
            .span
            .filter(|_| Looked::load(setting) == Some(lake.version().0));
        match detect(&newest, rules, terms, read, seen).await {
            Ok(hunted) => {
                Looked::save(setting, hunted.lake_version)?;
                ingested.took_note(hunted, &args.detection);
                let findings: Vec<&Finding> = ingested.findings().collect();
                args.detection.write_exports(&findings)?;
            }
            Err(error) => {
                setting.say_all(table(&ingested))?;
                return Err(
                    error.context("the logs are in the lake, and nothing looked at them: `ambit hunt` does")
                );
            }
        }
    }
    tell(setting, &ingested)?;
    if !setting.is_json {
        advise_to_compact(lake.refresh().await?.n_small_files());
    }
    remember(setting, &ingested)?;
    Ok(ingested.exit())
}

fn tell(setting: &Setting, ingested: &Ingested) -> Result<()> {
    if setting.is_json {
        return setting.json(ingested);
    }
    setting.say_all(table(ingested))?;
    if let Some(detected) = &ingested.detected {
        setting.say("")?;
        setting.say_all(detection::told(&setting.paint, &suspicions(&detected.findings)))?;
        detected.remarks.iter().for_each(|line| remark(line));
    }
    tell_errors(&ingested.errors);
    Ok(())
}

/// What was not read is told in full up to here.
const MOST_ERRORS: usize = 20;

fn tell_errors(errors: &[String]) {
    for error in errors.iter().take(MOST_ERRORS) {
        remark(&format!("not read: {error}"));
    }
    let n_more = errors.len().saturating_sub(MOST_ERRORS);
    if n_more > 0 {
        remark(&format!("not read: {n_more} more, which --json lists"));
    }
}

/// Keeps what was said of the files for the next time. That of which nothing could be read so is not worth it.
fn remember(setting: &Setting, ingested: &Ingested) -> Result<()> {
    let is_good = |file: &&FileRead| file.n_events > 0 || file.n_rejects == 0;
    let read = ingested.files.iter().filter(is_good);
    let said: Vec<Told> = read.filter_map(|file| file.remember.clone()).collect();
    if said.is_empty() {
        return Ok(());
    }
    // Somebody else may have written meanwhile.
    let mut list = told::load(&setting.lake)?;
    let before = list.clone();
    said.into_iter().for_each(|told| list.remember(told));
    if list != before {
        told::save(&setting.lake, &list)
            .context("the logs are in the lake, but how they were read is not remembered")?;
        if !setting.is_json {
            remark("what --source said of these files is remembered; see `ambit sources --told`");
        }
    }
    Ok(())
}

/// Small files above which compaction is worth a word.
const SCATTERED: usize = 100;

fn advise_to_compact(n_small_files: usize) {
    if n_small_files >= SCATTERED {
        remark(&format!(
            "the lake lies in {n_small_files} small files; `ambit lake compact --vacuum` makes every question faster"
        ));
    }
}

/// Finds, reads and commits. What is committed stays, whatever happens later. What is new is given to be looked at.
pub async fn ingest(
    lake: &Lake,
    paths: &[PathBuf],
    options: Options,
    looking: Option<&Looking>,
) -> Result<Ingested> {
    let mut writer = lake.writer().await?;
    let (paths, finding) = (paths.to_vec(), options.clone());
    let (inputs, errors) = tokio::task::spawn_blocking(move || discover(&paths, &finding)).await?;
    let mut progress = Progress::over(inputs.iter().map(|input| input.evidence.bytes).sum());
    let mut total = Ingested {
        lake_version: lake.version().0,
        n_events: 0,
        n_duplicates: 0,
        n_rejects: 0,
        n_bytes: 0,
        files: Vec::new(),
        errors: errors.iter().map(ToString::to_string).collect(),
        detected: None,
        span: None,
    };
    let read_before = sources_by_digest(&lake.evidence().await?);
    let by = by();
    for input in inputs {
        let evidence = input.evidence.clone();
        let told_at = input.told().map(|told| told.at);
        let remember = input.to_remember(&options, &by.who, by.at);
        let read = take_in(lake, &mut writer, input, &options, &mut progress, looking).await?;
        total.span = read.span.into_iter().chain(total.span).reduce(Span::hull);
        match read.summary {
            Ok(mut summary) => {
                summary.notes.extend(otherwise_read(&evidence, &read_before));
                total.n_duplicates += summary.n_before;
                total.files.push(FileRead {
                    told_at,
                    remember,
                    ..file_read(&evidence, summary)
                });
            }
            Err(error) => total.errors.push(error.to_string()),
        }
        progress.file_done(evidence.bytes);
        total.n_bytes += evidence.bytes;
    }
    total.add(writer.commit().await?);
    progress.finish();
    Ok(total)
}

/// The sources as which each evidence file was read, by the SHA-256 of its bytes.
fn sources_by_digest(evidence: &[Evidence]) -> BTreeMap<String, BTreeSet<String>> {
    let mut sources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in evidence {
        sources
            .entry(file.id.0.clone())
            .or_default()
            .insert(file.source.clone());
    }
    sources
}

/// The same bytes read as two sources are two sets of events, which is hardly ever meant.
fn otherwise_read(evidence: &Evidence, before: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let sources = before
        .get(&evidence.id.0)
        .filter(|sources| !sources.contains(&evidence.source))?;
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    Some(format!(
        "the same bytes were read as {} before and are read as {} beside it now: each of their records is in the lake twice; give the --mapping or --source of the first time",
        sources.join(", "),
        evidence.source
    ))
}

/// Reads one file on a thread of its own and pushes what comes.
async fn take_in(
    lake: &Lake,
    writer: &mut Writer,
    input: Input,
    options: &Options,
    progress: &mut Progress,
    looking: Option<&Looking>,
) -> Result<Read> {
    let evidence = input.evidence.clone();
    let resume = lake.checkpoint(&evidence.lineage).await?;
    let (sender, mut receiver) = mpsc::channel::<Batch>(AHEAD);
    // Memory is given back fastest by the thread that took it.
    let (give_back, spent) = std::sync::mpsc::channel();
    let (keys, options) = (lake.keys().clone(), options.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let mut sink = |batch| {
            spent.try_iter().for_each(drop::<Vec<Event>>);
            match sender.blocking_send(batch) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        ambit_source::read(&input, &options, &keys, resume.as_ref(), &mut sink)
    });
    let mut span = None;
    while let Some(batch) = receiver.recv().await {
        span = batch.span().into_iter().chain(span).reduce(Span::hull);
        let offset = batch
            .checkpoint
            .as_ref()
            .map_or(0, |checkpoint| checkpoint.offset);
        progress.read(
            offset,
            evidence.bytes,
            batch.events.len() as u64,
            batch.rejects.len() as u64,
        );
        let new = writer.push(batch).await?;
        match looking {
            Some(looking) => looking.take(new).await,
            // Once all is read nobody takes them.
            None => _ = give_back.send(new),
        }
        if writer.n_pending_bytes() > MOST_PENDING {
            writer.flush().await?;
        }
    }
    Ok(Read {
        summary: reading.await?,
        span,
    })
}

/// Looks for what is suspicious in what was read, and in what follows from it: an event that comes late changes what
/// later ones mean. Where events were read before that nothing looked at, it looks at everything.
async fn detect(
    lake: &Lake,
    rules: &RuleSet,
    terms: Terms,
    read: Option<Span>,
    seen: Option<Found>,
) -> Result<Hunted> {
    let begun = lake.coverage().await?.window.map(|window| window.from);
    let span = match (read, begun) {
        (Some(read), Some(begun)) if begun < read.from => Span::new(read.from, Timestamp::MAX),
        _ => Span::ALL,
    };
    let quarry = Quarry {
        rules,
        terms,
        span,
        given_by: "--rules DIR",
    };
    quarry.look_and_keep(lake, seen).await
}

/// Up to which version of the lake `--detect` looked at what is in it. Where this is lost, it looks at everything anew.
struct Looked;

impl Looked {
    fn path(setting: &Setting) -> PathBuf {
        setting.lake.join("looked")
    }

    fn load(setting: &Setting) -> Option<u64> {
        std::fs::read_to_string(Self::path(setting))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    fn save(setting: &Setting, version: u64) -> Result<()> {
        write_file(&Self::path(setting), format!("{version}\n").as_bytes())
    }
}

/// What became of one file.
struct Read {
    summary: Result<Summary, ambit_source::Error>,
    /// From its first to its last event.
    span: Option<Span>,
}

impl Ingested {
    /// Takes in what detection made of it, beside what it made before.
    fn took_note(&mut self, mut hunted: Hunted, heard: &DetectionArgs) {
        self.lake_version = hunted.lake_version;
        let kept = hunted.kept();
        let findings = hunted.heard(heard);
        let detected = self.detected.get_or_insert_default();
        detected.n_raised += hunted.n_raised;
        detected.n_corrected += hunted.n_corrected;
        detected.n_withdrawn += hunted.n_withdrawn;
        detected.findings.extend(findings);
        detected.is_complete = hunted.remarks.is_complete;
        detected.remarks = hunted.remarks.lines;
        detected.remarks.push(kept);
    }

    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.detected.iter().flat_map(|detected| &detected.findings)
    }

    fn add(&mut self, receipt: Receipt) {
        self.lake_version = receipt.version.0;
        self.n_events += receipt.n_events;
        self.n_duplicates += receipt.n_duplicates;
        self.n_rejects += receipt.n_rejects;
    }
}

fn file_read(evidence: &Evidence, summary: Summary) -> FileRead {
    FileRead {
        path: evidence.path.clone(),
        sha256: evidence.id.0.clone(),
        bytes: evidence.bytes,
        source: evidence.source.clone(),
        host: evidence.host.clone(),
        confidence: evidence.confidence,
        told_at: None,
        n_records: summary.n_records,
        n_events: summary.n_events,
        n_rejects: summary.n_rejects,
        n_waiting_bytes: summary.n_waiting_bytes,
        notes: summary.notes,
        remember: None,
    }
}
