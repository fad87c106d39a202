use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    pub async fn later(&self) {}
}

fn main() {}
