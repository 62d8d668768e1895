//! The YAML documents that are written, each with a comment.

use serde::Serialize;
use serde_saphyr::ser_options;

use crate::render::RenderError;

/// The documents.
#[derive(Debug, Default)]
pub(super) struct Documents(String);

impl Documents {
    /// Writes a document.
    ///
    /// # Errors
    /// It cannot be written as YAML.
    pub(super) fn push(&mut self, comment: &str, object: &impl Serialize) -> Result<(), RenderError> {
        if !self.0.is_empty() {
            self.0.push_str("---\n");
        }
        for line in comment.lines() {
            self.0.push_str("# ");
            self.0.push_str(line);
            self.0.push('\n');
        }
        let layout = ser_options! { prefer_block_scalars: false };
        self.0.push_str(&serde_saphyr::to_string_with_options(object, layout)?);
        Ok(())
    }

    /// All of them.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}
