//! The data of an event where it was put into a text as XML: `<EventData><Data Name="...">...</Data></EventData>`.
//! Nothing but that shape is read; any other text stays the text that it is.

use crate::json::{Filling, Json, Object};
use std::borrow::Cow;

/// The named data in their order; `None` for anything else.
pub fn data(text: &str) -> Option<Object<'static>> {
    let rest = text.trim().strip_prefix("<EventData")?;
    let (_, mut rest) = rest.split_once('>')?;
    let mut found = Filling::default();
    loop {
        rest = rest.trim_start();
        if rest == "</EventData>" {
            return Some(found.object);
        }
        let (attributes, after) = rest.strip_prefix("<Data ")?.split_once('>')?;
        let name = attributes
            .trim_end_matches('/')
            .trim()
            .strip_prefix("Name=\"")?
            .strip_suffix('"')?;
        let (value, after) = match attributes.ends_with('/') {
            true => ("", after),
            false => after.split_once("</Data>")?,
        };
        if value.contains('<') {
            return None;
        }
        let text = Json::Text(Cow::Owned(unescaped(value)?));
        found.add(Cow::Owned(unescaped(name)?), text).ok()?;
        rest = after;
    }
}

/// The text without its character references; `None` where one is unknown.
fn unescaped(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((plain, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';')?;
        out.push_str(plain);
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => numbered(name.strip_prefix('#')?)?,
        });
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

fn numbered(digits: &str) -> Option<char> {
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        data(text).map(|object| object.kept(0).as_json().unwrap_or_default().to_owned())
    }

    #[test]
    fn named_data_are_read_and_anything_else_is_left() {
        let text = "<EventData xmlns=\"x\">\r\n  <Data Name=\"a\">1 &lt; 2&#x41;&#66;</Data>\n <Data Name=\"b\"/>\n<Data Name=\"c\"></Data></EventData>";
        assert_eq!(read(text).as_deref(), Some(r#"{"a":"1 < 2AB","b":"","c":""}"#));
        assert_eq!(read("<EventData></EventData>").as_deref(), Some("{}"));
        for other in [
            "",
            "<EventData>",
            "<UserData></UserData>",
            "<EventData><Data>x</Data></EventData>",
            "<EventData><Data Name=\"a\"><x/></Data></EventData>",
            "<EventData><Data Name=\"a\">&bad;</Data></EventData>",
            "<EventData><Data Name=\"a\">1</Data><Data Name=\"a\">2</Data></EventData>",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
