//! What somebody asks of the service, and who asks.

use crate::record::{Secret, url_encoded};
use crate::service::{Route, Service};
use crate::world::{Device, User, World};
use ambit_event::Timestamp;
use std::net::Ipv4Addr;

/// Whose doing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Intruder,
    Other,
}

/// What a client shows to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    None,
    Session(Secret),
    /// A service's key.
    Key(Secret),
}

/// Headers that point to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forged {
    pub forwarded_for: Ipv4Addr,
}

/// Somebody at the gateway.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub side: Side,
    pub from: Ipv4Addr,
    pub device: Option<Device>,
    pub agent: &'static str,
    pub credential: Credential,
    pub forged: Option<Forged>,
}

/// SQL in the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injection {
    /// The addresses of all users.
    Everyone,
    /// Those of one country.
    Country(&'static str),
    /// The table of sessions.
    Sessions,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Call {
    pub route: Route,
    /// The key in the path, which need not exist.
    pub key: u32,
    /// Page, track or playlist.
    pub number: u64,
    /// Search text or document.
    pub text: String,
    pub injection: Option<Injection>,
    /// The client hangs up while the answer is on its way.
    pub broken_off: bool,
    /// The gateway that it goes to, whatever the client's is.
    pub gateway: Option<usize>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub status: u16,
    pub end: Timestamp,
    pub session: Option<Secret>,
    pub job: Option<u64>,
}

/// Who the services take a client for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Nobody,
    Account(User),
    Service,
}

/// One request while it is served.
pub struct Request<'c> {
    pub id: u128,
    pub at: Timestamp,
    pub client: &'c Client,
    pub call: &'c Call,
    pub who: Identity,
    /// Who the call is about.
    pub subject: Option<User>,
    pub service: Service,
    pub host: usize,
}

impl Client {
    /// Somebody with a device in hand.
    pub const fn new(side: Side, from: Ipv4Addr, device: Device) -> Self {
        Self {
            side,
            from,
            device: Some(device),
            agent: device.agent,
            credential: Credential::None,
            forged: None,
        }
    }

    /// A program without a device.
    pub const fn program(side: Side, from: Ipv4Addr, agent: &'static str, credential: Credential) -> Self {
        Self {
            side,
            from,
            device: None,
            agent,
            credential,
            forged: None,
        }
    }

    pub const fn session(&self) -> Option<Secret> {
        match self.credential {
            Credential::Session(secret) => Some(secret),
            _ => None,
        }
    }

    /// What the records of a request are called, where they are the intruder's.
    pub fn deed(&self, name: &'static str) -> Option<&'static str> {
        (self.side == Side::Intruder).then_some(name)
    }
}

impl Call {
    pub const fn new(route: Route) -> Self {
        Self {
            route,
            key: 0,
            number: 0,
            text: String::new(),
            injection: None,
            broken_off: false,
            gateway: None,
        }
    }

    /// A route of that user's.
    pub fn about(route: Route, user: User) -> Self {
        Self {
            key: World::key(user),
            number: 1,
            ..Self::new(route)
        }
    }

    pub const fn through(mut self, gateway: usize) -> Self {
        self.gateway = Some(gateway);
        self
    }

    pub const fn numbered(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    pub fn text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    pub fn inject(injection: Injection) -> Self {
        Self {
            injection: Some(injection),
            ..Self::new(Route::Search).text(&injection.text())
        }
    }

    /// The concrete path.
    pub fn path(&self) -> String {
        let spec = self.route.spec();
        spec.path
            .replace("{user_id}", &self.key.to_string())
            .replace("{track_id}", &self.number.to_string())
            .replace("{playlist_id}", &self.number.to_string())
            .replace("{job_id}", &format!("{:016x}", self.number))
            .replace("{name}", &self.text)
    }

    /// The query part, encoded.
    pub fn query(&self) -> String {
        match self.route {
            Route::History | Route::UserList => format!("page={}", self.number),
            Route::Search => format!("q={}", url_encoded(&self.text)),
            Route::Health => format!("user={}", self.number),
            _ => String::new(),
        }
    }
}

impl Injection {
    /// What stands in the search field: it closes the pattern, and opens another that every text fits.
    fn text(self) -> String {
        let union = match self {
            Self::Everyone => "SELECT user_id::text, email FROM profiles WHERE ".to_owned(),
            Self::Country(country) => {
                format!("SELECT user_id::text, email FROM profiles WHERE country = '{country}' AND ")
            }
            Self::Sessions => "SELECT user_id::text, sid FROM sessions WHERE ".to_owned(),
        };
        format!("zzz' UNION {union}'a' ILIKE '")
    }

    /// The table that it reads.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            _ => "profiles",
        }
    }
}

/// What a route template looks like in the services' log.
pub fn template(path: &'static str) -> &'static str {
    match path {
        "/v1/users/{user_id}/profile" => "/v1/users/{id}/profile",
        "/v1/users/{user_id}/playlists" => "/v1/users/{id}/playlists",
        "/v1/users/{user_id}/playlists/{playlist_id}" => "/v1/users/{id}/playlists/{id}",
        "/v1/users/{user_id}/history" => "/v1/users/{id}/history",
        "/v1/users/{user_id}/payment-methods" => "/v1/users/{id}/payment-methods",
        "/v1/users/{user_id}/invoices" => "/v1/users/{id}/invoices",
        "/v1/users/{user_id}/messages" => "/v1/users/{id}/messages",
        "/v1/users/{user_id}/password" => "/v1/users/{id}/password",
        "/v1/users/{user_id}/exports" => "/v1/users/{id}/exports",
        "/v1/tracks/{track_id}" => "/v1/tracks/{id}",
        "/v1/tracks/{track_id}/stream" => "/v1/tracks/{id}/stream",
        "/v1/exports/{job_id}" => "/v1/exports/{id}",
        other => other,
    }
}

impl Route {
    /// The status of an answer without trouble.
    pub const fn success(self) -> u16 {
        match self {
            Self::EditProfile | Self::DropPlaylist | Self::Password | Self::Logout => 204,
            Self::StartExport => 202,
            _ => 200,
        }
    }
}
