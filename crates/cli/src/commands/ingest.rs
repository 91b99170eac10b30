//! `ambit ingest`: log files into the lake.

use crate::detection::{self, DetectionArgs, Hunted, Quarry, suspicions};
use crate::exit::Exit;
use crate::paint::columns;
use crate::progress::Progress;
use crate::setting::{Setting, by, read_text, remark, write_file};
use crate::{told, words};
use ambit_detect::{RuleSet, Terms};
use ambit_event::{Batch, Event, Evidence, Finding, Span, Timestamp, printable};
use ambit_lake::{Lake, Receipt, Writer};
use ambit_source::{Input, LastRecord, Mapping, Options, Summary, Told, discover};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
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

Lines that a container's runtime cut into pieces are put together, and no piece is read by itself:
who makes a line long enough chooses what a piece looks like. Give rotated files together (0.log and
0.log.*): where the older one ends within a line, its end in the newer one is a reject. Where the
older one is not there, nothing tells that what stands first is such an end, and it is read.";

/// Bytes that are taken in before they are written, while as many are being written: more would only cost
/// memory, and fewer make many small files.
const MOST_PENDING: u64 = 96 << 20;
/// Batches that are read ahead of the writer.
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
#[derive(Debug, Serialize)]
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
        Ok(Options {
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
        })
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
    // What is wrong with them is told before hours of reading.
    let rules = args.detection.rules_and_own(&args.rules)?;
    let terms = args.detection.terms()?;
    let lake = setting.create_lake().await?;
    options.told = told::load(&setting.lake)?;
    let mut ingested = ingest(&lake, &args.paths, options).await?;
    if args.detect {
        let newest = lake.refresh().await?;
        // Nothing was read in between that was not looked at, and something was read now.
        let read = ingested
            .span
            .filter(|_| Looked::load(setting) == Some(lake.version().0));
        match detect(&newest, &rules, terms, read).await {
            Ok(hunted) => {
                Looked::save(setting, hunted.lake_version)?;
                ingested.took_note(hunted, &args.detection)?;
            }
            Err(error) => {
                setting.say_all(told(&ingested))?;
                return Err(
                    error.context("the logs are in the lake, and nothing looked at them: `ambit hunt` does")
                );
            }
        }
    }
    if setting.is_json {
        setting.json(&ingested)?;
    } else {
        setting.say_all(told(&ingested))?;
        if let Some(detected) = &ingested.detected {
            setting.say("")?;
            setting.say_all(detection::told(&setting.paint, &suspicions(&detected.findings)))?;
            detected.remarks.iter().for_each(|line| remark(line));
        }
        for error in ingested.errors.iter().take(MOST_ERRORS) {
            remark(&format!("not read: {error}"));
        }
        let n_more = ingested.errors.len().saturating_sub(MOST_ERRORS);
        if n_more > 0 {
            remark(&format!("not read: {n_more} more, which --json lists"));
        }
        advise_to_compact(lake.refresh().await?.n_small_files());
    }
    remember(setting, &ingested)?;
    Ok(ingested.exit())
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

/// Finds, reads and commits. What is committed stays, whatever happens later.
pub async fn ingest(lake: &Lake, paths: &[PathBuf], options: Options) -> Result<Ingested> {
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
        let read = take_in(lake, &mut writer, input, &options, &mut progress).await?;
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
        // Once all is read nobody takes them.
        let _ = give_back.send(writer.push(batch).await?);
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
async fn detect(lake: &Lake, rules: &RuleSet, terms: Terms, read: Option<Span>) -> Result<Hunted> {
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
    quarry.look_and_keep(lake).await
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
    fn took_note(&mut self, mut hunted: Hunted, heard: &DetectionArgs) -> Result<()> {
        self.lake_version = hunted.lake_version;
        let kept = hunted.kept();
        let findings = hunted.heard(heard);
        heard.write_exports(&findings.iter().collect::<Vec<_>>())?;
        hunted.remarks.lines.push(kept);
        self.detected = Some(Detected {
            n_raised: hunted.n_raised,
            n_corrected: hunted.n_corrected,
            n_withdrawn: hunted.n_withdrawn,
            findings,
            is_complete: hunted.remarks.is_complete,
            remarks: hunted.remarks.lines,
        });
        Ok(())
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

/// What was not read is told in full up to here.
const MOST_ERRORS: usize = 20;
/// Files up to which each has a row of its own; of more, each source has one.
const MOST_ROWS: usize = 24;

/// What each file was recognized as, what was noted, and the sum.
pub fn told(ingested: &Ingested) -> Vec<String> {
    let files = &ingested.files;
    let rows = match files.len() {
        0 => Vec::new(),
        1..=MOST_ROWS => by_file(files),
        _ => by_source(files),
    };
    let mut lines = columns(&rows);
    for file in &ingested.files {
        lines.extend(
            file.notes
                .iter()
                .map(|note| printable(&format!("note: {}: {note}", file.path), 400)),
        );
    }
    lines.push(format!(
        "{} new events, {} already there, {} rejected · lake version {}",
        words::number(ingested.n_events),
        words::number(ingested.n_duplicates),
        words::number(ingested.n_rejects),
        ingested.lake_version
    ));
    lines
}

fn by_file(files: &[FileRead]) -> Vec<Vec<String>> {
    let head = ["file", "source", "sure", "size", "records", "events", "rejects"];
    let row = |file: &FileRead| {
        let counts = [file.n_records, file.n_events, file.n_rejects].map(words::number);
        let about = [
            printable(&file.path, 60),
            printable(&file.source, 60),
            match file.told_at {
                Some(at) => format!("as told on {}", told::day(at)),
                None => format!("{} %", file.confidence),
            },
            words::bytes(file.bytes),
        ];
        [about.to_vec(), counts.to_vec()].concat()
    };
    let head = head.map(str::to_owned).to_vec();
    [head].into_iter().chain(files.iter().map(row)).collect()
}

/// How sure it is that some files are of a source: of those that nobody told, the least sure one.
#[derive(Default)]
struct Sure {
    least: Option<u8>,
    n_told: u64,
}

impl Sure {
    fn told(&self) -> String {
        match (self.least, self.n_told) {
            (Some(least), 0) => format!("{least} %"),
            (Some(least), n) => format!("{least} %, {} as told", words::number(n)),
            (None, _) => "as told".to_owned(),
        }
    }
}

fn by_source(files: &[FileRead]) -> Vec<Vec<String>> {
    let mut by_source: BTreeMap<&str, (Sure, [u64; 5])> = BTreeMap::new();
    for file in files {
        let (sure, sums) = by_source.entry(&file.source).or_default();
        match file.told_at {
            Some(_) => sure.n_told += 1,
            None => {
                sure.least = Some(
                    sure.least
                        .map_or(file.confidence, |least| least.min(file.confidence)),
                )
            }
        }
        let parts = [1, file.bytes, file.n_records, file.n_events, file.n_rejects];
        sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }
    let head = ["source", "files", "sure", "size", "records", "events", "rejects"];
    let row = |(source, (sure, sums)): (&&str, &(Sure, [u64; 5]))| {
        let [files, size, records, events, rejects] = *sums;
        let about = [
            printable(source, 60),
            words::number(files),
            sure.told(),
            words::bytes(size),
        ];
        [
            about.to_vec(),
            [records, events, rejects].map(words::number).to_vec(),
        ]
        .concat()
    };
    let head = head.map(str::to_owned).to_vec();
    [head].into_iter().chain(by_source.iter().map(row)).collect()
}
