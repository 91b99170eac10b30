//! Values seen in events that a trace can pivot on.

use crate::{Column, Error, Event};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! kinds {
    ($($variant:ident $name:literal $column:expr, $doc:literal;)*) => {
        /// The kind of an observable, with the column that holds it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ObservableKind { $(#[doc = $doc] $variant,)* }

        impl ObservableKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// The column that holds values of this kind; `None` for an event itself, and a finding.
            #[must_use]
            pub const fn column(self) -> Option<Column> { match self { $(Self::$variant => $column,)* } }
        }
    };
}

kinds! {
    Event "event" None, "one event, by its id";
    Finding "finding" None, "what a rule concluded, by its id: the events that made it";
    Session "session" Some(Column::ActorSession), "a session, by its value or its fingerprint";
    Token "token" Some(Column::ActorCredential), "a token or key, by its value or its fingerprint";
    Account "account" Some(Column::ActorUser), "an account, in a realm where one is given: `app/alice`";
    Address "ip" Some(Column::SrcIp), "an address";
    Device "device" Some(Column::Device), "a client's device, as it names itself";
    UserAgent "user_agent" Some(Column::UserAgent), "a client program, as it names itself";
    Trace "trace" Some(Column::Trace), "a request or trace id";
    Connection "connection" Some(Column::Connection), "a database or SSH session";
    Host "host" Some(Column::Host), "a host that writes logs";
    Service "service" Some(Column::ActorService), "a service or client program";
    AppVersion "app_version" Some(Column::AppVersion), "an app's version; a method, never a reach";
    Route "route" Some(Column::Operation), "an operation; a method, never a reach";
}

/// A value seen: (kind, realm, value). The realm says where an account name means something; it is
/// empty for every other kind, and for an account of any realm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Observable {
    pub kind: ObservableKind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub realm: String,
    pub value: String,
}

impl Observable {
    #[must_use]
    pub fn new(kind: ObservableKind, value: impl Into<String>) -> Self {
        Self {
            kind,
            realm: String::new(),
            value: value.into(),
        }
    }

    /// A value of a kind; before an account may stand its realm and a slash. No realm holds a colon: the slashes
    /// of an ARN are its own.
    #[must_use]
    pub fn of_kind(kind: ObservableKind, value: &str) -> Self {
        let parts = value.split_once('/').filter(|(realm, _)| !realm.contains(':'));
        match (kind, parts) {
            (ObservableKind::Account, Some((realm, name))) => Self::account(realm, name),
            _ => Self::new(kind, value),
        }
    }

    #[must_use]
    pub fn account(realm: &str, value: impl Into<String>) -> Self {
        Self {
            kind: ObservableKind::Account,
            realm: realm.to_owned(),
            value: value.into(),
        }
    }

    /// Reads `kind=value`; an account may carry its realm: `account=db/reporting`.
    ///
    /// # Errors
    /// [`Error::Observable`] where the kind is unknown or the value is empty.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = || Error::Observable {
            text: text.chars().take(80).collect(),
            kinds: ObservableKind::ALL
                .iter()
                .map(|k| k.name())
                .collect::<Vec<_>>()
                .join(", "),
        };
        let (kind, value) = text.split_once('=').ok_or_else(bad)?;
        let kind = ObservableKind::parse(kind.trim()).ok_or_else(bad)?;
        let value = crate::refang(value.trim());
        if value.is_empty() {
            return Err(bad());
        }
        Ok(Self::of_kind(kind, &value))
    }

    /// The observables of one event, in the order of [`ObservableKind::ALL`].
    #[must_use]
    pub fn of(event: &Event) -> Vec<Self> {
        ObservableKind::ALL
            .iter()
            .filter_map(|&kind| {
                let value = event.text(kind.column()?)?;
                let realm = if kind == ObservableKind::Account {
                    event.actor_realm.as_deref().unwrap_or("")
                } else {
                    ""
                };
                Some(Self {
                    kind,
                    realm: realm.to_owned(),
                    value: value.to_owned(),
                })
            })
            .collect()
    }
}

impl ObservableKind {
    /// The kind of that name; `user`, `key`, `address` and `version` are understood too.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "user" => Some(Self::Account),
            "key" | "credential" => Some(Self::Token),
            "address" => Some(Self::Address),
            "version" => Some(Self::AppVersion),
            other => Self::ALL.iter().copied().find(|k| k.name() == other),
        }
    }
}

impl fmt::Display for ObservableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Observable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.realm.as_str() {
            "" => write!(f, "{}={}", self.kind, self.value),
            realm => write!(f, "{}={realm}/{}", self.kind, self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observables_are_read_as_people_write_them() {
        for (text, expected) in [
            ("ip=203.0.113[.]7", "ip=203.0.113.7"),
            ("user=alice", "account=alice"),
            ("account=db/reporting", "account=db/reporting"),
            ("SESSION = abc", "session=abc"),
            (
                "user=arn:aws:iam::111122223333:user/ann",
                "account=arn:aws:iam::111122223333:user/ann",
            ),
            (
                "account=111122223333/arn:aws:sts::111122223333:assumed-role/r/s",
                "account=111122223333/arn:aws:sts::111122223333:assumed-role/r/s",
            ),
        ] {
            assert_eq!(
                Observable::parse(text).map(|o| o.to_string()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
        for text in ["", "ip", "ip=", "planet=mars"] {
            assert!(Observable::parse(text).is_err(), "{text}");
        }
    }
}
