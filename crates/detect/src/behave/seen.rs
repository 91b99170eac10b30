//! An event as behaviours look at it.

use crate::run;
use crate::stream::{Key, Who};
use ambit_event::Event;
use std::cell::OnceCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

/// An event, and what several behaviours need of it, worked out once.
pub(crate) struct Seen<'e> {
    pub event: &'e Event,
    /// Nanoseconds since the earliest record of its source that came so far.
    pub age: i64,
    who: OnceCell<Arc<Who>>,
}

impl<'e> Seen<'e> {
    pub fn new(event: &'e Event, age: i64) -> Self {
        Self {
            event,
            age,
            who: OnceCell::new(),
        }
    }

    pub fn who(&self) -> Arc<Who> {
        Arc::clone(self.who.get_or_init(|| run::who(self.event)))
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

/// The network of an address: of 256 addresses, or of a site under IPv6. `None` for what is no address.
pub(crate) fn network(address: &str) -> Option<u64> {
    let network = match address
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .ok()?
        .to_canonical()
    {
        IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
        IpAddr::V6(ip) => (u128::from(ip) >> 80) as u64 | 1 << 63,
    };
    Some(network)
}
