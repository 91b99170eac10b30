//! A notice as text, as a self-contained page, and for programs.

use super::{Block, Draft, Piece, Style};
use crate::markup::{Esc, head, put};
use serde_json::{Value, json};

/// Columns of the text form.
const COLUMNS: usize = 96;

/// Columns of a mail, as programs that answer with quotations want them.
const MAIL_COLUMNS: usize = 72;

/// A notice as a mail: its title is what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub subject: String,
    pub text: String,
}

/// The mail of a notice that may be issued.
#[must_use]
pub fn notice_mail(draft: &Draft) -> Mail {
    let is_title = |block: &&Block| block.style == Style::Title;
    let subject = draft
        .blocks
        .iter()
        .find(is_title)
        .map(Block::text)
        .unwrap_or_default();
    let mut text = String::new();
    put_blocks(
        draft.blocks.iter().filter(|block| block.style != Style::Title),
        MAIL_COLUMNS,
        &mut text,
    );
    Mail {
        subject,
        text: text.trim_end().to_owned() + "\n",
    }
}

/// The text alone, wrapped; a draft that may not be issued says so first.
#[must_use]
pub fn notice_text(draft: &Draft) -> String {
    let mut out = String::new();
    if !draft.may_be_issued() {
        put!(out, "DRAFT, NOT TO BE ISSUED: {} below\n\n", troubles_told(draft));
    }
    put_blocks(draft.blocks.iter(), COLUMNS, &mut out);
    if !draft.may_be_issued() {
        out.push_str("\nWhat stands between this draft and its issue\n\n");
        for trouble in &draft.troubles {
            put!(
                out,
                "{}\n",
                wrapped(&trouble.to_string(), "  * ", "    ", COLUMNS)
            );
        }
    }
    let trimmed = out.trim_end().to_owned();
    trimmed + "\n"
}

fn put_blocks<'b>(blocks: impl Iterator<Item = &'b Block>, columns: usize, out: &mut String) {
    let mut in_list = false;
    for block in blocks {
        let text = block.text();
        if in_list && block.style != Style::Item {
            out.push('\n');
        }
        in_list = block.style == Style::Item;
        match block.style {
            Style::Title => {
                let line: String = text.chars().map(|_| '=').collect();
                put!(out, "{text}\n{line}\n\n");
            }
            Style::Heading => put!(out, "{text}\n{}\n", text.chars().map(|_| '-').collect::<String>()),
            Style::Paragraph | Style::Small => put!(out, "{}\n\n", wrapped(&text, "", "", columns)),
            Style::Item => put!(out, "{}\n", wrapped(&text, "  * ", "    ", columns)),
        }
    }
}

fn troubles_told(draft: &Draft) -> String {
    match draft.troubles.len() {
        1 => "1 reason stands".to_owned(),
        n => format!("{n} reasons stand"),
    }
}

fn wrapped(text: &str, first: &str, rest: &str, columns: usize) -> String {
    let (mut out, mut used) = (first.to_owned(), first.chars().count());
    let mut is_first = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !is_first && used + 1 + length > columns {
            put!(out, "\n{rest}");
            used = rest.chars().count();
        } else if !is_first {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
        is_first = false;
    }
    out
}

/// One HTML file without scripts and without network; what carries a sentence stands behind it as a note. On paper the
/// notice stands alone.
#[must_use]
pub fn notice_page(draft: &Draft) -> String {
    let mut out = String::with_capacity(16 << 10);
    let title = draft.blocks.iter().find(|block| block.style == Style::Title);
    let title = title.map_or_else(|| format!("Notice: {}", draft.kind), Block::text);
    head(&title, &draft.language, &mut out);
    out.push_str("<main>");
    if !draft.may_be_issued() {
        put!(
            out,
            "<aside class=\"box bad\"><p><strong>Draft, not to be issued.</strong></p><ul>"
        );
        for trouble in &draft.troubles {
            put!(
                out,
                "<li><strong>{}</strong>: {}: {}</li>",
                Esc(trouble.kind.name()),
                Esc(&trouble.words),
                Esc(&trouble.because)
            );
        }
        out.push_str("</ul></aside>");
    }
    let notes: Vec<&str> = draft.sayings.iter().map(|saying| saying.id.as_str()).collect();
    let mut in_list = false;
    for block in &draft.blocks {
        let is_item = block.style == Style::Item;
        if is_item != in_list {
            out.push_str(if is_item { "<ul>" } else { "</ul>" });
            in_list = is_item;
        }
        let (open, close) = match block.style {
            Style::Title => ("<h1>", "</h1>"),
            Style::Heading => ("<h2>", "</h2>"),
            Style::Paragraph => ("<p>", "</p>"),
            Style::Small => ("<p class=\"soft\">", "</p>"),
            Style::Item => ("<li>", "</li>"),
        };
        out.push_str(open);
        for piece in &block.pieces {
            put_piece(piece, &notes, &mut out);
        }
        out.push_str(close);
    }
    if in_list {
        out.push_str("</ul>");
    }
    out.push_str("<section class=\"basis\" lang=\"en\"><h2>What carries each sentence</h2><ol>");
    for (n, saying) in draft.sayings.iter().enumerate() {
        let carried: Vec<String> = saying.carried_by.iter().map(ToString::to_string).collect();
        let carried = if carried.is_empty() {
            "nothing yet: a person must say it".to_owned()
        } else {
            carried.join("; ")
        };
        put!(
            out,
            "<li id=\"note-{}\">{} <span class=\"soft\">{}</span></li>",
            n + 1,
            Esc(&saying.text),
            Esc(&carried)
        );
    }
    out.push_str("</ol><p class=\"soft\">Made from evidence and signed facts. This is not legal advice.</p></section></main></body></html>\n");
    out
}

fn put_piece(piece: &Piece, notes: &[&str], out: &mut String) {
    let note = piece
        .saying
        .as_deref()
        .and_then(|id| notes.iter().position(|note| *note == id));
    match note {
        Some(n) => put!(
            out,
            "{}<sup><a href=\"#note-{}\">{}</a></sup>",
            Esc(&piece.text),
            n + 1,
            n + 1
        ),
        None => put!(out, "{}", Esc(&piece.text)),
    }
}

/// For programs: parts with their pieces, what carries each, and what is in the way.
#[must_use]
pub fn notice_json(draft: &Draft) -> Value {
    json!({
        "kind": draft.kind.name(),
        "person": draft.person,
        "language": draft.language,
        "may_be_issued": draft.may_be_issued(),
        "troubles": draft.troubles.iter().map(|trouble| json!({
            "kind": trouble.kind.name(), "words": trouble.words, "because": trouble.because,
        })).collect::<Vec<_>>(),
        "blocks": draft.blocks.iter().map(|block| json!({
            "style": style(block.style),
            "pieces": block.pieces.iter().map(|piece| json!({
                "text": piece.text, "saying": piece.saying,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "sayings": draft.sayings.iter().map(|saying| json!({
            "id": saying.id,
            "text": saying.text,
            "missing": saying.missing,
            "carried_by": saying.carried_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "text": notice_text(draft),
    })
}

const fn style(style: Style) -> &'static str {
    match style {
        Style::Title => "title",
        Style::Heading => "heading",
        Style::Paragraph => "paragraph",
        Style::Item => "item",
        Style::Small => "small",
    }
}
