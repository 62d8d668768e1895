use super::*;

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: a}\ntls: {certificateRefs: [{kind: Secret}]}\n";
const CONFIG: &str = "---\nkind: ConfigMap\ndata: {a: b}\n";

#[test]
fn a_source_with_a_secret_is_confidential_but_not_one_that_refers_to_it() {
    let api = "apiVersion: gateway.networking.k8s.io/v1beta1";
    for text in [
        "--- # the key\nkind: Secret\nmetadata: {name: a}\ndata: {a: b}\n",
        r#"{"kind":"Secret","stringData":{}}"#,
        "apiVersion: v1\nkind: Secret\ndatum: {a: b}\n",
        "kind: Secret\ndatum: {a: b}\n",
        "kind: Sercet\ndata: {a: b}\n",
        "kind: secrets\ndata: {a: b}\n",
        "kind: ConfigMap\nstringData: {a: b}\n",
        &format!("{{items: [{{kind: Gateway, {api}}}, {{kind: Secret, apiVersion: 'v1', datum: 1}}]}}"),
        &format!("{api}\nkind: Secret\ndata: 1\n"),
        "kind: Service\n---\nkey:\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n---\na: b\n",
        "key: -----BEGIN PRIVATE KEY----- MIIE -----END PRIVATE KEY-----\n",
        "a: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t\n",
        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n",
    ] {
        assert!(is_confidential(text), "{text}");
        assert!(is_confidential(&[GATEWAY, "---\n", text, CONFIG].concat()), "{text}");
    }
    let certificate = "---\nkind: ConfigMap\ndata:\n  ca.crt: |\n    -----BEGIN CERTIFICATE-----\n    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n    -----END CERTIFICATE-----\n";
    for text in [
        "",
        GATEWAY,
        CONFIG,
        "kind: Service\n",
        "kind: ReferenceGrant\n",
        certificate,
        "kind: ServiceEntry\n",
    ] {
        assert!(!is_confidential(text), "{text}");
    }
    assert!(!is_confidential(&[GATEWAY, CONFIG, certificate].concat()));
}

#[test]
fn messages_keep_words_of_the_program_and_of_other_sources() {
    let source = |text: &str| Source { name: String::from("a.yaml"), text: text.to_owned() };
    let sources = [source("kind: Secret\ndata: {password: hunter2}\n"), source("name: shop7\n")];
    let secrecy = Secrecy::of(&sources);
    for (message, shown) in [
        ("unknown field `hunter2`", "unknown field `[hidden]`"),
        ("\"a\\nhunter2\" is not a number", "\"[hidden]\" is not a number"),
        ("hunter2 is not there", "[hidden] is not there"),
        ("there is no Service `default/shop7`", "there is no Service `default/shop7`"),
        (
            "missing field `tls.key`: a Secret of the type `kubernetes.io/tls`",
            "missing field `tls.key`: a Secret of the type `kubernetes.io/tls`",
        ),
        ("an `unclosed quote with hunter2", "an `[hidden]"),
    ] {
        assert_eq!(secrecy.message(message), shown);
        assert_eq!(secrecy.message(&secrecy.message(message)), shown);
    }
    assert_eq!(secrecy.path("spec.rules[10].matches[\"MIIEvQ\"]"), "spec.rules[10].matches[\"[hidden]\"]");
    assert_eq!(secrecy.name("HTTPRoute default/web-1"), "HTTPRoute default/web-1");
    assert_eq!(secrecy.name("HTTPRoute default/MIIEvQ"), "HTTPRoute default/[hidden]");
    assert_eq!(Secrecy::of(&sources[1..]).message("`hunter2`"), "`hunter2`");
}
