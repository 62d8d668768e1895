//! Hides the lines of sources that may contain the data of a Secret, and their values in messages.
//!
//! Any line of such a source may be part of a private key, and in invalid YAML there are no objects that would show
//! where the key is. So the decision is made by words, for a source as a whole: if any document looks confidential,
//! diagnostics keep their code, file, line, column and field, but lose the source lines and values. Messages keep words
//! that this program uses itself (`words.txt`), and words from sources that are not confidential.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::suggest;
use crate::source::Source;

/// Replaces a hidden word.
const HIDDEN: &str = "[hidden]";

/// Shorter words reveal too little of a key to be hidden.
const SHORTEST: usize = 3;

/// The words of this program's messages and of the APIs that it reads, one per line.
static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("words.txt").lines().collect());

/// Which sources are confidential, and which words may be printed.
pub(crate) struct Secrecy<'s> {
    confidential: Vec<bool>,
    public: HashSet<&'s str>,
}

impl<'s> Secrecy<'s> {
    pub(crate) fn of(sources: &'s [Source]) -> Self {
        let confidential: Vec<bool> = sources.iter().map(|source| is_confidential(&source.text)).collect();
        let some = confidential.contains(&true);
        let open = sources.iter().zip(&confidential).filter(|(_, hidden)| some && !**hidden);
        let public = open.flat_map(|(source, _)| words(&source.text)).collect();
        Self { confidential, public }
    }

    /// Whether the lines of a source are hidden.
    pub(super) fn hides(&self, source: usize) -> bool {
        self.confidential.get(source).copied().unwrap_or_default()
    }

    /// A message without the values of confidential sources. Quoted text is kept or hidden as a whole.
    pub(crate) fn message<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.confidential.contains(&true) {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(['`', '"']) {
            let (before, quoted) = rest.split_at(start);
            let (mark, inside) = quoted.split_at(1);
            let end = closing(inside, mark);
            let (inside, after) = inside.split_at(end);
            out.push_str(&self.unquoted(before));
            out.push_str(mark);
            // An escape sequence is not part of the word after it.
            let unescaped = if mark == "\"" { Cow::Owned(unescaped(inside)) } else { Cow::Borrowed(inside) };
            out.push_str(if words(&unescaped).all(|word| self.knows(word)) { inside } else { HIDDEN });
            rest = after.get(..1).map_or("", |mark| {
                out.push_str(mark);
                after.get(1..).unwrap_or_default()
            });
        }
        out.push_str(&self.unquoted(rest));
        Cow::Owned(out)
    }

    /// The path of a field, without unknown names: with wrong indentation, a line of a private key can become a field
    /// name.
    pub(super) fn path<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.each(text, |word| self.knows(word))
    }

    /// The name of an object, if it is a valid one: Kubernetes names have no capital letters, base64 does.
    pub(crate) fn name<'t>(&self, text: &'t str) -> Cow<'t, str> {
        const LONGEST: usize = 24;
        self.each(text, |word| {
            let lower = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            self.knows(word) || (lower && word.len() <= LONGEST)
        })
    }

    /// Text outside of quotes: plain English words come from this program or from the errors of a library.
    fn unquoted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.each(text, |word| {
            let tail = word.get(1..).unwrap_or_default();
            self.knows(word) || tail.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    }

    fn each<'t>(&self, text: &'t str, is_shown: impl Fn(&str) -> bool) -> Cow<'t, str> {
        if !self.confidential.contains(&true) || words(text).all(&is_shown) {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            let (before, word) = rest.split_at(start);
            let (word, after) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
            out.push_str(before);
            out.push_str(if word.len() < SHORTEST || is_shown(word) { word } else { HIDDEN });
            rest = after;
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    fn knows(&self, word: &str) -> bool {
        // A number with few digits is a port or a count.
        let is_small = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_digit());
        is_small || WORDS.contains(word) || self.public.contains(word) || word == "hidden"
    }
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric()
}

/// The words of a text, without short ones.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_part(c)).filter(|word| word.len() >= SHORTEST)
}

/// The end of quoted text: the closing mark that is not escaped, or the end of the text.
fn closing(inside: &str, mark: &str) -> usize {
    let mut escaped = false;
    for (position, c) in inside.char_indices() {
        if !escaped && mark.starts_with(c) {
            return position;
        }
        escaped = mark == "\"" && c == '\\' && !escaped;
    }
    inside.len()
}

/// The text with each one-letter escape sequence replaced by a space.
fn unescaped(text: &str) -> String {
    ["\\n", "\\r", "\\t", "\\0"].iter().fold(text.to_owned(), |text, escape| text.replace(escape, " "))
}

/// Whether a text may contain the data of a Secret.
pub(super) fn is_confidential(text: &str) -> bool {
    has_key(text) || documents(text).any(is_secret)
}

fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let mut position = 0;
    let mut lines = text.split_inclusive('\n');
    let mut ended = false;
    std::iter::from_fn(move || {
        for line in lines.by_ref() {
            let separates = is_separator(line);
            let end = position;
            position += line.len();
            if separates {
                let document = text.get(start..end);
                start = end;
                return document;
            }
        }
        (!std::mem::replace(&mut ended, true)).then(|| text.get(start..)).flatten()
    })
}

/// Whether a line separates documents: `---` alone or followed by a space, but not `-----BEGIN`.
fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// The beginning of a PEM block and `PRIVATE KEY` in base64, at each of the three possible alignments.
const IN_BASE64: [&str; 7] = [
    "LS0tLS1CRUdJTi",
    "0tLS0tQkVHSU4g",
    "tLS0tLUJFR0lOI",
    "UFJJVkFURSBLRV",
    "BSSVZBVEUgS0VZ",
    "QUklWQVRFIEtFW",
    "UklWQVRFIEtF",
];

/// Whether a text contains something that looks like a private key: PEM labels, field names, or base64 outside of a
/// certificate.
fn has_key(text: &str) -> bool {
    /// Shorter than the lines of a key.
    const LONGEST: usize = 40;
    let marks = ["PRIVATE KEY", "tls.key", "kubernetes.io/tls", "stringData"];
    if marks.iter().chain(&IN_BASE64).any(|mark| text.contains(mark)) {
        return true;
    }
    let mut in_certificate = false;
    text.split(|c: char| c.is_whitespace() || "\"',:{}[]".contains(c)).any(|piece| {
        if piece.ends_with("-----BEGIN") {
            in_certificate = true;
        } else if piece.ends_with("-----END") {
            in_certificate = false;
        }
        let has = |is: fn(&u8) -> bool| piece.as_bytes().iter().any(is);
        let is_base64 = piece.len() >= LONGEST
            && piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\\-_".contains(&byte))
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_digit);
        is_base64 && !in_certificate
    })
}

fn is_secret(document: &str) -> bool {
    // Gateway API objects only refer to Secrets.
    let only_refers =
        document.contains("gateway.networking.k8s.io") && !is_core(document) && !has_data(document);
    !only_refers && (document.contains("Secret") || kinds(document).any(is_nearly_secret))
}

/// The values of all `kind` fields.
fn kinds(document: &str) -> impl Iterator<Item = &str> {
    document.match_indices("kind").filter_map(|(position, name)| {
        let value = document.get(position + name.len()..)?;
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || "\"':".contains(c));
        value.split(|c: char| !c.is_alphanumeric()).next()
    })
}

fn is_nearly_secret(kind: &str) -> bool {
    suggest::within(2, kind, ["Secret"]).is_some()
}

/// Whether an object has `apiVersion: v1`, as Secrets do.
fn is_core(document: &str) -> bool {
    document.match_indices("apiVersion").any(|(position, name)| {
        let value = document.get(position + name.len()..).unwrap_or_default();
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || "\"':".contains(c));
        value.strip_prefix("v1").is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

fn has_data(document: &str) -> bool {
    let is_own = |(position, _): (usize, &str)| {
        !document.get(..position).is_some_and(|before| before.ends_with("meta"))
    };
    document.match_indices("data").any(is_own)
}

#[cfg(test)]
mod tests;
