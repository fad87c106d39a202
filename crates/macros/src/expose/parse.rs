//! From an impl block to its description. Takes our attributes off on the way.

use proc_macro2::Span;
use quote::quote;
use syn::spanned::Spanned;
use syn::{GenericParam, ImplItem, ImplItemFn, ItemImpl, LitStr, ReturnType, Type, Visibility};

use super::python::{Types, Way};
use super::{ArgumentType, Exposed, Kind, Member, Output, Param, ParamKind, Role, Unexposed};
use crate::attributes::{Errors, ItemOptions, MemberOptions, Name, cfgs, doc};
use crate::signature::{self, elide_lifetimes, is_named};

/// What the block exposes: all of it that is right. `None` when nothing can be made of the block.
pub(super) fn parse(block: &mut ItemImpl, options: ItemOptions, errors: &mut Errors) -> Option<Exposed> {
    let mut members = Vec::new();
    let mut unexposed = Vec::new();
    let generics: Vec<String> = block
        .generics
        .type_params()
        .map(|param| param.ident.to_string())
        .collect();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        match parse_method(method, &generics, errors) {
            Parsed::Member(member) => members.push(*member),
            Parsed::Unexposed(method) => unexposed.push(method),
        }
    }
    check_names(&mut members, errors);
    members.retain(|member| member.is_right);
    let class = class_name(block, options.name("name"), errors)?;
    check_block(block, errors).then(|| Exposed {
        krate: options.krate,
        class,
        doc: doc(&block.attrs),
        cfgs: cfgs(&block.attrs),
        generics: block.generics.clone(),
        self_ty: block.self_ty.clone(),
        members,
        unexposed,
    })
}

/// Whether an impl of `Object` can stand beside this block.
fn check_block(block: &ItemImpl, errors: &mut Errors) -> bool {
    let mut found = Errors::default();
    if let Some((path, _)) = &block.trait_ {
        found.at(
            path,
            "#[expose] goes on an inherent impl block: `impl Type`, not `impl Trait for Type`",
        );
    }
    let declared = block.generics.lifetimes().map(|param| param.lifetime.clone()).next();
    if let Some(lifetime) = declared.or_else(|| signature::find_borrow(&block.self_ty)) {
        found.at(
            lifetime,
            "a daemon keeps its objects as long as it likes: the type cannot borrow anything",
        );
    }
    let fine = found.is_empty();
    errors.append(found);
    fine
}

/// The name of the class: what the option says, or the name of the type.
fn class_name(block: &ItemImpl, given: Option<&LitStr>, errors: &mut Errors) -> Option<LitStr> {
    if let Some(given) = given {
        return Some(given.clone());
    }
    match &*block.self_ty {
        Type::Path(path) => {
            let ident = &path.path.segments.last()?.ident;
            Some(LitStr::new(&Name::of(ident).text, ident.span()))
        }
        ty => {
            errors.at(ty, "this type has no name: say `#[expose(name = \"...\")]`");
            None
        }
    }
}

enum Parsed {
    Member(Box<Member>),
    Unexposed(Unexposed),
}

/// What a method is to callers.
fn parse_method(method: &mut ImplItemFn, generics: &[String], errors: &mut Errors) -> Parsed {
    let words = ["skip", "oneway", "callback", "get", "set", "args"];
    let options = MemberOptions::take(&mut method.attrs, "expose", &words, errors);
    let skipped = options.word("skip").is_some();
    let public = matches!(method.vis, Visibility::Public(_)) && method.sig.receiver().is_some();
    if public && !skipped {
        Parsed::Member(Box::new(parse_member(method, &options, generics, errors)))
    } else {
        Parsed::Unexposed(parse_unexposed(method, &options, errors))
    }
}

fn parse_unexposed(method: &mut ImplItemFn, options: &MemberOptions, errors: &mut Errors) -> Unexposed {
    match (&options.attribute, options.word("skip")) {
        (Some(attribute), None) if method.sig.receiver().is_none() => {
            errors.at(
                attribute,
                "callers have an object: only methods with `&self` are exposed",
            );
        }
        (Some(attribute), None) => errors.at(attribute, "only `pub` methods are exposed, and this is not `pub`"),
        (_, Some(_)) => options.check_exclusive(
            &[
                ("skip", "oneway"),
                ("skip", "callback"),
                ("skip", "get"),
                ("skip", "set"),
                ("skip", "args"),
            ],
            errors,
        ),
        (None, None) => {}
    }
    for param in &mut method.sig.inputs {
        if let syn::FnArg::Typed(typed) = param
            && let Some(default) = crate::attributes::take_default(&mut typed.attrs, errors)
        {
            errors.at(default, "only parameters of exposed methods have defaults");
        }
    }
    Unexposed {
        cfgs: cfgs(&method.attrs),
        name: Name::of(&method.sig.ident),
    }
}

fn parse_member(
    method: &mut ImplItemFn,
    options: &MemberOptions,
    generics: &[String],
    all_errors: &mut Errors,
) -> Member {
    let mut own_errors = Errors::default();
    let errors = &mut own_errors;
    options.check_exclusive(
        &[
            ("get", "set"),
            ("get", "args"),
            ("set", "args"),
            ("oneway", "get"),
            ("oneway", "set"),
            ("oneway", "callback"),
            ("callback", "get"),
            ("callback", "set"),
        ],
        errors,
    );
    let role_is_clear = errors.is_empty();
    let role = role(options);
    let params = signature::Param::take_all(&mut method.sig, errors);
    signature::check_kind(&method.sig, errors);
    signature::check_receiver(&method.sig, errors);
    for param in method
        .sig
        .generics
        .params
        .iter()
        .filter(|param| !matches!(param, GenericParam::Lifetime(_)))
    {
        errors.at(
            param,
            "callers do not know Rust's types: an exposed method cannot be generic",
        );
    }
    let params: Vec<Param> = params
        .into_iter()
        .map(|param| parse_param(param, generics, errors))
        .collect();
    check_params(&params, errors);
    if role_is_clear {
        check_role(method, role, &params, errors);
    }
    let ident = method.sig.ident.clone();
    let name = signature::member_name(&ident, options.name.as_ref(), role == Role::Setter, errors);
    let is_right = errors.is_empty();
    all_errors.append(own_errors);
    Member {
        is_right,
        cfgs: cfgs(&method.attrs),
        name,
        doc: doc(&method.attrs),
        ident,
        is_async: method.sig.asyncness.is_some(),
        role,
        params,
        output: output(&method.sig.output),
        returns: returns(&method.sig.output, role, generics),
        output_span: output_span(&method.sig.output),
    }
}

fn role(options: &MemberOptions) -> Role {
    let kind = if options.word("oneway").is_some() {
        Kind::Oneway
    } else if options.word("callback").is_some() {
        Kind::Callback
    } else {
        Kind::Ordinary
    };
    if options.word("get").is_some() {
        Role::Getter
    } else if options.word("set").is_some() {
        Role::Setter
    } else if options.word("args").is_some() {
        Role::AnyArguments { kind }
    } else {
        Role::Method { kind }
    }
}

fn output(output: &ReturnType) -> Output {
    if signature::result_value(output).is_some() {
        Output::Result
    } else if signature::is_unit(output) {
        Output::Unit
    } else {
        Output::Value
    }
}

/// What callers get, in Python's words.
fn returns(output: &ReturnType, role: Role, generics: &[String]) -> String {
    let types = Types {
        way: Way::Out,
        generics,
    };
    match output {
        ReturnType::Type(_, ty) if !role.is_oneway() => types.name(ty),
        _ => "None".to_owned(),
    }
}

fn output_span(output: &ReturnType) -> Span {
    match output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, ty) => ty.span(),
    }
}

fn parse_param(param: signature::Param, generics: &[String], errors: &mut Errors) -> Param {
    let signature::Param {
        ident,
        name,
        ty,
        default,
    } = param;
    if signature::has_impl_trait(&ty) {
        errors.at(
            &ty,
            "callers do not know Rust's types: name the type that shall be read here",
        );
    }
    let kind = match &*ty {
        Type::Reference(reference) if is_named(&reference.elem, "Context") => ParamKind::Context,
        ty => ParamKind::Argument {
            ty: argument_type(ty, errors),
            type_name: Types { way: Way::In, generics }.name(ty),
            default,
        },
    };
    Param { ident, name, kind }
}

fn argument_type(ty: &Type, errors: &mut Errors) -> ArgumentType {
    if is_named(ty, "Context") {
        errors.at(
            ty,
            "the context of the call is lent to a method: write `&Context`, and clone it to keep it",
        );
    }
    let Type::Reference(reference) = ty else {
        return ArgumentType::Owned(elide_lifetimes(ty));
    };
    if let Some(token) = &reference.mutability {
        errors.at(
            token,
            "an argument is a copy of what the caller has: changing it has no effect there",
        );
    }
    match &*reference.elem {
        Type::Path(path) if path.path.is_ident("str") => ArgumentType::Text,
        elem if signature::is_bytes(elem) => ArgumentType::Bytes,
        Type::Slice(slice) => {
            let elem = elide_lifetimes(&slice.elem);
            ArgumentType::Borrowed(quote!(::std::vec::Vec<#elem>))
        }
        elem => ArgumentType::Borrowed(elide_lifetimes(elem)),
    }
}

fn check_params(params: &[Param], errors: &mut Errors) {
    let mut count = 0;
    let mut optional = false;
    for param in params {
        let ParamKind::Argument { default, .. } = &param.kind else {
            continue;
        };
        if default.is_none() && optional {
            errors.at(
                &param.ident,
                "a parameter without a default cannot follow one that has a default",
            );
        }
        optional |= default.is_some();
        count += 1;
        if count == signature::MOST_PARAMETERS + 1 {
            errors.at(&param.ident, signature::TOO_MANY_PARAMETERS);
        }
    }
}

/// Whether the signature suits what callers do with the method.
fn check_role(method: &ImplItemFn, role: Role, params: &[Param], errors: &mut Errors) {
    let ident = &method.sig.ident;
    if let (Some(token), Role::Getter | Role::Setter) = (&method.sig.asyncness, role) {
        errors.at(
            token,
            "attributes are read and set without awaiting: make this a method that is called, or leave out `async`",
        );
    }
    let is_argument = |param: &&Param| matches!(param.kind, ParamKind::Argument { .. });
    let has_default = |param: &&Param| matches!(param.kind, ParamKind::Argument { default: Some(_), .. });
    let count = params.iter().filter(is_argument).count();
    match role {
        Role::Method { .. } => return,
        Role::AnyArguments { .. } if count != 2 => {
            errors.at(
                ident,
                "with `args` a method takes all arguments: `args: Vec<Value>, kwargs: Dict`",
            );
        }
        Role::Getter if count != 0 => errors.at(ident, "reading an attribute has no arguments"),
        Role::Getter if matches!(output(&method.sig.output), Output::Unit) => {
            errors.at(ident, "reading an attribute gives its value: a return type is needed");
        }
        Role::Setter if count != 1 => errors.at(ident, "setting an attribute has one argument, the new value"),
        Role::Setter => {
            let value = signature::result_value(&method.sig.output);
            if !value.map_or(signature::is_unit(&method.sig.output), signature::is_unit_type) {
                errors.at(
                    &method.sig.output,
                    "setting an attribute gives nothing: return `()`, or a `Result` of it",
                );
            }
        }
        _ => {}
    }
    if let Some(param) = params.iter().find(has_default) {
        errors.at(
            &param.ident,
            "only a method's own parameters have defaults, and here the caller gives all or none",
        );
    }
}

/// Refuses names that are used twice, and attributes that can be set but not read.
fn check_names(members: &mut [Member], errors: &mut Errors) {
    for index in 0..members.len() {
        let (before, member) = members.split_at_mut(index);
        let member = &mut member[0];
        if before.iter().any(|other| clash(other, member)) {
            member.is_right = false;
            let text = format!("there is an exposed `{}` already", member.name.text);
            errors.push(syn::Error::new(member.name.span, text));
        }
    }
    let is_getter = |member: &Member| member.role == Role::Getter;
    let getters: Vec<String> = members
        .iter()
        .filter(|&member| is_getter(member))
        .map(|getter| getter.name.text.clone())
        .collect();
    for setter in members.iter_mut().filter(|member| member.role == Role::Setter) {
        if setter.is_right && !getters.contains(&setter.name.text) {
            setter.is_right = false;
            let text = format!("there is no `#[expose(get)]` for the attribute `{}`", setter.name.text);
            errors.push(syn::Error::new(setter.name.span, text));
        }
    }
}

/// Whether two members have the same name. A setter shares that of its getter; and of two methods that both have a `#[cfg]`, there
/// may never be more than one.
fn clash(one: &Member, other: &Member) -> bool {
    one.name.text == other.name.text
        && (one.role == Role::Setter) == (other.role == Role::Setter)
        && (one.cfgs.is_empty() || other.cfgs.is_empty())
}
