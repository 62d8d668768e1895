//! The format of every page: one wrap width, and links with existing targets.

use std::collections::BTreeSet;
use std::path::Path;

use integration::harness::workspace;

use super::pages::Page;

/// The longest line, in characters. Rows of tables, pictures, links, single words and fenced blocks cannot be wrapped.
const WIDTH: usize = 100;

#[test]
fn lines_are_wrapped_at_one_width() {
    let mut long = Vec::new();
    for page in Page::everywhere() {
        for (number, line) in prose(&page.text) {
            let text = line.trim_start();
            let wrappable = text.contains(' ') && !text.starts_with(['|', '[', '!']);
            if wrappable && line.chars().count() > WIDTH {
                long.push(format!("{}:{number}", page.name));
            }
        }
    }
    assert!(long.is_empty(), "lines of more than {WIDTH} characters: {}", long.join(" "));
}

#[test]
fn relative_links_point_to_an_existing_file_and_heading() {
    let mut broken = Vec::new();
    for page in Page::everywhere() {
        let text = prose(&page.text).map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if link.starts_with("https://") || link.starts_with("http://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let page_path = workspace::root().join(&page.name);
            let target = if file.is_empty() { page_path } else { page_path.parent().unwrap().join(file) };
            if !target.exists() || !(heading.is_empty() || headings(&target).contains(heading)) {
                broken.push(format!("{}: {link}", page.name));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// The lines outside fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// The anchors that GitHub makes of a page's headings.
fn headings(page: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let titles = prose(&text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| line.trim_start_matches('#').trim());
    let anchor = |title: &str| {
        let kept = title
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .collect::<String>();
        kept.replace(' ', "-")
    };
    titles.map(anchor).collect()
}
