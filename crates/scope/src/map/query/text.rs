//! The text of a record that is to be read as SQL.

use crate::map::model::{DataMap, Store};
use crate::map::reach::is_statement;
use ambit_event::Event;
use std::borrow::Cow;

impl DataMap {
    /// The text of a record that is to be analysed as SQL; `None` where it is no statement of a database
    /// with tables. Where the log withholds the text and names the tables, the text is that of a
    /// statement that touches all of their rows.
    pub(in crate::map) fn statement_text<'e>(&self, event: &'e Event) -> Option<Cow<'e, str>> {
        const WITHHELD: &[&str] = &["<not logged>", "<previously logged>", "<none>"];
        if !is_statement(event) {
            return None;
        }
        let stores = self.reachable(event);
        let relational = |s: &&Store| !s.tables.is_empty() || s.kind.to_ascii_lowercase().contains("sql");
        // A source of which nothing is known is taken for a relational one.
        if !stores.is_empty() && !stores.iter().any(relational) {
            return None;
        }
        let text = event.query_text.as_deref().map(str::trim);
        let text = text.filter(|t| !t.is_empty() && !WITHHELD.contains(t));
        text.map(Cow::Borrowed)
            .or_else(|| at_large(event).map(Cow::Owned))
    }
}

/// A statement that touches every row of the tables that a record names, in the way that it names.
fn at_large(event: &Event) -> Option<String> {
    let quoted = |part: &str| format!("\"{}\"", part.trim().trim_matches('"').replace('"', "\"\""));
    let table = |name: &str| name.split('.').map(quoted).collect::<Vec<_>>().join(".");
    let tables: Vec<String> = event.resource.as_deref()?.split(',').map(table).collect();
    let each = |before: &str| {
        tables
            .iter()
            .map(|t| format!("{before} {t}"))
            .collect::<Vec<_>>()
            .join("; ")
    };
    match event.activity.as_deref()?.to_ascii_uppercase().as_str() {
        "SELECT" | "COPY" | "TABLE" => Some(each("SELECT * FROM")),
        "INSERT" | "UPDATE" => Some(each("COPY").replace("; ", " FROM STDIN; ") + " FROM STDIN"),
        "DELETE" | "TRUNCATE" | "TRUNCATE TABLE" | "DROP TABLE" => Some(each("TRUNCATE")),
        _ => None,
    }
}
