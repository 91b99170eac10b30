//! Numbered records: which numbers are here, which are missing, and when those were written.
//!
//! A record's number is given when it is written; its time is when it happened. A record that lasts is
//! written after others that happened later, so the end of its possible time stands for its writing,
//! and the longest such time of the stream (`lag`) bounds how long before its writing a missing record
//! may have happened.

use super::lost::{Cause, Lost};
use ambit_event::{Event, Span, Timestamp, printable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000_000_000;
/// Clocks may run backwards so far between neighbours without being taken for a restart.
const SLACK: i64 = 2_000_000_000;
/// So many runs of one numbering are kept; more make no sense as a numbering.
const MOST_RUNS: usize = 1 << 18;
/// So many parts that last are watched.
const MOST_LASTING: usize = 1 << 10;
/// So many unfinished parts of a stream are watched at a time.
const MOST_PARTS: usize = 1 << 18;

/// The numbering of a whole stream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Whole {
    /// How many records carry such a number.
    #[serde(rename = "n")]
    pub n_records: u64,
    /// The longest possible time of one of them, in nanoseconds.
    #[serde(rename = "lag")]
    lag: i64,
    /// By the hour since 1970 in which the records happened. Producers restart and number anew, so
    /// numbers alone would mix what is days apart.
    #[serde(rename = "h")]
    hours: BTreeMap<i64, Hour>,
    /// The numbers were so scattered that they were given up.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    scattered: bool,
}

/// The numbers of one hour.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Hour {
    /// How many numbers the records took: more than there are in the runs where some came twice.
    #[serde(rename = "n")]
    n_numbers: u64,
    #[serde(rename = "r")]
    runs: Runs,
}

/// The numberings of parts that go on for as long as the stream does, such as the channels of a Windows event log.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Lasting {
    #[serde(rename = "p")]
    parts: BTreeMap<String, Whole>,
    /// Records in parts that are not watched because there were too many.
    #[serde(rename = "x", default, skip_serializing_if = "is_zero")]
    n_unwatched: u64,
}

/// The numberings of a stream's parts, such as database sessions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Parts {
    #[serde(rename = "lag")]
    lag: i64,
    /// Parts that began at 1, lost nothing and ended: nothing more can be said of them.
    #[serde(rename = "n")]
    n_finished: u64,
    /// Parts that are watched no longer because there were too many at a time.
    #[serde(rename = "x", default, skip_serializing_if = "is_zero")]
    n_unwatched: u64,
    #[serde(rename = "p")]
    open: BTreeMap<String, Part>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Part {
    #[serde(rename = "r")]
    runs: Runs,
    /// The number of the record that ended it.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    end: Option<i64>,
}

/// Numbers that are here, as runs without a hole; sorted, and no two of them touch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Runs(Vec<Run>);

/// The numbers `from..=to`, with the possible times of the records at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
struct Run {
    from: i64,
    to: i64,
    first: When,
    last: When,
}

/// When a record happened and until when it was written, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct When {
    from: i64,
    until: i64,
}

/// A run, each value relative to the one before it: `(from, to, first, its length, last, its length)`.
type Packed = (i64, i64, i64, i64, i64, i64);

/// What a numbering shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Nothing is missing here, and what shows it.
    pub proved: Vec<(Span, String)>,
    pub lost: Vec<Lost>,
}

impl Whole {
    /// Takes in a record that carries a number of the whole stream.
    pub fn add(&mut self, event: &Event, (from, to): (i64, i64)) {
        self.n_records = self.n_records.saturating_add(1);
        if self.scattered {
            return;
        }
        let when = When::of(event);
        self.lag = self.lag.max(when.length());
        let hour = self.hours.entry(when.from.div_euclid(HOUR)).or_default();
        let run = Run {
            from,
            to,
            first: when,
            last: when,
        };
        hour.n_numbers = hour.n_numbers.saturating_add(run.len());
        hour.runs.insert(run);
    }

    pub fn merge(&mut self, other: Self) {
        self.n_records = self.n_records.saturating_add(other.n_records);
        self.lag = self.lag.max(other.lag);
        self.scattered |= other.scattered;
        for (hour, more) in other.hours {
            let here = self.hours.entry(hour).or_default();
            here.n_numbers = here.n_numbers.saturating_add(more.n_numbers);
            more.runs.0.into_iter().for_each(|run| here.runs.insert(run));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.n_records == 0
    }

    /// Whether the numbers were given up.
    pub fn is_scattered(&self) -> bool {
        self.scattered
    }

    /// Keeps the memory bounded; to be called now and then.
    pub fn bound(&mut self) {
        self.scattered |= self.hours.values().map(|hour| hour.runs.0.len()).sum::<usize>() > MOST_RUNS;
        if self.scattered {
            self.hours.clear();
        }
    }

    /// What the numbers show: nothing is missing within a run, and what is missing between two runs
    /// of the same numbering was written between them. A number that falls back begins a new
    /// numbering; nothing is shown between two numberings. An hour in which numbers came twice (a
    /// program that restarted within it, a doubled export) proves nothing.
    ///
    /// `whose` says in words which numbering that is.
    pub fn shown(&self, whose: &str) -> Shown {
        let mut shown = Shown::default();
        let mut numbering: Vec<Run> = Vec::new();
        for run in self.in_time() {
            match run {
                Ok(run) => match place(&numbering, &run, self.lag.max(SLACK)) {
                    Some(at) => numbering.insert(at, run),
                    None => self.close(&std::mem::replace(&mut numbering, vec![run]), whose, &mut shown),
                },
                Err(hour) => {
                    self.close(&std::mem::take(&mut numbering), whose, &mut shown);
                    shown.lost.extend(hour.doubtful(self.lag, whose));
                }
            }
        }
        self.close(&numbering, whose, &mut shown);
        shown
    }

    /// The runs by time; `Err` is an hour whose runs cannot be told apart.
    fn in_time(&self) -> Vec<Result<Run, &Hour>> {
        let mut all: Vec<(i64, Result<Run, &Hour>)> = Vec::new();
        for hour in self.hours.values() {
            if hour.is_clear() {
                all.extend(hour.runs.0.iter().map(|run| (run.first.from, Ok(*run))));
            } else {
                let first = hour.runs.0.iter().map(|run| run.first.from).min();
                all.push((first.unwrap_or_default(), Err(hour)));
            }
        }
        all.sort_by_key(|(at, run)| (*at, run.as_ref().ok().copied()));
        all.into_iter().map(|(_, run)| run).collect()
    }

    /// What one numbering shows, its runs sorted by number.
    fn close(&self, runs: &[Run], whose: &str, shown: &mut Shown) {
        let mut runs = runs.iter().copied();
        let Some(mut whole) = runs.next() else { return };
        for run in runs {
            if whole.to.checked_add(1) == Some(run.from) {
                whole = Run {
                    to: run.to,
                    last: run.last,
                    ..whole
                };
                continue;
            }
            shown.proved.push(whole.proved(self.lag, whose));
            shown.lost.push(Lost {
                span: between(&whole, &run, self.lag),
                at_most: Some(missing(&whole, &run)),
                cause: Cause::Numbers,
                why: missing_numbers(&whole, &run, whose),
            });
            whole = run;
        }
        shown.proved.push(whole.proved(self.lag, whose));
    }
}

impl Lasting {
    /// Takes in a record that carries a number of such a part.
    pub fn add(&mut self, event: &Event, part: &str, numbers: (i64, i64)) {
        let name = short(part);
        if self.parts.len() >= MOST_LASTING && !self.parts.contains_key(&name) {
            self.n_unwatched = self.n_unwatched.saturating_add(1);
            return;
        }
        self.parts.entry(name).or_default().add(event, numbers);
    }

    pub fn merge(&mut self, other: Self) {
        self.n_unwatched = self.n_unwatched.saturating_add(other.n_unwatched);
        for (name, part) in other.parts {
            self.parts.entry(name).or_default().merge(part);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.n_records() == 0
    }

    /// Records that carry a number of such a part.
    pub fn n_records(&self) -> u64 {
        let watched = self.parts.values().map(|part| part.n_records);
        watched.fold(self.n_unwatched, u64::saturating_add)
    }

    pub fn is_scattered(&self) -> bool {
        self.parts.values().any(Whole::is_scattered)
    }

    /// Records of parts that are not watched.
    pub const fn n_unwatched(&self) -> u64 {
        self.n_unwatched
    }

    /// Keeps the memory bounded; to be called now and then. What is let go of is counted: the parts that
    /// come last by name.
    pub fn bound(&mut self) {
        self.parts.values_mut().for_each(Whole::bound);
        while self.parts.len() > MOST_LASTING {
            let last = self.parts.pop_last();
            let n_records = last.map_or(0, |(_, part)| part.n_records);
            self.n_unwatched = self.n_unwatched.saturating_add(n_records);
        }
    }

    /// What the numbers show. Nothing is missing where nothing is in any part.
    pub fn shown(&self) -> Shown {
        let mut lost = Vec::new();
        let mut proved: Option<Vec<(Span, String)>> = None;
        for (name, part) in &self.parts {
            let shown = part.shown(&format!("of `{}`", printable(name, 60)));
            lost.extend(shown.lost);
            proved = Some(match proved {
                None => shown.proved,
                Some(before) => both(&before, &shown.proved),
            });
        }
        let proved = proved.filter(|_| self.n_unwatched == 0).unwrap_or_default();
        Shown { proved, lost }
    }
}

/// Pairs of spans that are compared; of more, nothing is proved.
const MOST_PAIRS: usize = 1 << 20;

/// Where both hold, and why.
pub(super) fn both(one: &[(Span, String)], other: &[(Span, String)]) -> Vec<(Span, String)> {
    if one.len().saturating_mul(other.len()) > MOST_PAIRS {
        return Vec::new();
    }
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let both = pairs.filter_map(|((a, why), (b, more))| Some((a.intersect(*b)?, format!("{why}; {more}"))));
    both.collect()
}

impl Hour {
    /// Whether each number came once and numbers rise with time.
    fn is_clear(&self) -> bool {
        let n: u64 = self.runs.0.iter().map(Run::len).fold(0, u64::saturating_add);
        n == self.n_numbers
            && self
                .runs
                .0
                .iter()
                .all(|run| run.first.from <= run.last.until.saturating_add(SLACK))
    }

    /// Missing numbers of an hour in which numbers came twice. Which of the numberings they are missing
    /// from is not known, so neither is how many records that is, nor when in the hour they were written.
    fn doubtful(&self, lag: i64, whose: &str) -> Option<Lost> {
        let runs = &self.runs.0;
        let (from, until) = (
            runs.iter().map(|r| r.first.from).min()?,
            runs.iter().map(|r| r.last.until).max()?,
        );
        let hour = from.div_euclid(HOUR).saturating_mul(HOUR);
        let until = until.max(hour.saturating_add(HOUR));
        let whose = format!("{whose}, where others came twice,");
        let why = |pair: &[Run]| missing_numbers(&pair[0], &pair[1], &whose);
        Some(Lost {
            span: Span::new(Timestamp(hour.saturating_sub(lag)), Timestamp(until)),
            at_most: None,
            cause: Cause::Numbers,
            why: runs.windows(2).next().map(why)?,
        })
    }
}

/// The run's place in this numbering, whose runs are sorted by number; `None` where it is of another
/// numbering, because it meets these numbers or because time would not rise with the numbers.
fn place(numbering: &[Run], run: &Run, slack: i64) -> Option<usize> {
    let at = numbering.partition_point(|other| other.from <= run.from);
    let after_lower = numbering[..at]
        .last()
        .is_none_or(|lower| lower.to < run.from && lower.last.from <= run.first.from.saturating_add(slack));
    let before_higher = numbering.get(at).is_none_or(|higher| {
        run.to < higher.from && run.last.from <= higher.first.from.saturating_add(slack)
    });
    (after_lower && before_higher).then_some(at)
}

impl Parts {
    /// Takes in a record that carries a number of a part of the stream.
    pub fn add(&mut self, event: &Event, part: &str, (from, to): (i64, i64)) {
        let when = When::of(event);
        self.lag = self.lag.max(when.length());
        let run = Run {
            from,
            to,
            first: when,
            last: when,
        };
        let name = short(part);
        let end = ends(event).then_some(to);
        match self.open.get_mut(name.as_str()) {
            Some(open) => {
                open.runs.insert(run);
                open.end = open.end.max(end);
                if open.is_finished() {
                    self.open.remove(name.as_str());
                    self.n_finished = self.n_finished.saturating_add(1);
                }
            }
            None => self.open_part(
                name,
                Part {
                    runs: Runs(vec![run]),
                    end,
                },
            ),
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.lag = self.lag.max(other.lag);
        self.n_finished = self.n_finished.saturating_add(other.n_finished);
        self.n_unwatched = self.n_unwatched.saturating_add(other.n_unwatched);
        for (name, mut part) in other.open {
            if let Some(here) = self.open.remove(&name) {
                here.runs.0.into_iter().for_each(|run| part.runs.insert(run));
                part.end = part.end.max(here.end);
            }
            self.open_part(name, part);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.n_finished == 0 && self.n_unwatched == 0
    }

    /// Keeps the memory bounded; to be called now and then. Parts without a hole are let go of first,
    /// those that were silent for the longest time before the others.
    pub fn bound(&mut self) {
        if self.open.len() <= MOST_PARTS {
            return;
        }
        let key = |(name, part): (&String, &Part)| {
            (
                part.runs.0.len() > 1,
                part.runs.0.last().map(|run| run.last.until),
                name.clone(),
            )
        };
        let mut order: Vec<_> = self.open.iter().map(key).collect();
        order.sort();
        for (_, _, name) in order.into_iter().take(self.open.len() - MOST_PARTS / 2) {
            self.open.remove(&name);
            self.n_unwatched = self.n_unwatched.saturating_add(1);
        }
    }

    /// The numbers missing inside a part. What was lost before the first number that is here is known
    /// only where the part's name tells when it began, and that is after `since`, the first record of
    /// the stream: older parts were cut off by where the evidence begins.
    pub fn lost(&self, since: Timestamp) -> Vec<Lost> {
        let mut lost = Vec::new();
        for (name, part) in &self.open {
            for pair in part.runs.0.windows(2) {
                if let [before, after] = pair {
                    lost.push(Lost {
                        span: between(before, after, self.lag),
                        at_most: Some(missing(before, after)),
                        cause: Cause::Part,
                        why: missing_numbers(before, after, &format!("of `{}`", printable(name, 60))),
                    });
                }
            }
            lost.extend(self.beheaded(name, part, since));
        }
        lost
    }

    /// How many parts are not watched.
    pub fn n_unwatched(&self) -> u64 {
        self.n_unwatched
    }

    fn beheaded(&self, name: &str, part: &Part, since: Timestamp) -> Option<Lost> {
        let run = part.runs.0.first()?;
        let began = began_at(name)?;
        let known = began >= since && began.0 <= run.first.until && run.from > 1 && self.n_unwatched == 0;
        known.then(|| Lost {
            span: Span::new(began, Timestamp(run.first.until)),
            at_most: Some(run.from.unsigned_abs() - 1),
            cause: Cause::Part,
            why: format!(
                "the numbers before {} of `{}` are missing",
                run.from,
                printable(name, 60)
            ),
        })
    }

    fn open_part(&mut self, name: String, part: Part) {
        if part.is_finished() {
            self.n_finished = self.n_finished.saturating_add(1);
        } else {
            self.open.insert(name, part);
        }
    }
}

impl Part {
    fn is_finished(&self) -> bool {
        matches!(self.runs.0.as_slice(), [run] if run.from == 1 && self.end == Some(run.to))
    }
}

/// Whether the part goes on for as long as its stream: one that is named by a connection, a session or a process
/// ends with that.
pub(super) fn lasts(event: &Event, part: &str) -> bool {
    let passing = [&event.connection, &event.actor_session, &event.issued_session];
    let is_process = event.process_pid.is_some_and(|pid| pid.to_string() == part);
    !is_process && passing.into_iter().flatten().all(|name| name != part)
}

/// The record that a session ends with.
fn ends(event: &Event) -> bool {
    event.class.as_deref() == Some("authentication") && event.activity.as_deref() == Some("Logoff")
}

/// Names as they are, hostile lengths cut and made distinct.
fn short(name: &str) -> String {
    use sha2::{Digest, Sha256};
    if name.len() <= 80 {
        return name.to_owned();
    }
    let head: String = name.chars().take(20).collect();
    format!("{head}…{}", hex::encode(&Sha256::digest(name)[..12]))
}

/// When a database session began, where its name tells: PostgreSQL's `%c` is the second of its start and
/// its process id, both in hexadecimal.
fn began_at(name: &str) -> Option<Timestamp> {
    let (secs, pid) = name.split_once('.')?;
    let hexadecimal = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    if secs.len() != 8 || pid.len() > 8 || !hexadecimal(secs) || !hexadecimal(pid) {
        return None;
    }
    i64::from_str_radix(secs, 16).ok().map(Timestamp::from_secs)
}

impl When {
    fn of(event: &Event) -> Self {
        Self {
            from: event.time.0,
            until: event.time.plus_nanos(event.precision.max(0)).0,
        }
    }

    const fn length(self) -> i64 {
        self.until.saturating_sub(self.from)
    }

    fn hull(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            until: self.until.max(other.until),
        }
    }
}

impl Run {
    fn len(&self) -> u64 {
        self.to.abs_diff(self.from).saturating_add(1)
    }

    /// One run of two that overlap or touch. A number that came twice keeps both of its times.
    fn fused(self, other: Self) -> Self {
        let first = match self.from.cmp(&other.from) {
            std::cmp::Ordering::Less => self.first,
            std::cmp::Ordering::Greater => other.first,
            std::cmp::Ordering::Equal => self.first.hull(other.first),
        };
        let last = match self.to.cmp(&other.to) {
            std::cmp::Ordering::Greater => self.last,
            std::cmp::Ordering::Less => other.last,
            std::cmp::Ordering::Equal => self.last.hull(other.last),
        };
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            first,
            last,
        }
    }

    /// Everything that happened in this span was written after the run's first record and before its
    /// last one. Before the number 1 there is none, so there the first record's own time counts.
    fn proved(&self, lag: i64, whose: &str) -> (Span, String) {
        let from = if matches!(self.from, 0 | 1) {
            self.first.from
        } else {
            self.first.until
        };
        let until = self.last.until.saturating_sub(lag).saturating_add(1);
        let because = format!("the numbers {} to {} {whose} are all here", self.from, self.to);
        (Span::new(Timestamp(from), Timestamp(until)), because)
    }
}

/// When records between these two runs can have happened: up to and with the instant of the next one,
/// for two records may bear the same time.
fn between(before: &Run, after: &Run, lag: i64) -> Span {
    let from = before.last.until.saturating_sub(lag).min(after.first.from);
    let until = after
        .first
        .until
        .max(before.last.from)
        .max(from)
        .saturating_add(1);
    Span::new(Timestamp(from), Timestamp(until))
}

fn missing(before: &Run, after: &Run) -> u64 {
    after.from.abs_diff(before.to).saturating_sub(1)
}

fn missing_numbers(before: &Run, after: &Run, of: &str) -> String {
    let (first, last) = (before.to.saturating_add(1), after.from.saturating_sub(1));
    if first == last {
        format!("the number {first} {of} is missing")
    } else {
        format!("the numbers {first} to {last} {of} are missing")
    }
}

impl Runs {
    fn insert(&mut self, new: Run) {
        let runs = &mut self.0;
        let from = runs.partition_point(|run| run.to < new.from.saturating_sub(1));
        let near = runs[from..].partition_point(|run| run.from <= new.to.saturating_add(1));
        match near {
            0 => runs.insert(from, new),
            _ => {
                let fused = runs[from..from + near]
                    .iter()
                    .fold(new, |all, run| all.fused(*run));
                runs[from] = fused;
                runs.drain(from + 1..from + near);
            }
        }
    }
}

impl From<Packed> for Run {
    fn from((from, more, first, first_length, later, last_length): Packed) -> Self {
        let last = first.wrapping_add(later);
        let when = |at: i64, length| When {
            from: at,
            until: at.wrapping_add(length),
        };
        Self {
            from,
            to: from.wrapping_add(more),
            first: when(first, first_length),
            last: when(last, last_length),
        }
    }
}

impl From<Run> for Packed {
    fn from(run: Run) -> Self {
        let length = |when: When| when.until.wrapping_sub(when.from);
        let later = run.last.from.wrapping_sub(run.first.from);
        let more = run.to.wrapping_sub(run.from);
        (
            run.from,
            more,
            run.first.from,
            length(run.first),
            later,
            length(run.last),
        )
    }
}

const fn is_zero(n: &u64) -> bool {
    *n == 0
}
