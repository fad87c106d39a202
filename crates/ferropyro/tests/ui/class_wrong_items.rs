use ferropyro::PyroClass;

#[derive(PyroClass)]
#[pyro(class = "shop.Colour")]
enum Colour {
    Red,
}

#[derive(PyroClass)]
#[pyro(class = "shop.Pair")]
struct Pair(u32, u32);

#[derive(PyroClass)]
union Bits {
    number: u32,
}

#[derive(PyroClass)]
#[pyro(class = "shop.Order")]
struct Order<'a, 'b> {
    first: &'a str,
    second: std::borrow::Cow<'b, str>,
}

fn main() {}
