//! Control facts attribute events: what carries a controlled thing is the intruder's as far as nobody
//! else can have used it.

use super::{Spread, Trace, filter_for, group_by, naming};
use crate::control::{Fact, Rule};
use crate::map::Principal;
use crate::origin::{History, Origins, has_origin, is_datastore, origin_of};
use crate::recall::pieces;
use crate::{Error, Grade};
use ambit_event::{Column, Event, Observable, ObservableKind, Outcome, Span, Timestamp};
use ambit_lake::{Filter, Query};
use std::collections::{BTreeMap, BTreeSet};

impl Trace<'_> {
    pub(super) async fn carry(&mut self, fresh: Vec<Fact>) -> Result<(), Error> {
        let mut by_kind: BTreeMap<ObservableKind, Vec<Fact>> = BTreeMap::new();
        for fact in fresh {
            self.kinds.insert(
                fact.hop,
                (fact.observable.kind, fact.exclusive, fact.observable.clone()),
            );
            by_kind.entry(fact.observable.kind).or_default().push(fact);
        }
        for (kind, facts) in by_kind {
            for facts in pieces(&facts) {
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
        let columns = naming(kind, column);
        let mut events = Vec::new();
        for column in &columns {
            let named = Filter::one_of(*column, values.iter().copied());
            events.extend(self.fetch(Query::of(named).within(span)).await?);
        }
        for event in events {
            for fact in facts.iter().filter(|f| concerns(f, &columns, &event)) {
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
            .fetch(Query::of(Filter::one_of(used_in, values.iter().copied())))
            .await?;
        let issued = self.fetch(Query::of(Filter::one_of(issued_in, values))).await?;
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
        let history = History::before(&self.lake, &everyone, latest).await?;
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
                history.origins(&accounts, self.owned_until(fact, events, issues))
            };
            self.homes.insert(fact.observable.clone(), home);
        }
        Ok(())
    }

    /// Whether it is known from where the owner of what the event carries had come before.
    pub(crate) fn knows_home(&self, event: &Event) -> bool {
        let carried = [
            (ObservableKind::Session, &event.actor_session),
            (ObservableKind::Token, &event.actor_credential),
        ];
        let known = |(kind, value): (ObservableKind, &Option<String>)| {
            let credential = Observable::new(kind, value.clone()?);
            self.homes.get(&credential).map(|home| !home.is_empty())
        };
        carried.into_iter().filter_map(known).any(|is_known| is_known)
    }

    /// Until when a credential's history tells where its owner is at home: until the first seed. One that is itself
    /// said to have been the intruder's, and was never used but where it was opened, he may have opened himself.
    fn owned_until(&self, fact: &Fact, events: &[Event], issues: &[Event]) -> Timestamp {
        let opened_at: BTreeSet<&str> = issues.iter().filter_map(|e| e.src_ip.as_deref()).collect();
        let mut places = events.iter().filter_map(|e| e.src_ip.as_deref());
        let stays = !opened_at.is_empty() && places.all(|place| opened_at.contains(place));
        let opened = issues.iter().map(|e| e.time).min();
        match opened.filter(|_| stays && self.control.rule_of(fact.hop) == Rule::Seed.name()) {
            Some(opened) => opened.min(self.earliest),
            None => self.earliest,
        }
    }

    /// The accounts of sessions that carry attributed events and were not traced themselves: an operation
    /// may reach the data of whoever the session belongs to.
    pub(super) async fn settle_accounts(&mut self) -> Result<(), Error> {
        let sessions = self
            .attributed
            .values()
            .filter_map(|c| c.event.actor_session.clone());
        let open: BTreeSet<String> = sessions.filter(|s| !self.accounts.contains_key(s)).collect();
        let open: Vec<String> = open.into_iter().collect();
        for values in pieces(&open) {
            let used = self.at_most_budget(Column::ActorSession, values).await?;
            let issued = self.at_most_budget(Column::IssuedSession, values).await?;
            // Where there are more records than can be looked at, the owner stays unknown.
            let (Some(used), Some(issued)) = (used, issued) else {
                continue;
            };
            for value in values {
                let accounts = accounts_in(used.get(value), issued.get(value));
                if let (1, Some(account)) = (accounts.len(), accounts.first()) {
                    self.accounts.insert(value.clone(), account.clone());
                }
            }
        }
        Ok(())
    }

    async fn at_most_budget(
        &self,
        column: Column,
        values: &[String],
    ) -> Result<Option<BTreeMap<String, Vec<Event>>>, Error> {
        let query = Query {
            limit: Some(self.budget().saturating_add(1)),
            ..Query::of(Filter::one_of(column, values))
        };
        let events = self.lake.events(&query).await?;
        Ok((events.len() <= self.budget()).then(|| group_by(events, column)))
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
                .account_since(account)
                .is_some_and(|from| from < first)
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
}

/// Which side of a shared session an event is on.
enum Side {
    Owner,
    /// An origin that the owner never had; `true` where both sides were provably active at once.
    New(bool),
    /// The record does not say from where it came.
    Unsaid,
}

/// Whether a fact speaks of the event: the value, the realm where one is given, and the time.
fn concerns(fact: &Fact, columns: &[Column], event: &Event) -> bool {
    let Observable { realm, value, .. } = &fact.observable;
    columns
        .iter()
        .any(|column| event.text(*column) == Some(value.as_str()))
        && (realm.is_empty() || event.actor_realm.as_ref() == Some(realm))
        && event.when().overlaps(fact.span)
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
