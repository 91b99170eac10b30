//! Templates: plain text with a few signs of structure, filled with sayings and nothing else.
//!
//! `# ` begins a title, `## ` a heading, `- ` an item, `> ` small print; an empty line ends a paragraph. What a
//! template is given are the sayings by group: `{{ say.persons }}`, `{% for one in say.read %}`. There are no filters,
//! so that a saying comes out as it was bound, or is found to be altered.

use super::saying::{MARKS, Sayings};
use ambit_event::printable;
use minijinja::{AutoEscape, Environment, Output, State, Value, value::ValueKind};
use std::collections::BTreeMap;

/// The longest template that is read, in bytes.
const TEMPLATE_BYTES: usize = 256 << 10;

/// Steps that a template may take.
const FUEL: u64 = 1_000_000;

/// What a part of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    Title,
    Heading,
    Paragraph,
    Item,
    Small,
}

/// One part, with which pieces of it are bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub style: Style,
    pub pieces: Vec<Piece>,
}

/// Text that the template wrote, or a saying by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub saying: Option<String>,
}

impl Block {
    /// The whole text of the part.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// Fills a template.
///
/// # Errors
/// Says what the template's author has to change, with its line.
pub(super) fn filled(template: &str, sayings: &Sayings) -> Result<Vec<Block>, String> {
    if template.len() > TEMPLATE_BYTES {
        return Err(format!("the template is longer than {} kB", TEMPLATE_BYTES >> 10));
    }
    let unmarked: String = template.chars().filter(|c| !MARKS.contains(c)).collect();
    let mut env = Environment::empty();
    env.set_fuel(Some(FUEL));
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(write_value);
    let said = |error: &minijinja::Error| {
        let place = error
            .line()
            .map_or(String::new(), |line| format!("line {line}: "));
        format!("{place}{}", printable(&error.to_string(), 300))
    };
    let context = BTreeMap::from([("say", Value::from(groups(sayings)))]);
    let rendered = env
        .template_from_str(&unmarked)
        .and_then(|template| template.render(Value::from(context)))
        .map_err(|error| said(&error))?;
    Ok(blocks(&rendered, sayings))
}

/// Each group as the list of its sayings, marked with their numbers.
fn groups(sayings: &Sayings) -> BTreeMap<String, Value> {
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let [begin, middle, end] = MARKS;
    for (n, saying) in sayings.iter().enumerate() {
        let marked = format!("{begin}{n}{middle}{}{end}", saying.text);
        groups
            .entry(saying.group().to_owned())
            .or_default()
            .push(Value::from(marked));
    }
    groups
        .into_iter()
        .map(|(name, values)| (name, Value::from(values)))
        .collect()
}

/// A list is written with spaces between its members; whatever is not there, as nothing.
fn write_value(out: &mut Output<'_>, _: &State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    let told = match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::Seq => {
            let members: Vec<String> = value.try_iter()?.map(|member| member.to_string()).collect();
            members.join(" ")
        }
        _ => value.to_string(),
    };
    // A value never makes a line of its own.
    out.write_str(&told.replace(['\n', '\r'], " "))
        .map_err(Into::into)
}

fn blocks(text: &str, sayings: &Sayings) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let close = |open: &mut Vec<&str>, blocks: &mut Vec<Block>| {
        if !open.is_empty() {
            blocks.extend(block(Style::Paragraph, &open.join(" "), sayings));
            open.clear();
        }
    };
    for line in text.lines().map(str::trim) {
        let styled = [
            ("## ", Style::Heading),
            ("# ", Style::Title),
            ("- ", Style::Item),
            ("> ", Style::Small),
        ]
        .into_iter()
        .find_map(|(sign, style)| Some((style, line.strip_prefix(sign)?)));
        match styled {
            Some((style, rest)) => {
                close(&mut open, &mut blocks);
                blocks.extend(block(style, rest, sayings));
            }
            None if line.is_empty() || ["#", "##", "-", ">"].contains(&line) => close(&mut open, &mut blocks),
            None => open.push(line),
        }
    }
    close(&mut open, &mut blocks);
    blocks
}

/// `None` where nothing stands in it.
fn block(style: Style, text: &str, sayings: &Sayings) -> Option<Block> {
    let pieces = pieces(text, sayings);
    let says = pieces.iter().any(|piece| !piece.text.trim().is_empty());
    says.then_some(Block { style, pieces })
}

/// Cuts a text at the marks. What does not come out as its saying went in counts as the template's own.
fn pieces(text: &str, sayings: &Sayings) -> Vec<Piece> {
    let [begin, middle, end] = MARKS;
    let mut pieces: Vec<Piece> = Vec::new();
    let own = |pieces: &mut Vec<Piece>, text: &str| {
        let text: String = text.chars().filter(|c| !MARKS.contains(c)).collect();
        if !text.is_empty() {
            pieces.push(Piece { text, saying: None });
        }
    };
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once(begin) {
        own(&mut pieces, before);
        let Some((marked, after)) = tail.split_once(end) else {
            rest = tail;
            break;
        };
        let known = marked.split_once(middle).and_then(|(n, text)| {
            let saying = sayings.0.get(n.parse::<usize>().ok()?)?;
            (saying.text == text).then_some(saying)
        });
        match known {
            Some(saying) => pieces.push(Piece {
                text: saying.text.clone(),
                saying: Some(saying.id.clone()),
            }),
            None => own(
                &mut pieces,
                marked.split_once(middle).map_or(marked, |(_, text)| text),
            ),
        }
        rest = after;
    }
    own(&mut pieces, rest);
    pieces
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::saying::Topic;
    use super::*;

    fn sayings() -> Sayings {
        let mut sayings = Sayings::default();
        sayings.put(
            "persons",
            Topic::Number,
            "The data of exactly 1 person was reached.",
            Vec::new(),
        );
        sayings.put("read:contact", Topic::Other, "Contact data was read.", Vec::new());
        sayings.put(
            "read:identity",
            Topic::Other,
            "Identity data was read.",
            Vec::new(),
        );
        sayings
    }

    fn shown(template: &str) -> Vec<(Style, String, Vec<Option<String>>)> {
        let blocks = filled(template, &sayings()).unwrap();
        let each = blocks.iter().map(|block| {
            let bound = block.pieces.iter().map(|piece| piece.saying.clone()).collect();
            (block.style, block.text(), bound)
        });
        each.collect()
    }

    #[test]
    fn a_template_gives_parts_with_what_is_bound_in_them() {
        let found = shown(
            "# Notice\n\nHow many:\n{{ say.persons }}\n{% for one in say.read %}\n- {{ one }}\n{% endfor %}\n{% if say.gap %}\n## Gaps\n{% endif %}\n> {{ say.nothing }}\n",
        );
        let texts: Vec<(Style, &str)> = found
            .iter()
            .map(|(style, text, _)| (*style, text.as_str()))
            .collect();
        assert_eq!(
            texts,
            [
                (Style::Title, "Notice"),
                (
                    Style::Paragraph,
                    "How many: The data of exactly 1 person was reached."
                ),
                (Style::Item, "Contact data was read."),
                (Style::Item, "Identity data was read."),
            ]
        );
        assert_eq!(found[1].2, [None, Some("persons".to_owned())]);
        assert_eq!(shown("{{ say.read }}").len(), 1);
    }

    #[test]
    fn what_a_template_cuts_is_no_longer_bound() {
        for template in [
            "{{ say.persons[0][:20] }}",
            "{{ say.persons[0][4:] }}",
            "{{ say.persons[0][2:9] }}",
        ] {
            let found = shown(template);
            assert!(
                found
                    .iter()
                    .all(|(_, _, bound)| bound.iter().all(Option::is_none)),
                "{found:?}"
            );
        }
        let joined = shown("{{ say.persons[0] ~ say.read[0] }}");
        assert_eq!(joined[0].2.len(), 2);
    }

    #[test]
    fn a_template_that_cannot_be_filled_says_where() {
        assert!(
            filled("{{ say.persons", &sayings())
                .unwrap_err()
                .contains("line 1")
        );
        assert!(
            filled("a\n{{ say.persons | upper }}", &sayings())
                .unwrap_err()
                .contains("line 2")
        );
        let endless = "{% for b in [1,2,3,4,5,6,7,8,9] %}".repeat(12) + "a" + &"{% endfor %}".repeat(12);
        assert!(filled(&endless, &sayings()).is_err());
    }
}
