//! The async clients that `#[remote]` makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferropyro::{Items, Result, aio, remote};
use tokio::runtime::Builder;

use super::objects::Workshop;
use super::support::{KINDS, Server};

#[remote]
trait Remote {
    /// Adds numbers.
    fn add(&self, a: i64, b: i64) -> Result<i64>;
    #[remote(name = "add_later")]
    fn add_slowly(&self, a: i64, b: i64) -> Result<i64>;
    fn longest(&self, texts: &BTreeMap<String, String>, other: &str) -> Result<String>;
    #[remote(name = "longest")]
    fn longest_of_any<'a>(
        &'a self,
        texts: &'a impl serde::Serialize,
        other: impl AsRef<str> + serde::Serialize,
    ) -> Result<String>
    where
        Self: Sized;
    fn bytes(&self, bytes: &[u8]) -> Result<usize>;
    #[remote(oneway)]
    fn log(&self, text: &str) -> Result<()>;
    #[remote(get)]
    fn level(&self) -> Result<i64>;
    #[remote(set)]
    fn set_level(&self, value: i64) -> Result<()>;
    fn numbers(&self, count: u32) -> Result<Items<u32>>;
    #[remote(name = "numbers")]
    fn any_numbers(&self, count: u32) -> ferropyro::Result<ferropyro::AnyReply>;
    fn divide(&self, a: i64, b: i64) -> Result<i64>;
    #[cfg(any())]
    fn compiled_nowhere(&self, thing: Thing) -> Result<Thing>;
    #[deprecated]
    fn at_once(&self) -> Result<i64>;
    /// Not called remotely.
    fn double(&self, number: i64) -> Result<i64> {
        self.add(number, number)
    }
}

/// Both clients, under other names.
mod named {
    /// Adds.
    #[ferropyro::remote(client = "Adder", async_client = "Awaited")]
    pub(crate) trait Add {
        /// Adds.
        fn add(&self, a: i64, b: i64) -> ferropyro::Result<i64>;
    }
}

/// Nothing of this is used, and no warning says so.
#[remote]
trait Unused {
    fn unused(&self) -> Result<()>;
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// A future that may go to other threads.
fn sendable<T>(future: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
    future
}

fn client(server: &Server) -> Result<RemoteAsyncClient> {
    Ok(RemoteAsyncClient::from(aio::Proxy::new(server.uri.clone())?))
}

#[test]
fn an_async_client_calls_as_its_trait_says() -> Result<()> {
    for kind in KINDS {
        let (workshop, logged) = Workshop::new();
        let server = kind.serve(workshop)?;
        block_on(async {
            let client = client(&server)?;
            assert_eq!(client.add(1, 2).await?, 3, "{kind:?}");
            assert_eq!(client.add_slowly(1, 2).await?, 3, "{kind:?}");
            assert_eq!(client.bytes(b"bytes").await?, 5, "{kind:?}");
            client.log("text").await?;
            client.set_level(9).await?;
            assert_eq!(client.level().await?, 9, "{kind:?}");
            assert!(client.proxy().is_connected().await, "{kind:?}");
            Ok(())
        })?;
        assert_eq!(logged.recv().as_deref(), Ok("text"), "{kind:?}");
    }
    Ok(())
}

#[test]
fn an_async_client_borrows_its_arguments() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        block_on(async {
            let client = client(&server)?;
            let texts = BTreeMap::from([("a".to_owned(), "longer".to_owned())]);
            let other = String::from("short");
            let futures = (
                sendable(client.longest(&texts, &other)),
                sendable(client.longest_of_any(&texts, &other)),
            );
            assert_eq!(
                (futures.0.await?, futures.1.await?),
                ("longer".into(), "longer".into()),
                "{kind:?}"
            );
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn an_async_client_gives_streams_that_are_awaited() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        block_on(async {
            let client = client(&server)?;
            let mut numbers: aio::Items<u32> = sendable(client.numbers(3)).await?;
            let mut sum = 0;
            while let Some(number) = numbers.next().await {
                sum += number?;
            }
            assert_eq!(sum, 6, "{kind:?}");
            let any: aio::AnyReply = client.any_numbers(3).await?;
            assert!(matches!(any, aio::AnyReply::Items(_)), "{kind:?}: {any:?}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn an_async_client_gives_the_errors_of_the_other_side() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        block_on(async {
            let client = client(&server)?;
            let error = client.divide(1, 0).await.expect_err("division by zero");
            let class = error.as_remote().map(|remote| remote.class_name().to_owned());
            assert_eq!(class.as_deref(), Some("ZeroDivisionError"), "{kind:?}");
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn tasks_share_an_async_client() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let client = Arc::new(client(&server)?);
        block_on(async {
            let tasks: Vec<_> = (0..8)
                .map(|number| {
                    let client = Arc::clone(&client);
                    tokio::spawn(async move { client.add_slowly(number, number).await })
                })
                .collect();
            for (number, task) in (0..).zip(tasks) {
                assert_eq!(task.await.expect("no panic")?, 2 * number, "{kind:?}");
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn both_clients_of_a_trait_call_the_same_object() -> Result<()> {
    use named::Add;
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        assert_eq!(named::Adder::new(server.proxy()?).add(1, 2)?, 3, "{kind:?}");
        assert_eq!(RemoteClient::new(server.proxy()?).double(4)?, 8, "{kind:?}");
        let awaited = named::Awaited::new(aio::Proxy::new(server.uri.clone())?);
        assert_eq!(block_on(awaited.add(1, 2))?, 3, "{kind:?}");
    }
    Ok(())
}
