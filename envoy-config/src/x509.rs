//! Checks whether Envoy 1.40 can use certificates and private keys. With one that it cannot use, Envoy rejects its
//! whole configuration.
//!
//! The rules were found with `envoy --mode validate`. All certificates of a chain must be X.509, and the server's own
//! must come first. Its key must be RSA with at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519. An ECDSA
//! certificate with a key usage must permit `digitalSignature`, and no certificate can require OCSP stapling. The
//! private key must be consistent and belong to the certificate. CA certificates must be X.509, with keys of any type.
//! Dates, names, signatures and other extensions are not checked, because Envoy does not check them when it starts.

mod private_key;
mod public_key;
mod rsa;

use x509_cert::certificate::{CertificateInner, Raw, TbsCertificateInner, Version};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Tag, Tagged};
use x509_cert::ext::pkix::KeyUsage;

use crate::pem::{CertificateChain, PemError, PrivateKey};

use self::public_key::PublicKey;

/// Why Envoy cannot use a certificate or private key. Messages contain nothing of their contents except the type of the
/// key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The block does not contain a complete certificate.
    #[error("certificate {0} is not an X.509 certificate, or is damaged")]
    NotX509(usize),
    /// The RSA key is too short.
    #[error("the certificate has an RSA key of {0} bits; Envoy requires at least 2048")]
    ShortRsa(usize),
    /// The ECDSA key is on an unsupported curve.
    #[error("the certificate has an ECDSA key on the curve {0}; Envoy supports P-256, P-384 and P-521")]
    Curve(String),
    /// The type of the key is not supported.
    #[error("the certificate has a key of the type {0}; Envoy supports RSA, ECDSA and Ed25519")]
    Algorithm(String),
    /// The public key is invalid.
    #[error("the public key in the certificate is damaged")]
    PublicKey,
    /// The key usage does not permit signatures, the only use of ECDSA.
    #[error("the key usage of the certificate lacks `digitalSignature`, which an ECDSA key requires")]
    KeyUsage,
    /// `status_request` is among its TLS features.
    #[error("the certificate requires OCSP stapling (must-staple), which is not supported")]
    MustStaple,
    /// The block does not contain a private key, or an inconsistent one.
    #[error("the private key is damaged, or its format does not match its PEM label")]
    PrivateKey,
    /// The private key belongs to another certificate of the chain.
    #[error("the private key belongs to certificate {0} of the chain; it must belong to the first one")]
    Order(usize),
    /// The private key belongs to another certificate.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

/// Why a text does not contain CA certificates. The message follows the name of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaCertificatesError {
    /// It is not valid PEM.
    #[error(transparent)]
    Pem(PemError),
    /// Envoy cannot use a certificate.
    #[error("cannot be used by Envoy: {0}")]
    X509(Unusable),
}

/// `id-pe-tlsfeature` (RFC 7633).
const TLS_FEATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.24");

/// The TLS extension `status_request`.
const STATUS_REQUEST: u16 = 5;

/// Checks the certificate chain of a listener and its private key.
///
/// # Errors
/// The first reason why Envoy would reject them.
pub fn check_pair(chain: &CertificateChain, key: &PrivateKey) -> Result<(), Unusable> {
    let chain = parsed(chain)?;
    let (first, others) = chain.split_first().ok_or(Unusable::NotX509(1))?;
    let public = PublicKey::of(first)?;
    if matches!(public, PublicKey::Ec { .. }) && !may_sign(first) {
        return Err(Unusable::KeyUsage);
    }
    if must_staple(first) {
        return Err(Unusable::MustStaple);
    }
    let private = private_key::parse(key)?;
    if private.belongs_to(&public)? {
        return Ok(());
    }
    let belongs = |certificate: &Parsed| {
        PublicKey::of(certificate).is_ok_and(|public| private.belongs_to(&public) == Ok(true))
    };
    Err(match others.iter().position(belongs) {
        Some(position) => Unusable::Order(position + 2),
        None => Unusable::Mismatch,
    })
}

/// The CA certificates in a text.
///
/// # Errors
/// There is no certificate, or one is damaged or not X.509.
pub fn ca_certificates(text: &[u8]) -> Result<CertificateChain, CaCertificatesError> {
    let certificates = CertificateChain::parse(text).map_err(CaCertificatesError::Pem)?;
    parsed(&certificates).map_err(CaCertificatesError::X509)?;
    Ok(certificates)
}

type Parsed = TbsCertificateInner<Raw>;

fn parsed(chain: &CertificateChain) -> Result<Vec<Parsed>, Unusable> {
    let certificate = |(position, der): (usize, Vec<u8>)| {
        let certificate = CertificateInner::<Raw>::from_der(&der).ok();
        let certificate = certificate.map(|certificate| certificate.tbs_certificate().clone());
        certificate.filter(is_sound).ok_or(Unusable::NotX509(position + 1))
    };
    chain.certificates().enumerate().map(certificate).collect()
}

/// Whether the parts that the parser keeps as raw bytes are valid.
fn is_sound(certificate: &Parsed) -> bool {
    let mut names = certificate.issuer().iter().chain(certificate.subject().iter());
    let texts = names
        .all(|name| name.value.tag() != Tag::Utf8String || std::str::from_utf8(name.value.value()).is_ok());
    texts && (certificate.extensions().is_none() || certificate.version() == Version::V3)
}

/// Whether its key usage, if it has one, permits signatures.
fn may_sign(certificate: &Parsed) -> bool {
    match certificate.get_extension::<KeyUsage>() {
        Ok(None) => true,
        Ok(Some((_, usage))) => usage.digital_signature(),
        Err(_) => false,
    }
}

fn must_staple(certificate: &Parsed) -> bool {
    let mut extensions = certificate.extensions().into_iter().flatten();
    extensions.find(|extension| extension.extn_id == TLS_FEATURE).is_some_and(|extension| {
        let features = Vec::<u16>::from_der(extension.extn_value.as_bytes());
        features.is_ok_and(|features| features.contains(&STATUS_REQUEST))
    })
}

impl Unusable {
    /// How to fix it, if that is known.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ShortRsa(_) | Self::Curve(_) | Self::Algorithm(_) | Self::KeyUsage | Self::MustStaple => {
                Some("issue another certificate, for example with a P-256 key or an RSA key of 2048 bits")
            }
            Self::Order(_) => Some(
                "put the server's certificate first, followed by those of its CAs, as in `fullchain.pem`",
            ),
            Self::Mismatch => Some(
                "compare `openssl x509 -in tls.crt -noout -pubkey` with `openssl pkey -in tls.key -pubout`",
            ),
            Self::NotX509(_) | Self::PublicKey | Self::PrivateKey => None,
        }
    }
}
