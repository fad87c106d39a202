use ferropyro::expose;

struct Thing;

#[expose]
impl Thing {
    #[rustfmt::skip]
    pub fn many(&self, a: i8, b: i8, c: i8, d: i8, e: i8, f: i8, g: i8, h: i8, i: i8, j: i8, k: i8, l: i8, m: i8, n: i8) {
        drop([a, b, c, d, e, f, g, h, i, j, k, l, m, n]);
    }
}

fn main() {}
