//! A quick hash for maps that stay in memory and whose keys nobody gains by colliding.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps keyed by it.
pub type Quick = BuildHasherDefault<QuickHasher>;

/// Folded multiplication over words of eight bytes; the same on every machine and in every run.
#[derive(Debug, Default, Clone, Copy)]
pub struct QuickHasher(u64);

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl QuickHasher {
    #[allow(clippy::cast_possible_truncation)] // both halves of the product are taken
    const fn fold(&mut self, word: u64) {
        let product = ((self.0 ^ word) as u128) * (ODD as u128);
        self.0 = (product as u64) ^ ((product >> 64) as u64).rotate_left(29) ^ ODD;
    }

    /// Two halves of each block side by side, so that no multiplication waits for the one before.
    fn fold_blocks(&mut self, blocks: &[[u8; 32]]) {
        let (mut left, mut right) = (Self(self.0), Self(self.0 ^ ODD));
        for block in blocks {
            let (words, _) = block.as_chunks::<8>();
            let word = |nth: usize| u64::from_le_bytes(words[nth]);
            left.fold(word(0) ^ word(1).wrapping_mul(ODD).rotate_left(32));
            right.fold(word(2) ^ word(3).wrapping_mul(ODD).rotate_left(32));
        }
        self.fold(left.0);
        self.fold(right.0);
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<32>();
        if !blocks.is_empty() {
            self.fold_blocks(blocks);
        }
        let (words, rest) = rest.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.fold(u64::from_le_bytes(last));
        self.fold(bytes.len() as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        self.fold(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.fold(word);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn texts_that_differ_little_hash_apart() {
        let hash = |text: String| {
            let mut hasher = QuickHasher::default();
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        let hashes: BTreeSet<u64> = (0..200_000)
            .map(|n| hash(format!("GET /v1/users/{n} HTTP/1.1\" 200 512 and the rest")))
            .collect();
        assert_eq!(hashes.len(), 200_000);
        assert_ne!(hash("a\0".into()), hash("a".into()));
    }
}
