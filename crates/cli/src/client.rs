//! What the commands that talk to a server have in common: how they connect.

use std::time::Duration;

use clap::Args;
use ferropyro::{Config, Proxy, ProxyBuilder, Serializer, Uri, naming};

use crate::exit::{Exit, Failure};
use crate::keys;
use crate::personality::Personality;

#[derive(Debug, Args)]
pub(crate) struct ClientArgs {
    /// Serializer for the arguments and the answer: serpent, json, marshal or msgpack, and for Pyro4 also pickle, cloudpickle or dill [default: PYRO_SERIALIZER, or serpent]
    #[arg(long, value_name = "NAME")]
    serializer: Option<Serializer>,

    /// Give up when the other side is silent for this long [default: PYRO_COMMTIMEOUT, or never]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// Connects to servers as the command line and the environment say.
#[derive(Debug)]
pub(crate) struct Client {
    config: Config,
    serializer: Option<Serializer>,
    hmac_key: Option<String>,
}

impl ClientArgs {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Client::new(self.serializer, self.timeout)
    }
}

impl Client {
    /// What is not said here is as the environment says.
    pub(crate) fn new(serializer: Option<Serializer>, timeout: Option<Duration>) -> Result<Client, Failure> {
        let mut config = Personality::Ferropyro.config()?;
        if let Some(timeout) = timeout {
            config.commtimeout = Some(timeout);
        }
        Ok(Client {
            config,
            serializer,
            hmac_key: keys::from_env(),
        })
    }

    /// Reads a URI; a name server that is named without a port has that of the configuration.
    pub(crate) fn uri(&self, text: &str) -> Result<Uri, Failure> {
        let uri = Uri::parse_with(text, self.config.ns_port);
        uri.map_err(|error| {
            Failure::usage(format_args!(
                "{text}: {error}; it should look like PYRO:object@host:port or PYRONAME:name"
            ))
        })
    }

    /// The PYRO URI that a URI stands for: asks the name server when it is a name.
    pub(crate) fn resolve(&self, uri: &Uri) -> Result<Uri, Failure> {
        let key = self.hmac_key.as_deref().unwrap_or_default();
        let settings = naming::Settings::new(self.config.clone()).hmac_key(key);
        naming::resolve_with(uri, &settings).map_err(|error| match error.as_remote() {
            Some(remote) if remote.class_name() == "NamingError" => Failure::new(
                Exit::NotFound,
                format_args!("{}, says the name server", remote.message()),
            ),
            _ => error.into(),
        })
    }

    pub(crate) fn proxy(&self, uri: Uri) -> Result<Proxy, Failure> {
        Ok(self.settings().build(uri)?)
    }

    /// The serializer of its proxies.
    pub(crate) fn serializer(&self) -> Serializer {
        self.serializer.unwrap_or(self.config.serializer)
    }

    /// The settings of its proxies.
    pub(crate) fn settings(&self) -> ProxyBuilder {
        let mut builder = Proxy::builder().config(self.config.clone());
        if let Some(serializer) = self.serializer {
            builder = builder.serializer(serializer);
        }
        if let Some(key) = &self.hmac_key {
            builder = builder.hmac_key(key);
        }
        builder
    }
}

/// A time in seconds, such as `0.5`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is wanted".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("a number of seconds above 0 is wanted".to_owned()),
    }
}
