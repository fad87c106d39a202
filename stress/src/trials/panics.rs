//! T17: methods that panic.

use std::thread;

use ferropyro::{ErrorKind, Proxy};

use crate::Problem;
use crate::server::{Kind, Server};
use crate::trial::{Trial, mib};

const MIB: u64 = 1 << 20;
/// As many calls run at a time in the server with the most workers.
const AT_A_TIME: usize = 4;

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
    // Threads come when they are needed, which depends on chance. So all that may come shall be there.
    let _others = occupy(&server)?;
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
    let (files_now, threads_now) = (process.descriptors()?, process.threads()?);
    // Threads that had nothing to do for a while may go.
    trial.expect(
        files_now == files && threads_now <= threads,
        format_args!("{files_now} descriptors and {threads_now} threads, before that {files} and {threads}"),
    );
    Ok(())
}

/// Makes as many calls at the same time as any of the servers runs. Gives those who made them, still connected.
fn occupy(server: &Server) -> Result<Vec<Proxy>, Problem> {
    let calls = (0..AT_A_TIME).map(|_| {
        let proxy = server.proxy()?;
        Ok(thread::spawn(move || {
            proxy.call::<bool>("sleep", (100,)).map(|_| proxy)
        }))
    });
    let calls = calls.collect::<Result<Vec<_>, Problem>>()?;
    calls
        .into_iter()
        .map(|call| Ok(call.join().map_err(|_| "a caller panicked")??))
        .collect()
}
