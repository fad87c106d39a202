//! What the tests of the async client have in common.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread;

use ferropyro::{Dialect, Location, Result, Uri, aio};

use super::support::{SERIALIZERS, Watch};

/// An async proxy that speaks this dialect.
pub(crate) fn proxy(watch: &Watch, dialect: Dialect) -> Result<aio::Proxy> {
    aio::Proxy::builder().dialect(dialect).build_async(watch.uri.clone())
}

/// Proxies of every dialect and serializer.
pub(crate) fn proxies(uri: &Uri) -> Result<Vec<aio::Proxy>> {
    let mut proxies = Vec::new();
    for dialect in super::support::DIALECTS {
        for serializer in SERIALIZERS {
            let builder = aio::Proxy::builder().dialect(dialect).serializer(serializer);
            proxies.push(builder.build_async(uri.clone())?);
        }
    }
    Ok(proxies)
}

/// Polls a future so often and drops it then. Gives its result if that has come before.
pub(crate) async fn give_up_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |cx: &mut Context<'_>| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match Pin::as_mut(&mut future).poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A way to a daemon on which the bytes of the answers come one by one.
pub(crate) fn dripping(watch: &Watch) -> Uri {
    let server = watch.daemon.address().expect("a TCP port");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(std::result::Result::ok) {
            thread::spawn(move || relay(client, server));
        }
    });
    Uri::pyro(watch.uri.object(), Location::tcp("127.0.0.1", port)).expect("a URI")
}

fn relay(client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let (mut client, mut server) = (client, server);
    let mut byte = [0];
    while server.read(&mut byte)? > 0 {
        client.write_all(&byte)?;
        // Whoever reads gets a chance to see this one alone.
        thread::yield_now();
    }
    client.shutdown(Shutdown::Both)
}

/// Waits until a call has come to the method `wait`.
pub(crate) async fn arrived(watch: Watch) -> Watch {
    with(watch, |watch| watch.arrived.recv().expect("the call has begun")).await
}

/// Does something that blocks.
pub(crate) async fn with(watch: Watch, wait: impl FnOnce(&Watch) + Send + 'static) -> Watch {
    let waiting = tokio::task::spawn_blocking(move || {
        wait(&watch);
        watch
    });
    waiting.await.expect("no panic")
}
