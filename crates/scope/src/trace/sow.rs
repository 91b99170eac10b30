//! Seeds become the first facts, unless the evidence contradicts what is asserted of them.

use super::{Trace, filter_for};
use crate::control::{News, Rule};
use crate::origin::{History, has_origin, is_datastore};
use crate::{Error, Grade, Seed};
use ambit_event::{Column, Event, Observable, ObservableKind, Span, Timestamp};
use ambit_lake::{Filter, Query};
use std::collections::{BTreeMap, BTreeSet};

impl Trace<'_> {
    pub(super) async fn sow(&mut self, seeds: &[Seed]) -> Result<(), Error> {
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
        for seed in &seeds {
            if !self.is_named(seed).await? {
                self.unseen.push((*seed).clone());
            }
        }
        self.limit_to_asserted(&seeds);
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

    /// What a person says of when the intruder held a thing holds for whatever else leads to it, too.
    fn limit_to_asserted(&mut self, seeds: &[&Seed]) {
        let mut spans: BTreeMap<&Observable, Span> = BTreeMap::new();
        for seed in seeds {
            let span = spans.entry(&seed.observable).or_insert_with(|| seed.span());
            *span = span.hull(seed.span());
        }
        for (observable, span) in spans {
            self.control.limit(observable, span);
        }
    }

    /// Whether any record names what was seeded, when the intruder can have held it.
    async fn is_named(&self, seed: &Seed) -> Result<bool, Error> {
        let Observable { kind, realm, value } = &seed.observable;
        let Some(carries) = filter_for(&seed.observable) else {
            return Ok(false);
        };
        let filter = match kind {
            ObservableKind::Session => Filter::Any(vec![carries, Filter::eq(Column::IssuedSession, value)]),
            ObservableKind::Token => Filter::Any(vec![carries, Filter::eq(Column::IssuedCredential, value)]),
            ObservableKind::Account if !realm.is_empty() => {
                Filter::All(vec![carries, Filter::eq(Column::ActorRealm, realm)])
            }
            _ => carries,
        };
        let query = Query::of(filter).within(seed.span()).limited(1);
        Ok(!self.lake.events(&query).await?.is_empty())
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
                let home = History::before(&self.lake, &accounts, first)
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
}

/// An origin or session whose exclusivity fell is what it would be without.
const fn fallback_grade(seed: &Seed) -> Grade {
    match seed.observable.kind {
        ObservableKind::Session | ObservableKind::Token | ObservableKind::Connection => Grade::Certain,
        ObservableKind::Account | ObservableKind::Device => Grade::Probable,
        _ => Grade::Possible,
    }
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
