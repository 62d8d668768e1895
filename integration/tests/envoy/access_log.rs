//! The access log: what it says of sessions, and what it never contains.

use std::time::Duration;

use envoy_config::options::AccessLog;
use integration::backend::Behaviour;
use integration::harness::client::{Client, raw};
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use integration::harness::{deadline, keys};
use serde_json::{Value, json};
use session_persistence::config::Pin;

use crate::setup::{
    COOKIE, Mint, address, client, deployment, get_with_cookie, manifests, pods, refusal, rule_of, serve,
    start, token,
};

/// The lines of the access log; all of them must be JSON.
fn lines(envoy: &Process) -> Vec<Value> {
    let log = envoy.log();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The line for the request with this path.
async fn line(envoy: &Process, path: &str) -> Value {
    let found = deadline::until(Duration::from_secs(30), async || {
        lines(envoy).into_iter().find(|line| line["path"] == path)
    });
    found.await.unwrap_or_else(|elapsed| panic!("{path}: {elapsed}\n{}", envoy.log()))
}

async fn visit(client: &Client, path: &str, token: &str) {
    client.get_with(path, &[("cookie", &format!("session={token}"))]).await.unwrap();
}

#[tokio::test]
async fn the_log_says_what_a_session_came_to() {
    for pin in [Pin::Metadata, Pin::StatefulSession] {
        let mut pods = pods::<2>();
        let manifests =
            manifests(&pods, "{sessionName: session, type: Cookie, absoluteTimeout: 1h, idleTimeout: 100s}");
        let (old, new) = (keys::fresh().unwrap(), keys::fresh().unwrap());
        let rendered = Deployment::pinned_by(pin, &manifests).unwrap();
        let envoy = start(&rendered.with_keys(&format!("{new},{old}"))).await;
        let client = client(&envoy);
        let mint = Mint::new(&manifests, "default/route/0/0", &new);
        let older = Mint::new(&manifests, "default/route/0/0", &old);
        let unknown = Mint::new(&manifests, "default/route/0/0", &keys::fresh().unwrap());
        let [zero, one] = [pods[0].address(), pods[1].address()];
        client.get("/started").await.unwrap();
        visit(&client, "/continued", &mint.fresh(zero)).await;
        visit(&client, "/key", &older.fresh(zero)).await;
        visit(&client, "/idle", &mint.token(50, 50, zero)).await;
        visit(&client, "/malformed", "nonsense").await;
        visit(&client, "/unknown", &unknown.fresh(zero)).await;
        visit(&client, "/old", &mint.token(3_601, 1, zero)).await;
        visit(&client, "/unused", &mint.token(200, 150, zero)).await;
        pods[1].kill().await.unwrap();
        visit(&client, "/moved", &mint.fresh(one)).await;
        pods[0].kill().await.unwrap();
        visit(&client, "/failed", &mint.fresh(zero)).await;
        client.get("/nowhere").await.unwrap();

        let endpoint = zero.to_string();
        // With the other pin, nothing but the endpoint that served is known of a session that stays.
        let stays = if pin == Pin::Metadata { json!(endpoint) } else { Value::Null };
        let moved = json!(one.to_string());
        for (path, state, asked) in [
            ("/continued", "VN", stays.clone()),
            ("/key", "VU", stays.clone()),
            ("/idle", "VU", stays),
            ("/moved", "VM", moved),
            ("/started", "NI", json!("none")),
            ("/malformed", "II", json!("refused: it is not a token")),
            ("/unknown", "II", json!("refused: its key is not among ours")),
            ("/old", "OI", json!("refused: its absolute timeout has passed")),
            ("/unused", "EI", json!("refused: its idle timeout has passed")),
        ] {
            let line = line(&envoy, path).await;
            assert_eq!(
                (&line["session"]["state"], &line["session"]["asked"]),
                (&json!(state), &asked),
                "{line}"
            );
            assert_eq!((&line["status"], &line["details"]), (&json!(200), &json!("via_upstream")), "{line}");
            assert_eq!(line["session"]["served"], line["upstream"], "{line}");
            assert_eq!(line["rule"], rule_of(&manifests, "default/route/0/0").id().as_str(), "{line}");
            if path != "/started" && !["II", "OI", "EI"].contains(&state) {
                assert_eq!(line["session"]["served"], json!(endpoint), "{line}");
            }
        }
        for (path, state) in [("/failed", "VN"), ("/nowhere", "NN")] {
            let line = line(&envoy, path).await;
            assert_eq!((&line["session"]["state"], &line["status"]), (&json!(state), &json!(503)), "{line}");
        }
    }
}

/// A client of a slow backend that goes away: there is no response.
#[tokio::test]
async fn without_a_response_the_log_has_what_the_request_brought() {
    let pods = pods::<1>();
    pods[0].behave(Behaviour::Pause);
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let gone = tokio::time::timeout(Duration::from_millis(300), client(&envoy).get("/left")).await;
    assert!(gone.is_err());
    let line = line(&envoy, "/left").await;
    assert_eq!((&line["session"]["state"], &line["flags"]), (&json!("none"), &json!("DC")), "{line}");
}

#[tokio::test]
async fn lines_are_json_whatever_clients_send() {
    let pods = pods::<1>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let mut sent = 0;
    for bytes in [&b"\xff\xfe\"\\"[..], b"%0a%00\"}{", "\u{2028}\u{202e}".as_bytes(), b"\xc3\x28\xed\xa0\x80"]
    {
        for (path, host, header) in [(bytes, &b"a"[..], &b"x"[..]), (b"", bytes, b"x"), (b"", b"a", bytes)] {
            let request = [
                b"GET /hostile",
                path,
                b" HTTP/1.1\r\nhost: ",
                host,
                b"\r\nconnection: close\r\nx-request-id: ",
                header,
                b"\r\nx-envoy-original-path: ",
                header,
                b"\r\nuser-agent: ",
                header,
                b"\r\n\r\n",
            ]
            .concat();
            raw(address(&envoy), &request).await.unwrap();
            sent += 1;
        }
    }
    client(&envoy).get("/last?token=in-the-query").await.unwrap();
    line(&envoy, "/last").await;
    assert!(lines(&envoy).len() > sent, "{}", envoy.log());
    assert!(!envoy.log().contains("in-the-query"));
}

/// Also with all messages of the filter. Envoy's own log contains all headers, cookies too, at level debug of `http`.
#[tokio::test]
async fn no_log_contains_a_token_or_a_key() {
    let pods = pods::<2>();
    let manifests = manifests(&pods, COOKIE);
    let (key, other) = (keys::fresh().unwrap(), keys::fresh().unwrap());
    let envoy = start(&deployment(&manifests).with_keys(&key)).await;
    let admin = Client::new(envoy.admin().address());
    for logger in ["wasm", "main", "config", "misc"] {
        assert_eq!(admin.post(&format!("/logging?{logger}=trace")).await.unwrap().status, 200);
    }
    let client = client(&envoy);
    let [mint, unknown] = [&key, &other].map(|key| Mint::new(&manifests, "default/route/0/0", key));
    let good = mint.fresh(pods[0].address());
    let mut forged = good.clone();
    forged.replace_range(good.len() - 4.., if good.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    let mut secrets = vec![
        good,
        forged,
        unknown.fresh(pods[0].address()),
        mint.token(3_601, 3_601, pods[0].address()),
        mint.token(-120, -120, pods[0].address()),
    ];
    for secret in secrets.clone() {
        secrets.extend(token(&get_with_cookie(&client, &secret).await));
    }
    visit(&client, "/last", &secrets[0]).await;
    line(&envoy, "/last").await;
    secrets.extend([key.clone(), other]);
    let mut log = envoy.log();
    for why in ["forged", "changed", "future"] {
        assert!(why == "forged" || log.contains(why), "the filter's own messages are not there: {log}");
    }
    let rendered = deployment(&manifests);
    let broken = rendered.bootstrap().replace("absolute_timeout", "absolute_timeuot");
    log += &refusal(&Deployment::of_bootstrap(broken).unwrap().with_keys(&key)).await;
    let half = key.split_at(key.len() - 1).0;
    log += &refusal(&rendered.clone().with_keys(half)).await;
    for secret in secrets.iter().map(String::as_str).chain([half]) {
        // Nor a large part of it.
        for part in [secret, secret.split_at(24).0, secret.split_at(secret.len() - 24).1] {
            assert!(!log.contains(part), "{part} is in the log:\n{log}");
        }
    }
}

#[tokio::test]
async fn a_text_log_ends_with_the_session() {
    let pods = pods::<1>();
    let logging = Deployment::logging(AccessLog::Text, &manifests(&pods, COOKIE)).unwrap();
    let envoy = start(&logging).await;
    let client = client(&envoy);
    let token = token(&client.get("/first").await.unwrap()).unwrap();
    visit(&client, "/second", &token).await;
    visit(&client, "/third", "nonsense").await;
    let line = async |path: &str| {
        let found = deadline::until(Duration::from_secs(30), async || {
            envoy.log().lines().find(|line| line.contains("GET") && line.contains(path)).map(str::to_owned)
        });
        found.await.unwrap_or_else(|elapsed| panic!("{path}: {elapsed}"))
    };
    assert!(line("/first").await.ends_with(" none"), "{}", line("/first").await);
    let pinned = pods[0].address().to_string();
    assert!(line("/second").await.ends_with(&pinned), "{}", line("/second").await);
    assert!(line("/third").await.contains("refused: "), "{}", line("/third").await);
    assert!(!envoy.log().contains(&token), "a token in the log is a session for whoever reads it");
}
