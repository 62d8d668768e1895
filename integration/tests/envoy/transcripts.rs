//! Runs the demo with the transcripts of Envoy Gateway's task.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use integration::demo::transcript;

/// Runs the demo to its end on free ports, unless it is told otherwise.
fn demo(arguments: &[&str]) -> Output {
    let free = ["--once", "--cookie-port=0", "--header-port=0", "--admin-port=0", "--backend-port=0"];
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    demo.args(free).args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn demo_transcripts_give_the_expected_results() {
    let output = demo(&[]);
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown}\n{said}");
    let steps = [transcript::cookie(8888), transcript::header(8889), transcript::policy(8888)].concat().len();
    assert_eq!(shown.lines().filter(|line| *line == "ok").count(), steps, "{shown}");
    assert!(shown.contains(" \"pod\": \"backend-765694d47f-"), "{shown}");
    let prompted =
        |line: &'_ str| line.strip_prefix("$ ").or_else(|| line.strip_prefix("> ")).map(str::to_owned);
    let commands: Vec<_> = shown.lines().filter_map(prompted).collect();
    let port =
        |text: &str| text.split_once("localhost:").and_then(|(_, rest)| rest.split('/').next()?.parse().ok());
    let ports: Vec<u16> = commands.iter().filter_map(|line| port(line)).collect();
    let (cookie, header) = (ports[0], *ports.iter().find(|port| **port != ports[0]).unwrap());
    let expected =
        [transcript::cookie(cookie), transcript::header(header), transcript::policy(cookie)].concat();
    let expected: Vec<_> = expected.iter().flat_map(|step| step.command.lines()).collect();
    assert_eq!(commands, expected);
}

#[test]
fn a_port_that_is_taken_is_named_with_the_flag_that_chooses_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for flag in ["--cookie-port", "--header-port", "--admin-port"] {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
        let others = ["--cookie-port", "--header-port", "--admin-port", "--backend-port"];
        demo.args(others.iter().filter(|other| **other != flag).map(|other| format!("{other}=0")));
        let output = demo.arg("--once").arg(format!("{flag}={port}")).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("127.0.0.1:{port}")) && said.contains(flag), "{said}");
        assert!(said.contains(&format!("make demo ARGS={flag}=")), "{said}");
    }
}
