use ferropyro::remote;

#[remote]
struct Thing;

#[remote]
trait Generic<T> {}

#[remote]
unsafe trait Unsafe {}

#[remote]
trait Others {
    type Item;
    const LIMIT: usize;
    const FINE: usize = 1;
}

#[remote(client = "Same")]
trait Same {}

#[remote(client = "two words")]
trait Words {}

#[remote(name = "Client")]
trait Options {}

#[remote(async_client = "Async")]
trait Async {}

#[remote(client = "Client", async_client = "Client")]
trait Twice {}

fn main() {}
