//! A browser on the demo's page, and the actions of its buttons.

use std::time::Duration;

use fantoccini::cookies::Cookie;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, Locator};
use hyper::Method;
use integration::harness::deadline;
use serde_json::{Value, json};
use url::{ParseError, Url};

use crate::driver::Driver;

/// The longest that anything on the page may take: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A browser of one test, with a jar of its own.
pub(crate) struct Browser {
    client: Client,
    _driver: Driver,
}

/// A button of the page, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Button {
    One,
    Twenty,
    Forget,
    Stop,
    Start,
}

/// A square of the strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Square {
    /// The pod that answered; none when nobody did.
    pub(crate) pod: Option<String>,
    /// What it says to those who do not see it.
    pub(crate) words: String,
    /// Whether a new token came with the answer.
    pub(crate) fresh: bool,
}

impl Button {
    pub(crate) const ALL: [Self; 5] = [Self::One, Self::Twenty, Self::Forget, Self::Stop, Self::Start];

    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Twenty => "twenty",
            Self::Forget => "forget",
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }
}

impl Browser {
    /// Opens a browser on this page.
    pub(crate) async fn on(url: &str) -> Self {
        Self::with_arguments(&[], url).await
    }

    /// Opens a browser with these command line arguments on this page.
    pub(crate) async fn with_arguments(arguments: &[String], url: &str) -> Self {
        let driver = Driver::start();
        let browser = Self { client: driver.open(arguments).await, _driver: driver };
        browser.client.goto(url).await.unwrap();
        browser.until_pods_are_known().await;
        browser
    }

    /// The `WebDriver` client.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Loads the page again.
    pub(crate) async fn reload(&self) {
        self.client.refresh().await.unwrap();
        self.until_pods_are_known().await;
    }

    /// Opens this page in another tab, and goes there.
    pub(crate) async fn open_tab(&self, url: &str) {
        let tab = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(tab.handle).await.unwrap();
        self.client.goto(url).await.unwrap();
        self.until_pods_are_known().await;
    }

    async fn until_pods_are_known(&self) {
        self.until("the pods are known", "return document.querySelector('#pods li') !== null").await;
    }

    /// Presses a button as a person does, once it can be pressed.
    pub(crate) async fn press(&self, button: Button) {
        let id = button.id();
        let enabled = format!("return document.getElementById('{id}').ariaDisabled !== 'true'");
        self.until(&format!("{id} can be pressed"), &enabled).await;
        self.client.find(Locator::Id(id)).await.unwrap().click().await.unwrap();
    }

    /// Presses a button and waits until so many squares are on the strip.
    pub(crate) async fn press_until(&self, button: Button, squares: usize) -> Vec<Square> {
        self.press(button).await;
        self.until_squares(squares).await
    }

    /// Waits until so many squares are on the strip, and the page rests.
    pub(crate) async fn until_squares(&self, squares: usize) -> Vec<Square> {
        let count = "document.querySelectorAll('#strip li:not([aria-hidden])').length";
        let rests = "document.getElementById('twenty').ariaDisabled !== 'true'";
        let script = format!("return {count} === {squares} && {rests}");
        self.until(&format!("{squares} squares are on the strip"), &script).await;
        self.squares().await
    }

    /// Presses the button for one request, on a page that has made none yet; the pod that answered it.
    pub(crate) async fn first_pod(&self) -> String {
        let squares = self.press_until(Button::One, 1).await;
        squares[0].pod.clone().expect("somebody answers")
    }

    /// The squares on the strip, oldest first.
    pub(crate) async fn squares(&self) -> Vec<Square> {
        let script = "return [...document.querySelectorAll('#strip li:not([aria-hidden])')]
                          .map(square => [square.dataset.pod ?? null, square.title, square.classList.contains('fresh')])";
        let squares = self.run(script).await;
        let square = |square: &Value| Square {
            pod: square[0].as_str().map(str::to_owned),
            words: square[1].as_str().unwrap().to_owned(),
            fresh: square[2].as_bool().unwrap(),
        };
        squares.as_array().unwrap().iter().map(square).collect()
    }

    /// Chooses the session whose label begins with this.
    pub(crate) async fn choose(&self, label: &str) {
        let labels = self.client.find_all(Locator::Css("#switch label")).await.unwrap();
        for found in labels {
            if found.text().await.unwrap().starts_with(label) {
                return found.click().await.unwrap();
            }
        }
        panic!("there is no session {label}");
    }

    /// The text of the element with this id.
    pub(crate) async fn text(&self, id: &str) -> String {
        self.client.find(Locator::Id(id)).await.unwrap().text().await.unwrap()
    }

    /// Waits until the element with this id says this.
    pub(crate) async fn until_text(&self, id: &str, text: &str) {
        let script =
            format!("return document.getElementById('{id}').textContent.includes({})", Value::from(text));
        self.until(&format!("{id} says {text:?}"), &script).await;
    }

    /// Waits until this script returns true.
    pub(crate) async fn until(&self, what: &str, script: &str) {
        let state = deadline::until(PATIENCE, async || (self.run(script).await == true).then_some(())).await;
        if let Err(elapsed) = state {
            panic!("{what}: {elapsed}; the page says {:?}", self.run("return document.body.innerText").await);
        }
    }

    /// What this script returns.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// What the promise that this expression stands for comes to.
    pub(crate) async fn promised(&self, expression: &str) -> Value {
        let script =
            format!("const done = arguments[0]; ({expression}).then(done, error => done(String(error)))");
        self.client.execute_async(&script, Vec::new()).await.unwrap()
    }

    /// The cookie of this name that the browser would send from the page it is on.
    pub(crate) async fn cookie(&self, name: &str) -> Option<Cookie<'static>> {
        match self.client.get_named_cookie(name).await {
            Ok(cookie) => Some(cookie),
            Err(error) if error.is_no_such_cookie() => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Tells Chromium's developer tools to do this.
    pub(crate) async fn tell(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.client.issue_cmd(Extension { path: "goog/cdp/execute", body }).await.unwrap()
    }

    /// What the page and the browser have complained about since the last call.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.client.issue_cmd(Extension { path: "se/log", body: json!({"type": "browser"}) });
        let log = log.await.unwrap();
        log.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }
}

/// A command that only Chromium's driver knows.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _request_url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
