//! `pam_limits`: lines of limits.conf(5).

use std::path::PathBuf;

use rprov_modules::attributes::FileAttributes;
use rprov_modules::edit::{Manner, Original};
use rprov_modules::{Arguments as _, Context, Failure, Outcome, arguments, choices, write};

choices! {
    /// Which of the two limits.
    pub enum Kind { Hard = "hard", Soft = "soft", Both = "-" }
}

choices! {
    /// What is limited.
    pub enum Item {
        Core = "core",
        Data = "data",
        Fsize = "fsize",
        Memlock = "memlock",
        Nofile = "nofile",
        Rss = "rss",
        Stack = "stack",
        Cpu = "cpu",
        Nproc = "nproc",
        As = "as",
        Maxlogins = "maxlogins",
        Maxsyslogins = "maxsyslogins",
        Priority = "priority",
        Locks = "locks",
        Sigpending = "sigpending",
        Msgqueue = "msgqueue",
        Nice = "nice",
        Rtprio = "rtprio",
        Chroot = "chroot",
    }
}

arguments! {
    /// Modify Linux PAM limits.
    pub struct Arguments {
        /// A user, `@group`, wildcard, or range of ids.
        domain: String,
        /// Which of the two limits.
        limit_type: Kind,
        /// What is limited.
        limit_item: Item,
        /// The limit: `unlimited`, `infinity`, `-1` or a number.
        value: String,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// Change a limit only to a smaller one.
        use_min: bool = false,
        /// Change a limit only to a greater one.
        use_max: bool = false,
        /// The file.
        dest: String = "/etc/security/limits.conf".to_owned(),
        /// A comment for the line.
        comment: String = String::new(),
    }
}

/// A limit as a number; none at all is the greatest.
fn number(text: &str) -> Option<i128> {
    match text {
        "unlimited" | "infinity" | "-1" => Some(i128::MAX),
        text if text.starts_with(['+', '-']) => None,
        text => text.parse::<u64>().ok().map(i128::from),
    }
}

fn check(item: Item, value: &str) -> Result<(), Failure> {
    match item {
        Item::Nice | Item::Priority => match value.parse::<i32>() {
            Ok(-20..=19) => Ok(()),
            _ => Err(Failure::new(format!(
                "Value of {} must be a number in the range -20 to 19 inclusive, got `{value}`. \
                 Refer to the manual pages for more details.",
                item.word()
            ))),
        },
        // A directory.
        Item::Chroot => Ok(()),
        _ if number(value).is_some() => Ok(()),
        _ => Err(Failure::new(format!(
            "Argument 'value' can be one of 'unlimited', 'infinity', '-1' or positive number, got `{value}`. \
             Refer to manual pages for more details."
        ))),
    }
}

/// Set the limit.
///
/// # Errors
/// The value is none, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    check(arguments.limit_item, &arguments.value)?;
    if arguments.use_min && arguments.use_max {
        return Err(Failure::new("Cannot use use_min and use_max at the same time."));
    }
    let path = write::resolve(&PathBuf::from(&arguments.dest))?;
    let directory = write::parent(&path);
    if !directory.is_dir() {
        return Err(Failure::new(format!("directory {} is not present; create it first", directory.display())));
    }
    let original = Original::read(&path)?;
    let before = original.text.clone().unwrap_or_default();
    let comment = match arguments.comment.as_str() {
        "" => String::new(),
        text => format!("\t#{text}"),
    };
    let written = |value: &str| {
        let (kind, item) = (arguments.limit_type.word(), arguments.limit_item.word());
        format!("{}\t{kind}\t{item}\t{value}{comment}\n", arguments.domain)
    };
    let mut after = String::with_capacity(before.len() + 64);
    let mut message = None;
    for line in before.split_inclusive('\n') {
        let active = line.split('#').next().unwrap_or_default();
        let fields: Vec<&str> = active.split_whitespace().collect();
        let present = match fields.as_slice() {
            [domain, kind, item, value]
                if *domain == arguments.domain
                    && *kind == arguments.limit_type.word()
                    && *item == arguments.limit_item.word() =>
            {
                *value
            }
            _ => {
                after.push_str(line);
                continue;
            }
        };
        let stays = present == arguments.value || !is_wanted(&arguments, present);
        let new = if stays { line.to_owned() } else { written(&arguments.value) };
        after.push_str(&new);
        message = Some(new);
    }
    if message.is_none() {
        if !after.is_empty() && !after.ends_with('\n') {
            after.push('\n');
        }
        let new = written(&arguments.value);
        after.push_str(&new);
        message = Some(new);
    }
    let attributes = FileAttributes::decode(&Default::default())?;
    let manner = Manner { backup: arguments.backup, validate: None, attributes: &attributes };
    let done = original.write(&after, &manner, context)?;
    let mut outcome = done.outcome(&original, &after);
    outcome.diffs.truncate(1);
    for diff in &mut outcome.diffs {
        (diff.before_header, diff.after_header) = (None, None);
    }
    Ok(outcome.with("msg", message.unwrap_or_default()))
}

/// Whether a value may take the place of the present one.
fn is_wanted(arguments: &Arguments, present: &str) -> bool {
    let (Some(present), Some(value)) = (number(present), number(&arguments.value)) else { return true };
    match (arguments.use_min, arguments.use_max) {
        (true, _) => value < present,
        (_, true) => value > present,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::bench;

    const FILE: &str = "# <domain> <type> <item> <value>\n@a soft nofile 100 # own\nroot hard nproc unlimited\n";

    fn with(path: &str, more: Value) -> Value {
        let mut arguments = json!({"domain": "@a", "limit_type": "soft", "limit_item": "nofile", "dest": path});
        for (name, value) in more.as_object().into_iter().flatten() {
            arguments[name] = value.clone();
        }
        arguments
    }

    #[test]
    fn a_limit_is_changed_in_its_place_or_added() {
        let bench = bench();
        let path = bench.file("limits.conf", FILE);
        bench.settled("pam_limits", with(&path, json!({"value": 100})));
        let done = bench.converges("pam_limits", with(&path, json!({"value": "200", "comment": "more"})));
        assert_eq!(done["msg"].as_str(), Some("@a\tsoft\tnofile\t200\t#more\n"));
        let changed = FILE.replace("@a soft nofile 100 # own", "@a\tsoft\tnofile\t200\t#more");
        assert_eq!(bench.read("limits.conf"), changed);
        bench.converges("pam_limits", with(&path, json!({"value": "1", "limit_type": "-"})));
        assert_eq!(bench.read("limits.conf"), format!("{changed}@a\t-\tnofile\t1\n"));
        bench.converges("pam_limits", with(&bench.path("new.conf"), json!({"value": "unlimited"})));
    }

    #[test]
    fn a_limit_can_be_a_least_or_greatest_one() {
        let bench = bench();
        let path = bench.file("limits.conf", FILE);
        bench.settled("pam_limits", with(&path, json!({"value": "50", "use_max": true})));
        bench.settled("pam_limits", with(&path, json!({"value": "unlimited", "use_min": true})));
        bench.converges("pam_limits", with(&path, json!({"value": "50", "use_min": true})));
        bench.converges("pam_limits", with(&path, json!({"value": "infinity", "use_max": true})));
    }

    #[test]
    fn values_that_are_none_are_refused() {
        let bench = bench();
        let path = bench.file("limits.conf", FILE);
        for (item, value) in [("nofile", "many"), ("nofile", "-5"), ("nice", "20"), ("nice", "unlimited")] {
            let message = bench.fails("pam_limits", with(&path, json!({"limit_item": item, "value": value})));
            assert!(message.contains(value), "{message}");
        }
        bench.converges("pam_limits", with(&path, json!({"limit_item": "nice", "value": "-20"})));
        assert!(bench.fails("pam_limits", with("/nonexistent/x", json!({"value": 1}))).contains("/nonexistent"));
        assert!(bench.fails("pam_limits", with(&path, json!({"limit_item": "files", "value": 1}))).contains("nofile"));
    }
}
