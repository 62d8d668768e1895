//! Starts chromedriver for one test and stops it afterwards.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

/// What Chromium is told: to run without a screen, as root too, and to talk to nobody but us.
const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
];

/// A running driver; dropping it ends it and its browser.
pub(crate) struct Driver {
    process: Child,
    port: u16,
    profile: TempDir,
}

impl Driver {
    /// Starts the driver on a free port.
    ///
    /// It takes a free port of one address family and then the same port of the other, and ends if that is in use: tests that
    /// run at the same time use many ports.
    pub(crate) fn start() -> Self {
        const ATTEMPTS: usize = 5;
        (0..ATTEMPTS).find_map(|_| Self::try_start()).expect("the driver finds a free port")
    }

    /// Starts the driver; none if it ends without a port.
    fn try_start() -> Option<Self> {
        let program = found("CHROMEDRIVER", &["chromedriver"]);
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let Some(port) = lines.find_map(|line| port(&line.unwrap())) else {
            process.wait().unwrap();
            return None;
        };
        // Its pipe must not fill.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, port, profile: tempfile::tempdir().unwrap() })
    }

    /// Opens a browser with an empty profile and these arguments beside the usual ones.
    pub(crate) async fn open(&self, arguments: &[String]) -> Client {
        let program = found("CHROMIUM", &["chromium", "chromium-browser", "google-chrome"]);
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let usual = ARGUMENTS.map(str::to_owned).into_iter();
        let arguments: Vec<_> = usual.chain([profile]).chain(arguments.iter().cloned()).collect();
        let capabilities = json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": program, "args": arguments},
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().unwrap().clone());
        builder.connect(&format!("http://127.0.0.1:{}", self.port)).await.unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Killed, it would leave its browser behind.
        let asked = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).and_then(|mut stream| {
            stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            std::io::copy(&mut stream, &mut std::io::sink())
        });
        if asked.is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// The port in `ChromeDriver was started successfully on port 40123.`
fn port(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

/// The program that this variable names, or else the first of these on `PATH`.
fn found(variable: &str, programs: &[&str]) -> PathBuf {
    if let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) {
        return PathBuf::from(path);
    }
    let paths = env::var_os("PATH").unwrap_or_default();
    let mut candidates =
        programs.iter().flat_map(|program| env::split_paths(&paths).map(move |folder| folder.join(program)));
    let program = candidates.find(|path| path.is_file());
    program.unwrap_or_else(|| {
        panic!(
            "there is no `{}` on PATH: install Chromium and its driver (Debian: apt-get install chromium \
             chromium-driver), or name it in {variable}",
            programs[0]
        )
    })
}
