//! `#[remote]`: from a trait to a description of what is called, and from there to two clients: one that waits, one that is awaited.

mod parse;
mod render;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Ident, ItemTrait, Path, Signature, Visibility};

use crate::attributes::{Errors, ItemOptions, Name};

/// The trait as the user wrote it, the clients, and what is wrong.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = ItemOptions::parse(arguments, &["client", "async_client"], &mut errors);
    let Ok(mut definition) = syn::parse2::<ItemTrait>(item.clone()) else {
        let error = syn::Error::new(Span::call_site(), NOT_A_TRAIT).into_compile_error();
        return [error, item].into_iter().collect();
    };
    let remote = parse::parse(&mut definition, options, &mut errors);
    // It says what the other side can do, and who has only the async client does not use the trait at all.
    definition.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
    let mut output = definition.into_token_stream();
    // Half a client would only add errors that are none.
    if errors.is_empty() {
        output.extend(remote.map(|remote| render::render(&remote)));
    }
    output.extend(errors.into_compile_error());
    output
}

const NOT_A_TRAIT: &str =
    "#[remote] goes on a trait, `trait Name { ... }`; on a method it works inside of such a trait";

/// What can be called.
struct Remote {
    krate: Path,
    cfgs: Vec<Attribute>,
    vis: Visibility,
    /// The trait.
    ident: Ident,
    /// The struct that implements it.
    client: Ident,
    /// The struct with the same methods as async ones.
    async_client: Ident,
    methods: Vec<Method>,
}

struct Method {
    cfgs: Vec<Attribute>,
    /// What a method of the same name has, too.
    attributes: Vec<Attribute>,
    name: Name,
    signature: Signature,
    role: Role,
    params: Vec<Param>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Call,
    OnewayCall,
    Getter,
    Setter,
}

struct Param {
    ident: Ident,
    /// `&[u8]`, which goes as bytes and not as a list of numbers.
    is_bytes: bool,
}
