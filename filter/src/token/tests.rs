//! Named after the threats.

use super::*;
use crate::config::{Cookie, CookieName, Header, HeaderName, Lifetime};
use crate::test;

const NONCE_A: Nonce = [0xa5; NONCE];

fn ring(secrets: &[u8]) -> KeyRing {
    let mut keys = secrets.iter().map(|&byte| Key::new([byte; 32]));
    KeyRing::new(keys.next().unwrap(), keys)
}

fn rule(id: &str) -> RuleId {
    RuleId::try_from(id.to_owned()).unwrap()
}

fn cookie(name: &str) -> Carrier {
    let name = CookieName::try_from(name.to_owned()).unwrap();
    Carrier::Cookie(Cookie {
        name,
        path: "/".to_owned().try_into().unwrap(),
        lifetime: Lifetime::Session,
        secure: false,
    })
}

fn header(name: &str) -> Carrier {
    Carrier::Header(Header { name: HeaderName::try_from(name.to_owned()).unwrap() })
}

fn contents(issued: u64, last_seen: u64, endpoint: &str) -> Contents {
    Contents {
        issued: Timestamp::from_unix_seconds(issued),
        last_seen: Timestamp::from_unix_seconds(last_seen),
        endpoint: Endpoint::parse(endpoint.as_bytes()).unwrap(),
    }
}

fn sealer(secrets: &[u8]) -> Sealer {
    Sealer::new(&ring(secrets), &rule("default/shop"), &cookie("sid"), None)
}

fn some_token() -> String {
    sealer(&[1]).seal(&contents(1_700_000_000, 1_700_000_100, "10.0.0.1:80"), &NONCE_A).unwrap()
}

/// Tokens of every version, made by another implementation (`PyNaCl`). They must open for ever.
#[test]
fn vectors() {
    struct Vector {
        key: Key,
        rule: &'static str,
        carrier: Carrier,
        share: Option<&'static str>,
        nonce: Nonce,
        contents: Contents,
        token: &'static str,
    }
    let counting = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let nonce: Nonce = std::array::from_fn(|i| 0x40 + u8::try_from(i).unwrap());
    let mut reversed = nonce;
    reversed.reverse();
    let vectors = [
        Vector {
            key: Key::new(counting),
            rule: "default/cookie@4f2a9c0d71b6e835",
            carrier: cookie("Session-A"),
            share: None,
            nonce,
            contents: contents(1_700_000_000, 1_700_000_000, "127.0.0.11:3000"),
            token: "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5Fo-Lh76kl90v85X-3hVAzABGiTn2mr07",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/header@4f2a9c0d71b6e835",
            carrier: header("Session-A"),
            share: None,
            nonce,
            contents: contents(1_700_000_000, 1_700_000_042, "[2001:db8::1]:443"),
            token: "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5FqXUhrMXnGWSkrqtxBNZU5prMEZcqH37jSdjNRjKFVxjXoo6",
        },
        Vector {
            key: Key::new([0; 32]),
            rule: "r",
            carrier: cookie("n"),
            share: None,
            nonce: reversed,
            contents: contents(0xff_ffff_ffff, 0xff_ffff_ffff + 0xffff_ffff, "255.255.255.255:65535"),
            token: "AWZoeq1XVlVUU1JRUE9OTUxLSklIR0ZFRENCQUAMVMoETpYSgoUtn4ApF3ADHiFX3kxiJcrMeSH1bBLP",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/cookie@4f2a9c0d71b6e835",
            carrier: cookie("Session-A"),
            share: Some("default/v1:80"),
            nonce,
            contents: contents(1_700_000_000, 1_700_000_000, "127.0.0.11:3000"),
            token: "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5Fo-Lh76kl91ND1pze6UkpD4Mpfng0zTW",
        },
    ];
    for Vector { key, rule: id, carrier, share, nonce, contents, token } in vectors {
        let sealer = Sealer::new(&KeyRing::new(key, []), &rule(id), &carrier, share);
        assert_eq!(sealer.open(token.as_bytes()), Ok(Opened { contents, older_key: false }), "{id}");
        assert_eq!(sealer.seal(&contents, &nonce).as_deref(), Some(token), "{id}");
    }
}

#[test]
fn a_token_of_an_ipv4_endpoint_has_80_characters_and_of_an_ipv6_endpoint_96() {
    let length = |endpoint| {
        sealer(&[1]).seal(&contents(1_700_000_000, 1_700_000_000, endpoint), &NONCE_A).unwrap().len()
    };
    assert_eq!(length("255.255.255.255:65535"), 80);
    assert_eq!(length("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"), 96);
}

#[test]
fn a_token_opens_with_any_key_of_the_ring_and_tells_whether_it_is_an_older_one() {
    let token = some_token();
    for (ring, older_key) in [(&[1_u8][..], false), (&[2, 1], true), (&[2, 3, 1], true), (&[1, 2], false)] {
        assert_eq!(sealer(ring).open(token.as_bytes()).unwrap().older_key, older_key, "{ring:?}");
    }
}

#[test]
fn a_key_that_is_to_seal_next_already_opens() {
    let token = sealer(&[2, 1]).seal(&contents(1, 2, "10.0.0.1:80"), &NONCE_A).unwrap();
    assert!(sealer(&[1, 2]).open(token.as_bytes()).is_ok());
}

#[test]
fn the_first_key_seals() {
    let token = sealer(&[2, 1]).seal(&contents(1, 2, "10.0.0.1:80"), &NONCE_A).unwrap();
    assert!(sealer(&[2]).open(token.as_bytes()).is_ok());
    assert_eq!(sealer(&[1]).open(token.as_bytes()), Err(OpenError::UnknownKey));
}

#[test]
fn a_token_of_a_dropped_key_does_not_open() {
    assert_eq!(sealer(&[2]).open(some_token().as_bytes()), Err(OpenError::UnknownKey));
}

#[test]
fn a_token_of_another_rule_does_not_open() {
    let foreign = Sealer::new(&ring(&[1]), &rule("default/cart"), &cookie("sid"), None);
    assert_eq!(foreign.open(some_token().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_token_of_another_cookie_does_not_open() {
    let renamed = Sealer::new(&ring(&[1]), &rule("default/shop"), &cookie("Sid"), None);
    assert_eq!(renamed.open(some_token().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_token_of_a_cookie_does_not_open_in_a_header() {
    let moved = Sealer::new(&ring(&[1]), &rule("default/shop"), &header("sid"), None);
    assert_eq!(moved.open(some_token().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_token_of_a_share_opens_for_no_other_share_and_not_without_one() {
    let of = |carrier: &str, share| Sealer::new(&ring(&[1]), &rule("default/shop"), &cookie(carrier), share);
    let contents = contents(1_700_000_000, 1_700_000_000, "10.0.0.1:80");
    let sealers = [of("sid", None), of("sid", Some("")), of("sid", Some("a")), of("sid", Some("aa"))];
    for (own, sealer) in sealers.iter().enumerate() {
        let token = sealer.seal(&contents, &NONCE_A).unwrap();
        for (other, sealer) in sealers.iter().enumerate() {
            let opened = sealer.open(token.as_bytes());
            assert_eq!(opened.is_ok(), own == other, "{own} {other}: {opened:?}");
        }
    }
}

#[test]
fn a_rule_id_that_ends_in_a_name_is_another_rule() {
    let token = Sealer::new(&ring(&[1]), &rule("a\u{0}s"), &cookie("id"), None)
        .seal(&contents(1, 1, "10.0.0.1:80"), &NONCE_A);
    let confused = Sealer::new(&ring(&[1]), &rule("a"), &cookie("sid"), None);
    assert_eq!(confused.open(token.unwrap().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_token_that_was_changed_in_any_place_does_not_open() {
    let token = some_token();
    let sealer = sealer(&[1]);
    for place in 0..token.len() {
        for change in [b'A', b'B', b'_', b'=', b'\n', 0xff] {
            let mut changed = token.clone().into_bytes();
            if std::mem::replace(&mut changed[place], change) != change {
                assert!(sealer.open(&changed).is_err(), "{place} {change}");
            }
        }
    }
}

#[test]
fn a_token_that_was_cut_or_lengthened_does_not_open() {
    let token = some_token();
    let sealer = sealer(&[1]);
    for length in 0..token.len() {
        assert!(sealer.open(&token.as_bytes()[..length]).is_err(), "{length}");
    }
    for tail in ["A", "AA", "AAAA", "=", " "] {
        assert_eq!(sealer.open(format!("{token}{tail}").as_bytes()), Err(OpenError::Malformed), "{tail}");
    }
    let as_long_as_for_ipv6 = format!("{token}AAAAAAAAAAAAAAAA");
    assert_eq!(sealer.open(as_long_as_for_ipv6.as_bytes()), Err(OpenError::Forged));
    assert_eq!(sealer.open(&vec![b'A'; 1 << 16]), Err(OpenError::Malformed));
}

#[test]
fn a_token_of_another_version_does_not_open() {
    let mut bytes = URL_SAFE_NO_PAD.decode(some_token()).unwrap();
    for version in (0..=u8::MAX).filter(|&version| version != VERSION) {
        bytes[0] = version;
        assert_eq!(sealer(&[1]).open(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), Err(OpenError::Malformed));
    }
}

#[test]
fn a_last_seen_time_before_the_issue_time_becomes_the_issue_time() {
    let token = sealer(&[1]).seal(&contents(1_700_000_100, 1_700_000_000, "10.0.0.1:80"), &NONCE_A).unwrap();
    let opened = sealer(&[1]).open(token.as_bytes()).unwrap();
    assert_eq!(opened.contents, contents(1_700_000_100, 1_700_000_100, "10.0.0.1:80"));
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens_to_the_same(
            issued in 0..1_u64 << 40,
            seen in any::<u32>(),
            endpoint in any::<SocketAddr>(),
            nonce in any::<Nonce>(),
        ) {
            let last_seen = Timestamp::from_unix_seconds(issued + u64::from(seen));
            let endpoint = Endpoint::new(SocketAddr::new(endpoint.ip(), endpoint.port()));
            let contents = Contents { issued: Timestamp::from_unix_seconds(issued), last_seen, endpoint };
            let token = sealer(&[1]).seal(&contents, &nonce).unwrap();
            prop_assert_eq!(sealer(&[2, 1]).open(token.as_bytes()), Ok(Opened { contents, older_key: true }));
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(sealer(&[1]).open(&bytes).is_err());
        }

        #[test]
        fn arbitrary_tokens_with_our_key_id_never_open(tail in prop::collection::vec(any::<u8>(), 0..90)) {
            let mut bytes = vec![VERSION];
            bytes.extend_from_slice(&Key::new([1; 32]).id().0);
            bytes.extend_from_slice(&tail);
            prop_assert!(sealer(&[1]).open(URL_SAFE_NO_PAD.encode(bytes).as_bytes()).is_err());
        }
    }
}
