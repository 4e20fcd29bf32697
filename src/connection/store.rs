//! The agent's programs on the controller: which there are, for which machines, and their bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::error::ConnectionError;
use super::program::Program;

/// Names that an architecture has in file names (and in Rust), what `uname -m` may call it, and its number in ELF.
const ARCHITECTURES: &[(&str, &[&str], u16)] = &[
    ("x86_64", &["x86_64", "amd64"], 62),
    ("aarch64", &["aarch64", "arm64"], 183),
    ("armv7", &["armv7l", "armv8l"], 40),
    ("i686", &["i686", "i586", "i486", "i386"], 3),
    ("riscv64", &["riscv64"], 243),
    ("powerpc64le", &["ppc64le"], 21),
    ("s390x", &["s390x"], 22),
];

/// Hexadecimal digits of a hash in names and commands: 128 bits.
const HASH_DIGITS: usize = 32;

/// Bytes at the start of a program that hold its ELF headers: linkers put the table of segments first.
const HEADERS: u64 = 64 * 1024;

/// The agents that this program can push, found and hashed when they are first asked for, once per run.
#[derive(Clone, Debug)]
pub struct AgentStore {
    program: Program,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    directories: Vec<PathBuf>,
    /// By [`Program`].
    found: [OnceLock<Found>; 2],
}

#[derive(Debug, Default)]
struct Found {
    agents: BTreeMap<&'static str, Arc<AgentProgram>>,
    /// Files that were passed over, with the reason.
    rejected: Vec<String>,
}

/// One static agent program.
#[derive(Debug)]
pub struct AgentProgram {
    path: PathBuf,
    hash: String,
    size: u64,
    packed: Mutex<BTreeMap<Packing, Bytes>>,
}

/// In what form an agent travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// As it is.
    Raw,
    /// By gzip.
    Gzip,
}

impl AgentStore {
    /// The agents in `$RPROV_AGENT_DIR`, beside this program, and in `../lib/rprov` from there, in this order. A file
    /// is named `rprov-agent-ARCHITECTURE`, or `rprov-agent` for the architecture it is of.
    pub fn new() -> Self {
        let mut directories: Vec<PathBuf> =
            std::env::var_os("RPROV_AGENT_DIR").map(PathBuf::from).into_iter().collect();
        if let Some(directory) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
            directories.push(directory.to_owned());
            directories.push(directory.join("../lib/rprov"));
            // Cargo puts test programs one level below the others.
            if let (Some("deps"), Some(parent)) =
                (directory.file_name().and_then(|name| name.to_str()), directory.parent())
            {
                directories.push(parent.to_owned());
            }
        }
        Self::with_directories(directories)
    }

    /// The agents in these directories; the first of each architecture counts.
    pub fn with_directories(directories: Vec<PathBuf>) -> Self {
        Self { program: Program::Agent, inner: Arc::new(Inner { directories, found: Default::default() }) }
    }

    /// The same for another program than `rprov-agent`, which is named likewise.
    #[must_use]
    pub fn of(&self, program: Program) -> Self {
        Self { program, inner: Arc::clone(&self.inner) }
    }

    /// All agents that there are. Reads and hashes the files the first time.
    ///
    /// # Errors
    /// There is none at all.
    pub fn agents(&self) -> Result<Vec<Arc<AgentProgram>>, ConnectionError> {
        let agents: Vec<_> = self.found().agents.values().cloned().collect();
        if agents.is_empty() { Err(self.missing("any machine")) } else { Ok(agents) }
    }

    /// The agent for what `uname -m` prints on the host.
    ///
    /// # Errors
    /// There is none for it.
    pub fn agent_for(&self, machine: &str) -> Result<Arc<AgentProgram>, ConnectionError> {
        let architecture = ARCHITECTURES.iter().find(|(_, machines, _)| machines.contains(&machine));
        let agent = architecture.and_then(|(name, ..)| self.found().agents.get(name));
        agent.cloned().ok_or_else(|| self.missing(machine))
    }

    fn found(&self) -> &Found {
        let [agent, systems] = &self.inner.found;
        let found = match self.program {
            Program::Agent => agent,
            Program::Systems => systems,
        };
        found.get_or_init(|| find(self.program.name(), &self.inner.directories))
    }

    fn missing(&self, machine: &str) -> ConnectionError {
        let directories: Vec<String> =
            self.inner.directories.iter().map(|directory| directory.display().to_string()).collect();
        let name = self.program.name();
        let mut reason = format!("there is no program {name} for {machine} (looked in {})", directories.join(", "));
        for rejected in &self.found().rejected {
            reason.push_str("; ");
            reason.push_str(rejected);
        }
        let hint = format!(
            "build it with `cargo build --release --bin {name} --target TARGET` and put it beside rprov as \
             `{name}-ARCHITECTURE`, or name its directory in RPROV_AGENT_DIR"
        );
        ConnectionError::Agent { reason, hint: Some(hint) }
    }
}

impl Default for AgentStore {
    fn default() -> Self {
        Self::new()
    }
}

fn find(program: &str, directories: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for directory in directories {
        let named = ARCHITECTURES.iter().map(|(name, ..)| format!("{program}-{name}"));
        for file in named.chain(std::iter::once(program.to_owned())) {
            let path = directory.join(file);
            let Ok(mut opened) = File::open(&path) else { continue };
            let parsed = architecture(&mut opened);
            match parsed {
                Ok(name) if found.agents.contains_key(name) => {}
                Ok(name) => match hash(&path, &mut io::sink()) {
                    Ok((hash, size)) => {
                        let packed = Mutex::default();
                        found.agents.insert(name, Arc::new(AgentProgram { path, hash, size, packed }));
                    }
                    Err(error) => found.rejected.push(format!("{} cannot be read: {error}", path.display())),
                },
                Err(problem) => found.rejected.push(format!("{} {problem}", path.display())),
            }
        }
    }
    found
}

/// Pass a file on, piece by piece; the hash of what was passed on, and its size.
fn hash(path: &Path, target: &mut dyn Write) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = buffer.get(..count).unwrap_or_default();
        digest.update(piece);
        target.write_all(piece)?;
        size += count as u64;
    }
    let mut text: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(HASH_DIGITS);
    Ok((text, size))
}

/// The architecture of a static ELF program, or what is wrong with the file.
fn architecture(file: &mut File) -> Result<&'static str, String> {
    let mut start = Vec::new();
    file.take(HEADERS).read_to_end(&mut start).map_err(|error| format!("cannot be read: {error}"))?;
    let elf = Elf::parse(&start).ok_or("is not an ELF program")?;
    let (name, ..) = ARCHITECTURES
        .iter()
        .find(|(.., number)| *number == elf.machine)
        .ok_or_else(|| format!("is of an unknown architecture (ELF machine {})", elf.machine))?;
    if elf.interpreter {
        return Err("is not linked statically, so that it would not run on other hosts".to_owned());
    }
    Ok(name)
}

/// What matters of an ELF header: System V ABI, chapters 4 and 5.
struct Elf {
    machine: u16,
    interpreter: bool,
}

impl Elf {
    fn parse(bytes: &[u8]) -> Option<Elf> {
        const INTERPRETER: u64 = 3;
        if !bytes.starts_with(b"\x7fELF") {
            return None;
        }
        let wide = *bytes.get(4)? == 2;
        let little = *bytes.get(5)? == 1;
        let number = |offset: usize, size: usize| -> Option<u64> {
            let field = bytes.get(offset..offset.checked_add(size)?)?;
            let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
            Some(if little { field.iter().rev().fold(0, add) } else { field.iter().fold(0, add) })
        };
        let machine = u16::try_from(number(18, 2)?).ok()?;
        let (table, size, count) = if wide {
            (number(32, 8)?, number(54, 2)?, number(56, 2)?)
        } else {
            (number(28, 4)?, number(42, 2)?, number(44, 2)?)
        };
        let mut interpreter = false;
        for index in 0..count {
            let entry = table.checked_add(index.checked_mul(size)?)?;
            interpreter |= number(usize::try_from(entry).ok()?, 4)? == INTERPRETER;
        }
        Some(Elf { machine, interpreter })
    }
}

impl AgentProgram {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first half of its SHA-256, in hexadecimal digits; the name under which hosts cache it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Its bytes for the way, shared by all hosts. Blocks the first time: reads the file, and compresses it.
    ///
    /// # Errors
    /// The file cannot be read any more, or is not the one it was when the run began.
    pub fn bytes(&self, packing: Packing) -> Result<Bytes, ConnectionError> {
        let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = packed.get(&packing) {
            return Ok(bytes.clone());
        }
        // Compressed, it is less than half as long; pages that stay unused cost nothing.
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default() + 1024);
        let read = match packing {
            Packing::Raw => hash(&self.path, &mut bytes),
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(&mut bytes, Compression::new(5));
                hash(&self.path, &mut encoder).and_then(|read| encoder.finish().map(|_| read))
            }
        };
        let (hash, _) = read.map_err(|error| self.problem(&format!("cannot be read: {error}")))?;
        if hash != self.hash {
            return Err(self.problem("was replaced while rprov was running; start the run again"));
        }
        let bytes = Bytes::from(bytes);
        packed.insert(packing, bytes.clone());
        Ok(bytes)
    }

    fn problem(&self, problem: &str) -> ConnectionError {
        ConnectionError::Agent { reason: format!("the agent program {} {problem}", self.path.display()), hint: None }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fs;

    use super::*;

    /// A 64-bit little-endian ELF file with one program header of that type.
    fn elf(machine: u16, program: u32) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64..68].copy_from_slice(&program.to_le_bytes());
        bytes
    }

    #[test]
    fn the_first_static_program_of_each_architecture_counts() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(first.path().join("rprov-agent"), elf(183, 1)).unwrap();
        fs::write(second.path().join("rprov-agent-aarch64"), elf(183, 2)).unwrap();
        fs::write(second.path().join("rprov-agent"), elf(62, 1)).unwrap();
        let store = AgentStore::with_directories(vec![first.path().to_owned(), second.path().to_owned()]);
        assert_eq!(store.agents().unwrap().len(), 2);
        assert_eq!(store.agent_for("arm64").unwrap().path(), first.path().join("rprov-agent"));
        assert_eq!(store.agent_for("x86_64").unwrap().path(), second.path().join("rprov-agent"));
        let error = store.agent_for("s390x").unwrap_err();
        assert!(error.to_string().contains("no program rprov-agent for s390x (looked in "), "{error}");
        assert!(error.hint().unwrap().contains("RPROV_AGENT_DIR"));
    }

    #[test]
    fn a_dynamic_program_and_one_that_is_cut_are_passed_over_with_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let store = || AgentStore::with_directories(vec![directory.path().to_owned()]);
        fs::write(directory.path().join("rprov-agent"), elf(62, 3)).unwrap();
        assert!(store().agents().unwrap_err().to_string().contains("rprov-agent is not linked statically"));
        fs::write(directory.path().join("rprov-agent"), &elf(62, 1)[..65]).unwrap();
        assert!(store().agents().unwrap_err().to_string().contains("rprov-agent is not an ELF program"));
    }

    #[test]
    fn a_program_that_changes_during_the_run_is_not_pushed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rprov-agent");
        fs::write(&path, elf(62, 1)).unwrap();
        let store = AgentStore::with_directories(vec![directory.path().to_owned()]);
        let agent = store.agent_for("x86_64").unwrap();
        assert_eq!(&*agent.bytes(Packing::Raw).unwrap(), elf(62, 1));
        fs::write(&path, elf(62, 2)).unwrap();
        let error = agent.bytes(Packing::Gzip).unwrap_err();
        assert!(error.to_string().contains("was replaced while rprov was running"), "{error}");
    }
}
