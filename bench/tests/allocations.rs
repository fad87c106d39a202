//! How often a call asks for memory.

use std::alloc::System;

use ferropyro::{Call, Daemon, Members, Method, Object, Param, Proxy, Raise, Reply, Serializer};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

struct Echo;

static MEMBERS: Members = Members::new(
    "Echo",
    const { &[Method::new("echo", const { &[Param::required("message")] })] },
);

impl Object for Echo {
    fn members(&self) -> &Members {
        &MEMBERS
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (message,) = call.args::<(String,)>()?;
        call.reply(&message)
    }
}

#[test]
fn an_echo_call_asks_for_memory_twice() {
    let running = Daemon::builder().host("127.0.0.1").bind().unwrap().start();
    let uri = running.register("echo", Echo).unwrap();
    for serializer in [
        Serializer::Serpent,
        Serializer::Marshal,
        Serializer::Msgpack,
        Serializer::Json,
    ] {
        let proxy = Proxy::builder().serializer(serializer).build(uri.clone()).unwrap();
        let echo = |calls: usize| {
            for _ in 0..calls {
                proxy.call::<String>("echo", ("Hello there",)).unwrap();
            }
        };
        echo(10); // buffers grow to their size
        let before = ALLOCATOR.stats();
        echo(1000);
        let during = ALLOCATOR.stats() - before;
        // The method's argument on the server, and the result on the client.
        let per_call = (during.allocations + during.reallocations) as f64 / 1000.0;
        assert!(per_call < 2.1, "{}: {per_call} allocations per call", serializer.name());
    }
}
