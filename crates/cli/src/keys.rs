//! The key that messages are signed with: given by the environment, so that nobody reads it in the list of processes.

use std::env;

use crate::exit::{Exit, Failure};
use crate::output;

/// The key in `PYRO_HMAC_KEY`; none when that is not set, or empty.
pub(crate) fn from_env() -> Option<String> {
    let key = env::var_os("PYRO_HMAC_KEY")?;
    Some(key.to_string_lossy().into_owned()).filter(|key| !key.is_empty())
}

/// The key of a program that has Pyro4's option `-k`: warns of it, and refuses two keys.
pub(crate) fn from_option_or_env(option: Option<String>) -> Result<Option<String>, Failure> {
    let Some(key) = option.filter(|key| !key.is_empty()) else {
        return Ok(from_env());
    };
    output::note(
        "warning: using -k to supply HMAC key on the command line is a security problem and is deprecated since Pyro 4.72. \
         Set PYRO_HMAC_KEY in the environment instead.",
    );
    if env::var_os("PYRO_HMAC_KEY").is_some() {
        return Err(Failure::new(
            Exit::Failed,
            "don't use -k and PYRO_HMAC_KEY at the same time",
        ));
    }
    Ok(Some(key))
}
