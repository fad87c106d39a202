//! The same for tokio: [`Listener`], [`Client`] and [`Connection`] whose methods are awaited. They need a runtime with IO and time.
//!
//! ```
//! use ferropyro_connection::{Options, aio};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> ferropyro_connection::Result<()> {
//! let options = Options::new().authkey("secret password");
//! let mut listener = aio::Listener::bind(("localhost", 0), &options).await?;
//! let address = listener.address().clone();
//! let client = tokio::spawn(async move { aio::Client::connect(address, &options).await });
//! let mut conn = listener.accept().await?;
//! conn.send_bytes(b"hello").await?;
//! # let mut client = client.await.unwrap()?;
//! # assert_eq!(client.recv_bytes().await?, b"hello");
//! # Ok(())
//! # }
//! ```

mod client;
mod connection;
mod listener;
mod socket;

pub use client::Client;
pub use connection::{Connection, Receiver, Sender};
pub use listener::Listener;
