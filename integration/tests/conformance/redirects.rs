//! Redirects: location and status.

use hyper::Method;

use crate::case::{Case, ask, get};
use crate::documents::{TO_V1, gateway, route, rule};
use crate::infrastructure::{HTTPS, SAME_NAMESPACE};
use crate::replay::Replay;

/// A rule that redirects a prefix; what it redirects to in YAML.
fn redirect(prefix: &str, to: &str) -> String {
    rule(prefix, &[&format!("filters: [{{type: RequestRedirect, requestRedirect: {{{to}}}}}]")])
}

/// Checks the responses of a Gateway with these rules.
async fn check(rules: &[String], cases: &[Case]) {
    let replay = Replay::start(&[route("redirects", SAME_NAMESPACE, &rules.concat())]).await;
    replay.check(SAME_NAMESPACE, 80, cases).await;
}

/// 303: see another URL, with GET.
#[tokio::test]
async fn httproute_303_redirect() {
    let rules = [redirect("/look-there", "statusCode: 303")];
    let case = ask(Method::POST, "/look-there").redirects(303, "http://gateway.example/look-there");
    check(&rules, &[case]).await;
}

/// 307: for now, and with the same method.
#[tokio::test]
async fn httproute_307_redirect() {
    let rules = [redirect("/for-now", "statusCode: 307")];
    check(&rules, &[get("/for-now").redirects(307, "http://gateway.example/for-now")]).await;
}

/// 308: for good, and with the same method.
#[tokio::test]
async fn httproute_308_redirect() {
    let rules = [redirect("/for-good", "statusCode: 308")];
    check(&rules, &[get("/for-good").redirects(308, "http://gateway.example/for-good")]).await;
}

/// Redirects to another hostname, by default with 302.
#[tokio::test]
async fn httproute_redirect_host_and_status() {
    let rules = [
        redirect("/host", "hostname: other.example"),
        redirect("/both", "hostname: other.example, statusCode: 301"),
    ];
    let cases = [
        get("/host").redirects(302, "http://other.example/host"),
        get("/both").redirects(301, "http://other.example/both"),
    ];
    check(&rules, &cases).await;
}

/// Redirects to another path or prefix, alone and combined.
#[tokio::test]
async fn httproute_redirect_path() {
    let prefix = "path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}";
    let full = "path: {type: ReplaceFullPath, replaceFullPath: /all/new}";
    let rules = [
        redirect("/prefix", prefix),
        redirect("/full", full),
        redirect("/prefix-and-host", &format!("hostname: other.example, {prefix}")),
        redirect("/prefix-and-status", &format!("statusCode: 301, {prefix}")),
        redirect("/full-and-host", &format!("hostname: other.example, {full}")),
        redirect("/full-and-status", &format!("statusCode: 301, {full}")),
    ];
    let cases = [
        get("/prefix/leaf").redirects(302, "http://gateway.example/new/leaf"),
        get("/full/path/of/old").redirects(302, "http://gateway.example/all/new"),
        get("/prefix-and-host").redirects(302, "http://other.example/new"),
        get("/prefix-and-status").redirects(301, "http://gateway.example/new"),
        get("/full-and-host").redirects(302, "http://other.example/all/new"),
        get("/full-and-status").redirects(301, "http://gateway.example/all/new"),
    ];
    check(&rules, &cases).await;
}

/// Redirects to another port, alone and combined.
#[tokio::test]
async fn httproute_redirect_port() {
    let rules = [
        redirect("/port", "port: 8083"),
        redirect("/port-and-host", "port: 8083, hostname: other.example"),
        redirect("/port-and-status", "port: 8083, statusCode: 301"),
        redirect("/all", "port: 8083, hostname: other.example, statusCode: 302"),
    ];
    let cases = [
        get("/port").redirects(302, "http://gateway.example:8083/port"),
        get("/port-and-host").redirects(302, "http://other.example:8083/port-and-host"),
        get("/port-and-status").redirects(301, "http://gateway.example:8083/port-and-status"),
        get("/all").redirects(302, "http://other.example:8083/all"),
    ];
    check(&rules, &cases).await;
}

/// Redirects to another scheme, alone and combined.
#[tokio::test]
async fn httproute_redirect_scheme() {
    let rules = [
        redirect("/scheme", "scheme: https"),
        redirect("/scheme-and-host", "scheme: https, hostname: other.example"),
        redirect("/scheme-and-status", "scheme: https, statusCode: 301"),
        redirect("/all", "scheme: https, hostname: other.example, statusCode: 302"),
    ];
    let cases = [
        get("/scheme").redirects(302, "https://gateway.example/scheme"),
        get("/scheme-and-host").redirects(302, "https://other.example/scheme-and-host"),
        get("/scheme-and-status").redirects(301, "https://gateway.example/scheme-and-status"),
        get("/all").redirects(302, "https://other.example/all"),
    ];
    check(&rules, &cases).await;
}

/// The port is the given one, else that of the given scheme, else the listener's. The default port of a scheme is omitted.
#[tokio::test]
async fn httproute_redirect_port_and_scheme() {
    let to = |path: &str, more: &str| redirect(path, &format!("hostname: example.org{more}"));
    let in_the_clear = [
        to("/none", ""),
        to("/80", ", port: 80"),
        to("/8080", ", port: 8080"),
        to("/https", ", scheme: https"),
        to("/https-443", ", scheme: https, port: 443"),
        to("/https-8443", ", scheme: https, port: 8443"),
    ];
    let over_tls = [
        to("/none", ""),
        to("/443", ", port: 443"),
        to("/8443", ", port: 8443"),
        to("/http", ", scheme: http"),
        to("/http-80", ", scheme: http, port: 80"),
        to("/http-8080", ", scheme: http, port: 8080"),
    ];
    let replay = Replay::start(&[
        gateway("on-8080", "\n  - {name: http, protocol: HTTP, port: 8080}"),
        route("to-80", SAME_NAMESPACE, &in_the_clear.concat()),
        route("to-8080", "on-8080", &in_the_clear.concat()),
        route("to-443", HTTPS, &over_tls.concat()),
    ])
    .await;

    let cases = [
        get("/none").redirects(302, "http://example.org/none"),
        get("/80").redirects(302, "http://example.org/80"),
        get("/8080").redirects(302, "http://example.org:8080/8080"),
        get("/https").redirects(302, "https://example.org/https"),
        get("/https-443").redirects(302, "https://example.org/https-443"),
        get("/https-8443").redirects(302, "https://example.org:8443/https-8443"),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;

    let cases = [
        get("/none").redirects(302, "http://example.org:8080/none"),
        get("/80").redirects(302, "http://example.org/80"),
        get("/https").redirects(302, "https://example.org/https"),
    ];
    replay.check("on-8080", 8080, &cases).await;

    let cases = [
        get("/none").redirects(302, "https://example.org/none"),
        get("/443").redirects(302, "https://example.org/443"),
        get("/8443").redirects(302, "https://example.org:8443/8443"),
        get("/http").redirects(302, "http://example.org/http"),
        get("/http-80").redirects(302, "http://example.org/http-80"),
        get("/http-8080").redirects(302, "http://example.org:8080/http-8080"),
    ];
    let cases = cases.map(|case| ("example.org", case));
    replay.check_tls(HTTPS, 443, &cases).await;
}

/// A backendRef can redirect its requests.
#[tokio::test]
async fn httproute_backend_request_redirect() {
    let redirect = |path: &str| {
        let filters = format!("filters: [{{type: RequestRedirect, requestRedirect: {{path: {path}}}}}]");
        TO_V1.replace("8080", &format!("8080, {filters}"))
    };
    let rules = [
        rule("/full", &[&redirect("{type: ReplaceFullPath, replaceFullPath: /all/new}")]),
        rule("/prefix", &[&redirect("{type: ReplacePrefixMatch, replacePrefixMatch: /new}")]),
    ];
    let cases = [
        get("/full/old").redirects(302, "http://gateway.example/all/new"),
        get("/prefix/old").redirects(302, "http://gateway.example/new/old"),
    ];
    check(&rules, &cases).await;
}
