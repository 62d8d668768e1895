//! The results as tables in Markdown, which read well in a terminal, too.

use std::fmt::Write;

use super::instructions::Instructions;
use super::memory::Memory;
use super::results::{self, NOISY_COUNT, NOISY_TIME};
use super::rounds::{self, Latency, Rounds};
use super::rows::{Row, Traffic};
use super::statistics::Summary;

/// Instructions per request.
pub(super) fn instructions(counted: &Instructions) -> String {
    let line = |row: Row| {
        let count = counted.get(row.id)?;
        let ratio = results::ratio(counted, row);
        let limit = row.limit.map(|limit| {
            let over = ratio.is_none_or(|ratio| ratio > limit);
            format!("{limit:.2}{}", if over { " **exceeded**" } else { "" })
        });
        Some(vec![
            thousands(count.median),
            format!("{:.2} %{}", count.spread() * 100.0, noise(count.spread(), NOISY_COUNT)),
            ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            limit.unwrap_or_default(),
        ])
    };
    table(&["instructions", "spread", "ratio", "limit"], line)
}

/// CPU time per request.
pub(super) fn times(rounds: &Rounds<f64>) -> String {
    let line = |row: Row| {
        let time = Summary::of_half(rounds.get(row.id)?);
        let ratio = rounds::paired(rounds, row).map(|ratio| {
            let Summary { low, median, high } = ratio;
            format!("{median:.2} ({low:.2} to {high:.2}){}", noise(ratio.spread(), NOISY_TIME))
        });
        let spread = noise(time.spread(), NOISY_TIME);
        Some(vec![
            format!("{:.1} ({:.1} to {:.1}){spread}", time.median, time.low, time.high),
            ratio.unwrap_or_default(),
        ])
    };
    table(&["CPU time, µs", "ratio"], line)
}

/// How long clients wait.
pub(super) fn latencies(rounds: &Rounds<Latency>) -> String {
    let line = |row: Row| {
        let rounds = rounds.get(row.id)?;
        let cell = |value: fn(&Latency) -> f64| {
            let summary = Summary::of_half(&rounds.iter().map(value).collect::<Vec<_>>());
            let Summary { low, median, high } = summary;
            format!("{median:.0} ({low:.0} to {high:.0}){}", noise(summary.spread(), NOISY_TIME))
        };
        Some(vec![cell(|latency| latency.p50), cell(|latency| latency.p99)])
    };
    table(&["p50, µs", "p99, µs"], line)
}

/// Memory.
pub(super) fn memory(measured: &[Memory]) -> String {
    let mut text =
        String::from("| Envoy with | each worker, KB | 1,000 open streams, KB |\n| --- | ---: | ---: |\n");
    for Memory { setup, worker, streams } in measured {
        let [worker, streams] = [worker, streams].map(|summary| {
            let Summary { low, median, high } = *summary;
            format!("{} ({} to {})", thousands(median), thousands(low), thousands(high))
        });
        let _ = writeln!(text, "| {} | {worker} | {streams} |", setup.name());
    }
    text
}

/// A table with a line for every row of which `line` knows something, and the rows of one kind of client together.
fn table(columns: &[&str], line: impl Fn(Row) -> Option<Vec<String>>) -> String {
    let mut text = format!("| requests | Envoy with | {} |\n| --- | --- |", columns.join(" | "));
    text += &" ---: |".repeat(columns.len());
    text.push('\n');
    for traffic in Traffic::ALL {
        let mut title = traffic.title();
        for row in Row::ALL.into_iter().filter(|row| row.traffic == traffic) {
            let Some(cells) = line(row) else { continue };
            let name = if row.setup.is_ours() { format!("**{}**", row.name) } else { row.name.to_owned() };
            let _ = writeln!(text, "| {title} | {name} | {} |", cells.join(" | "));
            title = "";
        }
    }
    text
}

fn noise(spread: f64, limit: f64) -> &'static str {
    if spread > limit { " noisy" } else { "" }
}

/// A whole number with commas between thousands.
pub(super) fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < -0.5 { "-" } else { "" });
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(median: f64) -> Summary {
        Summary { low: median, median, high: median }
    }

    #[test]
    fn a_ratio_over_its_limit_is_marked() {
        let text = |ours| {
            instructions(&Instructions::from([
                ("stateful-cookie", exact(100_000.0)),
                ("cookie", exact(ours)),
            ]))
        };
        assert!(text(130_000.0).contains("| **this filter, cookie** | 130,000 | 0.00 % | 1.30 | 1.30 |"));
        assert!(text(131_000.0).contains("| 131,000 | 0.00 % | 1.31 | 1.30 **exceeded** |"));
    }

    #[test]
    fn what_differs_too_much_is_called_noisy() {
        let rounds = |other| Rounds::from([("plain", vec![100.0, 100.0, 100.0, other, other])]);
        assert!(!times(&rounds(104.0)).contains("noisy"));
        assert!(times(&rounds(106.0)).contains("noisy"));
    }

    #[test]
    fn thousands_have_commas() {
        let numbers = [0.0, 999.4, 1_000.0, 12_345_678.0, -1_234.0].map(thousands);
        assert_eq!(numbers, ["0", "999", "1,000", "12,345,678", "-1,234"]);
    }
}
