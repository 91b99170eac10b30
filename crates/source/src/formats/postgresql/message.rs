//! What the message of a log record says: which of the server's own sentences it is.

use std::borrow::Cow;

/// One of the server's sentences, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'a> {
    /// A statement begins: `statement: …`, `execute <unnamed>: …` (the name), or it has ended and says how
    /// long it took, in nanoseconds.
    Statement {
        text: &'a str,
        name: Option<&'a str>,
        took: Option<i64>,
    },
    /// Parsing or binding, which touches no data: `parse S_1: …`, `bind S_1: …`.
    Prepare {
        verb: &'a str,
        text: &'a str,
        took: Option<i64>,
    },
    /// `duration: 0.123 ms` of whatever this session did last.
    Duration { took: i64 },
    /// `connection received: host=… port=…`
    Received { host: &'a str, port: Option<i64> },
    /// `connection authenticated: identity="…" method=…`
    Authenticated {
        identity: Cow<'a, str>,
        method: Option<&'a str>,
    },
    /// `connection authorized: user=… database=… application_name=…`
    Authorized {
        user: &'a str,
        database: Option<&'a str>,
        application: Option<&'a str>,
    },
    /// `disconnection: session time: 0:01:02.345 user=… database=… host=… port=…`
    Disconnection {
        took: Option<i64>,
        user: &'a str,
        database: Option<&'a str>,
        host: &'a str,
        port: Option<i64>,
    },
    /// Anything else.
    Other,
}

/// Takes a message apart.
pub fn read(message: &str) -> Said<'_> {
    if let Some(rest) = message.strip_prefix("duration: ") {
        return duration(rest).unwrap_or(Said::Other);
    }
    started(message, None)
        .or_else(|| connection(message))
        .unwrap_or(Said::Other)
}

/// `12.345 ms`, and what it was that took so long.
fn duration(rest: &str) -> Option<Said<'_>> {
    let (number, rest) = rest.split_once(" ms")?;
    let took = crate::time::parse_duration(number, 1_000_000)?;
    let rest = rest.trim_start();
    if rest.starts_with("plan:") {
        return None;
    }
    Some(started(rest, Some(took)).unwrap_or(Said::Duration { took }))
}

fn started(text: &str, took: Option<i64>) -> Option<Said<'_>> {
    if let Some(text) = text.strip_prefix("statement: ") {
        return Some(Said::Statement {
            text,
            name: None,
            took,
        });
    }
    let (verb, rest) = text.split_once(' ')?;
    if !matches!(verb, "execute" | "parse" | "bind") {
        return None;
    }
    let rest = rest.strip_prefix("fetch from ").unwrap_or(rest);
    let (name, text) = rest.split_once(": ")?;
    Some(match verb {
        "execute" => Said::Statement {
            text,
            name: Some(name),
            took,
        },
        _ => Said::Prepare { verb, text, took },
    })
}

fn connection(message: &str) -> Option<Said<'_>> {
    if let Some(rest) = message.strip_prefix("connection received: ") {
        return Some(Said::Received {
            host: value(rest, "host=").unwrap_or_default(),
            port: port(rest),
        });
    }
    if let Some(rest) = message.strip_prefix("connection authenticated: ") {
        return Some(authenticated(rest));
    }
    let authorized = ["connection authorized: ", "replication connection authorized: "];
    if let Some(rest) = authorized.iter().find_map(|head| message.strip_prefix(head)) {
        return Some(Said::Authorized {
            user: value(rest, "user=")?,
            database: value(rest, "database="),
            application: value(rest, "application_name="),
        });
    }
    let rest = message.strip_prefix("disconnection: session time: ")?;
    Some(Said::Disconnection {
        took: rest.split(' ').next().and_then(clock),
        user: value(rest, "user=")?,
        database: value(rest, "database="),
        host: value(rest, "host=").unwrap_or_default(),
        port: port(rest),
    })
}

/// Names that end a value in these sentences; a value itself may hold spaces.
const NAMES: &[&str] = &[
    " user=",
    " database=",
    " application_name=",
    " host=",
    " port=",
    " SSL ",
    " GSS ",
    " method=",
    " (",
];

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = if text.starts_with(name) {
        0
    } else {
        text.find(&format!(" {name}"))? + 1
    };
    let rest = &text[at + name.len()..];
    let end = NAMES
        .iter()
        .filter_map(|n| rest.find(n))
        .min()
        .unwrap_or(rest.len());
    Some(&rest[..end])
}

fn port(text: &str) -> Option<i64> {
    value(text, "port=")?.parse().ok()
}

fn authenticated(rest: &str) -> Said<'_> {
    let quoted = rest
        .strip_prefix("identity=\"")
        .and_then(|r| r.split_once("\" method="));
    let (identity, method) = match quoted {
        Some((identity, after)) => (identity, after.split(' ').next()),
        None => (
            value(rest, "user=").unwrap_or_default().trim_matches('"'),
            value(rest, "method="),
        ),
    };
    Said::Authenticated {
        identity: Cow::Borrowed(identity),
        method,
    }
}

/// `0:01:02.345` in nanoseconds.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (
        parts.next()?.parse::<i64>().ok()?,
        parts.next()?.parse::<i64>().ok()?,
    );
    let seconds = crate::time::parse_duration(parts.next()?, 1_000_000_000)?;
    hours
        .checked_mul(60)?
        .checked_add(minutes)?
        .checked_mul(60_000_000_000)?
        .checked_add(seconds)
}

/// The values of `parameters: $1 = 'a', $2 = NULL` in a detail or context; a null is an empty text, as
/// pgaudit writes it.
pub fn parameters(text: &str) -> Vec<String> {
    let Some(at) = text.find("arameters: $1 = ") else {
        return Vec::new();
    };
    let mut rest = &text[at + "arameters: ".len()..];
    let mut values = Vec::new();
    while let Some((_, after)) = rest.split_once(" = ").filter(|(name, _)| is_parameter(name)) {
        let (value, next) = literal(after);
        values.push(value);
        rest = next.strip_prefix(", ").unwrap_or_default();
    }
    values
}

fn is_parameter(name: &str) -> bool {
    name.strip_prefix('$')
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// A quoted value with doubled quotes, or a bare word; and what follows.
fn literal(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('\'') else {
        let end = text.find(", ").unwrap_or(text.len());
        let word = &text[..end];
        return (
            if word == "NULL" {
                String::new()
            } else {
                word.to_owned()
            },
            &text[end..],
        );
    };
    let bytes = inner.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\'', &bytes[at..]) {
        at += found;
        if bytes.get(at + 1) != Some(&b'\'') {
            return (inner[..at].replace("''", "'"), &inner[at + 1..]);
        }
        at += 2;
    }
    (inner.replace("''", "'"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_sentences_are_taken_apart() {
        assert_eq!(
            read("statement: SELECT 1"),
            Said::Statement {
                text: "SELECT 1",
                name: None,
                took: None
            }
        );
        assert_eq!(
            read("duration: 1.250 ms  execute S_1/C_2: SELECT $1"),
            Said::Statement {
                text: "SELECT $1",
                name: Some("S_1/C_2"),
                took: Some(1_250_000)
            }
        );
        assert_eq!(read("duration: 0.5 ms"), Said::Duration { took: 500_000 });
        assert_eq!(
            read("execute fetch from S_1/C_2: SELECT 1"),
            Said::Statement {
                text: "SELECT 1",
                name: Some("S_1/C_2"),
                took: None
            }
        );
        assert_eq!(
            read("disconnection: session time: 1:00:02.500 user=app database=music host=10.0.0.5 port=40000"),
            Said::Disconnection {
                took: Some(3_602_500_000_000),
                user: "app",
                database: Some("music"),
                host: "10.0.0.5",
                port: Some(40000)
            }
        );
        assert_eq!(
            read(
                "connection authorized: user=a b database=music application_name=psql SSL enabled (protocol=TLSv1.3)"
            ),
            Said::Authorized {
                user: "a b",
                database: Some("music"),
                application: Some("psql")
            }
        );
        assert_eq!(
            read("connection authenticated: identity=\"app\" method=scram-sha-256 (/etc/pg_hba.conf:9)"),
            Said::Authenticated {
                identity: "app".into(),
                method: Some("scram-sha-256")
            }
        );
        for text in [
            "",
            "checkpoint complete",
            "duration: x ms",
            "execute me",
            "disconnection: session time: ",
        ] {
            assert_eq!(read(text), Said::Other, "{text}");
        }
    }

    #[test]
    fn bound_values_are_read() {
        assert_eq!(
            parameters("parameters: $1 = 'it''s', $2 = NULL, $3 = '4, $5 = ''x'"),
            ["it's", "", "4, $5 = 'x"]
        );
        assert_eq!(parameters("unnamed portal with parameters: $1 = '7'"), ["7"]);
        assert_eq!(parameters("parameters: $1 = 'cut..."), ["cut..."]);
        assert!(parameters("prepare: PREPARE x AS SELECT 1").is_empty());
    }
}
