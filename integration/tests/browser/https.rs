//! Sessions over HTTPS on a host that also serves HTTP.

use crate::browser::{Browser, Button};
use crate::site::{COOKIE, Site};

/// Not `localhost`, to which a browser sends `Secure` cookies over HTTP, too.
const HOST: &str = "shop.test";

#[tokio::test]
async fn https_cookies_are_secure_and_not_sent_over_http() {
    let site = Site::over_both_schemes(&[("/", COOKIE)]).await;
    let [https, http] = ["default/eg/443", "default/plain/80"].map(|name| site.address(name).port());
    let mapped = format!("--host-resolver-rules=MAP {HOST} 127.0.0.1");
    let page = format!("https://{HOST}:{https}/");
    let browser = Browser::with_arguments(&[mapped], &page).await;
    let squares = browser.press_until(Button::Twenty, 20).await;
    assert!(squares.iter().all(|square| square.pod == squares[0].pod && !square.fresh), "{squares:?}");
    let cookie = browser.cookie("session").await.unwrap();
    assert_eq!((cookie.secure(), cookie.http_only()), (Some(true), Some(true)));
    assert!(browser.text("attributes").await.contains("Secure"), "the page says so");

    // Over HTTP the browser neither sends it nor lets an answer replace it.
    browser.client().goto(&format!("http://{HOST}:{http}/get")).await.unwrap();
    let echo = browser.run("return document.body.innerText").await;
    assert!(echo.as_str().unwrap().contains("\"pod\""), "{echo}");
    assert!(!echo.as_str().unwrap().contains("session="), "{echo}");
    browser.client().goto(&page).await.unwrap();
    assert_eq!(browser.cookie("session").await.unwrap().value(), cookie.value());

    browser.press(Button::Forget).await;
    browser.until_text("said", "Forgotten").await;
    assert_eq!(browser.cookie("session").await, None);
}
