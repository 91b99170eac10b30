//! The one gate through which text becomes markup, and the head of every page.

use ambit_event::printable;
use std::fmt;

/// A text as it may stand in an element or a quoted attribute.
pub struct Esc<T>(pub T);

/// The longest text that is shown in one piece, in characters.
const LONGEST: usize = 8000;

impl<T: AsRef<str>> fmt::Display for Esc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in printable(self.0.as_ref(), LONGEST).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

/// Appends formatted text.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!($out, $($arg)*);
    }};
}
pub(crate) use put;

const STYLE: &str = include_str!("page.css");

/// Everything up to the body. No script, image, font or connection is let in.
pub fn head(title: &str, language: &str, out: &mut String) {
    put!(
        out,
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\"><meta name=\"robots\" content=\"noindex\"><title>{}</title><style>{STYLE}</style></head><body>",
        Esc(language),
        Esc(title)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_facts_stays_text() {
        assert_eq!(
            Esc("<script>\"'&\u{1b}[0m\u{202e}").to_string(),
            "&lt;script&gt;&quot;&#39;&amp;\\u{1b}[0m\\u{202e}"
        );
    }
}
