//! One among more and more: names of a name server, objects of a daemon.

use ferropyro::{NameServer, Proxy, Serializer};

use super::asker::Asker;
use super::{Growth, powers};
use crate::core::{self, Cores, Seat};
use crate::load::transport::Workshop;
use crate::peer::Helper;
use crate::recording::Recording;
use crate::rounds::Field;
use crate::rust_echo::{self, Client};
use crate::{Options, Problem, names};

const LEAST: usize = 10;
const MOST: usize = 1_000_000;
const QUICK_MOST: usize = 100;

fn counts(options: &Options) -> impl Iterator<Item = usize> {
    powers(LEAST, if options.quick { QUICK_MOST } else { MOST })
}

/// Look-ups of names.
pub(super) fn names(options: &Options) -> Result<Growth, Problem> {
    let mut growth = Growth::new(
        "names",
        "names",
        "the time of a look-up, each of another name, over one connection; all on one core",
    );
    let workshop = Workshop::open()?;
    for count in counts(options) {
        let registered = count - 1; // the name server's own is one of them
        Cores::one()?.sit(Seat::Servers)?;
        let mut field = Field::default();
        let mut helpers = Vec::new();
        for form in ["memory", "sql"] {
            let storage = match form {
                "sql" => format!("sql:{}", workshop.folder().join(format!("names-{count}")).display()),
                other => other.to_owned(),
            };
            let (helper, uri) = names::start_filled(&storage, registered)?;
            let recording = Recording::of(&uri, |relayed| {
                let nameserver = NameServer::new(Proxy::new(relayed)?);
                nameserver.ping()?;
                Ok(move || Ok(nameserver.lookup(&names::filled_name(0)).map(drop)?))
            })?;
            let recording = recording.with_numbers(names::filled_name(0).as_bytes());
            field.enter(
                format!("ferropyro, {form}"),
                Asker::connect(&workshop, &uri, &recording, registered)?,
            );
            helpers.push(helper);
        }
        growth.measure_short(count, 1, field, options)?;
    }
    Ok(growth)
}

/// Calls of objects.
pub(super) fn objects(options: &Options) -> Result<Growth, Problem> {
    let mut growth = Growth::new(
        "objects",
        "objects",
        "the time of a call, each of another object of one daemon, over one connection; all on one core",
    );
    let workshop = Workshop::open()?;
    core::pin();
    for count in counts(options) {
        let mut field = Field::default();
        let (_helper, uri): (Helper, String) = rust_echo::start_server(&[&format!("objects={count}")])?;
        let (_, address) = uri.split_once('@').ok_or("a URI without an address")?;
        let uri = format!("PYRO:{}@{address}", rust_echo::object_id(0));
        let recording = Recording::of(&uri, |relayed| {
            let client = Client::connect(relayed, Serializer::Serpent)?;
            Ok(move || client.call())
        })?;
        let recording = recording.with_numbers(rust_echo::object_id(0).as_bytes());
        field.enter("ferropyro", Asker::connect(&workshop, &uri, &recording, count)?);
        growth.measure_short(count, 1, field, options)?;
    }
    Ok(growth)
}
