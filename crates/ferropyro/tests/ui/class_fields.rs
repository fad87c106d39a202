use ferropyro::PyroClass;

#[derive(PyroClass)]
#[pyro(class = "shop.Order")]
struct Order {
    #[pyro(name = "__class__")]
    class: String,
    number: u32,
    #[pyro(name = "number")]
    count: u32,
    #[pyro(skip, default)]
    one: u32,
    #[pyro(skip, name = "other")]
    two: u32,
    text: &'static str,
    #[pyro(skip)]
    kept: &'static str,
}

fn main() {}
