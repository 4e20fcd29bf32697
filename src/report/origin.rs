//! The block that tells where a failed task, and what it failed by, was written.
//!
//! Source of the format: observed on ansible-core 2.19.

use std::path::Path;

use crate::source::{Reason, Span};

/// The block: the whole story in a line, then each step with its place and the lines of the file there.
pub(super) fn block(title: &str, places: &[Reason]) -> String {
    let mut text = format!("[ERROR]: {title}");
    let last = places.len().saturating_sub(1);
    for (index, reason) in places.iter().enumerate() {
        if index > 0 {
            text.push_str("\n\n<<< caused by >>>");
        }
        if last > 0 {
            text.push_str("\n\n");
            text.push_str(&reason.message);
            if index < last && !reason.message.ends_with('.') {
                text.push('.');
            }
        }
        if let Some(span) = reason.span {
            text.push('\n');
            text.push_str(&place(span));
        }
    }
    text.push('\n');
    text
}

/// A place, and the source line there with the two before it.
fn place(span: Span) -> String {
    let file = span.file();
    let mut text = format!("Origin: {}:{}:{}\n", absolute(&file.path), span.line, span.column);
    let line = span.line as usize;
    let width = line.to_string().len();
    let first = line.saturating_sub(2).max(1);
    for (number, content) in file.text.split('\n').enumerate().map(|(index, line)| (index + 1, line)) {
        if number > line {
            break;
        }
        if number >= first {
            text.push_str(format!("\n{number:>width$} {}", content.trim_end_matches('\r')).trim_end());
        }
    }
    text.push_str(&format!("\n{}^ column {}", " ".repeat(width + span.column as usize), span.column));
    text
}

/// A path as it is shown: from the root, with nothing resolved.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::register;

    #[test]
    fn each_step_shows_its_place() {
        let source = register("/play.yml", "- hosts: all\n  tasks:\n    - debug:\n        msg: \"{{ x }}\"\n");
        let reason = |message: &str, line, column| Reason {
            message: message.to_owned(),
            span: Some(Span { source, line, column, length: 1 }),
        };
        let places = [reason("Task failed", 3, 7), reason("'x' is undefined", 4, 14)];
        insta::assert_snapshot!(block("Task failed: 'x' is undefined", &places), @r#"
        [ERROR]: Task failed: 'x' is undefined

        Task failed.
        Origin: /play.yml:3:7

        1 - hosts: all
        2   tasks:
        3     - debug:
                ^ column 7

        <<< caused by >>>

        'x' is undefined
        Origin: /play.yml:4:14

        2   tasks:
        3     - debug:
        4         msg: "{{ x }}"
                       ^ column 14
        "#);
        let alone = block("Task failed: Module failed: no", &[reason("Task failed: Module failed: no", 1, 3)]);
        assert!(alone.starts_with("[ERROR]: Task failed: Module failed: no\nOrigin: /play.yml:1:3\n\n1 - hosts"));
    }
}
