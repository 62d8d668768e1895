//! A session in the browser's own cookie jar.

use std::time::{Duration, SystemTime};

use crate::browser::{Browser, Button, Square};
use crate::site::{COOKIE, Site};

fn all_of(pod: &str, squares: &[Square]) -> bool {
    squares.iter().all(|square| square.pod.as_deref() == Some(pod) && !square.fresh)
}

#[tokio::test]
async fn sessions_survive_a_reload_and_apply_in_a_second_tab() {
    let site = Site::with(&[("/", COOKIE)]).await;
    let browser = Browser::on(&site.url()).await;
    let pod = browser.first_pod().await;
    browser.reload().await;
    let squares = browser.press_until(Button::Twenty, 20).await;
    assert!(all_of(&pod, &squares), "{pod} {squares:?}");
    browser.open_tab(&site.url()).await;
    let squares = browser.press_until(Button::Twenty, 20).await;
    assert!(all_of(&pod, &squares), "{pod} {squares:?}");
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn session_cookie_has_the_root_path_and_is_http_only() {
    let site = Site::with(&[("/", COOKIE)]).await;
    let browser = Browser::on(&site.url()).await;
    let cookie = browser.cookie("session").await.unwrap();
    assert_eq!(cookie.path(), Some("/"));
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(cookie.same_site().map(|policy| policy.to_string()).as_deref(), Some("Lax"));
    assert_eq!(browser.run("return document.cookie").await, "");
    let token = cookie.value();
    browser.press_until(Button::One, 1).await;
    let (start, end) = (token.get(..4).unwrap(), token.get(token.len() - 4..).unwrap());
    browser.until_text("token", &format!("{start}…{end}")).await;
    let source = browser.run("return document.documentElement.outerHTML").await;
    assert!(!source.as_str().unwrap().contains(token), "the page shows the whole token");
}

#[tokio::test]
async fn forgetting_removes_the_cookie_and_the_next_request_starts_a_session() {
    let site = Site::with(&[("/", COOKIE)]).await;
    let browser = Browser::on(&site.url()).await;
    browser.first_pod().await;
    let before = browser.cookie("session").await.unwrap();
    browser.press(Button::Forget).await;
    browser.until_text("said", "Forgotten").await;
    assert_eq!(browser.cookie("session").await, None);
    assert!(browser.text("token").await.starts_with("none"));
    let squares = browser.press_until(Button::One, 2).await;
    assert!(squares[1].fresh, "{squares:?}");
    assert_ne!(browser.cookie("session").await.unwrap().value(), before.value());
}

#[tokio::test]
async fn rejected_sessions_can_be_forgotten_without_starting_another() {
    // The filter refuses what the jar holds then, and would answer with a new session.
    let site = Site::with(&[("/", COOKIE)]).await;
    let browser = Browser::on(&site.url()).await;
    browser.first_pod().await;
    browser.client().delete_cookie("session").await.unwrap();
    browser.run("document.cookie = `session=${'AAAA'.repeat(20)}; Path=/`").await;
    assert!(browser.cookie("session").await.is_some());
    browser.press(Button::Forget).await;
    browser.until_text("said", "Forgotten").await;
    assert_eq!(browser.cookie("session").await, None);
}

#[tokio::test]
async fn permanent_cookies_expire_after_max_age() {
    let persistence = "{sessionName: session, absoluteTimeout: 4s, cookieConfig: {lifetimeType: Permanent}}";
    let site = Site::with(&[("/", persistence)]).await;
    let browser = Browser::on(&site.url()).await;
    let cookie = browser.cookie("session").await.unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let expires =
        Duration::from_secs(cookie.expires_datetime().unwrap().unix_timestamp().try_into().unwrap());
    assert!(expires <= now + Duration::from_secs(4), "{cookie}");
    integration::harness::deadline::until(crate::browser::PATIENCE, async || {
        browser.cookie("session").await.is_none().then_some(())
    })
    .await
    .unwrap();
    browser.until_text("token", "its time is up").await;
    let squares = browser.press_until(Button::One, 1).await;
    assert!(squares[0].fresh, "{squares:?}");
    assert_ne!(browser.cookie("session").await.unwrap().value(), cookie.value());
}

#[tokio::test]
async fn session_lifetime_cookies_have_no_expiry_date() {
    let site = Site::with(&[("/", "{sessionName: session, absoluteTimeout: 1h}")]).await;
    let browser = Browser::on(&site.url()).await;
    assert_eq!(browser.cookie("session").await.unwrap().expires_datetime(), None);
}
