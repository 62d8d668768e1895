//! A cookie with a path.

use serde_json::Value;

use crate::browser::{Browser, Button};
use crate::site::{COOKIE, Site};

const ON_SHOP: &str = "{cookie: {name: basket, path: /shop}, absoluteTimeout: 1h}";

async fn sends(browser: &Browser, path: &str) -> bool {
    let echo = format!("fetch('{path}').then(answer => answer.json())");
    let cookies = browser.promised(&echo).await["headers"]["Cookie"].clone();
    cookies.as_array().into_iter().flatten().filter_map(Value::as_str).any(|line| line.contains("basket="))
}

#[tokio::test]
async fn cookies_are_limited_to_their_path() {
    let site = Site::with(&[("/", COOKIE), ("/shop", ON_SHOP)]).await;
    let browser = Browser::on(&site.url()).await;
    browser.choose("Cookie on /shop").await;
    let squares = browser.press_until(Button::Twenty, 20).await;
    assert!(squares[0].fresh && squares.iter().all(|square| square.pod == squares[0].pod), "{squares:?}");
    assert_eq!(browser.cookie("basket").await, None, "the page at / has it not");
    for (path, sent) in [("/shop", true), ("/shop/get", true), ("/get", false), ("/shopping", false)] {
        assert_eq!(sends(&browser, path).await, sent, "{path}");
    }
    browser.client().goto(&format!("{}shop/get", site.url())).await.unwrap();
    assert_eq!(browser.cookie("basket").await.unwrap().path(), Some("/shop"));
}

#[tokio::test]
async fn forgetting_removes_the_cookie_of_that_path() {
    let site = Site::with(&[("/", COOKIE), ("/shop", ON_SHOP)]).await;
    let browser = Browser::on(&site.url()).await;
    browser.choose("Cookie on /shop").await;
    browser.press_until(Button::One, 1).await;
    assert!(sends(&browser, "/shop").await);
    browser.press(Button::Forget).await;
    browser.until_text("said", "Forgotten").await;
    assert!(!sends(&browser, "/shop").await);
    assert!(browser.cookie("session").await.is_some(), "the other session stays");
}
