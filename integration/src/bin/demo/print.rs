//! What the demo prints.

use integration::demo::transcript::{Expected, Outcome, Step};

use super::stage::Stage;

/// Something that is being done.
pub(super) fn step(text: &str) {
    println!("==> {text}");
}

/// The beginning of a transcript.
pub(super) fn title(text: &str) {
    println!("\n{text}\n{}\n", "-".repeat(text.len()));
}

/// A command, as it would be typed.
pub(super) fn command(step: &Step) {
    println!("# {}", step.purpose);
    for (line, prompt) in step.command.lines().zip(["$ "].into_iter().chain(std::iter::repeat("> "))) {
        println!("{prompt}{line}");
    }
}

/// What came of a command.
pub(super) fn outcome(step: &Step, outcome: &Outcome) {
    match step.expected {
        Expected::Variable(name) => println!("{name}={}", outcome.output),
        _ => print!("{}", outcome.output),
    }
    println!("{}\n", if outcome.held { "ok" } else { "NOT what was expected" });
}

/// What came of it all.
pub(super) fn verdict(held: bool) {
    println!(
        "{}",
        if held { "All of it is as the task says." } else { "Not all of it is as the task says." }
    );
}

/// How to go on by hand.
pub(super) fn usage(stage: &Stage) {
    let (cookie, header) = (stage.cookie.port(), stage.header.port());
    println!(
        "\nEnvoy runs until Ctrl-C. Watch it in a browser: http://localhost:{cookie}/\n\nOr from another terminal:\n\n  \
         curl -v http://localhost:{cookie}/get                           # a new session in a cookie\n  \
         curl -c jar -b jar http://localhost:{cookie}/get                # the same pod for ten seconds\n  \
         curl -v http://localhost:{header}/get                           # a new session in the header session-a\n  \
         curl -s http://{admin}/stats | grep session_persistence  # the filter's counters\n",
        admin = stage.envoy.admin().address(),
    );
}
