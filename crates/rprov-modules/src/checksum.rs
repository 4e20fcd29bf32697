//! Checksums of files and bytes, as lower case hexadecimal digits, by Ansible's names of the algorithms.

use std::io::Read;
use std::path::Path;

use sha2::digest::DynDigest;

use crate::choices;
use crate::outcome::Failure;

choices! {
    /// A checksum algorithm.
    pub enum Algorithm {
        Md5 = "md5",
        Sha1 = "sha1",
        Sha224 = "sha224",
        Sha256 = "sha256",
        Sha384 = "sha384",
        Sha512 = "sha512",
    }
}

impl Algorithm {
    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "md5" => Algorithm::Md5,
            "sha1" => Algorithm::Sha1,
            "sha224" => Algorithm::Sha224,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return None,
        })
    }

    fn digest(self) -> Box<dyn DynDigest> {
        match self {
            Algorithm::Md5 => Box::new(md5::Md5::default()),
            Algorithm::Sha1 => Box::new(sha1::Sha1::default()),
            Algorithm::Sha224 => Box::new(sha2::Sha224::default()),
            Algorithm::Sha256 => Box::new(sha2::Sha256::default()),
            Algorithm::Sha384 => Box::new(sha2::Sha384::default()),
            Algorithm::Sha512 => Box::new(sha2::Sha512::default()),
        }
    }

    /// The checksum of some bytes.
    pub fn of_bytes(self, bytes: &[u8]) -> String {
        let mut digest = self.digest();
        digest.update(bytes);
        hexadecimal(&digest.finalize())
    }

    /// The checksum of all that a reader has.
    ///
    /// # Errors
    /// Reading failed.
    pub fn of_reader(self, reader: &mut dyn Read) -> std::io::Result<String> {
        let mut digest = self.digest();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hexadecimal(&digest.finalize())),
                Ok(count) => digest.update(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The checksum of a file's content.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(self, path: &Path) -> Result<String, Failure> {
        std::fs::File::open(path)
            .and_then(|mut file| self.of_reader(&mut file))
            .map_err(|error| crate::write::explain("read", path, &error))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_of_nothing_are_the_published_ones() {
        assert_eq!(Algorithm::Md5.of_bytes(b""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(Algorithm::Sha1.of_bytes(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert!(Algorithm::Sha256.of_bytes(b"").starts_with("e3b0c44298fc1c14"));
        assert_eq!(Algorithm::from_name("SHA512"), Some(Algorithm::Sha512));
        assert_eq!(Algorithm::from_name("crc"), None);
    }
}
