use ferropyro::{Value, expose};

struct Thing;

#[expose]
impl Thing {
    #[expose(args)]
    pub fn anything(&self, args: Vec<Value>) {
        drop(args);
    }
}

fn main() {}
