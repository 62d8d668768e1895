//! What the demo prints.

use integration::demo::transcript::{Expected, Outcome, Step};

use super::stage::Stage;

/// Prints a step.
pub(super) fn step(text: &str) {
    println!("==> {text}");
}

/// Prints the title of a transcript.
pub(super) fn title(text: &str) {
    println!("\n{text}\n{}\n", "-".repeat(text.len()));
}

/// Prints a command as it would be typed.
pub(super) fn command(step: &Step) {
    println!("# {}", step.purpose);
    for (line, prompt) in step.command.lines().zip(["$ "].into_iter().chain(std::iter::repeat("> "))) {
        println!("{prompt}{line}");
    }
}

/// Prints the result of a command.
pub(super) fn outcome(step: &Step, outcome: &Outcome) {
    match step.expected {
        Expected::Variable(name) => println!("{name}={}", outcome.output),
        _ => print!("{}", outcome.output),
    }
    println!("{}\n", if outcome.held { "ok" } else { "FAILED: not the expected result" });
}

/// Prints whether all results are as expected.
pub(super) fn verdict(held: bool) {
    println!("{}", if held { "All results are as expected." } else { "Some results are not as expected." });
}

/// Prints how to continue by hand.
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
