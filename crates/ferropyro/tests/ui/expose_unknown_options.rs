use ferropyro::expose;

struct Thing;

#[expose(class = "Thing")]
impl Thing {
    #[expose(onway)]
    pub fn log(&self) {}

    #[expose(name = 5)]
    pub fn five(&self) {}

    #[expose(name = "a", name = "b")]
    pub fn twice(&self) {}

    #[expose(oneway = true)]
    pub fn value(&self) {}
}

fn main() {}
