//! Parses the blocks of a PEM text (RFC 7468 section 2), as leniently as OpenSSL: text around blocks, trailing spaces
//! and lines of any length are accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::PemError;

/// A block from `-----BEGIN LABEL-----` to its end.
pub(super) struct Block {
    pub(super) label: String,
    /// The lines of the block, joined.
    body: String,
    /// `Proc-Type: 4,ENCRYPTED` (RFC 1421), the header of encrypted keys in the old format.
    encrypted_header: bool,
}

/// The line width of a formatted block (RFC 7468 section 2).
const WIDTH: usize = 64;

/// All blocks of a text, at least one. If there is none, the error asks for a `wanted` block.
pub(super) fn all(text: &[u8], wanted: &'static str) -> Result<Vec<Block>, PemError> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(PemError::Empty);
    }
    // The text around blocks may be in any encoding; the blocks are ASCII.
    let text = String::from_utf8_lossy(text);
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = marked(line, "BEGIN") else { continue };
        let mut block = Block { label: label.to_owned(), body: String::new(), encrypted_header: false };
        loop {
            let line = lines.next().ok_or(PemError::Unended)?;
            if marked(line, "END").is_some_and(|end| end == label) {
                break;
            }
            if line.starts_with("-----") {
                return Err(PemError::Unended);
            }
            block.encrypted_header |= line.starts_with("Proc-Type:") && line.ends_with("ENCRYPTED");
            block.body.push_str(line);
        }
        blocks.push(block);
    }
    match blocks.is_empty() {
        false => Ok(blocks),
        true if text.contains("-----BEGIN ") => Err(PemError::Folded),
        true => Err(PemError::NoBlock { wanted }),
    }
}

/// The label of a line `-----WORD LABEL-----`.
fn marked<'l>(line: &'l str, word: &str) -> Option<&'l str> {
    let label = line.strip_prefix("-----")?.strip_prefix(word)?.strip_prefix(' ')?.strip_suffix("-----")?;
    (!label.contains("-----")).then_some(label)
}

impl Block {
    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted_header || self.label == "ENCRYPTED PRIVATE KEY"
    }

    /// The decoded content.
    pub(super) fn der(&self) -> Result<Vec<u8>, PemError> {
        STANDARD.decode(&self.body).map_err(|_| PemError::Body)
    }

    /// The block in its strict format.
    pub(super) fn written(&self) -> Result<String, PemError> {
        let der = self.der()?;
        if !is_one_sequence(&der) {
            return Err(PemError::Content);
        }
        let mut lines = String::new();
        for (position, character) in STANDARD.encode(der).chars().enumerate() {
            if position > 0 && position % WIDTH == 0 {
                lines.push('\n');
            }
            lines.push(character);
        }
        let label = &self.label;
        Ok(format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"))
    }
}

/// Whether this is exactly one complete DER `SEQUENCE` (X.690 section 8.1), as every certificate and key is. A
/// truncated text is not.
fn is_one_sequence(der: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = der else { return false };
    let digits = usize::from(length & 0x7f);
    if length & 0x80 == 0 {
        return rest.len() == digits;
    }
    let Some((written, content)) = rest.split_at_checked(digits).filter(|_| (1..=4).contains(&digits)) else {
        return false;
    };
    let expected = written.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
    u64::try_from(content.len()).is_ok_and(|length| length == expected)
}
