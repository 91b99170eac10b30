//! The sentences of OpenSSH's server. A user name is the client's to choose and may hold anything, so
//! sentences are read from both ends: what the server itself wrote stands outermost.

mod decided;
mod ended;

use decided::decided;
use ended::ended;

/// What a sentence says was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Credentials were accepted or a session was opened.
    Logon,
    /// They were not.
    LogonFailed,
    /// The server's rules forbid it, whatever the credentials.
    LogonDenied,
    /// An authenticated client left.
    Logoff,
    /// A client left, and whether it was authenticated the server does not say.
    Left,
    /// A step before authentication is decided: it went wrong.
    PreauthFailed,
    /// The same, and it goes on.
    Preauth,
    /// A connection was opened.
    Open,
    /// Something an authenticated session did: its name in the class's words.
    Session(&'static str),
}

/// A sentence, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<'a> {
    pub act: Act,
    pub user: Option<&'a str>,
    pub ip: Option<&'a str>,
    pub port: Option<&'a str>,
    /// `password`, `publickey`, `keyboard-interactive/pam`, ...
    pub method: Option<&'a str>,
    /// `RSA SHA256:…` of an accepted or refused key.
    pub key: Option<&'a str>,
    /// Whether the server does not know the user.
    pub is_invalid_user: bool,
    /// Why, in the server's words.
    pub reason: Option<&'a str>,
}

impl<'a> Said<'a> {
    const fn new(act: Act) -> Self {
        Self {
            act,
            user: None,
            ip: None,
            port: None,
            method: None,
            key: None,
            is_invalid_user: false,
            reason: None,
        }
    }

    fn user(mut self, user: &'a str) -> Self {
        for (head, is_invalid) in [
            ("invalid user ", true),
            ("illegal user ", true),
            ("authenticating user ", false),
            ("user ", false),
        ] {
            if let Some(rest) = user.strip_prefix(head) {
                self.is_invalid_user |= is_invalid;
                self.user = Some(rest).filter(|u| !u.is_empty());
                return self;
            }
        }
        self.user = Some(user).filter(|u| !u.is_empty());
        self
    }

    /// Of a client that is gone already the server knows neither: it writes `UNKNOWN` and 65535.
    fn from(mut self, (ip, port): (&'a str, Option<&'a str>)) -> Self {
        (self.ip, self.port) = (Some(ip), port.filter(|_| ip != "UNKNOWN"));
        self
    }

    const fn because(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }
}

/// Takes a sentence apart; `None` where it tells of no client.
pub fn read(message: &str) -> Option<Said<'_>> {
    let text = message.trim();
    let is_preauth = text.ends_with("[preauth]");
    let text = text.strip_suffix("[preauth]").unwrap_or(text).trim_end();
    let text = ["error: ", "fatal: "]
        .iter()
        .find_map(|head| text.strip_prefix(head))
        .unwrap_or(text);
    decided(text)
        .or_else(|| ended(text, is_preauth))
        .or_else(|| refused(text))
        .or_else(|| handshake(text))
        .or_else(|| session(text))
}

/// `… from IP port N`, `… from IP`: what stands before, and the address; the last one counts.
fn origin(text: &str) -> Option<(&str, (&str, Option<&str>))> {
    let (before, after) = text.rsplit_once(" from ")?;
    Some((before, address(after)?))
}

/// `IP port N[: …]`, `IP`, `IP:11: …`
fn address(text: &str) -> Option<(&str, Option<&str>)> {
    let (ip, rest) = text.split_once(' ').unwrap_or((text, ""));
    let ip = ip.trim_end_matches(':');
    let port = rest
        .strip_prefix("port ")
        .map(|p| p.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(""));
    (!ip.is_empty()).then_some((ip, port.filter(|p| !p.is_empty())))
}

/// Whether a text is an address, in brackets or not.
fn is_ip(text: &str) -> bool {
    text.trim_matches(['[', ']'])
        .split('%')
        .next()
        .is_some_and(|t| t.parse::<std::net::IpAddr>().is_ok())
}

/// Refused by the server's rules.
fn refused(text: &str) -> Option<Said<'_>> {
    if let Some(rest) = text.strip_prefix("User ")
        && let Some((who, reason)) = rest.split_once(" not allowed because ")
    {
        let (user, from) = origin(who).map_or((who, None), |(user, from)| (user, Some(from)));
        let said = Said::new(Act::LogonDenied).user(user).because(reason);
        return Some(from.map_or(said.clone(), |f| said.from(f)));
    }
    if let Some(rest) = text.strip_prefix("ROOT LOGIN REFUSED FROM ") {
        return Some(
            Said::new(Act::LogonDenied)
                .user("root")
                .from(address(rest)?)
                .because("root login refused"),
        );
    }
    if let Some(rest) = text.strip_prefix("Access denied for user ") {
        let (user, reason) = rest.split_once(" by ")?;
        return Some(Said::new(Act::LogonDenied).user(user).because(reason));
    }
    if let Some(rest) = text.strip_prefix("refused connect from ") {
        let ip = match rest.rsplit_once('(') {
            Some((_, inner)) => inner.trim_end_matches(')'),
            None => rest,
        };
        return Some(
            Said::new(Act::LogonDenied)
                .from((ip, None))
                .because("refused by hosts_access"),
        );
    }
    if text.starts_with("drop connection #") {
        let (_, after) = text.split_once(" from ")?;
        let mut words = after.splitn(4, ' ');
        let from = words.next()?;
        let (ip, port) = from
            .rsplit_once("]:")
            .map_or((from, None), |(ip, port)| (ip, Some(port)));
        let said = Said::new(Act::LogonDenied).from((ip.trim_start_matches('['), port));
        // `on [IP]:PORT`, and why.
        return Some(said.because(words.nth(2).unwrap_or("past MaxStartups")));
    }
    None
}

/// What goes wrong before authentication.
fn handshake(text: &str) -> Option<Said<'_>> {
    if let Some(ip) = misnamed(text) {
        return Some(
            Said::new(Act::Preauth)
                .from((ip, None))
                .because("its name is another's"),
        );
    }
    if let Some(rest) = text.strip_prefix("input_userauth_request: invalid user ") {
        let mut said = Said::new(Act::LogonFailed).user(rest);
        said.is_invalid_user = true;
        return Some(said);
    }
    if let Some(rest) = text.strip_prefix("Unable to negotiate with ") {
        let (who, reason) = rest.split_once(": ")?;
        return Some(Said::new(Act::PreauthFailed).from(address(who)?).because(reason));
    }
    if let Some(rest) = text.strip_prefix("Timeout before authentication for ") {
        let rest = rest.strip_prefix("connection from ").unwrap_or(rest);
        return Some(
            Said::new(Act::PreauthFailed)
                .from(address(rest)?)
                .because("timeout before authentication"),
        );
    }
    if let Some(rest) = text.strip_prefix("Connection from ") {
        let act = if text.contains(": ") {
            Act::PreauthFailed
        } else {
            Act::Open
        };
        return Some(Said::new(act).from(address(rest)?));
    }
    if let Some((before, rest)) = text.split_once(": Connection from ") {
        let reason = rest.split_once(": ").map_or(before, |(_, reason)| reason);
        return Some(Said::new(Act::PreauthFailed).from(address(rest)?).because(reason));
    }
    if let Some(rest) = text.strip_prefix("Protocol major versions differ for ") {
        return Some(
            Said::new(Act::PreauthFailed)
                .from(address(rest)?)
                .because("protocol major versions differ"),
        );
    }
    let heads = [
        "Did not receive identification string",
        "Bad protocol version identification",
        "Magic value check failed",
        "Received signal",
        "Bad packet length",
        "Corrupted MAC on input",
        "Bad remote protocol version identification",
    ];
    let reason = heads.iter().find(|head| text.starts_with(*head))?;
    let (_, from) = origin(text)?;
    is_ip(from.0).then(|| Said::new(Act::PreauthFailed).from(from).because(reason))
}

/// The address of a client whose name does not lead back to it.
fn misnamed(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("reverse mapping checking getaddrinfo for ") {
        let (_, rest) = rest.split_once(" [")?;
        return rest.split_once(']').map(|(ip, _)| ip);
    }
    let (ip, _) = text.strip_prefix("Address ")?.split_once(" maps to ")?;
    Some(ip)
}

/// What an authenticated session does.
fn session(text: &str) -> Option<Said<'_>> {
    if let Some(rest) = text.strip_prefix("Starting session: ") {
        let (before, from) = origin(rest)?;
        let (what, user) = before.rsplit_once(" for ")?;
        return Some(
            Said::new(Act::Session("Session Start"))
                .user(user)
                .from(from)
                .because(what),
        );
    }
    if let Some(rest) = text.strip_prefix("Close session: user ") {
        let (user, from) = origin(rest)?;
        return Some(Said::new(Act::Session("Session End")).user(user).from(from));
    }
    if let Some(rest) = text.strip_prefix("subsystem request for ") {
        let (what, user) = rest.split_once(" by user ")?;
        return Some(Said::new(Act::Session("Session Start")).user(user).because(what));
    }
    let rest = text.strip_prefix("User child is on pid ")?;
    Some(Said::new(Act::Session("Session Start")).because(rest))
}

#[cfg(test)]
mod tests;
