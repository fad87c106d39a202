//! Finding objects by name without blocking: as [`naming`](crate::naming), whose settings and results these are.

use super::Proxy;
use crate::logging::logger;
use crate::naming::{Filter, Listed, NAMESERVER_ID, Settings, default_locations, failed_to_locate, pick};
use crate::uri::Protocol;
use crate::{Error, Location, Result, Uri};

/// Turns a PYRONAME or PYROMETA URI into the PYRO URI of an object, by asking the name server. A PYRO URI comes back as it is.
///
/// # Errors
/// `Naming` when there is no name server, or it knows no such object.
pub async fn resolve<U>(uri: U) -> Result<Uri>
where
    U: TryInto<Uri>,
    Error: From<U::Error>,
{
    resolve_with(&uri.try_into()?, &Settings::default()).await
}

/// As [`resolve`], with settings. The connection to the name server is closed again.
///
/// # Errors
/// As for [`resolve`].
pub(super) async fn resolve_with(uri: &Uri, settings: &Settings) -> Result<Uri> {
    if uri.protocol() == Protocol::Pyro {
        return Ok(uri.clone());
    }
    let nameserver = locate_ns_with(uri.location(), settings).await?;
    let Some(tags) = uri.tags() else {
        return nameserver.call("lookup", (uri.object(),)).await;
    };
    let (method, kwargs) = Filter::all_of(tags).list_call(nameserver.dialect().await?);
    let found = nameserver.call_with::<Listed>(method, (), &kwargs).await?;
    pick(found.into(), tags)
}

/// Finds the name server at a location, or without one at NS_HOST and NS_PORT of the settings. Gives a proxy for it, which has answered a ping.
///
/// # Errors
/// `Naming` with the text `Failed to locate the nameserver`, every address that was tried, and the cause.
async fn locate_ns_with(location: Option<&Location>, settings: &Settings) -> Result<Proxy> {
    let candidates = match location {
        Some(location) => vec![location.clone()],
        None => default_locations(&settings.config),
    };
    let mut error = failed_to_locate();
    for location in candidates {
        tracing::debug!(target: logger::NAMING, "looking for the name server on {location}");
        match connect(location, settings).await {
            Ok(nameserver) => return Ok(nameserver),
            Err(failure) => error = error.after(failure),
        }
    }
    Err(error)
}

async fn connect(location: Location, settings: &Settings) -> Result<Proxy> {
    let nameserver = Proxy::builder()
        .config(settings.config.clone())
        .hmac(settings.hmac_key.clone())
        .build_async(Uri::pyro(NAMESERVER_ID, location)?)?;
    nameserver.call::<()>("ping", ()).await?;
    Ok(nameserver)
}
