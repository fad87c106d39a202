//! How to listen and to connect.

use std::time::{Duration, Instant};

use crate::auth::{Auth, process_key};
use crate::{AuthKey, Digest, Digests, Error, Family, Result};

/// How a [`Listener`](crate::Listener) listens and a [`Client`](crate::Client) connects: what in Python are keyword arguments, and limits.
///
/// ```
/// use ferropyro_connection::{Digest, Options};
///
/// // For a Python of version 3.11 or older at the other end.
/// let options = Options::new().authkey("secret password").allow(Digest::Md5);
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) family: Option<Family>,
    pub(crate) backlog: i32,
    authkey: Option<AuthKey>,
    authenticate: bool,
    pub(crate) terms: Terms,
    digests: Digests,
}

/// What connections are made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) unfinished_handshakes: usize,
    pub(crate) max_message_size: usize,
    pub(crate) reads_ahead: bool,
    /// What to write, if that has been decided.
    pub(crate) pickle_protocol: Option<u8>,
}

impl Terms {
    /// When a handshake that begins now has to be done.
    pub(crate) fn handshake_deadline(&self) -> Option<Instant> {
        self.handshake_timeout.and_then(|time| Instant::now().checked_add(time))
    }
}

impl Default for Options {
    /// No authentication; 10 s for connecting; messages up to 1 GiB; a backlog of 1.
    fn default() -> Options {
        Options {
            family: None,
            backlog: 1,
            authkey: None,
            authenticate: false,
            terms: Terms {
                handshake_timeout: Some(Duration::from_secs(10)),
                unfinished_handshakes: 128,
                max_message_size: 1 << 30,
                reads_ahead: true,
                pickle_protocol: None,
            },
            digests: Digests::default(),
        }
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Options {
        Options::default()
    }

    /// The family of the address, where the form of the address is not to tell it, or where there is no address.
    #[must_use]
    pub fn family(mut self, family: Family) -> Options {
        self.family = Some(family);
        self
    }

    /// Listeners: how many clients the system lets wait before they are accepted (the argument of the system's `listen`); 1 unless set, as in Python.
    #[must_use]
    pub fn backlog(mut self, backlog: u16) -> Options {
        self.backlog = i32::from(backlog);
        self
    }

    /// Both ends must prove that they have this key. An empty key is a key too. (To `processing` 0.52, and to Python's listeners up to 3.12, it is none.)
    #[must_use]
    pub fn authkey(mut self, key: impl Into<AuthKey>) -> Options {
        self.authkey = Some(key.into());
        self
    }

    /// Both ends must prove that they have the same key: that of [`Options::authkey`], or else that of the process ([`process_key`](crate::process_key)).
    #[must_use]
    pub fn authenticate(mut self, yes: bool) -> Options {
        self.authenticate = yes;
        self
    }

    /// Accepts one more digest than SHA-256, SHA-384, SHA3-256 and SHA3-384, which Python knows from 3.12 on: what older peers need.
    ///
    /// | peer | allow |
    /// |---|---|
    /// | ferropyro, Python 3.12 and newer | |
    /// | multiprocessing of Python 2.6 to 3.11 | [`Digest::Md5`] |
    /// | `processing` 0.52 | [`Digest::Sha1`] |
    ///
    /// A client may allow all of them: it tells the peers apart. A listener that allows SHA-1 speaks the dialect of `processing`, and only clients that speak it too can
    /// authenticate; so it cannot allow MD5 as well.
    #[must_use]
    pub fn allow(mut self, digest: Digest) -> Options {
        self.digests = self.digests.with(digest);
        self
    }

    /// Accepts these digests and no others.
    #[must_use]
    pub fn digests(mut self, digests: Digests) -> Options {
        self.digests = digests;
        self
    }

    /// How long connecting may take, with authentication; `None`: as long as it likes. 10 s unless set.
    ///
    /// A listener gives each client so much time to authenticate. A client that has a key waits no longer for the listener's challenge, which never comes from a listener
    /// without one, and late from one that serves one client after the other.
    #[must_use]
    pub fn handshake_timeout(mut self, time: impl Into<Option<Duration>>) -> Options {
        self.terms.handshake_timeout = time.into();
        self
    }

    /// Listeners: how many clients may be about to authenticate; when there are more, the one that has taken longest is disconnected. 128 unless set.
    #[must_use]
    pub fn unfinished_handshakes(mut self, count: usize) -> Options {
        self.terms.unfinished_handshakes = count.max(1);
        self
    }

    /// The longest message that is received, in bytes; 1 GiB unless set. Memory is taken as the bytes arrive.
    #[must_use]
    pub fn max_message_size(mut self, bytes: usize) -> Options {
        self.terms.max_message_size = bytes;
        self
    }

    /// Whether more than one message may be taken from the system at a time, as it is unless set: it is faster. If not, a descriptor has something to read whenever there is something to receive, except for what
    /// [`Connection::poll`](crate::Connection::poll) has seen, so that programs can wait for many of them.
    #[must_use]
    pub fn read_ahead(mut self, yes: bool) -> Options {
        self.terms.reads_ahead = yes;
        self
    }

    /// The protocol of pickle that objects are sent in, 0 to 5. Unless set it is 4, which Python reads from 3.4 on, or 2 for a peer that has authenticated with MD5 or SHA-1 as old ones do, and so may be
    /// a Python 2. Without a key nobody tells: a Python 2 needs 2 then. (All of them are read.)
    #[must_use]
    pub fn pickle_protocol(mut self, protocol: u8) -> Options {
        self.terms.pickle_protocol = Some(protocol);
        self
    }

    /// What is needed to authenticate; `None`: nobody has to.
    pub(crate) fn auth(&self) -> Result<Option<Auth>> {
        let key = match &self.authkey {
            Some(key) => key.clone(),
            None if self.authenticate => process_key()?,
            None => return Ok(None),
        };
        Ok(Some(Auth {
            key,
            digests: self.digests,
        }))
    }

    /// The same for a listener.
    pub(crate) fn auth_of_listener(&self) -> Result<Option<Auth>> {
        if self.digests.has(Digest::Sha1) && self.digests.has(Digest::Md5) {
            return Err(Error::authentication(
                "a listener cannot allow both SHA-1 and MD5: with SHA-1 it speaks the dialect of processing 0.52, with MD5 that of multiprocessing. \
                 Listen at two addresses",
            ));
        }
        self.auth()
    }
}
