//! Header sessions, which the page's script stores.

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
