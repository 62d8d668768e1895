//! Failover as the page shows it.

use std::collections::BTreeSet;

use crate::browser::{Browser, Button};
use crate::site::{COOKIE, Site};

#[tokio::test]
async fn sessions_fail_over_without_a_visible_error() {
    let site = Site::with(&[("/", COOKIE)]).await;
    let browser = Browser::on(&site.url()).await;
    let pod = browser.first_pod().await;
    let before = browser.cookie("session").await.unwrap();
    browser.press(Button::Stop).await;
    browser.until_text("said", "refuses connections").await;
    assert!(!site.reachable(&pod).await);
    browser.until_text("pods", "stopped").await;

    let moved = browser.press_until(Button::Twenty, 21).await.split_off(1);
    let pods: BTreeSet<_> = moved.iter().map(|square| square.pod.as_deref()).collect();
    assert_eq!(pods.len(), 1, "{moved:?}");
    assert!(!pods.contains(&None) && !pods.contains(&Some(&pod)), "{pod} {moved:?}");
    let fresh: Vec<_> = moved.iter().map(|square| square.fresh).collect();
    assert_eq!(fresh.iter().position(|fresh| *fresh), Some(0), "the token comes with the first answer");
    assert_eq!(fresh.iter().filter(|fresh| **fresh).count(), 1, "and with that one only");
    assert_ne!(browser.cookie("session").await.unwrap().value(), before.value());

    browser.press(Button::Start).await;
    browser.until_text("said", "All pods answer again").await;
    assert!(site.reachable(&pod).await);
    let last = browser.press_until(Button::One, 22).await.pop();
    assert_eq!(last.as_ref(), moved.last().filter(|square| !square.fresh), "it stays where it has moved to");
}

#[tokio::test]
async fn stopping_a_pod_during_requests_loses_none() {
    let site = Site::with(&[("/", COOKIE)]).await;
    let browser = Browser::on(&site.url()).await;
    browser.press(Button::Twenty).await;
    browser.press(Button::Stop).await;
    let squares = browser.until_squares(20).await;
    assert!(squares.iter().all(|square| square.pod.is_some()), "{squares:?}");
    let pods: BTreeSet<_> = squares.iter().map(|square| &square.pod).collect();
    assert_eq!(pods.len(), 2, "{squares:?}");
}

#[tokio::test]
async fn the_last_pod_cannot_be_stopped() {
    let site = Site::with(&[("/", COOKIE)]).await;
    let browser = Browser::on(&site.url()).await;
    for stopped in 0..3 {
        browser.press_until(Button::One, stopped + 1).await;
        browser.press(Button::Stop).await;
        let count = format!("return document.querySelectorAll('#pods .stopped').length === {}", stopped + 1);
        browser.until("another pod is stopped", &count).await;
    }
    let last = browser.press_until(Button::One, 4).await.pop().unwrap().pod.unwrap();
    browser.press(Button::Stop).await;
    browser.until_text("said", "is the last pod that answers").await;
    assert!(site.reachable(&last).await);
}
