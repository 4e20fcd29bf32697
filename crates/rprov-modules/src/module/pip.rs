//! `pip`: Python packages, by the host's own pip.
//!
//! What is installed, and whether it fits what is asked for, is asked of the same Python, with the parser of versions
//! that pip brings along.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::{arguments, choices};

choices! {
    /// What is wanted of the packages.
    pub enum State {
        Absent = "absent",
        Forcereinstall = "forcereinstall",
        Latest = "latest",
        Present = "present",
    }
}

arguments! {
    /// Manages Python library dependencies.
    pub struct Arguments {
        /// The packages, with versions where they matter, or addresses of repositories.
        name: Option<Vec<String>>,
        /// The version of the one package.
        version: Option<String>,
        /// A file that lists the packages.
        requirements: Option<String>,
        /// The directory of a virtual environment, which is made if need be.
        virtualenv: Option<PathBuf>,
        /// Let a new virtual environment see the system's packages.
        virtualenv_site_packages: bool = false,
        /// What makes the virtual environment.
        virtualenv_command: String = "virtualenv".to_owned(),
        /// The Python of a new virtual environment.
        virtualenv_python: Option<String>,
        /// What is wanted of the packages.
        state: State = State::Present,
        /// More arguments for pip.
        extra_args: Option<String>,
        /// Install in editable mode.
        editable: bool = false,
        /// Change into this directory first.
        chdir: Option<PathBuf>,
        /// The pip to use, a path or a name.
        executable: Option<PathBuf>,
        /// The umask of the installation.
        umask: Option<String>,
        /// Write among the packages of the system, though it manages them itself.
        break_system_packages: bool = false,
        /// The Python that the variables name (`ansible_python_interpreter`); the controller fills this in.
        _interpreter: Option<PathBuf>,
    }
    rules: [
        crate::argument::Rule::OneOf(&["name", "requirements"]),
        crate::argument::Rule::Exclusive(&["name", "requirements"]),
        crate::argument::Rule::Exclusive(&["executable", "virtualenv"])
    ]
}

/// Tells of each requirement whether it is met: `+` or `-`.
const QUERY: &str = "\
import sys
from importlib.metadata import distributions
try:
 from pip._vendor.packaging.requirements import Requirement as R
 from pip._vendor.packaging.utils import canonicalize_name as c
except ImportError:
 from packaging.requirements import Requirement as R
 from packaging.utils import canonicalize_name as c
h={}
for d in distributions():h.setdefault(c(d.metadata['Name'] or ''),d.version)
for a in sys.argv[1:]:
 r=R(a);v=h.get(c(r.name));print('+' if v and r.specifier.contains(v,prereleases=True) else '-')
";

/// Compare, and let pip install or remove.
///
/// # Errors
/// There is no pip, the names and versions do not go together, or pip fails.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let names = packages(&arguments)?;
    let job = Job { arguments: &arguments, context };
    let describe = |outcome: Outcome| {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        outcome
            .with("name", arguments.name.clone())
            .with("version", arguments.version.clone())
            .with("state", arguments.state.word())
            .with("requirements", arguments.requirements.clone())
            .with("virtualenv", arguments.virtualenv.as_ref().map(text))
    };
    let mut made = false;
    let mut talk = String::new();
    if let Some(directory) = job.environment()
        && !directory.join("bin/activate").exists()
    {
        if context.check() {
            return Ok(describe(Outcome::new(true)));
        }
        talk = job.make_environment(&directory)?.stdout();
        made = true;
    }
    if names.is_empty() && arguments.requirements.is_none() {
        let warning = "No valid name or requirements file found.";
        return Ok(describe(Outcome::new(made)).with("warnings", vec![warning]));
    }
    let pip = job.pip()?;
    let mut words = pip.words.clone();
    words.extend(match arguments.state {
        State::Absent => vec!["uninstall".to_owned(), "-y".to_owned()],
        State::Present => vec!["install".to_owned()],
        State::Latest => vec!["install".to_owned(), "-U".to_owned()],
        State::Forcereinstall => ["install", "-U", "--force-reinstall"].map(str::to_owned).to_vec(),
    });
    if let Some(extra) = &arguments.extra_args {
        words.extend(shlex::split(extra).ok_or_else(|| Failure::new("a quote is not closed in `extra_args`"))?);
    }
    let address = names.iter().any(|name| name.contains("://"));
    match &arguments.requirements {
        Some(file) => words.extend(["-r".to_owned(), file.clone()]),
        None => {
            for name in &names {
                words.extend(arguments.editable.then(|| "-e".to_owned()));
                words.push(name.clone());
            }
        }
    }
    let outcome = |changed: bool| describe(Outcome::new(changed)).with("cmd", words.clone());
    if context.check() {
        let latest = matches!(arguments.state, State::Latest | State::Forcereinstall);
        if arguments.extra_args.is_some() || arguments.requirements.is_some() || latest || address {
            return Ok(outcome(true));
        }
        let met = job.met(&pip, &names)?;
        let changed = match arguments.state {
            State::Absent => met.contains(&true),
            _ => met.contains(&false),
        };
        let list = job.freeze(&pip)?;
        return Ok(outcome(changed).with("stdout", list.stdout()).with("stderr", list.stderr()));
    }
    // What is no plain name is compared by what is installed.
    let compared = address || arguments.requirements.is_some();
    let before = if compared { Some(job.freeze(&pip)?.stdout) } else { None };
    let output = job.command(&words).run(context)?;
    let (stdout, stderr) = (output.stdout(), output.stderr());
    let nothing =
        arguments.state == State::Absent && (stdout.contains("not installed") || stderr.contains("not installed"));
    let harmless = output.success() || (output.rc == 1 && nothing);
    if !harmless {
        let mut message = if stdout.is_empty() { String::new() } else { format!("stdout: {stdout}") };
        if !stderr.is_empty() {
            message.push_str(&format!("\n:stderr: {stderr}"));
        }
        return Err(Failure::new(message).with("cmd", words));
    }
    let changed = match (arguments.state, before) {
        (State::Absent, _) => stdout.contains("Successfully uninstalled"),
        (_, Some(before)) => job.freeze(&pip)?.stdout != before,
        (_, None) => stdout.contains("Successfully installed"),
    };
    Ok(outcome(changed || made).with("stdout", talk + &stdout).with("stderr", stderr))
}

/// The packages with their versions, one each.
fn packages(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    let parts = arguments.name.iter().flatten().flat_map(|text| text.split(','));
    for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
        // Commas stand between packages, but also between the parts of a version, and between extras.
        let open = |last: &String| last.contains('[') && !last.contains(']');
        let belongs = |last: &&mut String| part.starts_with(['<', '>', '=', '!', '~']) || open(last);
        match names.last_mut().filter(belongs) {
            Some(last) => *last = format!("{last},{part}"),
            None => names.push(part.to_owned()),
        }
    }
    let version = arguments.version.as_deref().map(str::trim).filter(|version| !version.is_empty());
    let Some(version) = version else { return Ok(names) };
    if arguments.state == State::Latest {
        return Err(Failure::new("version is incompatible with state=latest"));
    }
    match names.as_mut_slice() {
        [name] if name.contains(['<', '>', '=', '!', '~']) => Err(Failure::new(
            "The 'version' argument conflicts with any version specifier provided along with a package name. Please keep \
             the version specifier, but remove the 'version' argument.",
        )),
        [name] => {
            let exact = if version.starts_with(['<', '>', '=', '!', '~']) { "" } else { "==" };
            *name = format!("{name}{exact}{version}");
            Ok(names)
        }
        _ => Err(Failure::new(
            "'version' argument is ambiguous when installing multiple package distributions. Please specify version \
             restrictions next to each package in 'name' argument.",
        )),
    }
}

/// A pip, and the Python that it belongs to.
struct Pip {
    words: Vec<String>,
    python: PathBuf,
}

struct Job<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl Job<'_> {
    /// The virtual environment's directory.
    fn environment(&self) -> Option<PathBuf> {
        let directory = self.arguments.virtualenv.as_ref()?;
        Some(self.arguments.chdir.as_ref().map_or_else(|| directory.clone(), |base| base.join(directory)))
    }

    fn command(&self, words: &[String]) -> Command {
        let (program, rest) = words.split_first().map_or(("", words), |(program, rest)| (program.as_str(), rest));
        let mut command = Command::new(program).args(rest);
        let directory = self.arguments.chdir.clone().or_else(|| self.environment()).filter(|path| path.is_dir());
        if let Some(directory) = directory {
            command = command.current_dir(directory);
        }
        if self.arguments.break_system_packages {
            command = command.env("PIP_BREAK_SYSTEM_PACKAGES", "1");
        }
        match self.arguments.umask.as_deref().and_then(|mask| u32::from_str_radix(mask, 8).ok()) {
            Some(mask) => command.umask(mask),
            None => command,
        }
    }

    fn interpreter(&self) -> PathBuf {
        let named = self.arguments._interpreter.clone().filter(|path| path.exists());
        named.unwrap_or_else(|| PathBuf::from("/usr/bin/python3"))
    }

    fn make_environment(&self, directory: &Path) -> Result<Output, Failure> {
        let text = &self.arguments.virtualenv_command;
        let mut words =
            shlex::split(text).ok_or_else(|| Failure::new("a quote is not closed in `virtualenv_command`"))?;
        let venv = text.contains("-mvenv") || text.contains("-m venv") || text.contains("pyvenv");
        if self.arguments.virtualenv_site_packages {
            words.push("--system-site-packages".to_owned());
        }
        match &self.arguments.virtualenv_python {
            Some(_) if venv => {
                return Err(Failure::new(
                    "virtualenv_python should not be used when using the venv module or pyvenv as virtualenv_command",
                ));
            }
            Some(python) => words.push(format!("-p{python}")),
            None if venv => {}
            None => words.push(format!("-p{}", self.interpreter().display())),
        }
        words.push(directory.to_string_lossy().into_owned());
        self.command(&words).run_or_fail("could not make the virtual environment", self.context)
    }

    fn pip(&self) -> Result<Pip, Failure> {
        if let Some(directory) = self.environment() {
            let found =
                ["pip3", "pip"].map(|name| directory.join("bin").join(name)).into_iter().find(|pip| pip.exists());
            let pip = found.ok_or_else(|| {
                Failure::new(format!(
                    "Unable to find pip in the virtualenv, {}, under any of these names: pip3, pip. Make sure pip is \
                     present in the virtualenv.",
                    directory.display()
                ))
            })?;
            let python = directory.join("bin/python");
            return Ok(Pip { words: vec![pip.to_string_lossy().into_owned()], python });
        }
        if let Some(executable) = &self.arguments.executable {
            let words = vec![executable.to_string_lossy().into_owned()];
            // The script's first line names its Python.
            let path =
                if executable.is_absolute() { executable.clone() } else { Path::new("/usr/bin").join(executable) };
            let head = std::fs::read_to_string(path).ok();
            let named = head.as_deref().and_then(|text| text.lines().next()?.strip_prefix("#!"));
            let python = named.map(|line| PathBuf::from(line.trim())).filter(|path| path.exists());
            return Ok(Pip { words, python: python.unwrap_or_else(|| self.interpreter()) });
        }
        let python = self.interpreter();
        let program = python.to_string_lossy().into_owned();
        let has =
            Command::new(&python).args(["-c", "import pip"]).run(self.context).is_ok_and(|output| output.success());
        let words = if has { vec![program, "-m".to_owned(), "pip".to_owned()] } else { vec!["pip3".to_owned()] };
        if !has && !Command::new("pip3").arg("--version").run(self.context).is_ok_and(|output| output.success()) {
            return Err(Failure::new("Unable to find any of pip3 to use.  pip needs to be installed."));
        }
        Ok(Pip { words, python })
    }

    fn freeze(&self, pip: &Pip) -> Result<Output, Failure> {
        let mut words = pip.words.clone();
        words.extend(["list", "--format=freeze"].map(str::to_owned));
        self.command(&words).run_or_fail("could not list the packages", self.context)
    }

    /// Which of the packages are there as they are asked for.
    fn met(&self, pip: &Pip, names: &[String]) -> Result<Vec<bool>, Failure> {
        let python = pip.python.to_string_lossy().into_owned();
        let query = [python, "-c".to_owned(), QUERY.to_owned()];
        let words: Vec<String> = query.into_iter().chain(names.iter().cloned()).collect();
        let output = self.command(&words).run_or_fail("could not compare the packages", self.context)?;
        Ok(output.stdout().lines().map(|line| line == "+").collect())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_wire::{Map, Value};

    fn names(arguments: serde_json::Value) -> Result<Vec<String>, Failure> {
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
        let map: Map = map;
        packages(&crate::Arguments::decode(&map).unwrap())
    }

    #[test]
    fn versions_stay_with_their_packages() {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let of = |value: serde_json::Value| names(value).unwrap();
        assert_eq!(of(serde_json::json!({"name": "a<=2, !=1,b"})), own(&["a<=2,!=1", "b"]));
        assert_eq!(of(serde_json::json!({"name": ["a<=2, !=1", "b"]})), own(&["a<=2,!=1", "b"]));
        assert_eq!(of(serde_json::json!({"name": ["a<=2,b[c,d] ,!=1"]})), own(&["a<=2", "b[c,d],!=1"]));
        assert_eq!(of(serde_json::json!({"name": "a", "version": "1.2"})), own(&["a==1.2"]));
        assert_eq!(of(serde_json::json!({"name": "a", "version": "<2"})), own(&["a<2"]));
        assert_eq!(of(serde_json::json!({"name": "a", "version": ""})), own(&["a"]));
        assert_eq!(of(serde_json::json!({"name": []})), own(&[]));
        let refused = |value| names(value).unwrap_err().message;
        assert!(refused(serde_json::json!({"name": "a<3", "version": "1"})).contains("conflicts"));
        assert!(refused(serde_json::json!({"name": ["a", "b"], "version": "1"})).contains("ambiguous"));
        assert!(refused(serde_json::json!({"name": "a", "version": "1", "state": "latest"})).contains("latest"));
    }
}
