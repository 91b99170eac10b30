//! Packages made for the tests: a zip of stored members, and signatures of schemes v2, v3 and v3.1 over it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

const ECDSA_SHA256: u32 = 0x0201;
pub const V2: u32 = 0x7109_871a;
pub const V3: u32 = 0xf053_68c0;
pub const V31: u32 = 0x1b93_ad61;

/// A zip of stored members.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let at = out.len() as u32;
        let mut common = Vec::new();
        for half in [0u16, 0, 0, 0x21] {
            common.extend_from_slice(&half.to_le_bytes());
        }
        for word in [crc.sum(), bytes.len() as u32, bytes.len() as u32] {
            common.extend_from_slice(&word.to_le_bytes());
        }
        common.extend_from_slice(&(name.len() as u16).to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        out.extend_from_slice(b"PK\x03\x04\x14\x00");
        out.extend_from_slice(&common);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(bytes);
        central.extend_from_slice(b"PK\x01\x02\x14\x00\x14\x00");
        central.extend_from_slice(&common);
        central.extend_from_slice(&[0; 10]);
        central.extend_from_slice(&at.to_le_bytes());
        central.extend_from_slice(name.as_bytes());
    }
    let begin = out.len() as u32;
    out.extend_from_slice(&central);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    for half in [members.len() as u16; 2] {
        out.extend_from_slice(&half.to_le_bytes());
    }
    out.extend_from_slice(&(central.len() as u32).to_le_bytes());
    out.extend_from_slice(&begin.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

/// A key, with a certificate that nobody else vouches for.
pub struct Key {
    pair: EcdsaKeyPair,
    pub certificate: Vec<u8>,
    info: Vec<u8>,
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let mut out = vec![tag];
    match n {
        0..=127 => out.push(n as u8),
        128..=255 => out.extend([0x81, n as u8]),
        _ => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend_from_slice(content);
    out
}

impl Key {
    pub fn new(name: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).expect("a key");
        let mut point = vec![0];
        point.extend_from_slice(pair.public_key().as_ref());
        let curve: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
        let p256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        let info = der(
            0x30,
            &[der(0x30, &[curve, p256].concat()), der(0x03, &point)].concat(),
        );
        let algorithm = der(
            0x30,
            &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
        );
        let common = der(
            0x30,
            &[der(0x06, &[0x55, 4, 3]), der(0x0c, name.as_bytes())].concat(),
        );
        let subject = der(0x30, &der(0x31, &common));
        let validity = der(
            0x30,
            &[der(0x17, b"200101000000Z"), der(0x17, b"490101000000Z")].concat(),
        );
        let body = [
            der(0x02, &[1]),
            algorithm.clone(),
            subject.clone(),
            validity,
            subject,
            info.clone(),
        ]
        .concat();
        let certificate = der(
            0x30,
            &[der(0x30, &body), algorithm, der(0x03, &[0, 1, 2, 3])].concat(),
        );
        Self {
            pair,
            certificate,
            info,
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair
            .sign(&SystemRandom::new(), message)
            .expect("a signature")
            .as_ref()
            .to_vec()
    }

    pub fn print(&self) -> String {
        hex::encode(digest(&SHA256, &self.certificate))
    }
}

fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes(), bytes].concat()
}

/// A sequence of parts, each with its length before it, and its own.
fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    prefixed(&parts.iter().flat_map(|part| prefixed(part)).collect::<Vec<_>>())
}

/// How a signer of v3 is told.
#[derive(Clone, Default)]
pub struct How {
    pub sdk: Option<(u32, u32)>,
    pub attributes: Vec<(u32, Vec<u8>)>,
}

/// One scheme's block by one signer.
pub fn block(key: &Key, package: &[u8], how: &How) -> Vec<u8> {
    let stated = [
        ECDSA_SHA256.to_le_bytes().to_vec(),
        prefixed(&content_digest(package)),
    ]
    .concat();
    let sdk: Vec<u8> = how
        .sdk
        .map(|(min, max)| [min.to_le_bytes(), max.to_le_bytes()].concat())
        .unwrap_or_default();
    let attributes: Vec<Vec<u8>> = how
        .attributes
        .iter()
        .map(|(id, value)| [&id.to_le_bytes(), value.as_slice()].concat())
        .collect();
    let signed = [
        sequence(&[stated]),
        sequence(std::slice::from_ref(&key.certificate)),
        sdk.clone(),
        sequence(&attributes),
    ]
    .concat();
    let signature = [ECDSA_SHA256.to_le_bytes().to_vec(), prefixed(&key.sign(&signed))].concat();
    let signer = [
        prefixed(&signed),
        sdk,
        sequence(&[signature]),
        prefixed(&key.info),
    ]
    .concat();
    sequence(&[signer])
}

/// The proof that each key was succeeded by the next.
pub fn lineage(keys: &[&Key]) -> Vec<u8> {
    let mut out = 1u32.to_le_bytes().to_vec();
    for (n, key) in keys.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| keys[n]);
        let by = if before.is_some() { ECDSA_SHA256 } else { 0 };
        let signed = [prefixed(&key.certificate), by.to_le_bytes().to_vec()].concat();
        let signature = before.map(|key| key.sign(&signed)).unwrap_or_default();
        let next = if n + 1 < keys.len() { ECDSA_SHA256 } else { 0 };
        let node = [
            prefixed(&signed),
            23u32.to_le_bytes().to_vec(),
            next.to_le_bytes().to_vec(),
            prefixed(&signature),
        ]
        .concat();
        out.extend(prefixed(&node));
    }
    out
}

/// Puts blocks before the central directory.
pub fn with_blocks(package: &[u8], blocks: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let pairs: Vec<u8> = blocks
        .iter()
        .flat_map(|(id, value)| {
            let size = (value.len() as u64 + 4).to_le_bytes();
            [size.as_slice(), &id.to_le_bytes(), value].concat()
        })
        .collect();
    let size = (pairs.len() as u64 + 24).to_le_bytes();
    let central = central(package);
    let mut out = package[..central].to_vec();
    out.extend_from_slice(&size);
    out.extend_from_slice(&pairs);
    out.extend_from_slice(&size);
    out.extend_from_slice(b"APK Sig Block 42");
    let begin = out.len() as u32;
    out.extend_from_slice(&package[central..]);
    let end = out.len() - 22;
    out[end + 16..end + 20].copy_from_slice(&begin.to_le_bytes());
    out
}

/// Signs with schemes v2 and v3, as today's tools do.
pub fn signed(package: &[u8], key: &Key) -> Vec<u8> {
    let v3 = How {
        sdk: Some((28, i32::MAX as u32)),
        ..How::default()
    };
    with_blocks(
        package,
        &[
            (V2, block(key, package, &How::default())),
            (V3, block(key, package, &v3)),
        ],
    )
}

fn central(package: &[u8]) -> usize {
    let end = package.len() - 22;
    u32::from_le_bytes(package[end + 16..end + 20].try_into().expect("four bytes")) as usize
}

fn content_digest(package: &[u8]) -> Vec<u8> {
    let (central, end) = (central(package), package.len() - 22);
    let chunks: Vec<&[u8]> = [&package[..central], &package[central..end], &package[end..]]
        .into_iter()
        .flat_map(|section| section.chunks(1 << 20))
        .collect();
    let mut top = vec![0x5a];
    top.extend_from_slice(&(chunks.len() as u32).to_le_bytes());
    for chunk in chunks {
        let one = [&[0xa5], (chunk.len() as u32).to_le_bytes().as_slice(), chunk].concat();
        top.extend_from_slice(digest(&SHA256, &one).as_ref());
    }
    digest(&SHA256, &top).as_ref().to_vec()
}
