//! The list that a person approves: who is written to, in which words, and who is not and why.

use super::addresses::{Addressee, Addresses};
use super::message::{Message, Sender, text_digest};
use super::outbox::{Mailing, Outbox, State};
use crate::{Act, Dossier, Error, Kind};
use ambit_disclose::{Desk, NoticeKind, Regime, Tongue, Wanted, notice_mail};
use ambit_event::printable;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What the list is made from.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'l> {
    /// What persons call it.
    pub name: &'l str,
    pub addresses: &'l Addresses,
    pub tongues: &'l [Tongue],
    /// Where the table names none.
    pub language: &'l str,
    /// Languages without a check whose sentences the approver answers for.
    pub unchecked: &'l BTreeSet<String>,
    pub regimes: &'l [Regime],
    /// Why those too are written to who have, or may have, a letter of another list; else they are not.
    pub again: Option<&'l str>,
}

/// A letter as it was approved; the words themselves are made again and must have the same digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub person: String,
    pub language: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residence: Option<String>,
    /// Digest of the address.
    pub address: String,
    /// Digest of title and text.
    pub text: String,
}

/// A letter that may be approved, or sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    pub planned: Planned,
    pub to: Mailbox,
    pub title: String,
    pub text: String,
}

/// A person who is not on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub person: String,
    pub because: String,
}

/// Everybody, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    pub ready: Vec<Ready>,
    pub left_out: Vec<LeftOut>,
}

impl List {
    /// Drafts a letter to everybody whom the scope names and the table has an address for.
    #[must_use]
    pub fn of(dossier: &Dossier, outbox: &Outbox, listing: &Listing<'_>) -> Self {
        dossier.matter(listing.regimes, |matter| {
            let desk = Desk::of(matter);
            let named: BTreeSet<&str> = desk.persons().into_iter().collect();
            let mut list = Self::default();
            for person in &named {
                match listing.addresses.get(person) {
                    Some(addressee) => list.take(&desk, outbox, listing, addressee),
                    None => list.leave(person, "no address"),
                }
            }
            for addressee in listing.addresses.iter() {
                if !named.contains(addressee.person.as_str()) {
                    list.leave(&addressee.person, "the scope does not name this person");
                }
            }
            list
        })
    }

    fn leave(&mut self, person: &str, because: &str) {
        self.left_out.push(LeftOut {
            person: person.to_owned(),
            because: because.to_owned(),
        });
    }

    fn take(&mut self, desk: &Desk<'_>, outbox: &Outbox, listing: &Listing<'_>, addressee: &Addressee) {
        match ready(desk, outbox, listing, addressee) {
            Ok(ready) => self.ready.push(ready),
            Err(because) => self.leave(&addressee.person, &because),
        }
    }

    /// Why how many are left out, the most frequent reason first.
    #[must_use]
    pub fn reasons(&self) -> Vec<(String, u64)> {
        let mut by: BTreeMap<&str, u64> = BTreeMap::new();
        for left in &self.left_out {
            *by.entry(&left.because).or_default() += 1;
        }
        let mut reasons: Vec<(String, u64)> = by.into_iter().map(|(why, n)| (why.to_owned(), n)).collect();
        reasons.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        reasons
    }

    /// By person.
    #[must_use]
    pub fn by_person(&self) -> BTreeMap<&str, &Ready> {
        let each = self.ready.iter();
        each.map(|ready| (ready.planned.person.as_str(), ready)).collect()
    }
}

/// How many letters that went would say something else now, and of how many that cannot be said.
#[must_use]
pub fn stale(dossier: &Dossier, mailing: &Mailing, tongues: &[Tongue], regimes: &[Regime]) -> (u64, u64) {
    dossier.matter(regimes, |matter| {
        let desk = Desk::of(matter);
        let (mut n_stale, mut n_unclear) = (0, 0);
        for (person, planned) in &mailing.letters {
            let went = mailing.letter(person).filter(|letter| letter.state.may_have_it());
            let Some(went) = went.and_then(|letter| letter.text.as_ref()) else {
                continue;
            };
            let wanted = Wanted {
                person: Some(person),
                tongue: tongues.iter().find(|tongue| tongue.code == planned.language),
                residence: planned.residence.as_deref(),
                ..Wanted::of(NoticeKind::Letter)
            };
            match desk.draft(&wanted).map(|draft| notice_mail(&draft)) {
                Ok(_) if wanted.tongue.is_none() => n_unclear += 1,
                Ok(mail) => n_stale += u64::from(text_digest(&mail.subject, &mail.text) != *went),
                // The scope names the person no longer.
                Err(_) => n_stale += 1,
            }
        }
        (n_stale, n_unclear)
    })
}

impl Ready {
    /// The letter as it goes.
    #[must_use]
    pub fn message(&self, id: String, sender: &Sender) -> Message {
        Message {
            person: self.planned.person.clone(),
            id,
            from: sender.from.clone(),
            reply_to: sender.reply_to.clone(),
            to: self.to.clone(),
            language: self.planned.language.clone(),
            residence: self.planned.residence.clone(),
            title: self.title.clone(),
            text: self.text.clone(),
            digest: self.planned.text.clone(),
        }
    }
}

fn ready(
    desk: &Desk<'_>,
    outbox: &Outbox,
    listing: &Listing<'_>,
    addressee: &Addressee,
) -> Result<Ready, String> {
    told_already(outbox, listing, addressee)?;
    let code = addressee.language.as_deref().unwrap_or(listing.language);
    let tongue = listing.tongues.iter().find(|tongue| tongue.code == code);
    let tongue = tongue.ok_or_else(|| format!("there are no sentences in `{code}`"))?;
    if !tongue.is_checked() && !listing.unchecked.contains(code) {
        return Err(format!(
            "nothing checks sentences in `{code}`, and nobody answers for them"
        ));
    }
    let wanted = Wanted {
        person: Some(&addressee.person),
        tongue: Some(tongue),
        residence: addressee.residence.as_deref(),
        ..Wanted::of(NoticeKind::Letter)
    };
    let draft = desk.draft(&wanted).map_err(|why| why.to_string())?;
    if let Some(trouble) = draft.troubles.first() {
        // The same of many persons is told once: who it is about stands beside it.
        let told = trouble.to_string().replace(addressee.person.as_str(), "…");
        return Err(printable(&told, 300));
    }
    let mail = notice_mail(&draft);
    Ok(Ready {
        planned: Planned {
            person: addressee.person.clone(),
            language: code.to_owned(),
            residence: addressee.residence.clone(),
            address: addressee.digest(),
            text: text_digest(&mail.subject, &mail.text),
        },
        to: Mailbox::new(addressee.name.clone(), addressee.email.clone()),
        title: mail.subject,
        text: mail.text,
    })
}

/// One letter a person, whatever the list is called, unless somebody decides otherwise.
fn told_already(outbox: &Outbox, listing: &Listing<'_>, addressee: &Addressee) -> Result<(), String> {
    let person = addressee.person.as_str();
    for mailing in outbox.mailings.values() {
        let state = mailing.state(person);
        if mailing.name == listing.name {
            // Of the same list: whoever has it stays on it as they are, and is not written to again.
            continue;
        }
        if state.may_have_it() && listing.again.is_none() {
            return Err(format!(
                "has a letter of the list `{}` ({})",
                mailing.name,
                state.name()
            ));
        }
        if state == State::Deferred && listing.again.is_none() {
            return Err(format!("waits for the letter of the list `{}`", mailing.name));
        }
    }
    Ok(())
}

impl Act {
    /// A person approves a list.
    ///
    /// # Errors
    /// [`Error::NotIssuable`] where nobody is on it.
    pub fn mailing(
        list: &List,
        listing: &Listing<'_>,
        sender: &Sender,
        root: Option<&str>,
    ) -> Result<Self, Error> {
        if list.ready.is_empty() {
            let reasons = list.reasons();
            let told = reasons.iter().take(5).map(|(why, n)| format!("{n}: {why}"));
            return Err(Error::NotIssuable {
                notice: "letter".to_owned(),
                why: format!("nobody is on the list\n{}", told.collect::<Vec<_>>().join("\n")),
            });
        }
        let used: BTreeSet<&str> = list.ready.iter().map(|r| r.planned.language.as_str()).collect();
        let unchecked: Vec<&String> = listing
            .unchecked
            .iter()
            .filter(|code| used.contains(code.as_str()))
            .collect();
        Ok(Self {
            kind: Kind::Mailing,
            body: json!({
                "mailing": listing.name,
                "from": sender.from.to_string(),
                "reply_to": sender.reply_to.as_ref().map(ToString::to_string),
                "content_root": root,
                "language": listing.language,
                "unchecked": unchecked,
                "again": listing.again,
                "letters": list.ready.iter().map(|ready| &ready.planned).collect::<Vec<_>>(),
                "n_left_out": list.left_out.len(),
                "left_out": list.reasons(),
            }),
        })
    }

    /// A person decides that these are written to once more.
    #[must_use]
    pub fn letters_again(mailing: &str, persons: &[String], reason: &str) -> Self {
        let n = persons.len();
        let mut act = Self::decision(
            &format!("letters of `{mailing}` go once more to {n} persons"),
            reason,
        );
        act.body["letters_again"] = json!({ "mailing": mailing, "persons": persons });
        act
    }
}
