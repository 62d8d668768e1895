//! The attributes that a policy gives the session cookie, in a browser that obeys them.

use crate::browser::{Browser, Button};
use crate::site::Site;

/// A page of another site, and a host of ours with a domain above it. A browser sends `localhost` cookies that others do not get.
const OTHER: &str = "other.test";
const SHOP: &str = "www.shop.test";

/// A browser on a page of this host.
async fn browser_on(site: &Site, host: &str) -> Browser {
    let mapped = String::from("--host-resolver-rules=MAP *.test 127.0.0.1");
    let port = site.address("default/eg/443").port();
    let without = String::from("--test-third-party-cookie-phaseout");
    Browser::with_arguments(&[mapped, without], &format!("https://{host}:{port}/")).await
}

#[tokio::test]
async fn browsers_keep_and_return_cookies_with_each_attribute() {
    for (attributes, name, same_site, domain) in [
        ("{prefix: __Host-}", "__Host-session", "Lax", SHOP),
        ("{prefix: __Secure-, domain: shop.test}", "__Secure-session", "Lax", "shop.test"),
        ("{sameSite: Strict}", "session", "Strict", SHOP),
        ("{sameSite: None, path: /}", "session", "None", SHOP),
    ] {
        let site = Site::with_attributes(attributes).await;
        let browser = browser_on(&site, SHOP).await;
        let squares = browser.press_until(Button::Twenty, 20).await;
        assert!(squares.iter().all(|square| square.pod == squares[0].pod), "{attributes}: {squares:?}");
        let cookie = browser.cookie(name).await.unwrap_or_else(|| panic!("{attributes}: no cookie"));
        assert_eq!((cookie.secure(), cookie.path()), (Some(true), Some("/")), "{attributes}");
        assert_eq!(cookie.same_site().map(|one| one.to_string()).as_deref(), Some(same_site), "{attributes}");
        assert_eq!(cookie.domain(), Some(domain), "{attributes}");
    }
}

/// What a frame of our host in a page of another site sends the second time, and what our own page sends then.
async fn cookies_of_a_frame(attributes: &str) -> (bool, bool) {
    let site = Site::with_attributes(attributes).await;
    let port = site.address("default/eg/443").port();
    let browser = browser_on(&site, OTHER).await;
    let client = browser.client();
    // The page allows no frames of other sites.
    client.goto(&format!("https://{OTHER}:{port}/get")).await.unwrap();
    let frame = format!("https://{SHOP}:{port}/get");
    for _ in 0..2 {
        let script = "const [source, done] = arguments; const frame = document.createElement('iframe'); \
                      document.querySelectorAll('iframe').forEach(one => one.remove()); \
                      frame.onload = done; frame.src = source; document.body.append(frame);";
        client.execute_async(script, vec![frame.clone().into()]).await.unwrap();
    }
    let element = client.find(fantoccini::Locator::Css("iframe")).await.unwrap();
    element.enter_frame().await.unwrap();
    let sent = browser.run("return document.body.innerText").await;
    client.enter_parent_frame().await.unwrap();
    client.goto(&frame).await.unwrap();
    let own = browser.run("return document.body.innerText").await;
    let [sent, own] = [sent, own].map(|text| {
        let text = text.as_str().unwrap().to_owned();
        assert!(text.contains("\"pod\""), "{text}");
        text.contains("session=")
    });
    (sent, own)
}

/// Without cookies of third parties, as browsers have them more and more.
#[tokio::test]
async fn frames_in_other_sites_have_sessions_if_cookies_are_partitioned() {
    assert_eq!(cookies_of_a_frame("{sameSite: Lax}").await, (false, false), "not in a frame");
    assert_eq!(cookies_of_a_frame("{sameSite: None}").await, (false, false), "it is one of a third party");
    let partitioned = cookies_of_a_frame("{sameSite: None, partitioned: true}").await;
    assert_eq!(partitioned, (true, false), "one session for each site");
}
