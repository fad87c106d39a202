//! What stands in our attributes, and the list of what is wrong with it.

use std::iter;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Path};

/// Everything that is wrong with an item. The user sees it all at once.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Notes an error that the compiler shows under these tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: &str) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The value, or nothing and a note of the error.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds the errors that were found in a part of the item.
    pub(crate) fn append(&mut self, part: Errors) {
        if let Some(error) = part.0 {
            self.push(error);
        }
    }

    pub(crate) fn into_compile_error(self) -> TokenStream {
        self.0.map(syn::Error::into_compile_error).unwrap_or_default()
    }
}

/// The options on the whole impl block or trait: `#[expose(name = "Warehouse", crate = path)]`.
pub(crate) struct ItemOptions {
    /// The options that name something, by their key.
    names: Vec<(&'static str, Option<LitStr>)>,
    /// Where the library is.
    pub(crate) krate: Path,
}

impl ItemOptions {
    /// Reads them; `keys` are those of the options that name something.
    pub(crate) fn parse(tokens: TokenStream, keys: &[&'static str], errors: &mut Errors) -> ItemOptions {
        let mut options = ItemOptions {
            names: keys.iter().map(|key| (*key, None)).collect(),
            krate: syn::parse_quote!(::ferropyro),
        };
        errors.ok(syn::meta::parser(|meta| options.read(&meta)).parse2(tokens));
        options
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.get_ident().is_some_and(|ident| ident == "crate") {
            self.krate = meta.value()?.call(Path::parse_mod_style)?;
            return Ok(());
        }
        if let Some((_, name)) = self.names.iter_mut().find(|(key, _)| meta.path.is_ident(key)) {
            return set_once(name, meta);
        }
        let names: Vec<String> = self.names.iter().map(|(key, _)| format!("`{key} = \"...\"`")).collect();
        Err(meta.error(format!(
            "there is no such option here; there are {} and `crate = path`",
            names.join(", ")
        )))
    }

    /// What the option with this key says.
    pub(crate) fn name(&self, key: &str) -> Option<&LitStr> {
        let (_, name) = self.names.iter().find(|(other, _)| *other == key)?;
        name.as_ref()
    }
}

/// The options on a method.
#[derive(Default)]
pub(crate) struct MemberOptions {
    /// The name that the other side uses.
    pub(crate) name: Option<LitStr>,
    /// The options that are a word alone.
    words: Vec<Ident>,
    /// Whether the method has our attribute at all, and where.
    pub(crate) attribute: Option<Path>,
}

impl MemberOptions {
    /// Takes our attributes off a method and reads them; `words` are the options without a value that there are.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, macro_name: &str, words: &[&str], errors: &mut Errors) -> Self {
        let mut options = MemberOptions::default();
        for attribute in attributes.extract_if(.., |attribute| is_ours(attribute, macro_name)) {
            options.attribute = Some(attribute.path().clone());
            if !matches!(attribute.meta, Meta::Path(_)) {
                errors.ok(attribute.parse_nested_meta(|meta| options.read(&meta, words)));
            }
        }
        options
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>, words: &[&str]) -> syn::Result<()> {
        if meta.path.is_ident("name") {
            return set_once(&mut self.name, meta);
        }
        match meta.path.get_ident() {
            Some(word) if words.iter().any(|known| word == known) => self.words.push(word.clone()),
            _ => {
                let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                let text = format!(
                    "there is no such option here; there are {} and `name = \"...\"`",
                    words.join(", ")
                );
                return Err(meta.error(text));
            }
        }
        Ok(())
    }

    /// Where this word stands, if it does.
    pub(crate) fn word(&self, word: &str) -> Option<&Ident> {
        self.words.iter().find(|ident| *ident == word)
    }

    /// Refuses pairs of words that exclude each other.
    pub(crate) fn check_exclusive(&self, pairs: &[(&str, &str)], errors: &mut Errors) {
        for (one, other) in pairs {
            if let (Some(_), Some(other)) = (self.word(one), self.word(other)) {
                errors.at(other, &format!("`{other}` does not go together with `{one}`"));
            }
        }
    }
}

/// Sets an option of the form `key = "..."`, which may be given once.
pub(crate) fn set_once(place: &mut Option<LitStr>, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if place.is_some() {
        return Err(meta.error("this is given twice"));
    }
    *place = Some(meta.value()?.parse()?);
    Ok(())
}

/// Whether an attribute is ours, written `#[expose]` or `#[ferropyro::expose]`.
fn is_ours(attribute: &Attribute, macro_name: &str) -> bool {
    attribute
        .path()
        .segments
        .last()
        .is_some_and(|segment| segment.ident == macro_name)
}

/// Takes `#[default(expression)]` off a parameter.
pub(crate) fn take_default(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Expr> {
    let mut default = None;
    for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("default")) {
        if default.is_some() {
            errors.at(&attribute, "this is given twice");
        }
        default = errors.ok(attribute.parse_args());
    }
    default
}

/// The `#[cfg]` attributes among these.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    select(attributes, &["cfg"])
}

/// What the doc comments among these attributes say: their lines without the indentation that all of them have.
pub(crate) fn doc(attributes: &[Attribute]) -> Option<String> {
    let comments = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => Some(&pair.value),
        _ => None,
    });
    let texts = comments.filter_map(|value| match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }) => Some(text.value()),
        _ => None,
    });
    let lines: Vec<String> = texts.flat_map(|text| comment_lines(&text)).collect();
    let is_said = |line: &&String| !line.is_empty();
    let indentation = |line: &String| line.len() - line.trim_start_matches(' ').len();
    let shared = lines.iter().filter(is_said).map(indentation).min()?;
    let dedented: Vec<&str> = lines
        .iter()
        .map(|line| line.get(shared..).unwrap_or_default())
        .collect();
    Some(dedented.join("\n").trim_matches('\n').to_owned())
}

/// The lines of one comment. One of several lines, `/** ... */`, may have a star at the beginning of each.
fn comment_lines(text: &str) -> Vec<String> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let is_starred = rest
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('*'));
    let rest = rest.lines().map(|line| match line.trim_start().strip_prefix('*') {
        Some(text) if is_starred => text,
        _ => line,
    });
    iter::once(first)
        .chain(rest)
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// The attributes of these names.
pub(crate) fn select(attributes: &[Attribute], names: &[&str]) -> Vec<Attribute> {
    let is_wanted = |attribute: &&Attribute| names.iter().any(|name| attribute.path().is_ident(name));
    attributes.iter().filter(is_wanted).cloned().collect()
}

/// A name that the other side uses, and where it stands in the source.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl Name {
    /// The name of a Rust item, without the `r#` that only Rust needs.
    pub(crate) fn of(ident: &Ident) -> Name {
        Name {
            text: ident.unraw().to_string(),
            span: ident.span(),
        }
    }

    /// The name that the options give, or else that of the item.
    pub(crate) fn given_or(literal: Option<&LitStr>, ident: &Ident) -> Name {
        match literal {
            Some(literal) => Name {
                text: literal.value(),
                span: literal.span(),
            },
            None => Name::of(ident),
        }
    }

    /// Refuses what Python could not call, and what Pyro hides.
    pub(crate) fn check(&self, errors: &mut Errors) {
        let mut chars = self.text.chars();
        let starts_well = chars.next().is_some_and(|first| first == '_' || first.is_alphabetic());
        if !starts_well || !chars.all(|char| char == '_' || char.is_alphanumeric()) {
            return errors.push(syn::Error::new(self.span, "this is not a name in Python"));
        }
        let dunder = self.text.len() > 4 && self.text.starts_with("__") && self.text.ends_with("__");
        if self.text.starts_with('_') && !dunder {
            let text = "Pyro never lets names through that start with an underscore: use another `name = \"...\"`";
            errors.push(syn::Error::new(self.span, text));
        }
    }
}

impl ToTokens for Name {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        LitStr::new(&self.text, self.span).to_tokens(tokens);
    }
}

#[cfg(test)]
mod tests {
    use syn::{ItemStruct, parse_str};

    use super::*;

    #[test]
    fn doc_comments_read_as_they_are_meant() {
        for (comments, expected) in [
            ("/// One line.", Some("One line.")),
            ("///One\n///two", Some("One\ntwo")),
            (
                "/// A list:\n///\n///   - indented  \n/// End.",
                Some("A list:\n\n  - indented\nEnd."),
            ),
            ("/** One. */", Some("One.")),
            (
                "/** One.\n * Two.\n *\n *   Three.\n */",
                Some("One.\nTwo.\n\n  Three."),
            ),
            ("/**\n    One.\n    Two.\n */", Some("One.\nTwo.")),
            (
                "/// First.\n#[doc(hidden)]\n#[doc = \" Second \\\"\\\"\\\".\"]",
                Some("First.\nSecond \"\"\"."),
            ),
            ("///", None),
            ("#[doc = include_str!(\"there.md\")]", None),
            ("", None),
        ] {
            let item: ItemStruct = parse_str(&format!("{comments}\nstruct S;")).unwrap();
            assert_eq!(doc(&item.attrs).as_deref(), expected, "{comments}");
        }
    }
}
