//! The one gate through which text becomes markup.

use ambit_event::printable;
use std::fmt;

/// A text as it may stand in an element or a quoted attribute: control and direction characters made
/// visible, the five special characters escaped.
pub struct Esc<T>(pub T);

/// The longest text that is shown in one piece, in characters.
const LONGEST: usize = 4000;

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

/// Cut to `most` characters with an ellipsis, for places where text cannot wrap.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    }
}

/// Appends formatted markup.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!($out, $($arg)*);
    }};
}
pub(crate) use put;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_logs_stays_text() {
        let hostile = "<script>\"'&\u{1b}[0m\u{202e}";
        assert_eq!(
            Esc(hostile).to_string(),
            "&lt;script&gt;&quot;&#39;&amp;\\u{1b}[0m\\u{202e}"
        );
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
