//! Where a trace starts: what a person asserts that the intruder held.

use crate::{Error, Grade};
use ambit_event::{EventId, Keys, Observable, ObservableKind, Span, Timestamp, printable};
use std::net::IpAddr;

/// One seed, with what the person asserts about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed {
    pub observable: Observable,
    pub grade: Grade,
    /// The person says that nobody else used it in this span, for this reason.
    pub exclusive: Option<String>,
    /// The person says that the intruder did not hold it before.
    pub from: Option<Timestamp>,
    /// The person says that the intruder did not hold it from here on.
    pub until: Option<Timestamp>,
}

impl Seed {
    /// The seed of one observable, with the grade of its kind and nothing else asserted. An address is
    /// written as the records have it: `::ffff:192.0.2.1` is `192.0.2.1`.
    ///
    /// # Errors
    /// [`Error::Seed`] for an address or an event id that none can be.
    pub fn of(mut observable: Observable) -> Result<Self, Error> {
        let bad = |expected: &str| Error::Seed {
            text: printable(&observable.to_string(), 120),
            expected: expected.to_owned(),
        };
        match observable.kind {
            ObservableKind::Address => observable.value = address(&observable.value).map_err(bad)?,
            ObservableKind::Event if EventId::parse(&observable.value).is_err() => {
                return Err(bad(
                    "an event's id has 32 hexadecimal digits: `ambit search` shows them",
                ));
            }
            ObservableKind::Finding if EventId::parse(&observable.value).is_err() => {
                return Err(bad(
                    "a finding's id has 32 hexadecimal digits: `ambit findings` shows them",
                ));
            }
            _ => {}
        }
        Ok(Self {
            grade: default_grade(observable.kind),
            observable,
            exclusive: None,
            from: None,
            until: None,
        })
    }

    /// Reads a seed as people write it: `session=abc`, `ip=203.0.113.7,exclusive,reason="rented server"`,
    /// `token=k,from=2014-05-20T00:00:00Z`. A reason that holds commas is quoted.
    ///
    /// # Errors
    /// [`Error::Seed`] says which part is wrong and what may stand there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |expected: &str| Error::Seed {
            text: text.chars().take(120).collect(),
            expected: expected.to_owned(),
        };
        let mut parts = split_unquoted(text).into_iter();
        let first = parts.next().unwrap_or_default();
        let mut seed = Self::of(Observable::parse(&first).map_err(|e| bad(&e.to_string()))?)?;
        let (mut exclusive, mut reason) = (false, None);
        for part in parts {
            match part
                .split_once('=')
                .map_or((part.trim(), ""), |(k, v)| (k.trim(), v.trim()))
            {
                ("exclusive", "") => exclusive = true,
                ("reason", why) => reason = Some(why.trim_matches('"').to_owned()),
                ("from", at) => seed.from = Some(Timestamp::parse(at).map_err(|e| bad(&e.to_string()))?),
                ("until", at) => seed.until = Some(Timestamp::parse(at).map_err(|e| bad(&e.to_string()))?),
                ("grade", grade) => {
                    seed.grade =
                        parse_grade(grade).ok_or_else(|| bad("a grade is possible, probable or certain"))?
                }
                _ => {
                    return Err(bad(
                        "after the value may stand exclusive, reason=\"…\", from=…, until=…, grade=…",
                    ));
                }
            }
        }
        if exclusive {
            let reason = reason.filter(|r| !r.is_empty());
            seed.exclusive =
                Some(reason.ok_or_else(|| bad("exclusive needs a reason=\"…\": the answer rests on it"))?);
            seed.grade = Grade::Certain;
        }
        Ok(seed)
    }

    /// The seed with a session or token replaced by its fingerprint, as the lake holds it.
    #[must_use]
    pub fn fingerprinted(mut self, keys: &Keys) -> Self {
        if matches!(
            self.observable.kind,
            ObservableKind::Session | ObservableKind::Token
        ) {
            self.observable.value = keys.fingerprint(&self.observable.value);
        }
        self
    }

    /// When, as asserted, it may have been in the intruder's hands.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::new(
            self.from.unwrap_or(Timestamp::MIN),
            self.until.unwrap_or(Timestamp::MAX),
        )
    }

    /// The seed in words, for the list of assertions.
    #[must_use]
    pub fn sentence(&self) -> String {
        let held = match self.observable.kind {
            ObservableKind::Finding => "did what is told by",
            _ => "held",
        };
        let mut text = format!("the intruder {held} {} ({})", self.observable, self.grade);
        if let Some(from) = self.from {
            text.push_str(&format!(", not before {from}"));
        }
        if let Some(until) = self.until {
            text.push_str(&format!(", not after {until}"));
        }
        if self.exclusive.is_some() {
            text.push_str(", and nobody else did");
        }
        text
    }

    /// Whether it names a method, which never reaches anyone by itself.
    #[must_use]
    pub const fn is_method(&self) -> bool {
        matches!(
            self.observable.kind,
            ObservableKind::AppVersion | ObservableKind::Route
        )
    }
}

/// An address as the records have it.
fn address(text: &str) -> Result<String, &'static str> {
    if text.contains('/') {
        return Err("a network is no seed: write each address out, such as ip=203.0.113.7");
    }
    let address = text.trim_matches(['[', ']']).parse::<IpAddr>();
    let address =
        address.map_err(|_| "an address stands without port, such as ip=203.0.113.7 or ip=2001:db8::7")?;
    Ok(address.to_canonical().to_string())
}

/// How sure a seed is where the person does not say.
const fn default_grade(kind: ObservableKind) -> Grade {
    match kind {
        ObservableKind::Session
        | ObservableKind::Token
        | ObservableKind::Event
        | ObservableKind::Connection => Grade::Certain,
        ObservableKind::Account | ObservableKind::Device => Grade::Probable,
        _ => Grade::Possible,
    }
}

fn parse_grade(text: &str) -> Option<Grade> {
    [Grade::Possible, Grade::Probable, Grade::Certain]
        .into_iter()
        .find(|g| g.name() == text)
}

/// Splits at commas that stand outside double quotes.
fn split_unquoted(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            ',' if !quoted => parts.push(String::new()),
            _ => {
                quoted ^= c == '"';
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read_as_people_write_them() {
        let seed = Seed::parse("ip=203.0.113[.]7,exclusive,reason=\"rented, by us seen\"")
            .map_err(|e| e.to_string());
        assert!(
            matches!(&seed, Ok(s) if s.grade == Grade::Certain && s.exclusive.as_deref() == Some("rented, by us seen"))
        );
        assert!(matches!(Seed::parse("ip=203.0.113.7"), Ok(s) if s.grade == Grade::Possible));
        assert!(matches!(Seed::parse("ip=::ffff:203.0.113.7"), Ok(s) if s.observable.value == "203.0.113.7"));
        assert!(matches!(Seed::parse("ip=2001:DB8:0::7"), Ok(s) if s.observable.value == "2001:db8::7"));
        for bad in [
            "",
            "ip=203.0.113.0/24",
            "ip=203.0.113.7:443",
            "ip=203.0.113.777",
            "ip=gw.example.net",
            "event=0123",
            "event=x0000000000000000000000000000000",
            "ip=1.2.3.4,exclusive",
            "ip=1.2.3.4,sometimes",
            "session=a,from=noon",
            "account=a,grade=maybe",
        ] {
            assert!(Seed::parse(bad).is_err(), "{bad}");
        }
    }
}
