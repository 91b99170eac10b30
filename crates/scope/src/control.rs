//! Control facts: which observable was in the intruder's hands, when, how surely, and what shows it.

use crate::{Grade, Hop};
use ambit_event::{Event, EventId, Observable, ObservableKind, Span, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A rule by which control spreads. SCOPE §3 is this table; each row is used in `trace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A person asserted it.
    Seed,
    /// An attributed event handed it out: it is the intruder's own.
    Issued,
    /// An attributed event carries it, and nothing else explains that.
    Carried,
    /// It was first used at an address that is asserted to be the intruder's alone.
    EstablishedThere,
    /// It was seen at an address or device that others may share.
    SharedOrigin,
    /// A controlled session came from there, and its owner never had.
    NewOrigin,
    /// The intruder logged in with it, or set its password.
    CredentialShown,
    /// It lay in a store that the intruder could read.
    Readable,
    /// It lay in such a store, and was seen beside the intruder's origin.
    ReadableAndSeen,
    /// A trusted hop stamped the request, once.
    StampedTrace,
    /// The same trace id, but a client may have chosen it, or it is not unique.
    LooseTrace,
    /// A dedicated database or remote session of a controlled login.
    DedicatedConnection,
    /// A database session that comes, or may come, from a host that the intruder may have been on.
    FromHost,
    /// A session whose issue fell into a gap of the source that records issues.
    UnrecordedIssue,
    /// A job that an attributed event started.
    StartedJob,
    /// Its record names nobody.
    NamesNobody,
}

impl Rule {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Issued => "issued",
            Self::Carried => "carried",
            Self::EstablishedThere => "established_there",
            Self::SharedOrigin => "shared_origin",
            Self::NewOrigin => "new_origin",
            Self::CredentialShown => "credential_shown",
            Self::Readable => "readable",
            Self::ReadableAndSeen => "readable_and_seen",
            Self::StampedTrace => "stamped_trace",
            Self::LooseTrace => "loose_trace",
            Self::DedicatedConnection => "dedicated_connection",
            Self::FromHost => "from_host",
            Self::UnrecordedIssue => "unrecorded_issue",
            Self::StartedJob => "started_job",
            Self::NamesNobody => "names_nobody",
        }
    }

    /// The most that a fact gained by this rule can be.
    #[must_use]
    pub const fn ceiling(self) -> Grade {
        match self {
            Self::Seed
            | Self::Issued
            | Self::Carried
            | Self::EstablishedThere
            | Self::CredentialShown
            | Self::StampedTrace
            | Self::DedicatedConnection
            | Self::StartedJob => Grade::Certain,
            Self::ReadableAndSeen => Grade::Probable,
            Self::SharedOrigin
            | Self::NewOrigin
            | Self::Readable
            | Self::LooseTrace
            | Self::FromHost
            | Self::UnrecordedIssue
            | Self::NamesNobody => Grade::Possible,
        }
    }
}

/// One control fact.
#[derive(Debug, Clone)]
pub struct Fact {
    pub observable: Observable,
    pub span: Span,
    pub grade: Grade,
    /// Index into the hops.
    pub hop: usize,
    /// Nobody else held it: asserted and not contradicted, or handed out to the intruder.
    pub exclusive: bool,
}

/// Everything that is known to be, or not excluded from being, in the intruder's hands.
#[derive(Debug, Default)]
pub struct Control {
    facts: BTreeMap<Observable, Vec<Fact>>,
    /// Since when each account, of whatever realm, may have been in the intruder's hands.
    accounts: BTreeMap<String, Timestamp>,
    hops: Vec<Hop>,
    fresh: Vec<Fact>,
    /// What the evidence says of when control can have been, at the most.
    limits: BTreeMap<Observable, Span>,
    /// Hops without a fact of their own, found again by what they say.
    notes: BTreeMap<String, usize>,
}

/// What a new fact says.
pub struct News<'a> {
    pub rule: Rule,
    pub from: Option<&'a Observable>,
    pub to: Observable,
    pub span: Span,
    pub grade: Grade,
    pub exclusive: bool,
    pub reason: String,
    pub evidence: Option<&'a Event>,
}

const MOST_EVIDENCE: usize = 8;

impl Control {
    /// Adds a fact, unless one that says at least as much is there already.
    pub fn add(&mut self, news: News<'_>) {
        let grade = news.grade.min(news.rule.ceiling());
        let news = News {
            span: self.limited(&news.to, news.span),
            grade,
            ..news
        };
        if news.span.is_empty() {
            return;
        }
        let known = self.facts.entry(news.to.clone()).or_default();
        let stronger =
            |f: &Fact| f.grade >= grade && f.span.covers(news.span) && (f.exclusive || !news.exclusive);
        if known.iter().any(stronger) {
            return;
        }
        if news.to.kind == ObservableKind::Account {
            let since = self
                .accounts
                .entry(news.to.value.clone())
                .or_insert(news.span.from);
            *since = news.span.from.min(*since);
        }
        let hop = self.hops.len();
        let fact = Fact {
            observable: news.to.clone(),
            span: news.span,
            grade,
            hop,
            exclusive: news.exclusive,
        };
        known.push(fact.clone());
        self.fresh.push(fact);
        self.hops.push(hop_of(news));
    }

    /// A hop that gives no fact to ask about, such as the join by trace id; the same one is found again.
    pub fn note(&mut self, news: News<'_>) -> usize {
        let news = News {
            grade: news.grade.min(news.rule.ceiling()),
            ..news
        };
        let hop = hop_of(news);
        let next = self.hops.len();
        let at = *self.notes.entry(hop.id.clone()).or_insert(next);
        if at == next {
            self.hops.push(hop);
        }
        at
    }

    /// Control of this observable can only have been within this span.
    pub fn limit(&mut self, observable: &Observable, within: Span) {
        let limit = self.limits.entry(observable.clone()).or_insert(Span::ALL);
        *limit = Span::new(limit.from.max(within.from), limit.until.min(within.until));
        let limit = *limit;
        for fact in self.facts.get_mut(observable).into_iter().flatten() {
            fact.span = narrow(fact.span, limit);
            if let Some(hop) = self.hops.get_mut(fact.hop) {
                hop.control = fact.span;
            }
        }
    }

    /// The part of a span in which control of the observable can have been.
    #[must_use]
    pub fn limited(&self, observable: &Observable, span: Span) -> Span {
        self.limits
            .get(observable)
            .map_or(span, |limit| narrow(span, *limit))
    }

    /// Facts that nobody asked about yet.
    pub fn take_fresh(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.fresh)
    }

    /// Notes that a hop attributed this event.
    pub fn witnessed(&mut self, hop: usize, event: EventId) {
        if let Some(hop) = self.hops.get_mut(hop) {
            hop.n_events += 1;
            if hop.evidence.len() < MOST_EVIDENCE && !hop.evidence.contains(&event) {
                hop.evidence.push(event);
            }
        }
    }

    pub fn hop_id(&self, hop: usize) -> &str {
        self.hops.get(hop).map_or("", |h| h.id.as_str())
    }

    pub fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values().flatten()
    }

    pub fn of_kind(&self, kind: ObservableKind) -> impl Iterator<Item = &Fact> {
        // Observables are ordered by kind first.
        let of_kind = self.facts.range(Observable::new(kind, "")..);
        of_kind
            .take_while(move |(o, _)| o.kind == kind)
            .flat_map(|(_, facts)| facts)
    }

    /// Since when an account of that name may have been in the intruder's hands, in whatever realm.
    pub fn account_since(&self, account: &str) -> Option<Timestamp> {
        self.accounts.get(account).copied()
    }

    /// The rule that a hop followed.
    pub fn rule_of(&self, hop: usize) -> &str {
        self.hops.get(hop).map_or("", |h| h.rule.as_str())
    }

    /// The hops, ordered by what they say rather than by when they were found; those that attributed
    /// nothing and gave nothing are left out.
    pub fn hops(&self) -> Vec<Hop> {
        let mut hops = self.hops.clone();
        for hop in &mut hops {
            hop.evidence.sort_unstable();
        }
        hops.sort_by(|a, b| {
            (b.grade, &a.rule, &a.to, a.control, &a.id).cmp(&(a.grade, &b.rule, &b.to, b.control, &b.id))
        });
        hops
    }
}

fn narrow(span: Span, limit: Span) -> Span {
    Span::new(span.from.max(limit.from), span.until.min(limit.until))
}

fn hop_of(news: News<'_>) -> Hop {
    Hop {
        id: hop_id(news.rule, news.from, &news.to, news.span, news.grade),
        rule: news.rule.name().to_owned(),
        from: news.from.cloned(),
        to: news.to,
        control: news.span,
        grade: news.grade,
        reason: news.reason,
        evidence: news.evidence.map(|e| e.id).into_iter().collect(),
        n_events: 0,
    }
}

fn hop_id(rule: Rule, from: Option<&Observable>, to: &Observable, span: Span, grade: Grade) -> String {
    let from = from.map(ToString::to_string).unwrap_or_default();
    let text = format!(
        "{}|{from}|{to}|{}|{}|{grade}",
        rule.name(),
        span.from.0,
        span.until.0
    );
    format!("hop:{}", hex::encode(&Sha256::digest(text.as_bytes())[..6]))
}
