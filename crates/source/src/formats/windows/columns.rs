//! Columns as the fields of an event tell them.

use super::meaning::text_of;
use crate::json::{Json, Object};
use ambit_event::Keys;
use std::borrow::Cow;

/// Sessions that every Windows host has: SYSTEM, LOCAL SERVICE, NETWORK SERVICE, and none. They are nobody's logon,
/// and everything that the system does would hang together by them.
const EVERYBODYS: &[u64] = &[0, 0x3e4, 0x3e5, 0x3e7];

/// Where they stand, in bits or in words.
const KEYWORDS: &[&str] = &["Keywords", "winlog.keywords", "keywords", "KeywordsDisplayNames"];

/// The audit bits of `Keywords`.
const AUDIT_FAILURE: u64 = 0x0010_0000_0000_0000;
const AUDIT_SUCCESS: u64 = 0x0020_0000_0000_0000;

/// The fields of an event, read column by column.
pub struct Filled<'f, 'a> {
    pub fields: &'f Object<'a>,
    pub keys: &'f Keys,
}

impl Filled<'_, '_> {
    /// A field that says something: `-` and nothing say nothing.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        text_of(self.fields, name).filter(|text| !matches!(text.trim(), "" | "-"))
    }

    /// A word of the table, or the field that it names in braces. NXLog has an `EventType` of its own, in capitals.
    pub fn named(&self, word: &str) -> Option<String> {
        let is_word = |text: &Cow<'_, str>| text.chars().any(char::is_lowercase);
        match word.strip_prefix('{').and_then(|word| word.strip_suffix('}')) {
            Some(name) => self.text(name).filter(is_word).map(Cow::into_owned),
            None => Some(word.to_owned()),
        }
    }

    /// A text with fields in it; `None` where one of them says nothing.
    pub fn template(&self, template: &[(String, Option<String>)]) -> Option<String> {
        let mut out = String::new();
        for (plain, name) in template {
            out.push_str(plain);
            if let Some(name) = name {
                out.push_str(&self.text(name)?);
            }
        }
        Some(out)
    }

    /// The account as `DOMAIN\name`, and its domain. Where a name carries the domain behind an `@`, as Kerberos
    /// writes it, it stands once. Windows tells neither apart by case, and writes both as they were typed: they are
    /// one here.
    pub fn account(&self, names: &[String]) -> Option<(String, Option<String>)> {
        match names {
            [whole] => {
                let account = one_case(&self.text(whole)?);
                let domain = account.split_once('\\').map(|(domain, _)| domain.to_owned());
                Some((account, domain))
            }
            [domain, name] => {
                let name = self.text(name)?;
                let Some(domain) = self.text(domain) else {
                    return Some((name.to_lowercase(), None));
                };
                let bare = match name.rsplit_once('@') {
                    Some((bare, behind)) if behind.eq_ignore_ascii_case(&domain) => bare,
                    _ => &name,
                };
                let domain = domain.to_uppercase();
                Some((format!("{domain}\\{}", bare.to_lowercase()), Some(domain)))
            }
            _ => None,
        }
    }

    /// A logon session: its number means something on its host alone.
    pub fn session(&self, host: &str, name: &str) -> Option<String> {
        let id = number(&self.text(name)?).filter(|id| !EVERYBODYS.contains(id))?;
        let host = host.to_ascii_lowercase();
        Some(self.keys.fingerprint(&format!("{host}:{id:#x}")))
    }

    /// An address, an IPv4 one that wears an IPv6 coat taken out of it; `None` for a name.
    pub fn ip(&self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        let bare = text.trim().trim_matches(['[', ']']).split('%').next()?;
        Some(bare.parse::<std::net::IpAddr>().ok()?.to_canonical().to_string())
    }

    /// A port; 0 is none.
    pub fn port(&self, name: &str) -> Option<i64> {
        let port: u16 = self.text(name)?.trim().parse().ok()?;
        (port > 0).then_some(i64::from(port))
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        i64::try_from(number(&self.text(name)?)?).ok()
    }

    /// The result code: the first of these fields that is not zero, else the first that is there.
    pub fn status(&self, names: &[String]) -> Option<String> {
        let codes: Vec<Cow<'_, str>> = names.iter().filter_map(|name| self.text(name)).collect();
        let telling = codes
            .iter()
            .find(|code| number(code) != Some(0))
            .or(codes.first());
        telling.map(|code| code.to_ascii_lowercase())
    }

    /// What the audit bits say, in any of the ways in which they are written.
    pub fn audited(&self) -> Option<bool> {
        let by_bits = |bits: u64| match bits & (AUDIT_SUCCESS | AUDIT_FAILURE) {
            AUDIT_SUCCESS => Some(true),
            AUDIT_FAILURE => Some(false),
            _ => None,
        };
        let keywords = KEYWORDS.iter().find_map(|name| self.fields.get(name));
        let by_keywords = match keywords {
            Some(Json::Number(number)) => {
                let signed = number.as_i64().map(i64::cast_unsigned);
                signed.or(number.as_u64()).and_then(by_bits)
            }
            Some(Json::Text(text)) => number(text).and_then(by_bits).or_else(|| by_name(text)),
            Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).find_map(by_name),
            _ => None,
        };
        by_keywords.or_else(|| by_name(&self.text("EventType")?))
    }
}

/// An account as it is told apart: Windows does so by neither case.
pub fn one_case(account: &str) -> String {
    match account.split_once('\\') {
        Some((domain, name)) => format!("{}\\{}", domain.to_uppercase(), name.to_lowercase()),
        None => account.to_lowercase(),
    }
}

fn by_name(name: &str) -> Option<bool> {
    match name.to_ascii_lowercase().replace('_', " ").as_str() {
        "audit success" => Some(true),
        "audit failure" => Some(false),
        _ => None,
    }
}

/// A number in decimal or, after `0x`, in hexadecimal digits.
pub fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
