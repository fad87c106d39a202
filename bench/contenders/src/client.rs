//! What all clients have in common: how they are asked to measure.

use std::time::{Duration, Instant};

use crate::Problem;

/// Calls made between two looks at the clock, as in `bench`.
const BATCH: u32 = 16;

/// A client that is connected.
pub(crate) trait Echo {
    /// Sends a text and gives what comes back.
    async fn echo(&mut self, message: &str) -> Result<String, Problem>;
}

/// Each line of input says for how many seconds to measure.
pub(crate) async fn answer_samples(mut client: impl Echo, message: &str) -> Result<(), Problem> {
    call(&mut client, message).await?;
    println!("ready");
    // This blocks the one thread; nothing else is to run until the next turn.
    for line in std::io::stdin().lines() {
        let wanted = Duration::try_from_secs_f64(line?.trim().parse()?)?;
        let (calls, passed) = measure(&mut client, message, wanted).await?;
        println!("{calls} {}", passed.as_secs_f64());
    }
    Ok(())
}

async fn measure(client: &mut impl Echo, message: &str, wanted: Duration) -> Result<(u32, Duration), Problem> {
    let start = Instant::now();
    let mut calls = 0;
    loop {
        for _ in 0..BATCH {
            call(client, message).await?;
        }
        calls += BATCH;
        let passed = start.elapsed();
        if passed >= wanted {
            return Ok((calls, passed));
        }
    }
}

async fn call(client: &mut impl Echo, message: &str) -> Result<(), Problem> {
    let answer = client.echo(message).await?;
    match answer == message {
        true => Ok(()),
        false => Err(format!("the echo of {message:?} is {answer:?}").into()),
    }
}
