//! Behaviours that no signature states. One file each: what it looks for, its parameters, how often it may be wrong.
//!
//! A behaviour is a fold over the events of one group (of an address, an account, a session) in the events' own time,
//! as correlations are. It tells what is worth a look; it never says that somebody is an intruder.

mod brute_force;
mod bulk_export;
mod dormant;
mod enumeration;
mod first_seen;
mod impossible_travel;
mod log_tampering;
mod login;
mod many_subjects;
mod no_login;
mod old_version;
mod peers;
mod probing;
mod recent;
mod seen;
mod spraying;
mod stuffing;
mod two_places;
mod volume;
mod web_attack;

use crate::stream::{Change, Clock, Fold, Key, Keyed, Limits, Stamp};
use ambit_event::{Finding, Level, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) use seen::{Around, Seen};

/// What a behaviour says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet {
    /// The id of the rule in its findings.
    pub id: &'static str,
    pub title: &'static str,
    /// What its findings weigh, where it does not say otherwise with the finding.
    pub level: Level,
    /// ATT&CK techniques.
    pub attack: &'static [&'static str],
    /// What it looks for, in a sentence or two.
    pub doc: &'static str,
    /// How often it may be wrong.
    pub budget: &'static str,
}

/// A behaviour for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The name by which its parameters are given.
    pub name: &'static str,
    pub sheet: Sheet,
    /// By their names, in order; null where nothing is set.
    pub parameters: BTreeMap<String, Value>,
}

fn parameters(defaults: &impl Serialize) -> BTreeMap<String, Value> {
    match serde_json::to_value(defaults) {
        Ok(Value::Object(all)) => all.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

/// A fold that knows which events are its members.
pub(crate) trait Behaviour: Fold<Member: Send, State: Send> + Sized + Send + 'static {
    const SHEET: Sheet;

    /// Sets it to work, with at most so many groups.
    fn watch(self, most_groups: usize) -> Box<dyn Watch> {
        Box::new(Watching(Keyed::new(Self::SHEET.id, self, most_groups)))
    }

    /// Gives the members that the event is, each with its group.
    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Self::Member));
}

/// A behaviour at work.
pub(crate) trait Watch: Send {
    fn sheet(&self) -> Sheet;
    fn take(&mut self, seen: &Seen<'_>, clock: &Clock) -> Vec<Change>;
    fn sweep(&mut self, clock: &Clock) -> Vec<Change>;
    fn catch_up(&mut self, clock: &Clock) -> Vec<Change>;
    fn finish(&mut self, clock: &Clock) -> Vec<Change>;
    fn limits(&self) -> Limits;
}

struct Watching<B: Behaviour>(Keyed<B>);

impl<B: Behaviour> Watch for Watching<B> {
    fn sheet(&self) -> Sheet {
        B::SHEET
    }

    fn take(&mut self, seen: &Seen<'_>, clock: &Clock) -> Vec<Change> {
        let mut members = Vec::new();
        self.0
            .fold
            .members(seen, &mut |key, member| members.push((key, member)));
        let mut told = Vec::new();
        for (part, (key, member)) in (0..).zip(members) {
            let at = stamp(seen, part);
            told.extend(self.0.take(&key, at, member, clock));
        }
        changes(told)
    }

    fn sweep(&mut self, clock: &Clock) -> Vec<Change> {
        changes(self.0.sweep(clock))
    }

    fn catch_up(&mut self, clock: &Clock) -> Vec<Change> {
        changes(self.0.catch_up(clock))
    }

    fn finish(&mut self, clock: &Clock) -> Vec<Change> {
        changes(self.0.finish(clock))
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }
}

fn changes(told: Vec<(Key, Vec<Change>)>) -> Vec<Change> {
    told.into_iter().flat_map(|(_, changes)| changes).collect()
}

/// Where the nth member of an event stands.
fn stamp(seen: &Seen<'_>, part: u32) -> Stamp {
    Stamp {
        time: seen.event.time,
        id: seen.event.id,
        part,
    }
}

macro_rules! behaviours {
    ($($name:ident $type:path;)*) => {
        /// The behaviours that are looked for, with their parameters.
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Behaviours {
            /// Behaviours that are not looked for, by their names here.
            off: Vec<String>,
            /// The database of places, as it was written.
            places: Option<String>,
            $($name: $type,)*
        }

        impl Behaviours {
            /// The names by which parameters are given.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// What each of them says of itself.
            #[must_use]
            pub fn sheets() -> Vec<Sheet> {
                vec![$(<$type as Behaviour>::SHEET,)*]
            }

            /// The same, each with its name and its parameters as they are where nobody sets them.
            #[must_use]
            pub fn described() -> Vec<Described> {
                vec![$(Described {
                    name: stringify!($name),
                    sheet: <$type as Behaviour>::SHEET,
                    parameters: parameters(&<$type>::default()),
                },)*]
            }

            pub(crate) fn watches(&self, most_groups: usize) -> Vec<Box<dyn Watch>> {
                let mut watches: Vec<Box<dyn Watch>> = Vec::new();
                $(if !self.off.iter().any(|name| name == stringify!($name)) {
                    watches.push(self.$name.clone().watch(most_groups));
                })*
                watches
            }
        }
    };
}

behaviours! {
    brute_force brute_force::BruteForce;
    spraying spraying::Spraying;
    stuffing stuffing::Stuffing;
    two_places two_places::TwoPlaces;
    impossible_travel impossible_travel::ImpossibleTravel;
    no_login no_login::NoLogin;
    first_seen first_seen::FirstSeen;
    dormant dormant::Dormant;
    enumeration enumeration::Enumeration;
    many_subjects many_subjects::ManySubjects;
    volume volume::Volume;
    bulk_export bulk_export::BulkExport;
    old_version old_version::OldVersion;
    web_attack web_attack::WebAttack;
    probing probing::Probing;
    log_tampering log_tampering::LogTampering;
}

impl Behaviours {
    /// Where that may lie which a finding misses: in which sources, and over which time. `None` where it rests on what is
    /// there.
    pub(crate) fn looks_back(&self, finding: &Finding) -> Option<(&[String], Span)> {
        let is_of = finding.rule_id == no_login::NoLogin::SHEET.id;
        is_of.then(|| self.no_login.looks_back(finding))
    }

    /// None of them.
    #[must_use]
    pub fn none() -> Self {
        Self {
            off: Self::NAMES.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// The database of places that the parameters name, as they write it.
    #[must_use]
    pub fn places(&self) -> Option<&str> {
        self.places.as_deref()
    }

    /// Reads their parameters: a table for each, `off` with the names of those that are not wanted, and `places` with
    /// the file of a database of places.
    ///
    /// # Errors
    /// [`crate::Error::Behaviours`] where a name or a value means nothing.
    pub fn parse(text: &str, origin: &str) -> Result<Self, crate::Error> {
        let bad = |why: String| crate::Error::Behaviours {
            origin: origin.to_owned(),
            why,
        };
        let read: Self = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        match read.off.iter().find(|name| !Self::NAMES.contains(&name.as_str())) {
            Some(name) => Err(bad(format!("`{name}` is no behaviour"))),
            None => Ok(read),
        }
    }
}
