//! The real MCP SDK (PyPI `mcp`) through a real Envoy: two servers with sessions in their memory, and a client that calls a tool.
//!
//! The manifests are the example `mcp.yaml`. `make mcp` installs the SDK; the programs are in `integration/mcp`.
#![cfg(test)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use integration::harness::deadline::until;
use integration::harness::deployment::Deployment;
use integration::harness::manifests::Manifests;
use integration::harness::workspace;
use tokio::net::TcpStream;

/// How long a server may take to start.
const LIMIT: Duration = Duration::from_mins(1);

/// The calls before a server is killed.
const CALLS: usize = 20;

/// A program of `integration/mcp`, which ends with the test.
struct Program(Child);

impl Program {
    fn start(script: &str, arguments: &[&str], input: Stdio, output: Stdio) -> Self {
        let python = workspace::target().join("tools/mcp/bin/python");
        assert!(python.exists(), "there is no MCP SDK at `{}`: run `make mcp`", python.display());
        let script: PathBuf = workspace::root().join("integration/mcp").join(script);
        let mut command = Command::new(python);
        command.arg("-u").arg(script).args(arguments).stdin(input).stdout(output);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A server of this name, and its address.
async fn server(name: &str) -> (Program, SocketAddr) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let arguments = [name, &address.port().to_string()];
    let program = Program::start("server.py", &arguments, Stdio::null(), Stdio::null());
    until(LIMIT, async || TcpStream::connect(address).await.ok()).await.unwrap();
    (program, address)
}

/// A client that has called the tool, and waits for a line.
struct Client {
    _program: Program,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(envoy: SocketAddr) -> Self {
        let arguments = [format!("http://{envoy}/mcp"), CALLS.to_string()];
        let arguments = [arguments[0].as_str(), &arguments[1]];
        let mut program = Program::start("client.py", &arguments, Stdio::piped(), Stdio::piped());
        let (input, output) = (program.0.stdin.take().unwrap(), program.0.stdout.take().unwrap());
        Self { _program: program, input, output: BufReader::new(output) }
    }

    /// What the next line of this kind says. Lines of other kinds before it are passed over.
    fn line(&mut self, kind: &str) -> String {
        let mut passed = String::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "no more `{kind}`: {passed}");
            if let Some(text) = line.strip_prefix(kind) {
                return text.trim().to_owned();
            }
            passed.push_str(&line);
        }
    }

    /// The result of a call: the server, its session id, and the number of calls that it counted.
    fn result(&mut self) -> [String; 3] {
        let result = self.line("result ");
        let words: Vec<_> = result.split(' ').map(str::to_owned).collect();
        words.try_into().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stays_with_its_server_and_starts_anew_when_that_is_gone() {
    let (one, first) = server("one").await;
    let (two, second) = server("two").await;
    let example = include_str!("../../../envoy-config/examples/mcp.yaml");
    let [first, second] = [first, second].map(|address| address.port().to_string());
    let manifests = example.replace("port: 8001", &format!("port: {first}"));
    let manifests = manifests.replace("port: 8002", &format!("port: {second}"));
    let deployment = Deployment::of(&Manifests::default().with(&manifests)).unwrap();
    let envoy = deployment.start().await.unwrap();
    let mut client = Client::start(envoy.listener("default/eg/8888").unwrap());

    let [home, session, count] = client.result();
    assert_eq!(count, "1");
    for number in 2..=CALLS {
        assert_eq!(client.result(), [home.clone(), session.clone(), number.to_string()]);
    }
    // The client has one session id, which is not the server's.
    let id = client.line("id ");
    assert!(!id.contains(' ') && !id.contains(&session) && id.len() > 100, "{id}");

    let other = if home == "one" { "two" } else { "one" };
    let survivor = if home == "one" {
        drop(one);
        two
    } else {
        drop(two);
        one
    };
    client.input.write_all(b"go on\n").unwrap();
    assert_eq!(client.line("status "), "404");
    assert_eq!(client.line("error "), "Session not found");
    let [new_home, new_session, count] = client.result();
    assert_eq!((new_home.as_str(), count.as_str()), (other, "1"));
    assert_ne!(new_session, session);
    drop(survivor);
}
