use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    #[expose(oneway)]
    fn log(&self) {}

    #[expose(name = "create")]
    pub fn new() -> Thing {
        Thing
    }

    #[expose(skip)]
    fn fine(&self) {}
}

fn main() {
    Thing::new().log();
    Thing.fine();
}
