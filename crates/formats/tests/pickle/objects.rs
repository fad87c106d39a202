//! Objects of classes: those that are known, those that are data, and those that are only passed on.

use std::collections::BTreeMap;

use ferropyro_formats::pickle::{self, Deserializer, LIMITS};
use ferropyro_formats::{BytesRef, ErrorKind, Instance, Pickled, Value, json, marshal, msgpack, serpent};
use serde::Deserialize;

use crate::{common, decode, encode};

/// `name(*args)` of a global in protocol 2.
fn call(module: &str, name: &str, args: &[u8]) -> Vec<u8> {
    [
        b"\x80\x02c",
        module.as_bytes(),
        b"\n",
        name.as_bytes(),
        b"\n",
        args,
        b"R.",
    ]
    .concat()
}

fn pickled(value: Value) -> Pickled {
    match value {
        Value::Pickled(object) => *object,
        other => panic!("{other}"),
    }
}

// Conformance: SEC-04
#[test]
fn calls_of_anything_are_data() {
    let calls: [(&str, &str, &[u8]); 6] = [
        ("os", "system", b"U\x0btouch pwned\x85"),
        ("posix", "system", b"U\x0btouch pwned\x85"),
        ("builtins", "eval", b"U\x031/0\x85"),
        ("__builtin__", "exec", b"U\x031/0\x85"),
        ("builtins", "bytearray", b"J\xff\xff\xff\x7f\x85"),
        ("subprocess", "Popen", b"](U\x02rmU\x03-rfe\x85"),
    ];
    for (module, name, args) in calls {
        let pickle = call(module, name, args);
        let object = pickled(decode(&pickle).unwrap());
        assert_eq!(
            object.callee(),
            format!("{}.{name}", module.replace("__builtin__", "builtins"))
        );
        // It goes on as it came.
        assert_eq!(pickled(decode(object.pickle()).unwrap()), object);
        for protocol in 0..=5 {
            let bytes = encode(&Value::Pickled(Box::new(object.clone())), protocol).unwrap();
            assert_eq!(pickled(decode(&bytes).unwrap()).callee(), object.callee());
        }
        let error = pickle::from_slice::<String>(&pickle).unwrap_err();
        assert!(
            error.message().starts_with("an object that only Python can make"),
            "{error}"
        );
    }
}

// Conformance: SEC-04
#[test]
fn globals_that_mean_nothing_here_are_refused_on_request() {
    let read = |pickle: &[u8], accepted: &str| {
        let accept = |name: &str| name == accepted;
        Value::deserialize(&mut Deserializer::new(pickle, &LIMITS).refuse_unknown(&accept))
    };
    let system = call("os", "system", b"U\x02ls\x85");
    let error = read(&system, "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Security);
    assert_eq!(
        error.to_string(),
        "os.system is not among the classes that are read from pickles here (at byte 2)"
    );
    read(&system, "os.system").expect("accepted by name");
    for reference in [
        &b"cos\nsystem\n."[..],
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"(ios\nsystem\n.",
    ] {
        assert_eq!(read(reference, "").unwrap_err().kind(), ErrorKind::Security);
    }
    // Nothing that `Value` itself is made of is refused.
    for case in ["pickle", "pyro4_pickle"].iter().flat_map(|file| common::cases(file)) {
        let Ok(value) = common::describe::value(&case.input) else {
            continue;
        };
        if format!("{value:?}").contains("sample.") || case.name.starts_with("function:") {
            continue;
        }
        for protocol in 0..=5 {
            let Ok(bytes) = encode(&value, protocol) else {
                continue; // an int of too many digits
            };
            read(&bytes, "").unwrap_or_else(|error| panic!("{}: {error}", case.name));
        }
    }
}

#[test]
fn instances_are_data_and_go_back_as_they_came() {
    let pickles: [&[u8]; 4] = [
        // Protocols 0 and 2, and an old-style class of Python 2.
        b"ccopy_reg\n_reconstructor\n(cshop\nOrder\nc__builtin__\nobject\nNtR(dVsum\nI3\nsb.",
        b"\x80\x02cshop\nOrder\n)\x81}X\x03\0\0\0sumK\x03sb.",
        b"(ishop\nOrder\n(dS'sum'\nI3\nsb.",
        b"(cshop\nOrder\no}U\x03sumK\x03sb.",
    ];
    let order = Value::from(Instance {
        class: "shop.Order".to_owned(),
        attributes: [("sum", 3)].into(),
    });
    for pickle in pickles {
        assert_eq!(decode(pickle).unwrap(), order);
        #[derive(Deserialize)]
        struct Order {
            sum: u8,
        }
        assert_eq!(pickle::from_slice::<Order>(pickle).unwrap().sum, 3);
        let dict: BTreeMap<String, Value> = pickle::from_slice(pickle).unwrap();
        assert_eq!(dict["__class__"], "shop.Order".into());
    }
    assert_eq!(
        encode(&order, 0)
            .unwrap()
            .escape_ascii()
            .to_string()
            .matches("copy_reg")
            .count(),
        1
    );
    assert_eq!(
        encode(&order, 2).unwrap(),
        b"\x80\x02cshop\nOrder\nq\0)\x81}X\x03\0\0\0sumK\x03sb."
    );
}

#[test]
fn attributes_that_only_python_can_set_are_read_by_type() {
    // The state of a class with slots, and of one that is made with arguments.
    let slots = b"\x80\x02cshop\nOrder\n)\x81N}X\x03\0\0\0sumK\x03s\x86b.";
    let args = b"\x80\x02cshop\nOrder\nK\x07\x85\x81}X\x03\0\0\0sumK\x03sb.";
    for pickle in [&slots[..], args] {
        #[derive(Deserialize)]
        struct Order {
            sum: u8,
        }
        assert_eq!(pickle::from_slice::<Order>(pickle).unwrap().sum, 3);
        assert_eq!(pickled(decode(pickle).unwrap()).callee(), "shop.Order");
    }
}

#[test]
fn collections_are_their_nearest_types() {
    let cases: [(&[u8], &str); 9] = [
        (b"ccollections\nOrderedDict\n)R(K\x01K\x02K\x03K\x04u.", "{1: 2, 3: 4}"),
        (
            b"ccollections\nOrderedDict\n](](K\x01K\x02e](K\x03K\x04ee\x85R.",
            "{1: 2, 3: 4}",
        ),
        (
            b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RK\x01]s.",
            "{1: []}",
        ),
        (b"ccollections\nCounter\n}K\x01K\x02s\x85R.", "{1: 2}"),
        (b"ccollections\ndeque\n)K\x02\x86R(K\x01K\x02e.", "[1, 2]"),
        (b"ccollections\ndeque\n]K\x01a\x85RK\x02a.", "[1, 2]"),
        (b"c__builtin__\nset\n]K\x01a\x85R.", "{1}"),
        (b"c__builtin__\nfrozenset\n)R.", "frozenset()"),
        (b"carray\narray\nU\x01B](K\x01K\x02e\x86R.", r"bytearray(b'\x01\x02')"),
    ];
    for (pickle, shown) in cases {
        assert_eq!(decode(pickle).unwrap().to_string(), shown, "{}", pickle.escape_ascii());
    }
    // Lists in batches, as Python writes long ones.
    assert_eq!(
        pickle::from_slice::<Vec<u8>>(b"ccollections\ndeque\n)R(K\x01K\x02e(K\x03eK\x04a.").unwrap(),
        [1, 2, 3, 4]
    );
}

#[test]
fn an_exception_is_known_by_its_name_or_by_the_traceback_of_pyro() {
    let exception = |pickle: &[u8]| match decode(pickle).unwrap() {
        Value::Exception(exception) => format!("{} {} {}", exception.class, exception.text(), exception.attributes),
        other => other.to_string(),
    };
    assert_eq!(
        exception(&call("shop", "SoldOutError", b"U\x03abc\x85")),
        "shop.SoldOutError abc {}"
    );
    let traced = b"cshop\nSoldOut\nU\x03abc\x85R}U\x0e_pyroTracebackNsb.";
    assert_eq!(exception(traced), "shop.SoldOut abc {'_pyroTraceback': None}");
    assert_eq!(
        exception(&call("shop", "SoldOut", b"U\x03abc\x85")),
        "<pickled object of shop.SoldOut>"
    );
    // Python 3.12 puts the arguments of some exceptions among the attributes too.
    let args = b"\x80\x04\x8c\x08builtins\x8c\x0eAttributeError\x93\x8c\x01a\x85\x94R}\x8c\x04argsh\x00sb.";
    assert_eq!(exception(args), "builtins.AttributeError a {}");
}

#[test]
fn formats_other_than_pickle_refuse_what_only_python_can_make() {
    let value = decode(&call("os", "system", b"U\x02ls\x85")).unwrap();
    serpent::to_vec(&value).unwrap_err();
    json::to_vec(&value).unwrap_err();
    marshal::to_vec(&value).unwrap_err();
    msgpack::to_vec(&value).unwrap_err();
    let again = ferropyro_formats::to_value(&value).unwrap();
    assert_eq!(again, value);
    assert_eq!(Value::deserialize(&value).unwrap(), value);
}

#[test]
fn functions_by_value_go_on_in_every_protocol() {
    let mut passed_on = 0;
    for pickle in common::functions() {
        let value = decode(&pickle).unwrap();
        for protocol in 0..=5 {
            let bytes = encode(&value, protocol).unwrap();
            // What an older protocol says by calls is another object to the eye, so it goes through the newest once more.
            encode(&decode(&bytes).unwrap(), 5).unwrap();
            let again = decode(&encode(&value, 5).unwrap()).unwrap();
            assert_eq!(again, value);
        }
        passed_on += usize::from(matches!(value, Value::Pickled(_)));
    }
    assert!(passed_on > 50, "{passed_on}");
}

#[test]
fn recursive_objects_are_passed_on_and_recursive_values_refused() {
    // f = make(); f.__setstate__({'self': f}), and an effect: update(f, (f,)) with its result dropped
    let function =
        b"\x80\x04\x8c\x01m\x8c\x04make\x93)R\x94}\x8c\x04selfh\x00sb\x8c\x01m\x8c\x06update\x93h\x00h\x00\x85\x86R0.";
    let object = pickled(decode(function).unwrap());
    assert_eq!(object.callee(), "m.make");
    let again = pickled(decode(object.pickle()).unwrap());
    assert_eq!(again, object);
    assert!(object.pickle().windows(6).any(|window| window == b"update"));
    // A tuple of a list of that tuple, inside something that only Python can make.
    let tuple = b"\x80\x04\x8c\x01m\x8c\x04make\x93](]\x94K\x01h\x00\x86\x94h\x00h\x01a0e\x85R.";
    let object = pickled(decode(tuple).unwrap());
    assert_eq!(pickled(decode(object.pickle()).unwrap()), object);

    let recursive: [&[u8]; 4] = [
        b"\x80\x04]\x94h\x00a.",
        b"\x80\x04}\x94K\x01h\x00s.",
        b"\x80\x04]\x94h\x00\x85a.",
        b"\x80\x04cm\nOrder\n)\x81\x94}\x8c\x02meh\x00sb.",
    ];
    for pickle in recursive {
        let error = decode(pickle).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Data, "recursive value"));
    }
}

#[test]
fn bytes_of_every_form_are_bytes() {
    let forms: [&[u8]; 6] = [
        b"C\x02a\xff.",
        b"\x8e\x02\0\0\0\0\0\0\0a\xff.",
        b"c_codecs\nencode\nX\x03\0\0\0a\xc3\xbfX\x06\0\0\0latin1\x86R.",
        b"c__builtin__\nbytearray\nX\x03\0\0\0a\xc3\xbfX\x07\0\0\0latin-1\x86R.",
        b"\x96\x02\0\0\0\0\0\0\0a\xff.",
        b"carray\n_array_reconstructor\n(carray\narray\nX\x01\0\0\0BK\0C\x02a\xfftR.",
    ];
    for pickle in forms {
        assert_eq!(
            &*pickle::from_slice::<BytesRef<'_>>(pickle).unwrap(),
            b"a\xff",
            "{}",
            pickle.escape_ascii()
        );
        assert_eq!(pickle::from_slice::<Vec<u8>>(pickle).unwrap(), b"a\xff");
    }
}
