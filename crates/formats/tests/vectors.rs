//! The reader of the golden vectors itself.

mod common;

use ferropyro_formats::Value;

#[test]
fn every_description_is_a_value_or_has_a_reason() {
    let mut values = 0;
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    for file in ["serpent", "json", "marshal", "msgpack"] {
        for case in common::cases(file) {
            match common::describe::value(&case.input) {
                Ok(_) => values += 1,
                Err(reason) => *reasons.entry(reason).or_default() += 1,
            }
        }
    }
    assert!(values > 1500, "only {values}");
    assert!(reasons.keys().any(|reason| reason == "Value has no cycles"));
    assert!(
        reasons.keys().all(|reason| reason.starts_with("Value has no ")),
        "{reasons:?}"
    );
}

#[test]
fn shared_objects_stand_in_a_value_twice() {
    let shared = serde_json::json!({"t": "list", "v": [
        {"t": "list", "id": 1, "v": [{"t": "int", "v": "1"}]},
        {"t": "ref", "id": 1},
    ]});
    let one = Value::from(vec![1_i64]);
    assert_eq!(
        common::describe::value(&shared),
        Ok(Value::List(vec![one.clone(), one]))
    );
}

#[test]
fn a_pattern_covers_names_with_its_text_around_any_text() {
    let exceptions = common::Exceptions::new(&[("float:*nan", "one"), ("*:big", "two")]);
    assert!(exceptions.covers("float:-nan") && !exceptions.covers("float:nan:1"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| exceptions.check_all_used())).is_err());
    assert!(exceptions.covers("int:big"));
    exceptions.check_all_used();
}

proptest::proptest! {
    #[test]
    fn a_hashable_value_is_hashable(value in common::arbitrary::hashable_value()) {
        proptest::prop_assert!(value.is_hashable());
    }

    #[test]
    fn an_arbitrary_value_equals_its_clone(value in common::arbitrary::any_value()) {
        proptest::prop_assert_eq!(&value, &value.clone());
    }
}
