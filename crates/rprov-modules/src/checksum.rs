//! Checksums of files and bytes, as lower case hexadecimal digits, by Ansible's names of the algorithms.

use std::io::Read;
use std::path::Path;

use rprov_wire::Options;
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

    /// Those that a result tells of content that travelled: SHA-1, and MD5, which takes as long as all the rest of its way,
    /// only where somebody may look at it.
    pub fn told(options: &Options) -> &'static [Algorithm] {
        if options.brief { &[Algorithm::Sha1] } else { &[Algorithm::Sha1, Algorithm::Md5] }
    }

    fn digest(self) -> Box<dyn DynDigest + Send> {
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

/// Several checksums of the same bytes, piece by piece.
pub struct Sums(Vec<Box<dyn DynDigest + Send>>);

impl Sums {
    /// Checksums by these algorithms.
    pub fn new(algorithms: &[Algorithm]) -> Self {
        Self(algorithms.iter().map(|algorithm| algorithm.digest()).collect())
    }

    /// Take the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        for digest in &mut self.0 {
            digest.update(piece);
        }
    }

    /// The checksums, in the order of the algorithms.
    pub fn finish(self) -> Vec<String> {
        self.0.into_iter().map(|digest| hexadecimal(&digest.finalize())).collect()
    }
}

/// A reader that takes the checksums of what is read through it, so that a large file is gone through only once.
pub struct Summing<R> {
    reader: R,
    sums: Sums,
}

impl<R: Read> Summing<R> {
    /// Checksums by these algorithms.
    pub fn new(reader: R, algorithms: &[Algorithm]) -> Self {
        Self { reader, sums: Sums::new(algorithms) }
    }

    /// The checksums of what was read, in the order of the algorithms.
    pub fn finish(self) -> Vec<String> {
        self.sums.finish()
    }
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.sums.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Bytes as lower case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
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

    #[test]
    fn what_is_read_through_has_the_same_checksums() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
        let mut reader = Summing::new(bytes.as_slice(), &[Algorithm::Sha1, Algorithm::Md5]);
        let copied = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_or_default();
        assert_eq!(copied, 300_000);
        assert_eq!(reader.finish(), [Algorithm::Sha1.of_bytes(&bytes), Algorithm::Md5.of_bytes(&bytes)]);
    }
}
