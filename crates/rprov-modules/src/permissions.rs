//! Permissions as a playbook writes them: octal (`0644`) or symbolic (`u=rw,g+X,o-t`), as chmod(1) defines them.

use crate::argument::Mode;
use crate::outcome::Failure;

/// All bits that chmod can set.
pub const BITS: u32 = 0o7777;

/// A mode that was understood, to be applied to a file's present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModeChange {
    /// Exactly these bits.
    Absolute(u32),
    /// Steps that depend on the present mode.
    Symbolic(Vec<Step>),
}

/// One step of a symbolic mode: who, what to do, and with which permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    users: Vec<char>,
    masked: bool,
    operator: char,
    permissions: Vec<char>,
}

impl ModeChange {
    /// Read a mode.
    ///
    /// # Errors
    /// It is neither octal within `07777` nor symbolic.
    pub fn parse(mode: &Mode) -> Result<Self, Failure> {
        let text = mode.0.trim();
        let digits = text.strip_prefix("0o").unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return match u32::from_str_radix(digits, 8) {
                Ok(bits) if bits <= BITS => Ok(ModeChange::Absolute(bits)),
                _ => Err(Failure::new(format!(
                    "mode must be in octal or symbolic form: `{text}` is not an octal number up to 7777; quote it in the playbook, as in mode: \"0644\""
                ))
                .with("details", format!("bad symbolic permission for mode: {text}"))),
            };
        }
        let mut steps = Vec::new();
        for clause in text.split(',') {
            parse_clause(clause, &mut steps).ok_or_else(|| {
                Failure::new(format!(
                    "mode must be in octal or symbolic form: `{clause}` is neither; write it as in `u=rw,g=r,o-rwx`"
                ))
                .with("details", format!("bad symbolic permission for mode: {text}"))
            })?;
        }
        Ok(ModeChange::Symbolic(steps))
    }

    /// The bits that a file has after the change.
    ///
    /// `current` are its present bits, `directory` tells whether `X` means execution in any case, and `umask` holds
    /// back what a clause without users would grant.
    pub fn apply(&self, current: u32, directory: bool, umask: u32) -> u32 {
        match self {
            ModeChange::Absolute(bits) => *bits,
            ModeChange::Symbolic(steps) => {
                steps.iter().fold(current & BITS, |mode, step| step.apply(mode, directory, umask))
            }
        }
    }
}

fn parse_clause(clause: &str, steps: &mut Vec<Step>) -> Option<()> {
    let start = clause.find(['+', '-', '='])?;
    let (who, mut rest) = clause.split_at(start);
    if !who.chars().all(|user| "ugoa".contains(user)) {
        return None;
    }
    let masked = who.is_empty();
    let users: Vec<char> = if masked || who.contains('a') { vec!['u', 'g', 'o'] } else { who.chars().collect() };
    while let Some(operator) = rest.chars().next() {
        let tail = &rest[1..];
        let end = tail.find(['+', '-', '=']).unwrap_or(tail.len());
        let (permissions, next) = tail.split_at(end);
        if !permissions.chars().all(|permission| "rwxXstugo".contains(permission)) {
            return None;
        }
        steps.push(Step { users: users.clone(), masked, operator, permissions: permissions.chars().collect() });
        rest = next;
    }
    Some(())
}

impl Step {
    fn apply(&self, mode: u32, directory: bool, umask: u32) -> u32 {
        let allowed = if self.masked { !umask & BITS } else { BITS };
        self.users.iter().fold(mode, |current, user| {
            let (shift, special, field) = match user {
                'u' => (6, 0o4000, 0o4700),
                'g' => (3, 0o2000, 0o2070),
                _ => (0, 0, 0o1007),
            };
            let bits = self.permissions.iter().fold(0, |bits, permission| {
                bits | match permission {
                    'r' => (0o4 << shift) & allowed,
                    'w' => (0o2 << shift) & allowed,
                    'x' => (0o1 << shift) & allowed,
                    'X' if directory || mode & 0o111 != 0 => (0o1 << shift) & allowed,
                    's' => special,
                    't' if *user == 'o' => 0o1000,
                    'u' => (mode >> 6 & 0o7) << shift,
                    'g' => (mode >> 3 & 0o7) << shift,
                    'o' => (mode & 0o7) << shift,
                    _ => 0,
                }
            });
            match self.operator {
                '+' => current | bits,
                '-' => current & !bits,
                _ => (current & !field & BITS) | bits,
            }
        })
    }
}

/// The process's umask, read without changing it: other threads create files meanwhile.
pub fn umask() -> u32 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let value = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
            u32::from_str_radix(value.trim(), 8).ok()
        })
        .unwrap_or(0o022)
}

/// Permission bits as Ansible's modules that write files return them: `0644`, `01777`.
pub fn octal(bits: u32) -> String {
    format!("0{:03o}", bits & BITS)
}

/// Permission bits as Ansible's `stat` and `find` return them: `0644`, `1777`.
pub fn four_digits(bits: u32) -> String {
    format!("{:04o}", bits & BITS)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    #[test]
    fn the_special_bits_have_a_leading_zero_only_where_ansible_writes_one() {
        assert_eq!([octal(0o102_750), octal(0o644)], ["02750", "0644"]);
        assert_eq!([four_digits(0o102_750), four_digits(0o4)], ["2750", "0004"]);
    }

    use super::*;

    fn change(text: &str, current: u32, directory: bool) -> u32 {
        ModeChange::parse(&Mode(text.to_owned())).unwrap().apply(current, directory, 0o022)
    }

    #[test]
    fn octal_modes_are_taken_as_they_are() {
        assert_eq!(change("0644", 0o777, false), 0o644);
        assert_eq!(change("1777", 0, true), 0o1777);
        assert_eq!(octal(0o1777), "01777");
        assert_eq!(octal(0o7), "0007");
    }

    #[test]
    fn symbolic_modes_follow_chmod() {
        assert_eq!(change("u=rw,g=r,o=", 0o777, false), 0o640);
        assert_eq!(change("a+X", 0o644, false), 0o644);
        assert_eq!(change("a+X", 0o744, false), 0o755);
        assert_eq!(change("a+X", 0o644, true), 0o755);
        assert_eq!(change("u=rwX,g=rX,o=rX", 0o600, true), 0o755);
        assert_eq!(change("g=u", 0o640, false), 0o660);
        assert_eq!(change("o=g", 0o640, false), 0o644);
        assert_eq!(change("+t", 0o755, true), 0o1755);
        assert_eq!(change("u+s,g+s", 0o755, false), 0o6755);
        assert_eq!(change("u-s", 0o4755, false), 0o755);
        assert_eq!(change("u+x-w", 0o644, false), 0o544);
    }

    #[test]
    fn a_clause_without_users_leaves_out_what_the_umask_holds_back() {
        assert_eq!(change("+w", 0o444, false), 0o644);
        assert_eq!(change("a+w", 0o444, false), 0o666);
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for wrong in ["888", "99999", "u~r", "rw", "u=rq", "z=r", ""] {
            assert!(ModeChange::parse(&Mode(wrong.to_owned())).is_err(), "{wrong}");
        }
    }
}
