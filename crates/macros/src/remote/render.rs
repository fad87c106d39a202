//! From the description of a trait to its clients.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ReturnType, Signature};

use super::{Method, Param, Remote, Role};

/// The clients' structs and their impls.
pub(super) fn render(remote: &Remote) -> TokenStream {
    let client = client(remote);
    let async_client = async_client(remote);
    quote!(#client #async_client)
}

/// The struct that implements the trait.
fn client(remote: &Remote) -> TokenStream {
    let Remote {
        krate,
        cfgs,
        ident,
        client,
        ..
    } = remote;
    let about = format!("Calls the methods of [`{ident}`] on the object behind a proxy.");
    let definition = definition(remote, client, &quote!(#krate::Proxy), &about);
    let methods = remote.methods.iter().map(|method| {
        let Method { cfgs, signature, .. } = method;
        let call = call(remote, method);
        quote! {
            #(#cfgs)*
            #signature {
                #call
            }
        }
    });
    quote! {
        #definition

        #(#cfgs)*
        #[automatically_derived]
        #[allow(deprecated)]
        impl #ident for #client {
            #(#methods)*
        }
    }
}

/// The struct with the same methods as async ones. It does not implement the trait, whose methods are none.
fn async_client(remote: &Remote) -> TokenStream {
    let Remote {
        krate,
        cfgs,
        vis,
        ident,
        async_client,
        ..
    } = remote;
    let about = format!("Calls the methods of [`{ident}`] on the object behind a proxy, and awaits their results.");
    let definition = definition(remote, async_client, &quote!(#krate::aio::Proxy), &about);
    let methods = remote.methods.iter().map(|method| {
        let attributes = &method.attributes;
        let about = is_undocumented(method).then(|| format!("As `{ident}::{}`.", method.signature.ident));
        let about = about.map(|about| quote!(#[doc = #about]));
        let signature = async_signature(remote, &method.signature);
        let call = call(remote, method);
        let at_name = Span::call_site().located_at(method.signature.ident.span());
        let awaited = quote_spanned!(at_name=> #call.await);
        quote! {
            #about
            #(#attributes)*
            #vis #signature {
                #awaited
            }
        }
    });
    quote! {
        #definition

        #(#cfgs)*
        #[allow(dead_code, deprecated, clippy::too_many_arguments)]
        impl #async_client {
            #(#methods)*
        }
    }
}

/// A struct of a proxy, and the ways between the two.
fn definition(remote: &Remote, client: &Ident, proxy: &TokenStream, about: &str) -> TokenStream {
    let Remote { cfgs, vis, .. } = remote;
    quote! {
        #(#cfgs)*
        #[doc = #about]
        #[allow(dead_code)]
        #vis struct #client {
            proxy: #proxy,
        }

        #(#cfgs)*
        #[allow(dead_code)]
        impl #client {
            /// Calls go through this proxy.
            #vis fn new(proxy: #proxy) -> Self {
                #client { proxy }
            }

            /// The proxy that calls go through.
            #vis fn proxy(&self) -> &#proxy {
                &self.proxy
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        impl ::core::convert::From<#proxy> for #client {
            fn from(proxy: #proxy) -> Self {
                #client { proxy }
            }
        }
    }
}

fn is_undocumented(method: &Method) -> bool {
    !method
        .attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("doc"))
}

/// The signature of the twin of a method: the async one, with what takes the place of its result there.
fn async_signature(remote: &Remote, signature: &Signature) -> Signature {
    let krate = &remote.krate;
    let mut signature = signature.clone();
    signature.asyncness = Some(Default::default());
    if let ReturnType::Type(_, ty) = &mut signature.output {
        // The compiler's errors about the result appear at its type.
        let at_type = Span::call_site().located_at(ty.span());
        *ty = syn::parse_quote_spanned!(at_type=> <#ty as #krate::__private::RemoteResult>::Aio);
    }
    signature
}

/// The call of the proxy, for both clients.
fn call(remote: &Remote, method: &Method) -> TokenStream {
    let Method {
        name,
        signature,
        role,
        params,
        ..
    } = method;
    let values = params.iter().map(|param| value(remote, param));
    // The compiler's errors about the types appear at the name of the method.
    let at_name = Span::call_site().located_at(signature.ident.span());
    match role {
        Role::Call => quote_spanned!(at_name=> self.proxy.call(#name, (#(#values,)*))),
        Role::OnewayCall => quote_spanned!(at_name=> self.proxy.call_oneway(#name, (#(#values,)*))),
        Role::Getter => quote_spanned!(at_name=> self.proxy.get(#name)),
        Role::Setter => quote_spanned!(at_name=> self.proxy.set(#name, #(#values),*)),
    }
}

fn value(remote: &Remote, param: &Param) -> TokenStream {
    let Param { ident, is_bytes } = param;
    let krate = &remote.krate;
    match is_bytes {
        true => quote!(#krate::Bytes::from(#ident)),
        false => quote!(#ident),
    }
}
