use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    pub fn _private(&self) {}

    #[expose(name = "two words")]
    pub fn two_words(&self) {}

    #[expose(name = "")]
    pub fn no_name(&self) {}

    #[expose(name = "__len__")]
    pub fn length(&self) -> usize {
        0
    }
}

fn main() {}
