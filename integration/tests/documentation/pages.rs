//! The pages, and the fenced blocks in them.

use std::fs;
use std::path::{Path, PathBuf};

use integration::harness::workspace;

/// One page.
pub(crate) struct Page {
    /// Its path in the repository, as `docs/guide.md`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block {
    /// What stands behind the opening fence, as `console`.
    pub(crate) language: String,
    pub(crate) text: String,
}

impl Page {
    /// The pages for users: README.md and docs/*.md.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
        paths.extend(markdown_in("docs"));
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// Every page in Markdown that is about the repository: those for users, and those beside the code.
    pub(crate) fn everywhere() -> Vec<Self> {
        let mut paths = markdown_in(".");
        paths.extend(markdown_in("docs"));
        paths.extend(markdown_in(".github"));
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(workspace::root().join(path)).unwrap();
        Self { name: path.display().to_string(), text }
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, Block)> = None;
        for line in self.text.lines() {
            let indent = line.len() - line.trim_start().len();
            match (open.take(), line.trim_start().strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some((indent, Block { language: language.to_owned(), text: String::new() }));
                }
                (Some((_, block)), Some("")) => blocks.push(block),
                (Some((indent, mut block)), _) => {
                    // A block inside a list item is indented as the item is.
                    block.text.push_str(line.get(indent..).unwrap_or_default());
                    block.text.push('\n');
                    open = Some((indent, block));
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fenced block has no end", self.name);
        blocks
    }
}

fn markdown_in(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(workspace::root().join(folder)).unwrap();
    let names = entries.map(|entry| PathBuf::from(entry.unwrap().file_name()));
    let mut paths: Vec<_> = names.filter(|name| name.extension().is_some_and(|end| end == "md")).collect();
    paths.sort();
    paths.iter().map(|name| Path::new(folder).join(name)).collect()
}

#[test]
fn blocks_in_list_items_are_unindented() {
    let text = String::from("1. First:\n\n   ```console\n   make module \\\n     all\n   ```\n");
    let blocks = Page { name: String::from("page"), text }.blocks();
    assert_eq!(blocks.len(), 1);
    assert_eq!(
        (blocks[0].language.as_str(), blocks[0].text.as_str()),
        ("console", "make module \\\n  all\n")
    );
}
