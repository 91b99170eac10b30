//! Which events are logins, and how they ended.

use super::seen::{Seen, hash};
use crate::stream::Who;
use ambit_event::{Observable, ObservableKind, Outcome};
use regex::Regex;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

/// An attempt to log in.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub who: Arc<Who>,
    pub is_success: bool,
    /// Which account, as a hash; `None` where the record does not say.
    pub account: Option<u64>,
    /// Which connection, where the service makes one an attempt.
    pub connection: Option<u64>,
    /// The sentence of the record, as a hash.
    pub text: Option<u64>,
    /// From where.
    pub address: Option<Box<str>>,
    /// A refusal that nobody needs to have tried a password for: a request without credentials, a failed handshake.
    pub is_bare: bool,
}

/// Ends of routes by which people log in.
const ROUTES: [&str; 12] = [
    "login",
    "signin",
    "sign-in",
    "sign_in",
    "log-in",
    "authenticate",
    "token",
    "sessions",
    "session",
    "wp-login.php",
    "auth",
    "logon",
];
/// Activities of authentication that are no attempt.
const NO_ATTEMPT: [&str; 5] = [
    "logoff",
    "session start",
    "session end",
    "service ticket request",
    "assign privileges",
];

/// The attempt that an event tells of; `None` where it tells of none, or not how it ended.
pub(crate) fn of(seen: &Seen<'_>) -> Option<Login> {
    let event = seen.event;
    let told = match seen.class() {
        "authentication" => of_service(seen),
        "http_activity" => of_web(seen),
        _ => None,
    };
    let login = |is_success: bool, is_bare: bool| Login {
        who: if is_success { seen.who() } else { guesser(seen) },
        is_success,
        account: seen.account().map(hash),
        connection: event.connection.as_deref().map(hash),
        text: event.message.as_deref().map(hash),
        address: seen.address().map(Into::into),
        is_bare,
    };
    match told {
        Some((is_success, is_bare)) => Some(login(is_success, is_bare)),
        None => of_text(seen, || login(false, false)),
    }
}

/// Who failed to log in: not the account that was tried, where there is an address to name.
fn guesser(seen: &Seen<'_>) -> Arc<Who> {
    if seen.address().is_none() {
        return seen.who();
    }
    let who = seen.who();
    let is_guesser =
        |actor: &&Observable| matches!(actor.kind, ObservableKind::Address | ObservableKind::Device);
    Arc::new(Who {
        actor: who.actor.iter().filter(is_guesser).cloned().collect(),
        ..(*who).clone()
    })
}

fn of_service(seen: &Seen<'_>) -> Option<(bool, bool)> {
    let activity = seen.event.activity.as_deref().unwrap_or("");
    if NO_ATTEMPT
        .iter()
        .any(|other| activity.eq_ignore_ascii_case(other))
    {
        return None;
    }
    let is_preauth = activity.eq_ignore_ascii_case("preauth");
    match seen.event.outcome {
        Outcome::Failure | Outcome::Denied => Some((false, is_preauth)),
        Outcome::Success if !is_preauth => Some((true, false)),
        _ => None,
    }
}

fn of_web(seen: &Seen<'_>) -> Option<(bool, bool)> {
    let event = seen.event;
    let status: u16 = event.status_code.as_deref()?.parse().ok()?;
    let is_post = event.activity.as_deref() == Some("POST");
    let operation = event.operation.as_deref().unwrap_or("");
    let route = operation
        .split(['?', '#'])
        .next()
        .unwrap_or("")
        .trim_end_matches('/');
    let end = route.rsplit(['/', ' ']).next().unwrap_or("");
    let is_login = is_post && ROUTES.iter().any(|one| end.eq_ignore_ascii_case(one));
    match status {
        401 | 403 if is_login => Some((false, false)),
        401 => Some((false, event.actor_user.is_none())),
        200..=399 if is_login => Some((true, false)),
        _ => None,
    }
}

/// How services of all kinds say that a login failed.
static FAILED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\bauthenticat\w* (?:failure|failed|error|unsuccessful|request .{0,120}denied)|\bauth[- ]?fail|\blog[io]n (?:failed|failure|incorrect|denied|error|attempt failed)|\bfailed (?:log[io]n|password|auth)|\bclient login failed|no[ _]such[ _]user|wrong[ _]password|logon[ _]failure|\binvalid (?:user|password|credentials|handshake)|\bpassword (?:mismatch|incorrect|failed)|\bincorrect (?:password|authentication)|\bbad password",
    )
    .ok()
});
static IPV4: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b\d{1,3}(?:\.\d{1,3}){3}\b").ok());

/// A failed login in the words of a service whose records are not told apart. It counts with an address alone.
fn of_text(seen: &Seen<'_>, login: impl FnOnce() -> Login) -> Option<Login> {
    let event = seen.event;
    let is_open = !matches!(
        seen.class(),
        "http_activity" | "api_activity" | "datastore_activity" | "process_activity" | "network_activity"
    );
    let text = event
        .message
        .as_deref()
        .filter(|_| is_open && event.outcome != Outcome::Success)?;
    if !FAILED.as_ref()?.is_match(text) {
        return None;
    }
    let mut login = login();
    if login.address.is_none() {
        let address: Box<str> = address_in(text)?.into();
        let named = Observable::new(ObservableKind::Address, &*address);
        let who = Who {
            actor: login.who.actor.iter().cloned().chain([named]).collect(),
            ..(*login.who).clone()
        };
        (login.who, login.address) = (Arc::new(who), Some(address));
    }
    Some(login)
}

/// The first address that a sentence names.
fn address_in(text: &str) -> Option<String> {
    let four = IPV4.as_ref()?.find_iter(text);
    let four = four.filter_map(|found| found.as_str().parse::<Ipv4Addr>().ok());
    let is_part = |c: char| c.is_ascii_hexdigit() || c == ':';
    let words = text
        .split(|c: char| !is_part(c))
        .filter(|word| word.contains("::") || word.len() > 14);
    let six = words.filter_map(|word| word.trim_end_matches(':').parse::<Ipv6Addr>().ok());
    let mut four = four.map(|ip| ip.to_string());
    four.next().or_else(|| six.map(|ip| ip.to_string()).next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::{Event, Timestamp};

    #[test]
    fn services_say_it_in_their_own_words() {
        for (text, address) in [
            (
                "webConfigurator authentication error for user 'toto' from: 192.0.2.1",
                Some("192.0.2.1"),
            ),
            (
                "(?@192.0.2.2) [WARNING] Authentication failed for user [root]",
                Some("192.0.2.2"),
            ),
            (
                "status [NT_STATUS_NO_SUCH_USER] remote host [ipv4:192.0.2.3:62419]",
                Some("192.0.2.3"),
            ),
            (
                "Authentication request for x has been denied (IP: 2001:db8::7).",
                Some("2001:db8::7"),
            ),
            (
                "imap-login: Disconnected (auth failed, 1 attempts): rip=192.0.2.4, lip=10.0.0.1",
                Some("192.0.2.4"),
            ),
            ("authentication failed", None),
            ("authentication server started on 192.0.2.5", None),
            ("12:30:01 invalid user", None),
        ] {
            let mut event = Event::new("syslog", Timestamp(0));
            event.class = Some("base_event".into());
            event.message = Some(text.into());
            let found = of(&Seen::alone(&event)).and_then(|login| login.address);
            assert_eq!(found.as_deref(), address, "{text}");
        }
    }
}
