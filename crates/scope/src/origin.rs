//! Where a principal is at home: the addresses and devices that its owner used before the intruder came.

use crate::Error;
use crate::recall::Recall;
use ambit_event::{Column, Event, Span, Timestamp};
use ambit_lake::{Filter, Query};
use std::collections::{BTreeMap, BTreeSet};

/// Addresses and devices that were seen together with a principal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    addresses: BTreeSet<String>,
    devices: BTreeSet<String>,
    agents: BTreeSet<String>,
}

impl Origins {
    pub fn note(&mut self, event: &Event) {
        self.addresses.extend(event.src_ip.clone());
        self.devices.extend(event.device.clone());
        self.agents.extend(event.user_agent.clone());
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.devices.is_empty()
    }

    #[must_use]
    pub fn holds_address(&self, address: &str) -> bool {
        self.addresses.contains(address)
    }

    #[must_use]
    pub fn holds_device(&self, device: &str) -> bool {
        self.devices.contains(device)
    }

    /// The event comes from a known address, or from a known device. A device id decides where both
    /// sides name one; else the client program does.
    #[must_use]
    pub fn is_home(&self, event: &Event) -> bool {
        self.knows_address(event) || self.knows_device(event)
    }

    fn knows_address(&self, event: &Event) -> bool {
        event.src_ip.as_ref().is_some_and(|a| self.addresses.contains(a))
    }

    fn knows_device(&self, event: &Event) -> bool {
        match &event.device {
            Some(device) if !self.devices.is_empty() => self.devices.contains(device),
            _ => event
                .user_agent
                .as_ref()
                .is_some_and(|agent| self.agents.contains(agent)),
        }
    }
}

/// Whether the event says from where it came, with address and client.
#[must_use]
pub fn has_origin(event: &Event) -> bool {
    event.src_ip.is_some() && (event.device.is_some() || event.user_agent.is_some())
}

/// The origin as one value: address, device, client program.
#[must_use]
pub fn origin_of(event: &Event) -> (Option<&str>, Option<&str>, Option<&str>) {
    (
        event.src_ip.as_deref(),
        event.device.as_deref(),
        event.user_agent.as_deref(),
    )
}

/// When accounts were where: the origins of records that name the account, and those of the sessions
/// that such records name.
#[derive(Debug, Clone, Default)]
pub struct History {
    seen: BTreeMap<String, Vec<Event>>,
}

impl History {
    /// Everything that ended before an instant.
    ///
    /// # Errors
    /// Where the lake cannot answer.
    pub async fn before(
        lake: &Recall<'_>,
        accounts: &BTreeSet<String>,
        before: Timestamp,
    ) -> Result<Self, Error> {
        let mut history = Self::default();
        if accounts.is_empty() || before == Timestamp::MIN {
            return Ok(history);
        }
        let span = Span::new(Timestamp::MIN, before);
        let named = lake
            .events(&Query::of(Filter::one_of(Column::ActorUser, accounts)).within(span))
            .await?;
        let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for event in named.into_iter().filter(|e| !is_datastore(e)) {
            let Some(account) = event.actor_user.clone() else {
                continue;
            };
            for session in [&event.actor_session, &event.issued_session]
                .into_iter()
                .flatten()
            {
                owners.entry(session.clone()).or_default().insert(account.clone());
            }
            history.seen.entry(account).or_default().push(event);
        }
        if owners.is_empty() {
            return Ok(history);
        }
        let used = lake
            .events(&Query::of(Filter::one_of(Column::ActorSession, owners.keys())).within(span))
            .await?;
        for event in used {
            for account in event
                .actor_session
                .as_ref()
                .and_then(|s| owners.get(s))
                .into_iter()
                .flatten()
            {
                history
                    .seen
                    .entry(account.clone())
                    .or_default()
                    .push(event.clone());
            }
        }
        Ok(history)
    }

    /// The origins of these accounts before an instant.
    #[must_use]
    pub fn origins(&self, accounts: &BTreeSet<String>, before: Timestamp) -> Origins {
        let mut origins = Origins::default();
        let seen = accounts.iter().filter_map(|a| self.seen.get(a)).flatten();
        seen.filter(|e| e.when().until <= before)
            .for_each(|e| origins.note(e));
        origins
    }
}

/// A database's own record: its address is a server's, its account a role.
#[must_use]
pub fn is_datastore(event: &Event) -> bool {
    event.class.as_deref() == Some("datastore_activity")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(address: &str, device: Option<&str>, agent: &str) -> Event {
        let mut event = Event::new("nginx_access", Timestamp(0));
        event.src_ip = Some(address.into());
        event.device = device.map(Into::into);
        event.user_agent = Some(agent.into());
        event
    }

    #[test]
    fn a_device_id_decides_where_both_sides_name_one() {
        let mut home = Origins::default();
        home.note(&event("192.0.2.1", Some("phone"), "App/1"));
        assert!(
            home.is_home(&event("192.0.2.1", Some("other"), "curl")),
            "a known address"
        );
        assert!(
            home.is_home(&event("198.51.100.9", Some("phone"), "App/2")),
            "a known device elsewhere"
        );
        assert!(
            !home.is_home(&event("198.51.100.9", Some("laptop"), "App/1")),
            "the same program on another device"
        );
        assert!(
            home.is_home(&event("198.51.100.9", None, "App/1")),
            "no device named: the program decides"
        );
    }
}
