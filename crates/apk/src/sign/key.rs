//! Public keys and what they signed. The arithmetic is a maintained library's, but for DSA, which no maintained one
//! that is used here verifies any more.

use super::der::{self, Reader};
use crate::error::{Error, Result};
use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature as aws;
use md5::Digest;
use num_bigint::BigUint;
use std::fmt;

const DSA: &str = "1.2.840.10040.4.1";

/// How a key's owner signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    Pkcs1,
    Pss,
}

/// The digest that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    /// In the JAR signatures of old packages alone.
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// For digests over parts; `None` where no scheme has such.
    pub(super) fn algorithm(self) -> Option<&'static Algorithm> {
        Some(match self {
            Self::Md5 => return None,
            Self::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &SHA256,
            Self::Sha384 => &SHA384,
            Self::Sha512 => &SHA512,
        })
    }

    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        self.algorithm().map_or_else(
            || md5::Md5::digest(bytes).to_vec(),
            |algorithm| digest(algorithm, bytes).as_ref().to_vec(),
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// A public key, out of its `SubjectPublicKeyInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key<'b> {
    Rsa {
        der: &'b [u8],
        bits: usize,
    },
    Ec {
        curve: Curve,
        point: &'b [u8],
    },
    Dsa {
        parameters: [&'b [u8]; 3],
        value: &'b [u8],
    },
    Other(String),
}

/// Whether a signature holds, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
    /// The algorithm or the key is one that is not verified here.
    Unknown(String),
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits, .. } => write!(f, "RSA {bits}"),
            Self::Ec { curve, .. } => write!(f, "EC {curve:?}"),
            Self::Dsa { parameters, .. } => write!(f, "DSA {}", bits(parameters[0])),
            Self::Other(oid) => write!(f, "{oid}"),
        }
    }
}

impl<'b> Key<'b> {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(super) fn parse(info: &'b [u8]) -> Result<Self> {
        let mut outer = Reader::new(info).open(der::SEQUENCE)?;
        let mut algorithm = outer.open(der::SEQUENCE)?;
        let oid = der::dotted(algorithm.expect(der::OBJECT)?.content);
        let value = outer.expect(der::BITS)?;
        let value = if oid == DSA {
            value.loose_bits()?
        } else {
            value.bits()?
        };
        match oid.as_str() {
            "1.2.840.113549.1.1.1" => {
                let modulus = Reader::new(value).open(der::SEQUENCE)?.expect(der::INTEGER)?;
                Ok(Self::Rsa {
                    der: value,
                    bits: bits(modulus.content),
                })
            }
            "1.2.840.10045.2.1" => {
                let curve = algorithm
                    .maybe(der::OBJECT)?
                    .map(|curve| der::dotted(curve.content))
                    .unwrap_or_default();
                let curve = match curve.as_str() {
                    "1.2.840.10045.3.1.7" => Curve::P256,
                    "1.3.132.0.34" => Curve::P384,
                    "1.3.132.0.35" => Curve::P521,
                    _ => return Ok(Self::Other(format!("EC on curve {curve}"))),
                };
                Ok(Self::Ec { curve, point: value })
            }
            DSA => {
                let mut numbers = algorithm.open(der::SEQUENCE)?;
                let mut number = || numbers.expect(der::INTEGER).map(|n| n.content);
                Ok(Self::Dsa {
                    parameters: [number()?, number()?, number()?],
                    value: Reader::new(value).expect(der::INTEGER)?.content,
                })
            }
            _ => Ok(Self::Other(format!("algorithm {oid}"))),
        }
    }

    /// Bits of the key where its kind's strength is counted so.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        match self {
            Self::Rsa { bits, .. } => Some(*bits),
            _ => None,
        }
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn signed(&self, hash: Hash, padding: Padding, message: &[u8], signature: &[u8]) -> Holds {
        match self {
            Self::Rsa { der, .. } if hash == Hash::Md5 => rsa_md5(der, message, signature),
            Self::Ec { .. } if hash == Hash::Md5 => Holds::Unknown("EC with Md5".into()),
            Self::Rsa { der, bits } => match rsa(hash, padding, *bits) {
                Some(algorithm) => asked(algorithm, der, message, signature),
                None => Holds::Unknown(format!("RSA of {bits} bits with {hash:?} and {padding:?}")),
            },
            Self::Ec { curve, point } => asked(ecdsa(*curve, hash), point, message, signature),
            Self::Dsa { parameters, value } => dsa(parameters, value, &hash.of(message), signature),
            Self::Other(what) => Holds::Unknown(what.clone()),
        }
    }
}

fn asked(
    algorithm: &'static dyn aws::VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Holds {
    match aws::UnparsedPublicKey::new(algorithm, key).verify(message, signature) {
        Ok(()) => Holds::Yes,
        Err(_) => Holds::No,
    }
}

/// The bits of a positive number in DER.
fn bits(number: &[u8]) -> usize {
    let significant = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let top = number
        .get(significant)
        .map_or(0, |byte| byte.leading_zeros() as usize);
    ((number.len() - significant) * 8).saturating_sub(top)
}

fn rsa(hash: Hash, padding: Padding, bits: usize) -> Option<&'static dyn aws::VerificationAlgorithm> {
    if !(1024..=8192).contains(&bits) {
        return None;
    }
    Some(match (padding, hash) {
        (Padding::Pkcs1, Hash::Sha1) => &aws::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (Padding::Pkcs1, Hash::Sha256) => &aws::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (Padding::Pkcs1, Hash::Sha512) => &aws::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (Padding::Pkcs1, Hash::Sha384) if bits >= 2048 => &aws::RSA_PKCS1_2048_8192_SHA384,
        (Padding::Pss, Hash::Sha256) if bits >= 2048 => &aws::RSA_PSS_2048_8192_SHA256,
        (Padding::Pss, Hash::Sha384) if bits >= 2048 => &aws::RSA_PSS_2048_8192_SHA384,
        (Padding::Pss, Hash::Sha512) if bits >= 2048 => &aws::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// RFC 8017, 8.2.2, with MD5, which the library does not verify any more and devices do.
fn rsa_md5(key: &[u8], message: &[u8], signature: &[u8]) -> Holds {
    /// What says that a digest of MD5 follows.
    const INFO: &[u8] = &[
        0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00, 0x04,
        0x10,
    ];
    let numbers = || -> Result<[&[u8]; 2]> {
        let mut numbers = Reader::new(key).open(der::SEQUENCE)?;
        let mut number = || numbers.expect(der::INTEGER).map(|n| n.content);
        Ok([number()?, number()?])
    };
    let Ok([modulus, exponent]) = numbers() else {
        return Holds::No;
    };
    let (n_bits, n_bytes) = (bits(modulus), bits(modulus).div_ceil(8));
    if !(1024..=8192).contains(&n_bits) || bits(exponent) > 64 {
        return Holds::Unknown(format!("RSA of {n_bits} bits with Md5"));
    }
    let [modulus, exponent, number] = [modulus, exponent, signature].map(BigUint::from_bytes_be);
    if signature.len() != n_bytes || number >= modulus {
        return Holds::No;
    }
    let tail = [&[0], INFO, Hash::Md5.of(message).as_slice()].concat();
    let mut padded = vec![0xff; n_bytes - tail.len()];
    padded[..2].copy_from_slice(&[0, 1]);
    padded.extend(tail);
    if number.modpow(&exponent, &modulus) == BigUint::from_bytes_be(&padded) {
        Holds::Yes
    } else {
        Holds::No
    }
}

/// Where the digest is not one of these, `signed` does not ask.
fn ecdsa(curve: Curve, hash: Hash) -> &'static dyn aws::VerificationAlgorithm {
    match (curve, hash) {
        (Curve::P256, Hash::Sha1 | Hash::Md5) => &aws::ECDSA_P256_SHA1_ASN1,
        (Curve::P256, Hash::Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
        (Curve::P384, Hash::Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, _) => &aws::ECDSA_P384_SHA256_ASN1,
        (Curve::P521, Hash::Sha1 | Hash::Md5) => &aws::ECDSA_P521_SHA1_ASN1,
        (Curve::P521, Hash::Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
    }
}

/// Bits of a DSA modulus beyond which nothing is computed: a hostile key must not cost minutes.
const DSA_BITS: usize = 4096;

/// FIPS 186-4, 4.7. Only public numbers take part, so that time tells nothing.
fn dsa(parameters: &[&[u8]; 3], value: &[u8], digest: &[u8], signature: &[u8]) -> Holds {
    if parameters.iter().any(|n| bits(n) > DSA_BITS) || bits(value) > DSA_BITS {
        return Holds::Unknown("a DSA key of more than 4096 bits".into());
    }
    let [p, q, g] = parameters.map(BigUint::from_bytes_be);
    let pair = || -> Result<(BigUint, BigUint)> {
        let mut numbers = Reader::new(signature).open(der::SEQUENCE)?;
        let mut number = || {
            numbers
                .expect(der::INTEGER)
                .map(|n| BigUint::from_bytes_be(n.content))
        };
        Ok((number()?, number()?))
    };
    let Ok((r, s)) = pair() else { return Holds::No };
    let (zero, one) = (BigUint::ZERO, BigUint::from(1u8));
    if q <= one || p <= one || r == zero || s == zero || r >= q || s >= q {
        return Holds::No;
    }
    let n_bytes = digest
        .len()
        .min(usize::try_from(q.bits() / 8).unwrap_or(usize::MAX));
    let z = BigUint::from_bytes_be(&digest[..n_bytes]);
    // The order is prime, so that this is the inverse.
    let w = s.modpow(&(&q - BigUint::from(2u8)), &q);
    let (u1, u2) = (z * &w % &q, &r * &w % &q);
    let y = BigUint::from_bytes_be(value);
    let v = g.modpow(&u1, &p) * y.modpow(&u2, &p) % &p % &q;
    if v == r { Holds::Yes } else { Holds::No }
}

/// A signature algorithm of a JAR signature or a certificate, by its identifier and that of the digest.
pub(super) fn by_oid(signature: &str, hash: &str) -> Result<(Hash, Padding)> {
    let hash = match signature {
        "1.2.840.113549.1.1.4" => Hash::Md5,
        "1.2.840.113549.1.1.5" | "1.2.840.10040.4.3" | "1.2.840.10045.4.1" => Hash::Sha1,
        "1.2.840.113549.1.1.11" | "2.16.840.1.101.3.4.3.2" | "1.2.840.10045.4.3.2" => Hash::Sha256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Hash::Sha384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Hash::Sha512,
        "1.2.840.113549.1.1.1" | "1.2.840.10040.4.1" | "1.2.840.10045.2.1" => hash_by_oid(hash)?,
        other => {
            return Err(Error::bad(
                "signature",
                0,
                format!("algorithm {other} is not known"),
            ));
        }
    };
    Ok((hash, Padding::Pkcs1))
}

pub(super) fn hash_by_oid(oid: &str) -> Result<Hash> {
    match oid {
        "1.2.840.113549.2.5" => Ok(Hash::Md5),
        "1.3.14.3.2.26" => Ok(Hash::Sha1),
        "2.16.840.1.101.3.4.2.1" => Ok(Hash::Sha256),
        "2.16.840.1.101.3.4.2.2" => Ok(Hash::Sha384),
        "2.16.840.1.101.3.4.2.3" => Ok(Hash::Sha512),
        other => Err(Error::bad("signature", 0, format!("digest {other} is not known"))),
    }
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::{Hash, Holds, rsa_md5};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    /// Made for this test with a key of its own.
    const KEY: &str = "MIGJAoGBAK7f53LhpUn3MV8D7GRGLBeQATrewUP1JpE1u8o1yVKO4WNC2IGl+aT8QyLd8LEhTjhRzbOfF7Ax+WDfAoOhtg27gDji\
         kcOeyi8xLrm2zPMQvDtMQ9H5v26bRZ8MliCZhQx2Tc47ZpRImRgFdFT/8JfpPRxyR9Bw2Xnb4IsZv7wtAgMBAAE=";
    const SIGNATURE: &str = "WrpYaRHY8Q7ewC0Pm8Y4c9pJuUeDyTsqSpIUNye6FieEge7CYwvs8TzRGwKMIcTBoaFHmlIpLYFqcqC6D2tu4eCpZzKfYbQco7Us\
         GTMOeWk4TRX+7OI4jaKENss10anPMA9GoMWHfWsTI5pWxQAN396B4mv78Q4xgpNPncDCo8s=";
    const MESSAGE: &[u8] = b"Signature-Version: 1.0\r\n\r\n";

    #[test]
    fn an_old_signature_over_md5_holds_over_its_message_alone() {
        let of = |text: &str| STANDARD.decode(text).expect("base 64");
        let (key, signature) = (of(KEY), of(SIGNATURE));
        assert_eq!(rsa_md5(&key, MESSAGE, &signature), Holds::Yes);
        assert_eq!(rsa_md5(&key, b"another", &signature), Holds::No);
        for at in 0..signature.len() {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert_eq!(rsa_md5(&key, MESSAGE, &changed), Holds::No, "byte {at}");
        }
        assert_eq!(rsa_md5(&key, MESSAGE, &signature[1..]), Holds::No);
        assert_eq!(rsa_md5(&key[..20], MESSAGE, &signature), Holds::No);
        assert_eq!(
            Hash::Md5.of(b""),
            hex::decode("d41d8cd98f00b204e9800998ecf8427e").expect("hex")
        );
    }
}
