//! Where a mail server is, as a person writes it.

use crate::Error;
use ambit_event::printable;
use std::fmt;

/// How the line is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// From the first byte.
    Tls,
    /// Asked for before anything else is said, and required.
    StartTls,
    /// Not at all.
    Plain,
}

/// Where the mail server is: `smtps://user@host`, `smtp://host` (STARTTLS required), `smtp-plain://host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpUrl {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) cover: Cover,
}

impl SmtpUrl {
    /// Reads it as a person wrote it. A password is no part of it: it would stand in lists of processes.
    ///
    /// # Errors
    /// [`Error::Addresses`] says what is wrong.
    pub fn read(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| Error::Addresses {
            why: format!("`{}`: {why}", printable(text, 100)),
        };
        let form = "write smtps://USER@HOST, smtp://HOST:PORT or smtp-plain://HOST:PORT";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(form))?;
        let (cover, port) = match scheme {
            "smtps" => (Cover::Tls, 465),
            "smtp" => (Cover::StartTls, 587),
            "smtp-plain" => (Cover::Plain, 25),
            _ => return Err(wrong(form)),
        };
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) if !user.is_empty() => (Some(user), place),
            Some(_) => return Err(wrong(form)),
            None => (None, rest),
        };
        let place = place.trim_end_matches('/');
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, port.parse().map_err(|_| wrong(form))?),
            _ => (place, port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong("there is no host"));
        }
        if user.is_some_and(|user| user.contains(':')) {
            return Err(wrong("a password does not stand here: set AMBIT_SMTP_PASSWORD"));
        }
        if user.is_some() && cover == Cover::Plain {
            return Err(wrong("a password is not sent over a line that is not encrypted"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            user: user.map(str::to_owned),
            cover,
        })
    }

    #[must_use]
    pub const fn wants_password(&self) -> bool {
        self.user.is_some()
    }
}

impl fmt::Display for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "smtp {}:{}", self.host, self.port)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_passwords_do_not_stand_in_them() {
        for (text, shown) in [
            ("smtps://mail.example", "smtp mail.example:465"),
            ("smtp://ann@b.example@mail.example", "smtp mail.example:587"),
            ("smtp-plain://127.0.0.1:2525", "smtp 127.0.0.1:2525"),
            ("smtp-plain://[::1]:2525", "smtp ::1:2525"),
        ] {
            assert_eq!(SmtpUrl::read(text).unwrap().to_string(), shown);
        }
        for text in [
            "mail.example",
            "http://mail.example",
            "smtp://ann:secret@mail.example",
            "smtp-plain://ann@mail.example",
            "smtps://mail.example:x",
            "smtps://mail\r\n.example",
            "smtps://",
        ] {
            assert!(SmtpUrl::read(text).is_err(), "{text}");
        }
    }
}
