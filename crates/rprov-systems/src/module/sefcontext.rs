//! `sefcontext`: the SELinux contexts that files are to have, by `semanage fcontext`.
//!
//! What there is stands in files of the policy, which are read here: asking `semanage` takes seconds.

use rprov_modules::argument::Rule;
use rprov_modules::process::Command;
use rprov_modules::{Context, Diff, Failure, Outcome, arguments, choices};

use crate::root;

choices! {
    /// Kinds of files.
    pub enum Kind { A = "a", B = "b", C = "c", D = "d", F = "f", L = "l", P = "p", S = "s" }
}

choices! {
    /// Whether the mapping is there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Manages SELinux file context mapping definitions.
    pub struct Arguments {
        /// The path, as a regular expression.
        target | path: String,
        /// The kind of files: all, block devices, character devices, directories, regular files, links, pipes, sockets.
        ftype: Kind = Kind::A,
        /// The type of the files.
        setype: Option<String>,
        /// A path whose contexts are those of the target as well.
        substitute | equal: Option<String>,
        /// The user of the files; `system_u` for what is new.
        seuser: Option<String>,
        /// The range of the files; `s0` for what is new.
        selevel | serange: Option<String>,
        /// Whether the mapping is there.
        state: State = State::Present,
        /// Load the policy again.
        reload: bool = true,
        /// Do it even where SELinux does not run.
        ignore_selinux_state: bool = false,
    }
    rules: [
        Rule::Exclusive(&["setype", "substitute"]),
        Rule::Exclusive(&["substitute", "ftype"]),
        Rule::Exclusive(&["substitute", "seuser"]),
        Rule::Exclusive(&["substitute", "selevel"]),
        Rule::IfAny("state", "present", &["setype", "substitute"]),
    ]
}

/// A line of the policy.
#[derive(Clone, Debug, PartialEq)]
struct Mapping {
    user: String,
    role: String,
    kind: String,
    level: String,
}

impl Mapping {
    fn shown(&self, arguments: &Arguments) -> String {
        let Mapping { user, role, kind, level } = self;
        format!("{} {} {user}:{role}:{kind}:{level}\n", arguments.target, arguments.ftype.word())
    }
}

struct Task<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
    before: String,
    after: String,
    changed: bool,
}

/// Bring the mapping to its state.
///
/// # Errors
/// SELinux does not run, or `semanage` refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    for (option, value) in [
        ("target", Some(&arguments.target)),
        ("setype", arguments.setype.as_ref()),
        ("substitute", arguments.substitute.as_ref()),
        ("seuser", arguments.seuser.as_ref()),
        ("selevel", arguments.selevel.as_ref()),
    ] {
        if value.is_some_and(|value| value.is_empty() || value.starts_with('-') || value.contains(['\n', '\t', ' '])) {
            return Err(Failure::new(format!("{option}: it is empty, begins with a dash or has white space")));
        }
    }
    if !arguments.ignore_selinux_state && !root::at("/sys/fs/selinux/enforce").exists() {
        return Err(Failure::new(
            "SELinux is disabled on this host; ignore_selinux_state=true changes the policy all the same",
        ));
    }
    let mut task = Task { arguments: &arguments, context, before: String::new(), after: String::new(), changed: false };
    let (setype, substitute) = (arguments.setype.as_ref(), arguments.substitute.as_ref());
    match arguments.state {
        State::Present => match (setype, substitute) {
            (Some(kind), _) => task.map(kind)?,
            (None, Some(substitute)) => task.substitute(substitute)?,
            (None, None) => {}
        },
        State::Absent => {
            if substitute.is_none() {
                task.unmap()?;
            }
            if setype.is_none() {
                task.keep_apart()?;
            }
        }
    }
    let mut outcome = Outcome::new(task.changed)
        .with("target", arguments.target.as_str())
        .with("ftype", arguments.ftype.word())
        .with("setype", arguments.setype.clone())
        .with("substitute", arguments.substitute.clone())
        .with("seuser", arguments.seuser.clone())
        .with("serange", arguments.selevel.clone())
        .with("state", arguments.state.word());
    if task.changed {
        outcome = outcome.with_diff(Diff::state(task.before, task.after));
    }
    Ok(outcome)
}

/// A file of the policy that is in use; empty where there is none.
fn file(name: &str) -> Result<String, Failure> {
    let config = std::fs::read_to_string(root::at("/etc/selinux/config")).unwrap_or_default();
    let policy = config.lines().find_map(|line| line.trim().strip_prefix("SELINUXTYPE="));
    let policy = policy.map(str::trim).filter(|policy| !policy.is_empty()).unwrap_or("targeted");
    let path = root::at(&format!("/etc/selinux/{policy}/contexts/files/{name}"));
    match std::fs::read(&path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::io("read", &path, error)),
    }
}

/// The last mapping of a target and kind of files, as `file_contexts(5)` has it: expression, kind, context.
fn mapping(text: &str, target: &str, kind: Kind) -> Option<Mapping> {
    let flag = match kind {
        Kind::A => None,
        Kind::F => Some("--".to_owned()),
        other => Some(format!("-{}", other.word())),
    };
    let mut found = text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_target = words.next()? == target;
        let second = words.next()?;
        let (own, context) = if second.starts_with('-') { (Some(second), words.next()?) } else { (None, second) };
        let mut parts = context.splitn(4, ':').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        (is_target && own == flag.as_deref()).then(|| Mapping {
            user: part(),
            role: part(),
            kind: part(),
            level: part(),
        })
    });
    found.next_back()
}

/// The path that stands for a target.
fn substitution(text: &str, target: &str) -> Option<String> {
    let mut found = text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == target).then(|| words.next().map(str::to_owned))?
    });
    found.next_back()
}

impl Task<'_, '_> {
    fn tell(&mut self, words: &[&str]) -> Result<(), Failure> {
        self.changed = true;
        if self.context.check() {
            return Ok(());
        }
        let mut command = Command::new("semanage").arg("fcontext").plain_locale();
        if !self.arguments.reload {
            command = command.arg("-N");
        }
        let attempt = format!("semanage could not change the context of {}", self.arguments.target);
        command.args(words).arg(&*self.arguments.target).run_or_fail(&attempt, self.context).map(drop)
    }

    fn local(&self) -> Result<Option<Mapping>, Failure> {
        Ok(mapping(&file("file_contexts.local")?, &self.arguments.target, self.arguments.ftype))
    }

    fn map(&mut self, kind: &str) -> Result<(), Failure> {
        let arguments = self.arguments;
        let local = self.local()?;
        let present = match &local {
            Some(local) => Some(local.clone()),
            None => ["file_contexts.homedirs", "file_contexts"]
                .iter()
                .map(|name| Ok(mapping(&file(name)?, &arguments.target, arguments.ftype)))
                .collect::<Result<Vec<_>, Failure>>()?
                .into_iter()
                .flatten()
                .next(),
        };
        let own = |given: &Option<String>, present: Option<&String>, default: &str| {
            given.as_ref().or(present.filter(|text| !text.is_empty())).map_or(default, |text| text).to_owned()
        };
        let wanted = Mapping {
            user: own(&arguments.seuser, present.as_ref().map(|found| &found.user), "system_u"),
            role: "object_r".to_owned(),
            kind: kind.to_owned(),
            level: own(&arguments.selevel, present.as_ref().map(|found| &found.level), "s0"),
        };
        if present.as_ref() == Some(&wanted) {
            return Ok(());
        }
        self.before = present.map(|present| present.shown(arguments)).unwrap_or_default();
        self.after = wanted.shown(arguments);
        let action = if local.is_some() { "-m" } else { "-a" };
        let words = [action, "-f", arguments.ftype.word(), "-t", &wanted.kind, "-s", &wanted.user, "-r", &wanted.level];
        self.tell(&words)
    }

    /// What the policy itself has cannot be taken out of it.
    fn unmap(&mut self) -> Result<(), Failure> {
        if let Some(local) = self.local()? {
            self.before.push_str(&local.shown(self.arguments));
            self.tell(&["-d", "-f", self.arguments.ftype.word()])?;
        }
        Ok(())
    }

    fn substitute(&mut self, substitute: &str) -> Result<(), Failure> {
        let target = &self.arguments.target;
        let local = substitution(&file("file_contexts.subs")?, target);
        let present = match &local {
            Some(local) => Some(local.clone()),
            None => substitution(&file("file_contexts.subs_dist")?, target),
        };
        if present.as_deref() == Some(substitute) {
            return Ok(());
        }
        self.before = present.map(|present| format!("{target} = {present}\n")).unwrap_or_default();
        self.after = format!("{target} = {substitute}\n");
        self.tell(&[if local.is_some() { "-m" } else { "-a" }, "-e", substitute])
    }

    fn keep_apart(&mut self) -> Result<(), Failure> {
        let Some(present) = substitution(&file("file_contexts.subs")?, &self.arguments.target) else { return Ok(()) };
        if self.arguments.substitute.as_ref().is_some_and(|wanted| *wanted != present) {
            return Ok(());
        }
        self.before.push_str(&format!("{} = {present}\n", self.arguments.target));
        self.tell(&["-d", "-e", &present])
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::{Value, json};

    use crate::bench;

    const LOCAL: &str = "etc/selinux/targeted/contexts/files/file_contexts.local";
    const SUBS: &str = "etc/selinux/targeted/contexts/files/file_contexts.subs";

    /// A host with a policy, and a program that writes the files as semanage does.
    fn host() -> rprov_modules::testing::Bench {
        let bench = bench();
        bench.file("sys/fs/selinux/enforce", "1");
        bench.file("etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
        bench.file(
            "etc/selinux/targeted/contexts/files/file_contexts",
            "/srv/.*\tsystem_u:object_r:var_t:s0\n/srv/www(/.*)?\t--\tsystem_u:object_r:web_t:s0:c1\n/none -d <<none>>\n",
        );
        bench.file(LOCAL, "# by libsemanage\n");
        bench.file(SUBS, "");
        bench.program(
            "semanage",
            "shift; [ \"$1\" = -N ] && shift; act=$1; shift; flag= kind= user= range= equal=\n\
             while [ $# -gt 1 ]; do case $1 in -f) [ $2 = a ] || flag=-$2; [ $2 = f ] && flag=--;; -t) kind=$2;; -s) user=$2;; \
             -r) range=$2;; -e) equal=$2;; *) exit 2;; esac; shift 2; done\n\
             [ \"$kind\" = nope_t ] && { echo 'ValueError: Type nope_t is invalid' >&2; exit 1; }\n\
             cd etc/selinux/targeted/contexts/files; file=file_contexts.local; key=\"$1 $flag \"\n\
             [ -n \"$equal\" ] && { file=file_contexts.subs; key=\"$1 \"; }\n\
             { grep -vF \"$key\" $file; case $act in -d) ;; *) if [ -n \"$equal\" ]; then echo \"$1 $equal\"; else \
             echo \"$1 $flag $user:object_r:$kind:$range\"; fi;; esac; } >new; mv new $file",
        );
        bench
    }

    #[test]
    fn contexts_are_mapped_and_unmapped() {
        let bench = host();
        let call = |more: Value| {
            let mut arguments = json!({"target": "/srv/git(/.*)?"});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            arguments
        };
        let done = bench.converges("sefcontext", call(json!({"setype": "git_t"})));
        assert_eq!(bench.read(LOCAL), "# by libsemanage\n/srv/git(/.*)?  system_u:object_r:git_t:s0\n");
        assert_eq!(
            done["diff"].to_json(),
            json!({"before": "", "after": "/srv/git(/.*)? a system_u:object_r:git_t:s0\n"})
        );
        assert_eq!(bench.calls().pop().unwrap(), "semanage fcontext -a -f a -t git_t -s system_u -r s0 /srv/git(/.*)?");
        bench.converges("sefcontext", call(json!({"setype": "git_t", "seuser": "staff_u", "reload": false})));
        // What is not given stays.
        bench.converges("sefcontext", call(json!({"setype": "other_t", "selevel": "s0:c2"})));
        assert_eq!(
            bench.calls().pop().unwrap(),
            "semanage fcontext -m -f a -t other_t -s staff_u -r s0:c2 /srv/git(/.*)?"
        );
        bench.converges("sefcontext", call(json!({"setype": "dir_t", "ftype": "d"})));
        bench.converges("sefcontext", call(json!({"state": "absent"})));
        // What the policy has itself is as good.
        bench.settled("sefcontext", json!({"path": "/srv/www(/.*)?", "ftype": "f", "setype": "web_t"}));
        bench.settled("sefcontext", json!({"path": "/srv/www(/.*)?", "ftype": "f", "state": "absent"}));
        bench.converges("sefcontext", json!({"path": "/srv/www(/.*)?", "ftype": "f", "setype": "my_t"}));
        assert!(bench.read(LOCAL).contains("/srv/www(/.*)? -- system_u:object_r:my_t:s0:c1\n"));
    }

    #[test]
    fn paths_stand_for_others() {
        let bench = host();
        bench.converges("sefcontext", json!({"target": "/srv/containers", "substitute": "/var/lib/containers"}));
        assert_eq!(bench.read(SUBS), "/srv/containers /var/lib/containers\n");
        bench.converges("sefcontext", json!({"target": "/srv/containers", "equal": "/var/lib/other"}));
        bench.settled("sefcontext", json!({"target": "/srv/containers", "equal": "/x", "state": "absent"}));
        bench.converges("sefcontext", json!({"target": "/srv/containers", "state": "absent"}));
        assert_eq!(bench.read(SUBS), "");
    }

    #[test]
    fn wrong_calls_are_refused() {
        let bench = host();
        let fails = |arguments: Value| bench.fails("sefcontext", arguments);
        assert!(fails(json!({"target": "/a"})).contains("setype, substitute"));
        assert!(fails(json!({"target": "/a", "setype": "t", "substitute": "/b"})).contains("exclusive"));
        assert!(fails(json!({"target": "/a b", "setype": "t"})).contains("target: "));
        assert!(fails(json!({"target": "/a", "setype": "-x"})).contains("setype: "));
        let message = fails(json!({"target": "/a", "setype": "nope_t"}));
        assert!(message.contains("nope_t is invalid") && message.contains("/a"), "{message}");
        std::fs::remove_file(bench.path("sys/fs/selinux/enforce")).unwrap();
        assert!(fails(json!({"target": "/a", "setype": "t"})).contains("SELinux is disabled"));
        bench.converges("sefcontext", json!({"target": "/a", "setype": "t", "ignore_selinux_state": true}));
    }
}
