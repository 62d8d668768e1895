//! `addresses` of a Gateway (`GatewaySpecAddress`).

use std::net::IpAddr;

use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::value::string;
use crate::source::Spanned;

/// An address in `addresses`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// An address of another type, such as a hostname.
    Other {
        /// The type.
        kind: String,
        /// The value; may be empty.
        value: String,
    },
}

const ADDRESS: Known = Known { read: &["type", "value"], unread: &[], unsupported: &[] };

/// Reads the addresses. IP addresses without a value are omitted: any address will do.
pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<Vec<Spanned<Address>>> {
    let addresses = list(at, 0..=16, findings, address)?;
    let keys = addresses.iter().map(|address| (format!("{:?}", address.value), address.span));
    unique(&at, "address", keys, findings);
    Some(addresses)
}

/// `None` if any address will do, or after an error.
fn address(at: At<'_>, findings: &mut Findings) -> Option<Spanned<Address>> {
    let fields = Fields::of(at, &ADDRESS, findings)?;
    let kind = fields.or("type", fields.default(String::from("IPAddress")), findings, string)?.value;
    let value = fields.optional("value", findings, string).map(|value| value.value).unwrap_or_default();
    let address = match (kind.as_str(), value.as_str()) {
        ("IPAddress", "") => return None,
        ("IPAddress", text) => match text.parse::<IpAddr>() {
            Ok(address) => Address::Ip(address),
            Err(_) => {
                return findings
                    .reject(at.error(Code::InvalidIpAddress, format!("{text:?} is not an IP address")));
            }
        },
        (word, _) if word == "Hostname" || word.contains('/') => Address::Other { kind, value },
        _ => {
            return findings.reject(at.unknown_value(&kind, ["IPAddress", "Hostname"]));
        }
    };
    Some(Spanned { value: address, span: at.span() })
}
