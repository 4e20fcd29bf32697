//! Templates: what a human wrote, rendered against the variables of whoever reads it.
//!
//! A [`Written`] value is made once, when its file is loaded. It is rendered against a [`Scope`], lazily
//! ([`Written::resolve`]) or to the end ([`Written::render`]). Values that came from a host, a lookup or a file are
//! plain [`Value`]s and are never looked at for templates.
//!
//! Filters, tests and lookups register themselves in [`filter`], [`test`](mod@test) and [`lookup`]; they reach the
//! scope that they are called in, and its [`Surroundings`], by [`Scope::of`].

mod chain;
mod code;
mod compiled;
mod depth;
mod document;
mod environment;
mod error;
mod explain;
mod expression;
mod file;
pub mod filter;
mod global;
pub mod lookup;
mod managed;
mod method;
mod omit;
mod place;
mod printf;
pub mod python;
mod rewrite;
mod rewritten;
mod scope;
mod syntax;
pub mod test;
#[cfg(test)]
mod tests;
mod token;
mod value;
mod written;

pub use compiled::Template;
pub use error::{Frame, TemplateError, TemplateErrorKind};
pub use expression::{Conditional, Expression};
pub use file::{FileOptions, TemplateFile, render_file};
pub(crate) use managed::managed;
pub use minijinja::value::Value;
pub use omit::{is_omit, omit};
pub use place::Origin;
pub use scope::{Scope, Surroundings, Untrusted, Variable, Variables};
pub use syntax::Syntax;
pub use value::{finalize, from_json, from_wire, to_json, to_wire};
pub use written::{Form, Written, is_template};

/// The names of all filters.
#[cfg(test)]
pub(crate) fn names_of_filters() -> Vec<String> {
    environment::names(rewrite::NamedKind::Filter)
}

/// The names of all tests.
#[cfg(test)]
pub(crate) fn names_of_tests() -> Vec<String> {
    environment::names(rewrite::NamedKind::Test)
}
