use ferropyro::{Context, expose};

struct Thing;

#[expose]
impl Thing {
    pub fn pair(&self, (a, b): (i64, i64)) -> i64 {
        a + b
    }

    pub fn unnamed(&self, _: i64) {}

    pub fn changed(&self, list: &mut Vec<i64>) {
        list.clear();
    }

    pub fn kept(&self, context: Context) {
        drop(context);
    }

    pub fn sometimes(&self, #[cfg(unix)] mode: u32) {
        drop(mode);
    }
}

fn main() {}
