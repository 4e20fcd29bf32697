//! Filters that encode or digest text: base64, hashes, UUIDs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use minijinja::{Error, State, Value};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use uuid::Uuid;

use super::call::{Call, Run};
use super::python::{fail, text, text_argument};

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("b64encode", b64encode),
    ("b64decode", b64decode),
    ("checksum", |_, call| hashed(&text(&call.only()?)?, "sha1")),
    ("sha1", |_, call| hashed(&text(&call.only()?)?, "sha1")),
    ("md5", |_, call| hashed(&text(&call.only()?)?, "md5")),
    ("hash", hash),
    ("to_uuid", to_uuid),
];

/// Text to bytes by Python's names of encodings.
pub(crate) fn encode(source: &str, encoding: &str) -> Result<Vec<u8>, Error> {
    let wide = |to_bytes: fn(u16) -> [u8; 2]| source.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    match encoding.to_lowercase().replace(['_', ' '], "-").as_str() {
        "utf-8" | "utf8" => Ok(source.as_bytes().to_vec()),
        "utf-16-le" | "utf-16le" => Ok(wide(u16::to_le_bytes)),
        "utf-16-be" | "utf-16be" => Ok(wide(u16::to_be_bytes)),
        "utf-16" => {
            let mut bytes = vec![0xff, 0xfe];
            bytes.extend(wide(u16::to_le_bytes));
            Ok(bytes)
        }
        name @ ("latin-1" | "latin1" | "iso-8859-1" | "ascii" | "us-ascii") => {
            let limit = if name.contains("ascii") { 0x80 } else { 0x100 };
            let byte = |character: char| u8::try_from(character as u32).ok().filter(|byte| u32::from(*byte) < limit);
            source
                .chars()
                .map(|character| {
                    byte(character).ok_or_else(|| fail(format!("'{character}' can't be encoded in {name}")))
                })
                .collect()
        }
        other => Err(fail(format!(
            "unknown encoding '{other}'; known are utf-8, utf-16, utf-16-le, utf-16-be, latin-1 and ascii"
        ))),
    }
}

/// Bytes to text by Python's names of encodings.
pub(crate) fn decode(bytes: &[u8], encoding: &str) -> Result<String, Error> {
    let wide = |from_bytes: fn([u8; 2]) -> u16, bytes: &[u8]| {
        if !bytes.len().is_multiple_of(2) {
            return Err(fail("the data ends within a UTF-16 character"));
        }
        let units: Vec<u16> = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(from_bytes).collect();
        String::from_utf16(&units).map_err(|error| fail(error.to_string()))
    };
    match encoding.to_lowercase().replace(['_', ' '], "-").as_str() {
        "utf-8" | "utf8" => {
            String::from_utf8(bytes.to_vec()).map_err(|error| fail(format!("the data is not UTF-8 text: {error}")))
        }
        "utf-16-le" | "utf-16le" => wide(u16::from_le_bytes, bytes),
        "utf-16-be" | "utf-16be" => wide(u16::from_be_bytes, bytes),
        "utf-16" => match bytes {
            [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
            [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
            rest => wide(u16::from_le_bytes, rest),
        },
        "latin-1" | "latin1" | "iso-8859-1" => Ok(bytes.iter().copied().map(char::from).collect()),
        "ascii" | "us-ascii" if bytes.is_ascii() => Ok(String::from_utf8_lossy(bytes).into_owned()),
        other => Err(fail(format!("the data can't be decoded as '{other}'"))),
    }
}

fn b64encode(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, encoding] = call.bind(["string", "encoding"], 1)?;
    let bytes = encode(&text(&value.unwrap_or_default())?, &text_argument(encoding.as_ref(), "utf-8")?)?;
    Ok(Value::from(STANDARD.encode(bytes)))
}

fn b64decode(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, encoding] = call.bind(["string", "encoding"], 1)?;
    let source = text(&value.unwrap_or_default())?;
    // Python ignores what is not of the alphabet (line ends, blanks).
    let clean: String = source
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '='))
        .collect();
    let bytes = STANDARD.decode(&clean).map_err(|error| call.fail(format!("this is not base64: {error}")))?;
    decode(&bytes, &text_argument(encoding.as_ref(), "utf-8")?).map(Value::from)
}

fn hash(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, kind] = call.bind(["data", "hashtype"], 1)?;
    hashed(&text(&value.unwrap_or_default())?, &text_argument(kind.as_ref(), "sha1")?)
}

/// Bytes in lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hashed(source: &str, kind: &str) -> Result<Value, Error> {
    let bytes = source.as_bytes();
    Ok(Value::from(match kind {
        "md5" => hexadecimal(&Md5::digest(bytes)),
        "sha1" => hexadecimal(&Sha1::digest(bytes)),
        "sha224" => hexadecimal(&Sha224::digest(bytes)),
        "sha256" => hexadecimal(&Sha256::digest(bytes)),
        "sha384" => hexadecimal(&Sha384::digest(bytes)),
        "sha512" => hexadecimal(&Sha512::digest(bytes)),
        "sha3_224" => hexadecimal(&sha3::Sha3_224::digest(bytes)),
        "sha3_256" => hexadecimal(&sha3::Sha3_256::digest(bytes)),
        "sha3_384" => hexadecimal(&sha3::Sha3_384::digest(bytes)),
        "sha3_512" => hexadecimal(&sha3::Sha3_512::digest(bytes)),
        "blake2b" => hexadecimal(&blake2::Blake2b512::digest(bytes)),
        "blake2s" => hexadecimal(&blake2::Blake2s256::digest(bytes)),
        other => {
            return Err(fail(format!(
                "`hash`: unsupported hash type '{other}'; known are md5, sha1, sha224, sha256, sha384, sha512, sha3_*, \
                 blake2b and blake2s"
            )));
        }
    }))
}

/// The namespace that Ansible derives UUIDs in.
const NAMESPACE: Uuid = Uuid::from_u128(0x361e_6d51_faec_444a_9079_3413_86da_8e2e);

fn to_uuid(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, namespace] = call.bind(["string", "namespace"], 1)?;
    let namespace = match namespace {
        Some(given) => {
            let given = text(&given)?;
            Uuid::parse_str(&given)
                .map_err(|error| call.fail(format!("the namespace '{given}' is not a UUID: {error}")))?
        }
        None => NAMESPACE,
    };
    let name = text(&value.unwrap_or_default())?;
    Ok(Value::from(Uuid::new_v5(&namespace, name.as_bytes()).to_string()))
}
