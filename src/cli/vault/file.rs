//! Files of the vault command: read, written so that none is lost, edited and shown.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::cli::output::Output;
use crate::cli::stop::Stop;
use crate::source::Diagnostic;

/// A diagnostic for a file that cannot be read or written.
pub(super) fn problem(path: &Path, doing: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("could not {doing} {}", path.display())).cause(error.to_string())
}

/// The content of a file; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Stop> {
    let mut content = Zeroizing::new(Vec::new());
    let outcome = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut content)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut content))
    };
    outcome.map_err(|error| problem(path, "read", &error))?;
    Ok(content)
}

/// Replace a file's content, or write it to standard output (`-`). The file keeps its mode and owner; one that is not
/// there yet is its owner's only. The old content is overwritten, since it may have been the plain text.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Stop> {
    let failed = |error: std::io::Error| Stop::from(problem(path, "write", &error));
    if path == Path::new("-") {
        return std::io::stdout().write_all(content).map_err(failed);
    }
    // A link stays a link.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut staged = tempfile::Builder::new().prefix(".rprov-vault-").tempfile_in(directory).map_err(failed)?;
    staged.write_all(content).and_then(|()| staged.as_file().sync_all()).map_err(failed)?;
    if let Ok(metadata) = std::fs::metadata(&target) {
        use std::os::unix::fs::MetadataExt as _;
        let mode = std::fs::Permissions::from_mode(metadata.permissions().mode());
        // Who may not give a file away owns it already, or shares it on purpose.
        let _ = std::os::unix::fs::chown(staged.path(), Some(metadata.uid()), Some(metadata.gid()));
        std::fs::set_permissions(staged.path(), mode).map_err(failed)?;
        overwrite(&target);
    }
    staged.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Zeros in place of a file's content. On file systems that write elsewhere this does not reach the disk, so it is no
/// reason to fail.
fn overwrite(path: &Path) {
    let Ok(mut file) = std::fs::OpenOptions::new().write(true).open(path) else { return };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let _ = std::io::copy(&mut std::io::repeat(0).take(length), &mut file).and_then(|_| file.sync_all());
}

/// A directory in memory, if the machine has one, so that plain text reaches no disk.
fn scratch() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let candidates = runtime.into_iter().chain([PathBuf::from("/dev/shm")]);
    let usable = |path: &PathBuf| path.is_dir() && rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    candidates.into_iter().find(usable).unwrap_or_else(std::env::temp_dir)
}

/// What the editor (`$EDITOR`, `vi`) makes of a text. `like` gives the temporary file its extension.
pub(super) fn edited(plain: &[u8], like: &Path) -> Result<Zeroizing<Vec<u8>>, Stop> {
    let directory = tempfile::Builder::new()
        .prefix("rprov-vault-")
        // What the editor puts beside the file is as secret.
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(scratch())
        .map_err(|error| problem(&scratch(), "write below", &error))?;
    let mut name = std::ffi::OsString::from("edit");
    if let Some(extension) = like.extension() {
        name.push(".");
        name.push(extension);
    }
    let path = directory.path().join(name);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| problem(&path, "create", &error))?;
    file.write_all(plain).map_err(|error| problem(&path, "write", &error))?;
    drop(file);
    let editor = std::env::var("EDITOR").ok().filter(|editor| !editor.is_empty()).unwrap_or_else(|| "vi".to_owned());
    let outcome = run(&editor, |command| command.arg(&path).status());
    let content = read(&path);
    overwrite(&path);
    outcome?;
    content
}

/// Show a text in the pager (`$PAGER`, `less`), which reads it from a pipe.
pub(super) fn page(plain: &[u8]) -> Result<(), Stop> {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.is_empty()).unwrap_or_else(|| "less".to_owned());
    let shown = run(&pager, |command| {
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        // The reader may leave before the end.
        let _ = child.stdin.take().map(|mut input| input.write_all(plain));
        child.wait()
    });
    match shown {
        Err(_) if std::env::var_os("PAGER").is_none() => {
            let _ = Output.write_all(plain);
            Ok(())
        }
        other => other,
    }
}

/// Run a program that is named with its arguments in one text.
fn run(line: &str, how: impl FnOnce(&mut Command) -> std::io::Result<std::process::ExitStatus>) -> Result<(), Stop> {
    let words = shlex::split(line).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else {
        return Err(Diagnostic::error(format!("`{line}` names no program")).into());
    };
    let status = how(Command::new(program).args(arguments)).map_err(|error| {
        Diagnostic::error(format!("could not start `{program}`"))
            .cause(error.to_string())
            .hint("set `EDITOR` or `PAGER` to a program that is there")
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Diagnostic::error(format!("`{line}` failed: {status}")).hint("nothing was written").into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn writing_keeps_mode_and_link() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("f"), directory.path().join("l"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("f", &link).unwrap();
        assert!(write(&link, b"new").is_ok());
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert!(write(&directory.path().join("fresh"), b"x").is_ok());
        assert_eq!(directory.path().join("fresh").metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 3);
    }
}
