//! Packages whose signer's file of scheme v1 is not as it was written.

use ambit_apk::{Budget, Container, Entry, Limits};

/// The package with a bit of a v1 signer's file changed, in places that are spread over it: no signature covers most
/// of its bytes, so that the verdict hangs on how strictly they are read.
pub(super) fn spoiled(whole: &[u8]) -> Vec<(String, Vec<u8>)> {
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
            let repacked = repacked(&container, &entry.name, &changed, &budget);
            (
                format!("bit {} of byte {at} of the signer's file changed", n * 3 % 8),
                repacked,
            )
        })
        .collect()
}

/// The members of a package as they are, stored, and one of them as given.
fn repacked(container: &Container<'_>, name: &str, bytes: &[u8], budget: &Budget) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in container.entries() {
        let read = container.read(entry, budget).unwrap_or_default();
        let content = if entry.name == name { bytes } else { &read };
        let size = (content.len() as u32).to_le_bytes();
        // Nobody here asks for the checksum.
        let common = [
            &[0; 12],
            size.as_slice(),
            &size,
            &(entry.name.len() as u32).to_le_bytes(),
        ]
        .concat();
        let at = (out.len() as u32).to_le_bytes();
        out.extend(
            [
                b"PK\x03\x04\x14\x00".as_slice(),
                &common,
                entry.name.as_bytes(),
                content,
            ]
            .concat(),
        );
        directory.extend(
            [
                b"PK\x01\x02\x14\x00\x14\x00".as_slice(),
                &common,
                &[0; 10],
                &at,
                entry.name.as_bytes(),
            ]
            .concat(),
        );
    }
    let n_members = (container.entries().len() as u16).to_le_bytes();
    let (n_bytes, at) = (
        (directory.len() as u32).to_le_bytes(),
        (out.len() as u32).to_le_bytes(),
    );
    out.extend(directory);
    out.extend(
        [
            b"PK\x05\x06\0\0\0\0".as_slice(),
            &n_members,
            &n_members,
            &n_bytes,
            &at,
            &[0, 0],
        ]
        .concat(),
    );
    out
}
