//! Named after the threats.

use super::*;
use crate::config::{Cookie, CookieName, CookiePath, Header, HeaderName, Lifetime};
use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::test;
use crate::time::Timestamp;

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
    Carrier::Cookie(Cookie::new(name, CookiePath::default(), Lifetime::Session))
}

fn header(name: &str) -> Carrier {
    Carrier::Header(Header { name: HeaderName::try_from(name.to_owned()).unwrap(), removed_by_route: false })
}

fn contents(issued: u64, last_seen: u64, endpoint: &str) -> Contents {
    Contents {
        issued: Timestamp::from_unix_seconds(issued),
        last_seen: Timestamp::from_unix_seconds(last_seen),
        endpoint: Endpoint::parse(endpoint.as_bytes()).unwrap(),
        identity: None,
    }
}

/// The same contents for this pod.
fn of_pod(contents: Contents, pod: &str) -> Contents {
    Contents { identity: Some(Identity::of(pod)), ..contents }
}

fn sealer(secrets: &[u8]) -> Sealer {
    Sealer::new(&ring(secrets), &rule("default/shop"), &cookie("sid"))
}

fn some_token() -> String {
    sealer(&[1]).seal(&contents(1_700_000_000, 1_700_000_100, "10.0.0.1:80"), None, &NONCE_A).unwrap()
}

/// Tokens of every version, made by another implementation (`PyNaCl`). They must open for ever.
#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn vectors() {
    struct Vector {
        key: Key,
        rule: &'static str,
        carrier: Carrier,
        share: Option<&'static str>,
        nonce: Nonce,
        contents: Contents,
        /// Whether tokens like this are still issued.
        issued: bool,
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
            issued: true,
            token: "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5Fo-Lh76kl90v85X-3hVAzABGiTn2mr07",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/header@4f2a9c0d71b6e835",
            carrier: header("Session-A"),
            share: None,
            nonce,
            contents: contents(1_700_000_000, 1_700_000_042, "[2001:db8::1]:443"),
            issued: true,
            token: "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5FqXUhrMXnGWSkrqtxBNZU5prMEZcqH37jSdjNRjKFVxjXoo6",
        },
        Vector {
            key: Key::new([0; 32]),
            rule: "r",
            carrier: cookie("n"),
            share: None,
            nonce: reversed,
            contents: contents(0xff_ffff_ffff, 0xff_ffff_ffff + 0xffff_ffff, "255.255.255.255:65535"),
            issued: true,
            token: "AWZoeq1XVlVUU1JRUE9OTUxLSklIR0ZFRENCQUAMVMoETpYSgoUtn4ApF3ADHiFX3kxiJcrMeSH1bBLP",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/cookie@4f2a9c0d71b6e835",
            carrier: cookie("Session-A"),
            share: Some("default/v1:80"),
            nonce,
            contents: contents(1_700_000_000, 1_700_000_000, "127.0.0.11:3000"),
            issued: false,
            token: "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5Fo-Lh76kl91ND1pze6UkpD4Mpfng0zTW",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/cookie@4f2a9c0d71b6e835",
            carrier: cookie("Session-A"),
            share: Some("default/v1:80"),
            nonce,
            contents: contents(1_700_000_000, 1_700_000_000, "127.0.0.11:3000"),
            issued: true,
            token: "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfWOWAjIeB5Fo_0-L6vl24q0I0b4lZ_kBvzKLncoNKOOBVKta-x0uC_",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/header@4f2a9c0d71b6e835",
            carrier: header("Session-A"),
            share: Some("default/v2:80"),
            nonce,
            contents: contents(1_700_000_000, 1_700_000_042, "[2001:db8::1]:443"),
            issued: true,
            token: "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfXOWAjIeB5Fo_ep7-iJGWSkrqtxBNZU5pqMPz-nBV4BiqBe8WxP1HtloWrWi-yrzMxiiDu",
        },
        Vector {
            key: Key::new([0; 32]),
            rule: "r",
            carrier: cookie("n"),
            share: Some(""),
            nonce: reversed,
            contents: contents(0xff_ffff_ffff, 0xff_ffff_ffff + 0xffff_ffff, "255.255.255.255:65535"),
            issued: true,
            token: "AmZoeq1XVlVUU1JRUE9OTUxLSklIR0ZFRENCQUDxVMoETpYSgoUtn4ApF3Bc2cB56fEl10KpFnPijHR80yFZSdQ4f-4v",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/cookie@4f2a9c0d71b6e835",
            carrier: cookie("Session-A"),
            share: None,
            nonce,
            contents: of_pod(contents(1_700_000_000, 1_700_000_000, "127.0.0.11:3000"), "shop/cart-0"),
            issued: true,
            token: "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfQOWAjIeB5Fo_0-L6vl24qtSi_uFyrxWKa0d_CEp7KomaH2ZuA0H2B",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/header@4f2a9c0d71b6e835",
            carrier: header("Session-A"),
            share: None,
            nonce,
            contents: of_pod(contents(1_700_000_000, 1_700_000_042, "[2001:db8::1]:443"), "shop/cart-1"),
            issued: true,
            token: "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfROWAjIeB5Fo_ep7-iJGWSkrqtxBNZU5pqMPz-L7ERG0PIzFi4d-Ikmki5uHcq16Ma3AT7",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/cookie@4f2a9c0d71b6e835",
            carrier: cookie("Session-A"),
            share: Some("default/v1:80"),
            nonce,
            contents: of_pod(contents(1_700_000_000, 1_700_000_000, "127.0.0.11:3000"), "shop/cart-0"),
            issued: true,
            token: "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfSOWAjIeB5Fo_0-L6vl24q0I0b4lZ_kBtNo-85Rva1aBZy0XflHnMbEBy0covrgFj0",
        },
        Vector {
            key: Key::new(counting),
            rule: "default/header@4f2a9c0d71b6e835",
            carrier: header("Session-A"),
            share: Some("default/v2:80"),
            nonce,
            contents: of_pod(contents(1_700_000_000, 1_700_000_042, "[2001:db8::1]:443"), "shop/cart-1"),
            issued: true,
            token: "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfTOWAjIeB5Fo_ep7-iJGWSkrqtxBNZU5pqMPz-nBV4BiqBe8VzJ7abqoM6egrFpRLGr4A5djxUsx3Yln9g",
        },
    ];
    for Vector { key, rule: id, carrier, share, nonce, contents, issued, token } in vectors {
        let sealer = Sealer::new(&KeyRing::new(key, []), &rule(id), &carrier);
        let share = share.map(Share::new);
        let shares: Vec<_> = ["other", "another"].map(Share::new).into_iter().chain(share.clone()).collect();
        let shares = if share.is_some() { &*shares } else { &[] };
        let expected =
            Opened { contents: contents.clone(), older_key: false, share: share.is_some().then_some(2) };
        assert_eq!(sealer.opener(shares).open(token.as_bytes()), Ok(expected), "{id}");
        if issued {
            assert_eq!(sealer.seal(&contents, share.as_ref(), &nonce).as_deref(), Some(token), "{id}");
        }
    }
}

/// Tokens around values of backends, made like the other vectors.
#[test]
fn vectors_of_envelopes() {
    let nonce: Nonce = std::array::from_fn(|i| 0x40 + u8::try_from(i).unwrap());
    let key = Key::new(std::array::from_fn(|i| u8::try_from(i).unwrap()));
    let sealer =
        Sealer::new(&KeyRing::new(key, []), &rule("default/mcp@4f2a9c0d71b6e835"), &header("Mcp-Session-Id"));
    let shares = [Share::new("default/v2:80")];
    for (shares, contents, value, token) in [
        (
            &[][..],
            contents(1_700_000_000, 1_700_000_000, "127.0.0.11:3000"),
            &b"1868a90c4d0a4e8f9b6f2d5c7e3a1b20"[..],
            "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfcOWAjIeB5Fo_0-L6vl24qkpqc_CVhMqNaUskhOWUX9S6fOwxj9LZ0ytHDKTm765OpW31X95xVyBcL3pu4feRqzyDV",
        ),
        (
            &shares[..],
            of_pod(contents(1_700_000_000, 1_700_000_042, "[2001:db8::1]:443"), "shop/cart-1"),
            b"\xff, \0",
            "AmMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfbOWAjIeB5Fo_ep7-iJGWSkrqtxBNZU5pqMPz-nBV4BiqBe8VzJ7abqoM6egra3g63S31-UlSrwC04bEKSMMm8mxT_",
        ),
    ] {
        let share = shares.first();
        let mut opener = sealer.opener(shares);
        let expected = Opened { contents: contents.clone(), older_key: false, share: share.map(|_| 0) };
        assert_eq!(opener.open(token.as_bytes()), Ok(expected));
        assert_eq!(opener.take_value(), value);
        assert_eq!(sealer.seal_around(value, &contents, share, &nonce).as_deref(), Some(token));
    }
}

#[test]
fn values_of_every_length_up_to_the_limit_come_back() {
    let sealer = sealer(&[1]);
    let share = Share::new("one");
    let bytes: Vec<u8> = (0..=255).cycle().take(VALUE_LIMIT + 1).collect();
    for (share, endpoint) in [(None, "10.0.0.1:80"), (Some(&share), "[2001:db8::1]:443")] {
        let contents = of_pod(contents(1_700_000_000, 1_700_000_100, endpoint), "shop/cart-0");
        for length in 0..=VALUE_LIMIT {
            let value = &bytes[..length];
            let token = sealer.seal_around(value, &contents, share, &NONCE_A).unwrap();
            let mut opener = sealer.opener(share.map_or(&[], std::slice::from_ref));
            assert_eq!(opener.open(token.as_bytes()).unwrap().contents, contents);
            assert_eq!(opener.take_value(), value);
            assert!(has_length_of_envelope(token.len()) || has_length(token.len()), "{length}");
        }
        assert_eq!(sealer.seal_around(&bytes, &contents, share, &NONCE_A), None);
    }
}

#[test]
fn values_are_forgotten_with_the_next_token() {
    let recent = RefCell::new(Recent::of(8));
    let (sealer, contents) = (sealer(&[1]), contents(1_700_000_000, 1_700_000_100, "10.0.0.1:80"));
    let envelope = sealer.seal_around(b"secret", &contents, None, &NONCE_A).unwrap();
    let plain = some_token();
    let mut opener = sealer.opener(&[]).remembering(&recent);
    for _ in 0..2 {
        opener.open(plain.as_bytes()).unwrap();
        assert!(opener.value.is_empty());
        opener.open(envelope.as_bytes()).unwrap();
        assert_eq!(opener.value, b"secret");
        assert!(opener.open(b"AAAA").is_err() && opener.value.is_empty());
        opener.open(envelope.as_bytes()).unwrap();
        opener.open(plain.as_bytes()).unwrap();
        assert!(opener.value.is_empty());
    }
}

#[test]
fn tokens_have_one_length_for_each_version_and_address_family() {
    let share = Share::new("default/a-rather-long-name:65535");
    let mut lengths = Vec::new();
    for (share, pod) in [(None, false), (Some(&share), false), (None, true), (Some(&share), true)] {
        for endpoint in ["255.255.255.255:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"] {
            let contents = contents(1_700_000_000, 1_700_000_000, endpoint);
            let contents = if pod { of_pod(contents, "default/a-rather-long-name-0") } else { contents };
            lengths.push(sealer(&[1]).seal(&contents, share, &NONCE_A).unwrap().len());
        }
    }
    assert_eq!(lengths, [80, 96, 92, 108, 92, 108, 104, 120]);
    assert!(lengths.iter().all(|length| has_length(*length)));
    assert!(LENGTHS.iter().all(|length| lengths.contains(length) && length % 4 == 0));
}

#[test]
fn any_key_of_the_ring_opens_and_older_keys_are_reported() {
    let token = some_token();
    for (ring, older_key) in [(&[1_u8][..], false), (&[2, 1], true), (&[2, 3, 1], true), (&[1, 2], false)] {
        assert_eq!(sealer(ring).open(token.as_bytes()).unwrap().older_key, older_key, "{ring:?}");
    }
}

#[test]
fn the_next_key_opens_before_it_seals() {
    let token = sealer(&[2, 1]).seal(&contents(1, 2, "10.0.0.1:80"), None, &NONCE_A).unwrap();
    assert!(sealer(&[1, 2]).open(token.as_bytes()).is_ok());
}

#[test]
fn the_first_key_seals() {
    let token = sealer(&[2, 1]).seal(&contents(1, 2, "10.0.0.1:80"), None, &NONCE_A).unwrap();
    assert!(sealer(&[2]).open(token.as_bytes()).is_ok());
    assert_eq!(sealer(&[1]).open(token.as_bytes()), Err(OpenError::UnknownKey));
}

#[test]
fn a_token_of_a_removed_key_does_not_open() {
    assert_eq!(sealer(&[2]).open(some_token().as_bytes()), Err(OpenError::UnknownKey));
}

#[test]
fn a_token_of_another_rule_does_not_open() {
    let foreign = Sealer::new(&ring(&[1]), &rule("default/cart"), &cookie("sid"));
    assert_eq!(foreign.open(some_token().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_token_of_another_cookie_does_not_open() {
    let renamed = Sealer::new(&ring(&[1]), &rule("default/shop"), &cookie("Sid"));
    assert_eq!(renamed.open(some_token().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_cookie_token_does_not_open_in_a_header() {
    let moved = Sealer::new(&ring(&[1]), &rule("default/shop"), &header("sid"));
    assert_eq!(moved.open(some_token().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_token_names_its_share() {
    let sealer = sealer(&[1]);
    let contents = contents(1_700_000_000, 1_700_000_000, "10.0.0.1:80");
    let shares = ["", "a", "aa"].map(Share::new);
    for (position, share) in shares.iter().enumerate() {
        let token = sealer.seal(&contents, Some(share), &NONCE_A).unwrap();
        let opened = Opened { contents: contents.clone(), older_key: false, share: Some(position) };
        assert_eq!(sealer.opener(&shares).open(token.as_bytes()), Ok(opened));
        let others: Vec<_> = shares.iter().filter(|other| *other != share).cloned().collect();
        assert_eq!(sealer.opener(&others).open(token.as_bytes()), Err(OpenError::Forged));
        assert_eq!(sealer.open(token.as_bytes()), Err(OpenError::Forged));
    }
    for contents in [contents.clone(), of_pod(contents, "a/b")] {
        let without = sealer.seal(&contents, None, &NONCE_A).unwrap();
        assert_eq!(sealer.opener(&shares).open(without.as_bytes()), Err(OpenError::Forged));
    }
}

/// The fourth of the `vectors`, among as many shares as a rule can have.
#[test]
fn only_the_first_version_1_token_of_a_split_rule_is_tried() {
    let token = "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5Fo-Lh76kl91ND1pze6UkpD4Mpfng0zTW";
    let ring = KeyRing::new(Key::new(std::array::from_fn(|i| u8::try_from(i).unwrap())), []);
    let sealer = Sealer::new(&ring, &rule("default/cookie@4f2a9c0d71b6e835"), &cookie("Session-A"));
    let named = |number: usize| format!("default/v{number}:80");
    let shares: Vec<_> = (0..16).map(|number| Share::new(&named(16 - number))).collect();
    let mut opener = sealer.opener(&shares);
    assert_eq!(opener.open(token.as_bytes()).map(|opened| opened.share), Ok(Some(15)));
    assert_eq!(opener.open(token.as_bytes()), Err(OpenError::Forged));
    let changed = token.replace("zTW", "zTA");
    assert_eq!(sealer.opener(&shares).open(changed.as_bytes()), Err(OpenError::Forged));
    let too_many: Vec<_> = (0..17).map(|number| Share::new(&named(17 - number))).collect();
    assert_eq!(sealer.opener(&too_many).open(token.as_bytes()), Err(OpenError::Forged));
}

/// Sealed with our key, as a later release may do it.
#[test]
fn a_token_whose_flags_are_unknown_or_do_not_match_its_length_does_not_open() {
    let shares = [Share::new("a")];
    for (flags, sealed) in [
        (6, "AnLNboRAQUJDREVGR0hJSktMTU5PUFFSU1RVVlexpGsdvPNR--irZ2tc9Pkt-Mq3aSMS4iQQgeeorlisRjk5hVvJp8bp"),
        (0, "AnLNboRAQUJDREVGR0hJSktMTU5PUFFSU1RVVle3pGsdvPNR--irZ2tc9Pkt-Mq3aSMS4iTVcTpgl0sb54FHtBdAvzR6"),
        (8, "AnLNboRAQUJDREVGR0hJSktMTU5PUFFSU1RVVle_pGsdvPNR--irEmtc_vLF8xHru9r_FHMvrz9Z7GTmvQsTnMf4sDCo"),
        (12, "AnLNboRAQUJDREVGR0hJSktMTU5PUFFSU1RVVle7pGsdvPNR--irEmtc_vLF8xHru9r_FHOqDrOJpm2c_YUJ0vT-S-dH"),
        // The byte behind both digests is not zero.
        (
            6,
            "AnLNboRAQUJDREVGR0hJSktMTU5PUFFSU1RVVlexpGsdvPNR--irEmtc_vLF-Mq3aSMS4iTMQbpDnEPRm2o9P7e_jqrcXvZZCxum2VAk",
        ),
        // Nine zero bytes behind the digest of a pod.
        (
            4,
            "AnLNboRAQUJDREVGR0hJSktMTU5PUFFSU1RVVlezpGsdvPNR--irEmtc_vLF8xHru9r_FHMNDWeDr7WaBmsryrToRccJ4oR8lufBNC0x",
        ),
    ] {
        let opened = sealer(&[1]).opener(&shares).open(sealed.as_bytes());
        assert_eq!(opened, Err(OpenError::Malformed), "{flags}");
    }
}

#[test]
fn rule_id_and_name_are_not_concatenated_ambiguously() {
    let token = Sealer::new(&ring(&[1]), &rule("a\u{0}s"), &cookie("id")).seal(
        &contents(1, 1, "10.0.0.1:80"),
        None,
        &NONCE_A,
    );
    let confused = Sealer::new(&ring(&[1]), &rule("a"), &cookie("sid"));
    assert_eq!(confused.open(token.unwrap().as_bytes()), Err(OpenError::Forged));
}

#[test]
fn a_changed_token_does_not_open() {
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
fn a_shortened_or_extended_token_does_not_open() {
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
    let as_long_as_version_2 = format!("{token}AAAAAAAAAAAA");
    assert_eq!(sealer.open(as_long_as_version_2.as_bytes()), Err(OpenError::Malformed));
    assert_eq!(sealer.open(&vec![b'A'; 1 << 16]), Err(OpenError::Malformed));
}

#[test]
fn a_token_of_another_version_does_not_open() {
    let mut bytes = URL_SAFE_NO_PAD.decode(some_token()).unwrap();
    for version in (0..=u8::MAX).filter(|&version| version != VERSION_1) {
        bytes[0] = version;
        assert_eq!(sealer(&[1]).open(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), Err(OpenError::Malformed));
    }
}

#[test]
fn a_last_seen_time_before_the_issue_time_becomes_the_issue_time() {
    let token =
        sealer(&[1]).seal(&contents(1_700_000_100, 1_700_000_000, "10.0.0.1:80"), None, &NONCE_A).unwrap();
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
            pod in prop::option::of("[a-z]{1,9}/[a-z]{1,9}"),
            is_split in any::<bool>(),
        ) {
            let last_seen = Timestamp::from_unix_seconds(issued + u64::from(seen));
            let endpoint = Endpoint::new(SocketAddr::new(endpoint.ip(), endpoint.port()));
            let identity = pod.as_deref().map(Identity::of);
            let contents = Contents { issued: Timestamp::from_unix_seconds(issued), last_seen, endpoint, identity };
            let shares: Vec<_> = is_split.then(|| Share::new("a")).into_iter().collect();
            let token = sealer(&[1]).seal(&contents, shares.first(), &nonce).unwrap();
            let expected = Opened { contents, older_key: true, share: is_split.then_some(0) };
            prop_assert_eq!(sealer(&[2, 1]).opener(&shares).open(token.as_bytes()), Ok(expected));
        }

        #[test]
        fn arbitrary_bytes_never_open(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(sealer(&[1]).open(&bytes).is_err());
        }

        #[test]
        fn arbitrary_tokens_with_our_key_id_never_open(
            version in VERSION_1..=VERSION_2,
            tail in prop::collection::vec(any::<u8>(), 0..90),
        ) {
            let mut bytes = vec![version];
            bytes.extend_from_slice(&Key::new([1; 32]).id().0);
            bytes.extend_from_slice(&tail);
            let token = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert!(sealer(&[1]).open(token.as_bytes()).is_err());
            prop_assert!(sealer(&[1]).opener(&[Share::new("a")]).open(token.as_bytes()).is_err());
        }
    }
}
