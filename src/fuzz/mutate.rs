//! Damage to samples: small changes anywhere, words that mean something to a reader, and very deep nesting.

/// A sequence of numbers that is the same on every machine (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Numbers(u64);

impl Numbers {
    /// The sequence of that seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which must not be 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        one.min(other)..one.max(other)
    }
}

const WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{ ",
    " }}",
    "{% if ",
    "{% for x in ",
    "{% endfor %}",
    "{% raw %}",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "- ",
    ": ",
    "\n  ",
    "\t",
    "\r\n",
    "\0",
    "\u{feff}",
    "\"",
    "'",
    "\\",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "!vault |\n",
    "!unsafe ",
    "---\n",
    "...\n",
    "#",
    ",",
    "=",
    "==",
    "~",
    "not ",
    " and ",
    " if ",
    " else ",
    ".a",
    ".items()",
    "|default(",
    "|map(",
    " is ",
    "+",
    "-",
    "*",
    "/",
    "%s",
    "%",
    "[0]",
    "[-1:]",
    "[web]\n",
    "[all:vars]\n",
    "[a:children]\n",
    "[1:9]",
    "[a:z:2]",
    "!",
    "~.*",
    "@",
    "Host ",
    "Match host ",
    "ProxyJump ",
    "|1|",
    "@revoked ",
    "é",
    "\u{301}",
    "𝒳",
    "\u{202e}",
    "block:\n",
    "hosts: all\n",
    "  tasks:\n",
    "import_tasks: tasks.yml\n",
    "import_playbook: site.yml\n",
    "include_role: {name: r1}\n",
    "when: ",
    "loop: ",
    "- x\n",
    "${",
    "\x7f",
    "\u{ff}\u{ff}\u{ff}\u{ff}",
    "1e999",
    "0x",
    "0o7",
    "1:2:3",
    ".inf",
    "2001-01-01",
];

/// A sample, damaged some times over; `others` are there to be mixed with.
pub(super) fn damaged(sample: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=numbers.below(6) {
        damage(&mut bytes, others, numbers);
    }
    bytes.truncate(1 << 16);
    bytes
}

fn damage(bytes: &mut Vec<u8>, others: &[Vec<u8>], numbers: &mut Numbers) {
    let at = numbers.below(bytes.len() + 1);
    let word = WORDS.get(numbers.below(WORDS.len())).copied().unwrap_or_default().as_bytes();
    match numbers.below(9) {
        0 => drop(bytes.drain(numbers.range(bytes.len()))),
        1 | 2 => drop(bytes.splice(at..at, word.iter().copied())),
        3 => {
            let range = numbers.range(bytes.len());
            let copy = bytes.get(range).unwrap_or_default().to_vec();
            drop(bytes.splice(at..at, copy));
        }
        4 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << numbers.below(8);
            }
        }
        5 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = numbers.below(256) as u8;
            }
        }
        6 => bytes.truncate(at),
        7 => {
            let Some(other) = others.get(numbers.below(others.len().max(1))) else { return };
            let part = other.get(numbers.range(other.len())).unwrap_or_default().to_vec();
            drop(bytes.splice(at..at, part));
        }
        // Seldom, since it is slow.
        _ if numbers.below(8) == 0 => {
            let times = 1 << numbers.below(13);
            drop(bytes.splice(at..at, word.repeat(times)));
        }
        _ => drop(bytes.splice(at..at, word.repeat(2))),
    }
}
