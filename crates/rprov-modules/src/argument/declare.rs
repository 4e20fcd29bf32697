//! The macros that declare a module's arguments.

use rprov_wire::Map;

use super::spec::{ArgumentProblem, Spec};

/// The arguments of a module, declared with [`arguments!`](crate::arguments).
pub trait Arguments: Sized {
    /// Documentation, options and rules.
    const SPEC: Spec;

    /// Read the arguments of one call.
    ///
    /// # Errors
    /// The first problem found.
    fn decode(arguments: &Map) -> Result<Self, ArgumentProblem>;
}

/// A field's name without the `r#` of a raw identifier, and without the `_` behind a name that is taken (`attributes`).
pub const fn plain_name(identifier: &str) -> &str {
    match identifier.as_bytes() {
        [b'r', b'#', ..] => identifier.split_at(2).1,
        [.., b'_'] => identifier.split_at(identifier.len() - 1).0,
        _ => identifier,
    }
}

/// Declare a module's arguments as a struct.
///
/// ```ignore
/// arguments! {
///     /// Short description of the module.
///     pub struct Arguments + FileAttributes {          // `+ T` adds a field `attributes: T` with T's own options
///         /// Path of the file.
///         path | dest | "file-name": PathBuf,          // name, aliases; required, since it is no `Option`
///         /// Content of the file.
///         content: Option<String>,                     // optional
///         /// Keep a copy.
///         backup: bool = false,                        // default
///     }
///     rules: [Rule::Exclusive(&["content", "src"])],   // optional
///     free_form: "cmd",                                // optional
/// }
/// ```
///
/// A plain struct used as an option's type (suboptions) is declared the same way; it implements
/// [`Argument`](crate::argument::Argument) as well.
#[macro_export]
macro_rules! arguments {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis struct $name:ident $(+ $extra:ty)? {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident $(| $alias:tt)* : $type:ty $(= $default:expr)?
            ),* $(,)?
        }
        $(rules: [$($rule:expr),* $(,)?] $(,)?)?
        $(free_form: $free_form:literal $(,)?)?
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        $visibility struct $name {
            $(
                $(#[doc = $field_doc])*
                pub $field: $type,
            )*
            $(
                /// The options that this module shares with others.
                pub attributes: $extra,
            )?
        }

        impl $crate::argument::Arguments for $name {
            const SPEC: $crate::argument::Spec = $crate::argument::Spec {
                doc: concat!($($doc, "\n",)* ""),
                own: &[
                    $($crate::argument::OptionSpec {
                        name: $crate::argument::plain_name(stringify!($field)),
                        aliases: &[$($crate::arguments!(@alias $alias)),*],
                        doc: concat!($($field_doc, "\n",)* ""),
                        kind: <$type as $crate::argument::Argument>::KIND,
                        required: <$type as $crate::argument::Argument>::REQUIRED
                            && $crate::arguments!(@default $type; $($default)?).is_none(),
                        default: $crate::arguments!(@default $type; $($default)?),
                    },)*
                ],
                shared: $crate::arguments!(@shared $($extra)?),
                rules: &[$($($rule),*)?],
                free_form: $crate::arguments!(@free_form $($free_form)?),
                open: false,
            };

            #[allow(unused_mut, unused_variables, reason = "a module may have no options")]
            fn decode(arguments: &$crate::rprov_wire::Map) -> Result<Self, $crate::argument::ArgumentProblem> {
                // Filled in place: what is left half read is one value to drop, not one for each field before it.
                let mut made = <$name as $crate::argument::Argument>::blank();
                let mut fields = $crate::argument::Fields::of(arguments);
                $(fields.read::<$type>(
                    &mut made.$field,
                    const { &[$crate::argument::plain_name(stringify!($field)), $($crate::arguments!(@alias $alias)),*] },
                    $crate::arguments!(@function $($default)?),
                );)*
                fields.problem()?;
                $(made.attributes = <$extra as $crate::argument::Arguments>::decode(arguments)?;)?
                Ok(made)
            }
        }

        impl $crate::argument::Argument for $name {
            const KIND: $crate::argument::Type =
                $crate::argument::Type::Nested(&<$name as $crate::argument::Arguments>::SPEC);

            fn decode(value: &$crate::rprov_wire::Value) -> Result<Self, $crate::argument::DecodeError> {
                let map = <$crate::rprov_wire::Map as $crate::argument::Argument>::decode(value)?;
                <$name as $crate::argument::Arguments>::decode(&map).map_err(|problem| {
                    $crate::argument::DecodeError::Type { wanted: "dict", reason: problem.to_string() }
                })
            }

            fn blank() -> Self {
                $name {
                    $($field: <$type as $crate::argument::Argument>::blank(),)*
                    $(attributes: <$extra as $crate::argument::Argument>::blank(),)?
                }
            }

            fn encode(&self) -> $crate::rprov_wire::Value {
                #[allow(unused_mut, reason = "a module may have no options")]
                let mut map = $crate::rprov_wire::Map::new();
                $(map.insert(
                    $crate::argument::plain_name(stringify!($field)).to_owned(),
                    <$type as $crate::argument::Argument>::encode(&self.$field),
                );)*
                $(if let $crate::rprov_wire::Value::Map(more) =
                    <$extra as $crate::argument::Argument>::encode(&self.attributes)
                {
                    map.extend(more);
                })?
                map.into()
            }
        }
    };
    (@alias $alias:literal) => { $alias };
    (@alias $alias:ident) => { $crate::argument::plain_name(stringify!($alias)) };
    (@default $type:ty;) => { None::<fn() -> $crate::rprov_wire::Value> };
    (@default $type:ty; $default:expr) => {
        Some((|| <$type as $crate::argument::Argument>::encode(&$default)) as fn() -> $crate::rprov_wire::Value)
    };
    (@shared) => { None };
    (@shared $extra:ty) => { Some(&<$extra as $crate::argument::Arguments>::SPEC) };
    (@function) => { None };
    (@function $default:expr) => { Some(|| $default) };
    (@free_form) => { None };
    (@free_form $option:literal) => { Some($option) };
}

/// Declare an option type that is one of a few words.
///
/// ```ignore
/// choices! {
///     /// The state a file is to be in.
///     pub enum State { File = "file", Directory = "directory" }
/// }
/// ```
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $doc:literal])*
        $visibility:vis enum $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the words say what they mean")]
        $visibility enum $name { $($(#[doc = $variant_doc])* $variant),+ }

        impl $name {
            /// The word that stands for it in a playbook.
            #[allow(dead_code, reason = "not every module writes the word out")]
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl $crate::argument::Argument for $name {
            const KIND: $crate::argument::Type = $crate::argument::Type::Choice(&[$($word),+]);

            fn decode(value: &$crate::rprov_wire::Value) -> Result<Self, $crate::argument::DecodeError> {
                let index = $crate::argument::choice_index(value, &[$($word),+])?;
                Ok([$($name::$variant),+][index])
            }

            fn blank() -> Self {
                [$($name::$variant),+][0]
            }

            fn encode(&self) -> $crate::rprov_wire::Value {
                self.word().into()
            }
        }
    };
}
