//! Which events are logins, and how they ended.

use super::seen::{Seen, hash};
use crate::stream::Who;
use ambit_event::Outcome;
use std::sync::Arc;

/// An attempt to log in.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub who: Arc<Who>,
    pub is_success: bool,
    /// Which account, as a hash; `None` where the record does not say.
    pub account: Option<u64>,
    /// Which connection, where the service makes one an attempt.
    pub connection: Option<u64>,
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
    let (is_success, is_bare) = match seen.class() {
        "authentication" => of_service(seen)?,
        "http_activity" => of_web(seen)?,
        _ => return None,
    };
    Some(Login {
        who: seen.who(),
        is_success,
        account: seen.account().map(hash),
        connection: event.connection.as_deref().map(hash),
        is_bare,
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
