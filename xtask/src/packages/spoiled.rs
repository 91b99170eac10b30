//! Packages whose signer's file of scheme v1 is not as it was written.

use ambit_apk::{Budget, Container, Entry, Limits};

/// A v1 signer's file that is to stand in a package instead of the true one.
pub(super) struct Spoiled {
    pub(super) what: String,
    pub(super) member: String,
    pub(super) bytes: Vec<u8>,
}

/// The signer's file of a package with a bit changed, in places that are spread over it: no signature covers most of
/// its bytes, so that the verdict hangs on how strictly they are read.
pub(super) fn spoiled(whole: &[u8]) -> Vec<Spoiled> {
    const PLACES: usize = 4;
    let limits = Limits::default();
    let Ok(container) = Container::parse(whole, &limits) else {
        return Vec::new();
    };
    let is_signer = |entry: &&Entry| {
        [".RSA", ".DSA", ".EC"]
            .iter()
            .any(|end| entry.name.ends_with(end))
    };
    let Some(entry) = container.entries().iter().find(is_signer).cloned() else {
        return Vec::new();
    };
    let budget = Budget::of(&limits);
    let Ok(plain) = container.read(&entry, &budget) else {
        return Vec::new();
    };
    (0..PLACES)
        .map(|n| {
            let at = (2 * n + 1) * plain.len() / (2 * PLACES);
            let mut changed = plain.to_vec();
            // Another bit in each place.
            changed[at] ^= 1 << (n * 3 % 8);
            Spoiled {
                what: format!("bit {} of byte {at} of the signer's file changed", n * 3 % 8),
                member: entry.name.clone(),
                bytes: changed,
            }
        })
        .collect()
}
