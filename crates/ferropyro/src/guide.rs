//! The pages of the guide, so that their Rust examples are compiled and run as documentation tests. (`docs/nameserver.md` and
//! `docs/migration.md` need the name server, and are tested with its crate.)

#[doc = include_str!("../../../docs/introduction.md")]
pub struct Introduction;

#[doc = include_str!("../../../docs/servers.md")]
pub struct Servers;

#[doc = include_str!("../../../docs/clients.md")]
pub struct Clients;

#[doc = include_str!("../../../docs/types.md")]
pub struct Types;

#[doc = include_str!("../../../docs/pickle.md")]
pub struct Pickle;

#[doc = include_str!("../../../docs/network.md")]
pub struct Network;

#[doc = include_str!("../../../docs/settings.md")]
pub struct Settings;

#[doc = include_str!("../../../docs/security.md")]
pub struct Security;

#[doc = include_str!("../../../docs/limits.md")]
pub struct Limits;

#[doc = include_str!("../../../docs/tls.md")]
pub struct Tls;

#[doc = include_str!("../../../docs/troubleshooting.md")]
pub struct Troubleshooting;
