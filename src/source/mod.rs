//! Source files, positions in them, and the diagnostics that point there.

mod diagnostic;
mod file;
mod path;
mod render;

pub use diagnostic::{Diagnostic, Diagnostics, Severity, misread};
pub use file::{SourceFile, SourceId, Span, register, register_secret, source_file};
pub use path::normalized;
pub use render::{render, render_all};
