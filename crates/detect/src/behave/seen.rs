//! An event as behaviours look at it.

use super::login::{self, Login};
use crate::places::{Place, Places};
use crate::stream::{Key, Names, Who};
use ambit_event::{Event, Timestamp};
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

/// What is known besides an event itself.
#[derive(Clone, Copy)]
pub(crate) struct Around<'e> {
    /// The earliest record of each source that came so far.
    pub since: &'e BTreeMap<String, Timestamp>,
    /// The database of places, where there is one.
    pub places: Option<&'e Places>,
    /// The names of sources and hosts.
    pub names: &'e RefCell<Names>,
}

/// An event, and what several behaviours need of it, worked out once.
pub(crate) struct Seen<'e> {
    pub event: &'e Event,
    around: Around<'e>,
    who: OnceCell<Arc<Who>>,
    place: OnceCell<Option<Place>>,
    login: OnceCell<Option<Login>>,
}

impl<'e> Seen<'e> {
    pub fn new(event: &'e Event, around: Around<'e>) -> Self {
        Self {
            event,
            around,
            who: OnceCell::new(),
            place: OnceCell::new(),
            login: OnceCell::new(),
        }
    }

    /// Nanoseconds since the earliest record of its source that came so far.
    pub fn age(&self) -> i64 {
        let since = self.since(&self.event.source);
        since.map_or(0, |since| self.event.time.0.saturating_sub(since.0))
    }

    /// The earliest record of a source that came so far.
    pub fn since(&self, source: &str) -> Option<Timestamp> {
        self.around.since.get(source).copied()
    }

    /// Where the address is, as far as a database says.
    pub fn place(&self) -> Option<Place> {
        *self
            .place
            .get_or_init(|| self.around.places?.of(ip(self.address()?)?))
    }

    /// The attempt to log in that the event tells of.
    pub fn login(&self) -> Option<&Login> {
        self.login.get_or_init(|| login::of(self)).as_ref()
    }

    pub fn who(&self) -> Arc<Who> {
        Arc::clone(self.who.get_or_init(|| {
            let mut names = self.around.names.borrow_mut();
            names.who(self.event)
        }))
    }

    /// The address, if it is one that says where somebody is.
    pub fn address(&self) -> Option<&'e str> {
        self.event.src_ip.as_deref().filter(|ip| !ip.is_empty())
    }

    /// The account with its realm, as one text.
    pub fn account(&self) -> Option<Box<str>> {
        let user = self.event.actor_user.as_deref()?;
        let is_nobody = matches!(user, "" | "-" | "anonymous" | "system:anonymous");
        let realm = self.event.actor_realm.as_deref().unwrap_or("");
        (!is_nobody).then(|| format!("{realm}/{user}").into())
    }

    /// Who acts: an account, else a session or token, else an address.
    pub fn principal(&self) -> Option<Box<str>> {
        let event = self.event;
        let session = event
            .actor_session
            .as_deref()
            .or(event.actor_credential.as_deref());
        self.account()
            .or_else(|| session.map(Into::into))
            .or_else(|| self.address().map(Into::into))
    }

    pub fn class(&self) -> &'e str {
        self.event.class.as_deref().unwrap_or("")
    }
}

pub(crate) fn key(parts: &[&str]) -> Key {
    parts.iter().map(|part| Box::from(*part)).collect()
}

/// The same in every run.
pub(crate) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// An address as it is; `None` for what is none.
pub(crate) fn ip(address: &str) -> Option<IpAddr> {
    let ip: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
    Some(ip.to_canonical())
}

/// The network of an address: of 256 addresses, or of a site under IPv6. `None` for what is no address.
pub(crate) fn network(address: &str) -> Option<u64> {
    let network = match ip(address)? {
        IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
        IpAddr::V6(ip) => (u128::from(ip) >> 80) as u64 | 1 << 63,
    };
    Some(network)
}

#[cfg(test)]
impl<'e> Seen<'e> {
    /// An event alone.
    pub fn alone(event: &'e Event) -> Self {
        static NOTHING: BTreeMap<String, Timestamp> = BTreeMap::new();
        let around = Around {
            since: &NOTHING,
            places: None,
            names: Box::leak(Box::default()),
        };
        Self::new(event, around)
    }
}
