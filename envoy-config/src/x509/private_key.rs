//! Private keys: PKCS#8, PKCS#1 and SEC1.

use pkcs8::PrivateKeyInfoRef;
use x509_cert::der::asn1::{AnyRef, BitStringRef, ContextSpecific, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode, TagNumber};

use super::public_key::{Curve, EC, ED25519, PublicKey, RSA};
use super::{Unusable, rsa};
use crate::pem::{KeyForm, PrivateKey};

/// A consistent private key.
pub(super) enum Private {
    /// A key that contains its public key.
    Known(PublicKey),
    /// An ECDSA key.
    Ec(EcKey),
}

/// An ECDSA key. Without a named curve, the certificate determines the curve.
pub(super) struct EcKey {
    curve: Option<Curve>,
    number: Vec<u8>,
    point: Option<Vec<u8>>,
}

pub(super) fn parse(key: &PrivateKey) -> Result<Private, Unusable> {
    let der = key.der();
    let found = match key.form() {
        KeyForm::Pkcs8 => pkcs8(&der),
        // Envoy also accepts PKCS#8 under the other labels.
        KeyForm::Pkcs1 => rsa::public_of(&der).map(Private::Known).or_else(|| pkcs8(&der)),
        KeyForm::Sec1 => sec1(&der, None).or_else(|| pkcs8(&der)),
    };
    found.ok_or(Unusable::PrivateKey)
}

fn pkcs8(der: &[u8]) -> Option<Private> {
    let info = PrivateKeyInfoRef::try_from(der).ok()?;
    // Envoy reads version 1 of the format, which has no public key.
    if info.public_key.is_some() {
        return None;
    }
    let (algorithm, key) = (info.algorithm.oid, info.private_key.as_bytes());
    if algorithm == RSA {
        return rsa::public_of(key).map(Private::Known);
    }
    if algorithm == EC {
        return sec1(key, Some(info.algorithm.parameters?));
    }
    if algorithm == ED25519 {
        let seed = <&OctetStringRef>::from_der(key).ok()?.as_bytes().try_into().ok()?;
        let public = ed25519_dalek::SigningKey::from_bytes(seed).verifying_key();
        return Some(Private::Known(PublicKey::Ed25519(public.as_bytes().to_vec())));
    }
    None
}

/// `ECPrivateKey` (RFC 5915), with its own parameters or those of the enclosing structure.
fn sec1(der: &[u8], outer: Option<AnyRef<'_>>) -> Option<Private> {
    let (number, inner, point) = AnyRef::from_der(der)
        .ok()?
        .sequence(|reader| -> x509_cert::der::Result<_> {
            u8::decode(reader)?;
            let number = <&OctetStringRef>::decode(reader)?;
            let parameters = ContextSpecific::<AnyRef<'_>>::decode_explicit(reader, TagNumber(0))?;
            let point = ContextSpecific::<BitStringRef<'_>>::decode_explicit(reader, TagNumber(1))?;
            Ok((number.as_bytes().to_vec(), parameters.map(|one| one.value), point.map(|one| one.value)))
        })
        .ok()?;
    let parameters = outer.or(inner)?;
    let curve = match parameters.decode_as::<ObjectIdentifier>() {
        Ok(name) => Some(Curve::named(name)?),
        Err(_) => None,
    };
    let point = match point {
        Some(point) => Some(point.as_bytes()?.to_vec()),
        None => None,
    };
    Some(Private::Ec(EcKey { curve, number, point }))
}

impl Private {
    /// Whether this is the private key for a public key.
    ///
    /// # Errors
    /// The private key is inconsistent.
    pub(super) fn belongs_to(&self, public: &PublicKey) -> Result<bool, Unusable> {
        let Self::Ec(key) = self else { return Ok(matches!(self, Self::Known(own) if own == public)) };
        let PublicKey::Ec { curve, point } = public else { return Ok(false) };
        let own = key.curve.unwrap_or(*curve);
        if key.point.as_ref().is_some_and(|point| !own.is_point_of(&key.number, point)) {
            return Err(Unusable::PrivateKey);
        }
        let found = own.point_of(&key.number).ok_or(Unusable::PrivateKey)?;
        Ok(own == *curve && found == *point)
    }
}
