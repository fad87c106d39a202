//! The attribute macros of ferropyro. Use them as `ferropyro::expose` and `ferropyro::remote`.
#![forbid(unsafe_code)]

mod attributes;
mod expose;
mod remote;
mod signature;

use proc_macro::TokenStream;

/// Exposes the methods of an impl block.
#[proc_macro_attribute]
pub fn expose(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expose::expand(arguments.into(), item.into()).into()
}

/// Makes a client of a trait.
#[proc_macro_attribute]
pub fn remote(arguments: TokenStream, item: TokenStream) -> TokenStream {
    remote::expand(arguments.into(), item.into()).into()
}
