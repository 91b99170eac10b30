//! `ambit detect`: what is suspicious in some logs, without a lake.

use super::ingest::ReadingArgs;
use crate::detection::{DetectionArgs, Remarks, suspicions, told};
use crate::exit::Exit;
use crate::progress::Progress;
use crate::setting::Setting;
use crate::words;
use ambit_detect::{Board, Entry, Found, Incoming, Once, RuleSet, Run, Terms, Unproven, silences};
use ambit_event::{Batch, Finding, Keys, Span};
use ambit_lake::{Coverage, Ledger};
use ambit_source::{Input, Options, discover};
use anyhow::{Result, bail};
use clap::Args;
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Say what is suspicious in logs: Sigma rules and built-in behaviours, without a lake
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct DetectArgs {
    /// Files, folders, tar and zip archives; gz, zst, xz and bz2 are unpacked
    #[arg(required = true, value_name = "LOGS")]
    paths: Vec<PathBuf>,
    /// Sigma rules, filters and correlations beside those that are built in: files, and folders of them
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    detection: DetectionArgs,
    /// How late an event may be, by the time of the others, in seconds
    #[arg(long, default_value_t = 3600, value_name = "SECS")]
    lateness: i64,
    #[command(flatten)]
    reading: ReadingArgs,
}

const EXAMPLES: &str = "Examples:
  ambit detect /var/log                              the rules and behaviours that are built in
  ambit detect /var/log --rules sigma/rules          and others: clone https://github.com/SigmaHQ/sigma for them
  ambit detect evtx/ --rules sigma/rules --json | jq -r '[.time, .level, .title] | @tsv'
  ambit detect logs.tar.zst --min-level medium
  ambit detect logs/ --allow allow.toml --behaviours behaviours.toml
  ambit detect logs/ --geo GeoLite2-City.mmdb --ocsf findings.ocsf.jsonl --navigator layer.json

With --json each finding is a line of its own: rule_id, title, level, attack, time, actor, events and more.
What could not be looked at is told on standard error; the exit code is then 3.";

/// Batches that are read while one is looked at.
const AHEAD: usize = 2;

pub fn run(setting: &Setting, args: &DetectArgs) -> Result<Exit> {
    if let Some(missing) = args.paths.iter().find(|path| !path.exists()) {
        bail!("{}: there is no such file or folder", missing.display());
    }
    let rules = args.detection.rules_and_own(&args.rules)?;
    let terms = Terms {
        lateness_secs: args.lateness,
        ..args.detection.terms()?
    };
    let places = terms.places.clone();
    let mut reading = Reading::over(&rules, terms);
    let options = Options {
        may_go_on: false,
        own_folder: Some(setting.lake.clone()),
        ..args.reading.options()?
    };
    reading.read_all(&args.paths, &options)?;
    let looked = reading.finish();
    let board = &looked.board;
    let findings = board.findings().into_iter();
    let findings: Vec<&Finding> = findings
        .filter(|finding| args.detection.is_heard(finding))
        .collect();
    args.detection.write_exports(&findings)?;
    if setting.is_json {
        let lines: Result<Vec<String>, _> = findings.iter().map(serde_json::to_string).collect();
        setting.say_all(lines?)?;
    } else {
        setting.say_all(told(&setting.paint, &suspicions(findings)))?;
    }
    let mut remarks = looked.remarks(&rules);
    remarks.places(places.as_deref());
    remarks.tell();
    Ok(Exit::incomplete_if(!remarks.is_complete))
}

/// What the reading of the logs tells, in their order.
enum Read {
    /// Of a file of so many bytes.
    Batch(Box<Batch>, u64),
    /// A file of so many bytes was read, or why not.
    End(u64, Option<String>),
}

/// Reads the logs one after the other, ahead of what looks at them.
fn read_ahead(inputs: &[Input], options: &Options, keys: &Keys, give: &SyncSender<Read>) {
    for input in inputs {
        let bytes = input.evidence.bytes;
        let mut sink = |batch: Batch| match give.send(Read::Batch(Box::new(batch), bytes)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let error = ambit_source::read(input, options, keys, None, &mut sink).err();
        let is_wanted = give.send(Read::End(bytes, error.map(|error| error.to_string())));
        if is_wanted.is_err() {
            return;
        }
    }
}

/// What was read and looked at so far.
struct Reading {
    incoming: Incoming,
    ledger: Ledger,
    span: Option<Span>,
    n_rejects: u64,
    errors: Vec<String>,
}

/// All that was to be looked at, and what was found.
struct Looked {
    run: Run,
    board: Board,
    coverage: Coverage,
    span: Option<Span>,
    n_rejects: u64,
    errors: Vec<String>,
    unproven: Vec<Unproven>,
}

impl Reading {
    fn over(rules: &RuleSet, terms: Terms) -> Self {
        Self {
            incoming: Incoming::over(Run::new(rules, terms)),
            ledger: Ledger::default(),
            span: None,
            n_rejects: 0,
            errors: Vec::new(),
        }
    }

    fn read_all(&mut self, paths: &[PathBuf], options: &Options) -> Result<()> {
        let (inputs, errors) = discover(paths, options);
        self.errors.extend(errors.iter().map(ToString::to_string));
        let keys = keys(&inputs);
        let mut progress = Progress::over(inputs.iter().map(|input| input.evidence.bytes).sum());
        let mut once = Once::new();
        let (give, given) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            let keys = &keys;
            scope.spawn(move || read_ahead(&inputs, options, keys, &give));
            for read in given {
                match read {
                    Read::Batch(mut batch, bytes) => {
                        let at = batch.checkpoint.as_ref().map_or(0, |place| place.offset);
                        let (n_events, n_rejects) = (batch.events.len(), batch.rejects.len());
                        progress.read(at, bytes, n_events as u64, n_rejects as u64);
                        // A record that stands in two files is one event.
                        batch.events.retain(|event| once.is_new(event.id));
                        self.take(*batch);
                    }
                    Read::End(bytes, error) => {
                        self.errors.extend(error);
                        progress.file_done(bytes);
                    }
                }
            }
        });
        progress.finish();
        Ok(())
    }

    fn take(&mut self, mut batch: Batch) {
        self.ledger.add(&batch);
        self.n_rejects += batch.rejects.len() as u64;
        for event in std::mem::take(&mut batch.events) {
            let at = event.when();
            self.span = Some(self.span.map_or(at, |span| span.hull(at)));
            self.incoming.take(event);
        }
    }

    fn finish(self) -> Looked {
        let Found {
            mut run, mut board, ..
        } = self.incoming.finish();
        let coverage = self.ledger.coverage(&[]);
        let unproven = run.take_out_unproven(&mut board, &coverage);
        for finding in silences(&coverage) {
            if !run.is_allowed(&finding) {
                board.note(Entry::Raised { finding });
            }
        }
        Looked {
            run,
            board,
            coverage,
            span: self.span,
            n_rejects: self.n_rejects,
            errors: self.errors,
            unproven,
        }
    }
}

impl Looked {
    /// What was not looked at, or in vain.
    fn remarks(&self, rules: &RuleSet) -> Remarks {
        let mut remarks = Remarks::of(
            &self.run,
            rules,
            &self.coverage,
            self.span.unwrap_or(Span::ALL),
            "--rules DIR",
        );
        if self.n_rejects > 0 {
            let n = words::counted(self.n_rejects, "record", "records");
            remarks.missing(format!("{n} could not be parsed"));
        }
        remarks.all_missing("not read", &self.errors);
        remarks.unproven(&self.unproven);
        remarks
    }
}

/// Fingerprints of secrets without a lake: the same for the same evidence, and for no other.
fn keys(inputs: &[Input]) -> Keys {
    let mut ids: Vec<&str> = inputs.iter().map(|input| input.evidence.id.0.as_str()).collect();
    ids.sort_unstable();
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.as_bytes());
        hash.update(b"\n");
    }
    Keys::derive(&hash.finalize().into())
}
