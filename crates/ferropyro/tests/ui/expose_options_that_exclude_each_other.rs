use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    #[expose(oneway, get)]
    pub fn level(&self) -> i64 {
        0
    }

    #[expose(get, set)]
    pub fn set_level(&self, value: i64) {
        drop(value);
    }

    #[expose(skip, oneway)]
    pub fn log(&self) {}
}

fn main() {}
