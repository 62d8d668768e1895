//! Accessibility of the page: keyboard, screen reader, narrow screens, contrast in light and dark.

use std::collections::BTreeMap;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Browser, Button};
use crate::site::{COOKIE, Site};

const HEADER: &str = "{sessionName: X-Session, type: Header, absoluteTimeout: 1h}";

async fn page() -> (Site, Browser) {
    let site = Site::with(&[("/", COOKIE), ("/header", HEADER)]).await;
    let browser = Browser::on(&site.url()).await;
    (site, browser)
}

async fn strike(browser: &Browser, key: Key) {
    let strokes = KeyActions::new(String::from("keyboard"))
        .then(KeyAction::Down { value: key.into() })
        .then(KeyAction::Up { value: key.into() });
    browser.client().perform_actions(strokes).await.unwrap();
}

#[tokio::test]
async fn every_button_works_by_keyboard() {
    let (_scene, browser) = page().await;
    let mut reached = Vec::new();
    for _ in 0..6 {
        strike(&browser, Key::Tab).await;
        let focused = browser.run("return document.activeElement.id || document.activeElement.type").await;
        let ring = browser.run("return getComputedStyle(document.activeElement).outlineStyle").await;
        reached.push(focused.as_str().unwrap().to_owned());
        assert!(ring == "solid" || focused == "radio", "{focused} shows no focus: {ring}");
    }
    let buttons = Button::ALL.map(|button| button.id().to_owned());
    assert_eq!(reached, [&buttons[..], &[String::from("radio")]].concat());
    strike(&browser, Key::Right).await;
    browser.until_text("name", "x-session").await;
    browser.run("document.getElementById('one').focus()").await;
    strike(&browser, Key::Enter).await;
    browser.until_squares(1).await;
    let focused = browser.run("return document.activeElement.id").await;
    assert_eq!(focused, "one", "the focus stays where it was");
}

/// What a screen reader is given: the role and the name of everything that is not ignored.
async fn tree(browser: &Browser) -> Vec<(String, String)> {
    let tree = browser.tell("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true);
    let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
}

#[tokio::test]
async fn screen_readers_get_names_landmarks_and_results() {
    let (_scene, browser) = page().await;
    let pod = browser.first_pod().await;
    let nodes = tree(&browser).await;
    let named = |role: &str| {
        let of_role = nodes.iter().filter(|(found, _)| found == role);
        of_role.map(|(_, name)| name.as_str()).collect::<Vec<_>>()
    };
    let stop = format!("Stop this pod {pod}");
    let buttons = ["One request", "Twenty requests", "Forget the session", &stop, "Bring all pods back"];
    assert_eq!(named("button"), buttons);
    assert_eq!(named("radio"), ["Cookie, 60 min", "Header, 60 min"]);
    for landmark in ["banner", "main", "contentinfo"] {
        assert_eq!(named(landmark).len(), 1, "{landmark}");
    }
    let panels = ["The last sixty answers", "Try it", "The session in this browser"];
    assert_eq!(named("region"), panels);
    assert_eq!(named("list")[..2], ["The last sixty answers", "Pods"]);
    assert_eq!(named("status").len(), 1);
    browser.until_text("said", &format!("({pod})")).await;
    let items = "return [...document.querySelectorAll('#strip li:not([aria-hidden])')]
                     .map(item => item.querySelector('.spoken').textContent)";
    assert_eq!(browser.run(items).await, json!([pod]), "a square is more than its colour");
    let headings = "return [...document.querySelectorAll('h1, h2, h3')].map(heading => heading.tagName)";
    assert_eq!(browser.run(headings).await, json!(["H1", "H2", "H2", "H2"]));
    assert_eq!(browser.run("return document.documentElement.lang").await, "en");
}

/// The contrast (WCAG 2.2) of every text that can be seen against what is behind it, by its class or id.
const CONTRASTS: &str = "
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const linear = part => { const v = part / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = rgba(getComputedStyle(at).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255, 255];
    };
    const contrasts = {};
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('script, .spoken')) continue;
        if (element.closest('[aria-disabled=true]')) continue;
        const [one, other] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        const name = `${element.tagName} ${element.id || element.className || element.parentElement.className}`;
        contrasts[name] = Math.min(contrast, contrasts[name] ?? Infinity);
    }
    return contrasts;";

#[tokio::test]
async fn text_contrast_is_sufficient_in_light_and_dark() {
    let (_scene, browser) = page().await;
    browser.press_until(Button::Twenty, 20).await;
    let mut papers = Vec::new();
    for scheme in ["light", "dark"] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.tell("Emulation.setEmulatedMedia", media).await;
        papers.push(browser.run("return getComputedStyle(document.body).backgroundColor").await);
        let contrasts: BTreeMap<String, f64> = serde_json::from_value(browser.run(CONTRASTS).await).unwrap();
        assert!(contrasts.len() > 10, "{contrasts:?}");
        let faint: Vec<_> = contrasts.iter().filter(|(_, contrast)| **contrast < 4.5).collect();
        assert!(faint.is_empty(), "{scheme}: {faint:?}");
    }
    assert_ne!(papers[0], papers[1]);
}

#[tokio::test]
async fn narrow_screens_need_no_horizontal_scrolling() {
    let (_scene, browser) = page().await;
    browser.press_until(Button::Twenty, 20).await;
    for width in [320, 390, 768] {
        let phone = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true});
        browser.tell("Emulation.setDeviceMetricsOverride", phone).await;
        let needed = browser.run("return document.documentElement.scrollWidth").await;
        assert!(needed.as_u64().unwrap() <= width, "{needed} of {width} pixels");
        let heights = "return Math.min(...[...document.querySelectorAll('button, #switch label')]
                           .map(target => target.getBoundingClientRect().height))";
        assert!(browser.run(heights).await.as_f64().unwrap() >= 44.0, "a finger finds every button");
    }
}

#[tokio::test]
async fn reduced_motion_disables_animations() {
    let (_scene, browser) = page().await;
    let media = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
    browser.tell("Emulation.setEmulatedMedia", media).await;
    browser.press_until(Button::One, 1).await;
    assert_eq!(browser.run("return document.getAnimations().length").await, 0);
    let styles = "const style = selector => getComputedStyle(document.querySelector(selector));
                  return [style('#strip li').animationName, style('#bar div').transitionProperty]";
    assert_eq!(browser.run(styles).await, json!(["none", "none"]));
}
