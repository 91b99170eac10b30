//! Whom to write to, where and in which language: a table that a person gives, never what logs say.

use crate::Error;
use ambit_event::printable;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// The person as the scope names it: `user:1042`.
    pub person: String,
    pub email: lettre::Address,
    pub name: Option<String>,
    /// `en`, `de`.
    pub language: Option<String>,
    /// `eu`, `us-ma`: whose law decides what a letter says.
    pub residence: Option<String>,
}

/// The table, by person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    rows: BTreeMap<String, Addressee>,
}

/// Mistakes that are told in one go.
const MOST_MISTAKES: usize = 20;

/// The longest address that a mail server takes (RFC 5321, 4.5.3.1.3).
const LONGEST_ADDRESS: usize = 254;

const LONGEST: usize = 200;

impl Addressee {
    /// What the journal keeps of an address: enough to prove it to whoever has the address.
    #[must_use]
    pub fn digest(&self) -> String {
        address_digest(self.email.as_ref())
    }
}

/// The digest of an address; its letters count alike, as people write them.
pub fn address_digest(address: &str) -> String {
    hex::encode(Sha256::digest(address.trim().to_lowercase()))
}

impl Addresses {
    /// Reads a CSV table with a header: `subject` and `email`, and where they are known `name`, `language`,
    /// `residence`. Commas or semicolons; other columns are left alone.
    ///
    /// # Errors
    /// [`Error::Addresses`] names every row that cannot be used, with its line: a person decides what to do with them.
    pub fn read(text: &str) -> Result<Self, Error> {
        let text = text.trim_start_matches('\u{feff}');
        let header = text.lines().next().unwrap_or_default();
        let delimiter = if header.contains(';') && !header.contains(',') {
            b';'
        } else {
            b','
        };
        let mut table = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let columns = Columns::of(table.headers().map_err(|e| refused(&[e.to_string()]))?)?;
        let mut read = Self::default();
        let mut mistakes = Vec::new();
        for record in table.records() {
            let found = match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    columns
                        .addressee(&record)
                        .and_then(|addressee| read.take(addressee))
                        .map_err(|why| format!("line {line}: {why}"))
                }
                Err(error) => Err(error.to_string()),
            };
            mistakes.extend(found.err());
        }
        if mistakes.is_empty() {
            return Ok(read);
        }
        Err(refused(&mistakes))
    }

    fn take(&mut self, addressee: Addressee) -> Result<(), String> {
        let person = addressee.person.clone();
        match self.rows.insert(person.clone(), addressee) {
            None => Ok(()),
            Some(_) => Err(format!("{} stands there twice", printable(&person, 80))),
        }
    }

    #[must_use]
    pub fn get(&self, person: &str) -> Option<&Addressee> {
        self.rows.get(person)
    }

    /// In the order of persons.
    pub fn iter(&self) -> impl Iterator<Item = &Addressee> {
        self.rows.values()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn refused(mistakes: &[String]) -> Error {
    let mut shown: Vec<String> = mistakes
        .iter()
        .take(MOST_MISTAKES)
        .map(|mistake| printable(mistake, 300))
        .collect();
    if mistakes.len() > MOST_MISTAKES {
        shown.push(format!("and {} more", mistakes.len() - MOST_MISTAKES));
    }
    Error::Addresses {
        why: shown.join("\n"),
    }
}

/// Where in a row each thing stands.
struct Columns {
    subject: usize,
    email: usize,
    name: Option<usize>,
    language: Option<usize>,
    residence: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, Error> {
        let at = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let needed = |name: &str| at(name).ok_or_else(|| refused(&[format!("there is no column `{name}`")]));
        Ok(Self {
            subject: needed("subject")?,
            email: needed("email")?,
            name: at("name"),
            language: at("language"),
            residence: at("residence"),
        })
    }

    fn addressee(&self, record: &csv::StringRecord) -> Result<Addressee, String> {
        let text = |at: usize| record.get(at).unwrap_or_default();
        let optional = |at: Option<usize>| {
            let text = at.map(text).filter(|text| !text.is_empty());
            text.map(plain).transpose()
        };
        let person = plain(text(self.subject))?;
        if person.is_empty() {
            return Err("the subject is empty".to_owned());
        }
        let language = optional(self.language)?.map(|code| code.to_ascii_lowercase());
        if let Some(code) = language
            .as_deref()
            .filter(|code| !ambit_disclose::is_language(code))
        {
            return Err(format!("`{code}` is no language: write `de` or `pt-br`"));
        }
        let residence = optional(self.residence)?.map(|place| place.to_ascii_lowercase());
        if let Some(place) = residence
            .as_deref()
            .filter(|place| !ambit_disclose::is_place(place))
        {
            return Err(format!(
                "`{}` is no place: write a country's two letters, and its State, such as `se` or `us-ma`",
                printable(place, 80)
            ));
        }
        Ok(Addressee {
            person,
            email: address(text(self.email))?,
            name: optional(self.name)?,
            language,
            residence,
        })
    }
}

/// One address and nothing else: what stands there goes into the dialog with a mail server.
pub fn address(text: &str) -> Result<lettre::Address, String> {
    let wrong = || format!("`{}` is no mail address", printable(text, 80));
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"');
    if text.len() > LONGEST_ADDRESS || text.chars().any(is_odd) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

/// A text of one line.
fn plain(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!(
            "`{}` is too long, or is no plain text",
            printable(text, 40)
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_spreadsheets_write_it() {
        for text in [
            "subject,email,name,language,residence\nuser:1,a@b.example,Änne Ö,DE,US-MA\n",
            "\u{feff}Subject;Email;Other;Name;Language;Residence\r\nuser:1;a@b.example;x;Änne Ö;de;us-ma\r\n",
        ] {
            let read = Addresses::read(text).unwrap();
            let row = read.get("user:1").unwrap();
            assert_eq!(row.email.to_string(), "a@b.example");
            assert_eq!(row.name.as_deref(), Some("Änne Ö"));
            assert_eq!(row.language.as_deref(), Some("de"));
            assert_eq!(row.residence.as_deref(), Some("us-ma"));
        }
        let bare = Addresses::read("subject,email\nuser:1,a@b.example").unwrap();
        assert_eq!(bare.get("user:1").unwrap().language, None);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_line() {
        for (rows, why) in [
            (
                "user:1,\"a@b.example\r\nRCPT TO:<c@d>\"",
                "line 2: `a@b.example\\u{d}",
            ),
            ("user:1,a@b.example>", "is no mail address"),
            ("user:1,\"a@b.example,c@d.example\"", "is no mail address"),
            ("user:1,nobody", "`nobody` is no mail address"),
            (",a@b.example", "line 2: the subject is empty"),
            (
                "user:1,a@b.example\nuser:1,c@d.example",
                "line 3: user:1 stands there twice",
            ),
            ("user:1,a@b.example,..", "is no language"),
            (
                "user:1,a@b.example,,,Massachusetts",
                "`massachusetts` is no place",
            ),
            ("user:1,a@b.example,,,us-zz", "`us-zz` is no place"),
            ("user:1,a@b.example,de,\"x\ny\"", "no plain text"),
        ] {
            let error =
                Addresses::read(&format!("subject,email,language,name,residence\n{rows}\n")).unwrap_err();
            assert!(error.to_string().contains(why), "{rows}: {error}");
        }
        let error = Addresses::read("who,email\n1,a@b.example")
            .unwrap_err()
            .to_string();
        assert!(error.contains("no column `subject`"), "{error}");
    }

    #[test]
    fn an_address_has_one_digest() {
        assert_eq!(address_digest("Ann@B.example "), address_digest("ann@b.example"));
    }
}
