//! The transcripts of Envoy Gateway's task "Session Persistence": its commands, unchanged except for the port, and their
//! expected results; and one of a policy, which the task does not have. They run in a shell with `curl`.

use std::collections::BTreeSet;
use std::io;
use std::process::Stdio;

use tokio::process::Command;

/// The programs that the commands need besides the shell.
pub const PROGRAMS: [&str; 5] = ["awk", "curl", "grep", "seq", "sleep"];

/// One command of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is for, in a sentence.
    pub purpose: &'static str,
    /// The shell command.
    pub command: String,
    /// Its expected result.
    pub expected: Expected,
}

/// The expected result of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It sets this shell variable, which later commands use.
    Variable(&'static str),
    /// Five answers from one pod.
    SamePod,
    /// Five answers from several pods.
    OtherPods,
    /// Five answers with a new cookie each.
    NewCookies,
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it printed, or the value of the variable.
    pub output: String,
    /// Whether it is the expected result.
    pub held: bool,
}

/// A shell in which the commands run one after the other.
#[derive(Debug, Default)]
pub struct Shell {
    variables: Vec<(&'static str, String)>,
}

/// The transcript of the route that carries sessions in a cookie, for this port.
#[must_use]
pub fn cookie(port: u16) -> Vec<Step> {
    let step = |purpose, command, expected| Step { purpose, command: on_port(command, port), expected };
    vec![
        step("A first request gets a cookie.", COOKIE_FIRST, Expected::Variable("COOKIE")),
        step("With the cookie, all responses are from the same pod.", COOKIE_AGAIN, Expected::SamePod),
        step(
            "Ten seconds later there is no session any more, although curl still sends the cookie.",
            COOKIE_EXPIRED,
            Expected::OtherPods,
        ),
        step("Each response to the expired cookie carries a new one.", COOKIE_RENEWED, Expected::NewCookies),
    ]
}

/// The transcript of the route that carries sessions in a header, for this port.
#[must_use]
pub fn header(port: u16) -> Vec<Step> {
    let step = |purpose, command: &str, expected| Step { purpose, command: on_port(command, port), expected };
    let expired = format!("sleep 10 && {HEADER_AGAIN}");
    vec![
        step("A first request gets a header.", HEADER_FIRST, Expected::Variable("HEADER")),
        step("With the header, all responses are from the same pod.", HEADER_AGAIN, Expected::SamePod),
        step("Ten seconds later there is no session any more.", &expired, Expected::OtherPods),
        step("Without the header there is none either.", HEADER_REMOVED, Expected::OtherPods),
    ]
}

/// The transcript of the policy of the route that carries sessions in a cookie, for this port.
#[must_use]
pub fn policy(port: u16) -> Vec<Step> {
    let step = |purpose, command, expected| Step { purpose, command: on_port(command, port), expected };
    vec![
        step("A first request gets a cookie.", COOKIE_FIRST, Expected::Variable("COOKIE")),
        step("The policy ignores what is under /assets: any pod serves it.", IGNORED, Expected::OtherPods),
        step("The session has stayed where it was.", COOKIE_AGAIN, Expected::SamePod),
    ]
}

fn on_port(command: &str, port: u16) -> String {
    command.replace(":8888/", &format!(":{port}/"))
}

const COOKIE_FIRST: &str =
    r#"COOKIE=$(curl --verbose http://localhost:8888/get 2>&1 | grep "set-cookie" | awk '{print $3}')"#;

const COOKIE_AGAIN: &str = r#"for i in `seq 5`; do
    curl -H "Cookie: $COOKIE" http://localhost:8888/get 2>/dev/null | grep pod
done"#;

const COOKIE_EXPIRED: &str = r#"sleep 10 && for i in `seq 5`; do
    curl -H "Cookie: $COOKIE" -H "Host: www.example.com" http://localhost:8888/get 2>/dev/null | grep pod
done"#;

/// Not part of the task: shows that each response carries a new cookie.
const COOKIE_RENEWED: &str = r#"for i in `seq 5`; do
    curl --include -H "Cookie: $COOKIE" http://localhost:8888/get 2>/dev/null | grep set-cookie
done"#;

const IGNORED: &str = r#"for i in `seq 5`; do
    curl -H "Cookie: $COOKIE" http://localhost:8888/assets 2>/dev/null | grep pod
done"#;

const HEADER_FIRST: &str =
    r#"HEADER=$(curl --verbose http://localhost:8888/get 2>&1 | grep "session-a" | awk '{print $3}')"#;

const HEADER_AGAIN: &str = r#"for i in `seq 5`; do
    curl -H "Session-A: $HEADER" http://localhost:8888/get 2>/dev/null | grep pod
done"#;

const HEADER_REMOVED: &str = r"for i in `seq 5`; do
    curl http://localhost:8888/get 2>/dev/null | grep pod
done";

impl Shell {
    /// Runs a command and compares its output with the expected result.
    ///
    /// # Errors
    /// There is no shell.
    pub async fn run(&mut self, step: &Step) -> io::Result<Outcome> {
        let output = match step.expected {
            Expected::Variable(name) => {
                let value = self.output(&format!("{}\nprintf %s \"${name}\"", step.command)).await?;
                self.variables.push((name, value.clone()));
                value
            }
            _ => self.output(&step.command).await?,
        };
        let held = step.expected.holds(&output);
        Ok(Outcome { output, held })
    }

    async fn output(&self, script: &str) -> io::Result<String> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).envs(self.variables.iter().map(|(name, value)| (name, value)));
        // A proxy of the user's has no business between curl and this machine.
        command.env("no_proxy", "localhost").stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        Ok(String::from_utf8_lossy(&command.output().await?.stdout).into_owned())
    }
}

impl Expected {
    fn holds(self, output: &str) -> bool {
        let lines: Vec<_> = output.lines().collect();
        let kinds = lines.iter().collect::<BTreeSet<_>>().len();
        let all = |start: &str| lines.len() == 5 && lines.iter().all(|line| line.starts_with(start));
        match self {
            Self::Variable(_) => lines.len() == 1,
            Self::SamePod => all(" \"pod\": \"") && kinds == 1,
            Self::OtherPods => all(" \"pod\": \"") && kinds > 1,
            Self::NewCookies => all("set-cookie: Session-A=") && kinds == 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(names: [u8; 5]) -> String {
        names.map(|name| format!(" \"pod\": \"backend-{name}\"\n")).concat()
    }

    #[test]
    fn five_responses_of_one_pod_are_a_session() {
        assert!(Expected::SamePod.holds(&pods([1; 5])));
        assert!(!Expected::SamePod.holds(&pods([1, 1, 1, 1, 2])));
        assert!(Expected::OtherPods.holds(&pods([1, 2, 3, 4, 1])));
        assert!(!Expected::OtherPods.holds(&pods([1; 5])));
    }

    #[test]
    fn fewer_than_five_responses_are_a_failure() {
        let four = pods([1, 1, 1, 1, 2]).lines().take(4).collect::<Vec<_>>().join("\n");
        assert!(!Expected::SamePod.holds(&four));
        assert!(!Expected::OtherPods.holds(&four));
        assert!(!Expected::Variable("COOKIE").holds(""));
    }

    #[tokio::test]
    async fn variables_are_passed_to_later_commands() {
        let mut shell = Shell::default();
        let set =
            Step { purpose: "", command: String::from("X=$(echo a b)"), expected: Expected::Variable("X") };
        assert_eq!(shell.run(&set).await.unwrap().output, "a b");
        assert_eq!(shell.output("echo \"$X\"").await.unwrap(), "a b\n");
    }
}
