use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    pub unsafe fn risky(&self) {}
}

fn main() {}
