//! `ambit ingest --follow`: logs into the lake as they are written, and what is suspicious in them as it comes.
//!
//! It may be stopped at any instant: what is in the lake stays there, and what was not looked at then is looked at when
//! it begins again.

use super::{IngestArgs, Ingested, Looked, ingest, remember, table, tell_errors};
use crate::detection::{self, limits, suspicions};
use crate::exit::Exit;
use crate::live::Live;
use crate::quarry::Quarry;
use crate::setting::{Setting, by, remark};
use crate::words;
use ambit_detect::{Hunt, RuleSet, Terms};
use ambit_event::{Span, Timestamp};
use ambit_lake::{Error, Lake, Version};
use ambit_source::{Glimpse, Options};
use anyhow::Result;
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Files that grow are read from their start, to see that what was read still stands there. A fifth of the time at most
/// goes into that, as long as the pause is no longer than this.
const PAUSE: u32 = 4;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Errors of files that are told once; where more files come and go, they are told again.
const MOST_REMEMBERED: usize = 10_000;

/// The following of some files.
struct Following<'a> {
    setting: &'a Setting,
    args: &'a IngestArgs,
    options: Options,
    rules: &'a RuleSet,
    terms: Terms,
    /// Where that was asked for, and something was read.
    live: Option<Live<'a>>,
    /// The version that the last turn left behind.
    version: Option<Version>,
    /// Something is in the lake and not noted.
    is_due: bool,
    /// Whether the table of what was read was told.
    has_told: bool,
    /// What was told of files that could not be read.
    errors: BTreeSet<String>,
    /// What was told of what was given up.
    limits: Vec<String>,
}

pub async fn run(
    setting: &Setting,
    args: &IngestArgs,
    options: Options,
    rules: &RuleSet,
    terms: Terms,
) -> Result<Exit> {
    let mut following = Following {
        setting,
        args,
        options,
        rules,
        terms,
        live: None,
        version: None,
        is_due: false,
        has_told: false,
        errors: BTreeSet::new(),
        limits: Vec::new(),
    };
    let mut read = None;
    loop {
        let begun = Instant::now();
        let is_first = read.is_none();
        let glimpse = Glimpse::of(&args.paths, Some(&setting.lake));
        if read.as_ref() != Some(&glimpse) || following.is_behind().await? {
            match following.go_on().await {
                Ok(()) => read = Some(glimpse),
                Err(error) => following.wait_for_lock(error)?,
            }
        }
        // The first time everything is new, and much was written meanwhile.
        let took = if is_first { Duration::ZERO } else { begun.elapsed() };
        let pause = (took * PAUSE).min(LONGEST_PAUSE);
        sleep(pause.max(Duration::from_secs(args.every)));
    }
}

impl<'a> Following<'a> {
    /// Whether the lake holds what was not looked at, though nothing was written to the files.
    async fn is_behind(&self) -> Result<bool> {
        if self.is_due || !self.args.detect {
            return Ok(self.is_due);
        }
        Ok(self.version != Some(self.setting.open_lake().await?.version()))
    }

    /// Reads what is new, and looks at it.
    async fn go_on(&mut self) -> Result<()> {
        let lake = self.setting.create_lake().await?;
        let is_known = Looked::load(self.setting) == Some(lake.version().0);
        let is_empty = lake.count(&Hunt::everything().limited(1)).await? == 0;
        if self.args.detect && self.live.is_none() && is_empty {
            self.live = Some(Live::from_nothing(self.quarry(Span::ALL)));
        }
        let mut ingested = self.read(&lake).await?;
        let newest = lake.refresh().await?;
        self.is_due |= self.args.detect && self.version != Some(newest.version());
        let noted = if self.is_due {
            self.note(newest, &mut ingested, is_known).await
        } else {
            self.version = Some(newest.version());
            Ok(())
        };
        self.tell(&mut ingested)?;
        remember(self.setting, &ingested)?;
        noted
    }

    fn quarry(&self, span: Span) -> Quarry<'a> {
        Quarry {
            rules: self.rules,
            terms: self.terms.clone(),
            span,
            given_by: "--rules DIR",
        }
    }

    /// What is not committed when this fails was looked at and must not be again: only the lock, which is asked for
    /// first, does not end it all.
    async fn read(&mut self, lake: &Lake) -> Result<Ingested> {
        let looking = self.live.as_mut().and_then(Live::looking);
        let read = ingest(lake, &self.args.paths, self.options.clone(), looking.as_ref()).await;
        if let (Some(live), Some(looking)) = (&mut self.live, looking) {
            live.took(looking, read.as_ref().map_or(0, |read| read.n_events))?;
        }
        read
    }

    /// Keeps what is suspicious in what came. `is_known` tells whether all that was there before was looked at.
    async fn note(&mut self, mut lake: Lake, ingested: &mut Ingested, mut is_known: bool) -> Result<()> {
        if let Some(live) = &mut self.live {
            let is_whole = match live.note(&lake).await? {
                Some(hunted) => {
                    self.version = Some(Version(hunted.lake_version));
                    ingested.took_note(hunted, &self.args.detection);
                    self.has_told || live.saw_everything()
                }
                None => {
                    remark("somebody else wrote into the lake: it is looked through once more");
                    is_known = false;
                    false
                }
            };
            if !is_whole {
                self.live = None;
                lake = lake.refresh().await?;
            }
        }
        if self.live.is_none() {
            let span = match is_known {
                true => since(&lake, ingested).await?,
                false => Span::ALL,
            };
            let (live, hunted) = Live::begin(self.quarry(span), &lake).await?;
            self.live = Some(live);
            self.version = Some(Version(hunted.lake_version));
            ingested.took_note(hunted, &self.args.detection);
        }
        let has_seen_all = self.live.as_ref().is_some_and(Live::saw_everything);
        if let Some(version) = self.version.filter(|_| has_seen_all) {
            Looked::save(self.setting, version.0)?;
        }
        self.is_due = false;
        Ok(())
    }

    /// Tells what is new. The first time that is everything that was read, and later a line.
    fn tell(&mut self, ingested: &mut Ingested) -> Result<()> {
        if self.errors.len() > MOST_REMEMBERED {
            self.errors.clear();
        }
        ingested.errors.retain(|error| self.errors.insert(error.clone()));
        let is_first = !std::mem::replace(&mut self.has_told, true);
        let is_new = is_first || ingested.n_events + ingested.n_rejects > 0 || has_news(ingested);
        if !is_new && ingested.errors.is_empty() {
            return Ok(());
        }
        if self.setting.is_json {
            return Ok(self.setting.say(&serde_json::to_string(ingested)?)?);
        }
        match is_first {
            true => self.setting.say_all(table(ingested))?,
            false => self.setting.say(&at_once(ingested))?,
        }
        tell_errors(&ingested.errors);
        let Some(detected) = &ingested.detected else {
            return Ok(());
        };
        if !detected.findings.is_empty() {
            let lines = detection::told(&self.setting.paint, &suspicions(&detected.findings));
            self.setting.say_all(lines)?;
        }
        let limits = self.live.as_ref().and_then(Live::run).map(limits);
        let limits = limits.unwrap_or_default();
        match is_first {
            true => detected.remarks.iter().for_each(|line| remark(line)),
            false => limits
                .iter()
                .filter(|line| !self.limits.contains(line))
                .for_each(|line| remark(line)),
        }
        self.limits = limits;
        Ok(())
    }

    /// Somebody else may write now and then. Anything else ends it.
    fn wait_for_lock(&mut self, error: anyhow::Error) -> Result<()> {
        if !matches!(error.downcast_ref(), Some(Error::Locked { .. })) {
            return Err(error);
        }
        let line = format!("{error}; it is tried again");
        if self.errors.insert(line.clone()) {
            remark(&line);
        }
        Ok(())
    }
}

/// From the first event that was read, or behind the last one of the lake where none was.
async fn since(lake: &Lake, ingested: &Ingested) -> Result<Span> {
    let window = lake.coverage().await?.window;
    let from = ingested.span.map(|read| read.from);
    let from = from.or_else(|| window.map(|window| window.until));
    Ok(from.map_or(Span::ALL, |from| Span::new(from, Timestamp::MAX)))
}

fn has_news(ingested: &Ingested) -> bool {
    let detected = ingested.detected.as_ref();
    detected.is_some_and(|detected| detected.n_raised + detected.n_corrected + detected.n_withdrawn > 0)
}

/// What was read and noted, in one line.
fn at_once(ingested: &Ingested) -> String {
    let events = words::counted(ingested.n_events, "new event", "new events");
    let count = |n: u64, what: &str| (n > 0).then(|| format!("{} {what}", words::number(n)));
    let noted = ingested.detected.iter().flat_map(|detected| {
        [
            count(detected.n_raised, "found"),
            count(detected.n_corrected, "corrected"),
            count(detected.n_withdrawn, "withdrawn"),
        ]
    });
    let parts = [Some(events), count(ingested.n_rejects, "rejected")];
    let parts: Vec<String> = parts.into_iter().chain(noted).flatten().collect();
    format!(
        "{}  {} · lake version {}",
        words::instant(by().at),
        parts.join(", "),
        ingested.lake_version
    )
}
