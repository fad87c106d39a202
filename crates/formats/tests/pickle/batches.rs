//! Containers that get what is in them in several batches, as Python writes those of more than 1000 items, and in any order, as anybody can.

use ferropyro_formats::Value;

use crate::{decode, encode};

/// The ints up to this one, each as a list of its own where `nested`.
fn values(end: i64, nested: bool) -> Vec<Value> {
    let value = |number: i64| match nested {
        true => Value::List(vec![number.into()]),
        false => number.into(),
    };
    (0..end).map(value).collect()
}

/// The opcodes that make them, in batches of 1000 as Python's, each with a mark before and this opcode behind it.
fn batches(end: i64, nested: bool, opcode: u8) -> Vec<u8> {
    let mut pickle = Vec::new();
    for number in 0..end {
        if number % 1000 == 0 {
            pickle.push(b'(');
        }
        let int = [&b"J"[..], &(number as i32).to_le_bytes()].concat();
        pickle.extend(match nested {
            true => [&b"]"[..], &int, b"a"].concat(),
            false => int,
        });
        if number % 1000 == 999 || number == end - 1 {
            pickle.push(opcode);
        }
    }
    pickle
}

fn pickle(parts: &[&[u8]]) -> Vec<u8> {
    [b"\x80\x04", parts.concat().as_slice(), b"."].concat()
}

#[test]
fn containers_of_several_batches_are_whole() {
    for end in [999, 1000, 1001, 2500] {
        for nested in [false, true] {
            let list = decode(&pickle(&[b"]\x94", &batches(end, nested, b'e')])).unwrap();
            assert_eq!(list, Value::List(values(end, nested)));
        }
        let set = decode(&pickle(&[b"\x8f\x94", &batches(end, false, b'\x90')])).unwrap();
        assert_eq!(set, Value::Set(values(end, false).into_iter().collect()));
        // Every second of the values is a key: a batch has 1000 entries, and the next one starts with a key.
        let dict = decode(&pickle(&[b"}\x94", &batches(2 * end, false, b'u')])).unwrap();
        let pairs = values(2 * end, false);
        let entries = pairs
            .as_chunks()
            .0
            .iter()
            .map(|[key, value]| (key.clone(), value.clone()));
        assert_eq!(dict, Value::Dict(entries.collect()));
    }
}

#[test]
fn batches_of_one_and_of_none_are_as_good_as_others() {
    let list = decode(b"](eK\x01a(K\x02K\x03e](eaK\x04a(K\x05ee.");
    list.unwrap_err();
    let list = decode(b"](eK\x01a(K\x02K\x03e](ea(eK\x04a(K\x05e.").unwrap();
    let empty = Value::List(Vec::new());
    let items = [1.into(), 2.into(), 3.into(), empty.clone(), 4.into(), 5.into()];
    assert_eq!(list, Value::List(items.into()));
    let dict = decode(b"}(uK\x01]s(K\x02K\x03uK\x04}s(uK\x05Ns.").unwrap();
    let entries = [
        (1, empty),
        (2, 3.into()),
        (4, Value::Dict(Default::default())),
        (5, Value::None),
    ];
    assert_eq!(dict, Value::Dict(entries.into_iter().collect()));
    let set = decode(b"\x80\x04\x8f(\x90(K\x01\x90(K\x02K\x03\x85\x90(\x90.").unwrap();
    let members = [1.into(), 2.into(), Value::Tuple(vec![3.into()])];
    assert_eq!(set, Value::Set(members.into_iter().collect()));
}

#[test]
fn containers_that_grow_in_turn_keep_what_is_theirs() {
    // Two lists and a dict on the stack, which are taken from the memo to be changed.
    let turn = |number: u8| {
        [
            &[b'h', 0, b'(', b'K', number, b'K', number, b'e', b'0'][..],
            &[b'h', 1, b'K', number, b'a', b'0'],
            &[b'h', 2, b'K', number, b'N', b's', b'0'],
        ]
        .concat()
    };
    let turns: Vec<u8> = (0..100).flat_map(turn).collect();
    let value = decode(&pickle(&[b"]q\0]q\x01}q\x02", &turns, b"\x87"])).unwrap();
    let twice = (0..100).flat_map(|number| [number.into(), number.into()]).collect();
    let once = (0..100).map(Value::from).collect();
    let dict = (0..100).map(|number| (Value::from(number), Value::None)).collect();
    assert_eq!(
        value,
        Value::Tuple(vec![Value::List(twice), Value::List(once), Value::Dict(dict)])
    );
}

#[test]
fn batches_pass_through_an_object_that_only_python_can_make() {
    // Two lists that grow in turn, and a call in between that has one of them; then one with the result.
    let pickle = pickle(&[
        b"cm\nf\nq\x03(]q\0]q\x01h\0K\x01a(K\x02K\x03e0h\x01K\x04a0h\x03h\0\x85Rq\x02h\0K\x05a0h\x01(K\x06K\x07e0tR",
    ]);
    let Value::Pickled(object) = decode(&pickle).unwrap() else {
        panic!("it is known");
    };
    // What was done before the call, between the two and after it still is.
    let expected = concat!(
        r"\x80\x05]\x940]\x940h\x00(K\x01e0h\x00(K\x02K\x03e0h\x01(K\x04e0h\x00\x85\x940\x8c\x01m\x8c\x01f\x93\x94h\x02R\x940",
        r"h\x00(K\x05e0h\x01(K\x06K\x07e0h\x00h\x01h\x04\x87\x940h\x03h\x05R\x940h\x06."
    );
    assert_eq!(object.pickle().escape_ascii().to_string(), expected);
    for protocol in 0..=5 {
        let again = encode(&Value::Pickled(object.clone()), protocol).unwrap();
        assert!(
            matches!(decode(&again).unwrap(), Value::Pickled(_)),
            "protocol {protocol}"
        );
    }
}
