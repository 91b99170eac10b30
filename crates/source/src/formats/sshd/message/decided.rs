//! Attempts that were decided.

use super::{Act, Said, address, origin};

/// Attempts that were decided: Accepted, Failed, Invalid user, PAM.
pub(super) fn decided(text: &str) -> Option<Said<'_>> {
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

/// `METHOD for [invalid user ]USER from IP port N ssh2[: WHAT WAS SHOWN]`
fn attempt(rest: &str, act: Act) -> Option<Said<'_>> {
    let (method, who) = rest.split_once(" for ")?;
    // `Accepted certificate ID "a key for x" ...` tells of a key that is tried.
    if method.contains(' ') {
        return None;
    }
    let mut said = Said::new(act);
    said.method = Some(method);
    let Some((user, from, key)) = parted(method, who)? else {
        return Some(said.because(TWO_WAYS));
    };
    said.key = key;
    Some(said.user(user).from(from))
}

/// What stands in the place of a reason where nothing can be taken from a sentence.
pub(super) const TWO_WAYS: &str = "the name that the client chose divides the sentence in two ways";

type Parted<'a> = (&'a str, (&'a str, Option<&'a str>), Option<&'a str>);

/// Who, from where, and what he showed. A name may hold ` from IP port N ssh2: …` and so may what a certificate calls
/// itself or a host-based client its user: what is shown is known by its shape, and where two places have that shape,
/// the sentence tells nobody. `None` where it is no such sentence.
fn parted<'a>(method: &str, who: &'a str) -> Option<Option<Parted<'a>>> {
    let at_end = [" ssh2", " ssh1"].iter().find_map(|tail| who.strip_suffix(tail));
    if let Some((user, from)) = at_end.and_then(origin_at_end) {
        return Some(Some((user, from, None)));
    }
    let mut ways = who.match_indices(" ssh2: ").filter_map(|(at, between)| {
        let (user, from) = origin_at_end(&who[..at])?;
        let shown = &who[at + between.len()..];
        is_shown(method, shown).then_some((user, from, Some(shown)))
    });
    match (ways.next(), ways.next()) {
        (Some(way), None) => Some(Some(way)),
        (Some(_), Some(_)) => Some(None),
        _ => origin(at_end.unwrap_or(who)).map(|(user, from)| Some((user, from, None))),
    }
}

/// `… from IP port N`, and nothing behind.
fn origin_at_end(text: &str) -> Option<(&str, (&str, Option<&str>))> {
    let (before, from) = text.rsplit_once(" from ")?;
    let (ip, port) = from.split_once(" port ")?;
    let is_port = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (is_port && !ip.is_empty() && !ip.contains(' ')).then_some((before, (ip, Some(port))))
}

/// Whether that is how the server tells what was shown: `TYPE HASH[ ID NAME (serial N) CA TYPE HASH]` of a key,
/// the same with the client's user and host for host-based ones, one word else.
fn is_shown(method: &str, shown: &str) -> bool {
    match method {
        "publickey" => is_key(shown) || is_certificate(shown),
        "hostbased" => shown
            .split_once(", client user \"")
            .is_some_and(|(key, client)| (is_key(key) || is_certificate(key)) && client.ends_with('"')),
        _ => !shown.contains(' '),
    }
}

fn is_key(text: &str) -> bool {
    let words = text.split_once(' ');
    words.is_some_and(|(kind, hash)| !kind.is_empty() && hash.contains(':') && !hash.contains(' '))
}

fn is_certificate(text: &str) -> bool {
    let parts = text.split_once(" ID ").zip(text.rsplit_once(" CA "));
    parts.is_some_and(|((key, _), (named, ca))| {
        (is_key(key) || !key.contains(' ')) && is_key(ca) && named.ends_with(')')
    })
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
