//! The paths of `Exact` and `PathPrefix` matches (Gateway API, `HTTPPathMatch`).

/// The longest value of a path match, in characters.
const LIMIT: usize = 1024;

/// Why a text is not a valid path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::manifest) enum PathError {
    #[error("a path can have at most {LIMIT} characters, but this one has {0}")]
    TooLong(usize),
    #[error("a path must start with `/`")]
    Relative,
    #[error("a path cannot contain `{0}`")]
    Contains(&'static str),
    #[error("a path cannot end with `{0}`")]
    EndsWith(&'static str),
    #[error(
        "character {0:?} is not allowed in a path; use letters, digits and /-._~!$&'()*+,;=:@, and percent-encode others, as in `%20`"
    )]
    Character(char),
    #[error("a `%` in a path must be followed by two hexadecimal digits")]
    Percent,
}

/// Parses a path as the API defines it: absolute, without empty or dot segments, percent-encoded where necessary.
pub(in crate::manifest) fn parse(text: &str) -> Result<String, PathError> {
    sized(text)?;
    if !text.starts_with('/') {
        return Err(PathError::Relative);
    }
    if let Some(part) = ["//", "/./", "/../", "%2f", "%2F", "#"].into_iter().find(|part| text.contains(part))
    {
        return Err(PathError::Contains(part));
    }
    if let Some(end) = ["/..", "/."].into_iter().find(|end| text.ends_with(end)) {
        return Err(PathError::EndsWith(end));
    }
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let hexadecimal = |c: Option<char>| c.is_some_and(|c| c.is_ascii_hexdigit());
        match character {
            '%' if !(hexadecimal(characters.next()) && hexadecimal(characters.next())) => {
                return Err(PathError::Percent);
            }
            '%' => {}
            c if c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@".contains(c) => {}
            c => return Err(PathError::Character(c)),
        }
    }
    Ok(text.to_owned())
}

/// Checks the length, which is limited for path matches of all types.
pub(in crate::manifest) fn sized(text: &str) -> Result<(), PathError> {
    match text.chars().count() {
        length if length > LIMIT => Err(PathError::TooLong(length)),
        _ => Ok(()),
    }
}
