//! Identities that are computed from content, so that the same record read twice is one event.

use crate::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;

/// The identity of an event: 128 bits of SHA-256 over what makes the record itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(pub [u8; 16]);

impl EventId {
    /// The identity of a record that its producer numbers or names: the same record in two formats
    /// (a database's CSV and JSON log, say) is one event, so `family` is the producer, not the format.
    #[must_use]
    pub fn native(family: &str, host: &str, native_id: &str) -> Self {
        Self::over(
            b"native",
            &[family.as_bytes(), host.as_bytes(), native_id.as_bytes()],
        )
    }

    /// The identity of a record that has no name of its own: its bytes, and the how-many-eth time that
    /// these bytes occur in the lineage of their file (1 is the first).
    #[must_use]
    pub fn nth(source: &str, host: &str, raw: &[u8], nth: u64) -> Self {
        Self::over(
            b"nth",
            &[source.as_bytes(), host.as_bytes(), raw, &nth.to_le_bytes()],
        )
    }

    fn over(kind: &[u8], parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// The 32 hexadecimal digits that it is shown as. An id is written for every row of a lake: this needs no heap.
    #[must_use]
    pub fn digits<'d>(&self, digits: &'d mut [u8; 32]) -> &'d str {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
        }
        std::str::from_utf8(digits).unwrap_or_default() // digits are ASCII
    }

    /// Reads 32 hexadecimal digits.
    ///
    /// # Errors
    /// [`Error::EventId`] where the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut id = [0; 16];
        hex::decode_to_slice(text.trim(), &mut id).map_err(|_| Error::EventId {
            text: text.chars().take(80).collect(),
        })?;
        Ok(Self(id))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 32]))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The identity of an evidence file: the SHA-256 of its bytes as they were given, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct EvidenceId(pub String);

impl fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_true_identical_lines_are_two_events() {
        let first = EventId::nth("s", "h", b"line", 1);
        assert_eq!(first, EventId::nth("s", "h", b"line", 1));
        assert_ne!(first, EventId::nth("s", "h", b"line", 2));
        assert_ne!(EventId::nth("ab", "c", b"", 1), EventId::nth("a", "bc", b"", 1));
        assert_eq!(EventId::parse(&first.to_string()), Ok(first));
    }
}
