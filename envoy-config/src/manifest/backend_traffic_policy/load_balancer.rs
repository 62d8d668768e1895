//! `loadBalancer` (`LoadBalancer`): how Envoy chooses an endpoint for requests without a session.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{positive_time, time, unsupported};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{integer, parsed, strings, word};
use crate::source::Spanned;

/// `loadBalancer`.
#[derive(Clone, Debug)]
pub enum LoadBalancer {
    /// `type: RoundRobin`.
    RoundRobin {
        /// `slowStart.window`.
        slow_start: Option<Duration>,
    },
    /// `type: LeastRequest`.
    LeastRequest {
        /// `slowStart.window`.
        slow_start: Option<Duration>,
    },
    /// `type: Random`.
    Random,
    /// `type: ConsistentHash`.
    ConsistentHash(ConsistentHash),
}

/// `consistentHash`.
#[derive(Clone, Debug)]
pub struct ConsistentHash {
    /// What is hashed, by `type`.
    pub input: HashInput,
    /// `tableSize`: a prime, 65537 by default.
    pub table_size: u32,
}

/// What is hashed.
#[derive(Clone, Debug)]
pub enum HashInput {
    /// `SourceIP`.
    SourceIp,
    /// `Header` or `Headers`: the names, at least one.
    Headers(Vec<String>),
    /// `Cookie`.
    Cookie {
        /// `name`.
        name: Spanned<String>,
        /// `ttl`: Envoy sets the cookie if a request does not have it.
        ttl: Option<Duration>,
        /// `attributes` of the cookie that Envoy sets.
        attributes: BTreeMap<String, String>,
    },
    /// `QueryParams`: the names, at least one.
    QueryParams(Vec<String>),
}

/// `type`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    RoundRobin,
    LeastRequest,
    Random,
    ConsistentHash,
    NotSupported,
}

const LOAD_BALANCER: Known = Known {
    read: &["type", "consistentHash", "slowStart"],
    unread: &[],
    unsupported: &[
        unsupported("zoneAware", "endpoints of all zones would get requests"),
        unsupported("backendUtilization", "the load that endpoints report would not be read"),
        unsupported("dynamicModule", "the module would not be loaded"),
        unsupported("endpointOverride", "clients could not choose the endpoint"),
    ],
};

const SLOW_START: Known = Known { read: &["window"], unread: &[], unsupported: &[] };

const CONSISTENT_HASH: Known = Known {
    read: &["type", "header", "headers", "cookie", "queryParams", "tableSize"],
    unread: &[],
    unsupported: &[],
};

const NAMED: Known = Known { read: &["name"], unread: &[], unsupported: &[] };

const COOKIE: Known = Known { read: &["name", "ttl", "attributes"], unread: &[], unsupported: &[] };

/// Envoy's limit of the size of the table.
const LARGEST_TABLE: u32 = 5_000_011;

/// The types of consistent hashing, with the field of each.
const INPUTS: [(&str, Option<&str>); 5] = [
    ("SourceIP", None),
    ("Header", Some("header")),
    ("Headers", Some("headers")),
    ("Cookie", Some("cookie")),
    ("QueryParams", Some("queryParams")),
];

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<LoadBalancer> {
    let fields = Fields::of(at, &LOAD_BALANCER, findings)?;
    let kind = fields.required("type", findings, kind);
    let slow_start = fields.optional("slowStart", findings, |at, findings| {
        Fields::of(at, &SLOW_START, findings)?.required("window", findings, positive_time)
    });
    let hash = fields.optional("consistentHash", findings, consistent_hash);
    let kind = kind?;
    if fields.has("slowStart") && !matches!(kind, Kind::RoundRobin | Kind::LeastRequest) {
        let message = "`slowStart` is allowed only with `type: RoundRobin` and `type: LeastRequest`";
        findings.add(at.error(Code::MisplacedField, message));
    }
    if fields.has("consistentHash") && kind != Kind::ConsistentHash {
        let message = "`consistentHash` is allowed only with `type: ConsistentHash`";
        findings.add(at.error(Code::MisplacedField, message));
    }
    match kind {
        Kind::RoundRobin => Some(LoadBalancer::RoundRobin { slow_start }),
        Kind::LeastRequest => Some(LoadBalancer::LeastRequest { slow_start }),
        Kind::Random => Some(LoadBalancer::Random),
        Kind::ConsistentHash if fields.has("consistentHash") => hash.map(LoadBalancer::ConsistentHash),
        Kind::ConsistentHash => {
            let message = "missing field `consistentHash`, which `type: ConsistentHash` requires";
            findings.reject(at.error(Code::MissingField, message))
        }
        Kind::NotSupported => None,
    }
}

fn kind(at: At<'_>, findings: &mut Findings) -> Option<Kind> {
    let kind = word(&[
        ("RoundRobin", Kind::RoundRobin),
        ("LeastRequest", Kind::LeastRequest),
        ("Random", Kind::Random),
        ("ConsistentHash", Kind::ConsistentHash),
        ("BackendUtilization", Kind::NotSupported),
        ("DynamicModule", Kind::NotSupported),
    ])(at, findings)?
    .value;
    if kind == Kind::NotSupported {
        let message = "this type of load balancer is not supported";
        let hint = "expected one of `RoundRobin`, `LeastRequest`, `Random`, `ConsistentHash`";
        findings.add(at.error(Code::NotSupported, message).hint(hint));
    }
    Some(kind)
}

fn consistent_hash(at: At<'_>, findings: &mut Findings) -> Option<ConsistentHash> {
    let fields = Fields::of(at, &CONSISTENT_HASH, findings)?;
    let field = fields.required("type", findings, word(&INPUTS));
    let size = fields.or("tableSize", fields.default(65_537), findings, integer(2..=LARGEST_TABLE));
    let header = fields.optional("header", findings, header);
    let headers =
        fields.optional("headers", findings, |at, findings| list(at, 1..=usize::MAX, findings, header_name));
    let cookie = fields.optional("cookie", findings, cookie);
    let parameters = fields
        .optional("queryParams", findings, |at, findings| list(at, 1..=usize::MAX, findings, parameter));
    let (field, size) = (field?.value, size?);
    for (_, other) in INPUTS {
        if let Some(other) = other.filter(|other| fields.has(other) && field != Some(other)) {
            let message = format!("field `{other}` does not belong to this `type`");
            findings.add(at.error(Code::MisplacedField, message));
        }
    }
    if let Some(missing) = field.filter(|field| !fields.has(field)) {
        let message = format!("missing field `{missing}`, which this `type` requires");
        return findings.reject(at.error(Code::MissingField, message));
    }
    if !is_prime(size.value) {
        let path = FieldPath::Field(&at.path, "tableSize");
        let error = Diagnostic::error(
            Code::InvalidTableSize,
            size.span,
            "the size of the table must be a prime number",
        );
        return findings.reject(path.place(error).hint("65537 is the default"));
    }
    let input = match field {
        Some("header") => HashInput::Headers(header?),
        Some("headers") => HashInput::Headers(headers?),
        Some("cookie") => cookie?,
        Some("queryParams") => HashInput::QueryParams(parameters?),
        _ => HashInput::SourceIp,
    };
    Some(ConsistentHash { input, table_size: size.value })
}

fn header(at: At<'_>, findings: &mut Findings) -> Option<Vec<String>> {
    Some(vec![header_name(at, findings)?])
}

fn header_name(at: At<'_>, findings: &mut Findings) -> Option<String> {
    let fields = Fields::of(at, &NAMED, findings)?;
    let name = fields.required("name", findings, parsed(Code::InvalidHeaderName, names::token))?;
    Some(name.value.to_ascii_lowercase())
}

fn parameter(at: At<'_>, findings: &mut Findings) -> Option<String> {
    let fields = Fields::of(at, &NAMED, findings)?;
    Some(fields.required("name", findings, parsed(Code::InvalidQueryParamName, names::token))?.value)
}

fn cookie(at: At<'_>, findings: &mut Findings) -> Option<HashInput> {
    let fields = Fields::of(at, &COOKIE, findings)?;
    let name = fields.required("name", findings, parsed(Code::InvalidCookieName, names::token));
    let ttl = fields.optional("ttl", findings, time);
    let attributes = fields.optional("attributes", findings, attributes).unwrap_or_default();
    Some(HashInput::Cookie { name: name?, ttl, attributes })
}

/// Attributes of a cookie that Envoy can write.
fn attributes(at: At<'_>, findings: &mut Findings) -> Option<BTreeMap<String, String>> {
    let attributes = strings(at, findings)?;
    for (name, value) in &attributes {
        if let Err(error) = names::token(name) {
            findings.add(at.error(Code::InvalidCookieName, error.to_string()));
        }
        if value.contains(|c: char| c == ';' || c.is_control()) {
            let message = "the value of a cookie attribute cannot contain `;` or control characters";
            findings.add(at.error(Code::InvalidHeaderValue, message));
        }
    }
    Some(attributes)
}

fn is_prime(number: u32) -> bool {
    number >= 2
        && (2..=number / 2)
            .take_while(|factor| *factor <= number / factor)
            .all(|factor| !number.is_multiple_of(factor))
}

#[cfg(test)]
mod tests {
    use super::is_prime;

    #[test]
    fn tables_have_a_prime_size() {
        let primes: Vec<u32> = (0..30).filter(|number| is_prime(*number)).collect();
        assert_eq!(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert!(is_prime(65_537) && is_prime(super::LARGEST_TABLE) && !is_prime(65_536));
    }
}
