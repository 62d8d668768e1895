//! The instructions as a bar chart (SVG).
//!
//! It is drawn for a white page and brings that along, so that it can be read where pages are dark. Rows with a large body
//! are left out: their bars would make all others short.

use std::fmt::Write;

use super::instructions::Instructions;
use super::results;
use super::rows::{Row, Traffic};
use super::table::thousands;

const WIDTH: f64 = 860.0;
/// Where bars begin.
const LEFT: f64 = 200.0;
/// The length of the longest bar: its value stands to the right of it.
const LONGEST: f64 = 500.0;
const BAR: f64 = 18.0;
const LINE: f64 = 26.0;
const HEADING: f64 = 34.0;
const TOP: f64 = 62.0;

const INK: &str = "#1f2933";
const FAINT: &str = "#52606d";
const OURS: &str = "#1769aa";
const OTHERS: &str = "#9fb3c8";
const LIMIT: &str = "#c0392b";

/// The chart.
pub(super) fn draw(counted: &Instructions) -> String {
    let shown = |row: &Row| row.traffic != Traffic::LargeBody && counted.contains_key(row.id);
    let rows: Vec<_> = Row::ALL.into_iter().filter(shown).collect();
    let ends = rows.iter().flat_map(|&row| [length(counted, row), limit(counted, row)]);
    let longest = ends.flatten().fold(1.0, f64::max);
    let scale = LONGEST / longest;
    let mut body = String::new();
    let mut y = TOP;
    for traffic in Traffic::ALL {
        let group: Vec<_> = rows.iter().copied().filter(|row| row.traffic == traffic).collect();
        if group.is_empty() {
            continue;
        }
        text(&mut body, (20.0, y + 20.0), INK, "start", "bold", traffic.title());
        y += HEADING;
        for row in group {
            bar(&mut body, counted, row, y, scale);
            y += LINE;
        }
        y += 6.0;
    }
    let height = y + 14.0;
    let mut head = String::new();
    text(&mut head, (20.0, 28.0), INK, "start", "bold", "Instructions of an Envoy worker per request");
    let legend =
        "× is the ratio to the same requests without this filter, as in the table; a red line is its limit";
    text(&mut head, (20.0, 48.0), FAINT, "start", "normal", legend);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" role=\"img\">\n\
         <title>Instructions of an Envoy worker per request</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{head}{body}</svg>\n"
    )
}

fn bar(body: &mut String, counted: &Instructions, row: Row, y: f64, scale: f64) {
    let Some(length) = length(counted, row) else { return };
    let middle = y + BAR / 2.0 + 4.5;
    let color = if row.setup.is_ours() { OURS } else { OTHERS };
    text(body, (LEFT - 8.0, middle), INK, "end", "normal", row.name);
    let width = length * scale;
    let _ = writeln!(
        body,
        "<rect x=\"{LEFT:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{color}\"/>"
    );
    let mut end = LEFT + width;
    if let Some(limit) = limit(counted, row) {
        let x = LEFT + limit * scale;
        let (top, bottom) = (y - 3.0, y + BAR + 3.0);
        // White around the red, which is hard to see on a dark bar.
        for (color, width) in [("#ffffff", 5), (LIMIT, 2)] {
            let _ = writeln!(
                body,
                "<line x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"{color}\" \
                 stroke-width=\"{width}\"/>"
            );
        }
        end = end.max(x);
    }
    let ratio = results::ratio(counted, row).map(|ratio| format!(" · {ratio:.2} ×")).unwrap_or_default();
    let over = row.limit.zip(results::ratio(counted, row)).filter(|(limit, ratio)| ratio > limit);
    let over = over.map(|(limit, _)| format!(" (limit {limit:.2})")).unwrap_or_default();
    let label = format!("{}{ratio}{over}", thousands(length));
    text(body, (end + 7.0, middle), if over.is_empty() { FAINT } else { LIMIT }, "start", "normal", &label);
}

fn length(counted: &Instructions, row: Row) -> Option<f64> {
    Some(counted.get(row.id)?.median)
}

/// Where the limit of a row is, in instructions.
fn limit(counted: &Instructions, row: Row) -> Option<f64> {
    Some(counted.get(row.baseline?)?.median * row.limit?)
}

fn text(body: &mut String, (x, y): (f64, f64), color: &str, anchor: &str, weight: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{color}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\">{content}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Summary;

    #[test]
    fn a_chart_has_a_bar_for_each_small_row_and_a_line_for_each_limit() {
        let summary = |median| Summary { low: median, median, high: median };
        let counted: Instructions = Row::ALL.map(|row| (row.id, summary(100_000.0))).into();
        let chart = draw(&counted);
        let small = Row::ALL.into_iter().filter(|row| row.traffic != Traffic::LargeBody);
        assert_eq!(chart.matches("height=\"18\"").count(), small.clone().count());
        assert_eq!(chart.matches(LIMIT).count(), small.filter(|row| row.limit.is_some()).count());
        // Of equal instructions the one whose limit is 1.40 has the line at the right end.
        assert!(chart.contains("x1=\"700.0\""), "{chart}");
    }
}
