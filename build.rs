//! Links the programs for hosts, `rprov-agent` and `rprov-systems`, statically, and leaves `rprov` as it is.
//!
//! The agent runs on hosts whose C library is older than the one here, or is none at all. On a musl target it is
//! static by itself. On a glibc target, `-C target-feature=+crt-static` would hold for the whole build, procedural
//! macros included, which cannot be; so only the agent's link command is changed: `rustc` ends it with `-lc`,
//! `-lgcc_s` and so on, and a directory that is searched first has linker scripts of those names that point to
//! the static archives.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs that go to hosts.
const PROGRAMS: &[&str] = &["rprov-agent", "rprov-systems"];

/// What `rustc` links on linux-gnu, and the archives that take its place.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("c", &["libc.a", "libgcc_eh.a", "libgcc.a"]),
    ("gcc_s", &["libgcc_eh.a", "libgcc.a", "libc.a"]),
    ("m", &["libm.a"]),
    // Empty since glibc 2.34, but still named by rustc.
    ("dl", &["libdl.a"]),
    ("pthread", &["libpthread.a"]),
    ("rt", &["librt.a"]),
    ("util", &["libutil.a"]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    if variable("CARGO_CFG_TARGET_OS") != "linux" || variable("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    if variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static") {
        return;
    }
    let directory = PathBuf::from(variable("OUT_DIR"));
    match write_scripts(&compiler(), &directory) {
        Ok(()) => {
            link_argument(&format!("-L{}", directory.display()));
            link_argument("-static");
            link_argument("-no-pie");
            // Its symbols are of no use on a host, and it is pushed there, by tests too.
            link_argument("-Wl,--strip-all");
            if folds_identical_code(&directory) {
                link_argument(FOLD);
            }
        }
        Err(problem) => println!(
            "cargo::warning=the programs for hosts are not linked statically and will run only on hosts like this one: {problem}. \
             Install the static C library (Debian: libc6-dev, Fedora: glibc-static), or build for a musl target"
        ),
    }
}

/// Makes one of functions that are compiled to the same code: a tenth of the agent.
const FOLD: &str = "-Wl,--icf=all";

/// Whether the linker that rustc uses for this target knows [`FOLD`] (LLD does, GNU ld does not).
fn folds_identical_code(directory: &Path) -> bool {
    let source = directory.join("fold.rs");
    if fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg(&source).arg("-o").arg(directory.join("fold")).args(["--edition=2024", "--target", &variable("TARGET")]);
    rustc.args(variable("CARGO_ENCODED_RUSTFLAGS").split('\u{1f}').filter(|flag| !flag.is_empty()));
    if !variable("RUSTC_LINKER").is_empty() {
        rustc.arg(format!("-Clinker={}", variable("RUSTC_LINKER")));
    }
    rustc.arg(format!("-Clink-arg={FOLD}")).output().is_ok_and(|output| output.status.success())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn link_argument(argument: &str) {
    for program in PROGRAMS {
        println!("cargo::rustc-link-arg-bin={program}={argument}");
    }
}

/// The C compiler that links, which knows where its archives are.
fn compiler() -> String {
    for name in ["RUSTC_LINKER", "CC"] {
        let value = variable(name);
        if !value.is_empty() {
            return value;
        }
    }
    if variable("HOST") == variable("TARGET") {
        "cc".to_owned()
    } else {
        format!("{}-linux-gnu-gcc", variable("CARGO_CFG_TARGET_ARCH"))
    }
}

fn write_scripts(compiler: &str, directory: &Path) -> Result<(), String> {
    for (library, archives) in LIBRARIES {
        let mut paths = Vec::new();
        for archive in *archives {
            paths.push(locate(compiler, archive)?);
        }
        let script = format!("GROUP ( {} )\n", paths.join(" "));
        let path = directory.join(format!("lib{library}.so"));
        fs::write(&path, script).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

fn locate(compiler: &str, archive: &str) -> Result<String, String> {
    let output = Command::new(compiler)
        .arg(format!("-print-file-name={archive}"))
        .output()
        .map_err(|error| format!("cannot run {compiler}: {error}"))?;
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    // A compiler that does not find the file gives its name back.
    if Path::new(&path).is_absolute() { Ok(path) } else { Err(format!("{compiler} has no {archive}")) }
}
