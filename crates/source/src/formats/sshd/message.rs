//! The sentences of OpenSSH's server. A user name is the client's to choose and may hold anything, so
//! sentences are read from both ends: what the server itself wrote stands outermost.

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

/// Attempts that were decided: Accepted, Failed, Invalid user, PAM.
fn decided(text: &str) -> Option<Said<'_>> {
    for (head, act) in [
        ("Accepted ", Act::Logon),
        ("Failed ", Act::LogonFailed),
        ("Postponed ", Act::Preauth),
        ("Partial ", Act::Preauth),
    ] {
        if let Some(rest) = text.strip_prefix(head) {
            return attempt(rest, act);
        }
    }
    for head in ["Invalid user ", "Illegal user "] {
        if let Some(rest) = text.strip_prefix(head) {
            return invalid_user(rest);
        }
    }
    if let Some(rest) = text.strip_prefix("maximum authentication attempts exceeded for ") {
        let (user, from) = origin(rest.strip_suffix(" ssh2").unwrap_or(rest))?;
        return Some(
            Said::new(Act::LogonDenied)
                .user(user)
                .from(from)
                .because("maximum authentication attempts exceeded"),
        );
    }
    let rest = text.strip_prefix("PAM: ")?;
    let (reason, who) = rest.split_once(" for ")?;
    let (user, from) = origin(who)?;
    Some(Said::new(Act::LogonFailed).user(user).from(from).because(reason))
}

/// `METHOD for [invalid user ]USER from IP port N ssh2[: KEYTYPE HASH]`
fn attempt(rest: &str, act: Act) -> Option<Said<'_>> {
    let (method, who) = rest.split_once(" for ")?;
    let (head, key) = match who.rsplit_once(" ssh2: ") {
        Some((head, key)) => (head, Some(key)),
        None => (
            who.strip_suffix(" ssh2")
                .or_else(|| who.strip_suffix(" ssh1"))
                .unwrap_or(who),
            None,
        ),
    };
    let (user, from) = origin(head)?;
    let mut said = Said::new(act).user(user).from(from);
    (said.method, said.key) = (Some(method), key);
    Some(said)
}

/// `USER from IP[ port N]`; the name may be empty or hold spaces.
fn invalid_user(rest: &str) -> Option<Said<'_>> {
    let (user, from) = match rest.strip_prefix("from ") {
        Some(rest) if !rest.contains(" from ") => ("", address(rest)?),
        _ => origin(rest)?,
    };
    let mut said = Said::new(Act::LogonFailed).user(user).from(from);
    said.user = Some(user).filter(|u| !u.is_empty());
    said.is_invalid_user = true;
    Some(said)
}

/// Connections that ended: before anyone was authenticated that is a failed attempt.
fn ended(text: &str, is_preauth: bool) -> Option<Said<'_>> {
    let heads = [
        "Disconnected from ",
        "Connection closed by ",
        "Connection reset by ",
        "Disconnecting ",
    ];
    let rest = heads.iter().find_map(|head| text.strip_prefix(head));
    if let Some(rest) = rest {
        let (who, reason) = split_reason(rest);
        let (before, port) = who
            .rsplit_once(" port ")
            .map_or((who, None), |(before, port)| (before, Some(port)));
        let (user, ip) = before.rsplit_once(' ').unwrap_or(("", before));
        if !is_ip(ip) {
            return None;
        }
        let act = match (is_preauth, user.is_empty()) {
            (true, false) => Act::LogonFailed,
            (true, true) => Act::PreauthFailed,
            _ if user.starts_with("invalid user ") || user.starts_with("authenticating user ") => {
                Act::LogonFailed
            }
            _ => Act::Logoff,
        };
        let said = Said::new(act).user(user).from((ip, port));
        return Some(reason.map_or(said.clone(), |r| said.because(r)));
    }
    if let Some(said) = broken(text, is_preauth) {
        return Some(said);
    }
    let rest = text.strip_prefix("Received disconnect from ")?;
    let act = if is_preauth {
        Act::PreauthFailed
    } else {
        Act::Logoff
    };
    let (ip, port, reason) = disconnect(rest)?;
    Some(Said::new(act).from((ip, port)).because(reason))
}

/// `IP port N:11: reason`, and `IP: 11: reason` of older servers; an address may have colons of its own.
fn disconnect(rest: &str) -> Option<(&str, Option<&str>, &str)> {
    let reason = |coded: &'_ str| coded.find(": ").map_or(0, |at| at + 2);
    if let Some((ip, after)) = rest.split_once(" port ")
        && is_ip(ip)
    {
        let (port, coded) = after.split_once(':')?;
        return Some((ip, Some(port), &coded[reason(coded)..]));
    }
    let (ip, coded) = rest.split_once(": ")?;
    Some((ip, None, &coded[reason(coded)..]))
}

/// Connections that broke, or that the server let go of.
fn broken(text: &str, is_preauth: bool) -> Option<Said<'_>> {
    const TOO_MANY: &str = "Too many authentication failures";
    if let Some(rest) = text.strip_prefix("Disconnecting: ") {
        let user = rest.strip_prefix(TOO_MANY)?.strip_prefix(" for ").unwrap_or("");
        return Some(Said::new(Act::LogonDenied).user(user).because(TOO_MANY));
    }
    if let Some(rest) = text.strip_prefix("Timeout, client not responding from ") {
        let (who, port) = rest.rsplit_once(" port ")?;
        let (user, ip) = who.rsplit_once(' ').unwrap_or(("", who));
        let said = Said::new(Act::Logoff).user(user).from((ip, Some(port)));
        return is_ip(ip).then_some(said.because("timeout, client not responding"));
    }
    let heads = [
        "Read error from remote host ",
        "Write error to remote host ",
        "Closing connection to ",
    ];
    let rest = heads.iter().find_map(|head| text.strip_prefix(head))?;
    let from = address(rest).filter(|(ip, _)| is_ip(ip))?;
    let act = if is_preauth {
        Act::PreauthFailed
    } else {
        Act::Logoff
    };
    let said = Said::new(act).from(from);
    Some(match split_reason(rest) {
        (_, Some(reason)) => said.because(reason),
        _ => said,
    })
}

/// `… port N: Too many authentication failures`
fn split_reason(text: &str) -> (&str, Option<&str>) {
    match text
        .rfind(" port ")
        .and_then(|at| text[at..].find(": ").map(|n| at + n))
    {
        Some(at) => (&text[..at], Some(&text[at + 2..])),
        None => (text, None),
    }
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
        let (_, from) = origin(text)?;
        let (ip, port) = from
            .0
            .rsplit_once("]:")
            .map_or((from.0, None), |(ip, port)| (ip, Some(port)));
        return Some(
            Said::new(Act::LogonDenied)
                .from((ip.trim_start_matches('['), port))
                .because("past MaxStartups"),
        );
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
mod tests {
    use super::*;

    #[test]
    fn sentences_without_an_address_name_the_account() {
        for (text, act, user) in [
            (
                "Disconnecting: Too many authentication failures for a b [preauth]",
                Act::LogonDenied,
                Some("a b"),
            ),
            (
                "Disconnecting: Too many authentication failures [preauth]",
                Act::LogonDenied,
                None,
            ),
            (
                "fatal: Access denied for user bob by PAM account configuration [preauth]",
                Act::LogonDenied,
                Some("bob"),
            ),
            (
                "input_userauth_request: invalid user bob [preauth]",
                Act::LogonFailed,
                Some("bob"),
            ),
        ] {
            let said = read(text).map(|said| (said.act, said.user));
            assert_eq!(said, Some((act, user)), "{text}");
        }
        assert_eq!(read("Disconnecting: bad server public DH value"), None);
        let gone = read("Connection from UNKNOWN port 65535 on UNKNOWN port 65535");
        assert_eq!(gone.and_then(|said| said.port), None);
    }

    #[test]
    fn sentences_are_read() {
        use Act::*;
        for (text, act, user, ip, port) in [
            (
                "Accepted password for alice from 192.0.2.7 port 4711 ssh2",
                Logon,
                Some("alice"),
                "192.0.2.7",
                Some("4711"),
            ),
            (
                "Failed password for invalid user bob from 2001:db8::7 port 1 ssh2",
                LogonFailed,
                Some("bob"),
                "2001:db8::7",
                Some("1"),
            ),
            (
                "Invalid user  from 192.0.2.7 port 4",
                LogonFailed,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Invalid user from 192.0.2.7",
                LogonFailed,
                None,
                "192.0.2.7",
                None,
            ),
            (
                "Connection closed by authenticating user root 192.0.2.7 port 4 [preauth]",
                LogonFailed,
                Some("root"),
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Connection closed by 192.0.2.7 port 4 [preauth]",
                PreauthFailed,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Disconnected from user alice 192.0.2.7 port 4",
                Logoff,
                Some("alice"),
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Disconnecting invalid user x y 192.0.2.7 port 4: Too many authentication failures [preauth]",
                LogonFailed,
                Some("x y"),
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Received disconnect from 192.0.2.7 port 4:11: Bye Bye [preauth]",
                PreauthFailed,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Received disconnect from 2001:db8::7 port 4:14: No supported authentication methods available [preauth]",
                PreauthFailed,
                None,
                "2001:db8::7",
                Some("4"),
            ),
            (
                "Received disconnect from 2001:db8::7: 11: bye",
                Logoff,
                None,
                "2001:db8::7",
                None,
            ),
            (
                "Timeout, client not responding from user alice b 192.0.2.7 port 4",
                Logoff,
                Some("alice b"),
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Read error from remote host 192.0.2.7 port 4: Connection timed out",
                Logoff,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Closing connection to 2001:db8::7 port 4",
                Logoff,
                None,
                "2001:db8::7",
                Some("4"),
            ),
            (
                "reverse mapping checking getaddrinfo for c.example.com [192.0.2.7] failed - POSSIBLE BREAK-IN ATTEMPT!",
                Preauth,
                None,
                "192.0.2.7",
                None,
            ),
            (
                "Address 2001:db8::7 maps to c.example.com, but this does not map back to the address.",
                Preauth,
                None,
                "2001:db8::7",
                None,
            ),
            (
                "Received disconnect from 192.0.2.7: 11: disconnected by user",
                Logoff,
                None,
                "192.0.2.7",
                None,
            ),
            (
                "User root from 192.0.2.7 not allowed because not listed in AllowUsers",
                LogonDenied,
                Some("root"),
                "192.0.2.7",
                None,
            ),
            (
                "error: maximum authentication attempts exceeded for root from 192.0.2.7 port 4 ssh2 [preauth]",
                LogonDenied,
                Some("root"),
                "192.0.2.7",
                Some("4"),
            ),
            (
                "refused connect from host.example (192.0.2.7)",
                LogonDenied,
                None,
                "192.0.2.7",
                None,
            ),
            (
                "banner exchange: Connection from 192.0.2.7 port 4: invalid format",
                PreauthFailed,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "ssh_dispatch_run_fatal: Connection from 192.0.2.7 port 4: message authentication code incorrect [preauth]",
                PreauthFailed,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "fatal: Timeout before authentication for 192.0.2.7 port 4",
                PreauthFailed,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "drop connection #10 from [192.0.2.7]:4 on [192.0.2.1]:22 past MaxStartups",
                LogonDenied,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Connection from 192.0.2.7 port 4 on 192.0.2.1 port 22 rdomain \"\"",
                Open,
                None,
                "192.0.2.7",
                Some("4"),
            ),
            (
                "Close session: user alice from 192.0.2.7 port 4 id 0",
                Session("Session End"),
                Some("alice"),
                "192.0.2.7",
                Some("4"),
            ),
            (
                "error: PAM: Authentication failure for illegal user eve from 192.0.2.7",
                LogonFailed,
                Some("eve"),
                "192.0.2.7",
                None,
            ),
        ] {
            let said = read(text);
            let seen = said.as_ref().map(|s| (s.act, s.user, s.ip, s.port));
            assert_eq!(seen, Some((act, user, Some(ip), port)), "{text}");
        }
        for text in [
            "",
            "Server listening on 0.0.0.0 port 22.",
            "Received signal 15; terminating.",
            "Failed",
            "Invalid user x",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_user_name_cannot_pose_as_an_address() {
        let said = read(
            "Failed password for invalid user a from 198.51.100.1 port 9 ssh2 from 192.0.2.7 port 4 ssh2",
        );
        assert_eq!(
            said.map(|s| (s.ip, s.user)),
            Some((Some("192.0.2.7"), Some("a from 198.51.100.1 port 9 ssh2")))
        );
        let said = read("Invalid user x from 198.51.100.1 port 9 from 192.0.2.7 port 4");
        assert_eq!(said.and_then(|s| s.ip), Some("192.0.2.7"));
    }

    #[test]
    fn keys_are_kept_with_their_method() {
        let said = read("Accepted publickey for a from 192.0.2.7 port 4 ssh2: ED25519 SHA256:abc/+");
        assert_eq!(
            said.map(|s| (s.method, s.key)),
            Some((Some("publickey"), Some("ED25519 SHA256:abc/+")))
        );
    }
}
