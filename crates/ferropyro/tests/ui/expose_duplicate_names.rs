use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    pub fn list(&self) {}

    #[expose(name = "list")]
    pub fn list_all(&self) {}

    #[expose(get, name = "list")]
    pub fn list_size(&self) -> usize {
        0
    }
}

fn main() {}
