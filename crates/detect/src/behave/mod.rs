//! Behaviours that no signature states. One file each: what it looks for, its parameters, how often it may be wrong.
//!
//! A behaviour is a fold over the events of one group (of an address, an account, a session) in the events' own time,
//! as correlations are. It tells what is worth a look; it never says that somebody is an intruder.

mod brute_force;
mod bulk_export;
mod dormant;
mod enumeration;
mod first_seen;
mod log_tampering;
mod login;
mod many_subjects;
mod no_login;
mod old_version;
mod probing;
mod recent;
mod seen;
mod spraying;
mod stuffing;
mod two_places;
mod volume;
mod web_attack;

use crate::stream::{Change, Clock, Fold, Key, Keyed, Limits, Stamp};
use ambit_event::Level;
use serde::Deserialize;

pub(crate) use seen::Seen;

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

/// A fold that knows which events are its members.
pub(crate) trait Behaviour: Fold {
    const SHEET: Sheet;

    /// Gives the members that the event is, each with its group.
    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Self::Member));
}

/// A behaviour at work.
pub(crate) trait Watch: Send {
    fn sheet(&self) -> Sheet;
    fn take(&mut self, seen: &Seen<'_>, clock: &Clock) -> Vec<Change>;
    fn sweep(&mut self, clock: &Clock) -> Vec<Change>;
    fn finish(&mut self, clock: &Clock) -> Vec<Change>;
    fn limits(&self) -> Limits;
}

struct Watching<B: Behaviour>(Keyed<B>);

impl<B> Watch for Watching<B>
where
    B: Behaviour + Send,
    B::Member: Send,
    B::State: Send,
{
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
            let at = Stamp {
                time: seen.event.time,
                id: seen.event.id,
                part,
            };
            told.extend(self.0.take(&key, at, member, clock));
        }
        told.into_iter().flat_map(|(_, changes)| changes).collect()
    }

    fn sweep(&mut self, clock: &Clock) -> Vec<Change> {
        let told = self.0.sweep(clock);
        told.into_iter().flat_map(|(_, changes)| changes).collect()
    }

    fn finish(&mut self, clock: &Clock) -> Vec<Change> {
        let told = self.0.finish(clock);
        told.into_iter().flat_map(|(_, changes)| changes).collect()
    }

    fn limits(&self) -> Limits {
        self.0.limits()
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

            pub(crate) fn watches(&self, most_groups: usize) -> Vec<Box<dyn Watch>> {
                let mut watches: Vec<Box<dyn Watch>> = Vec::new();
                $(if !self.off.iter().any(|name| name == stringify!($name)) {
                    let id = <$type as Behaviour>::SHEET.id;
                    watches.push(Box::new(Watching(Keyed::new(id, self.$name.clone(), most_groups))));
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
    /// None of them.
    #[must_use]
    pub fn none() -> Self {
        Self {
            off: Self::NAMES.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Reads their parameters: a table for each, and `off` with the names of those that are not wanted.
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
