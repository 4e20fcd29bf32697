//! What a host on which rsync runs may ask of the other one.
//!
//! The command of rsync's other side comes from rsync itself, which alone knows what it needs. Where rsync runs on a
//! delegate, that is a host like any other and is not trusted: it could ask for any command. So only one is passed on
//! that reads or writes the path of the task, in the direction of the task, and in which a shell finds nothing to do.

/// The command that is expected, as far as it is known.
#[derive(Debug)]
pub(super) struct Expected {
    /// The program with its own arguments, as the task says it.
    pub(super) program: String,
    /// The other side is to send.
    pub(super) sends: bool,
    /// Where it is to read or write.
    pub(super) path: String,
    /// Links may be followed, which lead out of that place.
    pub(super) follows: bool,
    /// What is not on the other side may be deleted.
    pub(super) deletes: bool,
    /// Options that the task itself has, and their values.
    pub(super) options: Vec<String>,
}

/// Options that rsync makes of those that the task can have, and of what both sides can do.
const OPTIONS: &[&str] = &[
    "--checksum",
    "--delay-updates",
    "--delete",
    "--delete-after",
    "--delete-before",
    "--delete-delay",
    "--delete-during",
    "--dirs",
    "--existing",
    "--link-dest",
    "--new-compress",
    "--no-W",
    "--no-r",
    "--no-whole-file",
    "--numeric-ids",
    "--old-compress",
    "--partial",
    "--use-qsort",
    "--zl",
    "--zc",
];

/// The same with a value behind `=`.
const VALUED: &[&str] = &[
    "--timeout",
    "--log-format",
    "--out-format",
    "--compress-choice",
    "--checksum-choice",
    "--compress-level",
    "--link-dest",
];

impl Expected {
    /// Whether a command is what was expected; why not, for people.
    pub(super) fn check(&self, command: &str) -> Result<(), String> {
        self.find_fault(command).map_or(Ok(()), |fault| {
            Err(format!(
                "the host that rsync runs on asks for a command on the other host that is not passed on: {fault}. The \
                 command: {command}. Without `delegate_to` rsync runs on the controller, whose commands are passed on"
            ))
        })
    }

    fn find_fault(&self, command: &str) -> Option<String> {
        let Some(rest) = command.strip_prefix(&self.program).and_then(|rest| rest.strip_prefix(" --server ")) else {
            return Some(format!("it does not begin with `{} --server`", self.program));
        };
        let Some(words) = words(rest) else {
            return Some("a shell would do more with it than start one program".to_owned());
        };
        let mut words = words.into_iter().peekable();
        let sends = words.next_if_eq("--sender").is_some();
        if sends != self.sends {
            let way = if self.sends { "sent" } else { "written" };
            return Some(format!("files are to be {way} there, and not the other way round"));
        }
        for word in words.by_ref() {
            if word == "." {
                // Older versions leave blanks in the path as they are.
                let path = words.collect::<Vec<_>>().join(" ");
                let same = path == self.path || path.strip_prefix("./") == Some(&self.path);
                return (!same).then(|| format!("its path is `{path}`, and not `{}`", self.path));
            }
            if !self.knows(&word) {
                return Some(format!("the task says nothing of `{word}`"));
            }
        }
        Some("it has no path".to_owned())
    }

    fn knows(&self, word: &str) -> bool {
        let told = |text: &str| self.options.iter().any(|option| option == text);
        if word.starts_with("--delete") && !self.deletes {
            return false;
        }
        if told(word) || OPTIONS.contains(&word) {
            return true;
        }
        match word.split_once('=') {
            Some(("--link-dest", path)) => told(path),
            Some((name, _)) if VALUED.contains(&name) => true,
            _ => self.is_letters(word),
        }
    }

    /// Whether these are short options that have no values and let nobody speak in their place; behind `e` it says what
    /// rsync can do.
    fn is_letters(&self, word: &str) -> bool {
        let Some(letters) = word.strip_prefix('-') else { return false };
        let (letters, can) = letters.split_once("e.").unwrap_or((letters, ""));
        let fits = |letter: char| match letter {
            'L' | 'k' | 'K' => self.follows,
            letter => letter.is_ascii_alphabetic() && !"BMTefs".contains(letter),
        };
        letters.chars().all(fits) && can.chars().all(|letter| letter.is_ascii_alphanumeric()) && word.len() > 1
    }
}

/// The words of a command; `None` where a shell would do anything but split it, take backslashes off, and look for files.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' => words.push(String::new()),
            '\\' => match characters.next() {
                None | Some('\n') => return None,
                Some(escaped) => words.last_mut()?.push(escaped),
            },
            '"' | '\'' | '`' | '$' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '{' | '}' | '#' | '!' => return None,
            character if character.is_control() => return None,
            character => words.last_mut()?.push(character),
        }
    }
    Some(words)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn expected(sends: bool) -> Expected {
        let options = ["--exclude=.git", "--chmod=D755", "/links"].map(str::to_owned).to_vec();
        Expected { program: "rsync".into(), sends, path: "/srv/a b".into(), follows: false, deletes: sends, options }
    }

    #[test]
    fn what_rsync_asks_for_is_passed_on() {
        for command in [
            r"rsync --server -vlogDtprze.iLsfxCIvu --log-format=%i --delay-updates . /srv/a\ b",
            "rsync --server -logDtprze.iLsfxCIvu --timeout=7 --chmod=D755 --link-dest /links . /srv/a b",
        ] {
            expected(false).check(command).unwrap();
        }
        expected(true).check(r"rsync --server --sender -vlogDtprze.iLsfxCIvu --delete-after . /srv/a\ b").unwrap();
    }

    #[test]
    fn what_else_a_host_could_ask_for_is_not() {
        for (command, told) in [
            ("id", "does not begin with"),
            ("rsync --server -v . /srv/a b; id", "a shell would do more"),
            ("rsync --server -v . /srv/a b\nid", "a shell would do more"),
            ("rsync --server -v . $(id)", "a shell would do more"),
            ("rsync --server --sender -v . /srv/a b", "the other way round"),
            ("rsync --server -v . /etc", "its path is `/etc`"),
            ("rsync --server -v . /srv/a b/../../etc", "its path is"),
            ("rsync --server -v --log-file=/etc/passwd . /srv/a b", "nothing of `--log-file"),
            ("rsync --server -v --link-dest=/etc . /srv/a b", "nothing of `--link-dest=/etc`"),
            ("rsync --server -se.LsfxCIvu", "nothing of `-se.LsfxCIvu`"),
            ("rsync --server -vLe.LsfxCIvu . /srv/a b", "nothing of `-vLe.LsfxCIvu`"),
            ("rsync --server -v --delete-after . /srv/a b", "nothing of `--delete-after`"),
            ("rsync --server -v", "it has no path"),
        ] {
            let error = expected(false).check(command).unwrap_err();
            assert!(error.contains(told), "{command}: {error}");
        }
    }
}
