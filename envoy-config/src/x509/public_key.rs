//! The public key of a certificate, if Envoy supports it.

use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;

use super::{Parsed, Unusable, rsa};

/// A public key in canonical form: equal keys have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ec { curve: Curve, point: Vec<u8> },
    Ed25519(Vec<u8>),
}

/// A curve that Envoy supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The names of other key types in messages.
const ALGORITHMS: [(ObjectIdentifier, &str); 4] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"), "RSA-PSS"),
    (ObjectIdentifier::new_unwrap("1.2.840.10040.4.1"), "DSA"),
    (ObjectIdentifier::new_unwrap("1.3.101.113"), "Ed448"),
    (ObjectIdentifier::new_unwrap("1.3.101.110"), "X25519"),
];

/// The names of other curves in messages.
const CURVES: [(ObjectIdentifier, &str); 4] = [
    (ObjectIdentifier::new_unwrap("1.3.132.0.33"), "P-224"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.10"), "secp256k1"),
    (ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.7"), "brainpoolP256r1"),
    (ObjectIdentifier::new_unwrap("1.3.36.3.3.2.8.1.1.11"), "brainpoolP384r1"),
];

const SHORTEST_RSA: usize = 2048;

impl PublicKey {
    pub(super) fn of(certificate: &Parsed) -> Result<Self, Unusable> {
        let info = certificate.subject_public_key_info();
        let bytes = info.subject_public_key.as_bytes().ok_or(Unusable::PublicKey)?;
        let algorithm = info.algorithm.oid;
        if algorithm == RSA {
            let key = pkcs1::RsaPublicKeyRef::from_der(bytes).map_err(|_| Unusable::PublicKey)?;
            let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
            let bits = rsa::bits(modulus);
            if bits < SHORTEST_RSA {
                return Err(Unusable::ShortRsa(bits));
            }
            return Ok(Self::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() });
        }
        if algorithm == EC {
            let parameters = info.algorithm.parameters.as_ref();
            let oid = parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
            let Some(oid) = oid else {
                return Err(Unusable::Curve(String::from("with explicit parameters")));
            };
            let curve = Curve::named(oid).ok_or_else(|| Unusable::Curve(named(&CURVES, oid)))?;
            let point = curve.point(bytes).ok_or(Unusable::PublicKey)?;
            return Ok(Self::Ec { curve, point });
        }
        if algorithm == ED25519 {
            return Ok(Self::Ed25519(bytes.to_vec()));
        }
        Err(Unusable::Algorithm(named(&ALGORITHMS, algorithm)))
    }
}

fn named(names: &[(ObjectIdentifier, &str)], oid: ObjectIdentifier) -> String {
    let name = names.iter().find(|(known, _)| *known == oid);
    name.map_or_else(|| oid.to_string(), |(_, name)| (*name).to_owned())
}

impl Curve {
    pub(super) fn named(oid: ObjectIdentifier) -> Option<Self> {
        const NAMES: [(ObjectIdentifier, Curve); 3] = [
            (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), Curve::P256),
            (ObjectIdentifier::new_unwrap("1.3.132.0.34"), Curve::P384),
            (ObjectIdentifier::new_unwrap("1.3.132.0.35"), Curve::P521),
        ];
        NAMES.iter().find(|(name, _)| *name == oid).map(|(_, curve)| *curve)
    }

    /// The point, if these bytes are a point on the curve.
    fn point(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let point = match self {
            Self::P256 => p256::PublicKey::from_sec1_bytes(bytes).ok()?.to_sec1_bytes(),
            Self::P384 => p384::PublicKey::from_sec1_bytes(bytes).ok()?.to_sec1_bytes(),
            Self::P521 => p521::PublicKey::from_sec1_bytes(bytes).ok()?.to_sec1_bytes(),
        };
        Some(point.into_vec())
    }

    /// The public point of a private number, in the form of [`Self::point`].
    pub(super) fn point_of(self, number: &[u8]) -> Option<Vec<u8>> {
        let number = self.padded(number)?;
        let point = match self {
            Self::P256 => p256::SecretKey::from_slice(&number).ok()?.public_key().to_sec1_bytes(),
            Self::P384 => p384::SecretKey::from_slice(&number).ok()?.public_key().to_sec1_bytes(),
            Self::P521 => p521::SecretKey::from_slice(&number).ok()?.public_key().to_sec1_bytes(),
        };
        Some(point.into_vec())
    }

    /// The number, padded to the size of the curve: older programs omit leading zeros.
    fn padded(self, number: &[u8]) -> Option<Vec<u8>> {
        let length: usize = match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        };
        let digits = number.iter().position(|byte| *byte != 0).and_then(|first| number.get(first..))?;
        let zeros = length.checked_sub(digits.len())?;
        Some([vec![0; zeros], digits.to_vec()].concat())
    }

    /// Whether these bytes are the public point of a private number.
    pub(super) fn is_point_of(self, number: &[u8], point: &[u8]) -> bool {
        self.point(point).is_some_and(|point| self.point_of(number) == Some(point))
    }
}
