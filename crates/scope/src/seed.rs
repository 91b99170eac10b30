//! Where a trace starts: what a person asserts that the intruder held.

use crate::{Error, Grade};
use ambit_event::{Keys, Observable, ObservableKind, Span, Timestamp};

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
        let observable = Observable::parse(&first).map_err(|e| bad(&e.to_string()))?;
        let mut seed = Self {
            grade: default_grade(observable.kind),
            observable,
            exclusive: None,
            from: None,
            until: None,
        };
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
        let mut text = format!("the intruder held {} ({})", self.observable, self.grade);
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
        for bad in [
            "",
            "ip=1.2.3.4,exclusive",
            "ip=1.2.3.4,sometimes",
            "session=a,from=noon",
            "account=a,grade=maybe",
        ] {
            assert!(Seed::parse(bad).is_err(), "{bad}");
        }
    }
}
