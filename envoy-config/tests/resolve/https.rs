//! HTTPS listeners: sites and their certificates, misdirected requests, cookies.

use envoy_config::model::{Action, Domain, Listener, Protocol, Route, Site, VirtualHost};
use envoy_config::options::Options;
use envoy_config::pem::PrivateKey;
use session_persistence::config::Carrier;

use super::{
    BASE, compiled, exact, faulty, finding, gateway, model, pair, prefix, route, route_of, wildcard,
};

const A: &str = "accepted/ecdsa-p256";
const B: &str = "accepted/ed25519";

/// A Secret with this certificate and its key.
fn secret(name: &str, certificate: &str) -> String {
    secret_of(name, &pair(certificate))
}

fn secret_of(name: &str, text: &str) -> String {
    let text = text.replace('\n', "\\n");
    format!(
        "
apiVersion: v1
kind: Secret
metadata: {{name: {name}}}
type: kubernetes.io/tls
stringData:
  tls.crt: \"{text}\"
  tls.key: \"{text}\"
"
    )
}

/// An HTTPS listener on port 443 with more fields and these certificateRefs.
fn https(name: &str, fields: &str, certificates: &str) -> String {
    format!(
        "{{name: {name}, protocol: HTTPS, port: 443, {fields}tls: {{certificateRefs: [{certificates}]}}}}"
    )
}

/// A Gateway `tls` with listeners for everything, for `*.example.com` and for `shop.example.com`.
fn three() -> String {
    let listeners = [
        https("any", "", "{name: a}"),
        https("wildcard", "hostname: '*.example.com', ", "{name: a}"),
        https("shop", "hostname: shop.example.com, ", "{name: b}, {name: a}, {name: b}"),
    ];
    gateway("tls", &format!("[{}]", listeners.join(", ")))
}

fn sites(listener: &Listener) -> &[Site] {
    match &listener.protocol {
        Protocol::Https { sites } => sites,
        Protocol::Http { .. } => panic!("{listener:?}"),
    }
}

/// Each domain with its routes: the names of HTTPRoutes, or the status of Envoy's answer.
fn described(hosts: &[VirtualHost]) -> Vec<(&Domain, Vec<&str>)> {
    fn named(route: &Route) -> &str {
        match route.action {
            Action::Respond(421) => "421",
            Action::Respond(_) | Action::Redirect(_) | Action::Forward(_) => {
                route.name.split('/').nth(1).unwrap()
            }
        }
    }
    hosts.iter().map(|host| (&host.domain, host.routes.iter().map(named).collect())).collect()
}

#[test]
fn listeners_are_sites_with_their_certificates_without_duplicates() {
    let model = model(&[BASE, &three(), &secret("a", A), &secret("b", B)]);
    let sites = sites(&model.listeners[1]);
    let key = |certificate: &str| PrivateKey::parse(pair(certificate).as_bytes()).unwrap();
    let bodies =
        |site: &Site| -> Vec<PrivateKey> { site.certificates.iter().map(|one| one.key.clone()).collect() };
    let found: Vec<_> = sites.iter().map(|site| (&site.domain, bodies(site))).collect();
    let (a, b) = (key(A), key(B));
    let expected = [
        (&exact("shop.example.com"), vec![b, a.clone()]),
        (&wildcard("example.com"), vec![a.clone()]),
        (&Domain::Any, vec![a]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn only_requests_for_hostnames_of_other_sites_are_misdirected() {
    let at = |section: &str, hostnames: &str| {
        format!("parentRefs: [{{name: tls, sectionName: {section}}}]{hostnames}")
    };
    let documents = [
        BASE,
        &three(),
        &secret("a", A),
        &secret("b", B),
        &route_of("general", &at("any", ", hostnames: [example.org]"), &prefix("/")),
        &route_of("blog", &at("wildcard", ", hostnames: [blog.example.com]"), &prefix("/")),
        &route_of("shop", &at("shop", ""), &prefix("/")),
    ];
    let model = model(&documents);
    let [shop, wild, any] = sites(&model.listeners[1]) else { panic!("{model:?}") };
    let (shop_name, star) = (exact("shop.example.com"), wildcard("example.com"));
    assert_eq!(
        described(&shop.virtual_hosts),
        [(&shop_name, vec!["shop"]), (&star, vec!["421"]), (&Domain::Any, vec!["421"])]
    );
    assert_eq!(
        described(&wild.virtual_hosts),
        [
            (&exact("blog.example.com"), vec!["blog"]),
            (&shop_name, vec!["421"]),
            (&star, vec![]),
            (&Domain::Any, vec!["421"])
        ]
    );
    assert_eq!(
        described(&any.virtual_hosts),
        [
            (&exact("example.org"), vec!["general"]),
            (&shop_name, vec!["421"]),
            (&star, vec!["421"]),
            (&Domain::Any, vec![])
        ]
    );
}

#[test]
fn cookies_are_secure_on_https_listeners_only() {
    let listeners =
        format!("[{{name: http, protocol: HTTP, port: 80}}, {}]", https("https", "", "{name: a}"));
    let base =
        BASE.replace("name: eg}\nspec:\n  gatewayClassName", "name: other}\nspec:\n  gatewayClassName");
    let base = base.replace("port: 80}", "port: 8080}");
    let session = "[{sessionPersistence: {}, backendRefs: [{name: backend, port: 3000}]}]";
    let (model, said) = faulty(&[&base, &gateway("eg", &listeners), &secret("a", A), &route("r", session)]);
    assert_eq!(said, ["secure-cookie-on-http"]);
    let model = model.unwrap();
    let secure: Vec<(String, bool)> = model
        .listeners
        .iter()
        .flat_map(Listener::virtual_hosts)
        .flat_map(|host| &host.routes)
        .map(|route| {
            let rule = route.persistence.as_ref().unwrap();
            let Carrier::Cookie(cookie) = rule.carrier() else { panic!("{rule:?}") };
            (rule.id().to_string(), cookie.secure)
        })
        .collect();
    let [(http, false), (https, true)] = &secure[..] else { panic!("{secure:?}") };
    assert_eq!(http, https);
}

#[test]
fn host_prefixed_cookies_need_the_root_path_over_https() {
    let listeners = format!("[{}]", https("https", "", "{name: a}"));
    let base =
        BASE.replace("name: eg}\nspec:\n  gatewayClassName", "name: other}\nspec:\n  gatewayClassName");
    let said = |cookie: &str| {
        let rules = format!(
            "[{{sessionPersistence: {{cookie: {cookie}}}, backendRefs: [{{name: backend, port: 3000}}]}}]"
        );
        let documents = [&base, &gateway("eg", &listeners), &secret("a", A), &route("r", &rules)];
        faulty(&documents.map(String::as_str)).1
    };
    assert_eq!(said("{name: __Host-s, path: /a}"), ["cookie-prefix"]);
    assert!(said("{name: __Host-s}").is_empty());
    assert!(said("{name: __Secure-s, path: /a}").is_empty());
}

#[test]
fn http_and_https_listeners_cannot_share_a_port() {
    let listeners =
        format!("[{{name: http, protocol: HTTP, port: 443}}, {}]", https("https", "", "{name: a}"));
    let documents = [BASE, &gateway("tls", &listeners), &secret("a", A)];
    assert_eq!(finding(&documents).code.name(), "protocol-conflict");
    let (model, _) = faulty(&documents);
    let names: Vec<String> = model.unwrap().listeners.into_iter().map(|listener| listener.name).collect();
    assert_eq!(names, ["default/eg/80"], "none of the two is picked");
}

#[test]
fn listeners_without_a_certificate_are_not_served_and_their_routes_report_nothing() {
    let listeners = [
        https("good", "hostname: a.example.com, ", "{name: a}, {name: gone}"),
        https("bad", "", "{name: gone}"),
    ];
    let gateway = gateway("tls", &format!("[{}]", listeners.join(", ")));
    let at_bad = route_of("r", "parentRefs: [{name: tls, sectionName: bad}]", &prefix("/"));
    let (model, codes) = faulty(&[BASE, &gateway, &secret("a", A), &at_bad]);
    assert_eq!(codes, ["missing-secret", "missing-secret"]);
    let model = model.unwrap();
    let domains: Vec<&Domain> = sites(&model.listeners[1]).iter().map(|site| &site.domain).collect();
    assert_eq!(domains, [&exact("a.example.com")]);
}

/// Otherwise a less specific listener would silently serve its requests.
#[test]
fn hostnames_of_listeners_that_are_not_served_go_to_no_other_listener() {
    let listeners =
        [https("any", "", "{name: a}"), https("shop", "hostname: shop.example.com, ", "{name: gone}")];
    let gateway = gateway("tls", &format!("[{}]", listeners.join(", ")));
    let at_all = route_of("r", "parentRefs: [{name: tls}]", &prefix("/"));
    let (model, codes) = faulty(&[BASE, &gateway, &secret("a", A), &at_all]);
    assert_eq!(codes, ["missing-secret"]);
    let model = model.unwrap();
    let [any] = sites(&model.listeners[1]) else { panic!("{model:?}") };
    assert_eq!(
        described(&any.virtual_hosts),
        [(&exact("shop.example.com"), vec!["421"]), (&Domain::Any, vec!["r"])]
    );
}

#[test]
fn unreadable_secrets_are_not_reported_as_missing() {
    let gateway = gateway("tls", &format!("[{}]", https("https", "", "{name: a}")));
    let unreadable = secret_of("a", "nothing");
    let (_, codes) = faulty(&[BASE, &gateway, &unreadable]);
    assert_eq!(codes, ["invalid-certificate", "invalid-certificate"]);
}

/// Errors about a certificate do not reveal its key.
#[test]
fn invalid_certificates_disable_only_their_listener() {
    for (certificate, problem) in [
        ("refused/mismatch-rsa", "the private key does not belong to the certificate"),
        ("refused/rsa-1024", "an RSA key of 1024 bits"),
        ("refused/ecdsa-p224", "on the curve P-224"),
        ("refused/ca-first", "the private key belongs to certificate 2 of the chain"),
    ] {
        let listeners = [
            https("good", "hostname: good.example, ", "{name: good}"),
            https("bad", "hostname: bad.example, ", "{name: bad}"),
        ];
        let gateway = gateway("tls", &format!("[{}]", listeners.join(", ")));
        let at_all = route_of("r", "parentRefs: [{name: tls}]", &prefix("/"));
        let (good, bad) = (secret("good", A), secret("bad", certificate));
        let options = Options { keep_going: true, ..Options::default() };
        let found = compiled(&[BASE, &gateway, &good, &bad, &at_all], &options);
        let [error] = &found.diagnostics[..] else { panic!("{:#?}", found.diagnostics) };
        assert_eq!(error.code.name(), "invalid-certificate");
        assert!(error.message.contains(problem), "{}", error.message);
        assert_eq!(error.field.as_deref(), Some("spec.listeners[1].tls.certificateRefs[0].name"));
        let model = found.model.unwrap();
        let domains: Vec<_> = sites(&model.listeners[1]).iter().map(|site| &site.domain).collect();
        assert_eq!(domains, [&exact("good.example")], "{certificate}");
    }
}

/// The valid certificate can be served.
#[test]
fn listeners_with_a_valid_and_an_invalid_certificate_use_the_valid_one() {
    let gateway = gateway("tls", &format!("[{}]", https("https", "", "{name: bad}, {name: good}")));
    let (good, bad) = (secret("good", A), secret("bad", "refused/mismatch-kind"));
    let (model, codes) = faulty(&[BASE, &gateway, &good, &bad]);
    assert_eq!(codes, ["invalid-certificate"]);
    assert_eq!(sites(&model.unwrap().listeners[1])[0].certificates.len(), 1);
}
