//! The configuration that the Rust half works with.

use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A configuration as a value: what is made with it keeps it.
#[pyclass(frozen, module = "ferropyro._ferropyro")]
pub(crate) struct Config(pub(crate) ferropyro::Config);

#[pymethods]
impl Config {
    /// Of items by their names, with the texts that their environment variables would have.
    #[new]
    fn new(items: HashMap<String, String>) -> PyResult<Config> {
        let variables = items.iter().map(|(name, value)| (format!("PYRO_{name}"), value));
        let config = ferropyro::Config::from_vars(variables);
        config
            .map(Config)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }
}
