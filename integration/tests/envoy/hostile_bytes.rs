//! Arbitrary bytes from clients never trap the filter.

use integration::harness::client::raw;

use crate::setup::{COOKIE, HEADER, address, client, manifests, pod, pods, serve, token};

/// Header values that try the readers of cookies and tokens.
fn hostile_values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "",
        " ",
        ";",
        "=",
        ";;;;",
        "session",
        "session=",
        "session=;",
        "=session",
        "session==",
        "session=\"",
        "session=\"\"",
        "session=%00",
        "session=\u{e9}",
        "\u{202e}session=x",
        "session=AAAA",
        "session=____",
        "session=-",
        ",",
        ",,,",
        "session=,session=,",
        "$Version=1; session=x; $Path=/",
        "session =x",
        "session= x",
        "\tsession=\tx",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    // Every byte that Envoy lets through in a header value.
    for byte in (0x20..=0xff).filter(|byte| *byte != 0x7f) {
        values.push([b"session=".as_slice(), &[byte; 3]].concat());
        values.push([b"se", [byte].as_slice(), b"ssion=x"].concat());
    }
    for length in [1, 7, 79, 80, 81, 95, 96, 97, 4096, 30_000] {
        values.push([b"session=".as_slice(), &vec![b'A'; length]].concat());
        values.push(b"session=A; ".repeat(length / 8));
        values.push(vec![0xff; length]);
    }
    values
}

#[tokio::test]
async fn arbitrary_bytes_never_trap_the_filter() {
    let pods = pods::<2>();
    for (persistence, name) in [(COOKIE, "Cookie"), (HEADER, "Session")] {
        let envoy = serve(&manifests(&pods, persistence)).await;
        let address = address(&envoy);
        for value in hostile_values() {
            let request = [
                b"GET /get HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n".as_slice(),
                name.as_bytes(),
                b": ",
                &value,
                b"\r\n\r\n",
            ]
            .concat();
            let answer = raw(address, &request).await.unwrap();
            assert_eq!(answer.status, 200, "{name}: {}", value.escape_ascii());
            assert!(token(&answer).is_some(), "{name}: {}", value.escape_ascii());
        }
        let traps = envoy.admin().stats("vm_reload").await.unwrap();
        assert!(!traps.is_empty() && traps.values().all(|&count| count == 0), "{traps:?}");
        let log = envoy.log();
        assert!(!log.contains("panicked") && !log.contains("[critical]"), "{log}");

        let client = client(&envoy);
        let answer = client.get("/get").await.unwrap();
        let token = token(&answer).unwrap();
        let cookie = format!("session={token}");
        let again = client.get_with("/get", &[("cookie", &cookie), ("session", &token)]).await.unwrap();
        assert_eq!(pod(&again), pod(&answer));
    }
}
