//! Filters of rules together with sessions: header modifiers, rewrites, redirects, mirrors, CORS.

use std::time::Duration;

use hyper::Method;
use integration::backend::Backend;
use integration::harness::client::{Answer, Client};
use integration::harness::deadline::until;
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;

use crate::setup::{COOKIE, HEADER, browser, client, pod, pods, pods_of, route, serve, start, token};
use crate::strict::settings;

/// A rule with these filters for the requests with this prefix; `more` are its other fields.
fn filtered(prefix: &str, filters: &str, more: &str) -> String {
    format!("{{matches: [{{path: {{value: {prefix}}}}}], filters: [{filters}], {more}}}")
}

fn sticky(prefix: &str, filters: &str, persistence: &str) -> String {
    let more = format!("backendRefs: [{{name: backend, port: 3000}}], sessionPersistence: {persistence}");
    filtered(prefix, filters, &more)
}

async fn serve_rules<'a>(pods: impl IntoIterator<Item = &'a Backend>, rules: &[String]) -> Process {
    serve(&Manifests::gateway().service("backend", pods).with(&route("route", rules))).await
}

fn path(answer: &Answer) -> String {
    answer.echo().unwrap()["path"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn header_modifiers_apply_both_ways_and_sessions_persist() {
    let pods = pods::<3>();
    let filters = "{type: RequestHeaderModifier, requestHeaderModifier: {\
                     set: [{name: X-Set, value: '100%REQ(:path)%'}], add: [{name: X-Add, value: more}], remove: [X-Gone, Cookie]}}, \
                   {type: ResponseHeaderModifier, responseHeaderModifier: {\
                     set: [{name: X-Answer, value: ours}], add: [{name: X-More, value: two}], remove: [Set-Cookie, X-Secret]}}";
    let envoy = serve_rules(&pods, &[sticky("/", filters, COOKIE)]).await;
    let browser = browser(&envoy);
    let headers = [
        ("x-set", "theirs"),
        ("x-add", "first"),
        ("x-gone", "here"),
        ("x-echo-set-header", "x-answer: theirs, x-more: one, x-secret: s, set-cookie: backend=1"),
    ];
    let first = browser.get_with("/get", &headers).await.unwrap();
    assert_eq!(first.echoed("X-Set"), ["100%REQ(:path)%"]);
    assert_eq!(first.echoed("X-Add").join(","), "first,more");
    assert_eq!([first.echoed("X-Gone"), first.echoed("Cookie")].concat(), [""; 0]);
    assert_eq!(first.values("x-answer"), ["ours"]);
    assert_eq!(first.values("x-more").join(","), "one,two");
    assert_eq!(first.value("x-secret"), None);
    assert_eq!((first.cookie("backend"), first.cookie("session").is_some()), (None, true));
    for _ in 0..5 {
        let again = browser.get_with("/get", &headers).await.unwrap();
        assert_eq!((pod(&again), token(&again)), (pod(&first), None));
    }
}

#[tokio::test]
async fn rewritten_urls_reach_the_backend_and_sessions_persist() {
    let pods = pods::<3>();
    let rewrite = |fields: &str| format!("{{type: URLRewrite, urlRewrite: {{{fields}}}}}");
    let prefix =
        |with: &str| rewrite(&format!("path: {{type: ReplacePrefixMatch, replacePrefixMatch: '{with}'}}"));
    let full = rewrite("hostname: re.example, path: {type: ReplaceFullPath, replaceFullPath: /full%20path}");
    let envoy = serve_rules(
        &pods,
        &[
            sticky("/foo", &prefix("/xyz"), HEADER),
            sticky("/slash/", &prefix("/xyz/"), HEADER),
            sticky("/strip", &prefix("/"), HEADER),
            sticky("/empty.", &prefix(""), HEADER),
            sticky("/full", &full, HEADER),
            sticky("/", &prefix("/all"), HEADER),
        ],
    )
    .await;
    let client = client(&envoy);
    for (asked, seen) in [
        ("/foo/bar?a=/foo", "/xyz/bar?a=/foo"),
        ("/foo", "/xyz"),
        ("/foo/", "/xyz/"),
        ("/slash/bar", "/xyz/bar"),
        ("/slash", "/xyz"),
        ("/strip/three?q", "/three?q"),
        ("/strip", "/"),
        ("/strip/", "/"),
        ("/empty./bar", "/bar"),
        ("/empty.", "/"),
        ("/full/of/things?q=1", "/full%20path?q=1"),
        ("/", "/all/"),
        ("/food?q=1", "/all/food?q=1"),
    ] {
        let first = client.get(asked).await.unwrap();
        assert_eq!(path(&first), seen, "{asked}");
        let host = if asked.starts_with("/full") { "re.example" } else { "localhost" };
        assert_eq!(first.echo().unwrap()["host"], host);
        let session = [("session", &*token(&first).unwrap())];
        for _ in 0..3 {
            assert_eq!(pod(&client.get_with(asked, &session).await.unwrap()), pod(&first), "{asked}");
        }
    }
}

fn redirect(prefix: &str, fields: &str) -> String {
    filtered(
        prefix,
        &format!("{{type: RequestRedirect, requestRedirect: {{{fields}}}}}"),
        &format!("sessionPersistence: {COOKIE}"),
    )
}

/// The status and location of a redirect for this Host, which must start no session.
async fn redirected(client: Client, host: &str, path: &str) -> (u16, String) {
    let answer = client.asking_for(host).get(path).await.unwrap();
    assert_eq!(token(&answer), None);
    (answer.status, answer.value("location").unwrap())
}

#[tokio::test]
async fn redirects_start_no_session() {
    let pods = pods::<1>();
    let rules = [
        redirect("/plain", ""),
        redirect("/https", "scheme: https, statusCode: 301"),
        redirect("/host", "hostname: www.example, statusCode: 303"),
        redirect("/port", "port: 8083, statusCode: 307"),
        redirect("/known", "scheme: https, port: 443, statusCode: 308"),
        redirect("/prefix", "path: {type: ReplacePrefixMatch, replacePrefixMatch: /}"),
        redirect("/full", "path: {type: ReplaceFullPath, replaceFullPath: /there%20}"),
    ];
    let envoy = serve_rules(&pods, &rules).await;
    // The Gateway's port 80 is bound to another port, which most clients send in Host.
    for (asked, status, plain, with_port) in [
        ("/plain/a?b", 302, "http://e.example/plain/a?b", "http://e.example:80/plain/a?b"),
        ("/https?b", 301, "https://e.example/https?b", "https://e.example:443/https?b"),
        ("/host", 303, "http://www.example/host", "http://www.example/host"),
        ("/port", 307, "http://e.example:8083/port", "http://e.example:8083/port"),
        ("/known", 308, "https://e.example/known", "https://e.example:443/known"),
        ("/prefix/a/b", 302, "http://e.example/a/b", "http://e.example:80/a/b"),
        ("/prefix", 302, "http://e.example/", "http://e.example:80/"),
        ("/full/a?b=1", 302, "http://e.example/there%20?b=1", "http://e.example:80/there%20?b=1"),
    ] {
        assert_eq!(redirected(client(&envoy), "e.example", asked).await, (status, plain.to_owned()));
        assert_eq!(
            redirected(client(&envoy), "e.example:18080", asked).await,
            (status, with_port.to_owned())
        );
    }
}

#[tokio::test]
async fn rules_with_unknown_filters_answer_500() {
    let [pod] = pods::<1>();
    let filter = "{type: ExtensionRef, extensionRef: {group: example.com, kind: Guard, name: g}}";
    let manifests = Manifests::gateway()
        .service("backend", [&pod])
        .with(&route("route", &[sticky("/guarded", filter, COOKIE), sticky("/", "", COOKIE)]));
    let envoy = start(&Deployment::keep_going(&manifests).unwrap()).await;
    let client = client(&envoy);
    assert_eq!(client.get("/guarded/x").await.unwrap().status, 500);
    assert_eq!(client.get("/open").await.unwrap().status, 200);
}

/// The requests that a backend has had, once there are this many.
async fn requests(backend: &Backend, expected: u64) -> u64 {
    let enough = async || (backend.requests() >= expected).then_some(());
    let _ = until(Duration::from_secs(10), enough).await;
    backend.requests()
}

#[tokio::test]
async fn mirrors_get_their_fraction_and_do_not_affect_sessions() {
    let pods = pods::<3>();
    let ([all], [some]) = (pods_of::<1>("all"), pods_of::<1>("some"));
    let filters = "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Copied, value: yes}]}}, \
                   {type: RequestMirror, requestMirror: {backendRef: {name: all, port: 3000}}}, \
                   {type: RequestMirror, requestMirror: {backendRef: {name: some, port: 3000}, fraction: {numerator: 1, denominator: 4}}}";
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .service("all", [&all])
        .service("some", [&some])
        .with(&route("route", &[sticky("/", &filters.replace("yes", "'yes'"), HEADER)]));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let first = client.get("/get").await.unwrap();
    assert_eq!(first.echoed("X-Copied"), ["yes"]);
    let session = [("session", &*token(&first).unwrap())];
    let mut copies = all.arrivals();
    for _ in 0..199 {
        let back = client.get_with("/get", &session).await.unwrap();
        assert_eq!((pod(&back), token(&back)), (pod(&first), None));
    }
    assert_eq!(requests(&all, 200).await, 200);
    assert!((25..=75).contains(&some.requests()), "{} of 200 copies, where 50 are due", some.requests());
    copies.recv().await.unwrap();
}

/// If a backend is a hostname, requests for a missing one beside it are rejected before routing, and Envoy samples the mirror
/// with the random number that it used for that.
#[tokio::test]
async fn mirror_fractions_apply_to_requests_that_are_not_rejected() {
    let ([named], [some]) = (pods_of::<1>("named"), pods_of::<1>("some"));
    let port = named.address().port();
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: named}}\n\
         spec: {{type: ExternalName, externalName: localhost, ports: [{{port: {port}}}]}}\n"
    );
    let mirror = "{type: RequestMirror, requestMirror: {backendRef: {name: some, port: 3000}, percent: 30}}";
    let more = format!(
        "backendRefs: [{{name: named, port: {port}}}, {{name: gone, port: 3000}}], sessionPersistence: {COOKIE}"
    );
    let manifests = Manifests::gateway()
        .service("some", [&some])
        .with(&service)
        .with(&route("route", &[filtered("/", mirror, &more)]));
    let envoy = start(&Deployment::keep_going(&manifests).unwrap()).await;
    let client = client(&envoy);
    let mut forwarded = 0;
    for _ in 0..400 {
        forwarded += u64::from(client.get("/get").await.unwrap().status == 200);
    }
    assert!((140..=260).contains(&forwarded), "{forwarded} of 400 forwarded, where 200 are due");
    let copies = requests(&some, forwarded / 6).await;
    assert!((forwarded / 6..=forwarded / 2).contains(&copies), "{copies} copies of {forwarded}");
}

#[tokio::test]
async fn missing_mirrors_do_not_affect_requests() {
    let [pod] = pods::<1>();
    let filter = "{type: RequestMirror, requestMirror: {backendRef: {name: nobody, port: 3000}}}";
    let manifests =
        Manifests::gateway().service("backend", [&pod]).with(&route("route", &[sticky("/", filter, COOKIE)]));
    let envoy = start(&Deployment::keep_going(&manifests).unwrap()).await;
    assert_eq!(client(&envoy).get("/get").await.unwrap().status, 200);
}

const CORS: &str = "{type: CORS, cors: {allowOrigins: ['https://www.foo.example', 'http://*.bar.example:8080'], \
                    allowMethods: [GET, PUT], allowHeaders: [X-One], exposeHeaders: [X-Two], allowCredentials: true, maxAge: 60}}";

/// A preflight request for this method from this origin.
async fn preflight(client: &Client, path: &str, origin: &str, method: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "x-one, session"),
    ];
    client.ask(Method::OPTIONS, path, &headers).await.unwrap()
}

/// A script of another origin can read a header only if the response itself exposes it.
#[tokio::test]
async fn exposed_session_headers_can_be_read_by_scripts() {
    let set = "{type: ResponseHeaderModifier, responseHeaderModifier: \
               {add: [{name: Access-Control-Expose-Headers, value: X-Two}]}}";
    for (filter, origin, expected) in [
        ("", "https://www.foo.example", "session"),
        (set, "https://www.foo.example", "X-Two,session"),
        (CORS, "https://www.foo.example", "X-Two,session"),
        (CORS, "https://elsewhere.example", "session"),
    ] {
        let pods = pods::<2>();
        let manifests = Manifests::gateway()
            .service("backend", &pods)
            .with(&route("route", &[sticky("/", filter, HEADER)]))
            .with(&settings("kind: HTTPRoute, name: route", "exposeHeader: true"));
        let envoy = serve(&manifests).await;
        let client = client(&envoy);
        let exposed =
            |answer: &Answer| answer.values("access-control-expose-headers").join(",").replace(", ", ",");
        let first = client.get_with("/get", &[("origin", origin)]).await.unwrap();
        assert_eq!(exposed(&first), expected, "{filter}");
        let token = token(&first).unwrap();
        let back = client.get_with("/get", &[("origin", origin), ("session", &token)]).await.unwrap();
        assert_eq!((pod(&back), exposed(&back).as_str()), (pod(&first), expected), "{filter}");
    }
}

#[tokio::test]
async fn cors_exposes_the_session_header_to_allowed_origins_only() {
    let pods = pods::<3>();
    let envoy = serve_rules(&pods, &[sticky("/", CORS, HEADER)]).await;
    let client = client(&envoy);
    for origin in ["https://www.foo.example", "https://www.foo.example:443", "http://a.b.bar.example:8080"] {
        let told = preflight(&client, "/get", origin, "PUT").await;
        assert_eq!((told.status, token(&told), told.pod()), (200, None, None));
        let value = |name: &str| told.value(&format!("access-control-{name}"));
        assert_eq!(value("allow-origin").as_deref(), Some(origin));
        assert_eq!(value("allow-credentials").as_deref(), Some("true"));
        assert_eq!(value("allow-methods").as_deref(), Some("GET, PUT"));
        assert_eq!(value("allow-headers").as_deref(), Some("X-One, session"));
        assert_eq!(value("expose-headers").as_deref(), Some("X-Two, session"));
        assert_eq!(value("max-age").as_deref(), Some("60"));

        let first = client.get_with("/get", &[("origin", origin)]).await.unwrap();
        assert_eq!(first.value("access-control-allow-origin").as_deref(), Some(origin));
        assert_eq!(first.value("access-control-expose-headers").as_deref(), Some("X-Two, session"));
        let token = token(&first).unwrap();
        for _ in 0..3 {
            let back = client.get_with("/get", &[("origin", origin), ("session", &token)]).await.unwrap();
            assert_eq!(pod(&back), pod(&first));
        }
    }
    for origin in [
        "http://www.foo.example",
        "https://foo.example",
        "https://www.foo.example:8443",
        "http://bar.example:8080",
        "http://a.bar.example",
        "https://www.foo.example.evil.example",
        "http://evil.example:1.bar.example:8080",
        "http://evil.example?.bar.example:8080",
        "http://evil.example#.bar.example:8080",
        "http://a@b.bar.example:8080",
    ] {
        let told = preflight(&client, "/get", origin, "GET").await;
        let answered = client.get_with("/get", &[("origin", origin)]).await.unwrap();
        for answer in [told, answered] {
            assert_eq!((answer.status, answer.value("access-control-allow-origin")), (200, None), "{origin}");
        }
    }
}

#[tokio::test]
async fn cors_wildcards_echo_the_request_and_max_age_defaults_to_5() {
    let pods = pods::<1>();
    let cors = |more: &str| {
        format!(
            "{{type: CORS, cors: {{allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*']{more}}}}}"
        )
    };
    let rules = [sticky("/with", &cors(", allowCredentials: true"), HEADER), sticky("/", &cors(""), HEADER)];
    let envoy = serve_rules(&pods, &rules).await;
    let client = client(&envoy);
    for (path, credentials, exposed) in
        [("/with", Some("true"), Some("session")), ("/without", None, Some("*"))]
    {
        let told = preflight(&client, path, "https://any.example:99", "DELETE").await;
        let value = |name: &str| told.value(&format!("access-control-{name}"));
        assert_eq!(value("allow-origin").as_deref(), Some("https://any.example:99"));
        assert_eq!(value("allow-credentials").as_deref(), credentials);
        assert_eq!(value("allow-methods").as_deref(), Some("DELETE"));
        assert_eq!(value("allow-headers").as_deref(), Some("x-one, session"));
        assert_eq!(value("expose-headers").as_deref(), exposed);
        assert_eq!(value("max-age").as_deref(), Some("5"));
    }
}

#[tokio::test]
async fn rules_matching_a_method_answer_its_preflight() {
    let pods = pods::<1>();
    let rule = sticky("/get", CORS, COOKIE).replace("{value: /get}", "{value: /get}, method: PUT");
    let envoy = serve_rules(&pods, &[rule]).await;
    let client = client(&envoy);
    let told = preflight(&client, "/get", "https://www.foo.example", "PUT").await;
    assert_eq!(told.status, 200);
    assert_eq!(told.value("access-control-allow-methods").as_deref(), Some("GET, PUT"));
    // No rule is for these.
    assert_eq!(preflight(&client, "/get", "https://www.foo.example", "GET").await.status, 404);
    assert_eq!(client.ask(Method::OPTIONS, "/get", &[]).await.unwrap().status, 404);
}

#[tokio::test]
async fn cors_applies_to_local_replies() {
    let redirect = filtered(
        "/moved",
        &format!("{CORS}, {{type: RequestRedirect, requestRedirect: {{hostname: e.example}}}}"),
        "",
    );
    let odd = CORS.replace("exposeHeaders: [X-Two]", "exposeHeaders: [X-Two, 'x-%PROTOCOL%']");
    let nobody = filtered("/nobody", &odd, "backendRefs: [{name: nobody, port: 3000}]");
    let manifests = Manifests::gateway().with(&route("route", &[redirect, nobody]));
    let envoy = start(&Deployment::keep_going(&manifests).unwrap()).await;
    for host in ["localhost", "localhost:18080"] {
        let client = client(&envoy).asking_for(host);
        for (path, status) in [("/moved", 302), ("/nobody", 500)] {
            for (origin, allowed) in [
                ("https://www.foo.example", true),
                ("http://a.bar.example:8080", true),
                ("https://evil.example", false),
            ] {
                let told = preflight(&client, path, origin, "GET").await;
                assert_eq!(told.status, 200, "{path}");
                let answer = client.get_with(path, &[("origin", origin)]).await.unwrap();
                assert_eq!(answer.status, status);
                let expected = allowed.then(|| origin.to_owned());
                assert_eq!(told.value("access-control-allow-origin"), expected);
                assert_eq!(answer.value("access-control-allow-origin"), expected);
                let exposed = if path == "/moved" { "X-Two" } else { "X-Two, x-%PROTOCOL%" };
                let expected = allowed.then(|| exposed.to_owned());
                assert_eq!(answer.value("access-control-expose-headers"), expected);
            }
        }
    }
}
