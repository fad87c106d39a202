//! From the description of a trait to its client.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use super::{Method, Param, Remote, Role};

/// The client's struct and its impls.
pub(super) fn render(remote: &Remote) -> TokenStream {
    let Remote {
        krate,
        cfgs,
        vis,
        ident,
        client,
        methods,
    } = remote;
    let methods = methods.iter().map(|method| render_method(remote, method));
    let about = format!("Calls the methods of [`{ident}`] on the object behind a proxy.");
    quote! {
        #(#cfgs)*
        #[doc = #about]
        #vis struct #client {
            proxy: #krate::Proxy,
        }

        #(#cfgs)*
        #[allow(dead_code)]
        impl #client {
            /// Calls go through this proxy.
            #vis fn new(proxy: #krate::Proxy) -> Self {
                #client { proxy }
            }

            /// The proxy that calls go through.
            #vis fn proxy(&self) -> &#krate::Proxy {
                &self.proxy
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        impl ::core::convert::From<#krate::Proxy> for #client {
            fn from(proxy: #krate::Proxy) -> Self {
                #client { proxy }
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        #[allow(deprecated)]
        impl #ident for #client {
            #(#methods)*
        }
    }
}

fn render_method(remote: &Remote, method: &Method) -> TokenStream {
    let Method {
        cfgs,
        name,
        signature,
        role,
        params,
    } = method;
    let values = params.iter().map(|param| render_value(remote, param));
    // The compiler's errors about the types appear at the name of the method.
    let at_name = Span::call_site().located_at(signature.ident.span());
    let call = match role {
        Role::Call => quote_spanned!(at_name=> self.proxy.call(#name, (#(#values,)*))),
        Role::OnewayCall => quote_spanned!(at_name=> self.proxy.call_oneway(#name, (#(#values,)*))),
        Role::Getter => quote_spanned!(at_name=> self.proxy.get(#name)),
        Role::Setter => quote_spanned!(at_name=> self.proxy.set(#name, #(#values),*)),
    };
    quote! {
        #(#cfgs)*
        #signature {
            #call
        }
    }
}

fn render_value(remote: &Remote, param: &Param) -> TokenStream {
    let Param { ident, is_bytes } = param;
    let krate = &remote.krate;
    match is_bytes {
        true => quote!(#krate::Bytes::from(#ident)),
        false => quote!(#ident),
    }
}
