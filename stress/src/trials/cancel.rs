//! T15: calls that are given up where they wait.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ferropyro::{Uri, aio};
use tokio::runtime::Builder;

use crate::Problem;
use crate::server::{Kind, Server};
use crate::trial::Trial;

/// Between two pieces on their way through a [relay].
const PAUSE: Duration = Duration::from_millis(1);
/// More places than any of the calls has.
const MANY: usize = 5_000;

pub(crate) fn run(trial: &mut Trial) -> Result<(), Problem> {
    let server = Server::start(Kind::Thread, &["THREADPOOL_SIZE=1000"])?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let slow: Uri = format!("PYRO:yard@{}", relay(server.address, 8)?).parse()?;
    let broad: Uri = format!("PYRO:yard@{}", relay(server.address, 32 << 10)?).parse()?;
    runtime.block_on(async {
        let text = "x".repeat(trial.either(8 << 20, 1 << 20));
        give_up_everywhere(trial, "a call", &slow, true, "a short text").await?;
        give_up_everywhere(trial, "a connection and its first call", &slow, false, "a short text").await?;
        give_up_everywhere(trial, "a call of many bytes", &broad, true, &text).await
    })
}

/// Gives an echo up after the first time it waits, the second, and so on, and makes another call with the same proxy each time.
async fn give_up_everywhere(
    trial: &mut Trial,
    what: &str,
    uri: &Uri,
    is_connected: bool,
    text: &str,
) -> Result<(), Problem> {
    let proxy = aio::Proxy::new(uri.clone())?;
    let (mut in_step, mut still_connected) = (0, 0);
    for times in 1..MANY {
        match is_connected {
            true => proxy.bind().await?,
            false => proxy.release().await,
        }
        let ended = poll_times(times, proxy.call::<String>("echo", (text,))).await;
        still_connected += usize::from(ended.is_none() && proxy.is_connected().await);
        let answer: usize = proxy.call("echo", (times,)).await?;
        in_step += usize::from(answer == times);
        if let Some(answer) = ended {
            trial.expect(
                answer? == text,
                format_args!("{what} ends, having waited {} times", times - 1),
            );
            trial.expect(
                in_step == times && times > 1,
                format_args!("after {in_step} of {times} given up at each of them the next call is right"),
            );
            trial.note(format_args!("the connection could be kept {still_connected} times"));
            return Ok(());
        }
    }
    trial.expect(false, format_args!("{what} does not end"));
    Ok(())
}

/// Polls a future so many times, whenever it asks for it, and drops it.
async fn poll_times<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if polls == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The way to a server on which everything travels in small pieces. Gives its address.
fn relay(server: SocketAddr, piece: usize) -> Result<SocketAddr, Problem> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // The other end of what cannot be made is closed, which its client notices.
            let _ = connect(client, server, piece);
        }
    });
    Ok(address)
}

fn connect(client: TcpStream, server: SocketAddr, piece: usize) -> Result<(), Problem> {
    let server = TcpStream::connect(server)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (to_server, to_client) = ((client.try_clone()?, server.try_clone()?), (server, client));
    for (from, to) in [to_server, to_client] {
        thread::spawn(move || pass_on(&from, &to, piece));
    }
    Ok(())
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, size: usize) {
    let mut piece = vec![0; size];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
        thread::sleep(PAUSE);
    }
    // They are closed already, perhaps.
    let _ = (to.shutdown(Shutdown::Write), from.shutdown(Shutdown::Read));
}
