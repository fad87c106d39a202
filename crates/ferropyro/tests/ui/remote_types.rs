use ferropyro::remote;

struct Opaque;

#[remote]
trait Thing {
    fn gives_what_cannot_be_read(&self) -> ferropyro::Result<Opaque>;
    fn fails_otherwise(&self) -> Result<i64, String>;
    fn sends_what_cannot_be_written(&self, opaque: &Opaque) -> ferropyro::Result<()>;
}

fn main() {}
