//! A detection run: events in, in whichever order; findings out, and what becomes of them.

use crate::allow::AllowList;
use crate::behave::{Around, Behaviours, Seen, Sheet, Watch};
use crate::blind::{self, Unproven};
use crate::correlate::{Arrival, Conclusion, Correlations};
use crate::detector::Detector;
use crate::places::Places;
use crate::rule::{Head, RuleSet};
use crate::stream::{Change, Clock, Limits, Names, Told, Verdict};
use crate::suspect::Board;
use ambit_event::{Event, Fields, Finding, FindingEntry as Entry, FindingId, Level, Timestamp};
use ambit_lake::Coverage;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Events between two looks for what is complete by now; where more groups live, half as many as there are groups, as
/// each look goes over all of them.
const SWEEP: u64 = 20_000;
/// What behaviours remember of habits, in nanoseconds; `first_seen` forgets after as long.
const HABITS: i64 = 90 * 86_400 * 1_000_000_000;
/// Sources whose beginning is remembered.
const MOST_SOURCES: usize = 10_000;

/// How a run is done.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How late an event may be, by the time of the others, in seconds.
    pub lateness_secs: i64,
    /// Most groups of each correlation and each behaviour.
    pub most_groups: usize,
    pub behaviours: Behaviours,
    pub allow: AllowList,
    /// Where addresses are, for the behaviours that ask; `None`: they look for nothing.
    pub places: Option<Arc<Places>>,
}

impl Terms {
    /// With the built-in behaviours, an hour for late events and a million groups.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lateness_secs: 3600,
            most_groups: 1_000_000,
            behaviours: Behaviours::default(),
            allow: AllowList::default(),
            places: None,
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self::new()
    }
}

/// What a run saw and did, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RunTally {
    pub n_events: u64,
    /// Events that no rule is about.
    pub n_beside: u64,
    pub n_raised: u64,
    pub n_corrected: u64,
    pub n_withdrawn: u64,
    /// Findings that an allow-list kept back.
    pub n_allowed: u64,
    /// Matches of rules without a field that a correlation groups by.
    pub n_without_group: u64,
    #[serde(flatten)]
    pub limits: Limits,
}

/// Rules, correlations and behaviours over a stream of events.
///
/// Events may come in any order. Whatever it is, the same findings stand at the end, as long as no event is later
/// than allowed and nothing had to be given up: [`RunTally::limits`] tells.
pub struct Run {
    detector: Detector,
    asked: BTreeSet<String>,
    /// Nanoseconds.
    look_back: i64,
    correlations: Correlations,
    watches: Vec<Box<dyn Watch>>,
    behaviours: Behaviours,
    allow: AllowList,
    places: Option<Arc<Places>>,
    clock: Clock,
    /// The earliest record of each source.
    since: BTreeMap<String, Timestamp>,
    /// Where one of them came after others: what was told of these rests on a later beginning.
    beginnings: Option<Late>,
    names: RefCell<Names>,
    tally: RunTally,
    /// What was concluded beside the run and is on the allow-list.
    allowed_beside: BTreeSet<FindingId>,
    /// After so many events.
    next_sweep: u64,
}

/// How late the first record of a source came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Late {
    WithinLateness,
    BeyondLateness,
}

/// An event that rules were asked about, without its fields: nothing else asks for them.
#[derive(Debug)]
pub struct Judged {
    event: Event,
    answers: Answers,
}

impl Judged {
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// What it takes in memory, about.
    pub(crate) fn n_bytes(&self) -> usize {
        let event = self.event.n_text_bytes() + self.event.provenance.evidence.0.len();
        let findings = self.answers.findings.iter().flatten();
        let of_findings: usize = findings.map(n_bytes_of).sum();
        let of_keys: usize = self.answers.arrivals.iter().map(Arrival::n_bytes).sum();
        size_of::<Self>() + ALLOCATED + event + of_findings + of_keys
    }
}

/// What the allocator takes beside the texts of an event, about.
const ALLOCATED: usize = 128;

fn n_bytes_of(finding: &Finding) -> usize {
    let actor: usize = finding.actor.iter().map(|one| one.value.len()).sum();
    let texts = finding.rule_id.len() + finding.title.len() + finding.source.len();
    size_of::<Finding>() + ALLOCATED + texts + actor
}

/// What rules say of one event.
#[derive(Debug)]
struct Answers {
    /// `None` where no rule is about such events.
    findings: Option<Vec<Finding>>,
    arrivals: Vec<Arrival>,
    /// Matches without a field that a correlation groups by.
    n_without: u64,
}

/// What all correlations are asked at a time, with who hears what they conclude.
type AskAll = fn(&mut Correlations, &Clock, &mut dyn FnMut(Conclusion<'_>));

impl Run {
    #[must_use]
    pub fn new(rules: &RuleSet, terms: Terms) -> Self {
        let correlations = Correlations::new(rules, terms.most_groups);
        let watches = terms.behaviours.watches(terms.most_groups);
        let heads = rules.rules().iter().map(|rule| &rule.head);
        let heads = heads.chain(rules.correlations().iter().map(|rule| &rule.head));
        let ids = heads.map(|head| head.id.clone());
        Self {
            detector: Detector::new(rules),
            asked: ids
                .chain(watches.iter().map(|watch| watch.sheet().id.to_owned()))
                .collect(),
            look_back: correlations
                .longest()
                .max(if watches.is_empty() { 0 } else { HABITS }),
            correlations,
            watches,
            behaviours: terms.behaviours,
            allow: terms.allow,
            places: terms.places,
            clock: Clock::new(terms.lateness_secs.saturating_mul(1_000_000_000)),
            since: BTreeMap::new(),
            beginnings: None,
            names: RefCell::default(),
            tally: RunTally::default(),
            allowed_beside: BTreeSet::new(),
            next_sweep: SWEEP,
        }
    }

    /// Rules whose log source is none that is read here.
    pub fn idle(&self) -> impl Iterator<Item = &Head> {
        self.detector.idle()
    }

    /// The ids of the rules, correlations and behaviours.
    #[must_use]
    pub const fn asked(&self) -> &BTreeSet<String> {
        &self.asked
    }

    /// The sources whose events it is about; `None` where that is every source.
    #[must_use]
    pub fn sources(&self) -> Option<BTreeSet<String>> {
        self.watches
            .is_empty()
            .then(|| self.detector.sources().map(str::to_owned).collect())
    }

    #[must_use]
    pub fn n_behaviours(&self) -> usize {
        self.watches.len()
    }

    /// How long before an event others can matter to what is found over it, in nanoseconds: the longest window, and
    /// with behaviours 90 days of habits.
    #[must_use]
    pub const fn look_back(&self) -> i64 {
        self.look_back
    }

    #[must_use]
    pub fn tally(&self) -> RunTally {
        RunTally {
            n_allowed: self.tally.n_allowed + self.allowed_beside.len() as u64,
            n_without_group: self.correlations.n_without_group(),
            limits: self.limits(),
            ..self.tally.clone()
        }
    }

    /// Whether nothing came too late so far, and nothing was given up.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.limits().is_exact() && self.beginnings.is_none()
    }

    /// Whether an event came later than is allowed that could matter to what was told before.
    #[must_use]
    pub fn is_too_late(&self) -> bool {
        self.limits().n_too_late > 0 || self.beginnings == Some(Late::BeyondLateness)
    }

    fn limits(&self) -> Limits {
        let mut limits = self.correlations.limits();
        for watch in &self.watches {
            limits.add(&watch.limits());
        }
        limits
    }

    /// The allow-list, with how often each of its entries held a finding back.
    #[must_use]
    pub fn allow_list(&self) -> &AllowList {
        &self.allow
    }

    /// Asks the rules about an event. What they say is the same whichever events come before it, so that they can be
    /// asked while the event is at hand, and its turn may come later.
    #[must_use]
    pub fn judge(&self, mut event: Event) -> Judged {
        let answers = self.ask(&event);
        event.fields = Fields::default();
        event.raw = Vec::new();
        Judged { event, answers }
    }

    fn ask(&self, event: &Event) -> Answers {
        let (mut arrivals, mut n_without) = (Vec::new(), 0);
        let correlations = &self.correlations;
        let findings = self
            .detector
            .ask(event, correlations.silent(), &mut |rule, view| {
                arrivals.extend(correlations.arrivals(rule, view, &mut n_without));
            });
        Answers {
            findings,
            arrivals,
            n_without,
        }
    }

    /// Takes in an event, and tells what it changes.
    pub fn take(&mut self, event: &Event) -> Vec<Entry> {
        let answers = self.ask(event);
        self.take_in(event, answers)
    }

    /// The same for one that the rules were asked about.
    pub fn take_judged(&mut self, judged: Judged) -> Vec<Entry> {
        self.take_in(&judged.event, judged.answers)
    }

    fn take_in(&mut self, event: &Event, answers: Answers) -> Vec<Entry> {
        self.tally.n_events += 1;
        self.tally.n_beside += u64::from(answers.findings.is_none());
        self.clock.see(event.time);
        self.note_source(event);
        let around = Around {
            since: &self.since,
            places: self.places.as_deref(),
            names: &self.names,
        };
        let seen = Seen::new(event, around);
        let single = answers.findings.into_iter().flatten();
        let mut entries: Vec<Entry> = single.map(|finding| Entry::Raised { finding }).collect();
        self.correlations.count_without_group(answers.n_without);
        let clock = &self.clock;
        if !answers.arrivals.is_empty() {
            self.correlations
                .take(answers.arrivals, event, &seen.who(), clock, &mut |conclusion| {
                    entries.push(told(conclusion));
                });
        }
        for watch in &mut self.watches {
            let sheet = watch.sheet();
            let changes = watch.take(&seen, clock);
            entries.extend(changes.into_iter().map(|change| noted(&sheet, change)));
        }
        if self.tally.n_events >= self.next_sweep {
            entries.extend(self.over());
            self.next_sweep = self.tally.n_events + SWEEP.max(self.limits().n_groups / 2);
        }
        self.let_through(entries)
    }

    /// Notes since when the source is watched. What is watched for a short time alone has no habits yet; where the
    /// beginning comes late, it is taken for that much shorter.
    fn note_source(&mut self, event: &Event) {
        if let Some(since) = self.since.get_mut(&event.source) {
            if event.time < *since {
                let late = match event.time < self.clock.horizon() {
                    true => Late::BeyondLateness,
                    false => Late::WithinLateness,
                };
                self.beginnings = self.beginnings.max(Some(late));
                *since = event.time;
            }
        } else if self.since.len() < MOST_SOURCES {
            self.since.insert(event.source.clone(), event.time);
        }
    }

    /// Tells all that there is to be told by now, as if nothing more came; what comes may revise it.
    pub fn catch_up(&mut self) -> Vec<Entry> {
        let mut entries = self.each(Correlations::catch_up, |watch, clock| watch.catch_up(clock));
        entries.extend(self.over());
        self.let_through(entries)
    }

    /// Tells what remains to be told of what is over by now, by the time of the events.
    fn over(&mut self) -> Vec<Entry> {
        self.each(Correlations::sweep, |watch, clock| watch.sweep(clock))
    }

    /// Tells what remains to be told, as nothing more comes.
    pub fn finish(&mut self) -> Vec<Entry> {
        let entries = self.each(Correlations::finish, |watch, clock| watch.finish(clock));
        self.let_through(entries)
    }

    /// What correlations and behaviours tell where each is asked so.
    fn each(
        &mut self,
        correlations: AskAll,
        watches: fn(&mut dyn Watch, &Clock) -> Vec<Change>,
    ) -> Vec<Entry> {
        let (mut entries, clock) = (Vec::new(), &self.clock);
        correlations(&mut self.correlations, clock, &mut |conclusion| {
            entries.push(told(conclusion));
        });
        for watch in &mut self.watches {
            let sheet = watch.sheet();
            let changes = watches(watch.as_mut(), clock).into_iter();
            entries.extend(changes.map(|change| noted(&sheet, change)));
        }
        entries
    }

    /// Takes findings off the board that miss something which a gap of the coverage may hide: whether they hold is
    /// unknown, and to be told as that.
    pub fn take_out_unproven(&self, board: &mut Board, coverage: &Coverage) -> Vec<Unproven> {
        let unproven = blind::unproven(&board.findings(), &self.behaviours, coverage);
        for one in &unproven {
            board.take_out(one.finding.id);
        }
        unproven
    }

    /// Whether a finding that was concluded beside the run is on the allow-list; it is counted then.
    pub fn is_allowed(&mut self, finding: &Finding) -> bool {
        let is_allowed = self.allow.holds(finding);
        if is_allowed {
            self.allowed_beside.insert(finding.id);
        }
        is_allowed
    }

    /// What was concluded beside the run is concluded anew.
    pub fn forget_beside(&mut self) {
        self.allowed_beside.clear();
    }

    /// Keeps back what is allowed, and counts the rest.
    fn let_through(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let allow = &mut self.allow;
        let tally = &mut self.tally;
        let is_told = |entry: &Entry| {
            let is_allowed = match entry {
                Entry::Raised { finding } | Entry::Corrected { finding, .. } => allow.holds(finding),
                Entry::Withdrawn { .. } => false,
            };
            match entry {
                // What becomes of one that was kept back is no other.
                Entry::Raised { .. } if is_allowed => tally.n_allowed += 1,
                _ if is_allowed => {}
                Entry::Raised { .. } => tally.n_raised += 1,
                Entry::Corrected { .. } => tally.n_corrected += 1,
                Entry::Withdrawn { .. } => tally.n_withdrawn += 1,
            }
            !is_allowed
        };
        entries.into_iter().filter(is_told).collect()
    }
}

/// What is said of every finding of a rule or behaviour.
struct Label<'a> {
    id: &'a str,
    title: &'a str,
    level: Option<Level>,
    attack: Vec<String>,
}

fn told(conclusion: Conclusion<'_>) -> Entry {
    let head = conclusion.head;
    let label = Label {
        id: &head.id,
        title: &head.title,
        level: head.level,
        attack: head.techniques().collect(),
    };
    entry(&label, conclusion.change)
}

fn noted(sheet: &Sheet, change: Change) -> Entry {
    let label = Label {
        id: sheet.id,
        title: sheet.title,
        level: Some(sheet.level),
        attack: sheet.attack.iter().map(|id| (*id).to_owned()).collect(),
    };
    entry(&label, change)
}

fn entry(label: &Label<'_>, change: Change) -> Entry {
    match change {
        Change::Raised(told, verdict) => Entry::Raised {
            finding: finding(label, told, verdict),
        },
        Change::Corrected(before, told, verdict) => Entry::Corrected {
            before: before.id,
            finding: finding(label, told, verdict),
        },
        Change::Withdrawn(before) => Entry::Withdrawn {
            before: before.id,
            rule_id: label.id.to_owned(),
        },
    }
}

fn finding(label: &Label<'_>, told: Told, verdict: Verdict) -> Finding {
    Finding {
        id: told.id,
        rule_id: label.id.to_owned(),
        title: label.title.to_owned(),
        level: verdict.level.or(label.level),
        attack: match verdict.attack.is_empty() {
            true => label.attack.clone(),
            false => verdict.attack.iter().map(|id| (*id).to_owned()).collect(),
        },
        time: verdict.since(),
        until: verdict.until,
        source: verdict.who.source.to_string(),
        host: verdict.who.host.as_ref().map(ToString::to_string),
        actor: verdict.who.actor.to_vec(),
        because: verdict.because,
        events: verdict.events.iter().map(|at| at.id).collect(),
        n_events: verdict.n_events,
    }
}
