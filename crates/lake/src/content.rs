//! The content root: one hash over a set of event ids that does not depend on their order.
//!
//! Each id is expanded to 2048 bits by BLAKE3 and the expansions are added lane by lane, so that the
//! sum of a union of disjoint sets is the sum of the sums: commits and compactions carry it along
//! without reading an event again. Finding two sets with one sum is a generalized birthday problem in a
//! group of 2^2048 elements, some 2^90 operations.

use ambit_event::EventId;
use sha2::{Digest, Sha256};

const LANES: usize = 32;

/// The running sum over a set of event ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    n_events: u64,
    lanes: [u64; LANES],
}

impl Default for Content {
    fn default() -> Self {
        Self {
            n_events: 0,
            lanes: [0; LANES],
        }
    }
}

impl Content {
    pub fn add(&mut self, id: EventId) {
        self.n_events += 1;
        let mut expansion = [0; 8 * LANES];
        blake3::Hasher::new()
            .update(&id.0)
            .finalize_xof()
            .fill(&mut expansion);
        for (lane, bytes) in self.lanes.iter_mut().zip(expansion.chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *lane = lane.wrapping_add(u64::from_le_bytes(word));
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.n_events += other.n_events;
        for (lane, more) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = lane.wrapping_add(more);
        }
    }

    /// The root in hexadecimal.
    pub fn root(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"ambit content root v2");
        hash.update(self.bytes());
        hex::encode(hash.finalize())
    }

    fn bytes(&self) -> Vec<u8> {
        let words = std::iter::once(self.n_events).chain(self.lanes);
        words.flat_map(u64::to_le_bytes).collect()
    }
}

#[cfg(feature = "engine")]
impl Content {
    /// The sum as text, to be kept beside the events.
    pub fn to_text(&self) -> String {
        hex::encode(self.bytes())
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = hex::decode(text).ok().filter(|b| b.len() == 8 * (LANES + 1))?;
        let mut words = bytes.chunks_exact(8).map(|chunk| {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        let n_events = words.next()?;
        let mut lanes = [0; LANES];
        lanes.iter_mut().zip(words).for_each(|(lane, word)| *lane = word);
        Some(Self { n_events, lanes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[u8]) -> Content {
        let mut content = Content::default();
        ids.iter().for_each(|n| content.add(EventId([*n; 16])));
        content
    }

    #[test]
    fn order_and_batching_change_nothing_and_content_does() {
        let mut halves = of(&[3]);
        halves.merge(&of(&[2, 1]));
        assert_eq!(halves.root(), of(&[1, 2, 3]).root());
        assert_ne!(of(&[1, 2]).root(), of(&[1, 3]).root());
        assert_ne!(of(&[]).root(), of(&[0]).root());
    }

    #[cfg(feature = "engine")]
    #[test]
    fn the_sum_survives_as_text() {
        let content = of(&[1, 9]);
        assert_eq!(Content::from_text(&content.to_text()), Some(content));
        assert_eq!(Content::from_text("00"), None);
    }
}
