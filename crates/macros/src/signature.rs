//! What both macros ask of a method's signature.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Expr, FnArg, GenericArgument, Ident, Lifetime, LitStr, Pat, PatType, PathArguments, ReceiverKind, ReturnType,
    Signature, Type, TypeReference,
};

use crate::attributes::{Errors, Name, cfgs, take_default};

/// The most parameters of a call that the library reads and writes.
pub(crate) const MOST_PARAMETERS: usize = 12;

/// The error at the next one.
pub(crate) const TOO_MANY_PARAMETERS: &str = "a call has at most 12 parameters; put some into a struct";

/// A parameter.
pub(crate) struct Param {
    pub(crate) ident: Ident,
    pub(crate) name: Name,
    pub(crate) ty: Box<Type>,
    pub(crate) default: Option<Box<Expr>>,
}

impl Param {
    /// Takes our attributes off the parameters of a method, and gives what is left but for the object itself.
    pub(crate) fn take_all(signature: &mut Signature, errors: &mut Errors) -> Vec<Param> {
        let typed = signature.inputs.iter_mut().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        });
        typed.filter_map(|typed| Param::take(typed, errors)).collect()
    }

    fn take(typed: &mut PatType, errors: &mut Errors) -> Option<Param> {
        let default = take_default(&mut typed.attrs, errors).map(Box::new);
        if let Some(cfg) = cfgs(&typed.attrs).first() {
            errors.at(
                cfg,
                "a parameter of a remote call is always there: put the #[cfg] on the method",
            );
        }
        match &*typed.pat {
            Pat::Ident(pattern) if pattern.subpat.is_none() && pattern.by_ref.is_none() => Some(Param {
                name: Name::of(&pattern.ident),
                ident: pattern.ident.clone(),
                ty: Box::new(peel(&typed.ty).clone()),
                default,
            }),
            pattern => {
                errors.at(pattern, "callers name parameters too: a plain name is needed here");
                None
            }
        }
    }
}

/// A type without what a macro or parentheses put around it.
fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        ty => ty,
    }
}

/// Refuses what no method of a remote object can be.
pub(crate) fn check_kind(signature: &Signature, errors: &mut Errors) {
    if let syn::Safety::Unsafe(token) = &signature.safety {
        errors.at(token, "a method that anyone may call over the network cannot be unsafe");
    }
    if let Some(token) = &signature.variadic {
        errors.at(token, "a method of a remote object has a fixed list of parameters");
    }
}

/// Refuses every receiver but `&self`.
pub(crate) fn check_receiver(signature: &Signature, errors: &mut Errors) {
    let Some(receiver) = signature.receiver() else {
        return errors.at(&signature.ident, "a method of a remote object takes `&self`");
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => {}
        ReceiverKind::Typed(_, ty) if is_shared_self(ty) => {}
        _ => errors.at(
            receiver,
            "many clients call at a time, so this must be `&self`; keep what changes in a `Mutex` or an atomic",
        ),
    }
}

fn is_shared_self(ty: &Type) -> bool {
    matches!(ty, Type::Reference(TypeReference { mutability: None, elem, .. })
        if matches!(&**elem, Type::Path(path) if path.path.is_ident("Self")))
}

/// The name that the other side uses. A setter `set_level` is about the attribute `level`.
pub(crate) fn member_name(ident: &Ident, given: Option<&LitStr>, is_setter: bool, errors: &mut Errors) -> Name {
    let mut name = Name::given_or(given, ident);
    if is_setter && given.is_none() {
        match name.text.strip_prefix("set_") {
            Some(attribute) => name.text = attribute.to_owned(),
            None => errors.at(
                ident,
                "of which attribute? Call the method `set_` and its name, or say `name = \"...\"`",
            ),
        }
    }
    name.check(errors);
    name
}

/// What a method gives when all goes well, if its return type is some `Result`.
pub(crate) fn result_value(output: &ReturnType) -> Option<&Type> {
    let ReturnType::Type(_, ty) = output else { return None };
    let Type::Path(path) = peel(ty) else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether a method gives nothing: no return type, or `()`.
pub(crate) fn is_unit(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => is_unit_type(ty),
    }
}

/// Whether a type is `()`.
pub(crate) fn is_unit_type(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Whether a type is a path that ends in this name.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// Whether a type is `[u8]`.
pub(crate) fn is_bytes(ty: &Type) -> bool {
    matches!(ty, Type::Slice(slice) if matches!(&*slice.elem, Type::Path(path) if path.path.is_ident("u8")))
}

/// The first lifetime in a type, `'static` aside.
pub(crate) fn find_borrow(ty: &Type) -> Option<Lifetime> {
    let mut groups = vec![ty.to_token_stream()];
    while let Some(tokens) = groups.pop() {
        let mut tick = None;
        for token in tokens {
            match (token, tick.take()) {
                (TokenTree::Ident(ident), Some(apostrophe)) if ident != "static" => {
                    return Some(Lifetime { apostrophe, ident });
                }
                (TokenTree::Punct(punct), _) if punct.as_char() == '\'' => tick = Some(punct.span()),
                (TokenTree::Group(group), _) => groups.push(group.stream()),
                _ => {}
            }
        }
    }
    None
}

/// The tokens of a type with every named lifetime but `'static` made `'_`: a method's own lifetimes have no meaning outside of it.
pub(crate) fn elide_lifetimes(tokens: impl ToTokens) -> TokenStream {
    let mut after_tick = false;
    let elide = |token| {
        let is_name = std::mem::replace(
            &mut after_tick,
            matches!(&token, TokenTree::Punct(p) if p.as_char() == '\''),
        );
        match token {
            TokenTree::Ident(name) if is_name && name != "static" => Ident::new("_", name.span()).into(),
            TokenTree::Group(group) => {
                let mut elided = Group::new(group.delimiter(), elide_lifetimes(group.stream()));
                elided.set_span(group.span());
                elided.into()
            }
            token => token,
        }
    };
    tokens.into_token_stream().into_iter().map(elide).collect()
}

/// Whether `impl Trait` occurs in a type.
pub(crate) fn has_impl_trait(tokens: impl ToTokens) -> bool {
    tokens.into_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "impl",
        TokenTree::Group(group) => has_impl_trait(group.stream()),
        _ => false,
    })
}
