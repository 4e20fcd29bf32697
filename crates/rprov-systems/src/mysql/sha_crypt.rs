//! SHA-256 crypt, in which `caching_sha2_password` keeps passwords.
//!
//! Algorithm: <https://www.akkadia.org/drepper/SHA-crypt.txt>.

use ring::digest::{SHA256, digest};

const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn sum(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

/// So many bytes of a text that begins anew at its end.
fn repeated(text: &[u8], count: usize) -> Vec<u8> {
    text.iter().copied().cycle().take(count).collect()
}

/// The sum of a password and a salt, in 43 letters.
pub fn sha256_crypt(password: &[u8], salt: &[u8], rounds: u32) -> String {
    let other = sum(&[password, salt, password]);
    let mut first = [password, salt, &repeated(&other, password.len())].concat();
    let mut length = password.len();
    while length > 0 {
        first.extend_from_slice(if length & 1 == 1 { &other } else { password });
        length >>= 1;
    }
    let mut current = sum(&[&first]);
    let of_password = repeated(&sum(&[&password.repeat(password.len())]), password.len());
    let times = 16 + usize::from(current.first().copied().unwrap_or_default());
    let of_salt = repeated(&sum(&[&salt.repeat(times)]), salt.len());
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut text = if odd { of_password.clone() } else { current.clone() };
        if round % 3 != 0 {
            text.extend_from_slice(&of_salt);
        }
        if round % 7 != 0 {
            text.extend_from_slice(&of_password);
        }
        text.extend_from_slice(if odd { &current } else { &of_password });
        current = sum(&[&text]);
    }
    letters(&current)
}

/// The bytes in the order that crypt(3) has, six bits a letter.
fn letters(bytes: &[u8]) -> String {
    let byte = |index: usize| u32::from(bytes.get(index).copied().unwrap_or_default());
    let mut text = String::with_capacity(43);
    let mut push = |mut number: u32, count: usize| {
        for _ in 0..count {
            text.push(char::from(LETTERS.get((number & 63) as usize).copied().unwrap_or(b'.')));
            number >>= 6;
        }
    };
    let mut group = (0, 10, 20);
    for _ in 0..10 {
        let (high, middle, low) = group;
        push(byte(high) << 16 | byte(middle) << 8 | byte(low), 4);
        group = ((low + 1) % 30, (high + 1) % 30, (middle + 1) % 30);
    }
    push(byte(31) << 8 | byte(30), 3);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // As crypt(3) makes them.
    #[test]
    fn sums_are_those_of_the_system() {
        let sum = sha256_crypt(b"Hello world!", b"saltstring", 5000);
        assert_eq!(sum, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
        let sum = sha256_crypt(b"Hello world!", b"saltstringsaltst", 10_000);
        assert_eq!(sum, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA");
    }
}
