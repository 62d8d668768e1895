//! Session cookies and headers in the forms that clients send, and the attributes of cookies.

use integration::harness::client::{Answer, Client, Protocol, raw};
use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;

use crate::setup::{
    COOKIE, HEADER, address, client, deployment, manifests, plain_rule, pod, pods, route, rule, serve, start,
    token,
};
use crate::strict::settings;

/// Asserts that each of these ways to send a token reaches its pod.
async fn assert_all_reach(envoy: &Process, client: &Client, sent: &[Vec<(&str, String)>]) {
    let answer = client.get("/get").await.unwrap();
    let (first, token) = (pod(&answer), token(&answer).unwrap());
    for headers in sent {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.replace("TOKEN", &token))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for _ in 0..3 {
            let answer = client.get_with("/get", &headers).await.unwrap();
            assert_eq!(pod(&answer), first, "{headers:?}\n{}", envoy.log());
            assert!(crate::setup::token(&answer).is_none(), "{headers:?}");
        }
    }
}

fn lines<const N: usize>(name: &'static str, values: [&str; N]) -> Vec<(&'static str, String)> {
    values.map(|value| (name, value.to_owned())).to_vec()
}

#[tokio::test]
async fn session_cookies_are_found_among_other_cookies() {
    let pods = pods::<4>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let sent = [
        lines("cookie", ["session=TOKEN"]),
        lines("cookie", ["a=1; session=TOKEN; b=2"]),
        lines("cookie", ["a=1;session=TOKEN;b=2"]),
        lines("cookie", ["xsession=1; session=TOKEN; session2=3"]),
        lines("cookie", ["session=\"TOKEN\""]),
        lines("cookie", ["a; =; ;;session=TOKEN"]),
        lines("cookie", ["a=1", "session=TOKEN"]),
        lines("cookie", ["a=1; b=2", "c=3", "d=4; session=TOKEN; e=5"]),
    ];
    assert_all_reach(&envoy, &client(&envoy), &sent).await;
    assert_all_reach(&envoy, &client(&envoy).speaking(Protocol::Http2), &sent).await;
}

#[tokio::test]
async fn first_valid_cookie_of_several_is_used() {
    let pods = pods::<4>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let sent = [
        lines("cookie", ["session=nonsense; session=TOKEN"]),
        lines("cookie", ["session=; session=TOKEN; session=nonsense"]),
        lines("cookie", ["session=nonsense", "session=TOKEN"]),
    ];
    assert_all_reach(&envoy, &client(&envoy), &sent).await;

    let client = client(&envoy);
    let (one, two) = (client.get("/get").await.unwrap(), client.get("/get").await.unwrap());
    assert_ne!(pod(&one), pod(&two));
    let both = format!("session={}; session={}", token(&one).unwrap(), token(&two).unwrap());
    let answer = client.get_with("/get", &[("cookie", &both)]).await.unwrap();
    assert_eq!(pod(&answer), pod(&one));
}

#[tokio::test]
async fn session_headers_are_found_in_any_line() {
    let pods = pods::<4>();
    let envoy = serve(&manifests(&pods, HEADER)).await;
    let sent = [
        lines("session", ["TOKEN"]),
        lines("session", ["nonsense, TOKEN"]),
        lines("session", ["nonsense", "TOKEN"]),
    ];
    assert_all_reach(&envoy, &client(&envoy), &sent).await;
    assert_all_reach(&envoy, &client(&envoy).speaking(Protocol::Http2), &sent).await;
}

#[tokio::test]
async fn header_names_ignore_case() {
    let pods = pods::<4>();
    for (persistence, names) in [
        (COOKIE, ["cookie: session=", "Cookie: session=", "COOKIE:session="]),
        (HEADER, ["session: ", "Session: ", "SESSION:"]),
    ] {
        let envoy = serve(&manifests(&pods, persistence)).await;
        let answer = client(&envoy).get("/get").await.unwrap();
        let (first, token) = (pod(&answer), token(&answer).unwrap());
        for name in names {
            for _ in 0..3 {
                let request = format!(
                    "GET /get HTTP/1.1\r\nhost: localhost\r\n{name}{token}\r\nconnection: close\r\n\r\n"
                );
                assert_eq!(pod(&raw(address(&envoy), request.as_bytes()).await.unwrap()), first, "{name}");
            }
        }
    }
}

/// The attributes of the session cookie that a first answer sets, without its value.
async fn attributes(persistence: &str, prefix: &str) -> Vec<String> {
    let pods = pods::<1>();
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[rule(prefix, &[("backend", 1)], persistence)]));
    let envoy = serve(&manifests).await;
    let line = client(&envoy).get(prefix).await.unwrap().set_cookie("session").unwrap();
    let mut attributes: Vec<_> = line.split("; ").skip(1).map(str::to_owned).collect();
    attributes.sort();
    attributes
}

#[tokio::test]
async fn permanent_cookies_expire_at_the_absolute_timeout() {
    let old = "{sessionName: session, absoluteTimeout: 5m, cookieConfig: {lifetimeType: Permanent}}";
    let new = "{absoluteTimeout: 5m, cookie: {name: session, lifetimeType: Permanent}}";
    for persistence in [old, new] {
        assert_eq!(attributes(persistence, "/").await, ["HttpOnly", "Max-Age=300", "Path=/", "SameSite=Lax"]);
    }
}

#[tokio::test]
async fn session_cookies_have_no_max_age_or_expires() {
    let old = "{sessionName: session, absoluteTimeout: 5m}";
    let new = "{cookie: {name: session}, absoluteTimeout: 5m}";
    for persistence in [old, new] {
        assert_eq!(attributes(persistence, "/").await, ["HttpOnly", "Path=/", "SameSite=Lax"]);
    }
}

#[tokio::test]
async fn cookie_path_defaults_to_root_or_to_the_match_in_the_old_schema() {
    let newer = attributes("{cookie: {name: session}}", "/deep").await;
    assert_eq!(newer, ["HttpOnly", "Path=/", "SameSite=Lax"]);
    let given = attributes("{cookie: {name: session, path: /other}}", "/deep").await;
    assert_eq!(given, ["HttpOnly", "Path=/other", "SameSite=Lax"]);
    let older = attributes("{sessionName: session}", "/deep").await;
    assert_eq!(older, ["HttpOnly", "Path=/deep", "SameSite=Lax"]);
}

#[tokio::test]
async fn unnamed_sessions_get_a_distinct_cookie_name_per_rule() {
    let pods = pods::<2>();
    let rules = ["/a", "/b"].map(|prefix| rule(prefix, &[("backend", 1)], "{type: Cookie}"));
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route("route", &rules))).await;
    let client = client(&envoy);
    let name = |answer: Answer| {
        let line = answer.value("set-cookie").unwrap();
        line.split('=').next().unwrap().to_owned()
    };
    let (a, b) = (name(client.get("/a").await.unwrap()), name(client.get("/b").await.unwrap()));
    assert_ne!(a, b);
    assert_eq!(name(client.get("/a").await.unwrap()), a);
}

#[tokio::test]
async fn backend_set_cookie_headers_arrive_unchanged_and_in_order() {
    let pods = pods::<2>();
    let envoy = start(&deployment(&manifests(&pods, COOKIE)).with_workers(1)).await;
    let theirs = [
        "a=1; Path=/x; Secure; HttpOnly",
        "session2=own; SameSite=Strict",
        "a=\"2\"",
        "Session=case",
        "b=; Max-Age=0",
    ];
    let asked = theirs.map(|line| format!("Set-Cookie:{line}")).join(", ");
    let client = client(&envoy);
    let first = client.get_with("/get", &[("x-echo-set-header", &asked)]).await.unwrap();
    let (ours, others): (Vec<_>, Vec<_>) =
        first.values("set-cookie").into_iter().partition(|line| line.starts_with("session="));
    assert_eq!((ours.len(), others), (1, theirs.map(str::to_owned).to_vec()));

    let cookie = format!("session={}", token(&first).unwrap());
    let again = client.get_with("/get", &[("x-echo-set-header", &asked), ("cookie", &cookie)]).await.unwrap();
    assert_eq!(again.values("set-cookie"), theirs);
}

#[tokio::test]
async fn client_cookies_reach_the_backend_unchanged() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let sent = "a=1; session=nonsense; b=\"2\"";
    assert_eq!(client.get_with("/get", &[("cookie", sent)]).await.unwrap().echoed("Cookie"), [sent]);
}

#[tokio::test]
async fn backend_session_headers_are_replaced_not_added_to() {
    let pods = pods::<2>();
    let rules = [rule("/", &[("backend", 1)], HEADER), plain_rule("/plain", "backend")];
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route("route", &rules))).await;
    let client = client(&envoy);
    let asked = [("x-echo-set-header", "session: theirs")];
    let answer = client.get_with("/get", &asked).await.unwrap();
    assert_eq!(answer.values("session").len(), 1);
    assert_ne!(answer.value("session").as_deref(), Some("theirs"));
    let plain = client.get_with("/plain/get", &asked).await.unwrap();
    assert_eq!(plain.values("session"), ["theirs"]);
}

#[tokio::test]
async fn responses_with_a_token_are_not_cached_by_shared_caches() {
    let pods = pods::<2>();
    for persistence in [COOKIE, HEADER] {
        let envoy = serve(&manifests(&pods, persistence)).await;
        let client = client(&envoy);
        let sent = "Cache-Control: public, Cache-Control: max-age=60, Cache-Control: s-maxage=600, CDN-Cache-Control: max-age=60";
        let first = client.get_with("/get", &[("x-echo-set-header", sent)]).await.unwrap();
        let token = token(&first).unwrap();
        assert_eq!(first.values("cache-control"), ["max-age=60, private"]);
        assert_eq!(first.values("cdn-cache-control"), [""; 0]);
        let cookie = format!("session={token}");
        let headers = [("cookie", cookie.as_str()), ("session", &token), ("x-echo-set-header", sent)];
        let back = client.get_with("/get", &headers).await.unwrap();
        assert_eq!(back.values("cache-control"), ["public,max-age=60,s-maxage=600"]);
        let silent = client.get("/get").await.unwrap();
        assert_eq!(silent.values("cache-control"), ["private"]);
        let stored = "Cache-Control: no-store";
        let stored = client.get_with("/get", &[("x-echo-set-header", stored)]).await.unwrap();
        assert_eq!(stored.values("cache-control"), ["no-store"]);
    }
}

#[tokio::test]
async fn session_headers_accept_any_unreserved_name() {
    let names =
        ["x-session", "session", "mcp-session-id", "x-auth-session", "server-id", "x-tenant!#$%&'*+.^_`|~"];
    let pods = pods::<4>();
    let numbered = names.iter().enumerate();
    let rules: Vec<String> = numbered
        .map(|(number, name)| {
            let session = format!("{{sessionName: {name:?}, type: Header, absoluteTimeout: 1h}}");
            rule(&format!("/{number}"), &[("backend", 1)], &session)
        })
        .collect();
    let manifests = Manifests::gateway().service("backend", &pods).with(&route("route", &rules));
    let envoy = serve(&manifests).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = client(&envoy).speaking(protocol);
        for (number, name) in names.iter().enumerate() {
            let path = format!("/{number}/get");
            let answer = client.get(&path).await.unwrap();
            let (first, token) = (pod(&answer), answer.value(name).unwrap());
            for _ in 0..4 {
                let answer = client.get_with(&path, &[(name, &token)]).await.unwrap();
                assert_eq!(pod(&answer), first, "{name} {protocol:?}");
                assert_eq!(answer.value(name), None, "{name} {protocol:?}");
            }
        }
    }
}

/// Over HTTP: TLS may end in front of Envoy.
#[tokio::test]
async fn session_cookies_have_the_attributes_and_the_prefix_of_a_policy() {
    let pods = pods::<4>();
    let cookie =
        "cookie: {prefix: __Secure-, secure: Always, sameSite: None, domain: example.com, path: /get}";
    let policy = settings("kind: HTTPRoute, name: route", cookie);
    let envoy = serve(&manifests(&pods, COOKIE).with(&policy)).await;
    let client = client(&envoy);
    let first = client.get("/get").await.unwrap();
    let set = first.values("set-cookie").concat();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/get; Domain=example.com; Secure; HttpOnly; SameSite=None");
    assert!(cookie.starts_with("__Secure-session="), "{cookie}");
    for _ in 0..4 {
        let back = client.get_with("/get", &[("cookie", cookie)]).await.unwrap();
        assert_eq!((pod(&back), back.values("set-cookie").len()), (pod(&first), 0));
    }
    // The name belongs to the token.
    let unprefixed = cookie.trim_start_matches("__Secure-");
    let other = client.get_with("/get", &[("cookie", unprefixed)]).await.unwrap();
    assert_eq!(other.values("set-cookie").len(), 1);
}

#[tokio::test]
async fn a_policy_leaves_caching_to_the_backend() {
    for persistence in [COOKIE, HEADER] {
        let pods = pods::<2>();
        let policy = settings("kind: HTTPRoute, name: route", "cacheable: Ignore");
        let envoy = serve(&manifests(&pods, persistence).with(&policy)).await;
        let client = client(&envoy);
        let sent = [(
            "x-echo-set-header",
            "Cache-Control: public, Cache-Control: s-maxage=60, CDN-Cache-Control: max-age=60",
        )];
        let first = client.get_with("/get", &sent).await.unwrap();
        assert!(token(&first).is_some(), "{first:?}");
        let kept = ["cache-control", "cdn-cache-control"].map(|name| first.values(name).concat());
        assert_eq!(kept, ["public,s-maxage=60", "max-age=60"].map(String::from));
    }
}
