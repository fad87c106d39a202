//! `Pyro.Daemon`: the object through which every daemon can be asked about itself (manual chapter "Servers").

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use crate::config::ServerType;
use crate::daemon::core::Core;
use crate::error::Raise;
use crate::object::members::{Members, Method, Param};
use crate::object::{Call, Object, Reply};
use crate::session::metadata::Containers;
use crate::{Error, ErrorKind};

pub(crate) struct DaemonObject(pub(crate) Weak<Core>);

static MEMBERS: Members = Members::new(
    "DaemonObject",
    const {
        &[
            Method::new("registered", &[])
                .returns("list[str]")
                .doc("The ids of the objects."),
            Method::new("ping", &[])
                .returns("None")
                .doc("Does nothing: the daemon is there."),
            Method::new("info", &[]).returns("str").doc("The daemon in a sentence."),
            Method::new(
                "get_metadata",
                const { &[OBJECT, Param::optional("as_lists").type_name("bool").default("False")] },
            )
            .returns("dict[str, set[str]]")
            .doc("The names of the members of an object."),
            Method::new("describe", const { &[OBJECT] })
                .returns("dict[str, Any]")
                .doc("What is told of an object: the signatures of its methods, and documentation."),
            Method::new("get_next_stream_item", const { &[STREAM] })
                .returns("Any")
                .doc("The next item of an item stream."),
            Method::new("close_stream", const { &[STREAM] })
                .returns("None")
                .doc("Ends an item stream."),
        ]
    },
)
.doc("The daemon itself.");

const OBJECT: Param = Param::required("objectId").type_name("str");
const STREAM: Param = Param::required("streamId").type_name("str");

impl Object for DaemonObject {
    fn members(&self) -> &Members {
        &MEMBERS
    }

    fn call(&self, call: Call<'_>) -> Result<Reply, Raise> {
        let core = self
            .0
            .upgrade()
            .ok_or_else(|| Error::new(ErrorKind::Daemon, "the daemon is gone"))?;
        match call.method() {
            "registered" => {
                call.args::<()>()?;
                call.reply(&core.registry.ids())
            }
            "ping" => {
                call.args::<()>()?;
                call.reply(&())
            }
            "info" => {
                call.args::<()>()?;
                call.reply(&info(&core))
            }
            "get_metadata" => get_metadata(&core, call),
            "describe" => {
                let (object,) = call.args::<(String,)>()?;
                call.reply(&core.describe(&object)?)
            }
            "get_next_stream_item" => {
                let (id,) = call.args::<(String,)>()?;
                core.streams.next(&id, call)
            }
            "close_stream" => {
                let (id,) = call.args::<(String,)>()?;
                core.streams.close(&id);
                call.reply(&())
            }
            _ => call.refuse(),
        }
    }
}

/// In the words of Pyro, whose servers have these names.
fn info(core: &Arc<Core>) -> String {
    let nat = core.nat.as_ref().map_or("None".to_owned(), ToString::to_string);
    let location = &core.location;
    let objects = core.registry.len();
    let (server, count, counted) = match core.config.servertype {
        ServerType::Thread => ("Threadpool", &core.workers, "workers"),
        ServerType::Multiplex => ("Multiplex", &core.connections, "connections"),
    };
    let count = count.load(Ordering::Relaxed);
    format!(
        "Pyro.Daemon bound on {location}, NAT {nat}, {objects} objects registered. \
         Servertype: <SocketServer_{server} on {location}; {count} {counted}>"
    )
}

fn get_metadata(core: &Core, call: Call<'_>) -> Result<Reply, Raise> {
    let (object, as_lists) = call.given_args::<(String, bool)>()?;
    let metadata = core.metadata(&object.unwrap_or_default())?;
    // Clients of 46 and 47 take any container, and those on Python 2 cannot read the sets of all formats.
    let containers = if as_lists.unwrap_or(false) || call.context().dialect().server_speaks_first() {
        Containers::Lists
    } else {
        Containers::Sets
    };
    call.reply(&metadata.wire(containers))
}
