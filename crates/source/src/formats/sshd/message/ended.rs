//! Connections that ended.

use super::decided::TWO_WAYS;
use super::{Act, Said, address, is_ip};

/// Connections that ended: before anyone was authenticated that is a failed attempt.
pub(super) fn ended(text: &str, is_preauth: bool) -> Option<Said<'_>> {
    let heads = [
        "Disconnected from ",
        "Connection closed by ",
        "Connection reset by ",
        "Disconnecting ",
    ];
    let rest = heads.iter().find_map(|head| text.strip_prefix(head));
    if let Some(rest) = rest {
        let Some((who, reason)) = split_reason(rest) else {
            return Some(Said::new(Act::LogonFailed).because(TWO_WAYS));
        };
        let (user, (ip, port)) = who_and_address(who)?;
        let act = match (is_preauth, user.is_empty()) {
            (true, false) => Act::LogonFailed,
            (true, true) => Act::PreauthFailed,
            _ if user.starts_with("invalid user ") || user.starts_with("authenticating user ") => {
                Act::LogonFailed
            }
            // Older servers name no user of an authenticated client either.
            (false, true) if text.starts_with("Connection ") => Act::Left,
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
    Some(match split_at_last(rest) {
        Some((_, reason)) => said.because(reason),
        None => said,
    })
}

/// `USER IP port N`, `IP port N`, `USER IP`
fn who_and_address(text: &str) -> Option<(&str, (&str, Option<&str>))> {
    let (before, port) = text
        .rsplit_once(" port ")
        .map_or((text, None), |(before, port)| (before, Some(port)));
    let (user, ip) = before.rsplit_once(' ').unwrap_or(("", before));
    is_ip(ip).then_some((user, (ip, port)))
}

/// `… port N: Too many authentication failures`; `None` where it cannot be told which of two it is.
///
/// A name may hold what looks like an address and a reason, and one reason quotes the names between which a client
/// changed: that one is known by the name that stands before the address as well.
fn split_reason(text: &str) -> Option<(&str, Option<&str>)> {
    const CHANGED: &str = ": Change of username or service not allowed: (";
    let whole = (text, None);
    if !text.contains(CHANGED) || text.ends_with(": Too many authentication failures") {
        return Some(split_at_last(text).map_or(whole, |(who, reason)| (who, Some(reason))));
    }
    let mut ways = text.match_indices(CHANGED).filter_map(|(at, changed)| {
        let (user, _) = who_and_address(&text[..at])?;
        let name = Said::new(Act::LogonFailed).user(user).user.unwrap_or("");
        let quoted = &text[at + changed.len()..];
        is_quoted(quoted, name).then_some((&text[..at], Some(&text[at + 2..])))
    });
    match (ways.next(), ways.next()) {
        (Some(way), None) => Some(way),
        _ => None,
    }
}

/// Whether a text begins with a name and a comma, or ends within the name: the server cuts a reason at 100 bytes.
fn is_quoted(text: &str, name: &str) -> bool {
    match text.strip_prefix(name) {
        Some(rest) => rest.is_empty() || rest.starts_with(','),
        None => !text.is_empty() && name.starts_with(text),
    }
}

fn split_at_last(text: &str) -> Option<(&str, &str)> {
    let at = text.rfind(" port ")?;
    let end = at + text[at..].find(": ")?;
    Some((&text[..end], &text[end + 2..]))
}
