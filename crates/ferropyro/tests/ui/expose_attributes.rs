use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    #[expose(get)]
    pub fn at(&self, index: usize) -> usize {
        index
    }

    #[expose(get)]
    pub fn empty(&self) {}

    #[expose(set)]
    pub fn set_nothing(&self) {}

    #[expose(set)]
    pub fn set_lonely(&self, value: i64) {
        drop(value);
    }

    #[expose(set)]
    pub fn change(&self, value: i64) {
        drop(value);
    }

    #[expose(get)]
    pub fn level(&self) -> i64 {
        0
    }

    #[expose(set)]
    pub fn set_level(&self, value: i64) -> i64 {
        value
    }
}

fn main() {}
