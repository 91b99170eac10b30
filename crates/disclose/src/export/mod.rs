//! The incident for other people's tools. What is not known is `Unknown` there, and a number has its bounds in a note.

mod edpb;
mod stix;
mod veris;

pub use edpb::edpb;
pub use stix::stix;
pub use veris::veris;

use crate::notice::{Draft, Matter, NoticeKind, Wanted, draft};
use sha2::{Digest, Sha256};

/// What the register says of it; a case without facts has one too, made of questions.
fn register(matter: &Matter<'_>) -> Option<Draft> {
    let wanted = Wanted::of(NoticeKind::Register);
    draft(matter, &wanted).ok()
}

/// What the register states, without what a person must still say.
fn stated(draft: &Draft, groups: &[&str]) -> String {
    let fits = |id: &str| groups.contains(&id.split(':').next().unwrap_or(id));
    let said: Vec<&str> = draft
        .sayings
        .iter()
        .filter(|saying| saying.missing.is_none() && fits(&saying.id))
        .map(|saying| saying.text.as_str())
        .collect();
    said.join(" ")
}

/// An identifier that stays the same for the same object of the same case, in the form of a random UUID.
fn uuid(case: &str, what: &str) -> String {
    let digest = Sha256::digest(format!("ambit disclose {what}\n{case}"));
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
