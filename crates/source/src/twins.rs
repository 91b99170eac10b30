//! Records that stand in several files of which nobody named the host: each counts once, and that is said.
//!
//! A record without a name of its own is known by its source, its host and its bytes. Where no host is known
//! the same bytes in two files may be a copy, or two hosts that wrote the same: only a person can tell.

use crate::quick::Quick;
use ambit_event::EventId;
use std::collections::{BTreeMap, HashMap};

/// Identities that are kept at most; beyond, every second one is let go, and counts become estimates.
const KEPT: usize = 1 << 18;

/// The identities that were given out for files without a host, or a share of them, each with the number of
/// the family of files in which it stood first.
#[derive(Debug, Default)]
pub struct Twins {
    first: HashMap<u64, usize, Quick>,
    /// Only identities that end in so many zero bits are kept.
    zeros: u32,
    names: BTreeMap<usize, String>,
}

/// For one file: how many of its records stood first in each other family.
pub type Met = BTreeMap<usize, u64>;

impl Twins {
    /// A family of files by one of its members.
    pub fn name(&mut self, family: usize, path: &str) {
        self.names.entry(family).or_insert_with(|| path.to_owned());
    }

    pub fn meet(&mut self, id: EventId, family: usize, met: &mut Met) {
        let [a, b, c, d, e, f, g, h, ..] = id.0;
        let key = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        if key.trailing_zeros() < self.zeros {
            return;
        }
        let first = *self.first.entry(key).or_insert(family);
        if first != family {
            *met.entry(first).or_default() += 1 << self.zeros;
        }
        while self.first.len() > KEPT {
            self.zeros += 1;
            let zeros = self.zeros;
            self.first.retain(|key, _| key.trailing_zeros() >= zeros);
        }
    }

    /// What a person should know of a file.
    pub fn notes(&self, met: &Met) -> Vec<String> {
        let about = if self.zeros > 0 { "about " } else { "" };
        let note = |(family, n): (&usize, &u64)| {
            let other = self.names.get(family).map_or("", String::as_str);
            format!(
                "{about}{n} of its records stand word for word in {other} too and count once, as no host is named; if two hosts wrote them, read each with its --host"
            )
        };
        met.iter().map(note).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_records_have_in_common_is_estimated_in_bounded_memory() {
        let (mut twins, mut met) = (Twins::default(), Met::new());
        for (family, ids) in [(0, 0..600_000u64), (1, 300_000..900_000)] {
            twins.name(family, ["a", "b"][family]);
            ids.for_each(|n| twins.meet(EventId::native("f", "", &n.to_string()), family, &mut met));
        }
        assert!((290_000..310_000).contains(&met[&0]), "{met:?}");
        assert!(twins.first.len() <= KEPT && twins.notes(&met)[0].starts_with("about "));
    }
}
