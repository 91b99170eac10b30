//! What the journal says of disclosure: facts, decisions, notices and what was sent, in the order in which they were
//! signed. The newest of a name stands; nothing is taken back but by a further entry.

use crate::{Act, By, Case, Entry, Error, Kind};
use ambit_disclose::{
    Decided, Disclosure, Draft, Fact, Facts, Input, Issued, Known, Matter, NoticeKind, Provenance, Regime,
    Risk, Standing, Value as Said, check_name, check_period, outrun, term, wants_knower,
};
use ambit_event::Timestamp;
use ambit_scope::Scope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything in the journal that disclosure rests on.
#[derive(Debug, Clone)]
pub struct Dossier {
    pub case: String,
    /// The newest answer, with the version of the lake.
    pub scope: Option<(u64, Scope)>,
    /// What persons signed, the newest of each name; decisions and sendings are among them.
    pub signed: Facts,
    pub decided: Option<Decided>,
    pub issued: Vec<Issued>,
    pub sent: Vec<Sent>,
    /// Entries of the journal that are no part of this: they were written later than what was asked for.
    pub n_later: u64,
}

/// Something that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// The entry that says so.
    pub entry: u64,
    /// `eu-gdpr/authority`.
    pub duty: String,
    pub at: Timestamp,
    pub by: String,
    /// By which way, and what proves it.
    pub proof: String,
    /// The entry of the notice that was sent.
    pub notice: Option<u64>,
}

/// A fact as a person signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub name: String,
    /// `None`: nobody stands behind it any longer, so that it is asked for again.
    pub value: Option<Said>,
    pub knower: Option<String>,
    pub evidence: Option<String>,
}

#[derive(Deserialize)]
struct FactBody {
    name: String,
    value: Option<Said>,
    knower: Option<String>,
    evidence: Option<String>,
}

#[derive(Deserialize)]
struct NoticeBody {
    notice: String,
    person: Option<String>,
    template: Option<String>,
    #[serde(default)]
    language: Option<String>,
    said: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct SentBody {
    duty: String,
    at: Timestamp,
    proof: String,
    notice: Option<u64>,
}

#[derive(Deserialize)]
struct DecisionBody {
    reason: String,
    risk: Option<String>,
    content_root: Option<String>,
    persons: Option<String>,
}

impl Signed {
    /// Reads `NAME=VALUE` as a person wrote it.
    ///
    /// # Errors
    /// [`Error::Fact`] says what is wrong with it.
    pub fn read(text: &str, knower: Option<&str>, evidence: Option<&str>) -> Result<Self, Error> {
        let refused = |why: &str| Error::Fact {
            text: ambit_event::printable(text, 80),
            why: why.to_owned(),
        };
        let (name, value) = text.split_once('=').ok_or_else(|| refused("write NAME=VALUE"))?;
        let name = name.trim();
        let term = term(name).ok_or_else(|| refused("there is no fact of this name"))?;
        match name {
            "risk" => {
                return Err(refused(
                    "the risk is decided, with a reason: see `disclose decide`",
                ));
            }
            _ if name.starts_with("sent:") => {
                return Err(refused(
                    "what was sent is written down with its proof: see `disclose sent`",
                ));
            }
            _ => {}
        }
        let given = |text: Option<&str>| {
            text.map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let signed = Self {
            name: name.to_owned(),
            value: Some(term.read(value).map_err(|why| refused(&why))?),
            knower: given(knower),
            evidence: given(evidence),
        };
        if wants_knower(name) && (signed.knower.is_none() || signed.evidence.is_none()) {
            return Err(refused("say who knew, and by which evidence"));
        }
        Ok(signed)
    }

    /// The entry that takes a fact back.
    ///
    /// # Errors
    /// [`Error::Fact`] for a name that is none.
    pub fn withdrawn(name: &str, evidence: Option<&str>) -> Result<Self, Error> {
        term(name).ok_or_else(|| Error::Fact {
            text: ambit_event::printable(name, 80),
            why: "there is no fact of this name".to_owned(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            value: None,
            knower: None,
            evidence: evidence.map(str::to_owned),
        })
    }

    #[must_use]
    pub fn act(&self) -> Act {
        Act {
            kind: Kind::Fact,
            body: json!({
                "name": self.name, "value": self.value, "knower": self.knower, "evidence": self.evidence,
            }),
        }
    }
}

impl Dossier {
    /// Reads the journal of a case.
    ///
    /// # Errors
    /// As [`crate::Journal::entries`]; [`Error::Body`] names an entry that cannot be understood.
    pub fn of(case: &Case) -> Result<Self, Error> {
        Self::of_first(case, u64::MAX)
    }

    /// The same as the journal stood at an instant: what was signed, computed and sent later is no part of it.
    ///
    /// # Errors
    /// As [`Dossier::of`].
    pub fn at(case: &Case, at: Timestamp) -> Result<Self, Error> {
        let (n_all, n_then) = case.journal().n_at(at)?;
        Ok(Self {
            n_later: n_all - n_then,
            ..Self::of_first(case, n_then)?
        })
    }

    fn of_first(case: &Case, n_entries: u64) -> Result<Self, Error> {
        let mut dossier = Self {
            case: case.name().to_owned(),
            scope: None,
            signed: Facts::default(),
            decided: None,
            issued: Vec::new(),
            sent: Vec::new(),
            n_later: 0,
        };
        if let Some(entry) = case.journal().latest_of_first(Kind::Scope, n_entries)? {
            dossier.scope = Some(standing(entry)?);
        }
        for kind in [Kind::Fact, Kind::Decision, Kind::Notice, Kind::Sent] {
            case.journal().each(kind, |entry| match entry.seq <= n_entries {
                true => dossier.take(entry),
                false => Ok(()),
            })?;
        }
        if let Some((_, scope)) = &mut dossier.scope
            && let Some(open) = outrun(scope, &dossier.signed)
        {
            *scope = open;
        }
        Ok(dossier)
    }

    fn take(&mut self, entry: Entry) -> Result<(), Error> {
        match entry.kind {
            Kind::Fact => self.fact(entry),
            Kind::Decision => self.decision(entry),
            Kind::Notice => self.notice(entry),
            Kind::Sent => self.sent(entry),
            _ => Ok(()),
        }
    }

    fn fact(&mut self, entry: Entry) -> Result<(), Error> {
        let (seq, who, at) = (entry.seq, entry.who, entry.at);
        let body: FactBody = body(seq, entry.body)?;
        let Some(value) = body.value else {
            self.signed.unset(&body.name);
            return Ok(());
        };
        let provenance = Provenance::Signed {
            entry: seq.to_string(),
            by: who,
            at,
            knower: body.knower,
            evidence: body.evidence,
        };
        self.set(seq, &body.name, Fact { value, provenance })
    }

    fn set(&mut self, seq: u64, name: &str, fact: Fact) -> Result<(), Error> {
        self.signed.set(name, fact).map_err(|refused| Error::Body {
            seq,
            why: format!("{refused:?}"),
        })
    }

    /// A decision on disclosure says the risk; others are only notes of the journal.
    fn decision(&mut self, entry: Entry) -> Result<(), Error> {
        let (seq, who, at) = (entry.seq, entry.who, entry.at);
        let body: DecisionBody = body(seq, entry.body)?;
        let Some(risk) = body.risk.as_deref().and_then(Risk::parse) else {
            return Ok(());
        };
        let provenance = Provenance::Signed {
            entry: seq.to_string(),
            by: who.clone(),
            at,
            knower: None,
            evidence: Some(body.reason.clone()),
        };
        let value = Said::Words([risk.name().to_owned()].into());
        self.set(seq, "risk", Fact { value, provenance })?;
        self.decided = Some(Decided {
            entry: seq.to_string(),
            by: who,
            at,
            risk,
            reason: body.reason,
            content_root: body.content_root,
            persons: body.persons,
        });
        Ok(())
    }

    fn notice(&mut self, entry: Entry) -> Result<(), Error> {
        let (seq, by, at) = (entry.seq, entry.who, entry.at);
        let body: NoticeBody = body(seq, entry.body)?;
        let kind = NoticeKind::parse(&body.notice).ok_or_else(|| Error::Body {
            seq,
            why: format!(
                "there is no notice `{}`",
                ambit_event::printable(&body.notice, 60)
            ),
        })?;
        // A later one of the same kind to the same reader stands in its place.
        self.issued
            .retain(|issued| (issued.kind, &issued.person) != (kind, &body.person));
        self.issued.push(Issued {
            entry: seq.to_string(),
            by,
            at,
            kind,
            person: body.person,
            template: body.template,
            language: body.language,
            said: body.said,
        });
        Ok(())
    }

    /// The first sending counts for the deadline.
    fn sent(&mut self, entry: Entry) -> Result<(), Error> {
        let (seq, who, written) = (entry.seq, entry.who, entry.at);
        let body: SentBody = body(seq, entry.body)?;
        let name = format!("sent:{}", body.duty);
        if self.signed.instant(&name).is_none_or(|first| body.at < first) {
            let provenance = Provenance::Signed {
                entry: seq.to_string(),
                by: who.clone(),
                at: written,
                knower: None,
                evidence: Some(body.proof.clone()),
            };
            let value = Said::Instant(body.at);
            self.set(seq, &name, Fact { value, provenance })?;
        }
        self.sent.push(Sent {
            entry: seq,
            duty: body.duty,
            at: body.at,
            by: who,
            proof: body.proof,
            notice: body.notice,
        });
        Ok(())
    }

    /// Whether persons can sign this: names that mean something, an end that does not lie before its beginning.
    ///
    /// # Errors
    /// [`Error::Fact`] says what is wrong with it.
    pub fn check(&self, signed: &[Signed]) -> Result<(), Error> {
        let refused = |text: &str, why: String| Error::Fact {
            text: ambit_event::printable(text, 80),
            why,
        };
        let effects = self.scope.iter().flat_map(|(_, scope)| scope.effects.values());
        let own = effects.flat_map(|classes| classes.keys().cloned()).collect();
        let mut all = self.signed.clone();
        let mut said = Facts::default();
        for signed in signed {
            check_name(&signed.name, &own).map_err(|why| refused(&signed.name, why))?;
            let Some(value) = signed.value.clone() else {
                continue;
            };
            let provenance = Provenance::Signed {
                entry: String::new(),
                by: String::new(),
                at: Timestamp::MAX,
                knower: None,
                evidence: None,
            };
            let fact = Fact { value, provenance };
            for facts in [&mut all, &mut said] {
                let taken = facts.set(&signed.name, fact.clone());
                taken.map_err(|why| refused(&signed.name, format!("{why:?}")))?;
            }
        }
        let known = Known::of(self.standing().as_ref(), &all);
        check_period(&said, &known.facts).map_err(|why| refused("the period", why))
    }

    /// Whether it can have been sent then.
    ///
    /// # Errors
    /// [`Error::Fact`] where the incident had not begun.
    pub fn check_sent(&self, at: Timestamp) -> Result<(), Error> {
        let known = Known::of(self.standing().as_ref(), &self.signed);
        match known.facts.instant("occurred_from") {
            Some(began) if at < began => Err(Error::Fact {
                text: at.to_string(),
                why: format!("nothing was sent of an incident before it began, {began} (occurred_from)"),
            }),
            _ => Ok(()),
        }
    }

    /// The scope as disclosure takes it.
    #[must_use]
    pub fn standing(&self) -> Option<Standing<'_>> {
        self.scope.as_ref().map(|(version, scope)| Standing {
            version: *version,
            scope,
        })
    }

    /// Where disclosure stands at an instant.
    #[must_use]
    pub fn disclosure(&self, regimes: &[Regime], now: Timestamp) -> Disclosure {
        let standing = self.standing();
        Disclosure::of(&Input {
            case: &self.case,
            standing: standing.as_ref(),
            signed: &self.signed,
            decided: self.decided.as_ref(),
            issued: &self.issued,
            regimes,
            now,
            n_later: self.n_later,
        })
    }

    /// Hands what a notice is made from to whoever drafts one.
    pub fn matter<T>(&self, regimes: &[Regime], then: impl FnOnce(&Matter<'_>) -> T) -> T {
        let standing = self.standing();
        let known = Known::of(standing.as_ref(), &self.signed);
        then(&Matter {
            case: &self.case,
            standing: standing.as_ref(),
            known: &known,
            decided: self.decided.as_ref(),
            regimes,
        })
    }
}

impl Act {
    /// What a person decided on disclosure, with the state of things that it was decided on.
    #[must_use]
    pub fn disclosure(risk: Risk, reason: &str, disclosure: &Disclosure) -> Self {
        let assessment = &disclosure.assessment;
        let text = format!("the risk to the persons is {}", risk.name());
        let mut act = Self::decision(&text, reason);
        act.body["risk"] = json!(risk.name());
        act.body["assessed"] =
            json!({ "at_least": assessment.at_least.name(), "at_most": assessment.at_most.name() });
        act.body["content_root"] = json!(disclosure.scope.as_ref().map(|(_, root)| root));
        act.body["lake_version"] = json!(disclosure.scope.as_ref().map(|(version, _)| version));
        act.body["persons"] = json!(ambit_disclose::persons(&disclosure.known.facts));
        act
    }

    /// A notice as it is issued: what it says, and the text whole.
    ///
    /// # Errors
    /// [`Error::NotIssuable`] with what stands between the draft and its issue. The register alone is written as it is:
    /// what is not known yet stands in it as a question.
    pub fn notice(draft: &Draft, template: Option<&str>, root: Option<&str>) -> Result<Self, Error> {
        if !draft.may_be_issued() && draft.kind != NoticeKind::Register {
            return Err(Error::NotIssuable {
                notice: draft.kind.name().to_owned(),
                why: draft
                    .troubles
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n"),
            });
        }
        Ok(Self {
            kind: Kind::Notice,
            body: json!({
                "notice": draft.kind.name(),
                "person": draft.person,
                "template": template,
                "language": (draft.language != "en").then_some(&draft.language),
                "content_root": root,
                "said": draft.said(),
                "text": ambit_disclose::notice_text(draft),
            }),
        })
    }

    /// That something was sent, when, and what proves it.
    #[must_use]
    pub fn sent(duty: &str, at: Timestamp, proof: &str, notice: Option<u64>) -> Self {
        Self {
            kind: Kind::Sent,
            body: json!({ "duty": duty, "at": at, "proof": proof, "notice": notice }),
        }
    }
}

impl Case {
    /// Writes a decision on disclosure down, and with it the register entry that is kept either way.
    ///
    /// # Errors
    /// [`Error::Database`] where the file refuses, [`Error::Body`] for an entry that cannot be read.
    pub fn decide(
        &mut self,
        by: &By,
        risk: Risk,
        reason: &str,
        regimes: &[Regime],
    ) -> Result<(Entry, Entry), Error> {
        let mut dossier = Dossier::of(self)?;
        let before = dossier.disclosure(regimes, by.at);
        let decided = self.append(by, &Act::disclosure(risk, reason, &before))?;
        dossier.take(decided.clone())?;
        let wanted = ambit_disclose::Wanted::of(NoticeKind::Register);
        let draft = dossier.matter(regimes, |matter| ambit_disclose::draft(matter, &wanted));
        let draft = draft.map_err(|error| Error::NotIssuable {
            notice: NoticeKind::Register.name().to_owned(),
            why: error.to_string(),
        })?;
        let root = before.scope.as_ref().map(|(_, root)| root.as_str());
        let register = self.append(by, &Act::notice(&draft, None, root)?)?;
        Ok((decided, register))
    }
}

fn standing(entry: Entry) -> Result<(u64, Scope), Error> {
    let seq = entry.seq;
    let mut value = entry.body;
    let version = value.get("lake_version").and_then(Value::as_u64);
    let answer = value.get_mut("answer").map(Value::take).unwrap_or_default();
    let version = version.ok_or_else(|| Error::Body {
        seq,
        why: "it does not say the version of the lake".to_owned(),
    })?;
    Ok((version, body(seq, answer)?))
}

fn body<T: for<'de> Deserialize<'de>>(seq: u64, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Body {
        seq,
        why: error.to_string(),
    })
}
