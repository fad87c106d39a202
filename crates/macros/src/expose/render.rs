//! From the description of an impl block to the impls that a person would write by hand.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Ident, Meta};

use super::{ArgumentType, Exposed, Kind, Member, Output, Param, ParamKind, Role, Unexposed, python};

/// The impls of `Class` and `Object`.
pub(super) fn render(exposed: &Exposed) -> TokenStream {
    let Exposed {
        krate, cfgs, self_ty, ..
    } = exposed;
    let (impl_generics, _, where_clause) = exposed.generics.split_for_impl();
    let table = members_table(exposed);
    let methods = object_methods(exposed);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #impl_generics #krate::Class for #self_ty #where_clause {
            fn class_members() -> &'static #krate::Members {
                #table
                &MEMBERS
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        #[allow(deprecated)]
        impl #impl_generics #krate::Object for #self_ty #where_clause {
            fn members(&self) -> &#krate::Members {
                <Self as #krate::Class>::class_members()
            }
            #methods
        }
    }
}

/// `static MEMBERS`, with the names of the library in scope to keep it readable.
fn members_table(exposed: &Exposed) -> TokenStream {
    let Exposed {
        krate, class, members, ..
    } = exposed;
    let doc = doc_call(exposed.doc.as_ref());
    let methods: Vec<TokenStream> = members.iter().filter_map(method_entry).collect();
    let attributes: Vec<TokenStream> = members
        .iter()
        .filter(|member| member.role == Role::Getter)
        .map(|getter| attribute_entry(getter, members))
        .collect();
    let unexposed = exposed
        .unexposed
        .iter()
        .map(|Unexposed { cfgs, name }| quote!(#(#cfgs)* Cow::Borrowed(#name)));
    quote! {
        #[allow(unused_imports)]
        use {#krate::{Attribute, Members, Method, Param}, ::std::borrow::Cow};
        static MEMBERS: Members = Members::full(
            #class,
            const { &[#(#methods),*] },
            const { &[#(#attributes),*] },
            const { &[#(#unexposed),*] },
        ) #doc;
    }
}

/// What the doc comments say, behind what they are about.
fn doc_call(doc: Option<&String>) -> Option<TokenStream> {
    doc.map(|doc| quote!(.doc(#doc)))
}

fn method_entry(member: &Member) -> Option<TokenStream> {
    let Member {
        cfgs, name, returns, ..
    } = member;
    let (params, returns, kind) = match member.role {
        Role::Method { kind } => {
            let params = member.params.iter().filter_map(param_entry).collect();
            (params, Some(quote!(.returns(#returns))), kind)
        }
        // There is no signature to be told.
        Role::AnyArguments { kind } => (Vec::new(), None, kind),
        Role::Getter | Role::Setter => return None,
    };
    let kind = match kind {
        Kind::Ordinary => TokenStream::new(),
        Kind::Oneway => quote!(.oneway()),
        Kind::Callback => quote!(.callback()),
    };
    let asynchronous = member.is_async.then(|| quote!(.asynchronous()));
    let doc = doc_call(member.doc.as_ref());
    Some(quote!(#(#cfgs)* Method::new(#name, const { &[#(#params),*] }) #returns #kind #asynchronous #doc))
}

fn param_entry(param: &Param) -> Option<TokenStream> {
    let name = &param.name;
    let ParamKind::Argument { type_name, default, .. } = &param.kind else {
        return None;
    };
    Some(match default {
        None => quote!(Param::required(#name).type_name(#type_name)),
        Some(default) => {
            let literal = python::default(default, type_name);
            quote!(Param::optional(#name).type_name(#type_name).default(#literal))
        }
    })
}

fn attribute_entry(getter: &Member, members: &[Member]) -> TokenStream {
    let Member {
        cfgs, name, returns, ..
    } = getter;
    let told = doc_call(getter.doc.as_ref());
    let told = quote!(.type_name(#returns) #told);
    let setters: Vec<&Member> = members
        .iter()
        .filter(|member| member.role == Role::Setter && member.name.text == name.text)
        .collect();
    if setters.is_empty() {
        return quote!(#(#cfgs)* Attribute::readable(#name) #told);
    }
    if setters.iter().any(|setter| setter.cfgs.is_empty()) {
        return quote!(#(#cfgs)* Attribute::writable(#name) #told);
    }
    let conditions = setters.iter().map(|setter| condition(&setter.cfgs));
    quote!(#(#cfgs)* Attribute::readable(#name).writable_if(cfg!(any(#(#conditions),*))) #told)
}

/// The condition under which something with these `#[cfg]` attributes is there.
fn condition(cfgs: &[Attribute]) -> TokenStream {
    let conditions = cfgs.iter().filter_map(|cfg| match &cfg.meta {
        Meta::List(list) => Some(&list.tokens),
        _ => None,
    });
    quote!(all(#(#conditions),*))
}

fn object_methods(exposed: &Exposed) -> TokenStream {
    let methods = select(exposed, |role| {
        matches!(role, Role::Method { .. } | Role::AnyArguments { .. })
    });
    let (asynchronous, plain): (Vec<&Member>, Vec<&Member>) = methods.into_iter().partition(|member| member.is_async);
    let arms = plain.iter().map(|member| arm(exposed, member));
    let refusals = asynchronous.iter().map(|member| refusal(member));
    let call = object_method(exposed, "call", &arms.chain(refusals).collect::<Vec<_>>());
    let call_async = (!asynchronous.is_empty()).then(|| call_async(exposed, &asynchronous));
    let attribute_method = |method: &str, role: Role| {
        let halves = select(exposed, |other| other == role);
        let arms: Vec<TokenStream> = halves.iter().map(|half| arm(exposed, half)).collect();
        (!arms.is_empty()).then(|| object_method(exposed, method, &arms))
    };
    let get = attribute_method("get_attribute", Role::Getter);
    let set = attribute_method("set_attribute", Role::Setter);
    quote!(#call #call_async #get #set)
}

fn select(exposed: &Exposed, wanted: impl Fn(Role) -> bool) -> Vec<&Member> {
    exposed.members.iter().filter(|member| wanted(member.role)).collect()
}

/// One of the methods of `Object` that answer at once: it does the right thing for each name.
fn object_method(exposed: &Exposed, method: &str, arms: &[TokenStream]) -> TokenStream {
    let krate = &exposed.krate;
    let method = Ident::new(method, Span::call_site());
    let call = call_ident();
    let body = match arms {
        [] => quote!(#call.refuse()),
        arms => quote! {
            match #call.method() {
                #(#arms)*
                _ => #call.refuse(),
            }
        },
    };
    quote! {
        fn #method(&self, #call: #krate::Call<'_>) -> ::core::result::Result<#krate::Reply, #krate::Raise> {
            #body
        }
    }
}

/// The method of `Object` that awaits the async methods. All other names go to `call`.
fn call_async(exposed: &Exposed, methods: &[&Member]) -> TokenStream {
    let krate = &exposed.krate;
    let call = call_ident();
    let arms = methods.iter().map(|member| async_arm(exposed, member));
    quote! {
        fn call_async<'a>(
            &'a self,
            #call: #krate::Call<'a>,
        ) -> #krate::BoxFuture<'a, ::core::result::Result<#krate::Reply, #krate::Raise>> {
            match #call.method() {
                #(#arms)*
                _ => {
                    let result = #krate::Object::call(self, #call);
                    ::std::boxed::Box::pin(::core::future::ready(result))
                }
            }
        }
    }
}

/// The parameter of those methods. No parameter of the user's methods is mistaken for it.
fn call_ident() -> Ident {
    Ident::new("call", Span::mixed_site())
}

fn arm(exposed: &Exposed, member: &Member) -> TokenStream {
    let Member { cfgs, name, .. } = member;
    let body = arm_body(exposed, member);
    quote!(#(#cfgs)* #name => { #body })
}

fn async_arm(exposed: &Exposed, member: &Member) -> TokenStream {
    let Member { cfgs, name, .. } = member;
    let body = arm_body(exposed, member);
    // The compiler's errors about what must not be kept over an await appear at the name of the method.
    let at_name = Span::call_site().located_at(member.ident.span());
    let future = quote_spanned!(at_name=> ::std::boxed::Box::pin(async move { #body }));
    quote!(#(#cfgs)* #name => #future,)
}

/// What `call` does with an async method.
fn refusal(member: &Member) -> TokenStream {
    let Member { cfgs, name, .. } = member;
    let call = call_ident();
    quote!(#(#cfgs)* #name => #call.refuse_sync(),)
}

/// Reads the arguments, calls the user's method, and answers.
fn arm_body(exposed: &Exposed, member: &Member) -> TokenStream {
    let ident = &member.ident;
    let call = call_ident();
    let read = read_arguments(exposed, member);
    let arguments = member.params.iter().map(pass_argument);
    // The compiler's errors about the type of the result appear at that type.
    let at_output = Span::call_site().located_at(member.output_span);
    let awaited = member.is_async.then(|| quote_spanned!(at_output=> .await));
    let run = quote_spanned!(at_output=> self.#ident(#(#arguments),*) #awaited);
    let reply = |result| quote_spanned!(at_output=> #call.answer(#result));
    let result = Ident::new("result", Span::mixed_site().located_at(member.output_span));
    let answer = match member.output {
        Output::Unit => quote!(#run; #call.reply(&())),
        Output::Value => {
            let reply = reply(&result);
            quote!(let #result = #run; #reply)
        }
        Output::Result => {
            let reply = reply(&result);
            let attempt = quote_spanned!(at_output=> ?);
            quote!(let #result = #run #attempt; #reply)
        }
    };
    quote!(#read #answer)
}

/// Binds the caller's arguments to the names of the parameters.
fn read_arguments(exposed: &Exposed, member: &Member) -> TokenStream {
    let call = call_ident();
    let arguments: Vec<Argument<'_>> = member.params.iter().filter_map(Argument::of).collect();
    let idents = arguments.iter().map(|argument| argument.ident);
    let types = arguments.iter().map(|argument| read_type(exposed, argument.ty));
    // The compiler's errors about the types of the parameters appear at the name of the method.
    let at_name = Span::call_site().located_at(member.ident.span());
    match member.role {
        Role::Getter => TokenStream::new(),
        Role::Setter => quote_spanned!(at_name=> #(let #idents = #call.value::<#types>()?;)*),
        Role::AnyArguments { .. } => quote_spanned!(at_name=> let (#(#idents),*) = #call.values()?;),
        Role::Method { .. } if arguments.is_empty() => quote!(#call.args::<()>()?;),
        Role::Method { .. } if arguments.iter().all(|argument| !argument.optional) => {
            quote_spanned!(at_name=> let (#(#idents,)*) = #call.args::<(#(#types,)*)>()?;)
        }
        Role::Method { .. } => {
            let patterns = arguments.iter().map(|argument| match argument {
                Argument {
                    ident, optional: true, ..
                } => quote!(#ident),
                Argument {
                    ident, optional: false, ..
                } => quote!(::core::option::Option::Some(#ident)),
            });
            // Only the type checker needs the way out: required arguments are there.
            let required = arguments.iter().any(|argument| !argument.optional);
            let way_out = required.then(|| quote!(else { return #call.refuse() }));
            quote_spanned!(at_name=> let (#(#patterns,)*) = #call.given_args::<(#(#types,)*)>()? #way_out;)
        }
    }
}

/// A parameter that is one of the caller's arguments.
struct Argument<'p> {
    ident: &'p Ident,
    ty: &'p ArgumentType,
    optional: bool,
}

impl<'p> Argument<'p> {
    fn of(param: &'p Param) -> Option<Argument<'p>> {
        match &param.kind {
            ParamKind::Argument { ty, default, .. } => Some(Argument {
                ident: &param.ident,
                ty,
                optional: default.is_some(),
            }),
            ParamKind::Context => None,
        }
    }
}

fn read_type(exposed: &Exposed, ty: &ArgumentType) -> TokenStream {
    let krate = &exposed.krate;
    match ty {
        ArgumentType::Text => quote!(#krate::Text<'_>),
        ArgumentType::Bytes => quote!(#krate::formats::BytesRef<'_>),
        ArgumentType::Borrowed(ty) | ArgumentType::Owned(ty) => ty.clone(),
    }
}

fn pass_argument(param: &Param) -> TokenStream {
    let Param { ident, kind, .. } = param;
    let call = call_ident();
    match kind {
        ParamKind::Context => quote!(#call.context()),
        ParamKind::Argument {
            ty: ArgumentType::Owned(_),
            default: None,
            ..
        } => quote!(#ident),
        ParamKind::Argument {
            ty: ArgumentType::Owned(_),
            default: Some(default),
            ..
        } => {
            quote!(#ident.unwrap_or_else(|| #default))
        }
        ParamKind::Argument { default: None, .. } => quote!(&#ident),
        ParamKind::Argument {
            default: Some(default), ..
        } => quote! {
            match &#ident {
                ::core::option::Option::Some(#ident) => #ident,
                ::core::option::Option::None => #default,
            }
        },
    }
}
