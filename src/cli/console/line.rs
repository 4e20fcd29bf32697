//! Where the console's lines come from: a terminal, with editing, history and completion, or standard input.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Context, Editor, Helper};

use super::super::tell::{put, say};
use super::order::completions;

/// A source of lines.
pub(super) enum Lines {
    /// A terminal.
    Edited {
        editor: Box<Editor<Places, DefaultHistory>>,
        /// Where its history is kept.
        history: Option<PathBuf>,
    },
    /// Standard input as it comes.
    Plain,
}

/// The names that patterns may be made of.
pub(super) struct Places(Vec<String>);

impl Lines {
    /// The best that there is here.
    pub(super) fn open() -> Self {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            return Lines::Plain;
        }
        let settings = rustyline::Config::builder().completion_type(CompletionType::List).build();
        match Editor::with_config(settings) {
            Ok(mut editor) => {
                let history = std::env::home_dir().map(|home| home.join(".ansible-console_history"));
                if let Some(path) = history.as_ref().filter(|path| path.exists())
                    && let Err(error) = editor.load_history(path)
                {
                    say(&format!("[WARNING]: the history {} cannot be read: {error}", path.display()));
                }
                Lines::Edited { editor: Box::new(editor), history }
            }
            Err(_) => Lines::Plain,
        }
    }

    /// The next line behind a prompt; `None` at the end. `places` are the names of groups and hosts.
    pub(super) fn next(&mut self, prompt: &str, places: Vec<String>) -> Option<String> {
        match self {
            Lines::Edited { editor, history } => {
                editor.set_helper(Some(Places(places)));
                loop {
                    match editor.readline(prompt) {
                        Ok(line) => {
                            if !line.trim().is_empty() {
                                // A history that cannot be kept does not stop the work.
                                let _ = editor.add_history_entry(line.as_str());
                                let _ = history.as_ref().map(|path| editor.save_history(path));
                            }
                            return Some(line);
                        }
                        // Ctrl-C leaves the line.
                        Err(ReadlineError::Interrupted) => {}
                        Err(ReadlineError::Eof) => return None,
                        Err(error) => {
                            say(&format!("[WARNING]: the terminal cannot be read: {error}"));
                            return None;
                        }
                    }
                }
            }
            Lines::Plain => {
                put(prompt);
                let mut line = String::new();
                match std::io::stdin().lock().read_line(&mut line) {
                    Ok(0) => None,
                    Ok(_) => Some(line),
                    Err(error) => {
                        say(&format!("[WARNING]: standard input cannot be read: {error}"));
                        None
                    }
                }
            }
        }
    }
}

impl Completer for Places {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let line = line.get(..position).unwrap_or_default();
        let start = line.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        Ok((start, completions(line, &self.0)))
    }
}

impl Hinter for Places {
    type Hint = String;
}

impl Highlighter for Places {}

impl Validator for Places {}

impl Helper for Places {}
