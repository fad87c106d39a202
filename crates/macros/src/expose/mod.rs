//! `#[expose]`: from an impl block to a description of what it exposes, and from there to an impl of `Object`.

mod parse;
mod python;
mod render;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Expr, Generics, Ident, ItemImpl, LitStr, Path, Type};

use crate::attributes::{Errors, ItemOptions, Name};

/// The impl block as the user wrote it, the impls it stands for, and what is wrong with it.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = ItemOptions::parse(arguments, &["name"], &mut errors);
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else {
        let error = syn::Error::new(Span::call_site(), NOT_AN_IMPL_BLOCK).into_compile_error();
        return [error, item].into_iter().collect();
    };
    let exposed = parse::parse(&mut block, options, &mut errors);
    let mut output = block.into_token_stream();
    output.extend(exposed.map(|exposed| render::render(&exposed)));
    output.extend(errors.into_compile_error());
    output
}

const NOT_AN_IMPL_BLOCK: &str =
    "#[expose] goes on an impl block, `impl Type { ... }`; on a method it works inside of such a block";

/// What an impl block exposes.
struct Exposed {
    krate: Path,
    class: LitStr,
    doc: Option<String>,
    cfgs: Vec<Attribute>,
    generics: Generics,
    self_ty: Box<Type>,
    members: Vec<Member>,
    unexposed: Vec<Unexposed>,
}

/// An exposed method, or half of an attribute.
struct Member {
    /// Whether no error was found in it.
    is_right: bool,
    cfgs: Vec<Attribute>,
    name: Name,
    doc: Option<String>,
    /// The Rust method.
    ident: Ident,
    is_async: bool,
    role: Role,
    params: Vec<Param>,
    output: Output,
    /// The type of the result, in Python's words.
    returns: String,
    /// Where the return type stands, for the compiler's errors about it.
    output_span: Span,
}

/// What callers do with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// They call it, with the parameters that it has.
    Method { kind: Kind },
    /// They call it, with whatever arguments.
    AnyArguments { kind: Kind },
    /// They read the attribute.
    Getter,
    /// They set the attribute.
    Setter,
}

impl Role {
    fn is_oneway(self) -> bool {
        matches!(
            self,
            Role::Method { kind: Kind::Oneway } | Role::AnyArguments { kind: Kind::Oneway }
        )
    }
}

/// How a method is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordinary,
    /// Callers get no answer.
    Oneway,
    /// Errors are raised on both sides.
    Callback,
}

enum Output {
    Unit,
    Value,
    Result,
}

struct Param {
    ident: Ident,
    name: Name,
    kind: ParamKind,
}

enum ParamKind {
    /// Not one of the caller's arguments: the call's `Context`.
    Context,
    /// One of the caller's arguments.
    Argument {
        ty: ArgumentType,
        /// The type in Python's words.
        type_name: String,
        default: Option<Box<Expr>>,
    },
}

/// As what an argument is read, for which parameter.
enum ArgumentType {
    /// `Text`, for `&str`.
    Text,
    /// `BytesRef`, for `&[u8]`.
    Bytes,
    /// This type, for a reference to it.
    Borrowed(TokenStream),
    /// This type, for itself.
    Owned(TokenStream),
}

/// A method that exists and is not exposed.
struct Unexposed {
    cfgs: Vec<Attribute>,
    name: Name,
}
