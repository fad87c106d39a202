//! The environment: settings, addresses in settings, the log.

use std::env;
use std::fs::OpenOptions;
use std::net::IpAddr;

use ferropyro::Config;
use ferropyro::config::{Generation, Item, PREFIX, UnknownItems};
use ferropyro::logging::Output;

use super::means::{Means, Reach, joined, look_up};
use super::report::{Check, Subject};

const VERSIONS: Subject = Subject::new("versions", "Versions");
const ENVIRONMENT: Subject = Subject::new("settings.environment", "Settings");
const HOST: Subject = Subject::new("settings.host", "Address of servers of this machine");
const NS_HOST: Subject = Subject::new("settings.ns-host", "Where the name server is looked for");
const LOG: Subject = Subject::new("settings.log", "Log");

/// What is set besides items, and refused by Pyro5 as it has no such thing.
const NO_ITEMS: [&str; 2] = ["HMAC_KEY", "HTTPGATEWAY_KEY"];

/// Who is asking.
pub(super) fn versions() -> Check {
    let protocols: Vec<String> = ferropyro::Dialect::ALL
        .iter()
        .map(|dialect| dialect.version().to_string())
        .collect();
    VERSIONS
        .ok(format!(
            "ferropyro {} speaks to Pyro4 and Pyro5",
            env!("CARGO_PKG_VERSION")
        ))
        .fact("version", env!("CARGO_PKG_VERSION"))
        .fact("protocols", protocols.join(", "))
        .fact("system", env::consts::OS)
}

/// The settings of the environment. A variable that makes no sense is told, and then left out, so that the other checks can be made.
pub(super) fn environment() -> (Config, Check) {
    let mut variables = Vec::new();
    let mut problems = Vec::new();
    for (name, value) in env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        match value.into_string() {
            Ok(value) => variables.push((name.to_owned(), value)),
            Err(_) => problems.push(format!("the value of {name} is not valid UTF-8")),
        }
    }
    variables.sort();
    judge_variables(&variables, problems)
}

fn judge_variables(variables: &[(String, String)], mut problems: Vec<String>) -> (Config, Check) {
    let mut config = Config::default();
    let (mut set, mut foreign) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        match config.apply_vars([(name, value)], UnknownItems::Refuse) {
            Err(error) => problems.push(error.to_string()),
            Ok(()) => {
                let short = name.trim_start_matches(PREFIX);
                match Item::find(short) {
                    Some(item) => set.push(format!("{name}={}", item.get(&config))),
                    None => set.push(format!("{name}=<not shown>")),
                }
                let is_of_pyro5 = Item::find(short).is_some_and(|item| item.is_of(Generation::Pyro5));
                if !is_of_pyro5 || NO_ITEMS.contains(&short) {
                    foreign.push(name.clone());
                }
            }
        }
    }
    let check = match problems.as_slice() {
        [] => ENVIRONMENT.ok(match set.len() {
            0 => "no PYRO_* variable is set".to_owned(),
            1 => "1 PYRO_* variable is set, and makes sense".to_owned(),
            count => format!("{count} PYRO_* variables are set, and make sense"),
        }),
        [one] => ENVIRONMENT.failed(one.clone(), REMEDY),
        all => ENVIRONMENT
            .failed(format!("{} PYRO_* variables make no sense", all.len()), REMEDY)
            .facts("problem", all.iter().map(String::as_str)),
    };
    let mut check = check.facts("set", set);
    if !foreign.is_empty() {
        // Only a program of Python's knows which Pyro it has, so this is a fact and not a fault.
        check = check.fact("programs of Pyro5 refuse to start with", foreign.join(", "));
    }
    (config, check)
}

const REMEDY: &str = "Correct or unset it: programs of Pyro5, and this one, do not start with it. `ferropyro check-config` lists all settings.";

/// What servers bind to, and put into their URIs, when the program does not say it.
pub(super) fn host(means: &Means) -> Check {
    let config = &means.config;
    let host = config.host.as_str();
    let outer = config.nathost.as_deref().unwrap_or_default();
    if let Some(reason) = malformed(host) {
        return HOST.failed(
            format!("HOST is '{host}', which is no host: {reason}"),
            "Set PYRO_HOST to a host name or address alone.",
        );
    }
    // Python takes an empty host for all interfaces.
    let lookup = look_up(if host.is_empty() { "0.0.0.0" } else { host }, means.timeout);
    let addresses = match lookup.addresses {
        Ok(addresses) => addresses,
        Err(reason) => {
            return HOST.failed(
                format!("HOST is '{host}', which does not resolve: {reason}"),
                "Servers cannot start with it: set PYRO_HOST to a name or address of this machine.",
            );
        }
    };
    judge_host(host, outer, &addresses, Reach::of_all(&addresses)).fact("addresses", joined(&addresses))
}

fn judge_host(host: &str, outer: &str, addresses: &[IpAddr], reach: Reach) -> Check {
    let addresses = joined(addresses);
    match reach {
        _ if matches!(outer, "0.0.0.0" | "::") => HOST.failed(
            format!("NATHOST is {outer}, which is no address that a client could use"),
            "Set PYRO_NATHOST to the name by which other machines reach this one.",
        ),
        Reach::Wildcard if outer.is_empty() => HOST.warning(
            format!("HOST is {host}: all interfaces, and URIs with an address that no client can use"),
            "Set PYRO_NATHOST to the name by which clients reach this machine, or PYRO_HOST to one of its addresses.",
        ),
        Reach::Elsewhere => HOST.failed(
            format!("HOST is '{host}' ({addresses}), which is no address of this machine"),
            "Servers cannot bind it. Set PYRO_HOST to an address of this machine, and PYRO_NATHOST to the outer one.",
        ),
        Reach::Loopback if !is_local_word(host) => HOST.warning(
            format!(
                "HOST is '{host}', which stands for {addresses} here: nobody on another machine reaches such servers"
            ),
            "Set PYRO_HOST to the number of the address in the network, or correct /etc/hosts.",
        ),
        Reach::Loopback => HOST.ok(format!(
            "{host}: servers without a host of their own are for programs of this machine only"
        )),
        Reach::Wildcard => HOST.ok(format!("{host}, and {outer} for clients")),
        Reach::Here => HOST.ok(format!("{host} ({addresses})")),
    }
}

/// Whether everybody knows that this is only for the machine itself.
fn is_local_word(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

/// The host where the name server is looked for. Whether it is there is another question.
pub(super) fn ns_host(means: &Means) -> Check {
    let (host, port) = (means.config.ns_host.as_str(), means.config.ns_port);
    let place = means.default_nameserver().to_string();
    let remedy = "Set PYRO_NS_HOST to the host name or address of the name server's machine alone, and PYRO_NS_PORT to its port.";
    match malformed(host) {
        Some(reason) => NS_HOST.failed(format!("NS_HOST is '{host}', which is no host: {reason}"), remedy),
        None if matches!(host, "0.0.0.0" | "::") => NS_HOST.failed(
            format!("NS_HOST is {host}, which is no address that a client could use"),
            remedy,
        ),
        None if port == 0 => NS_HOST.failed("NS_PORT is 0, which is no port that a client could use", remedy),
        None if is_local_word(host)
            && host
                .parse()
                .map_or(true, |address| Reach::of(address) == Reach::Loopback) =>
        {
            NS_HOST.ok(format!("{place}: on this machine"))
        }
        None => NS_HOST.ok(place),
    }
}

/// Why a text is no host, when it is something that people take for one.
fn malformed(host: &str) -> Option<&'static str> {
    if host.parse::<IpAddr>().is_ok() {
        return None;
    }
    if host.contains("//") || host.to_ascii_uppercase().starts_with("PYRO") && host.contains(':') {
        Some("it is a whole URI")
    } else if host.starts_with('[') {
        Some("an address of IPv6 stands without brackets here")
    } else if host.contains(':') {
        Some("there is a port in it")
    } else if host.contains(char::is_whitespace) {
        Some("there is a blank in it")
    } else {
        None
    }
}

/// Whether there is a log, and where.
pub(super) fn log(config: &Config) -> Check {
    let how = "PYRO_LOGLEVEL=DEBUG PYRO_LOGFILE='{stderr}'";
    let file = config.logfile.as_deref().filter(|file| !file.is_empty());
    match (&config.loglevel, file) {
        (None, None) => LOG.ok(format!("off; {how} before a command switches it on, on either side")),
        (None, Some(file)) => LOG.warning(
            format!("off, though LOGFILE is {file}"),
            "Set PYRO_LOGLEVEL as well: DEBUG, INFO, WARNING or ERROR.",
        ),
        (Some(levels), _) => match Output::from_name(file) {
            Output::Stderr => LOG.ok(format!("{levels}, on standard error")),
            Output::File(path) => match OpenOptions::new().append(true).create(true).open(&path) {
                Ok(_) => LOG.ok(format!("{levels}, in {}", path.display())),
                Err(error) => LOG.warning(
                    format!("{levels}, but {} cannot be written: {error}", path.display()),
                    "Set PYRO_LOGFILE to a file in a folder that can be written, or to {stderr}.",
                ),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn judged(variables: &[(&str, &str)]) -> (Config, Check) {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        judge_variables(&variables, Vec::new())
    }

    // Conformance: LOC-15
    #[test]
    fn a_variable_that_makes_no_sense_is_told_and_the_others_count() {
        let (config, check) = judged(&[
            ("PYRO_NS_PROT", "9091"),
            ("PYRO_NS_PORT", "9999"),
            ("PYRO_SSL", "perhaps"),
        ]);
        assert_eq!(check.verdict(), Verdict::Failed);
        assert_eq!(config.ns_port, 9999);
        let text = format!("{check:?}");
        assert!(text.contains("did you mean PYRO_NS_PORT?"), "{text}");
        assert!(text.contains("invalid boolean value: PYRO_SSL=perhaps"), "{text}");
        assert_eq!(judged(&[]).1.verdict(), Verdict::Ok);
    }

    #[test]
    fn a_key_is_not_shown_and_pyro5_would_refuse_it() {
        let (_, check) = judged(&[
            ("PYRO_HMAC_KEY", "swordfish"),
            ("PYRO_HOST", "localhost"),
            ("PYRO_WORKERS", "2"),
        ]);
        let text = format!("{check:?}");
        assert_eq!(check.verdict(), Verdict::Ok);
        assert!(!text.contains("swordfish"), "{text}");
        assert!(text.contains("PYRO_HMAC_KEY, PYRO_WORKERS"), "{text}");
    }

    #[test]
    fn the_address_of_servers_is_judged_by_where_it_leads() {
        let judge =
            |host, outer, address: &str, reach| judge_host(host, outer, &[address.parse().unwrap()], reach).verdict();
        assert_eq!(judge("localhost", "", "127.0.0.1", Reach::Loopback), Verdict::Ok);
        assert_eq!(judge("box", "", "127.0.1.1", Reach::Loopback), Verdict::Warning);
        assert_eq!(judge("0.0.0.0", "", "0.0.0.0", Reach::Wildcard), Verdict::Warning);
        assert_eq!(
            judge("0.0.0.0", "outer.example.com", "0.0.0.0", Reach::Wildcard),
            Verdict::Ok
        );
        assert_eq!(
            judge("localhost", "0.0.0.0", "127.0.0.1", Reach::Loopback),
            Verdict::Failed
        );
        assert_eq!(judge("box", "", "192.0.2.7", Reach::Here), Verdict::Ok);
        assert_eq!(judge("other", "", "192.0.2.7", Reach::Elsewhere), Verdict::Failed);
    }

    #[test]
    fn what_people_take_for_a_host_is_named() {
        for host in [
            "box:9090",
            "PYRO:Pyro.NameServer@box:9090",
            "http://box",
            "[::1]",
            "my box",
        ] {
            assert!(malformed(host).is_some(), "{host}");
        }
        for host in ["box", "localhost", "::1", "192.0.2.7", "pyro.example.com", ""] {
            assert_eq!(malformed(host), None, "{host}");
        }
    }
}
