//! The demo's page and its buttons without a browser, and the program that serves them in a container.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use envoy_config::options::Options;
use integration::backend::Pod;
use integration::demo::sources;
use integration::demo::{self, Control};
use integration::harness::client::{Answer, Client};
use integration::harness::deployment::{self, FREE_PORT};
use integration::harness::workspace;
use serde_json::{Value, json};

const HTML: [(&str, &str); 1] = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

/// Two pods with the page of the quickstart.
async fn pods() -> Vec<Control> {
    let sources = sources::read(&workspace::root().join("envoy-config/examples/quickstart")).unwrap();
    let gateway = "default/eg".parse().unwrap();
    let options = Options { gateway: Some(gateway), ..deployment::options() };
    let model = deployment::compile(&sources, &options).unwrap();
    let sessions = demo::watched(&model, &"default/eg".parse().unwrap());
    let named = [1, 2].map(|number| (FREE_PORT, Pod::new("backend", &format!("backend-{number}"))));
    demo::start_group(named, sessions).await.unwrap()
}

async fn client(pod: &Control) -> Client {
    Client::new(pod.backend().lock().await.address())
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn facts(page: &Answer) -> Value {
    let text = String::from_utf8(page.body.clone()).unwrap();
    let (_, facts) = text.split_once("id=\"facts\">").unwrap();
    serde_json::from_str(facts.split_once("</script>").unwrap().0).unwrap()
}

#[tokio::test]
async fn browsers_get_the_page_and_other_clients_get_json() {
    let pods = pods().await;
    let client = client(&pods[0]).await;
    let page = client.get_with("/", &HTML).await.unwrap();
    assert_eq!(page.value("content-type").as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(page.value("cache-control").as_deref(), Some("no-store"));
    assert_eq!(client.get("/").await.unwrap().pod().as_deref(), Some("backend-1"));
    assert_eq!(client.get_with("/get", &HTML).await.unwrap().pod().as_deref(), Some("backend-1"));
    assert_eq!(client.get("/-/nothing").await.unwrap().pod().as_deref(), Some("backend-1"));
}

#[tokio::test]
async fn content_security_policy_blocks_external_content() {
    let pods = pods().await;
    let page = client(&pods[0]).await.get_with("/", &HTML).await.unwrap();
    let policy = page.value("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8(page.body).unwrap();
    let mut addresses = text.split("://").skip(1);
    assert!(addresses.all(|address| address.starts_with("www.w3.org/2000/svg")), "a namespace is no address");
    assert!(!text.contains("<link rel=\"stylesheet\"") && !text.contains(" src="));
}

#[tokio::test]
async fn page_lists_the_rules_of_its_gateway_and_shortens_tokens() {
    let pods = pods().await;
    // Only what is as long as a token is taken for one.
    let token = format!("ARum{}VtlA", "x".repeat(72));
    let cookie = format!("Session-A={token}");
    let request = [HTML[0], ("cookie", &cookie)];
    let page = client(&pods[0]).await.get_with("/", &request).await.unwrap();
    assert!(!String::from_utf8_lossy(&page.body).contains(&token));
    let facts = facts(&page);
    assert_eq!(facts["pod"], "backend-1");
    assert_eq!(facts["sent"], json!({"default/cookie/0/0": "ARum…VtlA"}));
    let known = facts["sessions"].as_array().unwrap().iter().map(|session| {
        json!([
            session["rule"],
            session["path"],
            session["carrier"],
            session["name"],
            session["absolute_timeout"]
        ])
    });
    let expected = json!([
        ["default/cookie/0/0", "/get", "cookie", "Session-A", 10],
        ["default/page/0/0", "/cookie/get", "cookie", "Session-B", 60],
        ["default/page/1/0", "/header/get", "header", "session-a", 60],
    ]);
    assert_eq!(known.collect::<Value>(), expected);
    let attributes = &facts["sessions"][1]["attributes"];
    assert_eq!(*attributes, json!(["Path=/cookie", "Max-Age=60", "HttpOnly", "SameSite=Lax"]));
}

#[tokio::test]
async fn client_data_cannot_close_the_script_element() {
    let pods = pods().await;
    let cookie = format!("Session-A=</s1{}8ipt", "x".repeat(72));
    let request = [HTML[0], ("cookie", &cookie)];
    let page = client(&pods[0]).await.get_with("/", &request).await.unwrap();
    assert_eq!(facts(&page)["sent"]["default/cookie/0/0"], "</s1…8ipt");
    assert!(!String::from_utf8_lossy(&page.body).contains("</s1"));
}

#[tokio::test]
async fn pods_can_be_stopped_and_started_by_another_pod() {
    let pods = pods().await;
    let [one, other] = [client(&pods[0]).await, client(&pods[1]).await];
    assert_eq!(one.post("/-/stop?pod=backend-1").await.unwrap().status, 200);
    assert!(one.get("/get").await.is_err());
    let told = json(&other.get("/-/pods").await.unwrap());
    let expected = json!([{"pod": "backend-1", "listening": false}, {"pod": "backend-2", "listening": true}]);
    assert_eq!(told, expected);
    assert_eq!(other.post("/-/stop?pod=backend-2").await.unwrap().status, 409, "it is the last one");
    assert_eq!(other.post("/-/start").await.unwrap().status, 200);
    assert_eq!(one.get("/get").await.unwrap().pod().as_deref(), Some("backend-1"));
}

#[tokio::test]
async fn cross_site_commands_and_unknown_pods_are_rejected() {
    let pods = pods().await;
    let client = client(&pods[0]).await;
    assert_eq!(client.post("/-/stop?pod=backend-7").await.unwrap().status, 409);
    for site in ["cross-site", "same-site", "none"] {
        let headers = [("sec-fetch-site", site)];
        for path in ["/-/stop?pod=backend-2", "/-/start", "/-/forget?rule=default/cookie/0/0"] {
            assert_eq!(client.post_with(path, &headers).await.unwrap().status, 403, "{site} {path}");
        }
    }
    assert!(pods[1].backend().lock().await.reachable().await);
}

#[tokio::test]
async fn forget_expires_the_cookie_of_the_rule_at_its_path() {
    let pods = pods().await;
    let client = client(&pods[0]).await;
    let forgotten = client.post("/-/forget?rule=default%2Fpage%2F0%2F0").await.unwrap();
    let expected = "Session-B=; Path=/cookie; Max-Age=0; HttpOnly; SameSite=Lax";
    assert_eq!(forgotten.values("set-cookie"), [expected]);
    for rule in ["default/page/1/0", "default/other/0/0"] {
        let answer = client.post(&format!("/-/forget?rule={rule}")).await.unwrap();
        assert_eq!((answer.status, answer.values("set-cookie").len()), (404, 0), "{rule}");
    }
}

/// The program, on free ports of this machine.
struct Program {
    process: Child,
    serves: SocketAddr,
    control: SocketAddr,
}

impl Program {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_backend"))
            .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--pod", "backend-9"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut address = || lines.next().unwrap().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let (serves, control) = (address(), address());
        Self { process, serves, control }
    }

    fn healthy(&self) -> Option<i32> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backend"));
        command.args(["--healthy", &self.control.to_string()]).status().unwrap().code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn health_check_passes_for_stopped_pods_and_fails_for_absent_ones() {
    let mut program = Program::start();
    let client = Client::new(program.serves);
    assert_eq!(client.get("/get").await.unwrap().pod().as_deref(), Some("backend-9"));
    assert_eq!(Client::new(program.control).post("/stop").await.unwrap().status, 200);
    assert!(client.get("/get").await.is_err());
    assert_eq!(program.healthy(), Some(0));
    program.process.kill().unwrap();
    program.process.wait().unwrap();
    assert_eq!(program.healthy(), Some(1));
}

#[cfg(unix)]
#[tokio::test]
async fn termination_does_not_wait_for_open_connections() {
    let mut program = Program::start();
    let _open = tokio::net::TcpStream::connect(program.serves).await.unwrap();
    let told = Instant::now();
    let kill = Command::new("kill").args(["-TERM", &program.process.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(program.process.wait().unwrap().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
}
