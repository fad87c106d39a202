use ferropyro::expose;

#[expose]
struct Thing;

#[expose]
fn function() {}

trait Named {
    fn name(&self) -> String;
}

#[expose]
impl Named for Thing {
    fn name(&self) -> String {
        String::new()
    }
}

struct Plain;

impl Plain {
    #[expose(oneway)]
    pub fn log(&self) {}
}

fn main() {
    function();
    Plain.log();
}
