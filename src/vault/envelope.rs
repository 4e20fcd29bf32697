//! The text around a payload: `$ANSIBLE_VAULT;VERSION;CIPHER[;LABEL]`, then hexadecimal digits in lines of 80.

use super::cipher::Sealed;

const CIPHER: &str = "AES256";
const WIDTH: usize = 80;

/// An encrypted text, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The label of the identity that it was encrypted with (format 1.2).
    pub label: Option<String>,
    pub(super) sealed: Sealed,
}

impl Envelope {
    /// What encrypted text begins with.
    pub const MARK: &str = "$ANSIBLE_VAULT;";

    /// Whether this is encrypted text.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(Self::MARK.as_bytes())
    }

    /// Take apart.
    ///
    /// # Errors
    /// What is wrong with the text, as a sentence for a person.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "the vault's text is not ASCII".to_owned())?;
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().trim().split(';').collect();
        let (version, cipher, label) = match header.as_slice() {
            ["$ANSIBLE_VAULT", version, cipher] => (*version, *cipher, None),
            ["$ANSIBLE_VAULT", version, cipher, label @ ..] => (*version, *cipher, Some(label.join(";"))),
            _ => return Err(format!("a vault begins with `{}1.1;{CIPHER}`", Self::MARK)),
        };
        if !matches!(version, "1.1" | "1.2") {
            return Err(format!("vault format `{version}` is not known; rprov reads 1.1 and 1.2"));
        }
        if cipher != CIPHER {
            return Err(format!("vault cipher `{cipher}` is not known; rprov reads {CIPHER}"));
        }
        let digits: String = lines.map(str::trim).collect();
        let inner = unhex(&digits).ok_or("the vault's payload is not hexadecimal; was a line lost?")?;
        let mut parts = inner.split(|byte| *byte == b'\n').map(|part| std::str::from_utf8(part).ok().and_then(unhex));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(salt)), Some(Some(code)), Some(Some(ciphertext)), None) => Ok(Self {
                label: label.map(|label| label.trim().to_owned()).filter(|label| version == "1.2" && !label.is_empty()),
                sealed: Sealed { salt, code, ciphertext },
            }),
            _ => Err("the vault's payload is not salt, code and ciphertext; was a line lost?".to_owned()),
        }
    }

    /// As text that ends with a newline.
    pub fn to_text(&self) -> String {
        let inner = [&self.sealed.salt, &self.sealed.code, &self.sealed.ciphertext].map(|part| hex(part)).join("\n");
        let digits = hex(inner.as_bytes());
        let mut text = match &self.label {
            Some(label) => format!("{}1.2;{CIPHER};{label}\n", Self::MARK),
            None => format!("{}1.1;{CIPHER}\n", Self::MARK),
        };
        let mut rest = digits.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(WIDTH));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| DIGITS.get(usize::from(digit))).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn envelope(label: Option<&str>) -> Envelope {
        Envelope {
            label: label.map(str::to_owned),
            sealed: Sealed { salt: vec![1; 32], code: vec![2; 32], ciphertext: (0..64).collect() },
        }
    }

    #[test]
    fn text_and_back() {
        for label in [None, Some("dev"), Some("a;b")] {
            let envelope = envelope(label);
            let text = envelope.to_text();
            assert!(text.lines().all(|line| line.len() <= WIDTH));
            assert_eq!(Envelope::parse(text.as_bytes()).unwrap(), envelope);
        }
        assert!(envelope(None).to_text().starts_with("$ANSIBLE_VAULT;1.1;AES256\n"));
        assert!(envelope(Some("dev")).to_text().starts_with("$ANSIBLE_VAULT;1.2;AES256;dev\n"));
    }

    #[test]
    fn indentation_and_line_ends_do_not_matter() {
        let text = envelope(None).to_text().replace('\n', "\r\n   ");
        assert_eq!(Envelope::parse(text.as_bytes()).unwrap(), envelope(None));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem = |text: &str| Envelope::parse(text.as_bytes()).unwrap_err();
        assert!(problem("secret").contains("begins with"));
        assert!(problem("$ANSIBLE_VAULT;1.0;AES\n00").contains("`1.0`"));
        assert!(problem("$ANSIBLE_VAULT;1.1;ROT13\n00").contains("`ROT13`"));
        assert!(problem("$ANSIBLE_VAULT;1.1;AES256\n0").contains("hexadecimal"));
        assert!(problem("$ANSIBLE_VAULT;1.1;AES256\nzz").contains("hexadecimal"));
        assert!(problem("$ANSIBLE_VAULT;1.1;AES256\n3131").contains("ciphertext"));
        let text = envelope(None).to_text();
        assert!(problem(text.get(..200).unwrap()).contains("lost"));
    }
}
