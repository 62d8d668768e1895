//! `token inspect`, `keygen`, `explain`, `completions` and `man`, run as programs: they read the environment and write files.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use envoy_config::diagnostic::Code;
use session_persistence::config::{Carrier, Header, HeaderName, RuleId};
use session_persistence::endpoint::Endpoint;
use session_persistence::key::KeyRing;
use session_persistence::time::Timestamp;
use session_persistence::token::{Contents, Sealer};

const MANIFESTS: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  listeners: [{name: http, protocol: HTTP, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {ports: [{port: 8080}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: eg}]
  rules:
  - name: cart
    backendRefs: [{name: cart, port: 8080}]
    sessionPersistence: {type: Header, header: {name: X-Cart}, absoluteTimeout: 1h, idleTimeout: 10m}
";

const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A token of the rule in [`MANIFESTS`], sealed with these keys.
fn token(keys: &str, rule: &str, issued: u64, last_seen: u64) -> String {
    token_around(b"", keys, rule, issued, last_seen)
}

/// The same around a value of the backend.
fn token_around(value: &[u8], keys: &str, rule: &str, issued: u64, last_seen: u64) -> String {
    let name = HeaderName::try_from(String::from("x-cart")).unwrap();
    let carrier = Carrier::Header(Header { name, removed_by_route: false });
    let sealer =
        Sealer::new(&KeyRing::parse(keys).unwrap(), &RuleId::try_from(String::from(rule)).unwrap(), &carrier);
    let contents = Contents {
        issued: Timestamp::from_unix_seconds(issued),
        last_seen: Timestamp::from_unix_seconds(last_seen),
        endpoint: Endpoint::parse(b"10.0.0.7:8080").unwrap(),
        identity: None,
    };
    sealer.seal_around(value, &contents, None, &[7; 24]).unwrap()
}

/// Runs the program in a directory with the manifests.
fn run(arguments: &[&str], keys: Option<&str>, input: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("shop.yaml"), MANIFESTS).unwrap();
    let plugin = r#"{"rule": {"id": "default/shop#cart", "header": {"name": "x-cart"}}}"#;
    fs::write(directory.path().join("plugin.json"), plugin).unwrap();
    run_in(directory.path(), arguments, keys, input)
}

fn run_in(directory: &Path, arguments: &[&str], keys: Option<&str>, input: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_envoy-config"));
    program.args(arguments).current_dir(directory).env_remove("SESSION_KEYS");
    if let Some(keys) = keys {
        program.env("SESSION_KEYS", keys);
    }
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    // A program that reads no input may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// The exit status and both outputs.
fn inspect(arguments: &[&str], keys: &str, input: &str) -> (i32, String) {
    let output = run(&[&["token", "inspect"], arguments].concat(), Some(keys), input);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[test]
fn accepted_tokens_show_what_they_say() {
    let begun = now() - 120;
    let token = token(OLD, "default/shop#cart", begun, begun + 60);
    let (status, said) =
        inspect(&["-f", "shop.yaml"], &format!("{NEW},{OLD}"), &format!("X-Cart: {token}\n"));
    assert_eq!(status, 0, "{said}");
    let mut lines = said.lines();
    let mut line = || lines.next().unwrap_or_default().to_owned();
    assert_eq!(line(), "state:     accepted");
    assert_eq!(line(), "rule:      default/shop#cart");
    assert_eq!(line(), "carrier:   header x-cart");
    assert_eq!(line(), "endpoint:  10.0.0.7:8080");
    let issued = line();
    assert!(issued.starts_with("issued:    20") && issued.contains("Z (2m"), "{issued}");
    assert!(line().starts_with("last seen: 20"));
    // The idle timeout ends it before the absolute one.
    let expires = line();
    assert!(expires.contains("(in 8m") || expires.contains("(in 9m"), "{expires}");
    let key = line();
    assert!(key.ends_with("(key 2 of 2 in SESSION_KEYS, which only opens)"), "{key}");
    assert_eq!(line(), "");
    assert!(!said.contains(OLD) && !said.contains(NEW));
}

#[test]
fn values_of_backends_are_not_shown() {
    for length in [1, 9, 32, 1024] {
        let value: String = "s3cret-value-".chars().cycle().take(length).collect();
        let token = token_around(value.as_bytes(), OLD, "default/shop#cart", now(), now());
        let (status, said) = inspect(&["-f", "shop.yaml"], OLD, &format!("X-Cart: {token}\n"));
        assert_eq!(status, 0, "{said}");
        let line = format!("wraps:     {length} bytes of the backend's own session header (not shown)\n");
        assert!(said.contains(&line) && !said.contains("s3cret"), "{said}");
    }
    let (_, said) = inspect(&["-f", "shop.yaml"], OLD, &token(OLD, "default/shop#cart", now(), now()));
    assert!(!said.contains("wraps"), "{said}");
}

#[test]
fn rejected_tokens_have_the_reason() {
    let fresh = token(OLD, "default/shop#cart", now(), now());
    let cases = [
        (token(OLD, "default/shop#cart", now() - 3_601, now()), OLD, "its absolute timeout has passed"),
        (token(OLD, "default/shop#cart", now() - 900, now() - 601), OLD, "its idle timeout has passed"),
        (token(OLD, "default/shop#cart", now() + 100, now() + 100), OLD, "it is dated in the future"),
        (token(OLD, "default/other", now(), now()), OLD, "issued for a rule, cookie or header"),
        (fresh.clone(), NEW, "its key is not in SESSION_KEYS"),
        (fresh.chars().skip(1).collect(), OLD, "it is not a token, or was cut short"),
    ];
    for (token, keys, reason) in cases {
        let (status, said) = inspect(&[&token, "-f", "shop.yaml"], keys, "");
        assert_eq!(status, 1, "{said}");
        assert!(said.starts_with("state:     rejected: ") && said.contains(reason), "{reason}: {said}");
    }
}

#[test]
fn plugin_configurations_have_rules_too() {
    let token = token(OLD, "default/shop#cart", now() - 90_000, now() - 90_000);
    let (status, said) = inspect(&[&token, "--plugin-config", "plugin.json"], OLD, "");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("expires:   never\n") && said.contains("(1day 1h"), "{said}");
}

#[test]
fn what_prevents_an_inspection_is_named() {
    let cases: [(&[&str], Option<&str>, &str); 6] = [
        (&["-f", "shop.yaml"], None, "SESSION_KEYS is not set"),
        (&["-f", "shop.yaml"], Some("short"), "key 1 of 1 is not a 32-byte key"),
        (&["-f", "shop.yaml"], Some(OLD), "there is no token to inspect"),
        (&["-f", "gone.yaml"], Some(OLD), "cannot read gone.yaml"),
        (&["--plugin-config", "shop.yaml"], Some(OLD), "shop.yaml: plugin configuration: at `.`"),
        (&["abc"], Some(OLD), "--filename"),
    ];
    for (arguments, keys, reason) in cases {
        let output = run(&[&["token", "inspect"], arguments].concat(), keys, "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains(reason)), (Some(2), true), "{said}");
    }
}

#[test]
fn keys_are_accepted_and_never_the_same() {
    let key = || String::from_utf8(run(&["keygen"], None, "").stdout).unwrap();
    let (one, other) = (key(), key());
    assert_ne!(one, other);
    assert_eq!((one.len(), one.ends_with('\n')), (65, true));
    assert_eq!(KeyRing::parse(&format!("{one},{other}")).unwrap().keys().count(), 2);
}

#[test]
fn every_code_is_explained() {
    for code in Code::ALL {
        let output = run(&["explain", code.name], None, "");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.starts_with(code.name), "{said}");
        assert!(said.contains("- Cause: ") && !said.contains("\n#"), "{said}");
    }
    let list = String::from_utf8(run(&["explain"], None, "").stdout).unwrap();
    assert_eq!(list.lines().count(), Code::ALL.len());
}

#[test]
fn topics_may_be_written_as_in_diagnostics() {
    let explained = |topic: &str| String::from_utf8(run(&["explain", topic], None, "").stdout).unwrap();
    assert_eq!(explained("error[missing-service]"), explained("missing-service"));
    assert!(explained("spec.rules[0].backendRefs[1].weight").contains("`weight`"));
    let output = run(&["explain", "mising-service"], None, "");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.contains("did you mean `missing-service`?")), (Some(2), true));
}

#[test]
fn shells_accept_their_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = String::from_utf8(run(&["completions", shell], None, "").stdout).unwrap();
        assert!(script.contains("warnings-as-errors"), "{shell}");
        if shell == "bash" {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("completions");
            // As the shell itself calls it.
            let ask = "\nset -- $(complete -p envoy-config); while [ $1 != -F ]; do shift; done; function=$2\n\
                       COMP_WORDS=(envoy-config che); COMP_CWORD=1\n\
                       $function envoy-config che envoy-config; echo ${COMPREPLY[*]}\n";
            fs::write(&path, script + ask).unwrap();
            let output = Command::new("bash").arg(path).output().expect("bash is missing");
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "check");
        }
    }
}

#[test]
fn there_is_a_man_page_for_every_command() {
    let directory = tempfile::tempdir().unwrap();
    assert!(run_in(directory.path(), &["man", "."], None, "").status.success());
    for page in ["", "-check", "-explain", "-keygen", "-render", "-token", "-token-inspect", "-watch"] {
        let text = fs::read_to_string(directory.path().join(format!("envoy-config{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    let output = run_in(directory.path(), &["man", "gone"], None, "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write man pages to gone"));
}
