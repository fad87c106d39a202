//! What the client sends and the listeners get. The dispatcher in between does not know it.

use ferropyro::PyroClass;

#[derive(PyroClass)]
#[pyro(class = "weather.Report")]
pub struct Report {
    pub station: String,
    pub degrees: f64,
    pub sky: Vec<String>,
}
