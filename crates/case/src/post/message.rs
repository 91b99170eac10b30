//! One letter as a mail. Headers are encoded by a library, so that no name or title breaks out of its line.

use crate::Error;
use ambit_event::Timestamp;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
}

/// One letter, ready to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub person: String,
    /// Without angle brackets.
    pub id: String,
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
    pub to: Mailbox,
    pub language: String,
    pub residence: Option<String>,
    pub title: String,
    pub text: String,
    /// SHA-256 of title and text.
    pub digest: String,
}

/// What answers by itself is not answered by a machine (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// In which language it is.
#[derive(Debug, Clone)]
struct ContentLanguage(String);

impl Header for ContentLanguage {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Language")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

impl Sender {
    /// Reads `Name <address>` as a person wrote it.
    ///
    /// # Errors
    /// [`Error::Addresses`] for what is no mailbox of one line.
    pub fn read(from: &str, reply_to: Option<&str>) -> Result<Self, Error> {
        let mailbox = |text: &str| {
            let odd = text.chars().any(char::is_control);
            let read = text.parse::<Mailbox>().ok().filter(|_| !odd);
            read.ok_or_else(|| Error::Addresses {
                why: format!(
                    "`{}` is no sender: write 'Name <address>'",
                    ambit_event::printable(text, 100)
                ),
            })
        };
        Ok(Self {
            from: mailbox(from)?,
            reply_to: reply_to.map(mailbox).transpose()?,
        })
    }
}

/// SHA-256 of a letter's title and text: what is approved, and what went.
pub fn text_digest(title: &str, text: &str) -> String {
    hex::encode(Sha256::digest(format!("{title}\n\n{text}")))
}

/// The same for one list and person; the seal is known to the case alone, so that nobody guesses the id of another.
pub fn message_id(seal: &str, person: &str, from: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("ambit letter 1\n{seal}\n{person}")));
    let domain = from
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    let short: String = digest.chars().take(40).collect();
    format!("{short}@{domain}")
}

impl Message {
    /// The mail as it goes over the line.
    ///
    /// # Errors
    /// [`Error::Addresses`] where a header cannot be made.
    pub fn mail(&self, at: Timestamp) -> Result<Vec<u8>, Error> {
        let date = u64::try_from(at.0.div_euclid(1_000_000_000)).unwrap_or(0);
        let mut builder: MessageBuilder = lettre::Message::builder()
            .from(plain(&self.from))
            .to(plain(&self.to))
            .subject(one_line(&self.title))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(date))
            .message_id(Some(format!("<{}>", self.id)))
            .header(AutoSubmitted)
            .header(ContentLanguage(self.language.clone()))
            .header(ContentType::TEXT_PLAIN);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(plain(reply_to));
        }
        let made = builder
            .body(self.text.clone())
            .map_err(|error| Error::Addresses {
                why: format!("the letter cannot be made: {error}"),
            })?;
        Ok(made.formatted())
    }
}

/// A name with a line end in it would break its header, or whoever writes it.
fn plain(mailbox: &Mailbox) -> Mailbox {
    Mailbox::new(mailbox.name.as_deref().map(one_line), mailbox.email.clone())
}

fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    spaced.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message(title: &str, name: &str) -> Message {
        let sender = Sender::read("Tonal Müsic AB <privacy@tonal.example>", None).unwrap();
        Message {
            person: "user:1".into(),
            id: message_id("ab", "user:1", "privacy@tonal.example"),
            from: sender.from,
            reply_to: None,
            to: Mailbox::new(Some(name.into()), "a@b.example".parse().unwrap()),
            language: "de".into(),
            residence: None,
            title: title.into(),
            text: "Grüße\n.\nvon uns\n".into(),
            digest: String::new(),
        }
    }

    #[test]
    fn no_header_is_slipped_in() {
        let hostile = message("about\r\nBcc: eve@evil.example", "Ann\r\nX-Evil: 1");
        let mail = String::from_utf8(hostile.mail(Timestamp::from_secs(0)).unwrap()).unwrap();
        let head = mail.split("\r\n\r\n").next().unwrap();
        assert!(
            !head
                .lines()
                .any(|line| line.starts_with("Bcc") || line.starts_with("X-Evil")),
            "{mail}"
        );
    }

    #[test]
    fn names_and_texts_of_all_letters_go_as_ascii() {
        let made = message("über Ihre Daten", "Änne Ö");
        let mail = made.mail(Timestamp::from_secs(1_400_618_341)).unwrap();
        assert!(mail.is_ascii());
        let mail = String::from_utf8(mail).unwrap();
        assert!(mail.contains("Date: Tue, 20 May 2014 20:39:01"), "{mail}");
        assert!(mail.contains(&format!("Message-ID: <{}>\r\n", made.id)), "{mail}");
        assert!(mail.contains("Content-Language: de\r\n"), "{mail}");
        assert!(mail.lines().all(|line| line.len() < 998));
        assert!(!mail.replace("\r\n", "").contains(['\r', '\n']));
    }

    #[test]
    fn an_id_is_of_one_list_and_person() {
        let id = |seal, person| message_id(seal, person, "Tonal <privacy@tonal.example>");
        assert_eq!(id("a", "user:1"), id("a", "user:1"));
        assert_ne!(id("a", "user:1"), id("b", "user:1"));
        assert_ne!(id("a", "user:1"), id("a", "user:2"));
        assert!(id("a", "user:1").ends_with("@tonal.example") && !id("a", "user:1").contains("user"));
    }

    #[test]
    fn a_sender_is_one_mailbox() {
        for text in [
            "",
            "nobody",
            "a@b.example\r\nBcc: c@d.example",
            "A <a@b.example>, B <c@d.example>",
        ] {
            assert!(Sender::read(text, None).is_err(), "{text}");
        }
    }
}
