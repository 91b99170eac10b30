//! Digests over a whole package but its signing block, as the schemes from v2 on define them.

use super::block::Block;
use super::key::Hash;
use crate::container::Container;
use aws_lc_rs::digest::{Context, SHA256};

/// Bytes of a chunk, and of a page of the tree that the file system can check.
const CHUNK: usize = 1 << 20;
const PAGE: usize = 4096;

/// How the bytes are digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    Chunks(Hash),
    /// A tree of SHA-256 over pages.
    Tree,
}

/// What the schemes sign: members, central directory, and the end record as if the block were not there.
pub(super) struct Content<'b> {
    members: &'b [u8],
    central: &'b [u8],
    end: Vec<u8>,
}

impl<'b> Content<'b> {
    pub(super) fn of(container: &Container<'b>, block: &Block<'_>) -> Self {
        let bytes = container.bytes();
        let mut end = bytes.get(container.end_at()..).unwrap_or_default().to_vec();
        if let Some(begin) = end.get_mut(16..20) {
            begin.copy_from_slice(&u32::try_from(block.begin).unwrap_or(u32::MAX).to_le_bytes());
        }
        Self {
            members: bytes.get(..block.begin).unwrap_or_default(),
            // What stands between directory and end record is signed too.
            central: bytes
                .get(container.central().start..container.end_at())
                .unwrap_or_default(),
            end,
        }
    }

    fn sections(&self) -> [&[u8]; 3] {
        [self.members, self.central, &self.end]
    }

    pub(super) fn digest(&self, method: Method) -> Vec<u8> {
        match method {
            Method::Chunks(hash) => self.chunks(hash),
            Method::Tree => self.tree(),
        }
    }

    fn chunks(&self, hash: Hash) -> Vec<u8> {
        let chunks = || {
            self.sections()
                .into_iter()
                .flat_map(|section| section.chunks(CHUNK))
        };
        let Some(algorithm) = hash.algorithm() else {
            return Vec::new();
        };
        let mut top = Context::new(algorithm);
        top.update(&[0x5a]);
        top.update(&u32::try_from(chunks().count()).unwrap_or(u32::MAX).to_le_bytes());
        for chunk in chunks() {
            let mut one = Context::new(algorithm);
            one.update(&[0xa5]);
            one.update(&(chunk.len() as u32).to_le_bytes());
            one.update(chunk);
            top.update(one.finish().as_ref());
        }
        top.finish().as_ref().to_vec()
    }

    /// The root of the tree, and the number of bytes below it.
    fn tree(&self) -> Vec<u8> {
        let mut level = Vec::new();
        let mut page = Vec::with_capacity(PAGE);
        let mut n_bytes = 0u64;
        for section in self.sections() {
            n_bytes += section.len() as u64;
            let mut rest = section;
            while !rest.is_empty() {
                let (head, tail) = rest.split_at(rest.len().min(PAGE - page.len()));
                page.extend_from_slice(head);
                rest = tail;
                if page.len() == PAGE {
                    level.extend_from_slice(&salted(&page));
                    page.clear();
                }
            }
        }
        if !page.is_empty() {
            page.resize(PAGE, 0);
            level.extend_from_slice(&salted(&page));
        }
        while level.len() > PAGE {
            level = above(&level);
        }
        level.resize(PAGE, 0);
        let mut root = salted(&level);
        root.extend_from_slice(&n_bytes.to_le_bytes());
        root
    }
}

fn above(level: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(level.len() / 128 + PAGE);
    for part in level.chunks(PAGE) {
        let mut page = part.to_vec();
        page.resize(PAGE, 0);
        out.extend_from_slice(&salted(&page));
    }
    out
}

/// SHA-256 behind the salt that packages have: eight zeros.
fn salted(page: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(&[0; 8]);
    context.update(page);
    context.finish().as_ref().to_vec()
}
