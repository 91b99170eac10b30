//! Credentials whose issue is not recorded, where the source that records issues has a gap: the missing record
//! may say that the intruder got them, and with which account.

use super::{Carried, Spread, Trace, group_by};
use crate::control::{News, Rule};
use crate::map::{Completion, Credential, DataMap, Issuer};
use crate::origin::is_datastore;
use crate::recall::pieces;
use crate::{Error, Grade};
use ambit_event::{Column, Event, Observable, ObservableKind, Span, Timestamp};
use ambit_lake::{CoverageState, Filter, Query, Test};
use std::collections::{BTreeMap, BTreeSet};

impl Trace<'_> {
    /// What is missing of each issuer while control of anything is not excluded.
    pub(super) async fn unrecorded_issues(&mut self) -> Result<(), Error> {
        let issuers = self.map.map(|m| m.issuers.clone()).unwrap_or_default();
        for issuer in &issuers {
            let Some((used, issued)) = columns(issuer.issues) else {
                continue;
            };
            let gaps = self.coverage.gaps().into_iter();
            let gaps = gaps.filter(|g| g.source == issuer.source).map(|g| g.span);
            let Some(gap) = gaps.reduce(Span::hull).filter(|gap| self.is_controlled_in(*gap)) else {
                continue;
            };
            self.unissued(issuer, gap, used, issued).await?;
            self.close().await?;
            self.unnamed_logins(issuer).await?;
        }
        Ok(())
    }

    /// Credentials in use that no record hands out, and the accounts that they belong to.
    async fn unissued(
        &mut self,
        issuer: &Issuer,
        gap: Span,
        used: Column,
        issued: Column,
    ) -> Result<(), Error> {
        let open = self.never_issued(gap.from, used, issued).await?;
        let owners = self.owners(used, &open).await?;
        let sessions = open
            .into_iter()
            .map(|value| Observable::new(issuer.issues.observable(), value));
        for to in sessions.chain(owners) {
            self.control.add(News {
                rule: Rule::UnrecordedIssue,
                from: None,
                to,
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
        Ok(())
    }

    /// Credentials in use since then, and not before, that no record hands out.
    async fn never_issued(
        &self,
        since: Timestamp,
        used: Column,
        issued: Column,
    ) -> Result<Vec<String>, Error> {
        let everything = Query::of(Filter::everything());
        let known = self.lake.distinct(&[issued], &everything).await?;
        let known: BTreeSet<String> = known.into_iter().filter_map(|d| d.value).collect();
        let earliest = since.plus_nanos(-self.config.clock_tolerance);
        let seen = self.lake.distinct(&[used], &everything).await?;
        let seen = seen.into_iter().filter(|d| d.seen.from >= earliest);
        let open = seen
            .filter_map(|d| d.value)
            .filter(|value| !known.contains(value));
        Ok(open.collect())
    }

    /// What an attributed operation hands out by the map, where no log is said to name it and none does: each credential
    /// that is new from then on and that no record hands out may be it.
    pub(super) async fn unnamed_issues(&mut self) -> Result<(), Error> {
        for issues in [Credential::Session, Credential::Token] {
            let is_named_elsewhere = |m: &DataMap| m.issuers.iter().any(|i| i.issues == issues);
            let Some((used, issued)) = columns(issues) else {
                continue;
            };
            if self.map.is_none_or(is_named_elsewhere) {
                continue;
            }
            if let Some(first) = self.first_unnamed(issues, issued).await? {
                self.supposed(&first, issues, used, issued).await?;
            }
        }
        Ok(())
    }

    /// The first attributed event that hands such a credential out without any record of its request that names it.
    async fn first_unnamed(&mut self, issues: Credential, issued: Column) -> Result<Option<Carried>, Error> {
        let hands_out = |c: &&Carried| c.spreads && self.hands_out(c, issues);
        let all: Vec<Carried> = self.attributed.values().filter(hands_out).cloned().collect();
        let ids: Vec<&str> = all.iter().filter_map(|c| c.event.trace.as_deref()).collect();
        let mut named = BTreeSet::new();
        for ids in pieces(&ids) {
            let of_them = Filter::one_of(Column::Trace, ids.iter().copied());
            let names = Filter::All(vec![of_them, Filter::Column(issued, Test::Present)]);
            named.extend(
                self.fetch(Query::of(names))
                    .await?
                    .into_iter()
                    .filter_map(|e| e.trace),
            );
        }
        let is_named = |c: &Carried| c.event.trace.as_ref().is_some_and(|id| named.contains(id));
        let unnamed = all.into_iter().filter(|c| !is_named(c));
        Ok(unnamed.min_by_key(|c| (c.event.time, c.event.id)))
    }

    fn hands_out(&self, c: &Carried, issues: Credential) -> bool {
        let named = match issues {
            Credential::Session => &c.event.issued_session,
            _ => &c.event.issued_credential,
        };
        let Some(reach) = self
            .reach(&c.event)
            .filter(|_| named.is_none() && !is_datastore(&c.event))
        else {
            return false;
        };
        let operation = reach
            .operation
            .as_deref()
            .and_then(|name| self.map?.operation(name));
        operation.is_some_and(|o| o.issues == Some(issues))
            && !matches!(reach.completion, Completion::Attempt | Completion::Nothing)
    }

    async fn supposed(
        &mut self,
        first: &Carried,
        issues: Credential,
        used: Column,
        issued: Column,
    ) -> Result<(), Error> {
        let since = self.around(&first.event).from;
        for value in self.never_issued(since, used, issued).await? {
            self.control.add(News {
                rule: Rule::UnrecordedIssue,
                from: self.cause(first).as_ref(),
                to: Observable::new(issues.observable(), value),
                span: Span::new(since, Timestamp::MAX),
                grade: Grade::Possible,
                exclusive: false,
                reason:
                    "an attributed event handed one out, and no record says which: this one is new since then"
                        .to_owned(),
                evidence: Some(&first.event),
            });
        }
        Ok(())
    }

    /// The accounts that records of these credentials name.
    async fn owners(&mut self, used: Column, values: &[String]) -> Result<BTreeSet<Observable>, Error> {
        let mut owners = BTreeSet::new();
        for values in pieces(values) {
            let events = self.fetch(Query::of(Filter::one_of(used, values))).await?;
            owners.extend(events.iter().filter_map(account_of));
        }
        Ok(owners)
    }

    /// Logins that may be the intruder's and of which the issuer's record is missing: nobody can say which
    /// account they opened, so each may have been, from then on.
    async fn unnamed_logins(&mut self, issuer: &Issuer) -> Result<(), Error> {
        let logins: Vec<Carried> = self
            .attributed
            .values()
            .filter(|c| self.is_login(c, issuer))
            .cloned()
            .collect();
        let told = self.issued_in(&logins, issuer).await?;
        let is_told = |c: &&Carried| c.event.trace.as_ref().is_some_and(|id| told.contains(id));
        let untold = logins.iter().filter(|c| !is_told(c));
        let Some(first) = untold.min_by_key(|c| (c.event.time, c.event.id)) else {
            return Ok(());
        };
        let since = Span::new(self.around(&first.event).from, Timestamp::MAX);
        let hop = self.control.note(News {
            rule: Rule::UnrecordedIssue,
            from: self.cause(first).as_ref(),
            to: Observable::new(ObservableKind::Account, "*"),
            span: since,
            grade: Grade::Possible,
            exclusive: false,
            reason: format!(
                "the intruder may have logged in with it: {} has a gap, and does not say which account was opened",
                issuer.source
            ),
            evidence: Some(&first.event),
        });
        let named = Filter::All(vec![
            Filter::eq(Column::Source, &issuer.source),
            Filter::Column(Column::ActorUser, Test::Present),
        ]);
        for event in self.fetch(Query::of(named).within(since)).await? {
            self.attribute(event, Grade::Possible, hop, Spread::Yes);
        }
        self.close().await
    }

    /// Whether an attributed request may have had a credential issued by a record that is missing.
    fn is_login(&self, c: &Carried, issuer: &Issuer) -> bool {
        let Some(reach) = self.reach(&c.event).filter(|_| !is_datastore(&c.event)) else {
            return false;
        };
        let issues = reach
            .operation
            .as_deref()
            .and_then(|name| self.map?.operation(name)?.issues);
        issues == Some(issuer.issues)
            && !matches!(reach.completion, Completion::Attempt | Completion::Nothing)
            && c.event.source != issuer.source
            && self.state_over(&issuer.source, self.around(&c.event)) < CoverageState::Asserted
    }

    /// The trace ids under which the issuer recorded what it issued.
    async fn issued_in(&mut self, logins: &[Carried], issuer: &Issuer) -> Result<BTreeSet<String>, Error> {
        let ids: Vec<&str> = logins.iter().filter_map(|c| c.event.trace.as_deref()).collect();
        let mut told = BTreeSet::new();
        for ids in pieces(&ids) {
            let query = Query::of(Filter::one_of(Column::Trace, ids.iter().copied()));
            let groups: BTreeMap<String, Vec<Event>> = group_by(self.fetch(query).await?, Column::Trace);
            let tells = |e: &Event| e.source == issuer.source && account_of(e).is_some();
            told.extend(
                groups
                    .into_iter()
                    .filter(|(_, g)| g.iter().any(tells))
                    .map(|(id, _)| id),
            );
        }
        Ok(told)
    }

    /// Whether control of anything is not excluded in this span.
    pub(super) fn is_controlled_in(&self, span: Span) -> bool {
        self.control.facts().any(|f| f.span.overlaps(span))
    }
}

/// Where records carry what was issued, and where they hand it out.
const fn columns(issues: Credential) -> Option<(Column, Column)> {
    match issues {
        Credential::Session => Some((Column::ActorSession, Column::IssuedSession)),
        Credential::Token => Some((Column::ActorCredential, Column::IssuedCredential)),
        Credential::Password | Credential::Job => None,
    }
}

/// The account that a record names; a database role is none.
fn account_of(event: &Event) -> Option<Observable> {
    let user = event.actor_user.clone().filter(|_| !is_datastore(event))?;
    Some(Observable::account(
        event.actor_realm.as_deref().unwrap_or(""),
        user,
    ))
}
