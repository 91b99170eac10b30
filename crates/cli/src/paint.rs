//! Typography of the terminal: colours where a person looks, none in a pipe, lines that wrap.

use std::io::IsTerminal;

/// What a piece of text is, not which colour it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The answer itself.
    Strong,
    /// A heading.
    Head,
    Good,
    Bad,
    /// Not decided.
    Open,
    /// Said for completeness.
    Faint,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Head => "1;36",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Open => "33",
            Self::Faint => "2",
        }
    }
}

/// How wide lines are, and whether there are colours.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    is_coloured: bool,
    pub width: usize,
}

/// Longer lines are hard to read, however wide the window is.
const WIDEST: usize = 110;
const NARROWEST: usize = 60;
/// Where nobody says how wide the window is.
const PLAIN: usize = 100;

impl Paint {
    /// No colours, 100 columns: what goes into pipes and tests.
    pub const fn plain() -> Self {
        Self {
            is_coloured: false,
            width: PLAIN,
        }
    }

    /// Colours only on a terminal, and never where `NO_COLOR` or a dumb terminal speaks against it.
    pub fn of_stdout() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::plain();
        }
        let says = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_dumb = says("TERM").is_none_or(|term| term == "dumb");
        let width = terminal_size::terminal_size().map_or(PLAIN, |(width, _)| usize::from(width.0));
        Self {
            is_coloured: says("NO_COLOR").is_none() && !is_dumb,
            width: width.clamp(NARROWEST, WIDEST),
        }
    }

    pub fn tone(&self, tone: Tone, text: &str) -> String {
        if self.is_coloured && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code())
        } else {
            text.to_owned()
        }
    }

    /// The text in lines that start at column `indent`, at most `most` of them; what is cut ends in an
    /// ellipsis.
    pub fn wrapped(&self, indent: usize, text: &str, most: usize) -> Vec<String> {
        let mut lines = wrap(text, self.width.saturating_sub(indent).max(20));
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                last.push('…');
            }
        }
        lines
    }
}

/// Breaks at spaces; a word that is longer than a line is broken where the line ends.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + rest.len() > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        while rest.len() > width {
            let tail = rest.split_off(width);
            lines.push(rest.into_iter().collect());
            rest = tail;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        used += rest.len();
        line.extend(rest);
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

/// Rows as aligned columns, two spaces between; the last column is not padded. A column is aligned to
/// the right where all of its cells below the first row are numbers.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n_columns)
        .map(|at| {
            rows.iter()
                .filter_map(|r| r.get(at))
                .map(|c| c.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let numeric: Vec<bool> = (0..n_columns)
        .map(|at| {
            rows.len() > 1
                && rows
                    .iter()
                    .skip(1)
                    .filter_map(|r| r.get(at))
                    .all(|c| is_number(c))
        })
        .collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(widths.iter().zip(&numeric))
                .map(|(cell, (width, numeric))| pad(cell, *width, *numeric))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Cells of escape-free text, padded by characters.
pub fn pad(cell: &str, width: usize, to_the_right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(cell.chars().count()));
    if to_the_right {
        format!("{space}{cell}")
    } else {
        format!("{cell}{space}")
    }
}

fn is_number(cell: &str) -> bool {
    cell == "unknown" || !cell.is_empty() && cell.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wrap_at_words_and_long_words_are_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert!(wrap("  ", 5).is_empty());
        assert_eq!(
            Paint::plain().wrapped(80, &"word ".repeat(20), 2)[1],
            "word word word word…"
        );
    }

    #[test]
    fn columns_line_up_and_numbers_stand_to_the_right() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(
            columns(&[row("name", "n"), row("ab", "12"), row("c", "1,203")]),
            ["name      n", "ab       12", "c     1,203"]
        );
    }

    #[test]
    fn there_is_no_colour_in_a_pipe() {
        assert_eq!(Paint::plain().tone(Tone::Bad, "x"), "x");
    }
}
