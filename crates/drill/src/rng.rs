//! The one source of chance: SplitMix64, seeded by the plan.

/// A small generator whose numbers depend on its seed alone, on every machine.
#[derive(Debug, Clone, Copy)]
pub struct Rng(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number that depends on all the words and on their order: facts that need not be stored.
pub fn mix(words: &[u64]) -> u64 {
    words.iter().fold(GOLDEN, |sum, word| {
        finish(sum.wrapping_add(GOLDEN) ^ finish(word.wrapping_add(GOLDEN)))
    })
}

impl Rng {
    /// The generator of one actor: what another one draws changes nothing here.
    pub fn of(seed: u64, actor: u64) -> Self {
        Self(mix(&[seed, actor]))
    }

    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        finish(self.0)
    }

    pub const fn wide(&mut self) -> u128 {
        ((self.next() as u128) << 64) | self.next() as u128
    }

    /// Below `n`; 0 where `n` is 0.
    pub const fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.next() % n }
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    pub const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut a, mut b, mut c) = (Rng::of(7, 1), Rng::of(7, 1), Rng::of(7, 2));
        let first: Vec<u64> = (0..8).map(|_| a.next()).collect();
        assert_eq!(first, (0..8).map(|_| b.next()).collect::<Vec<_>>());
        assert_ne!(first, (0..8).map(|_| c.next()).collect::<Vec<_>>());
        assert_ne!(mix(&[1, 2]), mix(&[2, 1]));
        assert!((0..99).all(|_| (3..=5).contains(&a.between(3, 5))));
    }
}
