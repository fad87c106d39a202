//! `#[derive(PyroClass)]`: from a struct to a description of the objects that it stands for, and from there to impls of serde's traits.

mod parse;
mod render;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Generics, Ident, LitStr, Path, Type};

use crate::attributes::{Errors, Name};

/// The impls that a struct gets, or what is wrong with it.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input: Option<DeriveInput> = errors.ok(syn::parse2(item));
    let class = input.and_then(|input| parse::parse(input, &mut errors));
    // Half an object would only add errors that are none.
    match class.filter(|_| errors.is_empty()) {
        Some(class) => render::render(&class),
        None => errors.into_compile_error(),
    }
}

/// A struct, and the class whose objects it stands for.
struct Class {
    krate: Path,
    ident: Ident,
    generics: Generics,
    /// The class with its module.
    class: LitStr,
    /// Further names with which it is read.
    aliases: Vec<LitStr>,
    /// Where it says that it is an exception, if it does.
    exception: Option<Ident>,
    fields: Vec<Field>,
}

struct Field {
    ident: Ident,
    ty: Type,
    /// The name of the attribute.
    name: Name,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Must be there.
    Required,
    /// `Default::default()` when it is not there.
    Optional,
    /// Never sent, and `Default::default()` when read.
    Skipped,
}
