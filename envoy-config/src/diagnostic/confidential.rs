//! What is never shown: the text of a source that may hold a Secret's data, and values that messages quote from it.
//!
//! A line of such a source can be a private key, and a text that is not YAML has no objects that would tell where the key is. So
//! this goes by words, and by the source as a whole: where any document looks confidential, findings still have their code,
//! file, line, column and field, but none of the source's lines and values. In messages, a word is shown that this
//! program itself uses (`words.txt`), or that stands in a source that is not confidential.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::suggest;
use crate::source::Source;

/// What stands for a word that is not shown.
const HIDDEN: &str = "[hidden]";

/// Words shorter than this cannot give away much of a key, and are shown.
const SHORTEST: usize = 3;

/// The words of this program's own messages and of the APIs that it reads, one a line.
static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("words.txt").lines().collect());

/// Which sources are confidential, and which words may be shown.
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

    /// Whether the lines of a source are not shown.
    pub(super) fn hides(&self, source: usize) -> bool {
        self.confidential.get(source).copied().unwrap_or_default()
    }

    /// A message without the values of confidential sources: a quotation is shown whole or not at all.
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
            // An escape is not part of the word behind it.
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

    /// The path of a field, without names that are in no list: with its indentation gone wrong, a line of a key is one.
    pub(super) fn path<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.each(text, |word| self.knows(word))
    }

    /// The name of an object, if it can be one: a name in the sense of Kubernetes has no capital letters, a key in base64 does.
    pub(crate) fn name<'t>(&self, text: &'t str) -> Cow<'t, str> {
        const LONGEST: usize = 24;
        self.each(text, |word| {
            let lower = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            self.knows(word) || (lower && word.len() <= LONGEST)
        })
    }

    /// Text between quotations: words of plain English are this program's own, or those of a library's error.
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
        // A number with so few digits is a port or a count.
        let is_small = word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_digit());
        is_small || WORDS.contains(word) || self.public.contains(word) || word == "hidden"
    }
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric()
}

/// The words of a text that are long enough to matter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_part(c)).filter(|word| word.len() >= SHORTEST)
}

/// Where a quotation ends: at the mark that no backslash stands in front of, or with the text.
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

/// The text with a space for each escape of one letter.
fn unescaped(text: &str) -> String {
    ["\\n", "\\r", "\\t", "\\0"].iter().fold(text.to_owned(), |text, escape| text.replace(escape, " "))
}

/// Whether a text may hold a Secret's data.
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

/// `---` alone, or with something behind it; `-----BEGIN` is none.
fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// The beginning of a PEM block and `PRIVATE KEY` in base64, which depends on where in three bytes it starts.
const IN_BASE64: [&str; 7] = [
    "LS0tLS1CRUdJTi",
    "0tLS0tQkVHSU4g",
    "tLS0tLUJFR0lOI",
    "UFJJVkFURSBLRV",
    "BSSVZBVEUgS0VZ",
    "QUklWQVRFIEtFW",
    "UklWQVRFIEtF",
];

/// Whether any part of a text looks like a private key: its marks, its field, or base64 that no certificate holds.
fn has_key(text: &str) -> bool {
    /// A line of a key, and less than its shortest one.
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
    // Objects of the Gateway API only refer to Secrets.
    let refers = document.contains("gateway.networking.k8s.io") && !is_core(document) && !has_data(document);
    !refers && (document.contains("Secret") || kinds(document).any(is_nearly_secret))
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

/// Whether an object in it is of the API that has Secrets.
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
