//! Attributed events give new control facts: what they carry, hand out, open and come from.

use super::{Carried, Trace};
use crate::control::{News, Rule};
use crate::map::{Basis, Completion, Reach, Who};
use crate::origin::is_datastore;
use crate::recall::pieces;
use crate::{Error, Grade};
use ambit_event::{Column, Event, EventId, Observable, ObservableKind, Outcome, Span, Timestamp};
use ambit_lake::{Filter, Query};
use std::collections::{BTreeMap, BTreeSet};

impl Trace<'_> {
    pub(super) async fn pivot(&mut self, raised: BTreeSet<EventId>) -> Result<(), Error> {
        let carried: Vec<Carried> = raised
            .iter()
            .filter_map(|id| self.attributed.get(id))
            .cloned()
            .collect();
        self.note_stamped(&carried).await?;
        let (mut settle, mut dumps) = (Vec::new(), Vec::new());
        for c in carried.iter().filter(|c| c.spreads) {
            self.pivot_issued(c);
            self.pivot_credentials(c, &mut settle);
            self.pivot_origin(c);
            self.pivot_login(c);
            self.pivot_account(c);
            self.pivot_connection(c);
            dumps.extend(
                self.pivot_effects(c)
                    .await?
                    .into_iter()
                    .map(|kind| (kind, c.clone())),
            );
        }
        // What is possible only because everything is gives no new origins, and still hands things out.
        carried
            .iter()
            .filter(|c| !c.spreads)
            .for_each(|c| self.pivot_issued(c));
        self.read_stores(dumps).await?;
        self.pivot_established(settle).await?;
        self.pivot_traces(&carried).await?;
        self.pivot_pooled(&carried).await?;
        self.pivot_unstamped(&carried).await
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
        let mut first_by: BTreeMap<Observable, Carried> = BTreeMap::new();
        for (to, c) in settle {
            first_by.entry(to).or_insert(c);
        }
        let all: Vec<&Observable> = first_by.keys().collect();
        let first_located = self.first_located(&all).await?;
        for (to, c) in first_by {
            let there = first_located.get(&to).is_some_and(|(_, id, address)| {
                Some(address.as_str()) == c.event.src_ip.as_deref() && self.attributed.contains_key(id)
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

    /// The first event with each session or token that says from where it came, with that address.
    async fn first_located(
        &self,
        credentials: &[&Observable],
    ) -> Result<BTreeMap<Observable, (Timestamp, EventId, String)>, Error> {
        let mut first: BTreeMap<Observable, (Timestamp, EventId, String)> = BTreeMap::new();
        for (kind, column) in [
            (ObservableKind::Session, Column::ActorSession),
            (ObservableKind::Session, Column::IssuedSession),
            (ObservableKind::Token, Column::ActorCredential),
            (ObservableKind::Token, Column::IssuedCredential),
        ] {
            let of_kind = credentials.iter().filter(|c| c.kind == kind);
            let values: Vec<&String> = of_kind.map(|c| &c.value).collect();
            for values in pieces(&values) {
                let query = Query::of(Filter::one_of(column, values.iter().copied()));
                for event in self.lake.events(&query).await? {
                    let (Some(value), Some(address)) = (event.text(column), event.src_ip.clone()) else {
                        continue;
                    };
                    let seen = (event.time, event.id, address);
                    let known = first
                        .entry(Observable::new(kind, value))
                        .or_insert_with(|| seen.clone());
                    if seen < *known {
                        *known = seen;
                    }
                }
            }
        }
        Ok(first)
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

    /// An account that an attributed event made, or of which it changed how it logs in; or whose password it used.
    fn pivot_account(&mut self, c: &Carried) {
        let Some((account, reason)) = given(&c.event) else {
            return;
        };
        self.control.add(News {
            rule: Rule::CredentialShown,
            from: self.cause(c).as_ref(),
            to: Observable::account("", account),
            span: Span::new(c.event.time, Timestamp::MAX),
            grade: c.grade,
            exclusive: false,
            reason: reason.to_owned(),
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

    /// What the map says that the operation hands over: passwords that it sets, jobs; the kinds of
    /// credential whose store it could read are answered.
    async fn pivot_effects(&mut self, c: &Carried) -> Result<Vec<ObservableKind>, Error> {
        let lookups = self.lookups_above(&c.event);
        let Some(reach) = self.reach_with(&c.event, &lookups) else {
            return Ok(Vec::new());
        };
        if matches!(reach.completion, Completion::Attempt | Completion::Nothing) {
            return Ok(Vec::new());
        }
        self.pivot_password(c, &reach);
        self.pivot_role(c, &reach);
        self.pivot_opened(c, &reach);
        self.pivot_job(c, &reach).await?;
        // What its statements reveal comes with them, for they are attributed themselves.
        match self.stamped.contains_key(&c.event.id) && reach.basis == Basis::Unmapped {
            true => Ok(self.untold_credentials(&c.event, &reach.stores())),
            false => Ok(reach.reveals),
        }
    }

    fn pivot_password(&mut self, c: &Carried, reach: &Reach) {
        let from = self.cause(c);
        for (_, who) in &reach.sets {
            let Who::Keys(keys) = who else {
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

    fn pivot_role(&mut self, c: &Carried, reach: &Reach) {
        let from = self.cause(c);
        for role in &reach.gives {
            self.control.add(News {
                rule: Rule::CredentialShown,
                from: from.as_ref(),
                to: role.clone(),
                span: Span::new(c.event.time, Timestamp::MAX),
                grade: c.grade,
                exclusive: false,
                reason: "an attributed statement made it, or set its password or its name".to_owned(),
                evidence: Some(&c.event),
            });
        }
    }

    /// The credentials that lay in what was read, where the map names them.
    fn pivot_opened(&mut self, c: &Carried, reach: &Reach) {
        let from = self.cause(c);
        for credential in &reach.opens {
            let mut to = credential.clone();
            if matches!(to.kind, ObservableKind::Session | ObservableKind::Token) {
                to.value = self.lake.keys().fingerprint(&to.value);
            }
            self.control.add(News {
                rule: Rule::Readable,
                from: from.as_ref(),
                to,
                span: Span::new(c.event.time, Timestamp::MAX),
                grade: Grade::Possible,
                exclusive: false,
                reason: "an attributed event could read what holds it, by the data map".to_owned(),
                evidence: Some(&c.event),
            });
        }
    }

    pub(super) fn cause(&self, c: &Carried) -> Option<Observable> {
        c.hops
            .iter()
            .find_map(|h| self.kinds.get(h))
            .map(|(_, _, o)| o.clone())
    }
}

/// The account that an event gives to whoever does it, and how. The field's own words for what gives none are not
/// many; what they do not name may give it.
fn given(event: &Event) -> Option<(&str, &'static str)> {
    const NOTHING: &[&str] = &["delete", "remove", "disable", "deactivate", "suspend", "lock"];
    let has = matches!(event.outcome, Outcome::Success | Outcome::Unknown);
    let account = event.resource.as_deref().filter(|_| has)?;
    let activity = event.activity.as_deref().unwrap_or_default();
    match event.class.as_deref() {
        Some("authentication") if activity == "Account Switch" => {
            Some((account, "an attributed event used its password"))
        }
        Some("account_change") => {
            let word = activity.to_ascii_lowercase();
            let is_none = NOTHING.iter().any(|nothing| word.starts_with(nothing));
            let reason = "an attributed event made it, or may have changed how its owner logs in";
            (!is_none).then_some((account, reason))
        }
        _ => None,
    }
}

pub(super) const fn is_origin(kind: ObservableKind) -> bool {
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
