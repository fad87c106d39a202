//! Listeners, clients and connections, over real sockets. What the real Python makes of them is tested in interop/.

mod addresses;
mod asynchronous;
mod authentication;
mod messages;
mod objects;
mod process_key;
mod reception;
mod support;
