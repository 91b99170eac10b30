//! A request that carries an attack, however it is encoded.
//!
//! Rules match the text that was logged; a server decodes it first, once or twice. Here it is looked at as the server
//! would.

use super::recent::{Recent, folds_recent};
use super::seen::{Seen, key};
use super::{Behaviour, Sheet};
use crate::stream::{Fold, Key, Out, Stamp, Who};
use aho_corasick::AhoCorasick;
use ambit_event::Level;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// Its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebAttack {
    /// Attacks of one address within so many seconds are one finding.
    within_secs: i64,
}

impl Default for WebAttack {
    fn default() -> Self {
        Self { within_secs: 3600 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    name: String,
    /// How a finding of it is called.
    says: String,
    /// Whether a success means that it did something, and not only that the page is there.
    #[serde(default)]
    is_grave: bool,
    /// Texts of which one stands in the decoded address.
    #[serde(default)]
    address: Vec<String>,
    /// Texts with which the decoded path ends.
    #[serde(default)]
    path_ends: Vec<String>,
    /// Texts of which one stands in the client's name.
    #[serde(default)]
    client: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: Vec<Kind>,
}

const TABLE: &str = include_str!("web_attack.toml");
// A test holds that it can be read.
static KINDS: LazyLock<Vec<Kind>> =
    LazyLock::new(|| toml::from_str::<Table>(TABLE).map_or(Vec::new(), |table| table.kind));

/// The texts of all kinds, each looked for in one pass with the others of its place.
static IN_ADDRESS: LazyLock<Texts> = LazyLock::new(|| Texts::of(|kind| &kind.address));
static IN_CLIENT: LazyLock<Texts> = LazyLock::new(|| Texts::of(|kind| &kind.client));

struct Texts {
    /// `None` where there are none.
    search: Option<AhoCorasick>,
    /// The kind that each text is of.
    kinds: Vec<usize>,
}

impl Texts {
    fn of(texts: fn(&Kind) -> &[String]) -> Self {
        let all = KINDS.iter().enumerate();
        let all = all.flat_map(|(at, kind)| texts(kind).iter().map(move |text| (at, text)));
        let (kinds, texts): (Vec<usize>, Vec<&String>) = all.unzip();
        // So few texts are never too many for it.
        let search = AhoCorasick::new(texts).ok();
        Self { search, kinds }
    }

    /// The first kind of which a text stands there.
    fn first_in(&self, text: &str) -> Option<usize> {
        let found = self.search.as_ref()?.find_overlapping_iter(text);
        found
            .filter_map(|found| self.kinds.get(found.pattern().as_usize()).copied())
            .min()
    }
}

/// An attack in a request.
#[derive(Debug, Clone)]
pub(crate) struct Attack {
    who: Arc<Who>,
    kind: usize,
    is_answered: bool,
}

impl Fold for WebAttack {
    type Member = Attack;
    type State = Recent<(usize, bool)>;

    fn step(&self, state: &mut Self::State, at: Stamp, attack: &Attack, out: &mut Out) {
        state.push(
            at,
            &attack.who,
            (attack.kind, attack.is_answered),
            self.within_secs,
            out,
        );
        state.note(true, at, &attack.who, self.within_secs, |_| true, out);
        let mut kinds: Vec<usize> = state.iter().map(|(_, (kind, _))| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let Some(open) = &mut state.open else { return };
        let is_grave = KINDS.get(attack.kind).is_some_and(|kind| kind.is_grave);
        if attack.is_answered && is_grave {
            open.level = Some(Level::Medium);
        }
        let says: Vec<&str> = kinds
            .iter()
            .filter_map(|at| KINDS.get(*at))
            .map(|kind| kind.says.as_str())
            .collect();
        let answered = if open.level.is_some() {
            "; one was answered with success"
        } else {
            ""
        };
        open.because = Some(format!("{}{answered}", says.join(", ")));
    }

    folds_recent!(within_secs);
}

impl Behaviour for WebAttack {
    const SHEET: Sheet = Sheet {
        id: "ambit.web_attack",
        title: "Requests that carry an attack",
        level: Level::Low,
        attack: &["T1190", "T1595.002"],
        doc: "Requests of an address with path traversal, commands, templates, SQL or scripts in them, for files that no \
              site gives out, for the entrances of well-known exploits, through the server to elsewhere, or by a scanner \
              that names itself; looked at as the server decodes them. Medium where a grave one was answered with \
              success.",
        budget: "Low: a site in the open internet has dozens a day, one finding for each address. Medium: one a month.",
    };

    fn members(&self, seen: &Seen<'_>, give: &mut dyn FnMut(Key, Attack)) {
        if !matches!(seen.class(), "http_activity" | "application_error" | "base_event") {
            return;
        }
        let Some(address) = seen.address() else { return };
        let Some(kind) = carried(seen) else { return };
        let status = seen
            .event
            .status_code
            .as_deref()
            .and_then(|code| code.parse::<u16>().ok());
        let attack = Attack {
            who: seen.who(),
            kind,
            is_answered: status.is_some_and(|status| (200..300).contains(&status)),
        };
        give(key(&[address]), attack);
    }
}

/// Longer addresses are looked at up to here.
const MOST: usize = 16 << 10;

/// The first kind of attack that the request carries.
fn carried(seen: &Seen<'_>) -> Option<usize> {
    let event = seen.event;
    let path = event.resource.as_deref().unwrap_or("");
    let query = event.query_text.as_deref().unwrap_or("");
    let line = event
        .message
        .as_deref()
        .filter(|_| seen.class() != "http_activity")
        .unwrap_or("");
    let address = decoded(&format!("{path}?{query} {line}"));
    let path = address.split('?').next().unwrap_or(&address);
    let client = event.user_agent.as_deref().unwrap_or("").to_ascii_lowercase();
    let is_through = is_elsewhere(event.activity.as_deref(), event.resource.as_deref());
    let (in_address, in_client) = (IN_ADDRESS.first_in(&address), IN_CLIENT.first_in(&client));
    KINDS.iter().enumerate().position(|(at, kind)| {
        Some(at) == in_address
            || Some(at) == in_client
            || kind.path_ends.iter().any(|end| path.ends_with(end.as_str()))
            || (kind.name == "proxy" && is_through)
    })
}

/// Whether the server is asked for what lies on another.
fn is_elsewhere(method: Option<&str>, resource: Option<&str>) -> bool {
    let is_whole = |resource: &str| resource.starts_with("http://") || resource.starts_with("https://");
    method == Some("CONNECT") || resource.is_some_and(is_whole)
}

/// The text as a server may see it at last: in lower case, decoded up to three times.
fn decoded(text: &str) -> String {
    let mut text: String = match text.is_ascii() {
        true => text.get(..MOST).unwrap_or(text).to_ascii_lowercase(),
        false => text.chars().take(MOST).collect::<String>().to_lowercase(),
    };
    for _ in 0..3 {
        match unescaped(&text) {
            Cow::Borrowed(_) => break,
            Cow::Owned(once) => text = once.to_lowercase(),
        }
    }
    text.replace('+', " ").replace('\\', "/")
}

/// The text with each `%xx` as its byte.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let (mut out, mut at, mut is_new) = (Vec::with_capacity(bytes.len()), 0, false);
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                (at, is_new) = (at + 3, true);
            }
            (byte, ..) => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    match is_new {
        true => Cow::Owned(String::from_utf8_lossy(&out).into_owned()),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambit_event::{Event, Timestamp};

    #[test]
    fn the_table_can_be_read() {
        assert!(toml::from_str::<Table>(TABLE).is_ok_and(|table| table.kind.len() > 5));
        let lower = |kind: &Kind| {
            let mut texts = kind.address.iter().chain(&kind.path_ends).chain(&kind.client);
            texts.all(|text| *text == text.to_lowercase() && !text.is_empty())
        };
        assert!(KINDS.iter().all(lower));
    }

    fn kind(path: &str, query: &str, client: &str) -> Option<&'static str> {
        let mut event = Event::new("nginx_access", Timestamp(0));
        event.class = Some("http_activity".into());
        event.resource = Some(path.into());
        event.query_text = Some(query.into());
        event.user_agent = Some(client.into());
        carried(&Seen::alone(&event)).map(|at| KINDS[at].name.as_str())
    }

    #[test]
    fn attacks_are_seen_through_their_encoding() {
        for (path, query, expected) in [
            ("/cgi-bin/.%2e/%2E%2e/etc/passwd", "", Some("traversal")),
            ("/a/%252e%252e/%252e%252e/x", "", Some("traversal")),
            ("/s", "q=1%27+UNION%20ALL+SELECT+1", Some("sql")),
            ("/v", "u=%24%7bjndi:ldap", Some("template")),
            ("/index.php", "f=php://filter", Some("inclusion")),
            ("/.git/config", "", Some("hidden")),
            ("/select-your-union", "q=trade+union+selection", None),
            ("/100%", "a=50%&b=%zz", None),
            ("/docs/../", "", None),
        ] {
            assert_eq!(kind(path, query, "Mozilla"), expected, "{path}?{query}");
        }
        assert_eq!(kind("/", "", "Mozilla/5.00 (Nikto/2.1.5)"), Some("scanner"));
    }
}
