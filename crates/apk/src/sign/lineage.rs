//! The proof that a signer was succeeded by another: each link is signed by the key before it.

use super::certificate::{Certificate, Parts};
use super::key::{Holds, Key};
use super::schemes::algorithm;
use crate::cursor::Cursor;
use crate::error::Result;

/// Links of a lineage at most.
const LINKS: usize = 100;

/// One signer of a lineage.
#[derive(Debug)]
pub(super) struct Node<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) shown: Certificate,
}

/// The signers, oldest first, and what is wrong with the links between them.
pub(super) fn verify(bytes: &[u8]) -> (Vec<Node<'_>>, Vec<String>) {
    let (mut nodes, mut errors) = (Vec::new(), Vec::new());
    if let Err(error) = walk(bytes, &mut nodes, &mut errors) {
        errors.push(format!("lineage: {error}"));
    }
    (nodes, errors)
}

fn walk<'b>(bytes: &'b [u8], nodes: &mut Vec<Node<'b>>, errors: &mut Vec<String>) -> Result<()> {
    let mut cursor = Cursor::new(bytes, "lineage");
    let version = cursor.u32()?;
    if version != 1 {
        return Err(cursor.bad(format!("version {version}")));
    }
    let mut last: Option<(Vec<u8>, u32)> = None;
    while !cursor.is_empty() {
        let mut level = cursor.prefixed()?;
        let mut signed = level.prefixed()?;
        let (_flags, algorithm_id) = (level.u32()?, level.u32()?);
        let signature = level.prefixed()?.whole();
        let message = signed.whole();
        let certificate = signed.prefixed()?.whole();
        let signed_by = signed.u32()?;
        let parts = Parts::parse(certificate)?;
        if let Some((key_info, id)) = &last {
            if *id != signed_by {
                errors.push("lineage: the algorithm of a link is not the one that was signed".into());
            }
            link(key_info, *id, message, signature, errors)?;
        }
        if nodes.iter().any(|node| node.bytes == parts.whole) {
            errors.push("lineage: a signer stands in it twice".into());
        }
        nodes.push(Node {
            bytes: parts.whole,
            shown: parts.shown(),
        });
        last = Some((parts.key_info.into_owned(), algorithm_id));
        if nodes.len() > LINKS {
            return Err(cursor.bad("more links than anybody has"));
        }
    }
    Ok(())
}

fn link(key_info: &[u8], id: u32, message: &[u8], signature: &[u8], errors: &mut Vec<String>) -> Result<()> {
    let Some(algorithm) = algorithm(id) else {
        errors.push(format!("lineage: algorithm {id:#06x} is not known"));
        return Ok(());
    };
    match Key::parse(key_info)?.signed(algorithm.hash, algorithm.padding, message, signature) {
        Holds::Yes => {}
        Holds::No => errors.push("lineage: a link is not signed by the signer before it".into()),
        Holds::Unknown(why) => errors.push(format!("lineage: a link could not be verified: {why}")),
    }
    Ok(())
}
