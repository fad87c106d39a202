//! Pickles as calls and answers: only for who asks for them, never for Pyro5, and as data.

use ferropyro::wire::Dialect;
use ferropyro::{Config, ErrorKind, Proxy, Result, Serializer, Value};

use super::support::{DIALECTS, desk};

const PICKLES: [Serializer; 3] = [Serializer::Pickle, Serializer::Cloudpickle, Serializer::Dill];

fn accepting_all() -> Config {
    Config::default().serializers_accepted(Serializer::ALL)
}

#[test]
fn a_daemon_that_accepts_them_is_called_with_them() -> Result<()> {
    let (_daemon, uri) = desk(accepting_all())?;
    for serializer in PICKLES {
        let proxy = Proxy::builder().serializer(serializer).build(uri.clone())?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
        let value = Value::Tuple(vec![
            Value::Bytes(vec![0, 255]),
            Value::Set([Value::from(1)].into_iter().collect()),
        ]);
        assert_eq!(proxy.call::<Value>("echo", (&value,))?, value);
        assert_eq!(proxy.dialect()?, Dialect::V48);
    }
    Ok(())
}

// Conformance: SER-13
#[test]
fn a_daemon_accepts_none_by_itself() -> Result<()> {
    let (_daemon, uri) = desk(Config::default())?;
    for (serializer, number) in PICKLES.into_iter().zip([4, 7, 5]) {
        let proxy = Proxy::builder().serializer(serializer).build(uri.clone())?;
        let error = proxy.call::<i64>("add", (1, 2)).expect_err("it is refused");
        let text = format!("message used serializer that is not accepted: {number}");
        assert!(error.message().ends_with(&text), "{error}");
    }
    Ok(())
}

// Conformance: SEC-01
#[test]
fn a_pyro5_server_is_never_sent_one() -> Result<()> {
    let only_pyro5 = accepting_all().protocols([Dialect::V502]);
    let (_daemon, uri) = desk(only_pyro5)?;
    for serializer in PICKLES {
        let builder = || Proxy::builder().serializer(serializer);
        for builder in [builder(), builder().dialect(Dialect::V502)] {
            let error = builder.build(uri.clone())?.call::<i64>("add", (1, 2));
            let error = error.expect_err("it is refused");
            assert!(
                error.message().contains(&format!("Pyro5 has no {serializer}")),
                "{error}"
            );
            assert!(matches!(error.kind(), ErrorKind::Communication | ErrorKind::Serialize));
        }
    }
    Ok(())
}

// Conformance: SEC-04
#[test]
fn what_only_python_could_make_stays_as_it_is_and_fits_no_type() -> Result<()> {
    let (_daemon, uri) = desk(accepting_all())?;
    let proxy = Proxy::builder().serializer(Serializer::Pickle).build(uri)?;
    let call: Value = ferropyro::formats::pickle::from_slice(b"cos\nsystem\n(Vls\ntR.")?;
    assert_eq!(proxy.call::<Value>("echo", (&call,))?.to_string(), call.to_string());
    let error = proxy.call::<i64>("add", (&call, 1)).expect_err("no number");
    assert_eq!(error.as_remote().map(|remote| remote.class_name()), Some("TypeError"));
    Ok(())
}

#[test]
fn the_other_serializers_serve_both_generations_beside_them() -> Result<()> {
    let (_daemon, uri) = desk(accepting_all())?;
    for dialect in DIALECTS {
        let proxy = Proxy::builder().dialect(dialect).build(uri.clone())?;
        assert_eq!(proxy.call::<i64>("add", (1, 2))?, 3);
    }
    Ok(())
}
