//! A raw record written as what it adds to its own fields.
//!
//! Fields hold nearly every byte of the record that they were read from. What is kept of the record is the
//! rest: the text between the values, with a mark in the place of each value. Records of one log leave
//! nearly the same text over and over, which compresses to next to nothing. What was read from a record as
//! something else than its bytes (a secret, kept as a fingerprint) stays in that text, and is sealed with it.

use super::leaves::{Leaf, Leaves, leaves};
use ambit_event::{Event, Keys};
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// How a record is kept, its first byte.
const AS_IT_IS: u8 = 0;
const WOVEN: u8 = 1;
const SAME_AS_FIELDS: u8 = 2;

/// Stands before the number of a value. UTF-8 has no such byte; a record that has it is kept as it is.
const MARK: u8 = 0xff;
/// Values that most records have at most.
const USUAL_VALUES: usize = 32;
/// Values that are looked for in a record.
const MOST_VALUES: usize = 512;
/// Bytes that may be searched for the values of a record, for each of its bytes.
const MOST_SEARCHED: usize = 64;
/// A value this short may stand anywhere by chance, and is only taken near the one before.
const SHORT: usize = 4;
const NEAR: usize = 64;
/// A shorter value is no longer than its mark.
const SHORTEST: usize = 2;
/// Where a value was searched in vain in so many records, it is searched in one of so many of those that follow.
const PATIENCE: u8 = 32;

/// What the table keeps of a record anyway.
pub(super) struct Beside<'a> {
    /// Its fields, a JSON object.
    fields: &'a str,
    /// The first values in them, and where the others follow.
    first: Vec<Leaf<'a>>,
    rest: Leaves<'a>,
    /// Its long texts.
    texts: Vec<&'a str>,
}

impl<'a> Beside<'a> {
    pub const NOTHING: Self = Self {
        fields: "",
        first: Vec::new(),
        rest: leaves(""),
        texts: Vec::new(),
    };

    /// `fields` are those of the event, as JSON.
    pub fn of(event: &'a Event, fields: &'a str) -> Self {
        let texts = [&event.query_text, &event.message].into_iter().flatten();
        let texts = texts.chain(&event.parameters).map(String::as_str);
        Self::new(fields, texts.collect())
    }

    fn new(fields: &'a str, texts: Vec<&'a str>) -> Self {
        let mut rest = leaves(fields);
        let mut first = Vec::with_capacity(USUAL_VALUES);
        first.extend(rest.by_ref().take(MOST_VALUES));
        Self {
            fields,
            first,
            rest,
            texts,
        }
    }

    /// The values in the fields.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf<'a>> {
        self.first.iter().copied().chain(self.rest.clone())
    }

    fn values(&self) -> impl Iterator<Item = Value<'a>> {
        let texts = self.texts.iter().map(|text| Value::Text(text));
        let leaves = self.leaves();
        leaves
            .map(|leaf| Value::Written(leaf.text))
            .chain(texts)
            .take(MOST_VALUES)
    }
}

/// A value that the table keeps.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// As it is written in JSON.
    Written(&'a str),
    Text(&'a str),
}

/// How a value may stand in the record.
#[derive(Clone, Copy)]
enum Form {
    AsKept = 0,
    /// With JSON's escapes undone, or done.
    Turned = 1,
    /// As a text, each double quote doubled: CSV.
    Doubled = 2,
    /// CSV within CSV.
    DoubledTwice = 3,
}

impl Form {
    const ALL: [Self; 4] = [Self::AsKept, Self::Turned, Self::Doubled, Self::DoubledTwice];
}

impl<'a> Value<'a> {
    const fn kept(self) -> &'a str {
        match self {
            Self::Written(text) | Self::Text(text) => text,
        }
    }

    /// The value in this form; `None` where that is the same as it is kept.
    fn form(self, form: Form) -> Option<Cow<'a, str>> {
        match (form, self) {
            (Form::AsKept, _) => Some(Cow::Borrowed(self.kept())),
            (Form::Turned, Self::Text(text)) => escaped(text),
            (Form::Turned, Self::Written(_)) => self.plain(),
            (Form::Doubled, _) => self.doubled("\"\""),
            (Form::DoubledTwice, _) => self.doubled("\"\"\"\""),
        }
    }

    fn plain(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Written(text) if !text.contains('\\') => None,
            Self::Written(text) => serde_json::from_str(&format!("\"{text}\"")).ok().map(Cow::Owned),
        }
    }

    fn doubled(self, quote: &str) -> Option<Cow<'a, str>> {
        let text = self.plain().filter(|text| text.contains('"'))?;
        Some(Cow::Owned(text.replace('"', quote)))
    }
}

fn escaped(text: &str) -> Option<Cow<'_, str>> {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        return None;
    }
    let quoted = serde_json::to_string(text).ok()?;
    Some(Cow::Owned(quoted.get(1..quoted.len() - 1)?.to_owned()))
}

/// Weaves records of one log. What it remembers of the record before only makes it faster.
#[derive(Default)]
pub(super) struct Weaver {
    guesses: Vec<Guess>,
    n_woven: usize,
    found: Vec<Found>,
    woven: Vec<u8>,
}

/// What is known of a value from the records before.
#[derive(Clone, Copy, Default)]
struct Guess {
    /// Bytes between it and the value found before it.
    gap: usize,
    /// How many records did not hold it, since one did.
    n_in_vain: u8,
}

/// A value's place in the record.
#[derive(Clone, Copy)]
struct Found {
    start: usize,
    end: usize,
    /// The number of the value, and its form.
    mark: [u8; 2],
}

impl Weaver {
    /// What is to be kept of a record beside what is kept anyway.
    pub fn weave(&mut self, raw: &[u8], beside: &Beside<'_>) -> &[u8] {
        self.woven.clear();
        if raw == beside.fields.as_bytes() {
            self.woven.push(SAME_AS_FIELDS);
        } else if memchr(MARK, raw).is_some() {
            self.woven.push(AS_IT_IS);
            self.woven.extend_from_slice(raw);
        } else {
            self.woven.push(WOVEN);
            self.search(raw, beside);
            self.replace(raw);
        }
        &self.woven
    }

    /// Finds the values, most of which stand in the record in their own order.
    fn search(&mut self, raw: &[u8], beside: &Beside<'_>) {
        self.found.clear();
        self.n_woven = self.n_woven.wrapping_add(1);
        let mut at = 0;
        let mut budget = raw.len().saturating_mul(MOST_SEARCHED);
        for (nth, value) in beside.values().enumerate() {
            if self.guesses.len() <= nth {
                self.guesses.resize(nth + 1, Guess::default());
            }
            // What stands for a secret does not stand in the record.
            let kept = value.kept();
            if kept.len() < SHORTEST || budget < raw.len() || Keys::is_fingerprint(kept) {
                continue;
            }
            let Some((start, end, form)) = self.find(raw, value, at, nth, &mut budget) else {
                self.guesses[nth].n_in_vain = self.guesses[nth].n_in_vain.saturating_add(1);
                continue;
            };
            self.guesses[nth] = Guess {
                gap: start.saturating_sub(at),
                n_in_vain: 0,
            };
            self.found.push(Found {
                start,
                end,
                mark: mark(nth, form),
            });
            at = end;
        }
        self.found.sort_unstable_by_key(|found| found.start);
    }

    /// Where a value stands: where the one in the record before would say, else after the value before it, else
    /// anywhere; never where another does.
    fn find(
        &self,
        raw: &[u8],
        value: Value<'_>,
        at: usize,
        nth: usize,
        budget: &mut usize,
    ) -> Option<(usize, usize, Form)> {
        let is_short = value.kept().len() < SHORT;
        let reach = if is_short {
            raw.len().min(at + NEAR)
        } else {
            raw.len()
        };
        let Guess { gap, n_in_vain } = self.guesses[nth];
        let is_due = n_in_vain < PATIENCE || self.n_woven.is_multiple_of(usize::from(PATIENCE));
        Form::ALL.into_iter().find_map(|form| {
            let text = value.form(form)?;
            let text = text.as_bytes();
            let guess = at + gap;
            let is_free = |start: &usize| self.is_free(*start, start + text.len());
            let is_there = raw.get(guess..).is_some_and(|rest| rest.starts_with(text));
            let start = if is_there && is_free(&guess) {
                guess
            } else if is_due {
                *budget = budget.saturating_sub(raw.len());
                let finder = memmem::Finder::new(text);
                let after = finder.find(&raw[at..reach]).map(|step| at + step);
                let anywhere = || finder.find(raw).filter(|_| !is_short);
                after.filter(is_free).or_else(|| anywhere().filter(is_free))?
            } else {
                return None;
            };
            Some((start, start + text.len(), form))
        })
    }

    fn is_free(&self, start: usize, end: usize) -> bool {
        // The last ones are the nearest.
        self.found
            .iter()
            .rev()
            .all(|found| end <= found.start || found.end <= start)
    }

    fn replace(&mut self, raw: &[u8]) {
        let mut at = 0;
        for found in &self.found {
            self.woven.extend_from_slice(&raw[at..found.start]);
            self.woven.push(MARK);
            self.woven.extend_from_slice(&found.mark);
            at = found.end;
        }
        self.woven.extend_from_slice(&raw[at..]);
    }
}

fn mark(nth: usize, form: Form) -> [u8; 2] {
    u16::try_from(nth * Form::ALL.len() + form as usize)
        .unwrap_or_default() // `MOST_VALUES` keeps it far below
        .to_le_bytes()
}

/// The record again; `None` where what was kept and what stands beside it do not belong together.
pub(super) fn unweave(kept: &[u8], beside: &Beside<'_>) -> Option<Vec<u8>> {
    let (how, kept) = kept.split_first()?;
    match *how {
        AS_IT_IS => Some(kept.to_vec()),
        SAME_AS_FIELDS if kept.is_empty() => Some(beside.fields.as_bytes().to_vec()),
        WOVEN => fill(kept, beside),
        _ => None,
    }
}

fn fill(kept: &[u8], beside: &Beside<'_>) -> Option<Vec<u8>> {
    let values: Vec<Value<'_>> = beside.values().collect();
    let (before, mut rest) = kept.split_at(memchr(MARK, kept).unwrap_or(kept.len()));
    let mut raw = before.to_vec();
    while let Some((&[_, low, high], after)) = rest.split_first_chunk::<3>() {
        let number = usize::from(u16::from_le_bytes([low, high]));
        let value = values.get(number / Form::ALL.len())?;
        raw.extend_from_slice(value.form(Form::ALL[number % Form::ALL.len()])?.as_bytes());
        let (between, next) = after.split_at(memchr(MARK, after).unwrap_or(after.len()));
        raw.extend_from_slice(between);
        rest = next;
    }
    rest.is_empty().then_some(raw)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn kept(raw: &str, beside: &Beside<'_>) -> Vec<u8> {
        let kept = Weaver::default().weave(raw.as_bytes(), beside).to_vec();
        assert_eq!(unweave(&kept, beside).unwrap(), raw.as_bytes(), "{raw}");
        kept
    }

    fn fields(fields: &str) -> Beside<'_> {
        Beside::new(fields, Vec::new())
    }

    #[test]
    fn values_are_not_kept_twice() {
        let json = r#"{"time":"10:00","n":[12,true],"who":{"name":"é\"x\"","no":"-"}}"#;
        assert_eq!(kept(json, &fields(json)), [SAME_AS_FIELDS]);
        for raw in [
            r#"10:00,12,true,"é""x""",-"#,
            r#"é"x" secret 10:00 12 true"#,
            json.trim_end_matches('}'),
        ] {
            let kept = kept(raw, &fields(json));
            assert!(!kept.windows(5).any(|w| w == b"10:00"), "{raw}");
            assert_eq!(kept.iter().filter(|&&byte| byte == MARK).count(), 4, "{raw}");
        }
    }

    #[test]
    fn texts_of_columns_are_not_kept_twice() {
        let text = r#"SELECT "a" FROM b"#;
        let beside = Beside::new(r#"{"app":"web"}"#, vec![text]);
        for raw in [
            text.to_owned(),
            r#"x,"SELECT ""a"" FROM b",web"#.to_owned(),
            r#"web,"AUDIT: ""SELECT """"a"""" FROM b"",1""#.to_owned(),
            r#"{"app":"web","sql":"SELECT \"a\" FROM b"}"#.to_owned(),
        ] {
            assert!(!kept(&raw, &beside).windows(6).any(|w| w == b"SELECT"), "{raw}");
        }
    }

    #[test]
    fn what_is_not_kept_beside_stays() {
        for raw in ["", "secret", "{}", "\u{0}\u{1}", "1234 567"] {
            kept(raw, &fields(r#"{"a":"b","token":"fp:1234","n":12345}"#));
            kept(raw, &Beside::NOTHING);
        }
        let odd = Weaver::default()
            .weave(b"\xff\x00\x00", &fields(r#"{"a":"bcd"}"#))
            .to_vec();
        assert_eq!(unweave(&odd, &Beside::NOTHING).unwrap(), b"\xff\x00\x00");
    }

    #[test]
    fn what_does_not_belong_together_is_noticed() {
        let kept = kept("abcdef 123456", &fields(r#"{"a":"abcdef","b":"123456"}"#));
        assert_eq!(unweave(&kept, &fields(r#"{"a":"abcdef"}"#)), None);
        for broken in [
            &[][..],
            &[9],
            &[WOVEN, MARK],
            &[WOVEN, MARK, 0],
            &[SAME_AS_FIELDS, 1],
        ] {
            assert_eq!(unweave(broken, &fields(r#"{"a":"abcdef"}"#)), None);
        }
    }

    #[test]
    fn a_record_of_many_values_is_woven_in_bounded_work() {
        let values: Vec<String> = (0..5000).map(|n| format!("\"absent-{n}\"")).collect();
        let json = format!("{{\"all\":[{}]}}", values.join(","));
        let raw = "x".repeat(1 << 20);
        assert_eq!(kept(&raw, &fields(&json)).len(), raw.len() + 1);
    }

    proptest! {
        #[test]
        fn every_record_comes_back(
            values in prop::collection::vec("[ -~éß\"\\\\\n]{0,9}", 0..9),
            order in prop::collection::vec((0usize..9, "[ -~\"\\\\,;]{0,4}"), 0..12),
            quoting in 0usize..3,
        ) {
            let quoted = |text: &str| match quoting {
                0 => text.to_owned(),
                1 => text.replace('"', "\"\""),
                _ => serde_json::to_string(text).unwrap(),
            };
            let some: serde_json::Map<_, _> =
                values.iter().skip(2).enumerate().map(|(n, v)| (n.to_string(), v.as_str().into())).collect();
            let json = serde_json::to_string(&some).unwrap();
            let beside = Beside::new(&json, values.iter().take(2).map(String::as_str).collect());
            let pieces = order
                .iter()
                .map(|(n, between)| values.get(*n).map_or(String::new(), |v| quoted(v)) + between);
            let mut weaver = Weaver::default();
            let raw: String = pieces.collect();
            for raw in [&raw, &json, &raw] {
                let kept = weaver.weave(raw.as_bytes(), &beside).to_vec();
                prop_assert_eq!(unweave(&kept, &beside).unwrap(), raw.as_bytes());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(
            kept in prop::collection::vec(any::<u8>(), 0..40),
            json in ".{0,40}",
            text in ".{0,9}",
        ) {
            let beside = Beside::new(&json, vec![&text]);
            let _ = unweave(&kept, &beside);
            let _ = Weaver::default().weave(&kept, &beside);
        }
    }
}
