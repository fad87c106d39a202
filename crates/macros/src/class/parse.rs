//! From a struct to its description.

use syn::meta::ParseNestedMeta;
use syn::{Data, DeriveInput, Fields, Generics, Ident, LitStr, Path, Type};

use super::{Class, Field, Role};
use crate::attributes::{Errors, MemberOptions, Name, set_once};

/// The class that a struct stands for. `None` when it cannot be told.
pub(super) fn parse(input: DeriveInput, errors: &mut Errors) -> Option<Class> {
    let options = Options::parse(&input, errors);
    check_names_of_class(&options, errors);
    check_lifetimes(&input.generics, errors);
    let fields = parse_fields(input.data, errors);
    Some(Class {
        krate: options.krate,
        ident: input.ident,
        generics: input.generics,
        class: options.class?,
        aliases: options.aliases,
        exception: options.exception,
        fields,
    })
}

/// The options on the struct.
struct Options {
    krate: Path,
    class: Option<LitStr>,
    aliases: Vec<LitStr>,
    exception: Option<Ident>,
}

impl Options {
    fn parse(input: &DeriveInput, errors: &mut Errors) -> Options {
        let mut options = Options {
            krate: syn::parse_quote!(::ferropyro),
            class: None,
            aliases: Vec::new(),
            exception: None,
        };
        let mut found = Errors::default();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("pyro")) {
            found.ok(attribute.parse_nested_meta(|meta| options.read(&meta)));
        }
        if found.is_empty() && options.class.is_none() {
            found.at(
                &input.ident,
                "which class is this in Python? Say it with its module: `#[pyro(class = \"module.Class\")]`",
            );
        }
        errors.append(found);
        options
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        match meta.path.get_ident() {
            Some(word) if word == "class" => set_once(&mut self.class, meta)?,
            Some(word) if word == "alias" => self.aliases.push(meta.value()?.parse()?),
            Some(word) if word == "exception" => self.exception = Some(word.clone()),
            Some(word) if word == "crate" => self.krate = meta.value()?.call(Path::parse_mod_style)?,
            _ => {
                return Err(meta.error(
                    "there is no such option here; there are `class = \"...\"`, `alias = \"...\"`, `exception` and `crate = path`",
                ));
            }
        }
        Ok(())
    }
}

fn check_names_of_class(options: &Options, errors: &mut Errors) {
    let mut seen = Vec::new();
    for literal in options.class.iter().chain(&options.aliases) {
        let name = literal.value();
        if name.is_empty() {
            errors.at(literal, "a class has a name");
        } else if seen.contains(&name) {
            errors.at(literal, "this is given twice");
        } else if options.exception.is_some() && !name.contains('.') {
            errors.at(
                literal,
                "exceptions without a module are Python's own: say the module too",
            );
        }
        seen.push(name);
    }
}

const CANNOT_BORROW: &str =
    "what is read from a message is kept, so it cannot borrow: use `String` for `&str`, `Vec<T>` for `&[T]`";

fn check_lifetimes(generics: &Generics, errors: &mut Errors) {
    for lifetime in generics.lifetimes() {
        errors.at(lifetime, CANNOT_BORROW);
    }
}

fn parse_fields(data: Data, errors: &mut Errors) -> Vec<Field> {
    const NOT_A_CLASS: &str =
        "an object of Python has attributes, and they have names: this goes on a struct with named fields";
    let fields = match data {
        Data::Struct(data) => data.fields,
        Data::Enum(data) => {
            errors.at(data.enum_token, NOT_A_CLASS);
            return Vec::new();
        }
        Data::Union(data) => {
            errors.at(data.union_token, NOT_A_CLASS);
            return Vec::new();
        }
    };
    if let Fields::Unnamed(fields) = &fields {
        errors.at(fields, NOT_A_CLASS);
    }
    let fields: Vec<Field> = fields
        .into_iter()
        .filter_map(|field| parse_field(field, errors))
        .collect();
    check_names(&fields, errors);
    fields
}

fn parse_field(mut field: syn::Field, errors: &mut Errors) -> Option<Field> {
    let options = MemberOptions::take(&mut field.attrs, "pyro", &["default", "skip"], errors);
    options.check_exclusive(&[("skip", "default")], errors);
    let role = match (options.word("skip"), options.word("default")) {
        (Some(_), _) => Role::Skipped,
        (None, Some(_)) => Role::Optional,
        (None, None) => Role::Required,
    };
    if let (Role::Skipped, Some(name)) = (role, &options.name) {
        errors.at(name, "what is never sent has no name");
    }
    if let (Type::Reference(reference), true) = (&field.ty, role != Role::Skipped) {
        errors.at(reference, CANNOT_BORROW);
    }
    let ident = field.ident?;
    Some(Field {
        name: Name::given_or(options.name.as_ref(), &ident),
        ident,
        ty: field.ty,
        role,
    })
}

fn check_names(fields: &[Field], errors: &mut Errors) {
    let mut seen = Vec::new();
    for Field { name, .. } in fields.iter().filter(|field| field.role != Role::Skipped) {
        if matches!(name.text.as_str(), "__class__" | "__exception__") {
            errors.at(name, "this is no attribute: Pyro keeps the class there");
        } else if seen.contains(&&name.text) {
            errors.at(name, "another field has this name already");
        }
        seen.push(&name.text);
    }
}
