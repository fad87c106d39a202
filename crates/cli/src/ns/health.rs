//! What goes on beside the name server, in a thread of its own: the metrics, and what the service manager of the system is told.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ferropyro_nameserver::NameServerDaemon;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{metrics, supervisor};
use crate::exit::{Exit, Failure};

/// How long a store may take to say how many names it has.
const PATIENCE: Duration = Duration::from_secs(2);
/// The questions that a store which does not answer can be asked at a time: each of them holds a thread.
const QUESTIONS: usize = 4;

/// Says whether the name server is well.
#[derive(Debug, Clone)]
pub(super) struct Health {
    nameserver: NameServerDaemon,
    questions: Arc<Semaphore>,
}

impl Health {
    pub(super) fn new(nameserver: NameServerDaemon) -> Health {
        Health {
            nameserver,
            questions: Arc::new(Semaphore::new(QUESTIONS)),
        }
    }

    pub(super) fn nameserver(&self) -> &NameServerDaemon {
        &self.nameserver
    }

    /// The number of names, or why the store does not tell it. The answer is there in time, whatever the store does.
    pub(super) async fn names(&self) -> Result<usize, String> {
        let question = async {
            let permit = Arc::clone(&self.questions).acquire_owned().await;
            let nameserver = self.nameserver.clone();
            let work = move || {
                let _permit = permit;
                nameserver.check_store()
            };
            match spawn_blocking(work).await {
                Ok(Ok(count)) => Ok(count),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(format!("the store failed: {error}")),
            }
        };
        let answer = timeout(PATIENCE, question).await;
        answer.unwrap_or_else(|_| {
            Err(format!(
                "the store has not answered within {} seconds",
                PATIENCE.as_secs()
            ))
        })
    }
}

/// Serves metrics, and keeps the service manager informed, as long as the process runs.
pub(super) fn accompany(health: Health, metrics: Option<TcpListener>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, format_args!("cannot serve metrics: {error}"));
    if metrics.is_none() && !supervisor::is_there() {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let work = move || {
        runtime.block_on(async {
            let inform = supervisor::inform(health.clone());
            match metrics {
                Some(listener) => drop(tokio::join!(inform, metrics::serve(listener, health))),
                None => inform.await,
            }
        });
    };
    let thread = thread::Builder::new().name("metrics".to_owned());
    thread.spawn(work).map(drop).map_err(failed)
}
