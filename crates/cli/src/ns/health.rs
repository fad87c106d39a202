//! What goes on beside the name server, in a thread of its own: the metrics, and what the service manager of the system is told.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

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
    started: SystemTime,
    questions: Arc<Semaphore>,
}

impl Health {
    pub(super) fn new(nameserver: NameServerDaemon) -> Health {
        Health {
            nameserver,
            started: SystemTime::now(),
            questions: Arc::new(Semaphore::new(QUESTIONS)),
        }
    }

    pub(super) fn nameserver(&self) -> &NameServerDaemon {
        &self.nameserver
    }

    pub(super) fn started(&self) -> SystemTime {
        self.started
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Condvar, Mutex};

    use ferropyro::Result;
    use ferropyro_nameserver::store::{Entry, Listed, Store};
    use ferropyro_nameserver::{NameServerBuilder, NameServerDaemon};

    use super::*;

    /// A store that does not say how many names it has, until it is told to.
    #[derive(Default)]
    struct Stuck {
        is_free: Mutex<bool>,
        changed: Condvar,
    }

    impl Stuck {
        fn free(&self) {
            *self.is_free.lock().unwrap() = true;
            self.changed.notify_all();
        }
    }

    impl Store for Stuck {
        fn get(&self, _: &str) -> Result<Option<Arc<Entry>>> {
            Ok(None)
        }

        fn entries(&self) -> Result<Vec<Listed>> {
            let is_free = self.is_free.lock().unwrap();
            drop(self.changed.wait_while(is_free, |is_free| !*is_free).unwrap());
            Ok(Vec::new())
        }

        fn put(&self, _: &str, _: Entry, _: bool) -> Result<bool> {
            Ok(true)
        }

        fn set_tags(&self, _: &str, _: BTreeSet<String>) -> Result<bool> {
            Ok(false)
        }

        fn remove(&self, _: &[&str]) -> Result<usize> {
            Ok(0)
        }

        fn remove_if(&self, _: &str, _: &str) -> Result<bool> {
            Ok(false)
        }
    }

    fn nameserver(store: Arc<Stuck>) -> NameServerDaemon {
        let builder = NameServerBuilder::new().host("127.0.0.1").port(0);
        builder.shared_store(store).bind().unwrap()
    }

    #[test]
    fn a_store_that_does_not_answer_is_told_of_in_time_and_takes_a_few_threads_only() {
        let store = Arc::new(Stuck::default());
        let health = Health::new(nameserver(Arc::clone(&store)));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // All at the same time, or this would take minutes.
            let questions: Vec<_> = (0..100)
                .map(|_| {
                    let health = health.clone();
                    tokio::spawn(async move { health.names().await })
                })
                .collect();
            for question in questions {
                let reason = question.await.unwrap().unwrap_err();
                assert_eq!(reason, "the store has not answered within 2 seconds");
            }
            assert_eq!(health.questions.available_permits(), 0);
            store.free();
            assert_eq!(health.names().await, Ok(0));
        });
    }
}
