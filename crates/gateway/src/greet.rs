//! Connecting to many objects at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferropyro::Uri;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::connections::Connection;
use crate::gateway::Core;

/// Connections that are made at a time.
const AT_A_TIME: usize = 64;

/// Connects to these objects, which have their names, and does something with the connections, such as asking for more. `Err` says why there is no connection; an object that does
/// not answer within half of the time is given up, so that the next one gets its turn. What has not come to its end in the whole time, or not even begun, is left out.
pub(crate) async fn greet<T, F>(
    core: &Arc<Core>,
    objects: Vec<(String, Uri)>,
    patience: Duration,
    act: impl Fn(Arc<Core>, String, Connection) -> F + Clone + Send + 'static,
) -> HashMap<String, Result<T, String>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut known = HashMap::with_capacity(objects.len());
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut greeting = JoinSet::new();
    for (name, uri) in objects {
        let (core, places, act) = (Arc::clone(core), Arc::clone(&places), act.clone());
        greeting.spawn(async move {
            let _place = places.acquire().await;
            let answer = match timeout(patience / 2, Connection::to(&core, Arc::new(uri))).await {
                Ok(Ok(connection)) => Ok(act(core, name.clone(), connection).await),
                Ok(Err(failure)) => Err(failure.text()),
                Err(_) => Err("no answer in time".to_owned()),
            };
            (name, answer)
        });
    }
    let collect = async {
        while let Some(answer) = greeting.join_next().await {
            known.extend(answer);
        }
    };
    // Dropping the set gives up those who are still at it.
    let _ = timeout(patience, collect).await;
    known
}
