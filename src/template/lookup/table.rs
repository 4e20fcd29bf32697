//! `csvfile`: a cell of the row whose key column has the term.

use minijinja::{Error, Value};

use super::file::read;
use super::{OwnOptions, Request, Run};

pub(super) const LOOKUPS: &[(&str, Run)] = &[("csvfile", csvfile)];

fn csvfile(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let options = OwnOptions::of(term, request)?;
        if options.key.is_empty() {
            return Err(request.fail("needs the key to search for"));
        }
        let delimiter = match options.text("delimiter", "TAB")?.as_str() {
            "TAB" | "\\t" | "t" => '\t',
            other => other.chars().next().unwrap_or('\t'),
        };
        let column = |name: &str, default: &str| {
            let given = options.text(name, default)?;
            given
                .parse::<usize>()
                .map_err(|_| request.fail(format!("'{name}' must be a column's number from 0, got '{given}'")))
        };
        let (col, keycol) = (column("col", "1")?, column("keycol", "0")?);
        let content = read(request, &options.text("file", "ansible.csv")?, "files")?;
        let rows = rows(&content, delimiter);
        match rows.iter().find(|row| row.get(keycol) == Some(&options.key)) {
            Some(row) => {
                let cell = row
                    .get(col)
                    .ok_or_else(|| request.fail(format!("the row of '{}' has no column {col}", options.key)))?;
                out.push(Value::from(cell.as_str()));
            }
            None => out.extend(request.option("default").cloned()),
        }
    }
    Ok(out)
}

/// The rows of a text as Python's `csv` reads them: quotes around a cell, doubled quotes inside.
fn rows(content: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut characters = content.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted => {
                if characters.next_if_eq(&'"').is_some() {
                    cell.push('"');
                } else {
                    quoted = false;
                }
            }
            '"' if cell.is_empty() => quoted = true,
            other if quoted => cell.push(other),
            other if other == delimiter => row.push(std::mem::take(&mut cell)),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}
