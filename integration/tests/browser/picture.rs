//! The picture in the README.

use std::fs;

use integration::harness::workspace;
use serde_json::json;

use crate::browser::{Browser, Button};
use crate::site::Site;

/// Set to have the picture in `docs` made anew.
const UPDATE: &str = "UPDATE_PICTURE";

/// Where a user's demo has the page.
const DEMO: &str = "localhost:8888";

#[tokio::test]
async fn page_picture_is_current() {
    let cookie = "{sessionName: Session-A, absoluteTimeout: 60s, cookieConfig: {lifetimeType: Permanent}}";
    let header = "{sessionName: Session-A, type: Header, absoluteTimeout: 60s}";
    let site = Site::with(&[("/", cookie), ("/header", header)]).await;
    let mapped = format!("--host-resolver-rules=MAP {DEMO} {}", site.address("default/eg/80"));
    let browser = Browser::with_arguments(&[mapped], &format!("http://{DEMO}/")).await;
    // Amid them its pod stops, so that the picture has more than one colour to show.
    browser.press(Button::Twenty).await;
    let half = "return document.querySelectorAll('#strip li:not([aria-hidden])').length >= 8";
    browser.until("some of the answers are there", half).await;
    browser.press(Button::Stop).await;
    let squares = browser.until_squares(20).await;
    assert!(squares.iter().all(|square| square.pod.is_some()), "{squares:?}");

    let dimensions =
        |height: u64| json!({"width": 1080, "height": height, "deviceScaleFactor": 1, "mobile": false});
    browser.tell("Emulation.setDeviceMetricsOverride", dimensions(800)).await;
    let height =
        browser.run("document.activeElement.blur(); return document.documentElement.scrollHeight").await;
    browser.tell("Emulation.setDeviceMetricsOverride", dimensions(height.as_u64().unwrap())).await;
    browser.run("return document.getAnimations().forEach(animation => animation.finish())").await;
    let picture = browser.client().screenshot().await.unwrap();
    assert!(picture.len() < 120_000, "{} bytes", picture.len());

    let update = std::env::var_os(UPDATE).is_some_and(|value| !value.is_empty());
    let folder = if update { workspace::root().join("docs") } else { workspace::target() };
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("page.png"), picture).unwrap();
}
