//! Compressed files: by the ending of their names, written and read as a stream.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// zstd.
    Zstd,
}

impl Compression {
    /// By the ending of the file's name.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => Compression::Gzip,
            Some("bz2") => Compression::Bzip2,
            Some("xz") => Compression::Xz,
            Some("zst") => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// The program that does the same, for messages.
    pub fn program(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Bzip2 => Some("bzip2"),
            Compression::Xz => Some("xz"),
            Compression::Zstd => Some("zstd"),
        }
    }

    /// Write all of `source` to `target`, compressed.
    ///
    /// # Errors
    /// Reading or writing failed.
    pub fn compress(self, source: &mut dyn Read, target: &mut dyn Write) -> io::Result<()> {
        match self {
            Compression::None => drop(io::copy(source, target)?),
            Compression::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(&mut *target, flate2::Compression::default());
                io::copy(source, &mut writer)?;
                writer.finish()?;
            }
            Compression::Bzip2 => {
                let mut writer = bzip2::write::BzEncoder::new(&mut *target, bzip2::Compression::best());
                io::copy(source, &mut writer)?;
                writer.finish()?;
            }
            Compression::Xz => {
                // The window of higher presets takes more memory than a small host may have.
                let options = lzma_rust2::XzOptions::with_preset(3);
                let mut writer = lzma_rust2::XzWriter::new(&mut *target, options)?;
                io::copy(source, &mut writer)?;
                writer.finish()?;
            }
            Compression::Zstd => {
                let mut source = Kept { inner: source, error: None };
                let mut target = Kept { inner: &mut *target, error: None };
                ruzstd::encoding::compress(&mut source, &mut target, ruzstd::encoding::CompressionLevel::Fastest);
                if let Some(error) = source.error.or(target.error) {
                    return Err(error);
                }
            }
        }
        target.flush()
    }

    /// What is in a file.
    ///
    /// # Errors
    /// It cannot be read, or is not compressed in that way.
    pub fn open(self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let reader = BufReader::with_capacity(128 * 1024, File::open(path)?);
        Ok(match self {
            Compression::None => Box::new(reader),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(reader)),
            Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(reader)),
            Compression::Xz => Box::new(lzma_rust2::XzReader::new(reader, true)),
            Compression::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(reader);
                Box::new(decoder.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?)
            }
        })
    }
}

/// Keeps an error to itself until it is asked for: zstd's encoder would panic of it.
struct Kept<T> {
    inner: T,
    error: Option<io::Error>,
}

impl<R: Read + ?Sized> Read for Kept<&mut R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.error = Some(error);
                    return Ok(0);
                }
                result => return result,
            }
        }
    }
}

impl<W: Write + ?Sized> Write for Kept<&mut W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.error.is_none()
            && let Err(error) = self.inner.write_all(buffer)
        {
            self.error = Some(error);
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const ALL: [(&str, Compression); 5] = [
        ("a.sql", Compression::None),
        ("a.sql.gz", Compression::Gzip),
        ("a.bz2", Compression::Bzip2),
        ("a.xz", Compression::Xz),
        ("a.zst", Compression::Zstd),
    ];

    #[test]
    fn what_was_written_is_read_and_by_others_too() {
        let directory = tempfile::tempdir().unwrap();
        let text = "INSERT INTO t VALUES (1);\n".repeat(20_000);
        for (name, compression) in ALL {
            let path = directory.path().join(name);
            assert_eq!(Compression::of(&path), compression);
            compression.compress(&mut text.as_bytes(), &mut File::create(&path).unwrap()).unwrap();
            let mut back = String::new();
            compression.open(&path).unwrap().read_to_string(&mut back).unwrap();
            assert!(back == text, "{name}");
            if let Some(program) = compression.program() {
                assert!(path.metadata().unwrap().len() < 10_000, "{name} is compressed");
                let output = std::process::Command::new(program).arg("-dc").arg(&path).output().unwrap();
                assert!(output.stdout == text.as_bytes(), "{program} reads it");
            }
        }
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _buffer: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let text = "x\n".repeat(200_000);
        for (name, compression) in ALL {
            let error = compression.compress(&mut text.as_bytes(), &mut Full).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{name}");
        }
    }

    #[test]
    fn damaged_files_are_errors() {
        let directory = tempfile::tempdir().unwrap();
        for (name, compression) in ALL {
            let path = directory.path().join(name);
            std::fs::write(&path, "no such format").unwrap();
            let read = compression.open(&path).and_then(|mut reader| io::copy(&mut reader, &mut io::sink()));
            assert_eq!(read.is_ok(), compression == Compression::None, "{name}");
        }
    }
}
