use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    pub fn order(&self, #[default(1)] first: i64, second: i64) -> i64 {
        first + second
    }

    pub fn empty(&self, #[default] first: i64) -> i64 {
        first
    }

    pub fn twice(&self, #[default(1)] #[default(2)] first: i64) -> i64 {
        first
    }

    #[expose(skip)]
    pub fn skipped(&self, #[default(1)] first: i64) -> i64 {
        first
    }

    #[expose(get)]
    pub fn level(&self) -> i64 {
        0
    }

    #[expose(set)]
    pub fn set_level(&self, #[default(1)] value: i64) {
        drop(value);
    }
}

fn main() {}
