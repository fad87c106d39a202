//! The servers that drive a daemon's sessions over sockets. The [reception](reception) lets clients in and waits for their first message; then they
//! are served by a thread each ([thread_pool]), or by tasks of the event loop ([event_loop]), as the setting SERVERTYPE says.

mod beside;
mod capacity;
mod conversation;
mod event_loop;
mod gate;
mod greeting;
mod housekeeper;
mod oneways;
mod reception;
mod signal;
#[cfg(unix)]
mod single;
mod thread_pool;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use event_loop::EventLoop;
use housekeeper::Housekeeper;
use reception::{Reception, Visitor};
#[cfg(unix)]
use single::Single;
use thread_pool::ThreadPool;
use tokio::task::JoinSet;

use crate::config::ServerType;
use crate::daemon::core::Core;
use crate::daemon::socket::Door;
#[cfg(unix)]
use crate::daemon::watch::Watch;
use crate::object::BoxFuture;

/// A daemon's server, running or not.
pub(crate) struct Server {
    core: Arc<Core>,
    entrance: Entrance,
    hosts: Hosts,
    /// What else is to run in the loop, until it does.
    companions: Mutex<Vec<BoxFuture<'static, ()>>>,
}

/// Where the clients come from.
enum Entrance {
    Reception(Reception),
    /// There is one, which the program has brought along.
    #[cfg(unix)]
    Single(Single),
}

/// Who serves the clients that were let in.
#[derive(Clone)]
enum Hosts {
    Threads(Arc<ThreadPool>),
    Tasks(Arc<EventLoop>),
}

impl Server {
    pub(crate) fn new(core: Arc<Core>, door: Door) -> Arc<Server> {
        let listener = match door {
            Door::Listener(listener) => listener,
            #[cfg(unix)]
            Door::Connected(socket) => {
                return Arc::new(Server {
                    entrance: Entrance::Single(Single::new(Arc::clone(&core), socket)),
                    hosts: Hosts::Tasks(EventLoop::new(Arc::clone(&core))),
                    core,
                    companions: Mutex::default(),
                });
            }
        };
        Arc::new(Server {
            entrance: Entrance::Reception(Reception::new(Arc::clone(&core), listener)),
            hosts: match core.config.servertype {
                ServerType::Thread => Hosts::Threads(ThreadPool::new(Arc::clone(&core))),
                ServerType::Multiplex => Hosts::Tasks(EventLoop::new(Arc::clone(&core))),
            },
            core,
            companions: Mutex::default(),
        })
    }

    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        match &self.entrance {
            Entrance::Reception(reception) => reception.address(),
            #[cfg(unix)]
            Entrance::Single(_) => None,
        }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// What tells whether there is something to do. Only sockets that come later are watched beside the one that is there.
    ///
    /// # Errors
    /// Those of the system.
    #[cfg(unix)]
    pub(crate) fn watch(&self) -> io::Result<&Watch> {
        let known = &self.core.watch;
        if known.get().is_none() {
            let watch = Watch::new()?;
            self.entrance.be_watched(&watch);
            // Another thread may have been first.
            let _ = known.set(watch);
        }
        known.get().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Runs a task in the loop, from when the server begins to serve until it lets nobody in any more.
    pub(crate) fn accompany(&self, task: BoxFuture<'static, ()>) {
        let mut companions = self.companions.lock().unwrap_or_else(PoisonError::into_inner);
        companions.push(task);
    }

    /// Serves until [`Server::stop`], in a runtime of tokio that has IO and time; then waits until all are done.
    ///
    /// # Errors
    /// When the socket cannot be waited for.
    pub(crate) async fn serve(&self) -> io::Result<()> {
        let _ending = Ending(self);
        let _housekeeper = Housekeeper::start(&self.core);
        let mut companions = self.start_companions();
        self.entrance.run(&self.hosts).await?;
        companions.shutdown().await;
        match &self.hosts {
            Hosts::Threads(pool) => pool.drain().await,
            Hosts::Tasks(tasks) => tasks.drain().await,
        }
        Ok(())
    }

    fn start_companions(&self) -> JoinSet<()> {
        let mut companions = self.companions.lock().unwrap_or_else(PoisonError::into_inner);
        companions.drain(..).collect()
    }

    /// Stops accepting, and reads no more from any connection. Calls that run are finished and answered first: the very call that stops the
    /// server may be one of them.
    pub(crate) fn stop(&self) {
        self.entrance.stop();
        match &self.hosts {
            Hosts::Threads(pool) => pool.stop(),
            Hosts::Tasks(tasks) => tasks.stop(),
        }
        self.core.wake();
    }
}

impl Entrance {
    #[cfg(unix)]
    fn be_watched(&self, watch: &Watch) {
        match self {
            Entrance::Reception(reception) => reception.be_watched(watch),
            Entrance::Single(single) => single.be_watched(watch),
        }
    }

    async fn run(&self, hosts: &Hosts) -> io::Result<()> {
        match (self, hosts) {
            (Entrance::Reception(reception), hosts) => reception.run(hosts).await,
            #[cfg(unix)]
            (Entrance::Single(single), Hosts::Tasks(tasks)) => single.run(tasks).await,
            #[cfg(unix)]
            (Entrance::Single(_), Hosts::Threads(_)) => Ok(()),
        }
    }

    fn stop(&self) {
        if let Entrance::Reception(reception) = self {
            reception.stop();
        }
    }

    fn close(&self) {
        if let Entrance::Reception(reception) = self {
            reception.close();
        }
    }
}

impl Hosts {
    /// Serves a client whose first message is there, or refuses it.
    async fn serve(&self, visitor: Box<Visitor>) {
        match self {
            Hosts::Threads(pool) => Box::pin(pool.admit(visitor)).await,
            Hosts::Tasks(tasks) => tasks.serve(visitor).await,
        }
    }
}

/// Nothing goes on when the future is dropped that serves.
struct Ending<'s>(&'s Server);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.stop();
        self.0.entrance.close();
        match &self.0.hosts {
            Hosts::Threads(pool) => pool.give_up(),
            Hosts::Tasks(tasks) => tasks.give_up(),
        }
    }
}
