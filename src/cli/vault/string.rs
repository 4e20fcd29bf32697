//! `encrypt_string`: a value for a YAML file.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use super::super::identities::{VaultFlags, ask};
use super::super::tell::say;
use super::{EncryptWith, encrypting, file, seal};
use crate::cli::output::Output;
use crate::cli::stop::Stop;
use crate::config::Config;
use crate::source::Diagnostic;

/// How far the ciphertext is indented; any depth is YAML.
const INDENT: &str = "          ";

#[derive(Args, Debug)]
pub(super) struct EncryptString {
    #[command(flatten)]
    identities: VaultFlags,
    #[command(flatten)]
    with: EncryptWith,
    /// Where to write; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Ask for the value
    #[arg(short, long)]
    prompt: bool,
    /// Show what is typed
    #[arg(long)]
    show_input: bool,
    /// The variable's name; may be given once per value
    #[arg(short, long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The name of the variable that is read from standard input
    #[arg(long, value_name = "NAME")]
    stdin_name: Option<String>,
    /// Values to encrypt; `-` is standard input
    #[arg(value_name = "VALUE")]
    values: Vec<String>,
}

/// A value, the variable it is for, and where it came from.
struct Given {
    value: Zeroizing<Vec<u8>>,
    name: Option<String>,
    from: String,
}

impl EncryptString {
    pub(super) fn execute(&self, config: &Config) -> Result<(), Stop> {
        if self.prompt && (self.stdin_name.is_some() || self.values.iter().any(|value| value == "-")) {
            return Err(Stop::options(
                Diagnostic::error("--prompt and standard input cannot both give the value").hint("leave one out"),
            ));
        }
        let given = self.given()?;
        let identity = encrypting(&self.identities, &self.with, config)?;
        let several = given.len() > 1;
        let mut text = String::new();
        for (number, Given { value, name, from }) in given.iter().enumerate() {
            if several {
                let named = name.as_ref().map_or(String::new(), |name| format!("variable (\"{name}\", "));
                let close = if named.is_empty() { "" } else { ")" };
                say(&format!("# The encrypted version of {named}the string #{} from {from}{close}.", number + 1));
            }
            if let Some(name) = name {
                text.push_str(name);
                text.push_str(": ");
            }
            text.push_str("!vault |");
            for line in seal(value, &identity, config).lines() {
                text.push('\n');
                text.push_str(INDENT);
                text.push_str(line);
            }
            text.push('\n');
        }
        match &self.output {
            Some(path) => file::write(path, text.as_bytes())?,
            None => {
                // Nobody may be reading.
                let _ = Output.write_all(text.as_bytes());
            }
        }
        super::say_done("Encryption successful");
        Ok(())
    }

    fn given(&self) -> Result<Vec<Given>, Stop> {
        let mut given = Vec::new();
        if self.prompt {
            given.push(self.prompted()?);
        }
        let values: Vec<&String> = self.values.iter().filter(|value| *value != "-").collect();
        if !self.prompt && (values.is_empty() || self.values.iter().any(|value| value == "-")) {
            if std::io::stdin().is_terminal() {
                say(
                    "Reading plaintext input from stdin. (ctrl-d to end input, twice if your content does not already have a newline)",
                );
            }
            let mut value = Zeroizing::new(Vec::new());
            std::io::stdin()
                .read_to_end(&mut value)
                .map_err(|error| Diagnostic::error("could not read standard input").cause(error.to_string()))?;
            if value.is_empty() {
                return Err(Stop::options(Diagnostic::error("stdin was empty, not encrypting")));
            }
            given.push(Given { value, name: self.stdin_name.clone(), from: "stdin".to_owned() });
        }
        for (number, value) in values.iter().enumerate() {
            if value.is_empty() {
                return Err(Stop::options(Diagnostic::error(
                    "The plaintext provided from the command line args was empty, not encrypting",
                )));
            }
            given.push(Given {
                value: Zeroizing::new(value.as_bytes().to_vec()),
                name: self.names.get(number).cloned(),
                from: "the command line args".to_owned(),
            });
        }
        if self.names.len() > given.len() {
            say("[WARNING]: there are more names than values; the last ones are not used");
        }
        Ok(given)
    }

    fn prompted(&self) -> Result<Given, Stop> {
        let name = match self.names.first() {
            Some(name) => Some(name.clone()),
            None => Some(line("Variable name (enter for no name): ")?).filter(|name| !name.is_empty()),
        };
        let value = if self.show_input {
            Zeroizing::new(line("String to encrypt: ")?.into_bytes())
        } else {
            ask("String to encrypt (hidden): ")?
        };
        if value.is_empty() {
            return Err(Stop::options(Diagnostic::error(
                "The plaintext provided from the prompt was empty, not encrypting",
            )));
        }
        Ok(Given { value, name, from: "the interactive prompt".to_owned() })
    }
}

/// Ask for a line that may be seen.
fn line(question: &str) -> Result<String, Diagnostic> {
    eprint!("{question}");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Diagnostic::error("could not read the answer").cause(error.to_string()))?;
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}
