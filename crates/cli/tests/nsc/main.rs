//! `ferropyro nsc` with a real name server: what it has beyond Pyro's tools.
#![cfg(unix)]

mod documents;
mod lists;
mod names;
mod pages;
mod programs;
mod watching;
