use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    pub fn any<T>(&self, value: T) {
        drop(value);
    }

    pub fn some(&self, values: impl Iterator<Item = i64>) {
        drop(values);
    }
}

fn main() {}
