use ferropyro::{Config, Dict, Error, Proxy, Result, Serializer, Value, expose};

use crate::server;

struct Clerk;

#[expose]
impl Clerk {
    pub fn none(&self) {}

    pub fn one(&self, a: i64) -> i64 {
        a
    }

    pub fn three(&self, a: i64, b: i64, c: i64) -> (i64, i64, i64) {
        (a, b, c)
    }

    pub fn some(&self, a: i64, #[default(5)] b: i64) -> (i64, i64) {
        (a, b)
    }

    pub fn text(&self, text: &str) -> usize {
        text.len()
    }
}

const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Json,
    Serializer::Marshal,
    Serializer::Msgpack,
];

/// The method, positional arguments, keyword arguments, and the words of Python behind the name.
type Misfit = (
    &'static str,
    &'static [i64],
    &'static [(&'static str, i64)],
    &'static str,
);

const MISFITS: &[Misfit] = &[
    ("none", &[1], &[], "takes 1 positional argument but 2 were given"),
    ("none", &[1, 2, 3], &[], "takes 1 positional argument but 4 were given"),
    ("one", &[], &[], "missing 1 required positional argument: 'a'"),
    ("one", &[1, 2], &[], "takes 2 positional arguments but 3 were given"),
    ("one", &[], &[("b", 1)], "got an unexpected keyword argument 'b'"),
    ("one", &[1], &[("a", 1)], "got multiple values for argument 'a'"),
    (
        "three",
        &[],
        &[],
        "missing 3 required positional arguments: 'a', 'b', and 'c'",
    ),
    (
        "three",
        &[1],
        &[],
        "missing 2 required positional arguments: 'b' and 'c'",
    ),
    (
        "three",
        &[1],
        &[("b", 2)],
        "missing 1 required positional argument: 'c'",
    ),
    (
        "three",
        &[],
        &[("b", 2)],
        "missing 2 required positional arguments: 'a' and 'c'",
    ),
    (
        "three",
        &[1, 2, 3, 4],
        &[],
        "takes 4 positional arguments but 5 were given",
    ),
    ("some", &[], &[], "missing 1 required positional argument: 'a'"),
    (
        "some",
        &[1, 2, 3],
        &[],
        "takes from 2 to 3 positional arguments but 4 were given",
    ),
    ("some", &[1, 2], &[("b", 3)], "got multiple values for argument 'b'"),
];

#[test]
fn arguments_that_do_not_fit_are_the_type_errors_of_python() -> Result<()> {
    let daemon = server::daemon().bind()?;
    let uri = daemon.register("clerk", Clerk)?;
    let _running = daemon.start();
    for serializer in SERIALIZERS {
        let proxy = Proxy::builder().serializer(serializer).build(uri.clone())?;
        for (method, args, kwargs, words) in MISFITS {
            let args: Vec<Value> = args.iter().map(|arg| Value::from(*arg)).collect();
            let kwargs: Dict = kwargs.iter().copied().collect();
            let error = proxy.call_with::<Value>(method, args, &kwargs).unwrap_err();
            assert_eq!(class_of(&error), "builtins.TypeError", "{serializer:?} {error}");
            assert_eq!(error.message(), format!("Clerk.{method}() {words}"), "{serializer:?}");
        }
        assert_eq!(proxy.call::<i64>("one", (7,))?, 7);
    }
    Ok(())
}

#[test]
fn arguments_may_come_by_name_and_in_any_order() -> Result<()> {
    let daemon = server::daemon().bind()?;
    let uri = daemon.register("clerk", Clerk)?;
    let _running = daemon.start();
    let proxy = Proxy::new(uri)?;
    let kwargs = Dict::from([("c", 3), ("b", 2)]);
    assert_eq!(proxy.call_with::<(i64, i64, i64)>("three", (1,), &kwargs)?, (1, 2, 3));
    assert_eq!(proxy.call::<(i64, i64)>("some", (1,))?, (1, 5));
    assert_eq!(
        proxy.call_with::<(i64, i64)>("some", (1,), &Dict::from([("b", 2)]))?,
        (1, 2)
    );
    assert_eq!(proxy.call::<usize>("text", ("four",))?, 4);
    Ok(())
}

#[test]
fn a_wrong_type_names_the_parameter() -> Result<()> {
    let daemon = server::daemon().config(Config::default()).bind()?;
    let uri = daemon.register("clerk", Clerk)?;
    let _running = daemon.start();
    let proxy = Proxy::new(uri)?;
    for (method, argument) in [
        ("one", Value::from("x")),
        ("one", Value::None),
        ("text", Value::from(1)),
    ] {
        let error = proxy.call::<Value>(method, (argument,)).unwrap_err();
        assert_eq!(class_of(&error), "builtins.TypeError");
        let name = if method == "one" { "a" } else { "text" };
        let start = format!("Clerk.{method}() argument '{name}': ");
        assert!(error.message().starts_with(&start), "{error}");
    }
    Ok(())
}

fn class_of(error: &Error) -> &str {
    error.as_remote().map_or("", |remote| remote.class())
}
