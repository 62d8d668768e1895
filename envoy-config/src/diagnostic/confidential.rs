//! Which parts of a source are never shown: documents that hold a Secret's data.
//!
//! A line of such a document can be a private key, and a text that is no YAML has no objects to tell one from the other. So
//! this goes by words, and rather keeps back too much: the findings are still told, with their file, line and column.

use std::ops::Range;

/// The documents of a text that may hold a Secret's data, in order.
pub(super) fn documents(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        if is_separator(line) {
            found.push(start..position);
            start = position;
        }
        position += line.len();
    }
    found.push(start..text.len());
    found.retain(|document| text.get(document.clone()).is_some_and(is_confidential));
    found
}

/// `---` alone, or with something behind it; `-----BEGIN` is none.
fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn is_confidential(document: &str) -> bool {
    if document.contains("PRIVATE KEY") || document.contains("tls.key") {
        return true;
    }
    // Gateways only refer to Secrets.
    let refers = document.contains("gateway.networking.k8s.io") && !is_core(document) && !has_data(document);
    document.contains("Secret") && !refers
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
    document.contains("stringData") || document.match_indices("data").any(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<&str> {
        documents(text).into_iter().map(|document| text.get(document).unwrap()).collect()
    }

    #[test]
    fn a_document_with_a_secret_and_data_is_kept_back_and_no_other() {
        let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\ntls: {certificateRefs: [{kind: Secret}]}\n";
        let secret = "--- # the key\nkind: Secret\nmetadata: {name: a}\ndata: {a: b}\n";
        let config = "---\nkind: ConfigMap\ndata: {a: b}\n";
        assert_eq!(shown(&[gateway, secret, config].concat()), [secret]);
        assert_eq!(shown(r#"{"kind":"Secret","stringData":{}}"#).len(), 1);
        assert_eq!(shown(""), [""; 0]);
    }

    #[test]
    fn a_secret_with_a_misspelt_field_is_kept_back() {
        let api = "apiVersion: gateway.networking.k8s.io/v1beta1";
        for text in [
            "apiVersion: v1\nkind: Secret\ndatum: {a: b}\n",
            "kind: Secret\ndatum: {a: b}\n",
            &format!("{{items: [{{kind: Gateway, {api}}}, {{kind: Secret, apiVersion: 'v1', datum: 1}}]}}"),
            &format!("{api}\nkind: Secret\ndata: 1\n"),
        ] {
            assert_eq!(shown(text), [text]);
        }
    }

    #[test]
    fn a_key_that_lost_its_indentation_is_kept_back() {
        let text = "kind: Service\n---\nkey:\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n---\na: b\n";
        let kept = shown(text);
        assert_eq!(kept.len(), 1);
        assert!(kept[0].contains("MIIE") && !kept[0].contains("Service"), "{kept:?}");
    }
}
