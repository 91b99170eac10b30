//! A record that stands in two files is one event: which events were seen, in little memory.

use ambit_event::EventId;
use std::hash::BuildHasher;
use std::hash::RandomState;

/// Parts of the table; each grows by itself, so that no growth needs the memory of the whole twice.
const PARTS: usize = 4096;
/// What is new waits in a part until there is so much of it, or a sixteenth of the part.
const FEW: usize = 32;

/// The events seen so far, in nine bytes each.
///
/// Kept is a number of 64 bits for each, of its id under a key that is drawn anew for each run: nobody can write a
/// record that is taken for another one. By chance one of n events is with a probability of n² / 2⁶⁵: of ten million
/// events, once in 370,000 runs.
#[derive(Debug)]
pub struct Once {
    key: RandomState,
    parts: Vec<Part>,
    n: u64,
}

#[derive(Debug, Clone, Default)]
struct Part {
    sorted: Vec<u64>,
    /// Sorted, too.
    new: Vec<u64>,
}

impl Once {
    #[must_use]
    pub fn new() -> Self {
        Self {
            key: RandomState::new(),
            parts: vec![Part::default(); PARTS],
            n: 0,
        }
    }

    /// Whether the event was not seen before; from now on it was.
    pub fn is_new(&mut self, id: EventId) -> bool {
        let number = self.key.hash_one(id.0);
        let at = (number >> (u64::BITS - PARTS.trailing_zeros())) as usize;
        let is_new = self.parts.get_mut(at).is_some_and(|part| part.add(number));
        self.n += u64::from(is_new);
        is_new
    }

    /// Different events so far.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.n
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl Part {
    fn add(&mut self, number: u64) -> bool {
        if self.sorted.binary_search(&number).is_ok() {
            return false;
        }
        let Err(at) = self.new.binary_search(&number) else {
            return false;
        };
        self.new.insert(at, number);
        if self.new.len() >= FEW.max(self.sorted.len() / 16) {
            self.merge();
        }
        true
    }

    /// From behind, in place: what is there moves up once.
    fn merge(&mut self) {
        let mut old = self.sorted.len();
        self.sorted.reserve_exact(self.new.len());
        self.sorted.resize(old + self.new.len(), 0);
        let mut to = self.sorted.len();
        while let Some(number) = self.new.pop() {
            while old > 0 && self.sorted[old - 1] > number {
                (old, to) = (old - 1, to - 1);
                self.sorted[to] = self.sorted[old];
            }
            to -= 1;
            self.sorted[to] = number;
        }
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        (self.sorted.capacity() + self.new.capacity()) * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn id(n: u64) -> EventId {
        EventId::native("once", "", &n.to_string())
    }

    #[test]
    fn each_is_new_once() {
        let (mut once, mut known, mut dice) = (Once::new(), BTreeSet::new(), 7_u64);
        for _ in 0..60_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let n = (dice >> 40) % 40_000;
            assert_eq!(once.is_new(id(n)), known.insert(n), "{n}");
        }
        assert_eq!(once.n(), known.len() as u64);
        assert!(once.n() > 25_000, "{}", once.n());
    }

    #[test]
    fn an_event_takes_about_nine_bytes() {
        let mut once = Once::new();
        for n in 0..400_000 {
            assert!(once.is_new(id(n)));
        }
        let bytes: usize = once.parts.iter().map(Part::bytes).sum();
        assert!(bytes < 4_400_000, "{bytes}");
    }

    #[test]
    fn numbers_stay_sorted_whatever_their_order() {
        let mut part = Part::default();
        for n in (0..500).rev().chain(500..1000) {
            assert!(part.add(n * 3));
            assert!(!part.add(n * 3));
        }
        part.merge();
        assert!(part.sorted.is_sorted() && part.sorted.len() == 1000);
        assert!(!part.add(0) && part.add(1) && !part.add(2997));
    }
}
