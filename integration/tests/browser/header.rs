//! Header sessions, which the page's script stores.

use std::collections::BTreeSet;

use crate::browser::{Browser, Button};
use crate::site::{COOKIE, Site};

const HEADER: &str = "{sessionName: X-Session, type: Header, absoluteTimeout: 1h}";

#[tokio::test]
async fn header_sessions_work_with_same_origin_fetch() {
    let site = Site::with(&[("/", COOKIE), ("/header", HEADER)]).await;
    let browser = Browser::on(&site.url()).await;
    browser.choose("Header").await;
    let squares = browser.press_until(Button::Twenty, 20).await;
    let pod = squares[0].pod.clone().expect("somebody answers");
    assert!(squares[0].fresh, "{squares:?}");
    assert!(
        squares[1..].iter().all(|square| square.pod.as_ref() == Some(&pod) && !square.fresh),
        "{squares:?}"
    );

    browser.reload().await;
    let squares = browser.press_until(Button::One, 1).await;
    assert_eq!(squares[0].pod.as_ref(), Some(&pod), "it outlives a reload");

    browser.press(Button::Forget).await;
    browser.until_text("said", "Forgotten").await;
    let squares = browser.press_until(Button::One, 2).await;
    assert!(squares[1].fresh, "{squares:?}");
}

#[tokio::test]
async fn switching_carriers_keeps_both_sessions() {
    let site = Site::with(&[("/", COOKIE), ("/header", HEADER)]).await;
    let browser = Browser::on(&site.url()).await;
    let cookie = browser.first_pod().await;
    browser.choose("Header").await;
    let header = browser.press_until(Button::One, 2).await[1].pod.clone();
    browser.choose("Cookie").await;
    let squares = browser.press_until(Button::Twenty, 22).await;
    assert!(squares[2..].iter().all(|square| square.pod.as_deref() == Some(&cookie)), "{squares:?}");
    browser.choose("Header").await;
    let squares = browser.press_until(Button::Twenty, 42).await;
    assert!(squares[22..].iter().all(|square| square.pod == header), "{header:?} {squares:?}");
}

/// A page of another origin calls ours five times, and sends the session header that it could read last.
const CALLS: &str = "const [url, done] = arguments; (async () => { let session = null; const pods = []; \
    for (let call = 0; call < 5; call += 1) { \
        const answer = await fetch(url, session === null ? {} : {headers: {'X-Session': session}}); \
        session = answer.headers.get('X-Session') ?? session; pods.push((await answer.json()).pod); } \
    done({session, pods}); })().catch(error => done(String(error)));";

#[tokio::test]
async fn scripts_of_other_origins_have_sessions_if_the_header_is_exposed() {
    for (settings, exposed) in [("exposeHeader: true", true), ("exposeHeader: false", false)] {
        let site = Site::for_other_origins(HEADER, settings).await;
        let port = site.address("default/eg/80").port();
        let mapped = String::from("--host-resolver-rules=MAP *.test 127.0.0.1");
        let browser = Browser::with_arguments(&[mapped], &format!("http://other.test:{port}/")).await;
        // The page itself allows no calls to other origins.
        browser.client().goto(&format!("http://other.test:{port}/get")).await.unwrap();
        let url = format!("http://www.shop.test:{port}/get");
        let found = browser.client().execute_async(CALLS, vec![url.into()]).await.unwrap();
        let pods: BTreeSet<&str> =
            found["pods"].as_array().unwrap().iter().map(|pod| pod.as_str().unwrap()).collect();
        assert_eq!(found["session"].is_string(), exposed, "{settings}: {found}");
        assert_eq!(pods.len() == 1, exposed, "{settings}: {found}");
    }
}
