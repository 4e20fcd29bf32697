//! Paths on the controller: `file`, `directory`, `exists`, `link`, `mount`, `same_file`, `abs`, `vaulted_file`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use minijinja::{Error, State, Value};

use super::answer;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::python::{fail, text_only};

pub(super) const TESTS: &[(&str, Run)] = &[
    ("abs", absolute),
    ("is_abs", absolute),
    ("directory", directory),
    ("is_dir", directory),
    ("file", file),
    ("is_file", file),
    ("exists", exists),
    ("link", link),
    ("is_link", link),
    ("link_exists", link_exists),
    ("mount", mount),
    ("is_mount", mount),
    ("same_file", same_file),
    ("is_same_file", same_file),
    ("vaulted_file", vaulted_file),
];

fn path(call: &Call) -> Result<String, Error> {
    text_only(&call.only()?, call.name)
}

fn absolute(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    answer(path(&call)?.starts_with('/'))
}

fn directory(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    answer(fs::metadata(path(&call)?).is_ok_and(|metadata| metadata.is_dir()))
}

fn file(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    answer(fs::metadata(path(&call)?).is_ok_and(|metadata| metadata.is_file()))
}

fn exists(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    answer(fs::metadata(path(&call)?).is_ok())
}

fn link(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    answer(fs::symlink_metadata(path(&call)?).is_ok_and(|metadata| metadata.is_symlink()))
}

fn link_exists(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    answer(fs::symlink_metadata(path(&call)?).is_ok())
}

/// A folder is a mount point if its parent is on another device, or is itself.
fn mount(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let path = path(&call)?;
    let (Ok(own), Ok(parent)) = (fs::symlink_metadata(&path), fs::metadata(format!("{path}/.."))) else {
        return answer(false);
    };
    answer(!own.is_symlink() && (own.dev() != parent.dev() || own.ino() == parent.ino()))
}

fn same_file(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [left, right] = call.bind(["path", "other"], 2)?;
    let identity = |value: Option<Value>| {
        let path = text_only(&value.unwrap_or_default(), call.name)?;
        let metadata = fs::metadata(&path).map_err(|error| fail(format!("could not look at '{path}': {error}")))?;
        Ok::<_, Error>((metadata.dev(), metadata.ino()))
    };
    answer(identity(left)? == identity(right)?)
}

fn vaulted_file(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let path = path(&call)?;
    let mut start = [0_u8; 14];
    let mut file = fs::File::open(&path).map_err(|error| fail(format!("could not read '{path}': {error}")))?;
    answer(file.read_exact(&mut start).is_ok() && &start == b"$ANSIBLE_VAULT")
}
