//! Reports of mail servers that a letter did not arrive (RFC 3464), from a file, a mailbox or a folder of mails. Anybody
//! can write such a mail: it counts only where it names the id of a letter that went, which nobody can guess.

use super::addresses::address_digest;
use super::outbox::{Outbox, State};
use super::send::letter_act;
use crate::Act;
use ambit_event::printable;
use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Recipients of one report; a letter has one.
const MOST_RECIPIENTS: usize = 100;

/// What a server reports of one letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of the letter, without angle brackets.
    pub message_id: String,
    /// Digests of the addresses that it speaks of.
    pub addresses: BTreeSet<String>,
    pub is_failed: bool,
    /// Status and what the server said.
    pub told: String,
    /// SHA-256 of the mail.
    pub digest: String,
}

/// All that a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reports {
    pub reports: Vec<Report>,
    /// Mails that report nothing that can be read.
    pub n_other: u64,
}

/// Reads one mail, or a mailbox of them (`mbox`).
#[must_use]
pub fn read_reports(bytes: &[u8]) -> Reports {
    let mut found = Reports::default();
    for mail in mails(bytes) {
        match report(mail) {
            Some(report) => found.reports.push(report),
            None => found.n_other += 1,
        }
    }
    found
}

/// A mailbox is cut at lines that begin with `From `, as its writers quote those of the mails.
fn mails(bytes: &[u8]) -> Vec<&[u8]> {
    if !bytes.starts_with(b"From ") {
        return vec![bytes];
    }
    let mut starts = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"From ") {
            starts.push((at, at + line.len()));
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).map(|(from, _)| *from).chain([bytes.len()]);
    let each = starts.iter().zip(ends);
    each.filter_map(|((_, from), until)| bytes.get(*from..until))
        .collect()
}

fn report(mail: &[u8]) -> Option<Report> {
    let parsed = MessageParser::default().parse(mail)?;
    let kind = |part: &MessagePart<'_>| {
        let kind = part.content_type()?;
        let sub = kind.c_subtype.as_ref()?;
        Some(format!("{}/{sub}", kind.c_type).to_ascii_lowercase())
    };
    let mut status = None;
    let mut message_id = None;
    for part in &parsed.parts {
        match kind(part).as_deref() {
            Some("message/delivery-status" | "message/global-delivery-status") => {
                status = Some(String::from_utf8_lossy(part.contents()).into_owned());
            }
            Some("text/rfc822-headers" | "message/global-headers") => {
                let head = MessageParser::default().parse_headers(part.contents());
                message_id = message_id.or_else(|| head?.message_id().map(str::to_owned));
            }
            _ => {}
        }
        if let PartType::Message(letter) = &part.body {
            message_id = message_id.or_else(|| letter.message_id().map(str::to_owned));
        }
    }
    let (status, message_id) = (status?, message_id?);
    let mut addresses = BTreeSet::new();
    let (mut is_failed, mut told) = (false, Vec::new());
    for group in groups(&status).iter().take(MOST_RECIPIENTS) {
        let field = |name: &str| {
            group
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let Some(action) = field("action") else { continue };
        if action.eq_ignore_ascii_case("failed") {
            is_failed = true;
            let named = ["original-recipient", "final-recipient"]
                .into_iter()
                .filter_map(field);
            addresses.extend(named.map(|value| address_digest(typed(value))));
            told.extend(field("status").map(str::to_owned));
            told.extend(field("diagnostic-code").map(|value| typed(value).to_owned()));
        } else {
            told.push(action.to_owned());
        }
    }
    Some(Report {
        message_id: message_id.trim_matches(['<', '>']).to_owned(),
        addresses,
        is_failed,
        told: printable(&told.join(" "), 400),
        digest: hex::encode(Sha256::digest(mail)),
    })
}

/// `rfc822; a@b.example` without the kind of address before it.
fn typed(value: &str) -> &str {
    value.split_once(';').map_or(value, |(_, rest)| rest).trim()
}

/// Fields of each group, unfolded; an empty line ends a group.
fn groups(status: &str) -> Vec<Vec<(String, String)>> {
    let mut groups: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for line in status.lines() {
        if line.trim().is_empty() {
            groups.push(Vec::new());
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = groups.last_mut().and_then(|group| group.last_mut()) {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let (Some((name, value)), Some(group)) = (line.split_once(':'), groups.last_mut()) {
            group.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    groups
}

/// What reports make of the letters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Returned {
    /// What is to be written down.
    pub acts: Vec<Act>,
    /// Reports of letters that were not sent from here.
    pub n_strange: u64,
    /// Reports that say nothing new: a delay, a letter that is back already, an address that it no longer goes to.
    pub n_idle: u64,
}

impl Outbox {
    /// Matches reports with letters that went.
    #[must_use]
    pub fn returned(&self, reports: &[Report]) -> Returned {
        let mut returned = Returned::default();
        let mut seen = BTreeSet::new();
        let sent: std::collections::BTreeMap<String, (&str, &str)> = self
            .mailings
            .values()
            .flat_map(|mailing| {
                let each = mailing.states.keys();
                each.map(move |person| {
                    (
                        mailing.message_id(person),
                        (mailing.name.as_str(), person.as_str()),
                    )
                })
            })
            .collect();
        for report in reports {
            let Some((mailing, person)) = sent.get(&report.message_id).copied() else {
                returned.n_strange += 1;
                continue;
            };
            let letter = self
                .mailings
                .get(mailing)
                .and_then(|mailing| mailing.letter(person));
            let is_here = letter.is_some_and(|letter| {
                let address = letter.address.as_ref();
                let named =
                    report.addresses.is_empty() || address.is_some_and(|a| report.addresses.contains(a));
                letter.state.may_have_it() && named
            });
            if !report.is_failed || !is_here || !seen.insert((mailing, person)) {
                returned.n_idle += 1;
                continue;
            }
            returned.acts.push(letter_act(
                mailing,
                person,
                State::Bounced,
                json!({ "reply": report.told, "through": "delivery report", "report": report.digest }),
            ));
        }
        returned
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod tests {
    use super::*;

    /// A report as a mail server writes it.
    pub fn dsn(message_id: &str, to: &str, action: &str) -> String {
        format!(
            "From: MAILER-DAEMON@mail.example\r\nTo: privacy@tonal.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"=b\"\r\n\r\n--=b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--=b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n no such user\r\n\r\n--=b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: about your data\r\nMessage-ID: <{message_id}>\r\n\r\n--=b--\r\n"
        )
    }

    #[test]
    fn a_report_names_its_letter_and_address() {
        let found = read_reports(dsn("ab@tonal.example", "Ann@b.example", "failed").as_bytes());
        assert_eq!(found.n_other, 0);
        let report = &found.reports[0];
        assert_eq!(report.message_id, "ab@tonal.example");
        assert!(report.is_failed && report.addresses.contains(&address_digest("ann@b.example")));
        assert_eq!(report.told, "5.1.1 550 5.1.1 no such user");
        assert!(!read_reports(dsn("a@b", "c@d", "delayed").as_bytes()).reports[0].is_failed);
    }

    #[test]
    fn the_letter_itself_may_come_back_whole() {
        let whole = dsn("ab@tonal.example", "a@b.example", "failed")
            .replace("text/rfc822-headers", "message/rfc822")
            .replace("\r\n\r\n--=b--", "\r\n\r\nDear all\r\n--=b--");
        assert_eq!(
            read_reports(whole.as_bytes()).reports[0].message_id,
            "ab@tonal.example"
        );
    }

    #[test]
    fn a_mailbox_holds_several() {
        let one = dsn("a@b.example", "c@d.example", "failed");
        let text = format!("From x Mon Jan  1\r\n{one}\r\nFrom y Mon Jan  1\r\nSubject: hello\r\n\r\nhi\r\n");
        let found = read_reports(text.as_bytes());
        assert_eq!((found.reports.len(), found.n_other), (1, 1));
    }

    #[test]
    fn hostile_mails_report_nothing() {
        let nested = "Content-Type: multipart/report; boundary=a\r\n\r\n--a\r\n".repeat(3000);
        for bytes in [&b""[..], b"\xff\xfe", b"From ", b"From x\n", nested.as_bytes()] {
            assert_eq!(read_reports(bytes).reports, []);
        }
    }
}
