//! T13: what a server keeps of large calls on many connections.

use ferropyro::Dialect;

use crate::Problem;
use crate::process::raise_file_limit;
use crate::raw::Raw;
use crate::server::{Kind, Server};
use crate::trial::{Trial, mib};

const MIB: u64 = 1 << 20;
const CALL: usize = 48 << 10;
/// What any server takes more after its first large call. Beside that of many connections it does not count.
const START: u64 = 3 * MIB;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    let possible = raise_file_limit() - 100;
    let count = trial.either(50_000, 2_000).min(possible);
    let argument = format!("('{}',)", "x".repeat(CALL));
    for kind in [Kind::OneWorker, Kind::Workers] {
        println!("   {}", kind.name());
        let server = Server::start(kind, &["MAX_CONNECTIONS=0"])?;
        let process = server.process();
        let mut clients = (0..count)
            .map(|index| Raw::connect_from(index, server.address, Dialect::V502)?.greet())
            .collect::<Result<Vec<Raw>, _>>()?;
        let before = process.resident()?;
        for client in &mut clients {
            client.call("echo", &argument)?;
        }
        let grown = process.resident()?.saturating_sub(before);
        let most = before / 10 + trial.either(0, START);
        trial.expect(
            grown <= most,
            format_args!(
                "{} more than {} (at most {}) after a call of 48 KB on each of {count} connections",
                mib(grown),
                mib(before),
                mib(most)
            ),
        );
    }
    Ok(())
}
