//! `#[derive(PyroClass)]`: structs as objects of a class, through every serializer of both generations, and as values.
#![allow(unreachable_pub)] // #[expose] goes by `pub`

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use ferropyro::formats::{self, Instance, from_value, json, marshal, msgpack, serpent, to_value};
use ferropyro::{
    Bytes, Daemon, Dialect, Dict, Error, ErrorKind, Exception, Proxy, PyroClass, Raise, Serializer, Set, Value, expose,
};

#[derive(Debug, Clone, PartialEq, PyroClass)]
#[pyro(class = "shop.Order", alias = "oldshop.Order", alias = "Order")]
struct Order {
    number: u32,
    #[pyro(name = "items")]
    lines: Vec<Line>,
    r#type: Option<String>,
    #[pyro(default)]
    notes: BTreeMap<String, Line>,
    #[pyro(skip)]
    printed: bool,
}

#[derive(Debug, Clone, PartialEq, PyroClass)]
#[pyro(class = "shop.Line")]
struct Line {
    thing: String,
    count: f64,
}

fn order() -> Order {
    Order {
        number: 7,
        lines: vec![line("lamp"), line("égg")],
        r#type: None,
        notes: BTreeMap::from([("gift".to_owned(), line("ribbon"))]),
        printed: false,
    }
}

fn line(thing: &str) -> Line {
    Line {
        thing: thing.to_owned(),
        count: 2.5,
    }
}

fn instance(class: &str, attributes: Dict) -> Value {
    Value::from(Instance {
        class: class.to_owned(),
        attributes,
    })
}

#[derive(Debug, PartialEq, PyroClass)]
#[pyro(class = "shop.OutOfStock", alias = "oldshop.OutOfStock", exception)]
struct OutOfStock {
    thing: String,
    line: Line,
    #[pyro(default)]
    hint: Option<String>,
}

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} left", self.thing)
    }
}

struct Shop;

#[expose]
impl Shop {
    pub fn echo(&self, order: Order) -> Order {
        order
    }

    pub fn echo_all(
        &self,
        orders: Vec<Order>,
        by_name: BTreeMap<String, Order>,
    ) -> (Vec<Order>, BTreeMap<String, Order>) {
        (orders, by_name)
    }

    pub fn data(&self, value: Value) -> Value {
        value
    }

    /// What a peer without the class sees.
    pub fn shown(&self, value: Value) -> String {
        value.to_string()
    }

    pub fn uri_class(&self, value: Value) -> String {
        value.type_name().to_owned()
    }

    pub fn fail(&self, thing: String) -> Result<(), OutOfStock> {
        Err(OutOfStock {
            line: line(&thing),
            thing,
            hint: None,
        })
    }

    pub fn fail_as(&self, class: String) -> Result<(), Raise> {
        Err(Exception::new(&class, "no lamp left").attribute("thing", "lamp").into())
    }

    pub fn fail_in_vain(&self) -> Result<(), Unwritable> {
        Err(Unwritable {
            map: BTreeMap::from([(vec![1], 1)]),
        })
    }

    pub fn echo_error(&self, error: OutOfStock) -> OutOfStock {
        error
    }
}

/// A list is no key in Python.
#[derive(Debug, PyroClass)]
#[pyro(class = "shop.Unwritable", exception)]
struct Unwritable {
    map: BTreeMap<Vec<u8>, u8>,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.map)
    }
}

static SHOP: LazyLock<ferropyro::Uri> = LazyLock::new(|| {
    let daemon = Daemon::new().unwrap();
    let uri = daemon.register("shop", Shop).unwrap();
    // Serves as long as the process lives.
    std::mem::forget(daemon.start());
    uri
});

const SERIALIZERS: [Serializer; 4] = [
    Serializer::Serpent,
    Serializer::Json,
    Serializer::Marshal,
    Serializer::Msgpack,
];

/// A proxy of the shop with every serializer in both generations.
fn every_proxy() -> Vec<(Proxy, String)> {
    let mut proxies = Vec::new();
    for serializer in SERIALIZERS {
        for dialect in [Dialect::V48, Dialect::V502] {
            let builder = Proxy::builder().serializer(serializer).dialect(dialect);
            let what = format!("{} {dialect}", serializer.name());
            proxies.push((builder.build(SHOP.clone()).unwrap(), what));
        }
    }
    proxies
}

fn failure(proxy: &Proxy, method: &str, value: impl Into<Value>) -> Error {
    proxy.call::<Value>(method, (value.into(),)).unwrap_err()
}

// Conformance: SER-09
#[test]
fn an_object_goes_there_and_back() {
    for (proxy, what) in every_proxy() {
        let sent = Order {
            printed: true,
            ..order()
        };
        assert_eq!(proxy.call::<Order>("echo", (sent,)).unwrap(), order(), "{what}");
    }
}

// Conformance: SER-09
#[test]
fn objects_go_in_lists_and_dicts() {
    for (proxy, what) in every_proxy() {
        let orders = vec![order(), order()];
        let by_name = BTreeMap::from([("first".to_owned(), order())]);
        let (list, map): (Vec<Order>, BTreeMap<String, Order>) = proxy.call("echo_all", (&orders, &by_name)).unwrap();
        assert_eq!((list, map), (orders, by_name), "{what}");
    }
}

// Conformance: SER-09
#[test]
fn to_a_peer_that_does_not_know_the_class_it_is_data_with_its_name() {
    for (proxy, what) in every_proxy() {
        let Value::Instance(instance) = proxy.call("data", (order(),)).unwrap() else {
            panic!("an object, {what}");
        };
        assert_eq!(instance.class, "shop.Order");
        let names: Vec<&str> = instance
            .attributes
            .iter()
            .filter_map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["number", "items", "type", "notes"], "{what}");
        assert_eq!(proxy.call::<Order>("data", (order(),)).unwrap(), order(), "{what}");
    }
}

#[test]
fn the_class_stands_behind_the_attributes() {
    let expected = b"{'thing':'x','count':2.5,'__class__':'shop.Line'}";
    assert_eq!(&serpent::to_vec(&line("x")).unwrap()[26..], expected);
}

#[test]
fn it_becomes_an_instance_as_a_value_and_is_read_from_one() {
    let value = to_value(&order()).unwrap();
    let Value::Instance(instance) = &value else {
        panic!("an object: {value}");
    };
    assert_eq!(instance.class, "shop.Order");
    let Some(lines) = instance.attributes.get("items").and_then(Value::as_sequence) else {
        panic!("a list in {value}");
    };
    assert_eq!(lines[0], to_value(&line("lamp")).unwrap());
    assert!(matches!(&lines[0], Value::Instance(line) if line.class == "shop.Line"));
    assert_eq!(from_value::<Order>(value).unwrap(), order());
}

#[test]
fn a_dict_that_does_not_say_what_it_is_will_do() {
    let read: Line = json::from_slice(br#"{"thing": "x", "count": 2.5}"#).unwrap();
    assert_eq!(read, line("x"));
    let dict = Dict::from([("count", Value::from(2.5)), ("thing", Value::from("x"))]);
    assert_eq!(from_value::<Line>(dict.into()).unwrap(), line("x"));
}

#[test]
fn the_class_may_stand_anywhere_and_have_an_alias() {
    for text in [
        &b"{'__class__': 'shop.Order', 'number': 7, 'items': [], 'type': 'x'}"[..],
        b"{'number': 7, '__class__': 'oldshop.Order', 'items': [], 'type': 'x'}",
        b"{'number': 7, 'items': [], 'type': 'x', '__class__': 'Order'}",
    ] {
        let order: Order = serpent::from_slice(text).unwrap();
        assert_eq!((order.number, order.r#type.as_deref()), (7, Some("x")));
    }
}

#[test]
fn the_texts_of_python_2_are_read() {
    let bytes = |text: &str| Value::Bytes(text.as_bytes().to_vec());
    let dict: Dict = [
        (bytes("thing"), bytes("x")),
        (bytes("count"), Value::Float(2.5)),
        (bytes("__class__"), bytes("shop.Line")),
    ]
    .into_iter()
    .collect();
    let read: Line = marshal::from_slice(&marshal::to_vec(&dict).unwrap()).unwrap();
    assert_eq!(read, line("x"));
}

#[test]
fn attributes_that_the_struct_lacks_are_passed_over() {
    let text = b"{'extra': [1, {'__class__': 'a.__b__'}], 'thing': 'x', 'count': 1, 'more': None, 'printed': 1}";
    assert_eq!(serpent::from_slice::<Line>(text).unwrap().thing, "x");
    let text = br#"{"number": 1, "items": [], "type": null, "printed": true}"#;
    assert!(!json::from_slice::<Order>(text).unwrap().printed);
}

#[test]
fn a_missing_attribute_is_an_error_unless_it_has_a_default() {
    let error = json::from_slice::<Order>(br#"{"number": 7, "items": []}"#).unwrap_err();
    assert_eq!(
        error.message(),
        "an object of class shop.Order without the attribute 'type'"
    );
    assert_eq!(error.kind(), formats::ErrorKind::Data);
    let order: Order = json::from_slice(br#"{"number": 7, "items": [], "type": null}"#).unwrap();
    assert_eq!(order.notes, BTreeMap::new());
}

#[test]
fn the_last_of_several_values_counts_as_in_python() {
    let text = br#"{"thing": 1, "count": 1, "thing": "x", "count": 2.5}"#;
    assert!(json::from_slice::<Line>(text).is_err());
    let text = br#"{"thing": "y", "count": 1, "thing": "x", "count": 2.5}"#;
    assert_eq!(json::from_slice::<Line>(text).unwrap(), line("x"));
}

// Conformance: SER-09
#[test]
fn another_class_is_refused_with_both_names() {
    let stranger = || instance("shop.Customer", Dict::from([("name", "x")]));
    for (proxy, what) in every_proxy() {
        let error = failure(&proxy, "echo", stranger());
        let text = "an object of class shop.Customer where one of class shop.Order belongs";
        assert_eq!(error.kind(), ErrorKind::Remote);
        assert_eq!(
            error.to_string(),
            format!("TypeError: Shop.echo() argument 'order': {text}"),
            "{what}"
        );
        let error = proxy.call::<Order>("data", (stranger(),)).unwrap_err();
        assert_eq!((error.kind(), error.as_remote()), (ErrorKind::Serialize, None));
        assert!(error.message().starts_with(text), "{error}, {what}");
        assert_eq!(proxy.call::<Order>("echo", (order(),)).unwrap(), order(), "{what}");
    }
}

// Conformance: SER-09
#[test]
fn a_class_with_double_underscores_is_a_security_error_on_either_end() {
    let refused = "refused to deserialize types with double underscores in their name: __main__.Order";
    let order = || instance("__main__.Order", Dict::from([("x", 1)]));
    for (proxy, what) in every_proxy() {
        let error = failure(&proxy, "data", Value::List(vec![order()]));
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Security, refused),
            "{what}"
        );
        assert!(error.as_remote().is_some());
        let error = failure(&proxy, "fail_as", "__main__.MyError");
        assert_eq!(error.kind(), ErrorKind::Security, "{what}");
        assert!(error.message().ends_with("name: __main__.MyError"), "{error}");
        assert_eq!(proxy.call::<String>("shown", (1,)).unwrap(), "1", "{what}");
    }
}

#[test]
fn whoever_asks_for_a_class_gets_it_whatever_its_name() {
    #[derive(Debug, PartialEq, PyroClass)]
    #[pyro(class = "__main__.Order")]
    struct Order {
        x: i64,
    }
    for (proxy, what) in every_proxy() {
        let sent = serpent::to_vec(&Order { x: 1 }).unwrap();
        assert_eq!(serpent::from_slice::<Order>(&sent).unwrap(), Order { x: 1 });
        assert_eq!(
            failure(&proxy, "data", to_value(&Order { x: 1 }).unwrap()).kind(),
            ErrorKind::Security,
            "{what}"
        );
    }
}

/// A class of Pyro's own, which has another name in each generation.
#[derive(Debug, PartialEq, PyroClass)]
#[pyro(class = "Pyro5.client.Proxy")]
struct ProxyState {
    state: Vec<String>,
}

#[test]
fn a_class_of_pyros_own_goes_by_the_name_of_the_peers_generation() {
    for (proxy, what) in every_proxy() {
        let state = ProxyState { state: vec![] };
        let class: String = proxy.call("uri_class", (state,)).unwrap();
        let expected = match what.contains("Pyro4") {
            true => "Pyro4.core.Proxy",
            false => "Pyro5.client.Proxy",
        };
        assert_eq!(class, expected, "{what}");
    }
    for class in ["Pyro4.core.Proxy", "Pyro5.client.Proxy"] {
        let value = instance(class, Dict::from([("state", Value::List(vec![]))]));
        assert_eq!(from_value::<ProxyState>(value).unwrap(), ProxyState { state: vec![] });
    }
}

#[derive(Debug, Clone, PartialEq, PyroClass)]
#[pyro(class = "shop.Page")]
struct Page<T, const N: usize>
where
    T: PartialEq,
{
    items: Vec<T>,
    #[pyro(default)]
    next: Option<Box<Page<T, N>>>,
}

#[derive(Debug, PartialEq, PyroClass)]
#[pyro(class = "shop.Labelled")]
struct Labelled<T, L: Clone> {
    thing: T,
    #[pyro(skip)]
    label: Option<L>,
}

#[test]
fn a_class_may_have_type_parameters_and_contain_itself() {
    let page = |items, next| Page::<Line, 3> { items, next };
    let first = page(vec![], Some(Box::new(page(vec![line("x")], None))));
    let bytes = msgpack::to_vec(&first).unwrap();
    assert_eq!(msgpack::from_slice::<Page<Line, 3>>(&bytes).unwrap(), first);
}

#[test]
fn a_type_that_is_not_sent_need_be_none_of_serdes() {
    #[derive(Debug, Clone, PartialEq)]
    struct Opaque;
    let labelled = |label| Labelled { thing: 5, label };
    let bytes = msgpack::to_vec(&labelled(Some(Opaque))).unwrap();
    let read: Labelled<i64, Opaque> = msgpack::from_slice(&bytes).unwrap();
    assert_eq!(read, labelled(None));
}

#[test]
fn a_class_may_have_no_attributes() {
    #[derive(Debug, PartialEq, PyroClass)]
    #[pyro(class = "shop.Nothing")]
    struct Nothing;

    #[derive(Debug, PartialEq, PyroClass)]
    #[pyro(class = "shop.Nothing")]
    struct Empty {}

    let value = to_value(&Nothing).unwrap();
    assert_eq!(value, instance("shop.Nothing", Dict::new()));
    assert_eq!(from_value::<Empty>(value.clone()).unwrap(), Empty {});
    assert_eq!(from_value::<Nothing>(value).unwrap(), Nothing);
}

#[test]
fn fields_may_be_of_pythons_own_types_and_have_any_name() {
    #[derive(Debug, PartialEq, PyroClass)]
    #[pyro(class = "shop.Everything")]
    struct Everything {
        __out: Bytes,
        __attributes: Set<i64>,
        field0: (i64, String),
        __name: Option<Dict>,
        serializer: Value,
    }
    let everything = Everything {
        __out: Bytes::from(vec![0, 255]),
        __attributes: [1, 2].into_iter().collect(),
        field0: (1, "x".to_owned()),
        __name: Some(Dict::from([("a", 1)])),
        serializer: Value::from("y"),
    };
    let bytes = marshal::to_vec(&everything).unwrap();
    assert_eq!(marshal::from_slice::<Everything>(&bytes).unwrap(), everything);
    assert_eq!(
        from_value::<Everything>(to_value(&everything).unwrap()).unwrap(),
        everything
    );
}

#[test]
fn what_is_no_object_is_refused_with_the_class_that_belongs_there() {
    for text in [&b"5"[..], b"'x'", b"[1]", b"None"] {
        let error = serpent::from_slice::<Line>(text).unwrap_err();
        assert!(
            error.message().ends_with("expected an object of class shop.Line"),
            "{error}"
        );
    }
}

#[test]
fn no_prefix_of_an_object_is_one() {
    for cut in 0..json::to_vec(&order()).unwrap().len() {
        assert!(json::from_slice::<Order>(&json::to_vec(&order()).unwrap()[..cut]).is_err());
    }
}

// Conformance: SER-09
#[test]
fn an_exception_of_ones_own_is_raised_and_caught() {
    for (proxy, what) in every_proxy() {
        let error = failure(&proxy, "fail", "lamp");
        assert_eq!(error.to_string(), "OutOfStock: no lamp left", "{what}");
        let remote = error.as_remote().unwrap();
        assert_eq!(remote.class(), "shop.OutOfStock");
        let caught = OutOfStock::try_from(remote).unwrap();
        let raised = OutOfStock {
            thing: "lamp".to_owned(),
            line: line("lamp"),
            hint: None,
        };
        assert_eq!(caught, raised, "{what}");
    }
}

#[test]
fn an_exception_may_have_an_alias_and_lack_what_has_a_default() {
    for class in ["shop.OutOfStock", "oldshop.OutOfStock"] {
        let exception = Exception::new(class, "gone")
            .attribute("line", to_value(&line("x")).unwrap())
            .attribute("thing", "x")
            .attribute("_pyroTraceback", vec!["one"]);
        let read: OutOfStock = from_value(exception.into()).unwrap();
        assert_eq!((read.thing.as_str(), read.line), ("x", line("x")));
    }
}

#[test]
fn an_exception_may_come_without_attributes() {
    #[derive(Debug, PartialEq, PyroClass)]
    #[pyro(class = "builtins.StopIteration", exception)]
    struct Stop {
        #[pyro(default)]
        code: Option<u8>,
    }

    impl fmt::Display for Stop {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("stop")
        }
    }

    // Python 2 names its exceptions otherwise, or by a bare name.
    for class in ["builtins.StopIteration", "exceptions.StopIteration", "StopIteration"] {
        let sent = format!(r#"{{"__class__": "{class}", "args": []}}"#);
        assert_eq!(json::from_slice::<Stop>(sent.as_bytes()).unwrap(), Stop { code: None });
    }
    for (proxy, what) in every_proxy() {
        let error = failure(&proxy, "fail_as", "StopIteration");
        assert_eq!(
            Stop::try_from(error.as_remote().unwrap()).unwrap(),
            Stop { code: None },
            "{what}"
        );
    }
    let error = json::from_slice::<OutOfStock>(br#"{"__class__": "shop.OutOfStock"}"#).unwrap_err();
    assert_eq!(
        error.message(),
        "an object of class shop.OutOfStock without the attribute 'thing'"
    );
    let error = json::from_slice::<OutOfStock>(b"[]").unwrap_err();
    assert_eq!(
        error.message(),
        "invalid type: sequence, expected an exception of class shop.OutOfStock"
    );
}

#[test]
fn another_exception_is_not_taken_for_it() {
    for (proxy, what) in every_proxy() {
        let text = "an object of class builtins.LookupError where one of class shop.OutOfStock belongs";
        let error = failure(&proxy, "fail_as", "LookupError");
        let why = OutOfStock::try_from(error.as_remote().unwrap()).unwrap_err();
        assert_eq!((why.kind(), why.message()), (ErrorKind::Serialize, text), "{what}");
        let error = failure(&proxy, "fail_as", "shop.OutOfStock");
        let why = OutOfStock::try_from(error.as_remote().unwrap()).unwrap_err();
        assert_eq!(
            why.message(),
            "an object of class shop.OutOfStock without the attribute 'line'",
            "{what}"
        );
    }
}

#[test]
fn an_exception_can_be_an_argument_and_a_result() {
    let error = || OutOfStock {
        thing: "x".to_owned(),
        line: line("y"),
        hint: Some("z".to_owned()),
    };
    for (proxy, what) in every_proxy() {
        assert_eq!(
            proxy.call::<OutOfStock>("echo_error", (error(),)).unwrap(),
            error(),
            "{what}"
        );
        let Value::Exception(shown) = proxy.call("data", (error(),)).unwrap() else {
            panic!("an exception, {what}");
        };
        assert_eq!(shown.args, [Value::from("no x left")]);
        let text = failure(&proxy, "echo_error", to_value(&order()).unwrap()).to_string();
        let expected = "an object of class shop.Order where one of class shop.OutOfStock belongs";
        assert!(text.ends_with(expected), "{text}, {what}");
    }
}

#[test]
fn an_exception_that_cannot_be_written_says_so() {
    for (proxy, what) in every_proxy() {
        let error = proxy.call::<()>("fail_in_vain", ()).unwrap_err();
        assert_eq!(error.to_string(), "TypeError: unhashable type: 'list'", "{what}");
    }
}
