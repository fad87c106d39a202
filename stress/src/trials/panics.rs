//! T17: methods that panic.

use ferropyro::ErrorKind;

use crate::Problem;
use crate::server::{Kind, Server};
use crate::trial::{Trial, mib};

const MIB: u64 = 1 << 20;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    for kind in Kind::ALL {
        println!("   {}", kind.name());
        try_server(trial, kind)?;
    }
    Ok(())
}

fn try_server(trial: &mut Trial, kind: Kind) -> Result<(), Problem> {
    let count: usize = trial.either(10_000, 1_000);
    let mut server = Server::start(kind, &[])?;
    let process = server.process();
    let proxy = server.proxy()?;
    let panic = |method: &str| {
        proxy
            .call::<()>(method, ())
            .is_err_and(|error| error.kind() == ErrorKind::Remote)
    };
    // The first of them load what tells where it happened.
    let mut raised = (0..100).filter(|_| panic("panic") && panic("panic_async")).count();
    let (memory, files, threads) = (process.resident()?, process.descriptors()?, process.threads()?);
    raised += (100..count)
        .filter(|index| {
            panic(if index.is_multiple_of(2) {
                "panic"
            } else {
                "panic_async"
            })
        })
        .count();
    trial.expect(
        raised == count,
        format_args!("{raised} of {count} panics are exceptions at the caller"),
    );
    trial.expect(
        proxy.is_connected() && server.is_running(),
        "the connection and the server go on",
    );
    let grown = process.resident()?.saturating_sub(memory);
    trial.expect(grown <= MIB, format_args!("{} more", mib(grown)));
    trial.expect(
        (process.descriptors()?, process.threads()?) == (files, threads),
        format_args!("{files} descriptors and {threads} threads as before"),
    );
    Ok(())
}
