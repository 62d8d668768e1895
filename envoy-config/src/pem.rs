//! Certificates and private keys as PEM text (RFC 7468).
//!
//! Parsing finds mistakes such as swapped or truncated files, and keeps only the PEM blocks. [`x509`](crate::x509)
//! checks their contents.

mod block;

use std::fmt;

use self::block::Block;

/// A certificate chain, beginning with the certificate of the server; or a list of CA certificates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateChain(String);

/// An unencrypted private key in PKCS#8, PKCS#1 or SEC1. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrivateKey(String);

/// The format of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// `PRIVATE KEY`.
    Pkcs8,
    /// `RSA PRIVATE KEY`.
    Pkcs1,
    /// `EC PRIVATE KEY`.
    Sec1,
}

/// Why a text is not a certificate or private key. The message follows the name of the text, and never contains the
/// text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// There is no PEM block.
    #[error("is not PEM: it has no line `-----BEGIN {wanted}-----`")]
    NoBlock {
        /// The label of the expected block.
        wanted: &'static str,
    },
    /// PEM without line breaks.
    #[error("is PEM without its line breaks")]
    Folded,
    /// A block has no end.
    #[error("is truncated: a PEM block has no `-----END` line")]
    Unended,
    /// The content of a block is not base64.
    #[error("is damaged: a PEM block is not base64")]
    Body,
    /// The content of a block is not a complete certificate or key.
    #[error("is damaged: the content of a PEM block is incomplete or does not match its label")]
    Content,
    /// There is a private key instead of a certificate.
    #[error("contains a private key instead of a certificate")]
    KeyForCertificate,
    /// There is a certificate instead of a private key.
    #[error("contains a certificate instead of a private key")]
    CertificateForKey,
    /// There are PEM blocks, but not the expected one.
    #[error("has PEM blocks, but none with `-----BEGIN {wanted}-----`")]
    OtherBlocks {
        /// The label of the expected block.
        wanted: &'static str,
    },
    /// The private key is encrypted.
    #[error("is encrypted with a passphrase, which is not supported")]
    Encrypted,
    /// There is more than one private key.
    #[error("contains more than one private key")]
    SeveralKeys,
}

const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";
const KEYS: [&str; 3] = [PRIVATE_KEY, "RSA PRIVATE KEY", "EC PRIVATE KEY"];

impl CertificateChain {
    /// The certificates in a text, in order. Other parts of the text are ignored.
    ///
    /// # Errors
    /// There is no certificate, or one is damaged.
    pub fn parse(text: &[u8]) -> Result<Self, PemError> {
        let blocks = block::all(text, CERTIFICATE)?;
        let certificates: Vec<&Block> = blocks.iter().filter(|block| block.label == CERTIFICATE).collect();
        if certificates.is_empty() {
            let is_key = blocks.iter().any(|block| block.label.ends_with(PRIVATE_KEY));
            return Err(if is_key {
                PemError::KeyForCertificate
            } else {
                PemError::OtherBlocks { wanted: CERTIFICATE }
            });
        }
        certificates.into_iter().map(Block::written).collect::<Result<String, _>>().map(Self)
    }

    /// Merges the certificates of several texts, without duplicates; `None` for an empty list.
    #[must_use]
    pub fn merge(several: &[Self]) -> Option<Self> {
        let mut distinct: Vec<&str> = Vec::new();
        for one in several {
            if !distinct.contains(&one.as_str()) {
                distinct.push(one.as_str());
            }
        }
        (!distinct.is_empty()).then(|| Self(distinct.concat()))
    }

    /// The PEM text, with a line break at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The certificates in DER.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = Vec<u8>> {
        block::all(self.0.as_bytes(), CERTIFICATE).into_iter().flatten().filter_map(|block| block.der().ok())
    }
}

impl PrivateKey {
    /// The private key in a text. Other parts of the text are ignored.
    ///
    /// # Errors
    /// There is no private key, more than one, or one that is encrypted or damaged.
    pub fn parse(text: &[u8]) -> Result<Self, PemError> {
        let blocks = block::all(text, PRIVATE_KEY)?;
        if blocks.iter().any(Block::is_encrypted) {
            return Err(PemError::Encrypted);
        }
        let mut keys = blocks.iter().filter(|block| KEYS.contains(&block.label.as_str()));
        match (keys.next(), keys.next()) {
            (Some(key), None) => key.written().map(Self),
            (Some(_), Some(_)) => Err(PemError::SeveralKeys),
            (None, _) if blocks.iter().any(|block| block.label == CERTIFICATE) => {
                Err(PemError::CertificateForKey)
            }
            (None, _) => Err(PemError::OtherBlocks { wanted: PRIVATE_KEY }),
        }
    }

    /// The PEM text, with a line break at the end.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The format that its label names.
    pub(crate) fn form(&self) -> KeyForm {
        match self.0.lines().next() {
            Some("-----BEGIN RSA PRIVATE KEY-----") => KeyForm::Pkcs1,
            Some("-----BEGIN EC PRIVATE KEY-----") => KeyForm::Sec1,
            _ => KeyForm::Pkcs8,
        }
    }

    /// The key in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        let blocks = block::all(self.0.as_bytes(), PRIVATE_KEY).unwrap_or_default();
        blocks.first().and_then(|block| block.der().ok()).unwrap_or_default()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl PemError {
    /// How to fix it, if that is known.
    #[must_use]
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::Content | Self::SeveralKeys => None,
            Self::NoBlock { .. } | Self::OtherBlocks { .. } => Some(
                "encode the whole PEM file for `data` (`base64 < FILE`), or put it in `stringData` as it is",
            ),
            Self::Folded => {
                Some("in YAML, write `|` before the text: it keeps line breaks, and `>` does not")
            }
            Self::Unended | Self::Body => {
                Some("copy the whole file, with its line breaks, from `-----BEGIN` to `-----END`")
            }
            Self::KeyForCertificate | Self::CertificateForKey => Some(
                "put the certificate in `tls.crt`, and its private key in `tls.key`; they may be swapped",
            ),
            Self::Encrypted => Some("remove the passphrase: `openssl pkey -in FILE`"),
        }
    }
}

#[cfg(test)]
mod tests;
