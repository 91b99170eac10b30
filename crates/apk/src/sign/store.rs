//! What a store leaves in a package: the source stamp and its own block. Both are read, and not verified.

use super::block::Block;
use crate::container::Container;
use crate::limits::Budget;
use serde::Serialize;

/// Blocks beside the signatures.
const STAMP_V1: u32 = 0x2b09_189e;
const STAMP_V2: u32 = 0x6dff_800d;
const FROSTING: u32 = 0x2146_444e;
const DEPENDENCIES: u32 = 0x504b_4453;
/// The member that names the stamp's certificate by its SHA-256.
const STAMP: &str = "stamp-cert-sha256";

/// Traces of a store. Everything in it is unverified: whoever makes a package can put it there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StoreTraces {
    /// SHA-256 of the certificate that the source stamp names.
    pub stamp_certificate: Option<String>,
    pub has_stamp_block: bool,
    /// Google Play's own block over what it delivered.
    pub has_frosting: bool,
    /// The list of libraries that Android's build tools encrypt for Google Play.
    pub has_dependencies: bool,
}

impl StoreTraces {
    pub(super) fn of(container: &Container<'_>, block: Option<&Block<'_>>, budget: &Budget) -> Self {
        let has = |id: u32| block.is_some_and(|block| block.ids().any(|known| known == id));
        let named = container.entry(STAMP).filter(|entry| entry.size == 32);
        let stamp = named.and_then(|entry| container.read(entry, budget).ok());
        Self {
            stamp_certificate: stamp.map(hex::encode),
            has_stamp_block: has(STAMP_V1) || has(STAMP_V2),
            has_frosting: has(FROSTING),
            has_dependencies: has(DEPENDENCIES),
        }
    }

    pub(crate) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        match (&self.stamp_certificate, self.has_stamp_block) {
            (Some(print), true) => told.push(format!(
                "a source stamp by certificate {print}: unverified, its signature was not checked"
            )),
            (Some(print), false) => told.push(format!(
                "the name of a source stamp's certificate {print}, and no stamp: it was taken away, or never was there"
            )),
            (None, true) => told.push("a source stamp that names no certificate: unverified".into()),
            (None, false) => {}
        }
        if self.has_frosting {
            told.push(
                "a block of Google Play over what it delivered: unverified, only Play can check it".into(),
            );
        }
        if self.has_dependencies {
            told.push("a list of libraries for Google Play, which only Play can read".into());
        }
        told
    }
}
