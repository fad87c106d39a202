//! From the description of a class to impls of serde's traits.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, Ident, Path, Type};

use super::{Class, Field, Role};

/// All the impls.
pub(super) fn render(class: &Class) -> TokenStream {
    let write = render_write(class);
    let read = render_read(class);
    let exception = class
        .exception
        .as_ref()
        .map(|word| render_exception(class, word.span()));
    quote!(#write #read #exception)
}

fn render_write(class: &Class) -> TokenStream {
    let krate = &class.krate;
    let (ident, name) = (&class.ident, &class.class);
    let generics = class.bounded(&syn::parse_quote!(#krate::__private::serde::Serialize));
    let (impl_generics, types, condition) = generics.split_for_impl();
    let written = class.fields.iter().filter(|field| field.role != Role::Skipped);
    let count = written.clone().count();
    let write = written.map(|Field { ident, ty, name, .. }| {
        // The compiler's errors about the type appear at the type.
        quote_spanned!(ty.span()=> __out.serialize_field(#name, &self.#ident)?;)
    });
    let write_as = class.runtime("write_object", "write_exception");
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::__private::WriteObject for #ident #types #condition {
            const CLASS: &'static str = #name;
            const COUNT: usize = #count;

            fn write_attributes<__S: #krate::__private::serde::ser::SerializeStruct>(
                &self,
                __out: &mut __S,
            ) -> ::core::result::Result<(), __S::Error> {
                #(#write)*
                ::core::result::Result::Ok(())
            }
        }

        #[automatically_derived]
        impl #impl_generics #krate::__private::serde::Serialize for #ident #types #condition {
            fn serialize<__S: #krate::__private::serde::Serializer>(
                &self,
                serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                #write_as(self, serializer)
            }
        }
    }
}

fn render_read(class: &Class) -> TokenStream {
    let krate = &class.krate;
    let (ident, name, aliases) = (&class.ident, &class.class, &class.aliases);
    let generics = class.readable();
    let (impl_generics, types, condition) = generics.split_for_impl();
    let mut with_lifetime = generics.clone();
    with_lifetime.params.insert(0, syn::parse_quote!('de));
    let (with_lifetime, ..) = with_lifetime.split_for_impl();
    let body = render_read_body(class);
    let read_as = class.runtime("read_object", "read_exception");
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::__private::ReadObject for #ident #types #condition {
            const CLASSES: #krate::__private::Classes = #krate::__private::Classes {
                class: #name,
                aliases: &[#(#aliases),*],
            };

            fn read_attributes<'de, __A: #krate::__private::serde::de::MapAccess<'de>>(
                mut __attributes: #krate::__private::Attributes<'de, __A>,
            ) -> ::core::result::Result<Self, __A::Error> {
                #body
            }
        }

        #[automatically_derived]
        impl #with_lifetime #krate::__private::serde::Deserialize<'de> for #ident #types #condition {
            fn deserialize<__D: #krate::__private::serde::Deserializer<'de>>(
                deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                #read_as(deserializer)
            }
        }
    }
}

/// Fills a variable for each attribute, and makes the struct of them.
fn render_read_body(class: &Class) -> TokenStream {
    let variables: Vec<Ident> = (0..class.fields.len())
        .map(|index| format_ident!("field{index}", span = Span::mixed_site()))
        .collect();
    let read: Vec<(&Ident, &Field)> = variables
        .iter()
        .zip(&class.fields)
        .filter(|(_, field)| field.role != Role::Skipped)
        .collect();
    let read_variables = read.iter().map(|(variable, _)| variable);
    let arms = read.iter().map(|(variable, Field { ty, name, .. })| {
        let value = quote_spanned!(ty.span()=> __attributes.value::<#ty>()?);
        quote!(#name => #variable = ::core::option::Option::Some(#value),)
    });
    let values = variables.iter().zip(&class.fields).map(|(variable, field)| {
        let Field { ident, ty, name, role } = field;
        let value = match role {
            Role::Required => quote!(__attributes.required(#name, #variable)?),
            Role::Optional => quote_spanned!(ty.span()=> #variable.unwrap_or_default()),
            Role::Skipped => quote_spanned!(ty.span()=> ::core::default::Default::default()),
        };
        quote!(#ident: #value)
    });
    quote! {
        #(let mut #read_variables = ::core::option::Option::None;)*
        while let ::core::option::Option::Some(__name) = __attributes.next_name()? {
            match &*__name {
                #(#arms)*
                _ => __attributes.skip()?,
            }
        }
        ::core::result::Result::Ok(Self { #(#values),* })
    }
}

/// What makes it an exception: it can be raised, and be had from an exception that the other side raised.
fn render_exception(class: &Class, at_word: Span) -> TokenStream {
    let krate = &class.krate;
    let ident = &class.ident;
    let written = class.bounded(&syn::parse_quote!(#krate::__private::serde::Serialize));
    let (impl_written, types, if_written) = written.split_for_impl();
    let readable = class.readable();
    let (impl_readable, _, if_readable) = readable.split_for_impl();
    // That there is no text for the exception appears at the word that asks for it.
    let raise = quote_spanned!(at_word=> #krate::__private::raise(&error));
    quote! {
        #[automatically_derived]
        impl #impl_written ::core::convert::From<#ident #types> for #krate::Raise #if_written {
            fn from(error: #ident #types) -> Self {
                #raise
            }
        }

        #[automatically_derived]
        impl #impl_readable ::core::convert::TryFrom<&#krate::RemoteError> for #ident #types #if_readable {
            type Error = #krate::Error;

            fn try_from(remote: &#krate::RemoteError) -> ::core::result::Result<Self, #krate::Error> {
                #krate::__private::from_remote(remote)
            }
        }
    }
}

impl Class {
    /// The path of one of two functions of the library: that for objects, or that for exceptions.
    fn runtime(&self, object: &str, exception: &str) -> TokenStream {
        let krate = &self.krate;
        let (name, span) = match &self.exception {
            Some(word) => (exception, word.span()),
            None => (object, Span::call_site()),
        };
        let function = Ident::new(name, span);
        quote_spanned!(span=> #krate::__private::#function)
    }

    /// The generics with the conditions for reading.
    fn readable(&self) -> Generics {
        let krate = &self.krate;
        let mut generics = self.bounded(&syn::parse_quote!(#krate::__private::serde::de::DeserializeOwned));
        let made = self.fields.iter().filter(|field| field.role != Role::Required);
        for Field { ty, .. } in made.filter(|field| self.params().any(|param| mentions(&field.ty, param))) {
            let default = syn::parse_quote!(#ty: ::core::default::Default);
            generics.make_where_clause().predicates.push(default);
        }
        generics
    }

    /// The generics with this condition for every type parameter that occurs in what is sent.
    fn bounded(&self, condition: &Path) -> Generics {
        let mut generics = self.generics.clone();
        let sent = self.fields.iter().filter(|field| field.role != Role::Skipped);
        for param in self.params() {
            if sent.clone().any(|field| mentions(&field.ty, param)) {
                let clause = generics.make_where_clause();
                clause.predicates.push(syn::parse_quote!(#param: #condition));
            }
        }
        generics
    }

    /// The type parameters.
    fn params(&self) -> impl Iterator<Item = &Ident> {
        self.generics.type_params().map(|param| &param.ident)
    }
}

/// Whether an identifier occurs in a type.
fn mentions(ty: &Type, ident: &Ident) -> bool {
    fn occurs(tokens: TokenStream, ident: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(found) => found == *ident,
            proc_macro2::TokenTree::Group(group) => occurs(group.stream(), ident),
            _ => false,
        })
    }
    occurs(quote!(#ty), ident)
}
