//! From a trait to its description. Takes our attributes off on the way.

use syn::{Ident, ItemTrait, LitStr, ReturnType, Signature, TraitItem, TraitItemFn, Type};

use super::{Method, Param, Remote, Role};
use crate::attributes::{self, Errors, ItemOptions, MemberOptions, Name, cfgs};
use crate::signature;

/// What the trait calls. `None` when there can be no client.
pub(super) fn parse(definition: &mut ItemTrait, options: ItemOptions, errors: &mut Errors) -> Option<Remote> {
    for param in &definition.generics.params {
        errors.at(
            param,
            "a remote object has no idea of Rust's types: the trait cannot be generic",
        );
    }
    if let Some(token) = &definition.unsafety {
        errors.at(
            token,
            "a client cannot promise for the other side: the trait cannot be unsafe",
        );
    }
    let methods = definition
        .items
        .iter_mut()
        .filter_map(|item| parse_item(item, errors))
        .collect();
    let mut client = |key, suffix| client_name(&definition.ident, options.name(key), suffix, errors);
    let (client, async_client) = (client("client", "Client"), client("async_client", "AsyncClient"));
    if let (Some(_), Some(literal)) = (
        client.as_ref().filter(|_| client == async_client),
        options.name("async_client"),
    ) {
        errors.at(literal, "this is the name of the client that is not async");
    }
    Some(Remote {
        krate: options.krate,
        cfgs: cfgs(&definition.attrs),
        vis: definition.vis.clone(),
        ident: definition.ident.clone(),
        client: client?,
        async_client: async_client?,
        methods,
    })
}

fn client_name(definition: &Ident, given: Option<&LitStr>, suffix: &str, errors: &mut Errors) -> Option<Ident> {
    let Some(literal) = given else {
        let name = format!("{}{suffix}", Name::of(definition).text);
        return Some(Ident::new(&name, definition.span()));
    };
    match literal.parse::<Ident>() {
        Ok(client) if client != *definition => return Some(client),
        Ok(_) => errors.at(literal, "this is the name of the trait itself"),
        Err(_) => errors.at(literal, "this is not a name in Rust"),
    }
    None
}

fn parse_item(item: &mut TraitItem, errors: &mut Errors) -> Option<Method> {
    match item {
        TraitItem::Fn(method) => parse_method(method, errors),
        TraitItem::Const(constant) if constant.default.is_some() => None,
        TraitItem::Const(constant) => {
            errors.at(
                &constant.ident,
                "a client cannot know this: give it a value, or leave it out",
            );
            None
        }
        TraitItem::Type(ty) => {
            errors.at(&ty.ident, "a client cannot know this type: name it in the methods");
            None
        }
        _ => None,
    }
}

/// What clients have besides the methods of the trait.
const OWN_METHODS: [&str; 2] = ["new", "proxy"];

/// What is right for the method of the trait is right for its twin of the async client.
const COPIED_ATTRIBUTES: [&str; 6] = ["cfg", "cfg_attr", "doc", "deprecated", "must_use", "allow"];

/// A method that is called remotely: one without a body.
fn parse_method(method: &mut TraitItemFn, errors: &mut Errors) -> Option<Method> {
    let options = MemberOptions::take(&mut method.attrs, "remote", &["oneway", "get", "set"], errors);
    if method.default.is_some() {
        if let Some(attribute) = &options.attribute {
            errors.at(attribute, "this method has a body, so it is not called remotely");
        }
        return None;
    }
    options.check_exclusive(&[("get", "set"), ("oneway", "get"), ("oneway", "set")], errors);
    let role = role(&options);
    let params = signature::Param::take_all(&mut method.sig, errors);
    if let Some(token) = &method.sig.asyncness {
        errors.at(
            token,
            "leave this out: the methods of the async client are async without it",
        );
    }
    if OWN_METHODS.iter().any(|name| method.sig.ident == name) {
        errors.at(
            &method.sig.ident,
            "the clients have a method of this name themselves: call it otherwise, and say `name = \"...\"`",
        );
    }
    signature::check_kind(&method.sig, errors);
    signature::check_receiver(&method.sig, errors);
    check_params(&params, errors);
    check_role(&method.sig, role, params.len(), errors);
    let name = signature::member_name(&method.sig.ident, options.name.as_ref(), role == Role::Setter, errors);
    Some(Method {
        cfgs: cfgs(&method.attrs),
        attributes: attributes::select(&method.attrs, &COPIED_ATTRIBUTES),
        name,
        signature: method.sig.clone(),
        role,
        params: params.into_iter().map(parse_param).collect(),
    })
}

fn role(options: &MemberOptions) -> Role {
    if options.word("get").is_some() {
        Role::Getter
    } else if options.word("set").is_some() {
        Role::Setter
    } else if options.word("oneway").is_some() {
        Role::OnewayCall
    } else {
        Role::Call
    }
}

fn parse_param(param: signature::Param) -> Param {
    let is_bytes = matches!(&*param.ty, Type::Reference(reference) if signature::is_bytes(&reference.elem));
    Param {
        ident: param.ident,
        is_bytes,
    }
}

fn check_params(params: &[signature::Param], errors: &mut Errors) {
    for param in params {
        if let Some(default) = &param.default {
            errors.at(
                default,
                "the object has the defaults: declare a second method without this parameter",
            );
        }
    }
    if let Some(param) = params.get(signature::MOST_PARAMETERS) {
        errors.at(&param.ident, signature::TOO_MANY_PARAMETERS);
    }
}

/// Whether the signature suits what the method is for.
fn check_role(signature: &Signature, role: Role, params: usize, errors: &mut Errors) {
    let ident = &signature.ident;
    match role {
        Role::Getter if params != 0 => errors.at(ident, "reading an attribute has no arguments"),
        Role::Setter if params != 1 => errors.at(ident, "setting an attribute has one argument, the new value"),
        _ => {}
    }
    let Some(value) = signature::result_value(&signature.output) else {
        let text = "a remote call can always fail: return `ferropyro::Result<...>`";
        return match &signature.output {
            ReturnType::Default => errors.at(ident, text),
            ReturnType::Type(_, ty) => errors.at(ty, text),
        };
    };
    if matches!(role, Role::OnewayCall | Role::Setter) && !signature::is_unit_type(value) {
        errors.at(value, "no value comes back from this: return `ferropyro::Result<()>`");
    }
}
