//! Diagnostics as text for a person, in the manner of rustc: message, place, source line with a caret, causes, hints.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Severity};
use super::file::Span;

/// Longer source lines are cut around the caret.
const WIDTH: usize = 140;

/// One diagnostic as text that ends with a newline; with colours if `color`.
///
/// A diagnostic shows the one line that it points at and nothing around it, so a vault's content below a `!vault` tag
/// is never part of it; of a file that is encrypted on disk it shows no line at all.
pub fn render(diagnostic: &Diagnostic, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Deprecation => Level::WARNING.with_name("deprecated"),
    };
    let mut group: Group<'_> = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    let file = diagnostic.span.map(Span::file);
    let path = file.as_ref().map(|file| file.path.display().to_string());
    if let (Some(span), Some(file)) = (diagnostic.span, &file) {
        let line = line_of(file.quotable(), span.line);
        let mut annotation = AnnotationKind::Primary.span(bytes_of(line, span));
        if !diagnostic.label.is_empty() {
            annotation = annotation.label(diagnostic.label.as_str());
        }
        group = group.element(
            Snippet::source(line)
                .line_start(span.line as usize)
                .path(path.as_deref().unwrap_or_default())
                .annotation(annotation),
        );
    }
    for cause in &diagnostic.causes {
        group = group.element(Level::NOTE.with_name("cause").message(cause.as_str()));
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    let mut text: String = renderer.render(&[group]);
    text.push('\n');
    text
}

/// Several diagnostics with an empty line after each.
pub fn render_all<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, color: bool) -> String {
    diagnostics.into_iter().map(|diagnostic| render(diagnostic, color) + "\n").collect()
}

/// A line by its number from 1, without its end.
fn line_of(text: &str, number: u32) -> &str {
    let line = text.split('\n').nth(number.saturating_sub(1) as usize).unwrap_or("");
    let line = line.strip_suffix('\r').unwrap_or(line);
    line.strip_prefix('\u{feff}').unwrap_or(line)
}

/// The span in bytes of its line; at most to the line's end, but never empty unless it begins there.
fn bytes_of(line: &str, span: Span) -> std::ops::Range<usize> {
    let offset = |characters: usize| line.char_indices().nth(characters).map_or(line.len(), |(offset, _)| offset);
    let start = span.column.saturating_sub(1) as usize;
    offset(start)..offset(start + span.length.max(1) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceId, register};

    fn span(source: SourceId, line: u32, column: u32, length: u32) -> Span {
        Span { source, line, column, length }
    }

    #[test]
    fn a_diagnostic_shows_its_line_with_a_caret() {
        let source = register("site.yml", "- hosts: all\n  taskz: []\n");
        let text = render(
            &Diagnostic::error("unknown keyword `taskz`")
                .at(span(source, 2, 3, 5))
                .label("not a keyword of a play")
                .cause("first cause")
                .hint("did you mean `tasks`?"),
            false,
        );
        insta::assert_snapshot!(text, @r"
        error: unknown keyword `taskz`
         --> site.yml:2:3
          |
        2 |   taskz: []
          |   ^^^^^ not a keyword of a play
          |
          = cause: first cause
          = hint: did you mean `tasks`?
        ");
    }

    #[test]
    fn one_without_a_place_is_its_message() {
        insta::assert_snapshot!(render(&Diagnostic::warning("no hosts matched").hint("check `-l`"), false), @r"
        warning: no hosts matched
         |
         = hint: check `-l`
        ");
        insta::assert_snapshot!(render(&Diagnostic::error("could not read `x`"), false), @"error: could not read `x`");
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_caret_in_place() {
        let source = register("t.yml", "\tname: \u{4e2d}\u{6587} x\n");
        let text = render(&Diagnostic::deprecation("old form").at(span(source, 1, 11, 1)).label("here"), false);
        insta::assert_snapshot!(text, @r"
        deprecated: old form
         --> t.yml:1:11
          |
        1 |     name: 中文 x
          |                ^ here
        ");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let source = register("long.yml", format!("{}HERE{}\n", "word ".repeat(100), " word".repeat(100)));
        let text = render(&Diagnostic::error("long").at(span(source, 1, 501, 4)), false);
        assert!(text.lines().all(|line| line.chars().count() < 160), "{text}");
        assert!(text.contains("HERE") && text.contains("^^^^") && text.contains("long.yml:1:501"), "{text}");
    }

    #[test]
    fn a_place_beyond_the_text_does_no_harm() {
        let source = register("short.yml", "a: 1");
        for (line, column, length) in [(1, 5, 1), (1, 50, 3), (9, 1, 1), (0, 0, 0), (1, 1, u32::MAX)] {
            assert!(render(&Diagnostic::error("x").at(span(source, line, column, length)), false).contains("error: x"));
        }
    }
}
