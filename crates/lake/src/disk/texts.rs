//! Texts of which one is looked for in many others.

use std::collections::HashSet;

/// Bits of a number that a text's end gives.
const BITS: u32 = 16;

/// Some texts. Of nearly all others it is told by their ends that they are none of them: a page has 4096, and one of
/// them is looked for.
pub(super) struct Texts {
    all: HashSet<String>,
    /// A bit for each number that the end of one of them gives.
    ends: Vec<u64>,
}

impl Texts {
    pub fn of(texts: impl Iterator<Item = String>) -> Self {
        let all: HashSet<String> = texts.collect();
        let mut ends = vec![0; 1 << (BITS - u64::BITS.ilog2())];
        for text in &all {
            let (word, bit) = end_of(text);
            ends[word] |= bit;
        }
        Self { all, ends }
    }

    pub fn hold(&self, text: &str) -> bool {
        let (word, bit) = end_of(text);
        self.ends[word] & bit != 0 && self.all.contains(text)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(String::as_str)
    }
}

/// The word and the bit of it that the last bytes of a text give.
fn end_of(text: &str) -> (usize, u64) {
    let last = text.as_bytes().last_chunk().copied().unwrap_or_else(|| {
        let mut few = [0; 8];
        few[..text.len()].copy_from_slice(text.as_bytes());
        few
    });
    // The multiplier of Fibonacci hashing (Knuth, volume 3, 6.4).
    let mixed = u64::from_le_bytes(last).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = mixed >> (u64::BITS - BITS);
    ((number / 64) as usize, 1 << (number % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_it_was_made_of() {
        let all = ["", "a", "1234567", "12345678", "x12345678", "ü"].map(str::to_owned);
        let texts = Texts::of(all.iter().cloned());
        assert!(all.iter().all(|text| texts.hold(text)));
        for other in ["b", "12345679", "y12345678", "123456789", "\0", "ab"] {
            assert!(!texts.hold(other), "{other}");
        }
        assert!(!Texts::of(std::iter::empty()).hold(""));
        assert_eq!(texts.iter().count(), all.len());
    }
}
