//! Class dicts: which classes are data, and which are refused, in all formats.

mod common;

use ferropyro_formats::{
    ClassDict, ClassName, Dict, Error, ErrorKind, Exception, Instance, Value, from_value, json, marshal, msgpack,
    serpent, to_value,
};
use serde::ser::{Serialize, SerializeStruct, Serializer};

const REFUSED: [&str; 5] = ["__main__.Order", "a.__b__", "a__b", "__", "shop.Order__"];
const ACCEPTED: [&str; 5] = ["shop.Order", "_shop_._Order_", "_", "", "Pyro5.core.URI"];

type Write = fn(&Value) -> Result<Vec<u8>, Error>;
type Read = fn(&[u8]) -> Result<Value, Error>;

const FORMATS: [(&str, Write, Read); 4] = [
    ("serpent", serpent::to_vec, |bytes| serpent::from_slice(bytes)),
    ("json", json::to_vec, |bytes| json::from_slice(bytes)),
    ("marshal", marshal::to_vec, |bytes| marshal::from_slice(bytes)),
    ("msgpack", msgpack::to_vec, |bytes| msgpack::from_slice(bytes)),
];

fn instance(class: &str) -> Value {
    Value::from(Instance {
        class: class.to_owned(),
        attributes: Dict::from([("x", 1)]),
    })
}

fn refusal(class: &str) -> String {
    format!("refused to deserialize types with double underscores in their name: {class}")
}

// Conformance: SER-09
#[test]
fn a_class_that_nobody_knows_is_data() {
    for (format, write, read) in FORMATS {
        for class in ACCEPTED {
            let value = Value::List(vec![instance(class), Value::Int(2)]);
            assert_eq!(read(&write(&value).unwrap()).unwrap(), value, "{format}, {class}");
        }
    }
}

// Conformance: SER-09
#[test]
fn a_class_with_double_underscores_in_its_name_is_refused_wherever_it_stands() {
    let places: [fn(Value) -> Value; 4] = [
        |object| object,
        |object| Value::List(vec![Value::Int(1), Value::List(vec![object])]),
        |object| Dict::from([("key", object)]).into(),
        |object| Exception::new("ValueError", "x").attribute("about", object).into(),
    ];
    for (format, write, read) in FORMATS {
        for class in REFUSED {
            for place in places {
                let error = read(&write(&place(instance(class))).unwrap()).unwrap_err();
                assert_eq!(
                    (error.kind(), error.message()),
                    (ErrorKind::Security, refusal(class).as_str()),
                    "{format}"
                );
            }
        }
    }
}

// Conformance: SER-09
#[test]
fn so_is_an_exception_of_such_a_class() {
    let exception = |class: &str| Value::from(Exception::new(class, "x"));
    for (format, write, read) in FORMATS {
        let error = read(&write(&exception("__main__.MyError")).unwrap()).unwrap_err();
        assert_eq!(error.message(), refusal("__main__.MyError"), "{format}");
        let known = exception("shop.MyError");
        let read = read(&write(&known).unwrap()).unwrap();
        assert_eq!(read.type_name(), "shop.MyError", "{format}");
    }
}

#[test]
fn so_is_a_class_in_the_bytes_of_python_2() {
    let dict = Dict::from([("__class__", Value::Bytes(b"a.__b__".to_vec()))]);
    let error = marshal::from_slice::<Value>(&marshal::to_vec(&dict).unwrap()).unwrap_err();
    assert_eq!(error.message(), refusal("a.__b__"));
}

// Conformance: SER-09
#[test]
fn what_pyro_refuses_for_its_underscores_is_refused_and_nothing_else() {
    let mut refused = 0;
    let json: Read = |bytes| json::from_slice(bytes);
    let serpent: Read = |bytes| serpent::from_slice(bytes);
    for (file, read) in [("decode_class_json", json), ("decode_class_serpent", serpent)] {
        for case in common::decode_cases(file) {
            let theirs = case.by("pyro5/py3.11.7").and_then(|result| result.as_ref().err());
            let ours = read(&case.bytes);
            match theirs.filter(|error| error.class.ends_with(".SecurityError")) {
                Some(theirs) => {
                    let ours = ours.unwrap_err();
                    assert_eq!(ours.kind(), ErrorKind::Security);
                    assert_eq!(ours.message(), theirs.message, "{}", case.name);
                    refused += 1;
                }
                None => assert!(ours.is_ok(), "{}: {ours:?}", case.name),
            }
        }
    }
    assert_eq!(refused, 6);
}

#[test]
fn the_dict_of_a_float_without_a_literal_is_no_class_dict() {
    let nan: Value = serpent::from_slice(b"{'__class__':'float','value':'nan'}").unwrap();
    assert_eq!(nan, Value::Float(f64::NAN));
}

#[test]
fn the_other_errors_about_variants_keep_their_words() {
    #[derive(Debug, serde::Deserialize)]
    enum Colour {
        Red,
    }
    let error = json::from_slice::<Colour>(b"\"Blue\"").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert_eq!(error.message(), "unknown variant `Blue`, expected `Red`");
    assert!(matches!(json::from_slice(b"\"Red\""), Ok(Colour::Red)));
}

#[test]
fn another_format_of_serde_refuses_them_in_its_own_words() {
    let error = serde_json::from_str::<Value>(r#"{"__class__": "a.__b__"}"#).unwrap_err();
    let text = error.to_string();
    let expected = "unknown variant `a.__b__`, expected `a class without double underscores in its name`";
    assert!(text.starts_with(expected), "{text}");
}

/// What is made here is nobody's attack.
#[test]
fn a_value_made_here_may_have_such_a_class_and_stays_as_it_is() {
    for object in [
        instance("__main__.Order"),
        Exception::new("__main__.MyError", "x").into(),
    ] {
        let value = Value::List(vec![object]);
        assert_eq!(to_value(&value).unwrap(), value);
        assert_eq!(from_value::<Value>(value.clone()).unwrap(), value);
    }
}

#[test]
fn the_class_dict_of_a_type_becomes_an_object_as_a_value() {
    struct Fields(&'static str);

    impl Serialize for Fields {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut dict = serializer.serialize_struct("Fields", 2)?;
            dict.serialize_field("x", &1)?;
            dict.serialize_field("__class__", &ClassName(self.0))?;
            dict.end()
        }
    }

    for class in ["shop.Order", "__main__.Order"] {
        assert_eq!(to_value(&ClassDict(Fields(class))).unwrap(), instance(class));
    }
    assert_eq!(
        json::to_vec(&ClassDict(Fields("shop.Order"))).unwrap(),
        br#"{"x": 1, "__class__": "shop.Order"}"#
    );
}
