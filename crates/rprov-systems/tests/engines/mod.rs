//! Docker Engines for tests, and an image made of the host's own BusyBox.
#![allow(dead_code, reason = "not every test program needs all of it")]

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rprov_modules::context::Detached;
use rprov_modules::rprov_wire::{Options, Value};
use rprov_modules::{Arguments, Cancel, Context};
use rprov_systems::docker::{Body, Connection, Engine, EngineError, Patience};
use serde_json::{Value as Json, json};

/// The image that [`import`] makes.
pub const IMAGE: &str = "rprovtest-busybox:1";

/// The Engine that these options name.
pub fn connect(options: &Json) -> Result<Engine, EngineError> {
    let request = Options::default();
    let context = Context { options: &request, transport: &Detached, cancel: &Cancel::default() };
    Engine::new(&Connection::decode(Value::from_json(options).as_map().unwrap()).unwrap(), &context)
}

/// Import the image, where an earlier run has not left it; each import would leave the one before without a name.
pub fn import(engine: &Engine) {
    if engine.find(&format!("/images/{IMAGE}/json")).unwrap().is_some() {
        return;
    }
    let busybox =
        std::fs::read("/bin/busybox").unwrap_or_else(|error| panic!("these tests need busybox-static: {error}"));
    let mut write = |writer: &mut dyn std::io::Write| {
        let mut archive = tar::Builder::new(writer);
        let mut header = tar::Header::new_gnu();
        header.set_size(busybox.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, "bin/busybox", busybox.as_slice())?;
        for applet in ["sh", "sleep", "echo", "cat", "env", "true", "false", "test", "touch"] {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
        }
        archive.into_inner()?.flush()
    };
    let query = [
        ("fromSrc", "-".to_owned()),
        ("repo", "rprovtest-busybox".to_owned()),
        ("tag", "1".to_owned()),
        ("changes", "ENV FROM_IMAGE=yes".to_owned()),
    ];
    let mut answer =
        engine.send("POST", "/images/create", &query, &[], Body::Tar(&mut write), Patience::Normal).unwrap();
    std::io::copy(&mut answer, &mut std::io::sink()).unwrap();
}

/// An Engine of a test's own, which leaves nothing behind: its data is in a temporary directory, and its bridges and
/// addresses in a network namespace of its own, so that this machine's own Engine is not touched.
pub struct Throwaway {
    daemon: Child,
    directory: tempfile::TempDir,
}

impl Throwaway {
    pub fn start() -> Self {
        Self::start_in(&["unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"].map(str::to_owned))
    }

    /// Another one, which shares the network of this one.
    pub fn beside(&self) -> Self {
        Self::start_in(&self.entry())
    }

    /// The words that run a command in its network.
    pub fn entry(&self) -> [String; 2] {
        ["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.daemon.id())]
    }

    fn start_in(entry: &[String]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let log = std::fs::File::create(at("log")).unwrap();
        let daemon = Command::new(&entry[0])
            .args(&entry[1..])
            .arg("dockerd")
            .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
            .args(["--host", &format!("unix://{}", at("sock")), "--bridge", "none", "--iptables=false"])
            .args(["--ip-forward=false", "--ip-masq=false", "--log-level", "warn"])
            .stdout(Stdio::null())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("these tests need {}: {error}", entry[0]));
        let engine = Throwaway { daemon, directory };
        let patience = Instant::now() + Duration::from_secs(60);
        while connect(&engine.options()).is_err() {
            assert!(Instant::now() < patience, "dockerd (docker.io) does not start:\n{}", engine.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        engine
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// The options with which modules reach it.
    pub fn options(&self) -> Json {
        json!({"docker_host": format!("unix://{}/sock", self.directory.path().display())})
    }

    pub fn engine(&self) -> Engine {
        connect(&self.options()).unwrap()
    }

    /// These options, for this Engine.
    pub fn of(&self, arguments: Json) -> Json {
        let mut all = self.options();
        for (name, value) in arguments.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        let pid = i32::try_from(self.daemon.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let patience = Instant::now() + Duration::from_secs(30);
        while matches!(self.daemon.try_wait(), Ok(None)) {
            if Instant::now() >= patience {
                let _ = self.daemon.kill();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        // What is still mounted there would keep the directory from being removed.
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let own = self.directory.path().display().to_string();
        for path in mounts.lines().rev().filter_map(|line| line.split(' ').nth(1)).filter(|path| path.starts_with(&own))
        {
            let _ = Command::new("umount").args(["--lazy", path]).status();
        }
    }
}
