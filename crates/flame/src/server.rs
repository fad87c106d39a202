//! The server's end: the object `Pyro.Flame`, as far as it can be without Python.

use std::collections::BTreeSet;
use std::path::Path;

use ferropyro::{
    Bytes, Call, Daemon, Error, ErrorKind, Members, Method, Object, Param, Raise, Reply, Result, Serializer, Uri,
};
use ferropyro_transfer::Folder;

use crate::content::Content;
use crate::{FLAME_ID, LOGGER};

/// A Flame server of files: `sendfile(filename, filedata)` and `getfile(filename)`, below one folder.
///
/// No path of a client leads out of the folder: neither `..`, nor an absolute path, nor a symbolic link. Files that are sent are readable and writable by the
/// user of this program only, as Python's Flame has them (mode 0600), and take the place of those that have the name. The other methods of Flame
/// need Python: they raise `NotImplementedError`, which says what to do.
#[derive(Debug)]
pub struct FlameServer {
    folder: Folder,
    max_size: u64,
}

/// Settings of a [`FlameServer`].
#[derive(Debug)]
pub struct FlameServerBuilder<'p> {
    folder: &'p Path,
    max_size: u64,
}

impl FlameServer {
    /// Settings for a server of the files below this folder.
    pub fn builder(folder: &Path) -> FlameServerBuilder<'_> {
        FlameServerBuilder {
            folder,
            max_size: MAX_SIZE,
        }
    }

    fn sendfile(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (name, Content(bytes)) = call.args::<(String, Content)>()?;
        if bytes.len() as u64 > self.max_size {
            let text = format!(
                "'{name}' has {} bytes; this server takes files of {} at most",
                bytes.len(),
                self.max_size
            );
            return Err(Raise::new("ValueError", text));
        }
        self.folder.store_private(&name, &bytes)?;
        tracing::info!(target: LOGGER, "stored {name:?}, {} bytes", bytes.len());
        call.reply(&())
    }

    fn getfile(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let (name,) = call.args::<(String,)>()?;
        let bytes = self.folder.read(&name, self.max_size)?;
        tracing::debug!(target: LOGGER, "giving {name:?}, {} bytes", bytes.len());
        call.reply(&Bytes(bytes))
    }
}

impl FlameServerBuilder<'_> {
    /// The most bytes of a file, which goes over in one piece and is in memory as a whole. Default: 64 MiB.
    #[must_use]
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.max_size = bytes;
        self
    }

    /// Registers the server with a daemon, under the id that clients of Flame expect: gives its URI.
    ///
    /// # Errors
    /// `Security` unless the daemon's configuration has FLAME_ENABLED; `Serialize` unless it accepts pickle and nothing else; `Value` when the folder cannot be
    /// opened; `Daemon` when the daemon has a Flame server already.
    pub fn start(self, daemon: &Daemon) -> Result<Uri> {
        let config = daemon.config();
        if !config.flame_enabled {
            let error = Error::new(ErrorKind::Security, "Flame is disabled in the server configuration");
            return Err(error.with(
                "to enable it",
                "PYRO_FLAME_ENABLED=true, or flame_enabled(true) in code",
            ));
        }
        if config.serializers_accepted != BTreeSet::from([Serializer::Pickle]) {
            let error = Error::new(ErrorKind::Serialize, "Flame requires the pickle serializer exclusively");
            return Err(error.with("the setting that is needed", "PYRO_SERIALIZERS_ACCEPTED=pickle"));
        }
        let folder = Folder::open(self.folder).map_err(|error| {
            let text = format!("the folder {} cannot be served: {error}", self.folder.display());
            Error::new(ErrorKind::Value, text).caused_by(error)
        })?;
        let server = FlameServer {
            folder,
            max_size: self.max_size,
        };
        daemon.register(FLAME_ID, server)
    }
}

impl Object for FlameServer {
    fn members(&self) -> &Members {
        &MEMBERS
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        match call.method() {
            "sendfile" => self.sendfile(call),
            "getfile" => self.getfile(call),
            method => Err(runs_no_code(method)),
        }
    }
}

fn runs_no_code(method: &str) -> Raise {
    let text = format!(
        "this Flame server has files only, sendfile and getfile, and runs no code: for {method} start Python's own (python -m Pyro4.utils.flameserver), \
         or better, expose a method that does just what is needed"
    );
    Raise::new("NotImplementedError", text)
}

const MAX_SIZE: u64 = 64 << 20;

/// All of them, so that a client that asks for what is not here is told why.
static MEMBERS: Members = Members::new(
    "Flame",
    const {
        &[
            Method::new(
                "sendfile",
                const { &[Param::required("filename"), Param::required("filedata")] },
            ),
            Method::new("getfile", const { &[Param::required("filename")] }),
            Method::new("module", &[]),
            Method::new("builtin", &[]),
            Method::new("execute", &[]),
            Method::new("evaluate", &[]),
            Method::new("sendmodule", &[]),
            Method::new("getmodule", &[]),
            Method::new("console", &[]),
            Method::new("invokeBuiltin", &[]),
            Method::new("invokeModule", &[]),
        ]
    },
);
