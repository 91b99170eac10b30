//! What the value of a variable looks like.

use std::net::IpAddr;

/// What a variable's value must look like; keeps a value that a client chose from passing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Any,
    /// Digits, a decimal point, or `-`.
    Number,
    /// No spaces.
    Word,
    /// No spaces, and nothing that parts columns.
    Token,
    /// No spaces, and no address: what stands before it is one.
    Logname,
    /// No spaces, no colons and no commas.
    Name,
    /// No spaces, and no list.
    Address,
    /// What nginx writes of several servers one behind the other: `a, b : c`.
    Listed,
    /// A time as in `23/May/2014:10:00:00 +0000`.
    Time,
    /// What is written as such a time is, whether there is such a day and hour or not.
    LikeTime,
    /// An address where nobody said that there is one: neither a list nor what stands for none.
    LoneAddress,
    /// A logname where nobody said that there is one.
    LoneLogname,
    /// A user where nobody said that there is one: nothing in it is an address or a column without a value.
    LoneUser,
    /// What stands in the place of an address and is none that a server writes of its peer.
    NoAddress,
    /// What stands in the place of a user and may be columns before it.
    Columns,
}

impl Kind {
    pub fn of(name: &str) -> Self {
        match name {
            "time_local" => Self::Time,
            "status"
            | "body_bytes_sent"
            | "bytes_sent"
            | "bytes_received"
            | "request_time"
            | "request_time_us"
            | "request_time_ms"
            | "request_length"
            | "msec"
            | "msec_frac"
            | "usec"
            | "usec_frac"
            | "sec"
            | "connection"
            | "connection_requests"
            | "gzip_ratio"
            | "remote_port"
            | "server_port"
            | "pid" => Self::Number,
            "remote_logname" => Self::Logname,
            "host" | "server_name" => Self::Name,
            "remote_addr" | "realip_remote_addr" => Self::Address,
            "time_iso8601" | "request_id" | "request_method" | "server_protocol" | "scheme" | "pipe"
            | "connection_status" | "hostname" => Self::Token,
            _ if is_of_upstream(name) => Self::Listed,
            _ => Self::Any,
        }
    }

    /// Whether a value may hold a text.
    pub fn may_hold(self, text: &str) -> bool {
        match self {
            Self::Any | Self::LoneUser | Self::NoAddress | Self::Columns | Self::Listed => true,
            Self::Number => text
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')),
            Self::Word | Self::Logname | Self::LoneLogname => !text.contains(' '),
            Self::Name => !text.contains([' ', ':', ',']),
            Self::Token | Self::Address => !text.contains(PARTING),
            Self::LoneAddress => !text.contains([' ', ',']),
            Self::Time | Self::LikeTime => !text.contains([']', '"', '|', ',', ';', '\t']),
        }
    }

    /// The same where the pattern is one of those that are tried, and nobody said that the lines are of it.
    pub fn lone(self, name: &str) -> Self {
        match name {
            "remote_addr" => Self::LoneAddress,
            "remote_logname" => Self::LoneLogname,
            "remote_user" => Self::LoneUser,
            "no_address" => Self::NoAddress,
            "columns" => Self::Columns,
            _ => self,
        }
    }

    pub fn fits(self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Number => {
                !value.is_empty()
                    && value
                        .bytes()
                        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
            }
            Self::Word => !value.contains(' '),
            Self::Token => !value.contains(PARTING),
            Self::Logname => !value.contains(' ') && value.parse::<IpAddr>().is_err(),
            Self::Name => !value.contains([' ', ':', ',']),
            Self::Address => !value.contains(PARTING),
            Self::Listed => is_listed(value),
            Self::Time => crate::time::parse_clf(value).is_some(),
            Self::LikeTime => is_like_time(value),
            Self::LoneAddress => !value.bytes().any(|b| matches!(b, b' ' | b',' | b'(')) && !is_none(value),
            Self::LoneLogname => value == "-" || !value.contains([' ', ',', '(', '[']) && !has_address(value),
            Self::LoneUser => value == "-" || !is_columns(value),
            Self::NoAddress => is_no_address(value),
            Self::Columns => !value.contains('"') && is_columns(value),
        }
    }
}

/// What stands between columns and in no single word of a server's own.
const PARTING: [char; 5] = [' ', ',', ';', '|', '\t'];

/// Variables whose values no client can choose, beside numbers and times.
const OWN: &[&str] = &[
    "env_unique_id",
    "handler",
    "hostname",
    "https",
    "limit_conn_status",
    "limit_req_status",
    "log_id",
    "msec_epoch",
    "nginx_version",
    "peer_addr",
    "pipe",
    "proxy_host",
    "proxy_port",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "realip_remote_addr",
    "realip_remote_port",
    "remote_addr",
    "request_completion",
    "request_id",
    "scheme",
    "server_addr",
    "server_name",
    "server_protocol",
    "ssl_cipher",
    "ssl_protocol",
    "ssl_session_id",
    "ssl_session_reused",
    "tid",
    "time_custom",
    "time_iso8601",
    "time_local",
    "connection_status",
    "connection_time",
    "usec_epoch",
];

/// Whether no client can choose what a variable says; of all that are not known it is taken that one can. nginx
/// refuses methods of other characters than letters, Apache does not.
pub fn is_own(name: &str, is_apache: bool) -> bool {
    OWN.contains(&name)
        || Kind::of(name) == Kind::Number
        || is_of_upstream(name)
        || name == "request_method" && !is_apache
}

/// Whether nginx itself tells this of the server behind it; headers are what that server said.
fn is_of_upstream(name: &str) -> bool {
    const SAID: &[&str] = &["http_", "cookie_", "trailer_"];
    let said = name.strip_prefix("upstream_");
    said.is_some_and(|rest| !SAID.iter().any(|what| rest.starts_with(what)))
}

fn is_listed(value: &str) -> bool {
    let is_between = |at: usize| {
        let (before, after) = value.split_at(at);
        before.ends_with(',') || before.ends_with(" :") || after.starts_with(" : ")
    };
    let is_whole = !value.starts_with(':') && !value.ends_with([',', ' ']) && !value.ends_with(" :");
    is_whole && memchr::memchr_iter(b' ', value.as_bytes()).all(is_between)
}

/// What proxies and servers write where there is no address.
fn is_none(value: &str) -> bool {
    matches!(value, "-" | "unknown")
}

fn is_no_address(value: &str) -> bool {
    let is_odd = is_none(value) || value.contains([' ', ',', '(']);
    is_odd && !value.ends_with(',') && !value.contains(['"', '[']) && !value.contains(" - ")
}

/// Whether some word of a text is an address, alone or among others, or `-` beside others.
fn is_columns(value: &str) -> bool {
    if !value.bytes().any(|b| matches!(b, b' ' | b'.' | b':')) {
        return false;
    }
    let is_several = value.contains(' ');
    let mut words = value.split(' ');
    words.any(|word| has_address(word) || is_several && word == "-")
}

fn has_address(word: &str) -> bool {
    let mut parts = word
        .split(',')
        .map(|part| part.trim_matches(['[', ']', '(', ')']));
    parts.any(|part| part.parse::<IpAddr>().is_ok())
}

/// Bytes of `99/Xyz/9999:99:99:99`.
const TIME_LENGTH: usize = 20;

/// Whether something like such a time stands in a line.
pub fn has_like_time(line: &str) -> bool {
    let mut slashes = memchr::memchr_iter(b'/', line.as_bytes());
    slashes.any(|at| {
        let time = at.checked_sub(2).and_then(|at| line.get(at..at + TIME_LENGTH));
        time.is_some_and(is_like_time)
    })
}

/// `99/Xyz/9999:99:99:99`, and what follows.
fn is_like_time(value: &str) -> bool {
    const FORM: &[u8] = b"00/Aaa/0000:00:00:00";
    let fits = |(form, byte): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        b'A' | b'a' => byte.is_ascii_alphabetic(),
        _ => form == byte,
    };
    (FORM.len()..=64).contains(&value.len()) && FORM.iter().zip(value.as_bytes()).all(fits)
}
