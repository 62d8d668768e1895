//! Runs the commands that need only this checkout and Envoy, page by page, in a scratch copy.

use std::process::Command;

use integration::demo::transcript;
use integration::harness::envoy::{self, Launch, Process};
use integration::harness::{keys, workspace};

use super::examples::bootstraps;
use super::pages::Page;
use super::scratch::Scratch;

/// Commands that do not run here, by how they begin, and why.
const NOT_RUN: [(&str, &str); 8] = [
    ("curl ", "needs a running Envoy; `the_admin_interface_answers_its_commands` runs these"),
    ("docker ", "needs a container engine; `make test-compose` runs these"),
    ("COOKIE=$(curl ", "needs the demo; the transcripts of `tests/envoy` run it"),
    ("HEADER=$(curl ", "needs the demo; the transcripts of `tests/envoy` run it"),
    ("for i in `seq 5`; do curl ", "needs the demo; the transcripts of `tests/envoy` run it"),
    ("kubectl ", "needs a cluster; `kubernetes` reads and runs what these deploy"),
    ("target/tools/mcp/bin/python ", "serves until it is stopped; `tests/mcp` runs the same programs"),
    ("make ", "builds or tests everything; `every_make_target_exists` looks at the targets"),
];

fn commands(page: &Page) -> Vec<String> {
    let blocks = page.blocks().into_iter().filter(|block| block.language == "console");
    let text: String = blocks.map(|block| block.text.replace("\\\n", " ")).collect();
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn reason(command: &str) -> Option<&'static str> {
    NOT_RUN.iter().find(|(start, _)| command.starts_with(start)).map(|(_, reason)| *reason)
}

#[test]
fn commands_of_the_documentation_succeed() {
    let mut run = 0;
    for page in Page::all() {
        let commands: Vec<_> =
            commands(&page).into_iter().filter(|command| reason(command).is_none()).collect();
        if commands.is_empty() {
            continue;
        }
        run += commands.len();
        let output = Scratch::new().run(&format!("set -x\n{}", commands.join("\n")));
        let (shown, said) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {}\n{said}\n{shown}", page.name, output.status);
    }
    assert!(run > 0, "no page has a command that runs here");
}

#[test]
fn every_skip_reason_is_used() {
    let commands: Vec<_> = Page::all().iter().flat_map(commands).collect();
    for (start, reason) in NOT_RUN {
        assert!(commands.iter().any(|command| command.starts_with(start)), "{start}: {reason}");
    }
}

#[test]
fn every_make_target_exists() {
    let commands: Vec<_> = Page::all().iter().flat_map(commands).collect();
    for command in commands.iter().filter(|command| command.starts_with("make ")) {
        let mut make = Command::new("make");
        make.arg("--dry-run").args(command.split(' ').skip(1)).current_dir(workspace::root());
        let output = make.output().unwrap();
        assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn the_admin_interface_answers_its_commands() {
    let admin = "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n";
    let bootstrap = bootstraps().remove(0).replace("port_value: 8888", "port_value: 0");
    let (envoy, keys) = (envoy::locate(|progress| eprintln!("{progress}")).unwrap(), keys::fresh().unwrap());
    let launch = Launch {
        envoy: &envoy,
        bootstrap: &format!("{admin}{bootstrap}"),
        keys: Some(&keys),
        workers: 1,
        under: &[],
        environment: &[],
        hot_restart: None,
    };
    let envoy = Process::start(&launch).await.unwrap();
    let address = format!("http://{}/", envoy.admin().address());
    for command in Page::all().iter().flat_map(commands).filter(|command| command.starts_with("curl ")) {
        let command =
            command.replace("http://127.0.0.1:9901/", &address).replace("curl ", "curl --fail --silent ");
        let output = Scratch::new().run(&command);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !shown.is_empty(), "{command}\n{shown}");
    }
}

#[test]
fn documented_transcripts_match_the_demo() {
    let run: Vec<_> = [transcript::cookie(8888), transcript::header(8889), transcript::policy(8888)].concat();
    let run: Vec<_> = run.iter().map(|step| on_one_line(&step.command)).collect();
    let pages = Page::all();
    let shown = pages
        .iter()
        .flat_map(commands)
        .filter(|command| command.contains("curl ") && !command.starts_with("curl "));
    for command in shown {
        assert!(run.contains(&command), "{command}\nis none of\n{}", run.join("\n"));
    }
}

fn on_one_line(command: &str) -> String {
    command.replace("\ndone", "; done").split_whitespace().collect::<Vec<_>>().join(" ")
}
