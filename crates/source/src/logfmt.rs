//! logfmt records: `key=value key="quoted value" flag`.

use crate::RejectReason;
use crate::json::{Filling, Json, Object};
use std::borrow::Cow;

/// Reads one logfmt record. A key without a value is `true`. A key that stands twice is refused.
pub fn record(text: &str) -> Result<Object<'_>, RejectReason> {
    let mut filling = Filling::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let len = rest
            .find(|c: char| c == '=' || c == '"' || c.is_whitespace())
            .unwrap_or(rest.len());
        let (key, after) = rest.split_at(len);
        if key.is_empty() {
            let at = text.len() - rest.len();
            return Err(RejectReason::new(format!(
                "a key was expected at byte {at} of the record"
            )));
        }
        let (value, after) = match after.strip_prefix('=') {
            None => (Json::Bool(true), after),
            Some(after) => value(after, key)?,
        };
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            let at = text.len() - after.len();
            return Err(RejectReason::field(
                key,
                format!("a space was expected at byte {at} of the record"),
            ));
        }
        if filling.add(Cow::Borrowed(key), value).is_err() {
            return Err(RejectReason::field(key, "the key stands twice"));
        }
        rest = after.trim_start();
    }
    Ok(filling.object)
}

fn value<'t>(after: &'t str, key: &str) -> Result<(Json<'t>, &'t str), RejectReason> {
    let Some(quoted) = after.strip_prefix('"') else {
        let len = after.find(char::is_whitespace).unwrap_or(after.len());
        return Ok((Json::Text(Cow::Borrowed(&after[..len])), &after[len..]));
    };
    let mut is_escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => {
                let text = &quoted[..at];
                let plain = serde_json::from_str(&after[..at + 2]).unwrap_or_else(|_| text.to_owned());
                return Ok((Json::Text(Cow::Owned(plain)), &quoted[at + 1..]));
            }
            _ => {}
        }
    }
    Err(RejectReason::field(
        key,
        "the quote that opens its value never closes",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_quoted_or_left_out() {
        let map = record(r#"  a=1 b="x \"y\" =z" flag c= d.e=é"#).unwrap_or_default();
        let text = serde_json::to_string(&map).unwrap_or_default();
        assert_eq!(text, r#"{"a":"1","b":"x \"y\" =z","flag":true,"c":"","d.e":"é"}"#);
    }

    #[test]
    fn what_is_no_logfmt_is_refused() {
        for bad in [r#"a="x"#, "=1", r#"a="x"y"#, "a=1 a=2", r#""quoted""#] {
            assert!(record(bad).is_err(), "{bad}");
        }
    }
}
