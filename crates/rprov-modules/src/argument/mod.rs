//! A module's arguments: declared once with [`arguments!`](crate::arguments), described by [`Spec`], decoded by
//! [`Argument`] and checked by [`Spec::check`].

mod declare;
mod decode;
mod spec;

pub use declare::{Arguments, plain_name};
pub use decode::{Argument, DecodeError, Fields, Json, Mode, Raw, Secret, boolean, choice_index};
pub use spec::{ArgumentProblem, OptionSpec, Rule, Spec, Type, closest};
