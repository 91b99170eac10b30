//! A rule file as its YAML says it, within limits, with the place of everything: what the Sigma engine's
//! parser does not tell.
//!
//! The tree is never the meaning of a rule (the engine's parser gives that), only what is checked before
//! and pointed at after.

use super::refusal::Fault;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

/// The longest document. The longest of the public rules has 0.3 MB.
const MOST_BYTES: usize = 4 << 20;
/// Most values in a document, with each alias counted as what it stands for.
const MOST_NODES: usize = 200_000;
/// How deep values may be nested.
const DEEPEST: usize = 48;

/// A value with where it begins: line and column, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub at: (usize, usize),
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Text {
        value: String,
        /// Written without quotes: it may be a number, a truth value or nothing.
        is_plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// Stands for what was named before.
    Alias,
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Whether a reader takes the scalar for a text rather than a number, a truth value or nothing.
    pub fn is_text(&self) -> bool {
        match &self.kind {
            Kind::Text { value, is_plain } => !is_plain || !is_other_than_text(value),
            _ => false,
        }
    }

    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    pub fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key))
    }

    /// The first key or scalar for which the test holds, in reading order.
    pub fn find(&self, test: &dyn Fn(&str) -> bool) -> Option<&Node> {
        match &self.kind {
            Kind::Text { value, .. } => test(value).then_some(self),
            Kind::List(items) => items.iter().find_map(|item| item.find(test)),
            Kind::Map(entries) => entries
                .iter()
                .find_map(|(key, value)| key.find(test).or_else(|| value.find(test))),
            Kind::Alias => None,
        }
    }
}

fn is_other_than_text(plain: &str) -> bool {
    let is_word = matches!(
        plain,
        "" | "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
    );
    let digits = plain.trim_start_matches(['+', '-']);
    let is_radix = ["0x", "0o", "0b"].iter().any(|radix| digits.starts_with(radix));
    let is_number =
        digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && plain.parse::<f64>().is_ok();
    is_word || is_radix || is_number || matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}

/// A document that says a part of what another says: as the engine's parser merges them, mappings key by key
/// and everything else whole.
pub(crate) fn merged(under: Node, over: Node) -> Node {
    match (under.kind, over.kind) {
        (Kind::Map(mut entries), Kind::Map(more)) => {
            for (key, value) in more {
                match entries.iter_mut().find(|(name, _)| name.text() == key.text()) {
                    Some((_, old)) => {
                        let empty = Node {
                            at: old.at,
                            kind: Kind::Alias,
                        };
                        *old = merged(std::mem::replace(old, empty), value);
                    }
                    None => entries.push((key, value)),
                }
            }
            Node {
                at: over.at,
                kind: Kind::Map(entries),
            }
        }
        (_, kind) => Node { at: over.at, kind },
    }
}

/// One document of a file.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub text: &'a str,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// `None` for a document without content.
    pub root: Result<Option<Node>, Fault>,
}

/// Cuts a file into its documents. A document that is no YAML ends at the next line of three hyphens.
pub(crate) fn documents(file: &str) -> Vec<Document<'_>> {
    let text = file.strip_prefix('\u{feff}').unwrap_or(file);
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let cut = next_document(rest).unwrap_or(rest.len());
        let (text, after) = rest.split_at(cut);
        if is_document(text) {
            found.push(Document {
                text,
                line,
                root: read(text, line),
            });
        }
        line += text.bytes().filter(|b| *b == b'\n').count();
        rest = after;
    }
    found
}

/// The offset of the next document's first line, in a text that begins with a document. Three hyphens in the
/// first column are a document's beginning wherever they stand: even in a quoted or a literal text they may
/// not.
fn next_document(text: &str) -> Option<usize> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if offset > 0 && is_marker(line) {
            return Some(offset);
        }
        offset += line.len();
    }
    None
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether there is more than comments, markers and empty lines.
fn is_document(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.strip_prefix("---").unwrap_or(line).trim();
        !line.is_empty() && !line.starts_with('#') && line != "..."
    })
}

fn read(text: &str, line: usize) -> Result<Option<Node>, Fault> {
    if text.len() > MOST_BYTES {
        let reason = format!("the document is longer than {} MiB", MOST_BYTES >> 20);
        return Err(Fault::new("too-long", reason));
    }
    let mut builder = Builder {
        line,
        ..Builder::default()
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let fault = Fault::new("yaml", format!("this is no YAML: {}", error.info()));
            fault.at(builder.place(*error.marker()))
        })?;
        builder.take(event, span)?;
    }
    Ok(builder.root)
}

/// Makes a tree of a stream of events, without recursion.
#[derive(Default)]
struct Builder {
    line: usize,
    open: Vec<Open>,
    root: Option<Node>,
    n_nodes: usize,
    n_documents: usize,
    /// How many values each anchor stands for, by its number.
    anchors: Vec<usize>,
}

struct Open {
    at: (usize, usize),
    is_map: bool,
    items: Vec<Node>,
    anchor: usize,
    before: usize,
}

impl Builder {
    fn place(&self, mark: Marker) -> (usize, usize) {
        (self.line + mark.line().saturating_sub(1), mark.col() + 1)
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let at = self.place(span.start);
        match event {
            Event::DocumentStart(_) => {
                self.n_documents += 1;
                if self.n_documents > 1 {
                    let fault =
                        Fault::new("yaml", "a second document begins without a line of three hyphens");
                    return Err(fault.at(at));
                }
            }
            Event::Scalar(value, style, anchor, _) => {
                self.count(1, at)?;
                self.name(anchor, 1);
                let kind = Kind::Text {
                    value: value.into_owned(),
                    is_plain: style == ScalarStyle::Plain,
                };
                self.put(Node { at, kind });
            }
            Event::Alias(anchor) => {
                let n = self.anchors.get(anchor).copied().unwrap_or(1).max(1);
                self.count(n, at)?;
                self.put(Node {
                    at,
                    kind: Kind::Alias,
                });
            }
            Event::SequenceStart(anchor, _) => self.open(at, false, anchor)?,
            Event::MappingStart(anchor, _) => self.open(at, true, anchor)?,
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn count(&mut self, n: usize, at: (usize, usize)) -> Result<(), Fault> {
        self.n_nodes = self.n_nodes.saturating_add(n);
        if self.n_nodes > MOST_NODES {
            let reason = format!("the document has more than {MOST_NODES} values, aliases followed");
            return Err(Fault::new("too-many-values", reason).at(at));
        }
        Ok(())
    }

    fn name(&mut self, anchor: usize, n: usize) {
        if anchor > 0 {
            if self.anchors.len() <= anchor {
                self.anchors.resize(anchor + 1, 0);
            }
            if let Some(count) = self.anchors.get_mut(anchor) {
                *count = n;
            }
        }
    }

    fn open(&mut self, at: (usize, usize), is_map: bool, anchor: usize) -> Result<(), Fault> {
        self.count(1, at)?;
        if self.open.len() >= DEEPEST {
            let reason = format!("values are nested deeper than {DEEPEST} levels");
            return Err(Fault::new("too-deep", reason).at(at));
        }
        self.open.push(Open {
            at,
            is_map,
            items: Vec::new(),
            anchor,
            before: self.n_nodes,
        });
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.name(open.anchor, self.n_nodes - open.before + 1);
        let kind = if open.is_map {
            let mut items = open.items.into_iter();
            let mut entries = Vec::new();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                entries.push((key, value));
            }
            Kind::Map(entries)
        } else {
            Kind::List(open.items)
        };
        self.put(Node { at: open.at, kind });
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            Some(open) => open.items.push(node),
            None => self.root = Some(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<Fault> {
        documents(text)
            .into_iter()
            .find_map(|document| document.root.err())
    }

    #[test]
    fn documents_have_their_lines_and_their_places() {
        let text = "# rules\n---\ntitle: a\n---\n# nothing\n---\ntitle: b\nx:\n  - 'é': 1\n...\n";
        let found = documents(text);
        let lines: Vec<usize> = found.iter().map(|document| document.line).collect();
        assert_eq!(lines, [2, 6]);
        let root = found
            .into_iter()
            .nth(1)
            .and_then(|document| document.root.ok().flatten());
        let key = root.as_ref().and_then(|root| root.find(&|text| text == "é"));
        assert_eq!(key.map(|node| node.at), Some((9, 5)));
    }

    #[test]
    fn one_broken_document_does_not_take_the_others_with_it() {
        let found = documents("title: a\n---\n[broken\n---\ntitle: c\n");
        let is_good: Vec<bool> = found.iter().map(|document| document.root.is_ok()).collect();
        assert_eq!(is_good, [true, false, true]);
    }

    #[test]
    fn what_would_burst_is_refused() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let inner = format!("*a{}, ", n - 1).repeat(10);
            laughs.push_str(&format!("a{n}: &a{n} [{}]\n", inner.trim_end_matches(", ")));
        }
        assert_eq!(fault(&laughs).map(|fault| fault.code), Some("too-many-values"));
        let deep = format!("a: {}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(fault(&deep).map(|fault| fault.code), Some("too-deep"));
        let long = format!("a: {}", "x".repeat(MOST_BYTES));
        assert_eq!(fault(&long).map(|fault| fault.code), Some("too-long"));
    }

    #[test]
    fn a_number_is_no_text_unless_it_is_quoted() {
        let is_text = |text: &str| {
            let found = documents(text).into_iter().next();
            found
                .and_then(|d| d.root.ok().flatten())
                .is_some_and(|node| node.is_text())
        };
        for text in ["4688", "-1.5e3", "true", "~", "0x1f", ".5"] {
            assert!(!is_text(text), "{text}");
            assert!(is_text(&format!("'{text}'")), "'{text}'");
        }
        for text in ["EventID", "1.2.3.4", "x1", "2014-05-23", "yes", "-"] {
            assert!(is_text(&format!("a {text}")), "{text}");
        }
    }
}
