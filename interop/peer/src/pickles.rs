//! Pickles, without a connection: what the tests pass between Rust and Python through pipes, each behind its length in 32 bits, big-endian.
//!
//! * `interop_peer pickle generate SEED COUNT PROTOCOL [--python2]` writes generated values.
//! * `interop_peer pickle compare SEED COUNT [--python2]` reads them, and fails if one of them is no longer what it was.
//! * `interop_peer pickle copy PROTOCOL` reads values and writes them again. For one that cannot be read or written it writes nothing but a length of 0.
//! * `interop_peer pickle describe` reads values and prints the description of each, or `{"error": TEXT}`.

use std::io::{BufReader, BufWriter, Read, Write};

use ferropyro::formats::pickle::{self, Options};
use ferropyro::{Dict, Exception, Instance, Serializer, TimeDelta, Value};

use crate::describe::describe;
use crate::generate::Generator;

type Done<T> = Result<T, Box<dyn std::error::Error>>;

pub(crate) fn main(args: &[String]) -> Done<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["generate", seed, count, protocol, ref options @ ..] => {
            let values = values(seed.parse()?, count.parse()?, options);
            let options = protocol_options(protocol)?;
            let mut output = BufWriter::new(std::io::stdout().lock());
            for value in values {
                let mut bytes = Vec::new();
                pickle::append(&mut bytes, &value, &options)?;
                write(&mut output, &bytes)?;
            }
            Ok(output.flush()?)
        }
        ["compare", seed, count, ref options @ ..] => compare(values(seed.parse()?, count.parse()?, options)),
        ["copy", protocol] => copy(&protocol_options(protocol)?),
        ["describe"] => {
            let mut input = input();
            while let Some(bytes) = read(&mut input)? {
                match pickle::from_slice::<Value>(&bytes) {
                    Ok(value) => println!("{}", describe(&value)),
                    Err(error) => println!("{}", serde_json::json!({"error": error.to_string()})),
                }
            }
            Ok(())
        }
        _ => Err("usage: see interop/peer/src/pickles.rs".into()),
    }
}

fn protocol_options(protocol: &str) -> Done<Options> {
    Ok(Options {
        protocol: protocol.parse()?,
        ..Options::default()
    })
}

fn compare(values: impl Iterator<Item = Value>) -> Done<()> {
    let mut input = input();
    for (nr, value) in values.enumerate() {
        let bytes = read(&mut input)?.ok_or("values are missing")?;
        let read: Value = pickle::from_slice(&bytes).map_err(|error| format!("value {nr}: {error}: {value}"))?;
        if read != value {
            return Err(format!("value {nr}: {value:?} came back as {read:?}").into());
        }
    }
    match read(&mut input)? {
        None => Ok(()),
        Some(_) => Err("more values than expected".into()),
    }
}

fn copy(options: &Options) -> Done<()> {
    let mut input = input();
    let mut output = BufWriter::new(std::io::stdout().lock());
    while let Some(bytes) = read(&mut input)? {
        let mut copied = Vec::new();
        let value = pickle::from_slice::<Value>(&bytes);
        // What was written in part is taken back, so that nothing is left.
        let _ = value.and_then(|value| pickle::append(&mut copied, &value, options));
        write(&mut output, &copied)?;
    }
    Ok(output.flush()?)
}

fn input() -> impl Read {
    BufReader::new(std::io::stdin().lock())
}

/// The next pickle; `None` at the end.
fn read(input: &mut impl Read) -> Done<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if input.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut length[1..])?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn write(output: &mut impl Write, bytes: &[u8]) -> Done<()> {
    output.write_all(&u32::try_from(bytes.len())?.to_be_bytes())?;
    Ok(output.write_all(bytes)?)
}

/// Values of every kind that Python gives back as it got them.
fn values(seed: u64, count: u64, options: &[&str]) -> impl Iterator<Item = Value> {
    let python2 = options.contains(&"--python2");
    (seed..seed + count).map(move |seed| {
        // Python 2 has no bytes, and no frozensets as other sets: serpent's values will do.
        let kept = if python2 {
            Serializer::Serpent
        } else {
            Serializer::Marshal
        };
        let mut generator = Generator::new(seed, kept);
        let more = (seed % 4) as usize;
        let mut items = vec![generator.value()];
        items.extend((0..more).map(|_| object(&mut generator, python2)));
        Value::Tuple(items)
    })
}

/// A value of a type that only pickle keeps.
fn object(generator: &mut Generator, python2: bool) -> Value {
    let parse_failed = "a text that is always the same";
    match generator.below(if python2 { 8 } else { 13 }) {
        0 => {
            let digits = generator.big_int();
            Value::Decimal(format!("{digits}.5").parse().expect(parse_failed))
        }
        1 => Value::Uuid(uuid::Uuid::from_u64_pair(generator.next(), generator.next())),
        2 => {
            let mut part = |limit| generator.below(limit) as i64;
            TimeDelta::new(part(1_000_000_000), part(86_400), part(1_000_000)).map_or(Value::None, Value::TimeDelta)
        }
        3 => {
            let text = moment(generator);
            Value::DateTime(Box::new(text.parse().expect(parse_failed)))
        }
        4 => Value::Date(moment(generator)[..10].parse().expect(parse_failed)),
        5 => Value::from(Exception {
            class: "builtins.ValueError".to_owned(),
            args: vec![generator.value(), generator.value()],
            attributes: Dict::from([("code", generator.value())]),
        }),
        6 => Value::from(Instance {
            class: "shop.Order".to_owned(),
            attributes: Dict::from([("line", generator.value()), ("sum", generator.value())]),
        }),
        7 => Value::Type(
            ["builtins.float", "builtins.KeyError", "shop.Order", "builtins.range"][generator.below(4) as usize]
                .to_owned(),
        ),
        8 => {
            let offset = ["+00:00", "-05:30", "+14:00", "+01:02:03"][generator.below(4) as usize];
            Value::DateTime(Box::new(
                format!("{}{offset}", moment(generator)).parse().expect(parse_failed),
            ))
        }
        9 => Value::Time(Box::new(moment(generator)[11..].parse().expect(parse_failed))),
        10 => Value::ByteArray(generator.text().into_bytes()),
        11 => Value::Ellipsis,
        _ => Value::from(Instance {
            class: "builtins.slice".to_owned(),
            attributes: ["start", "stop", "step"]
                .into_iter()
                .map(|name| (name, generator.value()))
                .collect(),
        }),
    }
}

/// A date and time as ISO text.
fn moment(generator: &mut Generator) -> String {
    let mut part = |limit| generator.below(limit);
    let (year, month, day) = (1 + part(9999), 1 + part(12), 1 + part(28));
    let (hour, minute, second) = (part(24), part(60), part(60));
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:06}",
        part(1_000_000)
    )
}
