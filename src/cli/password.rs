//! `-k` and `-K`, and the files and programs that answer in their place.

use std::path::Path;

use crate::connection::Password;
use crate::run::ask::secret;
use crate::source::Diagnostic;

/// Ask at the terminal, without echo.
///
/// # Errors
/// There is no terminal.
pub(super) fn ask(question: &str) -> Result<Password, Diagnostic> {
    secret(question).map(Password::new).map_err(|error| {
        if error.kind() == std::io::ErrorKind::Interrupted {
            return Diagnostic::interrupted();
        }
        Diagnostic::error("a password was to be asked for, and there is no terminal")
            .cause(error.to_string())
            .hint("give it by a file: `--connection-password-file`, `--become-password-file`")
    })
}

/// The first line of a file, or of what it prints if it is a program; `-` is standard input.
///
/// # Errors
/// The file cannot be read or run.
pub(super) fn from_file(path: &Path) -> Result<Password, Diagnostic> {
    let problem = |error: std::io::Error| {
        Diagnostic::error(format!("could not read the password file {}", path.display())).cause(error.to_string())
    };
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).map_err(problem)?
    } else if rprov_modules::program::is_executable(path) {
        let absolute = std::path::absolute(path).map_err(problem)?;
        let output =
            std::process::Command::new(absolute).stderr(std::process::Stdio::inherit()).output().map_err(problem)?;
        if !output.status.success() {
            return Err(Diagnostic::error(format!(
                "the password program {} failed: {}",
                path.display(),
                output.status
            )));
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    } else {
        std::fs::read_to_string(path).map_err(problem)?
    };
    let line = text.lines().next().unwrap_or_default().trim_end_matches('\r');
    if line.is_empty() {
        return Err(Diagnostic::error(format!("the password file {} is empty", path.display())));
    }
    Ok(Password::new(line))
}
