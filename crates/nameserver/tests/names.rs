//! What the name server keeps, finds and refuses, for clients of both generations.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use ferropyro::naming::{self, Filter, Settings};
use ferropyro::{Dialect, Dict, Error, NameServer, Proxy, Serializer, Uri, Value};
use ferropyro_nameserver::{NameServerBuilder, RunningNameServer};

const BOTH: [Dialect; 2] = [Dialect::V48, Dialect::V502];

struct Server {
    running: RunningNameServer,
    uri: Uri,
}

impl Server {
    fn start() -> Server {
        let nameserver = NameServerBuilder::new().host("127.0.0.1").port(0).bind().unwrap();
        Server {
            uri: nameserver.uri().clone(),
            running: nameserver.start(),
        }
    }

    fn proxy(&self, dialect: Dialect) -> Proxy {
        Proxy::builder().dialect(dialect).build(self.uri.clone()).unwrap()
    }

    fn client(&self, dialect: Dialect) -> NameServer {
        NameServer::new(self.proxy(dialect))
    }
}

fn uri(number: usize) -> Uri {
    format!("PYRO:thing{number}@somewhere.example:{}", 4000 + number)
        .parse()
        .unwrap()
}

fn set(tags: &[&str]) -> BTreeSet<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

fn names(client: &NameServer, filter: &Filter) -> Vec<String> {
    client.list(filter).unwrap().into_keys().collect()
}

/// Class, without its module, and text.
fn raised<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    error.as_remote().expect("an exception of the server").to_string()
}

// Conformance: NS-01
#[test]
fn a_name_stands_for_the_uri_registered_last_in_this_case_only() {
    let server = Server::start();
    for dialect in BOTH {
        let client = server.client(dialect);
        client.register("Department.ArchiveServer", &uri(1)).unwrap();
        client.register("Department.ArchiveServer", &uri(2)).unwrap();
        assert_eq!(client.lookup("Department.ArchiveServer").unwrap(), uri(2));
        let other_case = raised(client.lookup("department.archiveserver"));
        assert_eq!(other_case, "NamingError: unknown name: department.archiveserver");
    }
}

// Conformance: NS-03
#[test]
fn two_name_servers_share_nothing() {
    let (one, other) = (Server::start(), Server::start());
    one.client(Dialect::V502).register("a", &uri(1)).unwrap();
    let error = raised(other.client(Dialect::V502).lookup("a"));
    assert_eq!(error, "NamingError: unknown name: a");
}

// Conformance: NS-19
#[test]
fn a_fresh_server_has_its_own_entry_with_the_tag_of_the_callers_generation() {
    let server = Server::start();
    for (dialect, tag) in [
        (Dialect::V48, "class:Pyro4.naming.NameServer"),
        (Dialect::V502, "class:Pyro5.nameserver.NameServer"),
    ] {
        let client = server.client(dialect);
        let found = client.list(&Filter::All).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found["Pyro.NameServer"].uri, server.uri.to_string());
        assert_eq!(found["Pyro.NameServer"].metadata, set(&[tag]));
        assert_eq!(client.lookup_with_metadata("Pyro.NameServer").unwrap().1, set(&[tag]));
        assert_eq!(names(&client, &Filter::all_of([tag])), ["Pyro.NameServer"]);
        assert_eq!(client.count().unwrap(), 1);
    }
}

// Conformance: NS-33, META-04, META-05, META-06
#[test]
fn results_have_the_shapes_of_the_callers_generation() {
    let server = Server::start();
    let client = server.client(Dialect::V48);
    client.register_with("a", &uri(1), false, &set(&["x", "y"])).unwrap();
    client.register("b", &uri(2)).unwrap();
    let with_metadata = Dict::from([("return_metadata", true)]);
    let x_y = [Value::from("x"), Value::from("y")];
    for (dialect, tags, none) in [
        (Dialect::V48, Value::List(x_y.to_vec()), Value::List(vec![])),
        (
            Dialect::V502,
            Value::Set(x_y.iter().cloned().collect()),
            Value::Tuple(vec![]),
        ),
    ] {
        let proxy = server.proxy(dialect);
        let metadata = proxy.metadata().unwrap();
        for method in [
            "count",
            "ping",
            "list",
            "lookup",
            "register",
            "remove",
            "set_metadata",
            "yplookup",
            "unregister",
        ] {
            assert!(metadata.methods.iter().any(|name| name == method), "{method}");
        }
        let texts: BTreeMap<String, String> = proxy.call("list", ()).unwrap();
        assert_eq!(texts["a"], uri(1).to_string());
        let found: Value = proxy.call_with("list", ("a",), &with_metadata).unwrap();
        let pair = Value::Tuple(vec![Value::from(uri(1).to_string()), tags.clone()]);
        assert_eq!(found, Value::Dict(Dict::from([("a", pair)])), "{dialect:?}");
        let (plain, other): (Uri, Value) = proxy.call_with("lookup", ("b",), &with_metadata).unwrap();
        assert_eq!((plain, other), (uri(2), none), "{dialect:?}");
        let (_, own): (Uri, Value) = proxy.call_with("lookup", ("a",), &with_metadata).unwrap();
        assert_eq!(own, tags);
        let (): () = proxy.call("ping", ()).unwrap();
        assert_eq!(proxy.call::<Value>("count", ()).unwrap(), Value::Int(3));
    }
}

// Conformance: META-06
#[test]
fn every_serializer_carries_tags() {
    let server = Server::start();
    server
        .client(Dialect::V502)
        .register_with("a", &uri(1), false, &set(&["x"]))
        .unwrap();
    for dialect in BOTH {
        for serializer in [
            Serializer::Serpent,
            Serializer::Json,
            Serializer::Marshal,
            Serializer::Msgpack,
        ] {
            let builder = Proxy::builder().dialect(dialect).serializer(serializer);
            let client = NameServer::new(builder.build(server.uri.clone()).unwrap());
            let label = format!("{dialect:?} {serializer:?}");
            assert_eq!(client.lookup("a").unwrap(), uri(1), "{label}");
            assert_eq!(
                client.lookup_with_metadata("a").unwrap(),
                (uri(1), set(&["x"])),
                "{label}"
            );
            assert_eq!(
                client.list(&Filter::any_of(["x"])).unwrap()["a"].metadata,
                set(&["x"]),
                "{label}"
            );
            client.register("b", &uri(2)).unwrap();
        }
    }
}

// Conformance: META-01, META-02, META-03, META-12
#[test]
fn tags_are_any_texts_and_are_replaced_as_a_whole() {
    let server = Server::start();
    let long = "long ".repeat(800);
    let tags = set(&["resource:printer", "a b", "é", "Tag", &long]);
    for dialect in BOTH {
        let client = server.client(dialect);
        client.register_with("printer", &uri(1), false, &tags).unwrap();
        assert_eq!(client.lookup_with_metadata("printer").unwrap().1, tags);
        for (tag, found) in [("Tag", true), ("tag", false), ("é", true), ("a", false)] {
            assert_eq!(
                names(&client, &Filter::all_of([tag])).len(),
                usize::from(found),
                "{tag}"
            );
        }
        client.set_metadata("printer", &set(&["only"])).unwrap();
        assert_eq!(
            client.lookup_with_metadata("printer").unwrap(),
            (uri(1), set(&["only"]))
        );
        client.register("printer", &uri(2)).unwrap();
        assert_eq!(client.lookup_with_metadata("printer").unwrap(), (uri(2), set(&[])));
        assert_eq!(
            raised(client.set_metadata("nobody", &tags)),
            "NamingError: unknown name: nobody"
        );
    }
}

// Conformance: META-03
#[test]
fn tags_come_as_any_collection_of_texts_but_not_as_a_text() {
    let server = Server::start();
    let items = vec![Value::from("x"), Value::from("y"), Value::from("x")];
    for dialect in BOTH {
        let proxy = server.proxy(dialect);
        let register = |tags: Value| {
            let kwargs = Dict::from([("metadata", tags)]);
            proxy.call_with::<()>("register", ("a", uri(1)), &kwargs)
        };
        for tags in [
            Value::List(items.clone()),
            Value::Tuple(items.clone()),
            Value::Set(items.iter().cloned().collect()),
        ] {
            register(tags).unwrap();
            let client = server.client(dialect);
            assert_eq!(client.lookup_with_metadata("a").unwrap().1, set(&["x", "y"]));
        }
        register(Value::None).unwrap();
        let not_a_text = "TypeError: metadata should not be a str, but another iterable (set, list, etc)";
        assert_eq!(raised(register(Value::from("x"))), not_a_text);
        assert_eq!(raised(proxy.call::<()>("set_metadata", ("a", "x"))), not_a_text);
        assert_eq!(
            raised(register(Value::Int(5))),
            "TypeError: 'int' object is not iterable"
        );
    }
}

// Conformance: META-07, META-08, META-09
#[test]
fn finds_those_with_all_tags_and_those_with_any() {
    let server = Server::start();
    let client = server.client(Dialect::V48);
    for (name, tags) in [
        ("printer.first", &["printer"][..]),
        ("printer.second", &["printer", "communication"]),
        ("storage.disk", &["storage"]),
        ("storage.tape", &["storage", "slow"]),
        ("untagged", &[]),
    ] {
        client.register_with(name, &uri(1), false, &set(tags)).unwrap();
    }
    for dialect in BOTH {
        let client = server.client(dialect);
        let all = |tags: &[&str]| names(&client, &Filter::all_of(tags.iter().copied()));
        let any = |tags: &[&str]| names(&client, &Filter::any_of(tags.iter().copied()));
        assert_eq!(all(&["printer"]), ["printer.first", "printer.second"]);
        assert_eq!(all(&["communication", "printer"]), ["printer.second"]);
        assert!(all(&["printer", "storage"]).is_empty());
        assert_eq!(any(&["printer", "storage", "unknown"]).len(), 4);
        assert_eq!(any(&["slow", "communication"]), ["printer.second", "storage.tape"]);
        assert!(any(&["unknown"]).is_empty());
    }
    let texts: BTreeMap<String, String> = server
        .proxy(Dialect::V48)
        .call_with(
            "list",
            (),
            &Dict::from([("metadata_all", Value::List(vec![Value::from("slow")]))]),
        )
        .unwrap();
    assert_eq!(texts, BTreeMap::from([("storage.tape".to_owned(), uri(1).to_string())]));
}

// Conformance: META-09
#[test]
fn filters_exclude_each_other() {
    let server = Server::start();
    let one_only = "ValueError: you can only filter on one thing at a time";
    let pyro4 = server.proxy(Dialect::V48);
    let filters = ["prefix", "regex", "metadata_all", "metadata_any"];
    for first in filters {
        for second in filters.into_iter().filter(|second| *second != first) {
            let kwargs = Dict::from([(first, "x"), (second, "")]);
            assert_eq!(
                raised(pyro4.call_with::<Value>("list", (), &kwargs)),
                one_only,
                "{first} {second}"
            );
        }
    }
    let pyro5 = server.proxy(Dialect::V502);
    assert_eq!(raised(pyro5.call::<Value>("list", ("x", "y"))), one_only);
    let found: Dict = pyro5.call("list", ("Pyro", "")).unwrap();
    assert_eq!(found.len(), 1);
    let tags = Value::List(vec![Value::from("x")]);
    let error = raised(pyro5.call::<Value>("yplookup", (tags.clone(), tags)));
    assert_eq!(error, "ValueError: you can't use meta_all or meta_any at the same time");
    for (method, filter, parameter) in [("list", "metadata_all", 0), ("list", "metadata_any", 1)] {
        let error = raised(pyro4.call_with::<Value>(method, (), &Dict::from([(filter, "text")])));
        let text = format!("TypeError: {filter} should not be a str, but another iterable (set, list, etc)");
        assert_eq!(error, text);
        let pyro5_filter = ["meta_all", "meta_any"][parameter];
        assert_eq!(
            raised(pyro5.call_with::<Value>("yplookup", (), &Dict::from([(pyro5_filter, "text")]))),
            text
        );
    }
}

#[test]
fn empty_filters_are_none() {
    let server = Server::start();
    for dialect in BOTH {
        let proxy = server.proxy(dialect);
        for (filter, empty) in [
            ("prefix", Value::from("")),
            ("regex", Value::from("")),
            ("metadata_all", Value::List(vec![])),
            ("metadata_any", Value::Tuple(vec![])),
        ] {
            let found: Dict = proxy.call_with("list", (), &Dict::from([(filter, empty)])).unwrap();
            assert_eq!(found.len(), 1, "{filter}");
        }
        assert!(proxy.call::<Dict>("yplookup", ()).unwrap().is_empty());
    }
    // The third parameter of Pyro5's list is return_metadata.
    let found: BTreeMap<String, (String, BTreeSet<String>)> =
        server.proxy(Dialect::V502).call("list", ("", "", true)).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn lists_by_prefix_literally_and_by_regular_expression_from_the_start() {
    let server = Server::start();
    for name in ["a_b", "a_B", "A_b", "axb", "a%b", "b.a"] {
        server.client(Dialect::V502).register(name, &uri(1)).unwrap();
    }
    for dialect in BOTH {
        let client = server.client(dialect);
        let prefix = |prefix: &str| names(&client, &Filter::Prefix(prefix.to_owned()));
        let regex = |regex: &str| names(&client, &Filter::Regex(regex.to_owned()));
        assert_eq!(prefix("a_"), ["a_B", "a_b"]);
        assert_eq!(prefix("a%"), ["a%b"]);
        assert_eq!(regex("a"), ["a%b", "a_B", "a_b", "axb"]);
        assert_eq!(regex("b|A"), ["A_b", "b.a"]);
        let error = raised(client.list(&Filter::Regex("(".to_owned())));
        assert_eq!(
            error,
            "NamingError: invalid regex: missing ), unterminated subpattern at position 0"
        );
    }
}

// Conformance: REG-02
#[test]
fn refuses_what_is_no_name_and_no_uri() {
    let server = Server::start();
    for dialect in BOTH {
        let proxy = server.proxy(dialect);
        let register = |name: Value, uri: Value| raised(proxy.call::<()>("register", (name, uri)));
        let good = || Value::from("PYRO:a@b:1");
        assert_eq!(register(Value::Int(5), good()), "TypeError: name must be a str");
        assert_eq!(
            register("a".into(), Value::Int(5)),
            "TypeError: only URIs or strings can be registered"
        );
        assert_eq!(
            register("a".into(), Value::None),
            "TypeError: only URIs or strings can be registered"
        );
        assert_eq!(register("a".into(), "nonsense".into()), "PyroError: invalid uri");
        let kwargs = Dict::from([("uri", good()), ("name", "keyword".into())]);
        let () = proxy.call_with("register", (), &kwargs).unwrap();
        let () = proxy.call("register", ("object", uri(3))).unwrap();
        assert_eq!(server.client(dialect).lookup("object").unwrap(), uri(3));
        let missing = raised(proxy.call::<()>("register", ("a",)));
        assert!(
            missing.starts_with("TypeError: ") && missing.contains("'uri'"),
            "{missing}"
        );
    }
}

// Conformance: REG-03
#[test]
fn one_of_two_that_register_safely_at_once_wins() {
    let server = Server::start();
    for round in 0..20 {
        let name = format!("name{round}");
        let results: Vec<_> = thread::scope(|scope| {
            let threads = BOTH.map(|dialect| {
                let client = server.client(dialect);
                let name = &name;
                scope.spawn(move || client.register_with(name, &uri(dialect.version().into()), true, &set(&[])))
            });
            threads.map(|thread| thread.join().unwrap()).into()
        });
        let winner = results.iter().position(Result::is_ok).unwrap();
        let loser = raised(results.into_iter().find(Result::is_err).unwrap());
        assert_eq!(loser, format!("NamingError: name already registered: {name}"));
        let expected = uri(BOTH[winner].version().into());
        assert_eq!(server.client(Dialect::V502).lookup(&name).unwrap(), expected);
    }
}

// Conformance: REG-04
#[test]
fn removes_by_name_prefix_and_regex_but_never_itself() {
    let server = Server::start();
    for dialect in BOTH {
        for method in ["remove", "unregister"] {
            let client = server.client(dialect);
            let proxy = server.proxy(dialect);
            let remove =
                |key: &str, value: &str| -> usize { proxy.call_with(method, (), &Dict::from([(key, value)])).unwrap() };
            for name in ["a", "a.b", "b.a", "b.b", "c"] {
                client.register(name, &uri(1)).unwrap();
            }
            assert_eq!(remove("name", "a"), 1);
            assert_eq!(remove("name", "a"), 0);
            assert_eq!(raised(client.lookup("a")), "NamingError: unknown name: a");
            assert_eq!(remove("prefix", "b."), 2);
            assert_eq!(remove("name", "Pyro.NameServer"), 0);
            assert_eq!(remove("prefix", "Pyro"), 0);
            assert_eq!(remove("regex", ".*"), 2);
            assert_eq!(names(&client, &Filter::All), ["Pyro.NameServer"]);
            assert_eq!(proxy.call::<usize>(method, ()).unwrap(), 0);
        }
    }
}

#[test]
fn pyro4_goes_on_to_the_other_filters_where_pyro5_stops() {
    let server = Server::start();
    for (dialect, removed) in [(Dialect::V48, 1), (Dialect::V502, 0)] {
        server.client(dialect).register("a.b", &uri(1)).unwrap();
        let proxy = server.proxy(dialect);
        assert_eq!(
            proxy.call::<usize>("remove", ("nobody", "a.")).unwrap(),
            removed,
            "{dialect:?}"
        );
    }
}

// Conformance: REG-07
#[test]
fn uris_are_kept_as_they_are() {
    let server = Server::start();
    for text in [
        "PYRO:obj@foreign.example.org:55555",
        "PYRO:obj@[::1]:5",
        "PYRO:obj@./u:/tmp/my sock",
        "PYRONAME:other@host:9999",
        "PYROMETA:a,b",
    ] {
        for dialect in BOTH {
            let proxy = server.proxy(dialect);
            let () = proxy.call("register", ("x", text)).unwrap();
            let texts: BTreeMap<String, String> = proxy.call("list", ("x",)).unwrap();
            assert_eq!(texts["x"], text);
            assert_eq!(server.client(dialect).lookup("x").unwrap(), text.parse().unwrap());
        }
    }
}

// Conformance: META-10, LOC-11
#[test]
fn resolves_names_and_tags() {
    let server = Server::start();
    let client = server.client(Dialect::V502);
    client.register_with("one", &uri(1), false, &set(&["a", "b"])).unwrap();
    client.register_with("two", &uri(2), false, &set(&["a", "b"])).unwrap();
    client.register_with("half", &uri(3), false, &set(&["a"])).unwrap();
    client.register("untagged", &uri(4)).unwrap();
    let location = server.uri.location().unwrap();
    let resolve =
        |text: &str| naming::resolve_with(&format!("{text}@{location}").parse().unwrap(), &Settings::default());
    assert_eq!(resolve("PYRONAME:half").unwrap(), uri(3));
    assert_eq!(raised(resolve("PYRONAME:nobody")), "NamingError: unknown name: nobody");
    let found: BTreeSet<String> = (0..100).map(|_| resolve("PYROMETA:a,b").unwrap().to_string()).collect();
    assert_eq!(found, BTreeSet::from([uri(1).to_string(), uri(2).to_string()]));
    let error = resolve("PYROMETA:a,c").unwrap_err();
    assert_eq!(
        error.message(),
        "no registrations available with desired metadata properties {'a', 'c'}"
    );
    let pyro = uri(5);
    assert_eq!(naming::resolve_with(&pyro, &Settings::default()).unwrap(), pyro);
}

#[test]
fn what_is_too_long_or_too_many_is_refused() {
    let server = Server::start();
    let client = server.client(Dialect::V502);
    let fitting = "n".repeat(4096);
    client.register(&fitting, &uri(1)).unwrap();
    assert_eq!(client.lookup(&fitting).unwrap(), uri(1));
    let error = raised(client.register(&"n".repeat(4097), &uri(1)));
    assert_eq!(error, "ValueError: the name is longer than 4096 bytes");
    let error = raised(client.set_metadata(&fitting, &set(&[&"t".repeat(4097)])));
    assert_eq!(error, "ValueError: a metadata tag is longer than 4096 bytes");
    let tags: BTreeSet<String> = (0..256).map(|number| number.to_string()).collect();
    client.set_metadata(&fitting, &tags).unwrap();
    let more: BTreeSet<String> = (0..257).map(|number| number.to_string()).collect();
    assert_eq!(
        raised(client.set_metadata(&fitting, &more)),
        "ValueError: more than 256 metadata tags"
    );
    assert_eq!(client.lookup_with_metadata(&fitting).unwrap().1, tags);
}

#[test]
fn requests_are_limited_to_a_megabyte_and_answers_are_not() {
    let server = Server::start();
    let client = server.client(Dialect::V502);
    for number in 0..400 {
        client
            .register(&format!("{number}{}", "n".repeat(4000)), &uri(1))
            .unwrap();
    }
    assert_eq!(client.list(&Filter::All).unwrap().len(), 401);
    let too_long = server.proxy(Dialect::V502);
    too_long
        .call::<()>("register", ("n".repeat((1 << 20) + 1), uri(1)))
        .unwrap_err();
    client.ping().unwrap();
    assert_eq!(client.count().unwrap(), 401);
}

#[test]
fn stops_when_it_is_told_to() {
    let server = Server::start();
    let client = server.client(Dialect::V502);
    client.ping().unwrap();
    let location = server.uri.location().cloned();
    server.running.stop();
    assert!(naming::locate_ns_with(location.as_ref(), &Settings::default()).is_err());
}
