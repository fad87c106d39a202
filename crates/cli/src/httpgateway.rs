//! `ferropyro httpgateway`: Pyro objects over HTTP, `pyro4-httpgateway` and `pyro5-httpgateway`.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ferropyro::config::Generation;
use ferropyro::{Config, naming};
use ferropyro_gateway::{DEFAULT_EXPOSE, Gateway, GatewayBuilder, Limits, Reuse, Server};
use tokio::runtime;
use tokio::sync::oneshot;

use crate::exit::{Exit, Failure, Outcome};
use crate::personality::Personality;
use crate::{keys, output, signals};

const KEY_VARIABLE: &str = "PYRO_HTTPGATEWAY_KEY";

// What it does is told at the options that every gateway has.
#[derive(Debug, Args)]
pub(crate) struct HttpGatewayCommand {
    #[command(flatten)]
    args: GatewayArgs,
    #[command(flatten)]
    hmac: HmacArgs,
    #[command(flatten)]
    own: OwnArgs,
    /// Let the scripts of this site read answers, such as https://example.org; * is every site
    #[arg(short, long, value_name = "ORIGIN", default_value = "", hide_default_value = true)]
    cors: String,
}

/// Starts the HTTP gateway
///
/// It turns GET and POST /pyro/NAME/METHOD?parameter=text into a call of the object of that name in the name server, of Pyro4 or Pyro5, and answers with JSON.
/// Without options it listens on localhost, port 8080, where only programs of this machine reach it, and exposes the names that begin with `http.`.
#[derive(Debug, Args)]
#[command(args_override_self = true)] // the last one counts, as for Pyro's programs
pub(crate) struct GatewayArgs {
    /// Host name or address to bind the server on
    #[arg(short = 'H', long, value_name = "HOST", default_value = "localhost")]
    host: String,

    /// Port to bind the server on; 0 means a free one
    #[arg(short, long, value_name = "PORT", default_value_t = 8080)]
    port: u16,

    /// Regular expression of the names to expose, from their start; an empty one exposes all
    #[arg(short, long, value_name = "REGEX", default_value = DEFAULT_EXPOSE)]
    expose: String,

    /// Key that callers have to send (deprecated; set PYRO_HTTPGATEWAY_KEY in its place)
    #[arg(short, long, value_name = "KEY")]
    gatewaykey: Option<String>,

    /// Seconds that an object may be silent before the answer is an error; 0 is for ever [default: COMMTIMEOUT of the configuration, for ever]
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// What only Pyro4 has.
#[derive(Debug, Default, Args)]
pub(crate) struct HmacArgs {
    /// The HMAC key of Pyro4's objects and name server (deprecated; set PYRO_HMAC_KEY in its place)
    #[arg(short = 'k', long, value_name = "KEY")]
    pyrokey: Option<String>,
}

/// What Pyro's gateways do not have.
#[derive(Debug, Default, Args)]
pub(crate) struct OwnArgs {
    /// Answer requests for this host too, besides localhost, addresses and the host that the server is bound on; * is every host. Can be given several times
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,

    /// Let callers use only these members of an object; others of the same name add to them. Can be given several times
    #[arg(long, value_name = "NAME:MEMBER,...", value_parser = allowed)]
    allow: Vec<Allowed>,

    /// Change nothing: read attributes, and call only methods that an --allow names
    #[arg(long)]
    read_only: bool,

    /// Which connections to objects serve later requests too: never, known (those to objects whose server tells that one instance serves all), or always
    #[arg(long, value_name = "WHICH", default_value = "known")]
    reuse: ReuseOption,

    /// The most connections to an object that are kept while nobody uses them, for ten seconds [default: 16]
    #[arg(long, value_name = "N")]
    idle_connections: Option<usize>,

    /// The most bytes of the body of a request [default: 2 MiB]
    #[arg(long, value_name = "BYTES")]
    max_body: Option<usize>,

    /// The most connections of clients at a time [default: 4096]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
}

/// The members of an object that can be used.
#[derive(Debug, Clone)]
struct Allowed {
    object: String,
    members: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ReuseOption {
    Never,
    #[default]
    Known,
    Always,
}

impl From<ReuseOption> for Reuse {
    fn from(option: ReuseOption) -> Reuse {
        match option {
            ReuseOption::Never => Reuse::Never,
            ReuseOption::Known => Reuse::WhereKnown,
            ReuseOption::Always => Reuse::Always,
        }
    }
}

/// The options of `pyro4-httpgateway`.
#[derive(Debug, Args)]
pub(crate) struct Pyro4Args {
    #[command(flatten)]
    args: GatewayArgs,
    #[command(flatten)]
    hmac: HmacArgs,
}

/// The options of `pyro5-httpgateway`.
#[derive(Debug, Args)]
pub(crate) struct Pyro5Args {
    #[command(flatten)]
    args: GatewayArgs,
    /// Let the scripts of this site read answers; * is every site
    #[arg(short, long, value_name = "ORIGIN", default_value = "*")]
    cors: String,
}

impl From<Pyro4Args> for HttpGatewayCommand {
    fn from(Pyro4Args { args, hmac }: Pyro4Args) -> HttpGatewayCommand {
        HttpGatewayCommand {
            args,
            hmac,
            own: OwnArgs::default(),
            cors: String::new(),
        }
    }
}

impl From<Pyro5Args> for HttpGatewayCommand {
    fn from(Pyro5Args { args, cors }: Pyro5Args) -> HttpGatewayCommand {
        HttpGatewayCommand {
            args,
            hmac: HmacArgs::default(),
            own: OwnArgs::default(),
            cors,
        }
    }
}

pub(crate) fn run(command: HttpGatewayCommand, personality: Personality) -> Outcome {
    let HttpGatewayCommand { args, hmac, own, cors } = command;
    let hmac_key = match personality {
        Personality::Pyro5 => None,
        Personality::Ferropyro | Personality::Pyro4 => keys::from_option_or_env(hmac.pyrokey)?.map(String::into_bytes),
    };
    let hmac_key = hmac_key.unwrap_or_default();
    let mut config = personality.config()?;
    if let Some(timeout) = args.timeout {
        config.commtimeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    }
    let max_connections = own.max_connections;
    let gateway = builder(&args, own)?
        .config(config.clone())
        .hmac_key(&hmac_key)
        .cors(&cors)?
        .generation(match personality {
            Personality::Pyro4 => Generation::Pyro4,
            Personality::Ferropyro | Personality::Pyro5 => Generation::Pyro5,
        });
    match args.expose.as_str() {
        "" => output::line("Warning: exposing all objects (no expose regex set)"),
        pattern => output::line(format_args!("Exposing objects with names matching:  {pattern}")),
    }
    output::line(name_server_line(config, &hmac_key));
    let mut limits = Limits::default();
    if let Some(most) = max_connections {
        limits.connections = most;
    }
    serve(&args, gateway.build(), limits)
}

fn builder(args: &GatewayArgs, own: OwnArgs) -> Result<GatewayBuilder, Failure> {
    let mut builder = Gateway::builder()
        .expose(&args.expose)
        .map_err(|error| Failure::usage(format_args!("-e {}: {error}", args.expose)))?
        .key(gateway_key(args.gatewaykey.as_deref())?)
        .allow_host(&args.host)
        .read_only(own.read_only)
        .reuse(own.reuse.into());
    for host in own.allow_host {
        builder = builder.allow_host(&host);
    }
    for Allowed { object, members } in own.allow {
        builder = builder.allow(&object, members);
    }
    if let Some(bytes) = own.max_body {
        builder = builder.max_body(bytes);
    }
    if let Some(most) = own.idle_connections {
        builder = builder.idle_connections(most);
    }
    Ok(builder)
}

/// The key of the option, which is warned of, or of the variable. Two are refused.
fn gateway_key(option: Option<&str>) -> Result<String, Failure> {
    let variable = env::var_os(KEY_VARIABLE).map(|key| key.to_string_lossy().into_owned());
    let Some(key) = option.filter(|key| !key.is_empty()) else {
        return Ok(variable.unwrap_or_default());
    };
    output::note(format_args!(
        "warning: using -g to supply the gateway key on the command line is a security problem and is deprecated since Pyro 4.72. \
         Set {KEY_VARIABLE} in the environment instead."
    ));
    match variable {
        Some(_) => Err(Failure::new(
            Exit::Failed,
            format_args!("don't use -g and {KEY_VARIABLE} at the same time"),
        )),
        None => Ok(key.to_owned()),
    }
}

/// Only says whether it is there now: every request looks for it anew.
fn name_server_line(config: Config, hmac_key: &[u8]) -> String {
    let settings = naming::Settings::new(config).hmac_key(hmac_key);
    match naming::locate_ns_with(None, &settings) {
        Ok(names) => format!("Connected to name server at:  {}", names.proxy().uri()),
        Err(error) => {
            output::note(format_args!("{error}"));
            "Not yet connected to a name server.".to_owned()
        }
    }
}

fn serve(args: &GatewayArgs, gateway: Gateway, limits: Limits) -> Outcome {
    let failed = |error| {
        let text = format!("cannot serve HTTP on {}, port {}: {error}", args.host, args.port);
        Failure::new(Exit::Failed, text)
    };
    let server = Server::bind(gateway, &args.host, args.port)
        .map_err(failed)?
        .limits(limits);
    let (stop, stopped) = oneshot::channel::<()>();
    let mut stop = Some(stop);
    signals::on_stop(move || drop(stop.take()))?;
    output::line(format_args!(
        "Pyro HTTP gateway running on {}",
        url(server.local_addr())
    ));
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        tokio::select! {
            result = server.run() => result.map_err(failed),
            _ = stopped => Ok(()),
        }
    })?;
    // Objects that do not answer are not waited for.
    runtime.shutdown_background();
    Ok(Exit::Ok)
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/pyro/")
}

/// A time in seconds, as Python's float reads it; 0 is none.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is wanted".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "a number of seconds from 0 on is wanted".to_owned())
}

/// `NAME:MEMBER,MEMBER`; names may have colons in them, and members have none.
fn allowed(text: &str) -> Result<Allowed, String> {
    let wrong = || "NAME:MEMBER or NAME:MEMBER,MEMBER is wanted, such as http.shop:list,price".to_owned();
    let (object, members) = text.rsplit_once(':').ok_or_else(wrong)?;
    let members: Vec<String> = members.split(',').map(|member| member.trim().to_owned()).collect();
    if object.is_empty() || members.iter().any(String::is_empty) {
        return Err(wrong());
    }
    Ok(Allowed {
        object: object.to_owned(),
        members,
    })
}
