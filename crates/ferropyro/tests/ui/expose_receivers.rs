use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    pub fn changes(&mut self) {}

    pub fn consumes(self) {}

    pub fn boxed(self: Box<Self>) {}
}

fn main() {}
