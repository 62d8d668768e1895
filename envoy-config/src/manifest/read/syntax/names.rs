//! The syntax of names in Kubernetes and the Gateway API.

/// Why a text is not a valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::manifest) enum NameError {
    #[error("a {what} cannot be empty")]
    Empty { what: &'static str },
    #[error("a {what} can have at most {limit} characters, but this one has {length}")]
    TooLong { what: &'static str, limit: usize, length: usize },
    #[error("character {character:?} is not allowed in a {what}; use {allowed}")]
    Character { what: &'static str, character: char, allowed: &'static str },
    #[error("{place} of a {what} must be {allowed}, not {character:?}")]
    Edge { what: &'static str, place: &'static str, character: char, allowed: &'static str },
    #[error("a {what} cannot start or end with a dot, or have two dots in a row")]
    EmptyPart { what: &'static str },
    #[error("{text:?} is an IP address, not a hostname")]
    Address { text: String },
    #[error("a wildcard must be the first label of a hostname, as in `*.example.com`")]
    Wildcard,
    #[error("{text:?} is not a valid {what}; expected {example}")]
    Form { what: &'static str, text: String, example: &'static str },
}

pub(in crate::manifest) type Parsed<T = String> = Result<T, NameError>;

const LABEL: &str = "lower-case letters, digits and `-`";
pub(super) const DOTTED: &str = "lower-case letters, digits, `-` and `.`";
const LOWER_EDGE: &str = "a lower-case letter or a digit";

/// A DNS label (RFC 1123): the name of a Service or Namespace.
pub(in crate::manifest) fn label(text: &str) -> Parsed {
    let what = "name";
    sized(what, text, 63)?;
    part(what, text, LABEL)?;
    Ok(text.to_owned())
}

/// A DNS subdomain (RFC 1123), labels separated by dots: the name of an object, listener or rule.
pub(in crate::manifest) fn subdomain(text: &str) -> Parsed {
    dotted("name", text)?;
    Ok(text.to_owned())
}

/// The name of a ClusterTrustBundle: subdomains, separated by colons if it belongs to a signer.
pub(in crate::manifest) fn trust_bundle(text: &str) -> Parsed {
    text.split(':').try_for_each(|part| dotted("name", part))?;
    Ok(text.to_owned())
}

/// The name of another object: only the length is checked, because the syntax depends on its kind.
pub(in crate::manifest) fn reference(text: &str) -> Parsed {
    sized("name", text, 253)?;
    Ok(text.to_owned())
}

/// An API group; empty for core.
pub(in crate::manifest) fn group(text: &str) -> Parsed {
    if !text.is_empty() {
        dotted("group", text)?;
    }
    Ok(text.to_owned())
}

/// A kind.
pub(in crate::manifest) fn kind(text: &str) -> Parsed {
    let what = "kind";
    sized(what, text, 63)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    characters(what, text, fits, "letters, digits and `-`")?;
    edge(what, "the first character", text.chars().next(), |c| c.is_ascii_alphabetic(), "a letter")?;
    edge(what, "the last character", text.chars().next_back(), |c| c != '-', "a letter or a digit")?;
    Ok(text.to_owned())
}

/// The name of a controller: a domain, a slash and a path.
pub(in crate::manifest) fn controller(text: &str) -> Parsed {
    let what = "controller name";
    sized(what, text, 253)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    match text.split_once('/') {
        Some((domain, path))
            if dotted(what, domain).is_ok() && !path.is_empty() && path.chars().all(fits) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(NameError::Form {
            what,
            text: text.to_owned(),
            example: "a name such as `example.com/controller`",
        }),
    }
}

/// The protocol of a listener: a word, or for a protocol of an implementation a domain, a slash and a word.
pub(in crate::manifest) fn protocol(text: &str) -> Parsed {
    let what = "protocol";
    sized(what, text, 255)?;
    let word = |text: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !text.is_empty() && text.chars().all(fits) && !text.starts_with('-') && !text.ends_with('-')
    };
    let fits = match text.split_once('/') {
        Some((domain, name)) => dotted(what, domain).is_ok() && word(name) && !name.contains('-'),
        None => word(text),
    };
    if fits {
        Ok(text.to_owned())
    } else {
        Err(NameError::Form {
            what,
            text: text.to_owned(),
            example: "a name such as `HTTP` or `example.com/protocol`",
        })
    }
}

/// The name of a container port (RFC 6335).
pub(in crate::manifest) fn port_name(text: &str) -> Parsed {
    let what = "port name";
    sized(what, text, 15)?;
    part(what, text, LABEL)?;
    if text.contains("--") || !text.contains(|c: char| c.is_ascii_lowercase()) {
        return Err(NameError::Form {
            what,
            text: text.to_owned(),
            example: "a name such as `http` or `grpc-web`",
        });
    }
    Ok(text.to_owned())
}

/// The name of a header or query parameter (RFC 9110 section 5.6.2).
pub(in crate::manifest) fn token(text: &str) -> Parsed {
    let what = "name";
    sized(what, text, 256)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    characters(what, text, fits, "letters, digits and !#$%&'*+-.^_`|~")?;
    Ok(text.to_owned())
}

/// The longest name of a gRPC service or method, in characters.
pub(in crate::manifest) const GRPC_LIMIT: usize = 1024;

/// The name of a gRPC service with its package.
pub(in crate::manifest) fn grpc_service(text: &str) -> Parsed {
    let what = "service name";
    sized(what, text, GRPC_LIMIT)?;
    let example = "a name such as `package.Service`, with letters, digits, `_` and dots";
    let names = text.strip_prefix('.').unwrap_or(text);
    let fits = names.split('.').all(is_grpc_name);
    if fits { Ok(text.to_owned()) } else { Err(NameError::Form { what, text: text.to_owned(), example }) }
}

/// The name of a gRPC method.
pub(in crate::manifest) fn grpc_method(text: &str) -> Parsed {
    let what = "method name";
    sized(what, text, GRPC_LIMIT)?;
    let example = "a name such as `Method`, with letters, digits and `_`";
    let fits = is_grpc_name(text);
    if fits { Ok(text.to_owned()) } else { Err(NameError::Form { what, text: text.to_owned(), example }) }
}

fn is_grpc_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The key of a label or annotation: a name, optionally after a domain and a slash.
pub(in crate::manifest) fn label_key(text: &str) -> Parsed {
    let what = "label key";
    let name = match text.split_once('/') {
        Some((domain, name)) => {
            dotted(what, domain)?;
            name
        }
        None => text,
    };
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    label_text(what, name)?;
    Ok(text.to_owned())
}

/// The value of a label: empty, or the same syntax as the name in a key.
pub(in crate::manifest) fn label_value(text: &str) -> Parsed {
    label_text("label value", text)?;
    Ok(text.to_owned())
}

fn label_text(what: &'static str, text: &str) -> Parsed<()> {
    if text.is_empty() {
        return Ok(());
    }
    sized(what, text, 63)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    characters(what, text, fits, "letters, digits, `-`, `_` and `.`")?;
    let outer = |c: char| c.is_ascii_alphanumeric();
    edge(what, "the first character", text.chars().next(), outer, "a letter or a digit")?;
    edge(what, "the last character", text.chars().next_back(), outer, "a letter or a digit")
}

fn dotted(what: &'static str, text: &str) -> Parsed<()> {
    sized(what, text, 253)?;
    text.split('.').try_for_each(|label| part(what, label, DOTTED))
}

/// One label of a name. Messages list the characters `allowed` in the whole name.
pub(in crate::manifest) fn part(what: &'static str, text: &str, allowed: &'static str) -> Parsed<()> {
    if text.is_empty() {
        return Err(NameError::EmptyPart { what });
    }
    let outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    characters(what, text, |c| outer(c) || c == '-', allowed)?;
    edge(what, "the first character", text.chars().next(), outer, LOWER_EDGE)?;
    edge(what, "the last character", text.chars().next_back(), outer, LOWER_EDGE)
}

pub(in crate::manifest) fn sized(what: &'static str, text: &str, limit: usize) -> Parsed<()> {
    let length = text.chars().count();
    match length {
        0 => Err(NameError::Empty { what }),
        length if length > limit => Err(NameError::TooLong { what, limit, length }),
        _ => Ok(()),
    }
}

fn characters(
    what: &'static str,
    text: &str,
    fits: impl Fn(char) -> bool,
    allowed: &'static str,
) -> Parsed<()> {
    match text.chars().find(|&character| !fits(character)) {
        Some(character) => Err(NameError::Character { what, character, allowed }),
        None => Ok(()),
    }
}

fn edge(
    what: &'static str,
    place: &'static str,
    character: Option<char>,
    fits: impl Fn(char) -> bool,
    allowed: &'static str,
) -> Parsed<()> {
    match character.filter(|&character| !fits(character)) {
        Some(character) => Err(NameError::Edge { what, place, character, allowed }),
        None => Ok(()),
    }
}
