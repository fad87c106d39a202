use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    #[expose(get)]
    pub async fn level(&self) -> i64 {
        1
    }

    #[expose(set)]
    pub async fn set_level(&self, _value: i64) {}
}

fn main() {}
