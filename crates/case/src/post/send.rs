//! Sending what was approved: the intent on disk before the text goes, the outcome after.

use super::list::{List, Ready};
use super::message::{Message, Sender};
use super::outbox::{Letter, Outbox, State};
use crate::{Act, By, Case, Error, Kind};
use ambit_event::{Timestamp, printable};
use serde_json::json;
use std::time::Duration;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Somebody took the letter and answers for it now.
    Taken { reply: String },
    /// Not now; nothing went.
    Later { reply: String },
    /// Never; nothing went.
    Refused { reply: String },
    /// The text was on its way and no answer came.
    Lost { why: String },
    /// Nothing went, and the next letter will fare no better.
    Unreached { why: String },
    /// As `Unreached`, and asking again changes nothing: a person must do something first.
    Barred { why: String },
}

/// Whatever carries letters.
pub trait Carrier {
    /// For the journal: by which way.
    fn name(&self) -> String;

    /// Carries one letter. `at` stands in it as its date.
    fn carry(&mut self, message: &Message, at: Timestamp) -> Answer;
}

/// Time comes from outside.
pub trait Clock {
    fn now(&mut self) -> By;

    fn wait(&mut self, time: Duration);
}

/// How fast, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between the beginnings of two letters.
    pub between: Duration,
    /// Letters whose intent is written down together: so many may be uncertain after a crash.
    pub at_once: usize,
    /// After how many refusals for the time being a letter counts as refused.
    pub most_attempts: u32,
    /// How long a letter rests after the first of them; twice as long after each further one.
    pub rest: Duration,
}

/// What one run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    pub n_sent: u64,
    pub n_refused: u64,
    pub n_deferred: u64,
    pub n_lost: u64,
    /// Not tried: approved with other words or another address than there are now.
    pub n_changed: u64,
    /// Not tried: refused for the time being, and its time has not come.
    pub n_resting: u64,
    pub stopped: Option<Stopped>,
}

/// Why a run ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    pub why: String,
}

/// Refusals one after another that speak of us rather than of addresses.
const MOST_REFUSED_IN_A_ROW: u32 = 25;

/// Times that a carrier is asked again where it cannot be reached, with a pause that doubles.
const MOST_UNREACHED: u32 = 4;

/// The longest reply that is kept, in characters.
const LONGEST_REPLY: usize = 500;

/// Sends what is approved under the name and was not sent. Nothing is tried twice of which it is not certain that it
/// did not go.
///
/// # Errors
/// [`Error::NotIssuable`] where nobody approved such a list, [`Error::Database`] where the journal refuses: then
/// nothing more goes.
pub fn send(
    case: &mut Case,
    mailing: &str,
    list: &List,
    sender: &Sender,
    pace: &Pace,
    carrier: &mut dyn Carrier,
    clock: &mut dyn Clock,
) -> Result<Sending, Error> {
    let outbox = Outbox::of(case)?;
    let Some(approved) = outbox.mailings.get(mailing) else {
        return Err(Error::NotIssuable {
            notice: "letter".to_owned(),
            why: format!("nobody approved a list `{}`", printable(mailing, 80)),
        });
    };
    let mut sending = Sending::default();
    let now = clock.now().at;
    let ready = list.by_person();
    let mut due: Vec<(&Ready, u32)> = Vec::new();
    for (person, planned) in &approved.letters {
        let letter = approved.letter(person);
        match letter.map_or(State::NotSent, |letter| letter.state) {
            State::NotSent => {}
            State::Deferred if letter.is_some_and(|letter| rests(letter, pace, now)) => {
                sending.n_resting += 1;
                continue;
            }
            State::Deferred => {}
            // Whoever could not be reached has another address now.
            State::Bounced if letter.is_some_and(|letter| letter.went_elsewhere(planned)) => {}
            _ => continue,
        }
        let before = letter.map_or(0, |letter| match letter.went_elsewhere(planned) {
            true => 0,
            false => letter.n_deferred,
        });
        match ready
            .get(person.as_str())
            .filter(|ready| ready.planned == *planned)
        {
            Some(ready) if approved.from == sender.from.to_string() => due.push((*ready, before)),
            _ => sending.n_changed += 1,
        }
    }
    let mut post = Post {
        case,
        mailing,
        carrier,
        clock,
        pace,
        results: Vec::new(),
        n_refused_in_a_row: 0,
    };
    for batch in due.chunks(pace.at_once.max(1)) {
        let messages: Vec<(Message, u32)> = batch
            .iter()
            .map(|(ready, before)| {
                let id = approved.message_id(&ready.planned.person);
                (ready.message(id, sender), *before)
            })
            .collect();
        post.batch(&messages, batch, &mut sending)?;
        if sending.stopped.is_some() {
            break;
        }
    }
    post.flush()?;
    Ok(sending)
}

fn rests(letter: &Letter, pace: &Pace, now: Timestamp) -> bool {
    let doublings = letter.n_deferred.saturating_sub(1).min(10);
    let rest = pace.rest.saturating_mul(1 << doublings);
    let until = letter.at.map_or(0, |at| {
        at.0.saturating_add(i64::try_from(rest.as_nanos()).unwrap_or(i64::MAX))
    });
    now.0 < until
}

struct Post<'p> {
    case: &'p mut Case,
    mailing: &'p str,
    carrier: &'p mut dyn Carrier,
    clock: &'p mut dyn Clock,
    pace: &'p Pace,
    /// Outcomes that go to disk with the next intents.
    results: Vec<Act>,
    n_refused_in_a_row: u32,
}

impl Post<'_> {
    /// One commit holds the outcomes of the last letters and the intents of these.
    fn batch(
        &mut self,
        messages: &[(Message, u32)],
        ready: &[(&Ready, u32)],
        sending: &mut Sending,
    ) -> Result<(), Error> {
        let through = self.carrier.name();
        let begun = ready.iter().map(|(ready, _)| {
            let planned = &ready.planned;
            letter_act(
                self.mailing,
                &planned.person,
                State::Begun,
                json!({ "through": through, "address": planned.address, "text": planned.text }),
            )
        });
        self.results.extend(begun);
        self.flush()?;
        for (n, (message, before)) in messages.iter().enumerate() {
            if sending.stopped.is_some() {
                // The intent was written down, and nothing went.
                self.note(message, State::NotSent, "not tried");
                continue;
            }
            let answer = self.carried(message);
            self.settle(message, *before, answer, sending);
            let is_last = n + 1 == messages.len();
            if !self.pace.between.is_zero() {
                if is_last {
                    self.flush()?;
                }
                self.clock.wait(self.pace.between);
            }
        }
        Ok(())
    }

    /// Asks again where the carrier cannot be reached: nothing went then.
    fn carried(&mut self, message: &Message) -> Answer {
        let mut pause = Duration::from_millis(500);
        for _ in 1..MOST_UNREACHED {
            let at = self.clock.now().at;
            match self.carrier.carry(message, at) {
                Answer::Unreached { .. } => self.clock.wait(pause),
                answer => return answer,
            }
            pause = pause.saturating_mul(3);
        }
        let at = self.clock.now().at;
        self.carrier.carry(message, at)
    }

    fn settle(&mut self, message: &Message, before: u32, answer: Answer, sending: &mut Sending) {
        let is_refused = matches!(answer, Answer::Refused { .. });
        match answer {
            Answer::Taken { reply } => {
                sending.n_sent += 1;
                self.note(message, State::Sent, &reply);
            }
            Answer::Later { reply } if before + 1 >= self.pace.most_attempts => {
                sending.n_refused += 1;
                let told = format!(
                    "refused for the time being {} times; the last reply: {reply}",
                    before + 1
                );
                self.note(message, State::Bounced, &told);
            }
            Answer::Later { reply } => {
                sending.n_deferred += 1;
                self.note(message, State::Deferred, &reply);
            }
            Answer::Refused { reply } => {
                sending.n_refused += 1;
                self.note(message, State::Bounced, &reply);
            }
            Answer::Lost { why } => {
                sending.n_lost += 1;
                self.note(message, State::Uncertain, &why);
            }
            Answer::Unreached { why } | Answer::Barred { why } => {
                self.note(message, State::NotSent, &why);
                sending.stopped = Some(Stopped { why });
            }
        }
        self.n_refused_in_a_row = if is_refused {
            self.n_refused_in_a_row + 1
        } else {
            0
        };
        if self.n_refused_in_a_row >= MOST_REFUSED_IN_A_ROW {
            sending.stopped = Some(Stopped {
                why: format!(
                    "{MOST_REFUSED_IN_A_ROW} letters in a row were refused, which speaks of the way rather than of the addresses"
                ),
            });
        }
    }

    fn note(&mut self, message: &Message, state: State, reply: &str) {
        self.results.push(letter_act(
            self.mailing,
            &message.person,
            state,
            json!({ "reply": printable(reply, LONGEST_REPLY) }),
        ));
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.results.is_empty() {
            return Ok(());
        }
        let by = self.clock.now();
        self.case.append_all(&by, &self.results)?;
        self.results.clear();
        Ok(())
    }
}

/// What became of a letter, or is about to.
pub(super) fn letter_act(mailing: &str, person: &str, state: State, more: serde_json::Value) -> Act {
    let mut body = json!({ "mailing": mailing, "person": person, "state": state });
    if let (Some(body), serde_json::Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    Act {
        kind: Kind::Letter,
        body,
    }
}

/// Hands the letters that were not sent to somebody who sends them: the intent first, then `write`, then that it is done.
///
/// # Errors
/// As [`send`]; what `write` refuses leaves everybody as they were.
pub fn hand_over(
    case: &mut Case,
    mailing: &str,
    list: &List,
    sender: &Sender,
    through: &str,
    clock: &mut dyn Clock,
    write: &mut dyn FnMut(&[Message]) -> Result<(), String>,
) -> Result<u64, Error> {
    let outbox = Outbox::of(case)?;
    let approved = outbox.mailings.get(mailing).ok_or_else(|| Error::NotIssuable {
        notice: "letter".to_owned(),
        why: format!("nobody approved a list `{}`", printable(mailing, 80)),
    })?;
    let ready = list.by_person();
    let due: Vec<&Ready> = approved
        .letters
        .iter()
        .filter(|(person, _)| matches!(approved.state(person), State::NotSent | State::Deferred))
        .filter_map(|(person, planned)| {
            ready
                .get(person.as_str())
                .copied()
                .filter(|r| r.planned == *planned)
        })
        .collect();
    let messages: Vec<Message> = due
        .iter()
        .map(|ready| ready.message(approved.message_id(&ready.planned.person), sender))
        .collect();
    let acts = |state: State, reply: &str| -> Vec<Act> {
        let each = due.iter().map(|ready| {
            let planned = &ready.planned;
            letter_act(
                mailing,
                &planned.person,
                state,
                json!({ "through": through, "address": planned.address, "text": planned.text, "reply": reply }),
            )
        });
        each.collect()
    };
    case.append_all(&clock.now(), &acts(State::Begun, ""))?;
    let (state, told) = match write(&messages) {
        Ok(()) => (State::HandedOver, String::new()),
        Err(why) => (State::NotSent, why),
    };
    case.append_all(&clock.now(), &acts(state, &told))?;
    match state {
        State::HandedOver => Ok(messages.len() as u64),
        _ => Err(Error::NotIssuable {
            notice: "letter".to_owned(),
            why: told,
        }),
    }
}
