//! `addresses` of a Gateway (`GatewaySpecAddress`).

use std::net::IpAddr;

use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::value::string;
use crate::source::Spanned;

/// An address that a Gateway asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// An address of another type: a hostname, say.
    Other {
        /// Its type.
        kind: String,
        /// Its value, perhaps empty.
        value: String,
    },
}

const ADDRESS: Known = Known { read: &["type", "value"], unread: &[], unsupported: &[] };

/// The addresses that are asked for. An IP address without a value may be any.
pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<Vec<Spanned<Address>>> {
    let addresses = list(at, 0..=16, findings, address)?;
    let keys = addresses.iter().map(|address| (format!("{:?}", address.value), address.span));
    unique(&at, "address", keys, findings);
    Some(addresses)
}

/// None when it may be any, or is wrong, which has been said.
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
