//! What a host name stands for: the address that clients connect to, and its version of IP (Pyro's `socketutil`, manual chapter "IPV6 support").

use std::net::IpAddr;

use crate::config::IpVersion;
use crate::transport::addresses_of;
use crate::{Error, ErrorKind, Result};

/// The version of IP of an address, or of the address that a host name stands for: [`IpVersion::V4`] or [`IpVersion::V6`] (Pyro's `getIpVersion`).
///
/// `preferred` is for names that have addresses of both versions, see [`ip_address`].
///
/// # Errors
/// As for [`ip_address`].
///
/// ```
/// use ferropyro::config::IpVersion;
/// use ferropyro::network::ip_version;
///
/// assert_eq!(ip_version("127.0.0.1", IpVersion::Any)?, IpVersion::V4);
/// assert_eq!(ip_version("::1", IpVersion::Any)?, IpVersion::V6);
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub fn ip_version(host: &str, preferred: IpVersion) -> Result<IpVersion> {
    Ok(match ip_address(host, preferred)? {
        IpAddr::V4(_) => IpVersion::V4,
        IpAddr::V6(_) => IpVersion::V6,
    })
}

/// The address of a host, given as a name or as an address without brackets: the first one that a client would try (Pyro's `getIpAddress`).
///
/// `preferred` is the setting PREFER_IP_VERSION or what a caller wants in its place: [`IpVersion::V4`] gives an address of IPv4 if there is one, [`IpVersion::V6`] one of
/// IPv6 or an error, [`IpVersion::Any`] what the system puts first. An address stands for itself, whatever is preferred.
///
/// This asks the system, which may ask the network: it can take seconds.
///
/// # Errors
/// `Communication`: `unable to determine IPV6 address` for a name that has none and must; `cannot resolve 'HOST'`, with the system's reason.
///
/// ```
/// use ferropyro::config::IpVersion;
/// use ferropyro::network::ip_address;
///
/// assert_eq!(ip_address("localhost", IpVersion::V4)?.to_string(), "127.0.0.1");
/// # Ok::<(), ferropyro::Error>(())
/// ```
pub fn ip_address(host: &str, preferred: IpVersion) -> Result<IpAddr> {
    let found = addresses_of(host, 0, preferred).map_err(|error| {
        // The one that is Pyro's own comes without a code of the system.
        let text = match error.kind() {
            std::io::ErrorKind::AddrNotAvailable => error.to_string(),
            _ => format!("cannot resolve '{host}': {error}"),
        };
        Error::new(ErrorKind::Communication, text).caused_by(error)
    })?;
    match found.first() {
        Some(address) => Ok(address.ip()),
        None => {
            let text = format!("cannot resolve '{host}': the name has no address");
            Err(Error::new(ErrorKind::Communication, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [IpVersion; 3] = [IpVersion::Any, IpVersion::V4, IpVersion::V6];

    // Conformance: IP6-04
    #[test]
    fn an_address_has_its_own_version_whatever_is_preferred() -> Result<()> {
        for preferred in ALL {
            for (address, version) in [
                ("127.0.0.1", IpVersion::V4),
                ("192.0.2.7", IpVersion::V4),
                ("::1", IpVersion::V6),
                ("2001:db8::7", IpVersion::V6),
                ("::ffff:192.0.2.7", IpVersion::V6),
            ] {
                assert_eq!(ip_version(address, preferred)?, version);
                assert_eq!(ip_address(address, preferred)?.to_string(), address);
            }
        }
        Ok(())
    }

    // Conformance: IP6-03, IP6-04
    #[test]
    fn a_name_has_the_version_of_the_address_that_is_preferred() -> Result<()> {
        assert_eq!(ip_version("localhost", IpVersion::V4)?, IpVersion::V4);
        assert_eq!(ip_address("localhost", IpVersion::V4)?.to_string(), "127.0.0.1");
        // Whether the machine's own name has an address of IPv6 depends on the machine.
        match ip_address("localhost", IpVersion::V6) {
            Ok(address) => {
                assert_eq!(address.to_string(), "::1");
                assert_eq!(ip_version("localhost", IpVersion::V6)?, IpVersion::V6);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Communication);
                assert_eq!(error.message(), "unable to determine IPV6 address");
            }
        }
        assert!(ip_address("localhost", IpVersion::Any)?.is_loopback());
        Ok(())
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error_that_names_it() {
        for host in ["no such host", "[::1]", ""] {
            for preferred in ALL {
                let error = ip_version(host, preferred).expect_err("this is no host");
                assert_eq!(error.kind(), ErrorKind::Communication);
                let text = format!("cannot resolve '{host}': ");
                assert!(error.message().starts_with(&text), "{error}");
            }
        }
    }
}
