//! `ferropyro call`, `get` and `set`: one call of a method, one look at an attribute.

use std::path::PathBuf;

use clap::Args;
use ferropyro::formats::serpent;
use ferropyro::{AnyReply, Dict, Proxy, Uri, Value};

use crate::client::{Client, ClientArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::json::{self, Format};
use crate::{output, transfer};

/// Calls a method and prints what it returns; the items of an iterator one a line, as they come
///
/// Examples:
///   ferropyro call PYRONAME:test.echoserver.echo hello
///   ferropyro call PYRO:warehouse@shop.example:4711.take chair count=2
///   ferropyro call PYRO:Pyro.Daemon@./u:/run/shop.sock.registered
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CallArgs {
    /// The URI of the object, a dot, and the method: what follows the last dot is the method
    #[arg(value_name = "URI.METHOD")]
    target: String,

    /// The arguments: Python literals such as 3, 'text', [1, 2] or {'a': None}, for keyword arguments with a name in front (count=3); any word that
    /// is no literal is a text
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    arguments: Vec<String>,

    /// Do not wait for an answer
    #[arg(long)]
    oneway: bool,

    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    format: Format,
}

/// Prints the value of an attribute, or gets a file from a file server
///
/// A file here is replaced when all of the new one has arrived with the right checksum.
///
/// Examples:
///   ferropyro get PYRONAME:test.echoserver.verbose       an attribute
///   ferropyro get PYRONAME:files 2026/november.pdf       a file
///   ferropyro get PYRONAME:files 2026/november.pdf report.pdf --resume
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct GetArgs {
    /// The URI of the object, a dot, and the attribute: what follows the last dot is the attribute. Or, with a path behind it, the URI of a file server
    #[arg(value_name = "URI[.ATTRIBUTE]")]
    target: String,

    /// The path of a file at the server
    remote: Option<String>,

    /// The file here, or the folder for it [default: the name of the file, in this folder]
    local: Option<PathBuf>,

    #[command(flatten)]
    how: transfer::How,

    #[command(flatten)]
    client: ClientArgs,

    #[command(flatten)]
    format: Format,
}

/// Sets an attribute
///
/// Example: ferropyro set PYRONAME:test.echoserver.verbose True
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The URI of the object, a dot, and the attribute: what follows the last dot is the attribute
    #[arg(value_name = "URI.ATTRIBUTE")]
    target: String,

    /// A Python literal; any word that is none is a text
    #[arg(allow_negative_numbers = true)]
    value: String,

    #[command(flatten)]
    client: ClientArgs,
}

pub(crate) fn run(args: CallArgs) -> Outcome {
    let target = Target::parse(&args.target, "METHOD")?;
    let (positional, keywords) = arguments(&args.arguments);
    let proxy = target.connect(&args.client.client()?)?;
    if args.oneway {
        proxy.call_oneway_with(target.member, positional, &keywords)?;
    } else {
        print(proxy.call_with(target.member, positional, &keywords)?, &args.format)?;
    }
    Ok(Exit::Ok)
}

pub(crate) fn get(args: GetArgs) -> Outcome {
    let client = args.client.client()?;
    if let Some(remote) = &args.remote {
        return transfer::get(
            &args.target,
            remote,
            args.local.as_deref(),
            &args.how,
            &client,
            &args.format,
        );
    }
    if args.how.resume || args.how.by.is_some() {
        return Err(Failure::usage(
            "--resume and --by are for files: the path of one is missing",
        ));
    }
    let target = Target::parse(&args.target, "ATTRIBUTE")?;
    print(target.connect(&client)?.get(target.member)?, &args.format)?;
    Ok(Exit::Ok)
}

/// A value as a line; the items of an iterator as a line each, as they come.
fn print(reply: AnyReply, format: &Format) -> Result<(), Failure> {
    match reply {
        AnyReply::Value(value) => output::line(json::show(value, format)?),
        AnyReply::Items(items) => {
            for item in items {
                output::line(json::show(item?, format)?);
            }
        }
    }
    Ok(())
}

pub(crate) fn set(args: SetArgs) -> Outcome {
    let target = Target::parse(&args.target, "ATTRIBUTE")?;
    let proxy = target.connect(&args.client.client()?)?;
    proxy.set(target.member, literal(&args.value))?;
    Ok(Exit::Ok)
}

/// `URI.MEMBER`, taken apart.
#[derive(Debug, PartialEq)]
pub(crate) struct Target<'a> {
    uri: &'a str,
    pub(crate) member: &'a str,
}

impl<'a> Target<'a> {
    pub(crate) fn parse(text: &'a str, what: &str) -> Result<Target<'a>, Failure> {
        match text.rsplit_once('.') {
            Some((uri, member)) if is_identifier(member) => Ok(Target { uri, member }),
            _ => Err(Failure::usage(format_args!(
                "{text} does not end in .{what}; it should look like PYRO:object@host:port.{what} or PYRONAME:name.{what}"
            ))),
        }
    }

    fn connect(&self, client: &Client) -> Result<Proxy, Failure> {
        let proxy = client.proxy(self.find(client)?)?;
        proxy.bind().map_err(|error| self.explain(error.into()))?;
        Ok(proxy)
    }

    /// Where the object is.
    pub(crate) fn find(&self, client: &Client) -> Result<Uri, Failure> {
        let found = client.uri(self.uri).and_then(|uri| client.resolve(&uri));
        found.map_err(|failure| self.explain(failure))
    }

    /// Whoever forgot the method sees it here: the last dot was one of the name.
    fn explain(&self, failure: Failure) -> Failure {
        failure.with(format_args!("this was about '{}' of {}", self.member, self.uri))
    }
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    starts_well && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// The positional and the keyword arguments among words.
pub(crate) fn arguments(words: &[String]) -> (Vec<Value>, Dict) {
    let mut positional = Vec::new();
    let mut keywords = Dict::new();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) if is_identifier(name) => {
                keywords.insert(name, literal(value));
            }
            _ => positional.push(literal(word)),
        }
    }
    (positional, keywords)
}

/// The value of a Python literal; any other text stands for itself.
fn literal(word: &str) -> Value {
    serpent::from_slice(word.as_bytes()).unwrap_or_else(|_| Value::from(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_member_is_what_follows_the_last_dot() {
        for (text, uri, member) in [
            ("PYRO:obj@host.example:4711.run", "PYRO:obj@host.example:4711", "run"),
            ("PYRO:a.b@127.0.0.1:4711.__len__", "PYRO:a.b@127.0.0.1:4711", "__len__"),
            ("PYRO:obj@[::1]:4711.run", "PYRO:obj@[::1]:4711", "run"),
            ("PYRO:obj@./u:/tmp/x.sock.run", "PYRO:obj@./u:/tmp/x.sock", "run"),
            ("PYRONAME:test.echoserver.echo", "PYRONAME:test.echoserver", "echo"),
        ] {
            assert_eq!(Target::parse(text, "METHOD").unwrap(), Target { uri, member });
        }
    }

    #[test]
    fn a_target_without_a_member_is_refused() {
        for text in [
            "PYRO:obj@127.0.0.1:4711",
            "PYRO:obj@host:4711.",
            "PYRO:obj@host:4711.a-b",
            "PYRONAME:name",
            "",
        ] {
            assert!(Target::parse(text, "METHOD").is_err(), "{text}");
        }
    }

    #[test]
    fn words_are_literals_or_texts_and_keywords_have_a_name() {
        let words = [
            "1",
            "-2.5",
            "hello",
            "'quoted'",
            "[1, 'a']",
            "None",
            "n=3",
            "text=two words",
            "a-b=c",
            "",
            "b'x'",
            "1,2",
            "x==",
        ];
        let (positional, keywords) = arguments(&words.map(str::to_owned));
        assert_eq!(
            Value::List(positional).to_string(),
            "[1, -2.5, 'hello', 'quoted', [1, 'a'], None, 'a-b=c', '', b'x', (1, 2)]"
        );
        assert_eq!(keywords.to_string(), "{'n': 3, 'text': 'two words', 'x': '='}");
    }
}
