//! Fields written as a template: a value that a column of the same row holds is named, not repeated.
//!
//! `{"status":200,"uri":"/a"}` is kept as `{"status":"#{status_code}","uri":"${resource_name}"}`. `${column}`
//! stands for a text, `#{column}` for a number or word, each with what the column holds. It stays JSON that
//! any reader of the table can fill in. A text that itself begins with `${`, `#{` or `=` has a `=` before it.

use super::leaves::{Leaf, leaves};
use ambit_event::{Column, ColumnKind, Event};
use std::borrow::Cow;

const ESCAPE: char = '=';

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

/// Writes templates for the events of one log. What it remembers of the event before decides only between
/// columns that hold the same.
#[derive(Default)]
pub(super) struct Writer {
    /// The column that each value was found in.
    columns: Vec<Option<Column>>,
}

impl Writer {
    /// The template of an event's fields, given as JSON, with the leaves of that.
    pub fn write<'a>(
        &mut self,
        event: &Event,
        fields: &str,
        leaves: impl Iterator<Item = Leaf<'a>>,
    ) -> String {
        let held: Vec<(Column, Cow<'_, str>)> = named()
            .filter_map(|column| Some((column, held(event, column)?)))
            .collect();
        let mut template = String::with_capacity(fields.len());
        let mut at = 0;
        for (nth, leaf) in leaves.enumerate() {
            if self.columns.len() <= nth {
                self.columns.resize(nth + 1, None);
            }
            let (start, end) = leaf.bounds();
            match self.column(nth, leaf, &held) {
                Some(column) => {
                    template.push_str(&fields[at..start]);
                    let sign = if leaf.is_quoted { '$' } else { '#' };
                    template.extend(['"', sign, '{']);
                    template.push_str(column.name());
                    template.push_str("}\"");
                    at = end;
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
        template
    }

    /// The column that holds the value: the one that did in the event before, else the first.
    fn column(&mut self, nth: usize, leaf: Leaf<'_>, held: &[(Column, Cow<'_, str>)]) -> Option<Column> {
        if leaf.text.is_empty() || leaf.text.contains('\\') {
            return None;
        }
        let holds = |(_, text): &&(Column, Cow<'_, str>)| text == leaf.text;
        let before = self.columns[nth];
        let same = held
            .iter()
            .filter(|(column, _)| Some(*column) == before)
            .find(holds);
        let (column, _) = same.or_else(|| held.iter().find(holds))?;
        self.columns[nth] = Some(*column);
        Some(*column)
    }
}

impl Leaf<'_> {
    /// Where it begins and ends, quotes counted.
    const fn bounds(&self) -> (usize, usize) {
        let quote = self.is_quoted as usize;
        (self.start - quote, self.start + self.text.len() + quote)
    }
}

fn is_special(text: &str) -> bool {
    text.starts_with("${") || text.starts_with("#{") || text.starts_with(ESCAPE)
}

/// The fields again, given what the columns of the row hold; `None` where the template names a column that
/// holds nothing.
pub(super) fn fill<'h>(template: &str, held: impl Fn(Column) -> Option<Cow<'h, str>>) -> Option<String> {
    let mut fields = String::with_capacity(template.len() * 2);
    let mut at = 0;
    for leaf in leaves(template).filter(|leaf| leaf.is_quoted && is_special(leaf.text)) {
        if let Some(text) = leaf.text.strip_prefix(ESCAPE) {
            fields.push_str(&template[at..leaf.start]);
            at = leaf.start + leaf.text.len() - text.len();
            continue;
        }
        let (start, end) = leaf.bounds();
        fields.push_str(&template[at..start]);
        let name = leaf.text.get(2..)?.strip_suffix('}')?;
        let column = named().find(|column| column.name() == name)?;
        let quote = if leaf.text.starts_with('$') { "\"" } else { "" };
        fields.push_str(quote);
        fields.push_str(&held(column)?);
        fields.push_str(quote);
        at = end;
    }
    fields.push_str(&template[at..]);
    Some(fields)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
        let back = fill(&template, |column| held(&event, column));
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
        ] {
            assert_eq!(
                fill(template, |column| held(&event(), column)
                    .map(|h| Cow::Owned(h.into_owned()))),
                None
            );
        }
    }

    proptest! {
        #[test]
        fn every_field_comes_back(values in prop::collection::vec("(200|/a|[$#=]\\{?[ -~]{0,3}|\"|\\\\|é)*", 0..6)) {
            let map: serde_json::Map<_, _> =
                values.iter().enumerate().map(|(n, v)| (format!("{n}{v}"), v.as_str().into())).collect();
            template(&serde_json::to_string(&map).unwrap());
        }
    }
}
