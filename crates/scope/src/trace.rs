//! The walk from the seeds: rounds in which control facts attribute events, and attributed events give
//! new control facts, until nothing new comes or the budget is spent.
//!
//! It never decides whose data was reached (that is `account`), and never assumes that somebody else
//! did not use a thing: without evidence or an assertion of that, what it attributes is *possible*.

use crate::control::{Control, Fact, News, Rule};
use crate::map::{Channel, Credential, DataMap, Principal, Reach, ReachContext, Segment};
use crate::origin::{History, Origins, has_origin, is_datastore, origin_of};
use crate::{Error, Grade, Seed};
use ambit_event::{Column, Event, EventId, Observable, ObservableKind, Outcome, Span, Timestamp};
use ambit_lake::{Coverage, CoverageState, Filter, Lake, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

/// How far a trace may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Events that may be attributed; what lies beyond goes into the upper bound.
    pub max_events: usize,
    /// Rounds of the closure.
    pub max_rounds: usize,
    /// Nanoseconds by which two sources' clocks may differ where nothing shows the difference.
    pub clock_tolerance: i64,
}

impl Config {
    /// The budget for one machine: 200,000 events, 64 rounds, clocks within two seconds.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            max_events: 200_000,
            max_rounds: 64,
            clock_tolerance: 2_000_000_000,
        }
    }
}

/// An attributed event.
#[derive(Debug, Clone)]
pub struct Carried {
    pub event: Event,
    pub grade: Grade,
    /// The hops that attribute it, as indices.
    pub hops: BTreeSet<usize>,
    /// Whether it gives new control facts; false for what is possible only because everything is.
    spreads: bool,
}

/// The walk and what it found.
pub struct Trace<'a> {
    lake: &'a Lake,
    map: Option<&'a DataMap>,
    /// What the sources saw, with what the intruder may have taken out of them taken into account.
    pub coverage: Coverage,
    config: &'a Config,
    pub control: Control,
    pub attributed: BTreeMap<EventId, Carried>,
    /// Session to the one account that it belongs to, where that is known.
    pub accounts: BTreeMap<String, String>,
    /// Why the walk stopped early, where it did.
    pub cut: Option<String>,
    /// What speaks against an assertion: the seed's sentence, and why it fell back.
    pub contradictions: BTreeMap<String, String>,
    /// Facts whose hop attributed anything, by index.
    kinds: BTreeMap<usize, (ObservableKind, bool, Observable)>,
    raised: BTreeSet<EventId>,
    homes: BTreeMap<Observable, Origins>,
    earliest: Timestamp,
    readable: BTreeMap<(ObservableKind, Timestamp), usize>,
}

/// Which side of a shared session an event is on.
enum Side {
    Owner,
    /// An origin that the owner never had; `true` where both sides were provably active at once.
    New(bool),
    /// The record does not say from where it came.
    Unsaid,
}

const CHUNK: usize = 400;

impl<'a> Trace<'a> {
    /// Walks from the seeds to the end.
    ///
    /// # Errors
    /// Where the lake cannot answer.
    pub async fn walk(
        lake: &'a Lake,
        seeds: &[Seed],
        map: Option<&'a DataMap>,
        coverage: Coverage,
        config: &'a Config,
    ) -> Result<Trace<'a>, Error> {
        let mut trace = Trace {
            lake,
            map,
            coverage,
            config,
            control: Control::default(),
            attributed: BTreeMap::new(),
            accounts: BTreeMap::new(),
            cut: None,
            contradictions: BTreeMap::new(),
            kinds: BTreeMap::new(),
            raised: BTreeSet::new(),
            homes: BTreeMap::new(),
            earliest: Timestamp::MAX,
            readable: BTreeMap::new(),
        };
        trace.sow(seeds).await?;
        trace.close().await?;
        trace.unrecorded_issues().await?;
        trace.close().await?;
        for (host, since) in trace.hosts() {
            degrade(&mut trace.coverage, &host, since);
        }
        Ok(trace)
    }

    async fn sow(&mut self, seeds: &[Seed]) -> Result<(), Error> {
        let seeds: Vec<&Seed> = seeds.iter().filter(|s| !s.is_method()).collect();
        for seed in &seeds {
            let first = match (seed.from, seed.observable.kind) {
                (Some(from), _) => Some(from),
                // Nothing tells since when: its whole history may be the intruder's.
                (None, ObservableKind::Account) => Some(Timestamp::MIN),
                (None, _) => self.first_seen(&seed.observable).await?,
            };
            self.earliest = self.earliest.min(first.unwrap_or(Timestamp::MAX));
        }
        for seed in seeds {
            let against = match &seed.exclusive {
                Some(_) => self.contradiction(seed).await?,
                None => None,
            };
            let exclusive = seed.exclusive.is_some() && against.is_none();
            let grade = if against.is_some() {
                fallback_grade(seed)
            } else {
                seed.grade
            };
            let reason = match &seed.exclusive {
                Some(why) if exclusive => format!("asserted, with nobody else using it: {why}"),
                _ => "asserted".to_owned(),
            };
            if let Some(why) = against {
                self.contradictions.insert(seed.sentence(), why);
            }
            self.control.add(News {
                rule: Rule::Seed,
                from: None,
                to: seed.observable.clone(),
                span: seed.span(),
                grade,
                exclusive,
                reason,
                evidence: None,
            });
        }
        Ok(())
    }

    async fn first_seen(&self, observable: &Observable) -> Result<Option<Timestamp>, Error> {
        let Some(filter) = filter_for(observable) else {
            return Ok(None);
        };
        let query = Query {
            filter,
            span: Span::ALL,
            limit: Some(1),
        };
        Ok(self.lake.events(&query).await?.first().map(|e| e.time))
    }

    /// What speaks against "nobody else used it": a principal with a history of its own there.
    async fn contradiction(&self, seed: &Seed) -> Result<Option<String>, Error> {
        let Some(filter) = filter_for(&seed.observable) else {
            return Ok(None);
        };
        match seed.observable.kind {
            ObservableKind::Address | ObservableKind::Device | ObservableKind::UserAgent => {
                let Some(from) = seed.from else { return Ok(None) };
                let before = self
                    .lake
                    .events(&Query::of(filter.clone()).within(Span::new(Timestamp::MIN, from)))
                    .await?;
                let after = self.lake.events(&Query::of(filter).within(seed.span())).await?;
                Ok(shared_principal(&before, &after)
                    .map(|who| format!("{who} has a history of its own there, from before")))
            }
            ObservableKind::Session | ObservableKind::Token => {
                let used = self.lake.events(&Query::of(filter).within(seed.span())).await?;
                let accounts: BTreeSet<String> = used
                    .iter()
                    .filter(|e| !is_datastore(e))
                    .filter_map(|e| e.actor_user.clone())
                    .collect();
                let first = used.iter().map(|e| e.time).min().unwrap_or(Timestamp::MIN);
                let home = History::before(self.lake, &accounts, first)
                    .await?
                    .origins(&accounts, first);
                let at_home = used.iter().find(|e| has_origin(e) && home.is_home(e));
                Ok(at_home.map(|e| {
                    format!(
                        "event {} comes from an address or device that its owner used before",
                        e.id
                    )
                }))
            }
            _ => Ok(None),
        }
    }

    async fn close(&mut self) -> Result<(), Error> {
        for _ in 0..self.config.max_rounds {
            let fresh = self.control.take_fresh();
            let raised = std::mem::take(&mut self.raised);
            if fresh.is_empty() && raised.is_empty() {
                return Ok(());
            }
            self.pivot(raised).await?;
            self.carry(fresh).await?;
            if self.attributed.len() > self.config.max_events {
                self.cut = Some(format!(
                    "the trace was cut at {} attributed events, its budget; what lies beyond stays possible",
                    self.config.max_events
                ));
                return Ok(());
            }
        }
        self.cut = Some(format!(
            "the trace was cut after {} rounds, its budget",
            self.config.max_rounds
        ));
        Ok(())
    }

    // ---- control facts attribute events ----

    async fn carry(&mut self, fresh: Vec<Fact>) -> Result<(), Error> {
        let mut by_kind: BTreeMap<ObservableKind, Vec<Fact>> = BTreeMap::new();
        for fact in fresh {
            self.kinds.insert(
                fact.hop,
                (fact.observable.kind, fact.exclusive, fact.observable.clone()),
            );
            by_kind.entry(fact.observable.kind).or_default().push(fact);
        }
        for (kind, facts) in by_kind {
            for facts in facts.chunks(CHUNK) {
                match kind {
                    ObservableKind::Session | ObservableKind::Token => {
                        self.carry_credentials(kind, facts).await?
                    }
                    ObservableKind::Event => self.carry_events(facts).await?,
                    ObservableKind::AppVersion | ObservableKind::Route | ObservableKind::Host => {}
                    _ => self.carry_plainly(kind, facts).await?,
                }
            }
        }
        Ok(())
    }

    async fn carry_events(&mut self, facts: &[Fact]) -> Result<(), Error> {
        for fact in facts {
            let Some(filter) = filter_for(&fact.observable) else {
                continue;
            };
            for event in self.lake.events(&Query::of(filter)).await? {
                self.attribute(event, fact.grade, fact.hop, Spread::Yes);
            }
        }
        Ok(())
    }

    /// Accounts, origins, connections and trace seeds: what carries them is the intruder's as far as
    /// nobody else can have used them.
    async fn carry_plainly(&mut self, kind: ObservableKind, facts: &[Fact]) -> Result<(), Error> {
        let Some(column) = kind.column() else {
            return Ok(());
        };
        let span = facts
            .iter()
            .map(|f| f.span)
            .reduce(Span::hull)
            .unwrap_or(Span::ALL);
        let values: BTreeSet<&str> = facts.iter().map(|f| f.observable.value.as_str()).collect();
        let events = self
            .lake
            .events(&Query::of(Filter::one_of(column, values)).within(span))
            .await?;
        for event in events {
            for fact in facts.iter().filter(|f| concerns(f, column, &event)) {
                let certain = match kind {
                    ObservableKind::Connection => !self.is_pooled(&event),
                    _ => fact.exclusive,
                };
                let grade = if certain && fact.span.covers(event.when()) {
                    fact.grade
                } else {
                    Grade::Possible
                };
                self.attribute(event.clone(), grade, fact.hop, Spread::Yes);
            }
        }
        Ok(())
    }

    /// Sessions, tokens and keys: the owner may share them.
    async fn carry_credentials(&mut self, kind: ObservableKind, facts: &[Fact]) -> Result<(), Error> {
        let (used_in, issued_in) = match kind {
            ObservableKind::Session => (Column::ActorSession, Column::IssuedSession),
            _ => (Column::ActorCredential, Column::IssuedCredential),
        };
        let values: BTreeSet<&str> = facts.iter().map(|f| f.observable.value.as_str()).collect();
        let used = self
            .lake
            .events(&Query::of(Filter::one_of(used_in, values.iter().copied())))
            .await?;
        let issued = self
            .lake
            .events(&Query::of(Filter::one_of(issued_in, values)))
            .await?;
        let used = group_by(used, used_in);
        let issued = group_by(issued, issued_in);
        let owners: BTreeMap<&str, BTreeSet<String>> = facts
            .iter()
            .map(|f| f.observable.value.as_str())
            .map(|value| (value, accounts_in(used.get(value), issued.get(value))))
            .collect();
        let everyone: BTreeSet<String> = owners.values().flatten().cloned().collect();
        let latest = used
            .values()
            .chain(issued.values())
            .flatten()
            .map(|e| e.time)
            .max()
            .unwrap_or(Timestamp::MIN);
        let history = History::before(self.lake, &everyone, latest).await?;
        for fact in facts {
            let value = fact.observable.value.as_str();
            let accounts = owners.get(value).cloned().unwrap_or_default();
            let none = Vec::new();
            let events = used.get(value).unwrap_or(&none);
            let issues = issued.get(value).unwrap_or(&none);
            let home = self.owners_side(fact, &accounts, &history, events, issues);
            self.carry_credential(fact, events, issues, &home);
            if let (1, Some(account)) = (accounts.len(), accounts.first()) {
                self.accounts.insert(value.to_owned(), account.clone());
            }
            // For the next hop only what lies before any seed tells where the owner is at home.
            let home = if fact.exclusive {
                Origins::default()
            } else {
                history.origins(&accounts, self.earliest)
            };
            self.homes.insert(fact.observable.clone(), home);
        }
        Ok(())
    }

    /// The owner's origins: those of its accounts before the credential was first seen, and those of the
    /// credential itself before a person says that control began. An account that the intruder may
    /// already have had by then tells nothing.
    fn owners_side(
        &self,
        fact: &Fact,
        accounts: &BTreeSet<String>,
        history: &History,
        events: &[Event],
        issues: &[Event],
    ) -> Origins {
        let first = events
            .iter()
            .chain(issues)
            .map(|e| e.time)
            .min()
            .unwrap_or(Timestamp::MIN);
        let taken = |account: &String| {
            self.control
                .of_kind(ObservableKind::Account)
                .any(|f| f.observable.value == *account && f.span.from < first)
        };
        let mut home = match fact.exclusive || accounts.iter().any(taken) {
            true => Origins::default(),
            false => history.origins(accounts, first),
        };
        if fact.span.from > Timestamp::MIN && !fact.exclusive {
            events
                .iter()
                .filter(|e| e.when().until <= fact.span.from)
                .for_each(|e| home.note(e));
        }
        home
    }

    fn carry_credential(&mut self, fact: &Fact, events: &[Event], issues: &[Event], home: &Origins) {
        if let Some(issue) = issues
            .iter()
            .filter(|e| e.outcome == Outcome::Success)
            .map(|e| e.time)
            .min()
        {
            self.control
                .limit(&fact.observable, Span::new(issue, Timestamp::MAX));
        }
        let span = self.control.limited(&fact.observable, fact.span);
        let sides = sides(events, home);
        for (event, side) in events.iter().zip(sides) {
            if !event.when().overlaps(span) {
                continue;
            }
            let grade = match side {
                _ if !span.covers(event.when()) => Grade::Possible,
                _ if fact.exclusive => fact.grade,
                Side::New(true) => fact.grade,
                Side::New(false) => fact.grade.min(Grade::Probable),
                Side::Owner | Side::Unsaid => Grade::Possible,
            };
            self.attribute(event.clone(), grade, fact.hop, Spread::Yes);
        }
        if let Some(end) = self.denied_everywhere(events) {
            self.control
                .limit(&fact.observable, Span::new(Timestamp::MIN, end));
        }
    }

    /// The instant from which every source that accepted the credential denies it, with no success after.
    fn denied_everywhere(&self, events: &[Event]) -> Option<Timestamp> {
        let accepting: BTreeSet<&str> = events
            .iter()
            .filter(|e| e.outcome == Outcome::Success && has_origin(e))
            .map(|e| e.source.as_str())
            .collect();
        let declared = self
            .map
            .into_iter()
            .flat_map(|m| &m.channels)
            .filter(|c| matches!(c.principal, Principal::Session | Principal::Token));
        let accepting: BTreeSet<&str> = declared
            .map(|c| c.attributing.as_str())
            .chain(accepting)
            .collect();
        let mut end = None;
        for source in accepting {
            let last_success = events
                .iter()
                .filter(|e| e.source == source && e.outcome != Outcome::Denied)
                .map(|e| e.when().until)
                .max();
            let denied = events
                .iter()
                .filter(|e| {
                    e.source == source
                        && e.outcome == Outcome::Denied
                        && e.status_code.as_deref() == Some("401")
                })
                .map(|e| e.when().until)
                .find(|at| last_success.is_none_or(|last| *at >= last))?;
            end = end.max(Some(denied));
        }
        end
    }

    fn attribute(&mut self, event: Event, grade: Grade, hop: usize, spread: Spread) {
        let id = event.id;
        let spreads = spread == Spread::Yes;
        match self.attributed.get_mut(&id) {
            Some(known) => {
                if known.hops.insert(hop) {
                    self.control.witnessed(hop, id);
                }
                let news = grade > known.grade || (spreads && !known.spreads);
                known.grade = known.grade.max(grade);
                known.spreads |= spreads;
                if news {
                    self.raised.insert(id);
                }
            }
            None => {
                self.control.witnessed(hop, id);
                self.attributed.insert(
                    id,
                    Carried {
                        event,
                        grade,
                        hops: BTreeSet::from([hop]),
                        spreads,
                    },
                );
                self.raised.insert(id);
            }
        }
    }

    // ---- attributed events give control facts ----

    async fn pivot(&mut self, raised: BTreeSet<EventId>) -> Result<(), Error> {
        let carried: Vec<Carried> = raised
            .iter()
            .filter_map(|id| self.attributed.get(id))
            .cloned()
            .collect();
        let mut settle = Vec::new();
        for c in carried.iter().filter(|c| c.spreads) {
            self.pivot_issued(c);
            self.pivot_credentials(c, &mut settle);
            self.pivot_origin(c);
            self.pivot_login(c);
            self.pivot_connection(c);
            self.pivot_effects(c).await?;
        }
        self.pivot_established(settle).await?;
        self.pivot_traces(&carried).await?;
        self.pivot_pooled(&carried).await
    }

    fn pivot_issued(&mut self, c: &Carried) {
        if c.event.outcome == Outcome::Denied {
            return;
        }
        let from = self.cause(c);
        for (kind, value) in [
            (ObservableKind::Session, &c.event.issued_session),
            (ObservableKind::Token, &c.event.issued_credential),
        ] {
            let Some(value) = value else { continue };
            self.control.add(News {
                rule: Rule::Issued,
                from: from.as_ref(),
                to: Observable::new(kind, value.clone()),
                span: Span::new(c.event.time, Timestamp::MAX),
                grade: c.grade,
                exclusive: c.grade > Grade::Possible,
                reason: "an attributed event handed it out".to_owned(),
                evidence: Some(&c.event),
            });
        }
    }

    /// The credential that an attributed event carries is in the intruder's hands too.
    fn pivot_credentials(&mut self, c: &Carried, settle: &mut Vec<(Observable, Carried)>) {
        let carried = [
            (ObservableKind::Session, &c.event.actor_session),
            (ObservableKind::Token, &c.event.actor_credential),
        ];
        for (kind, value) in carried {
            let Some(value) = value else { continue };
            let to = Observable::new(kind, value.clone());
            let by: Vec<_> = c.hops.iter().filter_map(|h| self.kinds.get(h)).collect();
            if by.iter().any(|(_, _, o)| *o == to) {
                continue;
            }
            let by_origin = by.iter().all(|(k, _, _)| is_origin(*k)) && !by.is_empty();
            if by_origin && by.iter().any(|(_, exclusive, _)| *exclusive) {
                settle.push((to, c.clone()));
                continue;
            }
            let rule = if by_origin {
                Rule::SharedOrigin
            } else {
                Rule::Carried
            };
            self.control.add(News {
                rule,
                from: self.cause(c).as_ref(),
                to,
                span: Span::ALL,
                grade: c.grade,
                exclusive: false,
                reason: match rule {
                    Rule::SharedOrigin => "it was used from an origin that others may share".to_owned(),
                    _ => "an attributed event carries it".to_owned(),
                },
                evidence: Some(&c.event),
            });
        }
    }

    /// Sessions at an origin that is asserted to be the intruder's alone: certain where they were first
    /// established there, possible where they came from elsewhere.
    async fn pivot_established(&mut self, settle: Vec<(Observable, Carried)>) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for (to, c) in settle {
            if !seen.insert(to.clone()) {
                continue;
            }
            let Some(used) = to.kind.column() else { continue };
            let issued = if to.kind == ObservableKind::Session {
                Column::IssuedSession
            } else {
                Column::IssuedCredential
            };
            let filter = Filter::Any(vec![Filter::eq(used, &to.value), Filter::eq(issued, &to.value)]);
            let events = self.lake.events(&Query::of(filter)).await?;
            let first = events.iter().find(|e| e.src_ip.is_some());
            let there = first.is_some_and(|f| {
                origin_of(f).0 == c.event.src_ip.as_deref() && self.attributed.contains_key(&f.id)
            });
            let rule = if there {
                Rule::EstablishedThere
            } else {
                Rule::SharedOrigin
            };
            self.control.add(News {
                rule,
                from: self.cause(&c).as_ref(),
                to,
                span: Span::ALL,
                grade: c.grade,
                exclusive: false,
                reason: match rule {
                    Rule::EstablishedThere => {
                        "it was first used at an origin that is asserted to be the intruder's alone"
                            .to_owned()
                    }
                    _ => "it was used at the intruder's origin, and comes from elsewhere".to_owned(),
                },
                evidence: Some(&c.event),
            });
        }
        Ok(())
    }

    /// Where a controlled session came from, and its owner never had been.
    fn pivot_origin(&mut self, c: &Carried) {
        if is_datastore(&c.event) {
            return;
        }
        let credentials = c
            .hops
            .iter()
            .filter_map(|h| self.kinds.get(h))
            .filter(|(k, _, _)| is_credential(*k));
        let credentials: Vec<Observable> = credentials.map(|(_, _, o)| o.clone()).collect();
        for credential in credentials {
            let home = self.homes.get(&credential).cloned().unwrap_or_default();
            let new = [
                (
                    ObservableKind::Address,
                    c.event.src_ip.as_deref().filter(|a| !home.holds_address(a)),
                ),
                (
                    ObservableKind::Device,
                    c.event.device.as_deref().filter(|d| !home.holds_device(d)),
                ),
            ];
            for (kind, value) in new {
                let Some(value) = value else { continue };
                self.control.add(News {
                    rule: Rule::NewOrigin,
                    from: Some(&credential),
                    to: Observable::new(kind, value),
                    span: Span::ALL,
                    grade: c.grade,
                    exclusive: false,
                    reason: "a controlled session came from there, and its owner is not known to have"
                        .to_owned(),
                    evidence: Some(&c.event),
                });
            }
        }
    }

    /// A login that the intruder did shows that the account's password or key is in its hands.
    fn pivot_login(&mut self, c: &Carried) {
        let logon = c.event.activity.as_deref() == Some("Logon") || c.event.issued_session.is_some();
        let Some(user) = c
            .event
            .actor_user
            .as_ref()
            .filter(|_| logon && c.event.outcome == Outcome::Success)
        else {
            return;
        };
        if self.is_pooled(&c.event) {
            return;
        }
        self.control.add(News {
            rule: Rule::CredentialShown,
            from: self.cause(c).as_ref(),
            to: Observable::account(c.event.actor_realm.as_deref().unwrap_or(""), user.clone()),
            span: Span::new(c.event.time, Timestamp::MAX),
            grade: c.grade,
            exclusive: false,
            reason: "the intruder logged in with it".to_owned(),
            evidence: Some(&c.event),
        });
    }

    /// A database or remote session that a controlled login opened.
    fn pivot_connection(&mut self, c: &Carried) {
        let Some(connection) = c.event.connection.as_ref().filter(|_| !self.is_pooled(&c.event)) else {
            return;
        };
        let by_trace = c.event.trace.is_some() && is_datastore(&c.event);
        if by_trace || c.event.outcome == Outcome::Denied {
            return;
        }
        self.control.add(News {
            rule: Rule::DedicatedConnection,
            from: self.cause(c).as_ref(),
            to: Observable::new(ObservableKind::Connection, connection.clone()),
            span: Span::ALL,
            grade: c.grade,
            exclusive: false,
            reason: "it is a session of its own, not shared among principals".to_owned(),
            evidence: Some(&c.event),
        });
    }

    /// What the map says that the operation hands over: credentials that it reads or sets, jobs.
    async fn pivot_effects(&mut self, c: &Carried) -> Result<(), Error> {
        let Some(reach) = self.reach(&c.event) else {
            return Ok(());
        };
        if matches!(
            reach.completion,
            crate::map::Completion::Attempt | crate::map::Completion::Nothing
        ) {
            return Ok(());
        }
        self.pivot_password(c, &reach);
        for kind in &reach.reveals {
            self.read_store(*kind, c).await?;
        }
        self.pivot_job(c, &reach).await
    }

    fn pivot_password(&mut self, c: &Carried, reach: &Reach) {
        let from = self.cause(c);
        for (_, who) in &reach.sets {
            let crate::map::Who::Keys(keys) = who else {
                continue;
            };
            for account in keys {
                self.control.add(News {
                    rule: Rule::CredentialShown,
                    from: from.as_ref(),
                    to: Observable::account("", account.clone()),
                    span: Span::new(c.event.time, Timestamp::MAX),
                    grade: c.grade,
                    exclusive: false,
                    reason: "an attributed event set its password".to_owned(),
                    evidence: Some(&c.event),
                });
            }
        }
    }

    /// A store of credentials was readable: each of them, unless issued later, is possible from then on.
    async fn read_store(&mut self, kind: ObservableKind, c: &Carried) -> Result<(), Error> {
        let (used, issued) = match kind {
            ObservableKind::Session => (Column::ActorSession, Column::IssuedSession),
            ObservableKind::Token => (Column::ActorCredential, Column::IssuedCredential),
            _ => return Ok(()),
        };
        let from = c.event.time;
        if self.readable.keys().any(|(k, at)| *k == kind && *at <= from) {
            return Ok(());
        }
        let span = Span::new(from, Timestamp::MAX);
        let hop = self.control.note(News {
            rule: Rule::Readable,
            from: self.cause(c).as_ref(),
            to: Observable::new(kind, "*"),
            span,
            grade: Grade::Possible,
            exclusive: false,
            reason: "an attributed event could read the store of them".to_owned(),
            evidence: Some(&c.event),
        });
        self.readable.insert((kind, from), hop);
        let later = self
            .lake
            .distinct(
                &[issued],
                &Query::of(Filter::Column(issued, Test::Present)).within(span),
            )
            .await?;
        let later: BTreeSet<String> = later
            .into_iter()
            .filter(|d| d.seen.from > c.event.when().until)
            .filter_map(|d| d.value)
            .collect();
        let beside = self.strong_addresses();
        for event in self
            .lake
            .events(&Query::of(Filter::Column(used, Test::Present)).within(span))
            .await?
        {
            let Some(value) = event
                .text(used)
                .filter(|v| !later.contains(*v))
                .map(str::to_owned)
            else {
                continue;
            };
            if event.src_ip.as_ref().is_some_and(|a| beside.contains(a)) {
                self.seen_beside(kind, value, &event, from);
            }
            self.attribute(event, Grade::Possible, hop, Spread::No);
        }
        Ok(())
    }

    fn seen_beside(&mut self, kind: ObservableKind, value: String, event: &Event, from: Timestamp) {
        self.control.add(News {
            rule: Rule::ReadableAndSeen,
            from: None,
            to: Observable::new(kind, value),
            span: Span::new(from, Timestamp::MAX),
            grade: Grade::Probable,
            exclusive: false,
            reason: "it lay in a store that the intruder could read, and was used from the intruder's origin"
                .to_owned(),
            evidence: Some(event),
        });
    }

    /// Addresses from which events came that are more than possibly the intruder's.
    fn strong_addresses(&self) -> BTreeSet<String> {
        let strong = self
            .attributed
            .values()
            .filter(|c| c.grade > Grade::Possible && !is_datastore(&c.event));
        strong.filter_map(|c| c.event.src_ip.clone()).collect()
    }

    /// Downloads of the result of a job that the intruder started are the intruder's.
    async fn pivot_job(&mut self, c: &Carried, reach: &Reach) -> Result<(), Error> {
        let starts = reach
            .operation
            .as_deref()
            .and_then(|o| self.map?.operation(o))
            .and_then(|o| o.starts);
        let Some(job) = c
            .event
            .issued_credential
            .clone()
            .filter(|_| starts == Some(Credential::Job))
        else {
            return Ok(());
        };
        let hop = self.control.note(News {
            rule: Rule::StartedJob,
            from: self.cause(c).as_ref(),
            to: Observable::new(ObservableKind::Token, job.clone()),
            span: Span::new(c.event.time, Timestamp::MAX),
            grade: c.grade,
            exclusive: false,
            reason: "whoever takes the result of an attributed job takes it for the intruder".to_owned(),
            evidence: Some(&c.event),
        });
        let span = Span::new(c.event.time, Timestamp::MAX);
        let downloads: Vec<Filter> = self
            .map
            .into_iter()
            .flat_map(|m| &m.operations)
            .filter(|o| o.takes == Some(Credential::Job))
            .map(taken_by)
            .collect();
        if downloads.is_empty() {
            return Ok(());
        }
        for event in self
            .lake
            .events(&Query::of(Filter::Any(downloads)).within(span))
            .await?
        {
            let taken = self.reach(&event).and_then(|r| r.takes);
            // The lake holds what was issued as a fingerprint; a path names it in the clear.
            if taken.is_some_and(|taken| self.lake.keys().fingerprint(&taken) == job || taken == job) {
                self.attribute(event, c.grade, hop, Spread::No);
            }
        }
        Ok(())
    }

    /// Records that share a request's trace id: inherited where a trusted hop stamped it once.
    async fn pivot_traces(&mut self, carried: &[Carried]) -> Result<(), Error> {
        let mut origins: BTreeMap<&str, &Carried> = BTreeMap::new();
        for c in carried {
            if let Some(trace) = c.event.trace.as_deref() {
                let best = origins.entry(trace).or_insert(c);
                if c.grade > best.grade {
                    *best = c;
                }
            }
        }
        let ids: Vec<&str> = origins.keys().copied().collect();
        for ids in ids.chunks(CHUNK) {
            let events = self
                .lake
                .events(&Query::of(Filter::one_of(Column::Trace, ids.iter().copied())))
                .await?;
            for (id, group) in group_by(events, Column::Trace) {
                if let Some(origin) = origins.get(id.as_str()) {
                    self.join_trace(origin, &group);
                }
            }
        }
        Ok(())
    }

    fn join_trace(&mut self, origin: &Carried, group: &[Event]) {
        let trusted: &[String] = self.map.map_or(&[], |m| &m.trust.trace);
        let mut stamps = group.iter().filter(|e| trusted.contains(&e.source));
        let stamp = stamps.next().filter(|_| stamps.next().is_none()).cloned();
        for event in group.iter().filter(|e| e.id != origin.event.id) {
            let sure = stamp
                .as_ref()
                .is_some_and(|s| self.within(s, event) && self.within(s, &origin.event));
            let rule = if sure {
                Rule::StampedTrace
            } else {
                Rule::LooseTrace
            };
            let grade = if sure { origin.grade } else { Grade::Possible };
            let hop = self.control.note(News {
                rule,
                from: self.cause(origin).as_ref(),
                to: Observable::new(ObservableKind::Service, event.source.clone()),
                span: Span::ALL,
                grade,
                exclusive: false,
                reason: match rule {
                    Rule::StampedTrace => {
                        "the record shares a trace id that a trusted hop stamped once".to_owned()
                    }
                    _ => "the record shares a trace id that a client may have chosen, or that is not unique"
                        .to_owned(),
                },
                evidence: None,
            });
            let spread = if origin.spreads { Spread::Yes } else { Spread::No };
            self.attribute(event.clone(), grade, hop, spread);
        }
    }

    /// Whether a record falls into the time of the request that was stamped.
    fn within(&self, stamp: &Event, event: &Event) -> bool {
        let when = stamp.when();
        let tolerance = self.config.clock_tolerance;
        event.when().overlaps(Span::new(
            when.from.plus_nanos(-tolerance),
            when.until.plus_nanos(tolerance),
        ))
    }

    /// Statements of a shared database session that carry no trace id, while a controlled request ran.
    async fn pivot_pooled(&mut self, carried: &[Carried]) -> Result<(), Error> {
        let channels: Vec<Channel> = self
            .map
            .into_iter()
            .flat_map(|m| m.channels.clone())
            .filter(|c| c.pooled)
            .collect();
        for channel in channels {
            let requests: Vec<&Carried> = carried
                .iter()
                .filter(|c| c.event.source == channel.attributing)
                .collect();
            let Some(hull) = requests.iter().map(|c| c.event.when()).reduce(Span::hull) else {
                continue;
            };
            let tolerance = self.config.clock_tolerance;
            let hull = Span::new(hull.from.plus_nanos(-tolerance), hull.until.plus_nanos(tolerance));
            let mut untraced = vec![
                Filter::eq(Column::Source, &channel.accounting),
                Filter::Column(Column::Trace, Test::Absent),
                Filter::Column(Column::QueryText, Test::Present),
            ];
            if !channel.roles.is_empty() {
                untraced.push(Filter::one_of(Column::ActorUser, &channel.roles));
            }
            for event in self
                .lake
                .events(&Query::of(Filter::All(untraced)).within(hull))
                .await?
            {
                let Some(request) = requests.iter().find(|c| self.within(&c.event, &event)) else {
                    continue;
                };
                let hop = self.control.note(News {
                    rule: Rule::LooseTrace,
                    from: self.cause(request).as_ref(),
                    to: Observable::new(ObservableKind::Service, event.source.clone()),
                    span: Span::ALL,
                    grade: Grade::Possible,
                    exclusive: false,
                    reason: "a statement of a shared database session without trace id, while a controlled request ran".to_owned(),
                    evidence: None,
                });
                self.attribute(event, Grade::Possible, hop, Spread::No);
            }
        }
        Ok(())
    }

    /// Hosts that the intruder may have been on, each with the earliest instant.
    fn hosts(&self) -> BTreeMap<String, Timestamp> {
        let mut hosts: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut on = |host: &str, at: Timestamp| {
            let since = hosts.entry(host.to_owned()).or_insert(at);
            *since = at.min(*since);
        };
        for fact in self.control.of_kind(ObservableKind::Host) {
            on(&fact.observable.value, fact.span.from);
        }
        let logons = self
            .attributed
            .values()
            .map(|c| &c.event)
            .filter(|e| e.source == "sshd" && e.activity.as_deref() == Some("Logon"));
        for event in logons.filter(|e| e.outcome == Outcome::Success) {
            if let Some(host) = &event.host {
                on(host, event.time);
            }
        }
        hosts
    }

    /// Principals with no recorded issue, where the source that records issues has a gap.
    async fn unrecorded_issues(&mut self) -> Result<(), Error> {
        let issuers = self.map.map(|m| m.issuers.clone()).unwrap_or_default();
        for issuer in issuers.iter().filter(|i| i.issues == Credential::Session) {
            let gaps = self
                .coverage
                .gaps()
                .into_iter()
                .filter(|g| g.source == issuer.source);
            let Some(gap) = gaps.map(|g| g.span).reduce(Span::hull) else {
                continue;
            };
            if !self.is_controlled_in(gap) {
                continue;
            }
            let issued = self
                .lake
                .distinct(&[Column::IssuedSession], &Query::of(Filter::everything()))
                .await?;
            let issued: BTreeSet<String> = issued.into_iter().filter_map(|d| d.value).collect();
            let used = self
                .lake
                .distinct(&[Column::ActorSession], &Query::of(Filter::everything()))
                .await?;
            for session in used
                .into_iter()
                .filter(|d| d.seen.from >= gap.from.plus_nanos(-self.config.clock_tolerance))
            {
                let Some(value) = session.value.filter(|v| !issued.contains(v)) else {
                    continue;
                };
                self.control.add(News {
                    rule: Rule::UnrecordedIssue,
                    from: None,
                    to: Observable::new(ObservableKind::Session, value),
                    span: Span::new(gap.from, Timestamp::MAX),
                    grade: Grade::Possible,
                    exclusive: false,
                    reason: format!(
                        "its issue is not recorded, and {} has a gap from {}",
                        issuer.source, gap
                    ),
                    evidence: None,
                });
            }
        }
        Ok(())
    }

    /// Whether control of anything is not excluded in this span.
    fn is_controlled_in(&self, span: Span) -> bool {
        self.control.facts().any(|f| f.span.overlaps(span))
    }

    // ---- small answers ----

    /// Every step of the walk.
    pub fn hops(&self) -> Vec<crate::Hop> {
        self.control.hops()
    }

    /// What the event's own record reached, by the map.
    pub fn reach(&self, event: &Event) -> Option<Reach> {
        let account = event.actor_session.as_ref().and_then(|s| self.accounts.get(s));
        let context = ReachContext {
            account: account.map(String::as_str),
            ..ReachContext::default()
        };
        Some(self.map?.reach(event, &context))
    }

    /// Whether the event's database session is shared among principals: the map says so for its role.
    pub fn is_pooled(&self, event: &Event) -> bool {
        let Some(map) = self.map else {
            return event.trace.is_some() && is_datastore(event);
        };
        map.channels.iter().any(|c| {
            c.pooled
                && c.accounting == event.source
                && (c.roles.is_empty() || event.actor_user.as_ref().is_some_and(|u| c.roles.contains(u)))
        })
    }

    fn cause(&self, c: &Carried) -> Option<Observable> {
        c.hops
            .iter()
            .find_map(|h| self.kinds.get(h))
            .map(|(_, _, o)| o.clone())
    }

    /// Since when every credential of this kind may have been in the intruder's hands.
    pub fn readable_since(&self, kind: ObservableKind) -> Option<Span> {
        let from = self
            .readable
            .keys()
            .filter(|(k, _)| *k == kind)
            .map(|(_, at)| *at)
            .min()?;
        Some(Span::new(from, Timestamp::MAX))
    }

    /// The worst coverage of a source over a span.
    pub fn state_over(&self, source: &str, span: Span) -> CoverageState {
        self.coverage.state_over(source, span).state
    }
}

/// What a host wrote and had not yet given away is lost by an unknown number, from the moment at which
/// the intruder may have been on it: back to the beginning of the piece that was then being written. A
/// stream of which nobody knows the host may have been written there.
fn degrade(coverage: &mut Coverage, host: &str, since: Timestamp) {
    let there = |h: &Option<String>| h.as_deref().is_none_or(|h| h == host);
    for stream in coverage.streams.iter_mut().filter(|s| there(&s.host)) {
        for part in stream
            .spans
            .iter_mut()
            .filter(|p| p.span.until > since && !p.state.is_gap())
        {
            part.state = CoverageState::Degraded;
            part.at_most = None;
            part.because = match &stream.host {
                Some(host) => {
                    format!("the intruder may have been on {host}, which wrote this, since {since}")
                }
                None => format!(
                    "the intruder may have been on {host} since {since}, and nobody says which host wrote this"
                ),
            };
        }
    }
}

/// Whether an attributed event gives new control facts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    Yes,
    No,
}

const fn is_origin(kind: ObservableKind) -> bool {
    matches!(
        kind,
        ObservableKind::Address | ObservableKind::Device | ObservableKind::UserAgent
    )
}

const fn is_credential(kind: ObservableKind) -> bool {
    matches!(
        kind,
        ObservableKind::Session | ObservableKind::Token | ObservableKind::Account
    )
}

/// An origin or session whose exclusivity fell is what it would be without.
const fn fallback_grade(seed: &Seed) -> Grade {
    match seed.observable.kind {
        ObservableKind::Session | ObservableKind::Token | ObservableKind::Connection => Grade::Certain,
        ObservableKind::Account | ObservableKind::Device => Grade::Probable,
        _ => Grade::Possible,
    }
}

/// The filter that finds the events which carry an observable.
fn filter_for(observable: &Observable) -> Option<Filter> {
    match observable.kind.column() {
        Some(column) => Some(Filter::eq(column, &observable.value)),
        None => EventId::parse(&observable.value)
            .ok()
            .map(|id| Filter::Ids(vec![id])),
    }
}

/// Whether a fact speaks of the event: the value, the realm where one is given, and the time.
fn concerns(fact: &Fact, column: Column, event: &Event) -> bool {
    let realm = fact.observable.realm.as_str();
    event.text(column) == Some(fact.observable.value.as_str())
        && (realm.is_empty() || event.actor_realm.as_deref() == Some(realm))
        && event.when().overlaps(fact.span)
}

fn group_by(events: Vec<Event>, column: Column) -> BTreeMap<String, Vec<Event>> {
    let mut groups: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in events {
        if let Some(value) = event.text(column).map(str::to_owned) {
            groups.entry(value).or_default().push(event);
        }
    }
    groups
}

/// The records that an operation may be: those of its route, every parameter left open.
fn taken_by(operation: &crate::map::Operation) -> Filter {
    match &operation.matches {
        crate::map::Match::Route(route) => {
            let segment = |s: &Segment| match s {
                Segment::Literal(text) => text.clone(),
                _ => "*".to_owned(),
            };
            let path: Vec<String> = route.segments.iter().map(segment).collect();
            Filter::Column(Column::Resource, Test::Like(format!("/{}*", path.join("/"))))
        }
        crate::map::Match::Api(glob) => {
            Filter::Column(Column::Operation, Test::Like(glob.pattern().to_owned()))
        }
    }
}

/// The accounts that records of a credential name; a database role is none.
fn accounts_in(used: Option<&Vec<Event>>, issued: Option<&Vec<Event>>) -> BTreeSet<String> {
    let events = used
        .into_iter()
        .chain(issued)
        .flatten()
        .filter(|e| !is_datastore(e));
    events.filter_map(|e| e.actor_user.clone()).collect()
}

/// A principal that was there before and still is.
fn shared_principal(before: &[Event], after: &[Event]) -> Option<String> {
    let name = |e: &Event| {
        e.actor_user
            .clone()
            .map(|u| format!("account {u}"))
            .or_else(|| e.actor_session.clone().map(|s| format!("session {s}")))
    };
    let old: BTreeSet<String> = before.iter().filter_map(name).collect();
    after.iter().filter_map(name).find(|who| old.contains(who))
}

/// The side of each event. Both sides are provably active at once where an event from a new address and
/// a new device stands between two of the owner's: a person moves on, but does not come back to a
/// session that meanwhile lives on another device at another place.
fn sides(events: &[Event], home: &Origins) -> Vec<Side> {
    let owner: Vec<bool> = events.iter().map(|e| has_origin(e) && home.is_home(e)).collect();
    let mut clusters: BTreeMap<_, bool> = BTreeMap::new();
    let first = owner.iter().position(|o| *o);
    let last = owner.iter().rposition(|o| *o);
    for (n, event) in events
        .iter()
        .enumerate()
        .filter(|(n, e)| !owner[*n] && has_origin(e))
    {
        let between = matches!((first, last), (Some(first), Some(last)) if first < n && n < last);
        *clusters.entry(origin_of(event)).or_default() |= between;
    }
    events
        .iter()
        .zip(&owner)
        .map(|(event, is_owner)| match clusters.get(&origin_of(event)) {
            _ if *is_owner => Side::Owner,
            Some(between) if has_origin(event) => Side::New(*between),
            _ => Side::Unsaid,
        })
        .collect()
}
