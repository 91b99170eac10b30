//! Fields written as a template: a value that a column of the same row holds is named, not repeated.
//!
//! `{"status":200,"uri":"/a"}` is kept as `{"status":"#{status_code}","uri":"${resource_name}"}`. `${column}`
//! stands for a text, `#{column}` for a number or word, each with what the column holds; `${time_ns|c +0000}` for
//! when it happened, in one of the forms of [`super::form`]. A text that begins with `+` has `${column}` within it:
//! `"+GET ${resource_name} HTTP/1.1"`. It stays JSON that any reader of the table can fill in. A text that itself
//! begins with `${`, `#{`, `+` or `=` has a `=` before it.

use super::form::{Finder, When};
use super::leaves::{Leaf, texts_beginning};
use ambit_event::{Column, ColumnKind, Event};
use memchr::memmem;
use std::borrow::Cow;
use std::cell::OnceCell;

const ESCAPE: char = '=';
const WITHIN: char = '+';
/// The column that is looked for within texts, and how long it must be to be worth it.
const INNER: Column = Column::Resource;
const SHORTEST: usize = 6;
/// Where so many values in one place had no column, or none within, most of those that follow are not looked into.
const PATIENCE: u8 = 32;

/// The columns that a template can name.
pub(super) fn named() -> impl Iterator<Item = Column> {
    Column::ALL
        .iter()
        .copied()
        .filter(|column| column.kind() != ColumnKind::TextList)
}

/// What a column of an event holds, as a template names it.
pub(super) fn held(event: &Event, column: Column) -> Option<Cow<'_, str>> {
    match column.kind() {
        ColumnKind::Text => event.text(column).map(Cow::Borrowed),
        ColumnKind::Integer => event.integer(column).map(|n| Cow::Owned(n.to_string())),
        ColumnKind::TextList => None,
    }
}

/// The same without the heap: there are several in each record.
enum Held<'e> {
    Text(&'e str),
    /// Digits, at the end of their place.
    Number([u8; 20], usize),
}

impl<'e> Held<'e> {
    fn of(event: &'e Event, column: Column) -> Option<Self> {
        if let Some(text) = event.text(column) {
            return Some(Self::Text(text));
        }
        let number = event.integer(column)?;
        let (mut digits, mut at, mut rest) = ([b'0'; 20], 20, number.unsigned_abs());
        while rest > 0 || at == 20 {
            at -= 1;
            digits[at] = b"0123456789"[usize::try_from(rest % 10).ok()?];
            rest /= 10;
        }
        if number < 0 {
            at -= 1;
            digits[at] = b'-';
        }
        Some(Self::Number(digits, at))
    }

    fn text(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Number(digits, at) => &digits[*at..],
        }
    }
}

/// The columns of an event, to look for a value in them.
struct Holders<'e> {
    event: &'e Event,
    /// What each column holds that holds anything: most values are found where they were before, without.
    all: OnceCell<All<'e>>,
}

struct All<'e> {
    held: Vec<(Column, Held<'e>)>,
    /// Which lengths they have, a bit for each; the last one for those that are longer.
    lengths: u64,
}

impl<'e> Holders<'e> {
    const fn new(event: &'e Event) -> Self {
        Self {
            event,
            all: OnceCell::new(),
        }
    }

    fn has(&self, column: Column, value: &str) -> bool {
        Held::of(self.event, column).is_some_and(|held| held.text() == value.as_bytes())
    }

    fn first(&self, value: &str) -> Option<Column> {
        let all = self.all.get_or_init(|| All::of(self.event));
        if all.lengths & length_bit(value.as_bytes()) == 0 {
            return None;
        }
        let mut held = all.held.iter();
        let (column, _) = held.find(|(_, held)| held.text() == value.as_bytes())?;
        Some(*column)
    }
}

impl<'e> All<'e> {
    fn of(event: &'e Event) -> Self {
        let filled = event.filled();
        let mut held = Vec::with_capacity(Column::ALL.len());
        let columns = named().filter(|column| filled.has(*column));
        held.extend(columns.filter_map(|column| Some((column, Held::of(event, column)?))));
        let lengths = held.iter().map(|(_, held)| length_bit(held.text()));
        Self {
            lengths: lengths.fold(0, |all, bit| all | bit),
            held,
        }
    }
}

fn length_bit(text: &[u8]) -> u64 {
    1 << text.len().min(63)
}

/// Writes templates for the events of one log. What it remembers of the event before decides only between
/// columns that hold the same.
#[derive(Default)]
pub(super) struct Writer {
    places: Vec<Place>,
    finder: Finder,
    n_written: usize,
}

/// What is remembered of the values that stand in one place of the fields.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The column that the last one was found in.
    column: Option<Column>,
    /// How many had no column, or none within, since one had.
    n_strange: u8,
    n_without: u8,
}

/// Whether a value is looked into after so many in vain.
const fn is_due(n_in_vain: u8, n_written: usize) -> bool {
    n_in_vain < PATIENCE || n_written.is_multiple_of(PATIENCE as usize)
}

const fn counted(n_in_vain: u8, is_found: bool) -> u8 {
    match is_found {
        true => 0,
        false => n_in_vain.saturating_add(1),
    }
}

impl Writer {
    /// The template of an event's fields, given as JSON, with the leaves of that.
    pub fn write<'a>(
        &mut self,
        event: &Event,
        fields: &str,
        leaves: impl Iterator<Item = Leaf<'a>>,
    ) -> String {
        let holders = Holders::new(event);
        let inner = plain(event, INNER).filter(|inner| inner.len() >= SHORTEST);
        let when = When::from(event);
        self.n_written = self.n_written.wrapping_add(1);
        let mut finder = std::mem::take(&mut self.finder);
        let mut template = String::with_capacity(fields.len() + fields.len() / 4);
        let mut at = 0;
        for (nth, leaf) in leaves.enumerate() {
            if self.places.len() <= nth {
                self.places.resize(nth + 1, Place::default());
            }
            let (start, end) = leaf.bounds();
            let column = self.column(nth, leaf, &holders).map(Column::name);
            match column.or_else(|| finder.find(leaf.text, when)) {
                Some(name) => {
                    template.push_str(&fields[at..start]);
                    template.push_str(if leaf.is_quoted { "\"${" } else { "\"#{" });
                    template.push_str(name);
                    template.push_str("}\"");
                    at = end;
                }
                None if inner.is_some_and(|inner| self.has_within(nth, leaf, inner)) => {
                    template.push_str(&fields[at..leaf.start]);
                    push_within(leaf.text, event, &mut template);
                    at = leaf.start + leaf.text.len();
                }
                None if leaf.is_quoted && is_special(leaf.text) => {
                    template.push_str(&fields[at..leaf.start]);
                    template.push(ESCAPE);
                    at = leaf.start;
                }
                None => {}
            }
        }
        template.push_str(&fields[at..]);
        self.finder = finder;
        template
    }

    /// The column that holds the value: the one that did in the event before, else the first.
    fn column(&mut self, nth: usize, leaf: Leaf<'_>, holders: &Holders<'_>) -> Option<Column> {
        if leaf.text.is_empty() {
            return None;
        }
        let place = &mut self.places[nth];
        let same = place.column.filter(|column| holders.has(*column, leaf.text));
        let any = || {
            is_due(place.n_strange, self.n_written)
                .then(|| holders.first(leaf.text))
                .flatten()
        };
        // What a backslash makes of a letter is another.
        let found = same.or_else(any).filter(|_| !leaf.text.contains('\\'));
        place.n_strange = counted(place.n_strange, found.is_some());
        place.column = found.or(place.column);
        found
    }

    /// Whether a text has a column within it.
    fn has_within(&mut self, nth: usize, leaf: Leaf<'_>, inner: &str) -> bool {
        let is_short = leaf.text.len() <= inner.len() || !leaf.is_quoted;
        let place = &mut self.places[nth];
        // What looks like a column itself stays as it is.
        if is_short || !is_due(place.n_without, self.n_written) || leaf.text.contains("${") {
            return false;
        }
        // What a backslash makes of the first letter is another.
        let at = memmem::find(leaf.text.as_bytes(), inner.as_bytes());
        let is_there = at.is_some_and(|at| !leaf.text[..at].ends_with('\\'));
        place.n_without = counted(place.n_without, is_there);
        is_there
    }
}

/// What a text column holds, where JSON would not write it otherwise.
fn plain(event: &Event, column: Column) -> Option<&str> {
    event.text(column).filter(|text| !text.contains('\\'))
}

/// A text with the column's name in the place of what the column holds, and the names of those around it.
fn push_within(text: &str, event: &Event, template: &mut String) {
    let (before, after) = event
        .text(INNER)
        .and_then(|inner| text.split_once(inner))
        .unwrap_or((text, ""));
    template.push(WITHIN);
    match plain(event, Column::Activity).and_then(|activity| before.strip_prefix(activity)) {
        Some(rest) if rest.len() < before.len() => push_name(Column::Activity, rest, template),
        _ => template.push_str(before),
    }
    push_name(INNER, "", template);
    let query = plain(event, Column::QueryText).filter(|query| !query.is_empty());
    let rest = after.strip_prefix('?').zip(query);
    match rest.and_then(|(rest, query)| rest.strip_prefix(query)) {
        Some(rest) => {
            template.push('?');
            push_name(Column::QueryText, rest, template);
        }
        None => template.push_str(after),
    }
}

/// The name of a column, and the text that follows.
fn push_name(column: Column, rest: &str, template: &mut String) {
    template.push_str("${");
    template.push_str(column.name());
    template.push('}');
    template.push_str(rest);
}

impl Leaf<'_> {
    /// Where it begins and ends, quotes counted.
    const fn bounds(&self) -> (usize, usize) {
        let quote = self.is_quoted as usize;
        (self.start - quote, self.start + self.text.len() + quote)
    }
}

/// What a text that [`is_special`] begins with.
const fn is_sign(byte: u8) -> bool {
    matches!(byte, b'$' | b'#' | b'=' | b'+')
}

fn is_special(text: &str) -> bool {
    text.starts_with("${") || text.starts_with("#{") || text.starts_with([ESCAPE, WITHIN])
}

/// The fields again, given what the columns of the row hold; `None` where the template names a column that
/// holds nothing.
pub(super) fn fill<'h>(
    template: &str,
    when: When,
    held: impl Fn(Column) -> Option<Cow<'h, str>>,
) -> Option<String> {
    let mut fields = String::with_capacity(template.len() * 2);
    let mut at = 0;
    for leaf in texts_beginning(template, is_sign).filter(|leaf| is_special(leaf.text)) {
        if let Some(text) = leaf.text.strip_prefix(ESCAPE) {
            fields.push_str(&template[at..leaf.start]);
            at = leaf.start + leaf.text.len() - text.len();
            continue;
        }
        if let Some(text) = leaf.text.strip_prefix(WITHIN) {
            fields.push_str(&template[at..leaf.start]);
            fill_within(text, &held, &mut fields)?;
            at = leaf.start + leaf.text.len();
            continue;
        }
        let (start, end) = leaf.bounds();
        fields.push_str(&template[at..start]);
        let name = leaf.text.get(2..)?.strip_suffix('}')?;
        let quote = if leaf.text.starts_with('$') { "\"" } else { "" };
        fields.push_str(quote);
        match named().find(|column| column.name() == name) {
            Some(column) => fields.push_str(&held(column)?),
            None => fields.push_str(&when.written(name)?),
        }
        fields.push_str(quote);
        at = end;
    }
    fields.push_str(&template[at..]);
    Some(fields)
}

fn fill_within<'h>(
    mut text: &str,
    held: &impl Fn(Column) -> Option<Cow<'h, str>>,
    fields: &mut String,
) -> Option<()> {
    while let Some((before, rest)) = text.split_once("${") {
        let (name, after) = rest.split_once('}')?;
        let column = named().find(|column| column.name() == name)?;
        fields.push_str(before);
        fields.push_str(&held(column)?);
        text = after;
    }
    fields.push_str(text);
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::leaves::leaves;
    use super::*;
    use ambit_event::Timestamp;
    use proptest::prelude::*;

    fn event() -> Event {
        let mut event = Event::new("nginx_access", Timestamp(0));
        event.status_code = Some("200".into());
        event.resource = Some("/a".into());
        event.bytes_out = Some(200);
        event.message = Some("say \"hi\"".into());
        event
    }

    fn template(fields: &str) -> String {
        let event = event();
        let template = Writer::default().write(&event, fields, leaves(fields));
        let back = fill(&template, When::from(&event), |column| held(&event, column));
        assert_eq!(back.as_deref(), Some(fields), "{template}");
        template
    }

    #[test]
    fn what_a_column_holds_is_named() {
        let made = template(r#"{"status":200,"uri":"/a","n":"200","other":"/a/b","m":"say \"hi\""}"#);
        assert_eq!(
            made,
            r##"{"status":"#{status_code}","uri":"${resource_name}","n":"${status_code}","other":"/a/b","m":"say \"hi\""}"##
        );
    }

    #[test]
    fn a_text_that_looks_like_a_template_comes_back() {
        for text in [
            "${resource_name}",
            "#{status_code}",
            "=",
            "==${x}",
            "+",
            "+49 30",
            "+${resource_name}",
            "+GET /v1/a ${",
            "${",
            "$",
            "#{}",
            "=\\\"",
        ] {
            template(&format!("{{\"a\":\"{text}\",\"/a\":[\"{text}\"]}}"));
        }
    }

    #[test]
    fn the_event_before_decides_between_columns_that_hold_the_same() {
        const BYTES: &str = r#"{"bytes":200}"#;
        let (mut writer, mut other) = (Writer::default(), event());
        other.status_code = Some("404".into());
        assert!(
            writer
                .write(&other, BYTES, leaves(BYTES))
                .contains("traffic_bytes_out")
        );
        assert!(
            writer
                .write(&event(), BYTES, leaves(BYTES))
                .contains("traffic_bytes_out")
        );
        assert!(template(BYTES).contains("status_code"));
    }

    #[test]
    fn a_template_of_another_row_is_noticed() {
        for template in [
            r#"{"a":"${trace_uid}"}"#,
            r#"{"a":"${nothing}"}"#,
            r#"{"a":"${"}"#,
            r##"{"a":"#{é"}"##,
            r#"{"a":"+${trace_uid}"}"#,
            r#"{"a":"+${resource_name"}"#,
            r#"{"a":"${time_ns|x}"}"#,
            r#"{"a":"${end_ns|s3}"}"#,
        ] {
            assert_eq!(
                fill(template, When::default(), |column| held(&event(), column)
                    .map(|h| Cow::Owned(h.into_owned()))),
                None
            );
        }
    }

    #[test]
    fn numbers_are_held_as_they_are_shown() {
        let mut event = event();
        for number in [0, 7, -1, 1_000, i64::MIN, i64::MAX] {
            event.bytes_out = Some(number);
            let digits = Held::of(&event, Column::BytesOut).unwrap();
            assert_eq!(digits.text(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_request_line_and_a_time_are_not_kept_twice() {
        let mut event = event();
        event.activity = Some("GET".into());
        event.resource = Some("/v1/tracks/7".into());
        event.query_text = Some("page=2".into());
        event.duration = Some(15_000_000);
        let fields = r#"{"time":"01/Jan/1970:00:00:00 +0000","request":"GET /v1/tracks/7?page=2 HTTP/1.1","took":0.015,"referer":"https://x/v1/tracks/7?page=3","ends":"x/v1/tracks/7"}"#;
        let made = Writer::default().write(&event, fields, leaves(fields));
        assert_eq!(
            made,
            r##"{"time":"${time_ns|c +0000}","request":"+${activity_name} ${resource_name}?${query_info_query_string} HTTP/1.1","took":"#{duration_ns|s3}","referer":"+https://x${resource_name}?page=3","ends":"+x${resource_name}"}"##
        );
        let back = fill(&made, When::from(&event), |column| held(&event, column));
        assert_eq!(back.as_deref(), Some(fields));
    }

    #[test]
    fn a_column_that_json_writes_otherwise_is_not_named_within() {
        let mut event = event();
        event.resource = Some("/v1/\"quoted\"".into());
        for fields in [
            r#"{"a":"GET /v1/\"quoted\" x"}"#,
            r#"{"a":"GET /v1/\u0022quoted\" x"}"#,
        ] {
            let made = Writer::default().write(&event, fields, leaves(fields));
            let back = fill(&made, When::from(&event), |column| held(&event, column));
            assert_eq!(back.as_deref(), Some(fields), "{made}");
        }
    }

    proptest! {
        #[test]
        fn every_field_comes_back(values in prop::collection::vec("(200|/a|[$#=]\\{?[ -~]{0,3}|\"|\\\\|é)*", 0..6)) {
            let map: serde_json::Map<_, _> =
                values.iter().enumerate().map(|(n, v)| (format!("{n}{v}"), v.as_str().into())).collect();
            template(&serde_json::to_string(&map).unwrap());
        }

        #[test]
        fn every_field_comes_back_beside_any_columns(
            values in prop::collection::vec("([+$]?GET |/v1/[a-z\"\\\\]{3,9}|\\?a=[0-9]|1970-01-01T00:00:0[0-9].[0-9]{3}Z|[0-9]{1,10}\\.[0-9]{3}|[ -~é]{0,3})*", 1..6),
            resource in "/v1/[a-z\"\\\\]{3,9}",
            query in "a=[0-9]",
            time in 0i64..4_000_000_000,
        ) {
            let mut event = event();
            let resource = values[0].get(3..).map_or(resource, str::to_owned);
            (event.resource, event.query_text) = (Some(resource), Some(query));
            (event.activity, event.time) = (Some("GET".into()), Timestamp(time));
            event.duration = Some(time);
            let map: serde_json::Map<_, _> =
                values.iter().enumerate().map(|(n, v)| (n.to_string(), v.as_str().into())).collect();
            let fields = serde_json::to_string(&map).unwrap();
            let mut writer = Writer::default();
            for _ in 0..2 {
                let made = writer.write(&event, &fields, leaves(&fields));
                serde_json::from_str::<serde_json::Value>(&made).unwrap();
                let back = fill(&made, When::from(&event), |column| held(&event, column));
                prop_assert_eq!(back.as_deref(), Some(fields.as_str()), "{}", made);
            }
        }
    }
}
