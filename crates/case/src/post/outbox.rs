//! What the journal says of letters: who is on which list, and what became of each.

use crate::journal::Journal;
use crate::{Case, Entry, Error, Kind};
use ambit_event::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use super::list::Planned;

/// Where the letter to one person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Approved, and nothing was tried.
    NotSent,
    /// About to go. Found by whoever did not write it: nobody knows.
    Begun,
    /// A mail server or service took it.
    Sent,
    /// Refused for the time being.
    Deferred,
    /// Refused, or sent back.
    Bounced,
    /// Given to somebody who sends it.
    HandedOver,
    /// The text was on its way when the line broke: nobody knows.
    Uncertain,
}

impl State {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Begun | Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::HandedOver => "handed_over",
        }
    }

    /// Whether the person may have the letter, so that another would be a second one.
    #[must_use]
    pub const fn may_have_it(self) -> bool {
        matches!(
            self,
            Self::Begun | Self::Sent | Self::HandedOver | Self::Uncertain
        )
    }
}

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub state: State,
    pub at: Option<Timestamp>,
    /// What the server, the service or the report said.
    pub reply: Option<String>,
    pub through: Option<String>,
    /// How often it was refused for the time being.
    pub n_deferred: u32,
    /// Digest of the address that it went to.
    pub address: Option<String>,
    /// Digest of the text that went.
    pub text: Option<String>,
}

/// One approved list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailing {
    /// How persons call it; one person gets one letter of it.
    pub name: String,
    /// The newest entry that approved it.
    pub entry: u64,
    pub at: Timestamp,
    pub by: String,
    /// Hash of the first entry of this name: what its message ids are made from.
    pub seal: String,
    pub content_root: Option<String>,
    pub from: String,
    pub reply_to: Option<String>,
    /// The language of those whose own is not known.
    pub language: String,
    /// Languages that nothing checks, for which whoever approved answers.
    pub unchecked: BTreeSet<String>,
    /// Why those who have a letter of another list are written to.
    pub again: Option<String>,
    pub letters: BTreeMap<String, Planned>,
    pub(super) states: BTreeMap<String, Letter>,
    pub n_left_out: u64,
}

/// All of them, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbox {
    pub mailings: BTreeMap<String, Mailing>,
}

/// How many persons stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub listed: u64,
    pub sent: u64,
    pub handed_over: u64,
    pub bounced: u64,
    pub uncertain: u64,
    pub deferred: u64,
    pub not_sent: u64,
}

#[derive(Deserialize)]
struct MailingBody {
    mailing: String,
    from: String,
    reply_to: Option<String>,
    #[serde(default = "english")]
    language: String,
    #[serde(default)]
    unchecked: BTreeSet<String>,
    again: Option<String>,
    content_root: Option<String>,
    letters: Vec<Planned>,
    #[serde(default)]
    n_left_out: u64,
}

#[derive(Deserialize)]
struct LetterBody {
    mailing: String,
    person: String,
    state: State,
    reply: Option<String>,
    through: Option<String>,
    address: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct AgainBody {
    mailing: String,
    persons: Vec<String>,
}

impl Outbox {
    /// Reads what the journal says of letters.
    ///
    /// # Errors
    /// As [`crate::Journal::entries`]; [`Error::Body`] names an entry that cannot be understood.
    pub fn of(case: &Case) -> Result<Self, Error> {
        Self::of_first(case, u64::MAX)
    }

    /// The same as the journal stood at an instant.
    ///
    /// # Errors
    /// As [`Outbox::of`].
    pub fn at(case: &Case, at: Timestamp) -> Result<Self, Error> {
        let (_, n_then) = case.journal().n_at(at)?;
        Self::of_first(case, n_then)
    }

    fn of_first(case: &Case, n_entries: u64) -> Result<Self, Error> {
        let mut outbox = Self::default();
        outbox.read(case.journal(), n_entries)?;
        Ok(outbox)
    }

    fn read(&mut self, journal: &Journal, n_entries: u64) -> Result<(), Error> {
        let kinds = [Kind::Mailing, Kind::Letter, Kind::Decision];
        journal.each_of(&kinds, |entry| match entry.seq <= n_entries {
            true => self.take(entry),
            false => Ok(()),
        })
    }

    /// Takes one entry more, in order.
    pub(super) fn take(&mut self, entry: Entry) -> Result<(), Error> {
        match entry.kind {
            Kind::Mailing => self.mailing(entry),
            Kind::Letter => self.letter(&entry),
            Kind::Decision => self.again(&entry),
            _ => Ok(()),
        }
    }

    /// A list of the same name stands in the place of the earlier one; what became of its letters stays.
    fn mailing(&mut self, entry: Entry) -> Result<(), Error> {
        let (seq, at, by, hash) = (entry.seq, entry.at, entry.who, entry.hash);
        let body: MailingBody = body(seq, entry.body)?;
        let earlier = self.mailings.remove(&body.mailing);
        let (seal, states) = earlier.map_or((hash, BTreeMap::new()), |old| (old.seal, old.states));
        let letters = body
            .letters
            .into_iter()
            .map(|planned| (planned.person.clone(), planned));
        let mailing = Mailing {
            name: body.mailing.clone(),
            entry: seq,
            at,
            by,
            seal,
            content_root: body.content_root,
            from: body.from,
            reply_to: body.reply_to,
            language: body.language,
            unchecked: body.unchecked,
            again: body.again,
            letters: letters.collect(),
            states,
            n_left_out: body.n_left_out,
        };
        self.mailings.insert(body.mailing, mailing);
        Ok(())
    }

    fn letter(&mut self, entry: &Entry) -> Result<(), Error> {
        let body: LetterBody = body(entry.seq, entry.body.clone())?;
        let Some(mailing) = self.mailings.get_mut(&body.mailing) else {
            return Err(Error::Body {
                seq: entry.seq,
                why: "a letter of a list that nobody approved".to_owned(),
            });
        };
        let before = mailing.states.remove(&body.person);
        let earlier = before.as_ref();
        let is_elsewhere =
            body.address.is_some() && earlier.is_some_and(|letter| letter.address != body.address);
        let n_deferred = earlier
            .filter(|_| !is_elsewhere)
            .map_or(0, |letter| letter.n_deferred);
        let letter = Letter {
            state: body.state,
            at: Some(entry.at),
            reply: body.reply,
            through: body.through.or_else(|| earlier?.through.clone()),
            n_deferred: n_deferred + u32::from(body.state == State::Deferred),
            address: body.address.or_else(|| earlier?.address.clone()),
            text: body.text.or_else(|| earlier?.text.clone()),
        };
        mailing.states.insert(body.person, letter);
        Ok(())
    }

    /// A person decided that somebody is written to again.
    fn again(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(again) = entry.body.get("letters_again") else {
            return Ok(());
        };
        let body: AgainBody = body(entry.seq, again.clone())?;
        if let Some(mailing) = self.mailings.get_mut(&body.mailing) {
            for person in &body.persons {
                mailing.states.remove(person);
            }
        }
        Ok(())
    }
}

impl Letter {
    /// Whether it went to another address than the one that is approved now.
    pub(super) fn went_elsewhere(&self, planned: &Planned) -> bool {
        self.address
            .as_ref()
            .is_some_and(|address| *address != planned.address)
    }
}

impl Mailing {
    #[must_use]
    pub fn state(&self, person: &str) -> State {
        self.states
            .get(person)
            .map_or(State::NotSent, |letter| letter.state)
    }

    #[must_use]
    pub fn letter(&self, person: &str) -> Option<&Letter> {
        self.states.get(person)
    }

    /// Everybody who is or was on the list, in order: a shorter list forgets nobody who was written to.
    pub fn persons(&self) -> impl Iterator<Item = (&str, State)> {
        let gone = self
            .states
            .keys()
            .filter(|person| !self.letters.contains_key(*person));
        let mut all: Vec<&str> = self.letters.keys().chain(gone).map(String::as_str).collect();
        all.sort_unstable();
        all.into_iter().map(|person| (person, self.state(person)))
    }

    /// The id of the message to a person: the same whenever it is sent, and nothing that tells who it is.
    #[must_use]
    pub fn message_id(&self, person: &str) -> String {
        super::message::message_id(&self.seal, person, &self.from)
    }

    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (_, state) in self.persons() {
            tally.listed += 1;
            match state {
                State::NotSent => tally.not_sent += 1,
                State::Begun | State::Uncertain => tally.uncertain += 1,
                State::Sent => tally.sent += 1,
                State::Deferred => tally.deferred += 1,
                State::Bounced => tally.bounced += 1,
                State::HandedOver => tally.handed_over += 1,
            }
        }
        tally
    }
}

impl Tally {
    /// Whether a letter is on its way to everybody, and none came back.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.sent + self.handed_over == self.listed
    }
}

fn english() -> String {
    "en".to_owned()
}

fn body<T: for<'de> Deserialize<'de>>(seq: u64, value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Body {
        seq,
        why: error.to_string(),
    })
}
