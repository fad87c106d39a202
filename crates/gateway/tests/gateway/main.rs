//! Requests over real sockets to a gateway, with a name server and objects behind it.
#![allow(unreachable_pub)] // what is exposed is `pub`

mod calls;
mod embedded;
mod hostile;
mod own;
mod pages;
mod reuse;
mod support;
mod vectors;
