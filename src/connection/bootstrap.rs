//! Starting the agent on a host that has nothing but a POSIX shell.
//!
//! One command looks for an agent that an earlier run left there, and becomes it. Where there is none, the command
//! asks for it by a line on standard output, reads it from standard input, lets it verify itself, moves it into place
//! and becomes it. Every line that is meant for rprov begins with `rprov:` and a random number, so that what a login
//! profile prints is not mistaken for it.

use std::time::Duration;

use rprov_wire::{MAX_LINE_FRAME, to_text};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::r#become::{Become, Refusal};
use super::error::ConnectionError;
use super::local::signal_name;
use super::lock;
use super::store::{AgentStore, Packing};
use super::transport::{Ending, Exit, Process, Transport};

/// How long a host may be silent while the agent starts.
const SILENCE: Duration = Duration::from_secs(30);

/// How long to wait for a program's exit code and its last words once its standard output has ended.
const EPILOGUE: Duration = Duration::from_secs(2);

/// Bytes of standard output before the agent's hello that are kept and searched; a login profile prints less.
const TALK: usize = 1 << 20;

/// The longest request that is written into the command: some shells take no more than a few thousand characters.
const WORD_FRAME: usize = 512;

/// Makes a terminal pass every byte as it is.
const RAW_TERMINAL: &str = "stty raw -echo 2>/dev/null; exec 2>/dev/null; ";

/// Exit code by which an agent says that it can be executed; an empty or damaged file would not.
const PROBE: &str = "42";

/// An agent that has said hello.
pub(super) struct Started {
    pub(super) stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub(super) stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) stderr: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) exit: oneshot::Receiver<Exit>,
    pub(super) ending: Ending,
    /// What has been read of its frames.
    pub(super) frames: Vec<u8>,
    /// It has the first request.
    pub(super) asked: bool,
    /// An agent's file that was not what it should be, and was removed.
    pub(super) damaged: Option<String>,
}

/// Whether an agent that is there already is believed to be what its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is: to make sure would cost every start some milliseconds.
    Name,
    /// One has crashed: its content is held against its name, and it is removed where they disagree.
    Content,
}

/// Whether a program ended in a way in which a damaged one does, and others rarely do.
pub(super) fn is_crash(exit: &Exit) -> bool {
    let signal = match exit {
        Exit::Signal(name) => name.clone(),
        // A shell or sudo in between reports a signal as this.
        Exit::Code(code @ 129..=192) => signal_name(code.cast_signed() - 128),
        // A panic.
        Exit::Code(code) => return *code == 101,
    };
    ["ILL", "ABRT", "BUS", "FPE", "SEGV", "SYS", "TRAP"].contains(&signal.as_str())
}

/// The frame of the first request, which goes out with the command that starts the agent.
#[derive(Clone, Copy)]
pub(super) struct First<'a> {
    pub(super) frame: &'a [u8],
    /// Everybody on the host may see it, and so it may be a word of the command. OpenSSH's server takes no input before the
    /// command runs: on standard input, the request costs a round trip more there.
    pub(super) public: bool,
}

/// How the first request gets to the agent.
enum Way {
    /// As a word of the command, which an agent that was just pushed gets too.
    Word(String),
    /// As the first line of standard input. An agent that is there reads it; where none is, the script skips it, and it
    /// is sent again to the one that is pushed.
    Line(String),
}

impl First<'_> {
    fn way(self, r#become: Option<&Become<'_>>, terminal: bool) -> Option<Way> {
        if self.public && self.frame.len() <= WORD_FRAME {
            Some(Way::Word(to_text(self.frame)))
        } else if !terminal && self.frame.len() <= MAX_LINE_FRAME && r#become.is_none_or(Become::never_asks) {
            Some(Way::Line(to_text(self.frame) + "\n"))
        } else {
            None
        }
    }
}

/// Quote a word for any login shell: `sh`, `csh` and `fish` alike, as long as it has no newline.
pub(super) fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,+@%=".contains(&byte);
    // `=` and `%` are plain only behind something else (zsh expands `=word`, csh has `%job`).
    if !word.is_empty() && word.bytes().all(plain) && !word.starts_with(['=', '%', '-']) || is_flag(word) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn is_flag(word: &str) -> bool {
    word.len() > 1 && word.starts_with('-') && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The script that finds or installs the agent. It has neither newlines nor `'`, `!` or backslashes, which one or
/// another login shell would not leave alone within single quotes.
///
/// A directory that others can write to is no place for a program that may run as root: only one that is owned by
/// the user, has mode 0700 and is no symbolic link is used, in the home directory as well as in a shared place.
fn script(nonce: &str, hashes: &[&str], terminal: bool, first: Option<&Way>, trust: Trust) -> String {
    let hashes = hashes.join(" ");
    let (usable, say) = match trust {
        Trust::Name => (format!(r#""$a" --probe 2>/dev/null; [ $? = {PROBE} ] && exec "$a" $N $F"#), ""),
        Trust::Content => (
            // 126: it cannot be executed there, whatever it is.
            r#""$a" --verify $h >/dev/null 2>&1; case $? in 0) echo; echo "rprov:$N:runs $a"; exec "$a" $N $F;; 126) ;; *) rm -f "$a" && { echo; echo "rprov:$N:damaged $a"; };; esac"#
                .to_owned(),
            r#"echo; echo "rprov:$N:runs $d/agent-$h"; "#,
        ),
    };
    // A terminal must pass every byte as it is, and has no second stream for errors.
    let terminal = if terminal { RAW_TERMINAL } else { "" };
    let lines = [
        "set -f",
        &format!("N={nonce}"),
        &match first {
            None => "F=".to_owned(),
            Some(Way::Word(request)) => format!("F={request}"),
            Some(Way::Line(_)) => "F=first".to_owned(),
        },
        r#"own() { [ -O "$1" ] || return 1; case $(ls -ld "$1" 2>/dev/null) in drwx------+*) return 1;; drwx------*) return 0;; esac; return 1; }"#,
        &format!(
            r#"try() {{ [ -d "$1" ] && own "$1" || return 0; for h in {hashes}; do a=$1/agent-$h; if [ -x "$a" ]; then {usable}; fi; done; }}"#
        ),
        r#"if [ -n "$HOME" ] && [ -d "$HOME" ]; then set -- "$HOME/.cache/rprov"; try "$1"; fi"#,
        r"u=$(id -u)",
        r#"for p in "$TMPDIR" /var/tmp /tmp; do if [ -n "$p" ] && [ -d "$p" ]; then set -- "$@" "$p/.rprov-$u"; try "$p/.rprov-$u"; fi; done"#,
        r"m=$(uname -m)",
        r"if command -v gzip >/dev/null 2>&1; then z=gzip; else z=raw; fi",
        "t=",
        r#"clean() { [ -z "$t" ] || rm -f "$t"; }"#,
        r#"trap clean EXIT; trap "exit 1" HUP INT TERM"#,
        r#"for d in "$@"; do c=; case $d in */.cache/rprov) [ -d "${d%/*}" ] || c=$(mkdir -m 700 "${d%/*}" 2>&1);; esac"#,
        r#"e=$(mkdir -m 700 "$d" 2>&1); e=${c:-$e}; if own "$d"; then :; else w="$w $d: ${e:-it is not a private directory of this user};"; continue; fi"#,
        r#"t=$d/.new-$$; e=$({ echo "exit 0" >"$t" && chmod 700 "$t"; } 2>&1) || { w="$w $d: $e;"; clean; continue; }"#,
        r#""$t" 2>/dev/null || { w="$w $d: programs cannot be executed there (noexec);"; clean; continue; }"#,
        r#"echo; echo "rprov:$N:need $m $z"; if [ "$F" = first ]; then read -r h; F=; fi; read -r h n f || exit 1"#,
        &format!(
            r#"e=$({{ head -c "$n" | {{ if [ "$f" = gzip ]; then gzip -dc; else cat; fi >"$t"; r=$?; cat >/dev/null; exit $r; }}; }} 2>&1) && e=$("$t" --verify "$h" 2>&1) && e=$(mv -f "$t" "$d/agent-$h" 2>&1) && {{ find "$d" -type f -mtime +30 -exec rm -f {{}} + >/dev/null 2>&1; t=; {say}exec "$d/agent-$h" $N $F; }}"#
        ),
        r#"w="$w $d: $e;"; clean; done"#,
        r#"echo; echo "rprov:$N:fail" $w; exit 1"#,
    ];
    format!("{terminal}{}", lines.join("; "))
}

/// Start the agent over the transport, as its user or as the one to become.
///
/// Its first request goes out together with the command, if it may be seen or if nothing else on the host can be waiting
/// for a line of input; otherwise it is left to the caller. An agent that crashes before its first words is made sure
/// of, and replaced where it is damaged, once.
pub(super) async fn start(
    transport: &dyn Transport,
    r#become: Option<&Become<'_>>,
    store: &AgentStore,
    first: Option<First<'_>>,
    mut trust: Trust,
) -> Result<Started, ConnectionError> {
    let agents = {
        let store = store.clone();
        blocking(move || store.agents()).await?
    };
    let hashes: Vec<&str> = agents.iter().map(|agent| agent.hash()).collect();
    let mut terminal = r#become.is_some_and(Become::needs_terminal);
    loop {
        let first = first.and_then(|first| first.way(r#become, terminal));
        let nonce = format!("{:032x}", rand::random::<u128>());
        let script = script(&nonce, &hashes, terminal, first.as_ref(), trust);
        let mut process = begin(transport, r#become, &script, &nonce, terminal).await?;
        if let Some(Way::Line(line)) = &first {
            // Where it does not arrive, what the host prints says more.
            let _ = process.stdin.write_all(line.as_bytes()).await;
            let _ = process.stdin.flush().await;
        }
        let conversation =
            Conversation { first, ..Conversation::new(process, store, r#become, nonce, transport, terminal, trust) };
        match conversation.hold().await? {
            Ended::Started(started) => return Ok(started),
            Ended::NeedsTerminal if terminal => return Err(no_terminal()),
            Ended::NeedsTerminal => terminal = true,
            Ended::Crashed => trust = Trust::Content,
        }
    }
}

/// Start a shell over the transport, as its user or as the one to become. It runs what the first line of its input says,
/// as `printf %b` writes it out, with what follows as the input of that.
pub(super) async fn shell(
    transport: &dyn Transport,
    r#become: Option<&Become<'_>>,
    store: &AgentStore,
) -> Result<Started, ConnectionError> {
    let mut terminal = r#become.is_some_and(Become::needs_terminal);
    loop {
        let nonce = format!("{:032x}", rand::random::<u128>());
        let raw = if terminal { RAW_TERMINAL } else { "" };
        let script = format!(r#"{raw}echo; echo "rprov:{nonce}:hello"; IFS= read -r l; eval "$(printf %b "$l")""#);
        let process = begin(transport, r#become, &script, &nonce, terminal).await?;
        let conversation = Conversation::new(process, store, r#become, nonce, transport, terminal, Trust::Content);
        match conversation.hold().await? {
            Ended::Started(started) => return Ok(started),
            Ended::NeedsTerminal if terminal => return Err(no_terminal()),
            Ended::NeedsTerminal => terminal = true,
            Ended::Crashed => {
                let reason = "the host's shell crashed before its first words".to_owned();
                return Err(ConnectionError::Agent { reason, hint: None });
            }
        }
    }
}

/// Run a script by the host's shell.
async fn begin(
    transport: &dyn Transport,
    r#become: Option<&Become<'_>>,
    script: &str,
    nonce: &str,
    terminal: bool,
) -> Result<Process, ConnectionError> {
    let command = match r#become {
        Some(other) => other.command(script, nonce),
        None => format!("exec /bin/sh -c {}", quote(script)),
    };
    if terminal { transport.exec_tty(&command).await } else { transport.exec(&command).await }
}

fn no_terminal() -> ConnectionError {
    ConnectionError::Become {
        reason: "the host gives no terminal to the command that changes the user".to_owned(),
        hint: Some("choose another `become_method` (sudo, su, doas)".to_owned()),
    }
}

enum Ended {
    Started(Started),
    NeedsTerminal,
    /// An agent that was there already may be damaged.
    Crashed,
}

/// The talk with one started command, up to the agent's hello.
struct Conversation<'a> {
    process: Process,
    store: &'a AgentStore,
    r#become: Option<&'a Become<'a>>,
    nonce: String,
    local: bool,
    by_hand: String,
    terminal: bool,
    trust: Trust,
    /// The file of an agent that was not what it should be, and was removed.
    damaged: Option<String>,
    /// The agent's file, where it was made sure of.
    program: Option<String>,
    /// The first request's way to the agent, unless it was in vain.
    first: Option<Way>,
    output: Vec<u8>,
    error: Vec<u8>,
    /// Bytes of `output` in which all of our lines were dealt with.
    heard: usize,
    /// Lengths of `output` and `error` when the password was sent.
    answered: Option<(usize, usize)>,
}

impl<'a> Conversation<'a> {
    fn new(
        process: Process,
        store: &'a AgentStore,
        r#become: Option<&'a Become<'a>>,
        nonce: String,
        transport: &dyn Transport,
        terminal: bool,
        trust: Trust,
    ) -> Self {
        Self {
            process,
            store,
            r#become,
            nonce,
            local: transport.is_local(),
            by_hand: transport.by_hand(),
            terminal,
            trust,
            damaged: None,
            program: None,
            first: None,
            output: Vec::new(),
            error: Vec::new(),
            heard: 0,
            answered: None,
        }
    }

    async fn hold(mut self) -> Result<Ended, ConnectionError> {
        let (mut out, mut err) = (vec![0; 16 * 1024], vec![0; 4 * 1024]);
        let mut error_open = true;
        loop {
            let patience = self.patience();
            tokio::select! {
                // Errors first: when the output ends, all that was said is known.
                biased;
                count = self.process.stderr.read(&mut err), if error_open => match count {
                    Ok(count) if count > 0 => self.error.extend(err.get(..count).unwrap_or_default()),
                    _ => error_open = false,
                },
                count = self.process.stdout.read(&mut out) => match count {
                    Ok(count) if count > 0 => {
                        self.output.extend(out.get(..count).unwrap_or_default());
                        if let Some(at) = self.listen().await? {
                            let frames = self.output.split_off(at);
                            let Process { stdin, stdout, stderr, exit, ending } = self.process;
                            let (asked, damaged) = (self.first.is_some(), self.damaged);
                            return Ok(Ended::Started(Started { stdin, stdout, stderr, exit, ending, frames, asked, damaged }));
                        }
                        if self.output.len() > TALK {
                            let tail = printable(&self.output);
                            return Err(self.failure(&format!(
                                "the login shell prints without end, last: {}", last_characters(&tail, 200)
                            )));
                        }
                    }
                    _ => return self.ended().await,
                },
                () = tokio::time::sleep(patience) => return Err(self.silent()),
            }
            self.answer().await?;
        }
    }

    /// Deal with the lines that are meant for us; the offset of the first frame behind a hello.
    async fn listen(&mut self) -> Result<Option<usize>, ConnectionError> {
        let mark = format!("rprov:{}:", self.nonce);
        while let Some(line) = find_line(&self.output, self.heard, mark.as_bytes()) {
            self.heard = line.end;
            let text = printable(self.output.get(line.clone()).unwrap_or_default());
            match text.trim().split_once(' ').unwrap_or((text.trim(), "")) {
                ("hello", _) => return Ok(Some(line.end)),
                ("need", wanted) => {
                    let (machine, packing) = wanted.split_once(' ').unwrap_or((wanted, "raw"));
                    self.push(machine, if packing == "gzip" { Packing::Gzip } else { Packing::Raw }).await?;
                }
                ("damaged", file) => self.damaged = Some(file.to_owned()),
                ("runs", file) => self.program = Some(file.to_owned()),
                (_, problems) => {
                    return Err(ConnectionError::Agent {
                        reason: format!("the host has no place for it: {}", problems.trim_end_matches(';')),
                        hint: Some(
                            "it needs about 10 MB in ~/.cache/rprov, $TMPDIR, /var/tmp or /tmp, in a file system that \
                             is not full, read-only or mounted noexec"
                                .to_owned(),
                        ),
                    });
                }
            }
        }
        Ok(None)
    }

    async fn push(&mut self, machine: &str, packing: Packing) -> Result<(), ConnectionError> {
        // The script has skipped the line.
        self.first.take_if(|way| matches!(way, Way::Line(_)));
        let agent = self.store.agent_for(machine)?;
        let hash = agent.hash().to_owned();
        let bytes = blocking(move || agent.bytes(packing)).await?;
        let word = if packing == Packing::Gzip { "gzip" } else { "raw" };
        let header = format!("{hash} {} {word}\n", bytes.len());
        for piece in std::iter::once(header.as_bytes()).chain(bytes.chunks(64 * 1024)) {
            match timeout(SILENCE, self.process.stdin.write_all(piece)).await {
                Ok(Ok(())) => {}
                // What the host printed says more.
                Ok(Err(_)) => return Ok(()),
                Err(_) => return Err(self.silent()),
            }
        }
        // As above.
        let _ = self.process.stdin.flush().await;
        Ok(())
    }

    /// Send the password if it was asked for.
    async fn answer(&mut self) -> Result<(), ConnectionError> {
        let Some(other) = self.r#become else { return Ok(()) };
        let (output, error) = self.answered.unwrap_or_default();
        let output = self.output.get(output..).unwrap_or_default();
        let error = if self.terminal { output } else { self.error.get(error..).unwrap_or_default() };
        if !other.is_asking(output, error, &self.nonce) {
            return Ok(());
        }
        if self.answered.is_some() {
            return Err(other.incorrect_password());
        }
        let Some(password) = &other.settings.password else { return Err(other.missing_password()) };
        self.answered = Some((self.output.len(), self.error.len()));
        let line = zeroize::Zeroizing::new(format!("{}\n", password.expose()));
        if self.process.stdin.write_all(line.as_bytes()).await.is_ok() {
            let _ = self.process.stdin.flush().await;
        }
        Ok(())
    }

    /// The command has ended without a hello.
    async fn ended(mut self) -> Result<Ended, ConnectionError> {
        let mut rest = Vec::new();
        let _ = timeout(EPILOGUE, self.process.stderr.read_to_end(&mut rest)).await;
        self.error.extend(rest);
        let exit = timeout(EPILOGUE, &mut self.process.exit).await.ok().and_then(Result::ok);
        let text = self.said();
        if let Some(exit) = exit.as_ref().filter(|exit| is_crash(exit)) {
            match &self.program {
                None if self.trust == Trust::Name => return Ok(Ended::Crashed),
                None => {}
                Some(file) => return Err(crashed(file, exit)),
            }
        }
        if let Some(other) = self.r#become
            && (exit.is_some() || !text.is_empty())
        {
            return match other.refusal(exit.as_ref(), &text, self.answered.is_some()) {
                Refusal::NeedsTerminal => Ok(Ended::NeedsTerminal),
                Refusal::Final(error) => Err(error),
            };
        }
        let end = match &exit {
            Some(Exit::Code(code)) => format!("the host's shell ended with exit code {code}"),
            Some(Exit::Signal(signal)) => format!("the host's shell was killed (signal {signal})"),
            None => {
                let said = if text.is_empty() { String::new() } else { format!(": {text}") };
                let ending = lock(&self.process.ending).clone();
                return Err(ConnectionError::from(ending.unwrap_or_else(|| {
                    format!("the host closed the connection, or its channel, before the agent started{said}").into()
                })));
            }
        };
        Err(self.failure(&end))
    }

    /// What the host printed, where it may explain a failure.
    fn said(&self) -> String {
        let text = if self.error.is_empty() { &self.output } else { &self.error };
        last_characters(&printable(text), 1000).trim().to_owned()
    }

    /// How long the host may say nothing.
    fn patience(&self) -> Duration {
        let told = self.r#become.and_then(|other| other.settings.patience).filter(|_| self.heard == 0);
        told.unwrap_or(SILENCE)
    }

    fn silent(&self) -> ConnectionError {
        let seconds = self.patience().as_secs();
        let reason = format!("the host said nothing for {seconds} seconds");
        let Some(other) = self.r#become else { return self.failure(&reason) };
        let said = self.said();
        let hint = "something there may be waiting for an answer: try the same by hand";
        if self.heard > 0 {
            return ConnectionError::Become {
                reason: format!("Timeout waiting for {}: {reason}; {said}", other.settings.method),
                hint: Some(hint.to_owned()),
            };
        }
        let reason = match self.local {
            true => format!("Timed out waiting for become success or become password prompt ({reason}): {said}"),
            false => format!("Timeout ({seconds}s) waiting for privilege escalation prompt: {said}"),
        };
        let hint = match other.settings.prompts.as_slice() {
            [] => hint.to_owned(),
            prompts => format!(
                "{} was to ask with `{}:` (`ansible_su_prompt_l10n`): see with which words it asks",
                other.settings.method,
                prompts.join(":`, `")
            ),
        };
        ConnectionError::BecomeTimeout { reason, hint: Some(hint) }
    }

    fn failure(&self, what: &str) -> ConnectionError {
        let said = self.said();
        let reason = if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
        ConnectionError::Agent {
            reason,
            hint: Some(format!("the host must run `/bin/sh` for this user: try `{}` by hand", self.by_hand)),
        }
    }
}

/// An agent that is what it should be, and still does not run on the host.
fn crashed(file: &str, exit: &Exit) -> ConnectionError {
    let how = match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    };
    ConnectionError::Agent {
        reason: format!("{file} on the host crashes before its first words ({how}), although it arrived whole"),
        hint: Some(format!(
            "run `{file} --version` there by hand; a damaged disk or memory, or a limit on programs (`ulimit`, seccomp), \
             may be the reason"
        )),
    }
}

/// Where the first whole line with the mark is, from `start` on, without the mark but with its newline.
fn find_line(bytes: &[u8], start: usize, mark: &[u8]) -> Option<std::ops::Range<usize>> {
    let rest = bytes.get(start..)?;
    let begin = start + rest.windows(mark.len()).position(|window| window == mark)? + mark.len();
    let length = bytes.get(begin..)?.iter().position(|byte| *byte == b'\n')?;
    Some(begin..begin + length + 1)
}

/// Text of a host for a message: one line, and no control characters, which a terminal would obey.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// The end of a text that may be long.
pub(super) fn last_characters(text: &str, count: usize) -> &str {
    let skip = text.chars().count().saturating_sub(count);
    text.char_indices().nth(skip).and_then(|(at, _)| text.get(at..)).unwrap_or_default()
}

async fn blocking<T: Send + 'static>(
    action: impl FnOnce() -> Result<T, ConnectionError> + Send + 'static,
) -> Result<T, ConnectionError> {
    match tokio::task::spawn_blocking(action).await {
        Ok(result) => result,
        Err(error) => Err(ConnectionError::Agent { reason: format!("preparing it failed: {error}"), hint: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_survives_every_login_shells_quotes() {
        for (terminal, trust) in [(false, Trust::Name), (true, Trust::Name), (false, Trust::Content)] {
            let line = Way::Line(String::new());
            let script = script("abc", &["0123", "4567"], terminal, (!terminal).then_some(&line), trust);
            for forbidden in ['\'', '!', '\\', '\n'] {
                assert!(!script.contains(forbidden), "{forbidden:?}");
            }
            // An echoed command must not look like an answer.
            assert!(!script.contains("rprov:abc"));
        }
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        assert_eq!(quote("/bin/sh"), "/bin/sh");
        assert_eq!(quote("-H"), "-H");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("=ls"), "'=ls'");
        assert_eq!(quote("a'b c"), r"'a'\''b c'");
        assert_eq!(quote("$HOME"), "'$HOME'");
    }

    #[test]
    fn a_line_is_found_only_once_it_is_whole() {
        assert_eq!(find_line(b"welcome rprov:1:hello", 0, b"rprov:1:"), None);
        assert_eq!(find_line(b"welcome rprov:1:hello\nxyz", 0, b"rprov:1:"), Some(16..22));
        assert_eq!(find_line(b"welcome rprov:1:hello\nxyz", 22, b"rprov:1:"), None);
    }

    #[test]
    fn a_hosts_text_cannot_move_the_cursor() {
        assert_eq!(printable(b"a\r\n\x1b[2Jb\tc\xff"), "a [2Jb c\u{fffd}");
        assert_eq!(last_characters("äöü", 2), "öü");
        assert_eq!(last_characters("ab", 5), "ab");
    }
}
