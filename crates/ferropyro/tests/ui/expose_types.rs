use ferropyro::expose;

struct Borrows<'a>(&'a str);

#[expose]
impl<'a> Borrows<'a> {
    pub fn text(&self) -> String {
        self.0.into()
    }
}

struct Elided<'a>(&'a str);

#[expose]
impl Elided<'_> {
    pub fn text(&self) -> String {
        self.0.into()
    }
}

fn main() {}
