use ferropyro::PyroClass;

#[derive(PyroClass)]
struct Nameless {
    number: u32,
}

#[derive(PyroClass)]
#[pyro(class = "")]
struct Empty {
    number: u32,
}

#[derive(PyroClass)]
#[pyro(class = "shop.Order", class = "shop.Other")]
#[pyro(name = "Order")]
struct Twice {
    #[pyro(rename = "n")]
    number: u32,
}

#[derive(PyroClass)]
#[pyro(class = shop.Order)]
struct Unquoted {
    number: u32,
}

#[derive(PyroClass)]
#[pyro(class = "shop.Order", alias = "old.Order", alias = "shop.Order")]
struct Aliases {
    number: u32,
}

#[derive(PyroClass)]
#[pyro(class = "OutOfStock", exception)]
struct Bare {
    number: u32,
}

fn main() {}
