//! What goes along with calls, and with their answers.

use std::sync::Arc;

use ferropyro::wire::AnnotationKey;
use ferropyro::{
    Context, Error, ErrorKind, ItemStream, Raise, Result, RunningDaemon, Uri, Value, aio, context, expose,
};

use super::support::DIALECTS;
use crate::server;

const ASKED: AnnotationKey = AnnotationKey::new(*b"ASKD").expect("ASCII");
const TOLD: AnnotationKey = AnnotationKey::new(*b"TOLD").expect("ASCII");

/// Tells what came along, and answers with an annotation.
struct Desk;

#[expose]
impl Desk {
    pub fn report(&self, cx: &Context) -> (String, Option<String>) {
        let asked = cx
            .annotations()
            .get(ASKED)
            .map(|value| String::from_utf8_lossy(value).into_owned());
        (cx.correlation_id().to_string(), asked)
    }

    pub fn tell(&self, text: &str, cx: &Context) -> String {
        cx.annotate(TOLD, text);
        text.to_owned()
    }

    pub fn plain(&self) {}

    pub fn raise(&self, cx: &Context) -> std::result::Result<(), Raise> {
        cx.annotate(TOLD, "lost with the exception");
        Err(Raise::new("ValueError", "no"))
    }

    #[expose(oneway)]
    pub fn unanswered(&self) {}

    pub fn items(&self) -> ItemStream {
        ItemStream::new((0..3).inspect(|number: &i64| {
            if let Some(cx) = context::current() {
                cx.annotate(TOLD, number.to_string());
            }
        }))
    }
}

fn desk() -> Result<(RunningDaemon, Uri)> {
    let daemon = server::daemon()
        .validate_handshake(|data, cx| {
            cx.annotate(TOLD, "in the greeting");
            match data.as_str() {
                Some("reject") => Err(Raise::new("ValueError", "nope")),
                _ => Ok(data.clone()),
            }
        })
        .bind()?;
    let uri = daemon.register("desk", Desk)?;
    Ok((daemon.start(), uri))
}

fn told() -> Option<String> {
    let annotations = context::response_annotations();
    let value = annotations.iter().find(|(key, _)| *key == TOLD)?.1;
    Some(String::from_utf8_lossy(value).into_owned())
}

// Conformance: CTX-07, CTX-08
#[tokio::test]
async fn a_correlation_id_and_annotations_go_along() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for dialect in DIALECTS {
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
        let id = uuid::Uuid::new_v4();
        context::set_correlation_id(Some(id));
        context::annotate(ASKED, "this");
        // What only connects leaves the annotations where they are.
        proxy.bind().await?;
        let (seen, asked): (String, Option<String>) = proxy.call("report", ()).await?;
        assert_eq!((seen, asked.as_deref()), (id.to_string(), Some("this")));
        let (seen, asked): (String, Option<String>) = proxy.call("report", ()).await?;
        assert_eq!((seen, asked), (id.to_string(), None));
        context::set_correlation_id(None);
    }
    Ok(())
}

#[tokio::test]
async fn what_goes_along_is_taken_when_the_call_is_polled_first() -> Result<()> {
    let (_daemon, uri) = desk()?;
    let proxy = aio::Proxy::new(uri)?;
    context::annotate(ASKED, "early");
    let call = proxy.call::<(String, Option<String>)>("report", ());
    context::clear();
    context::annotate(ASKED, "late");
    assert_eq!(call.await?.1.as_deref(), Some("late"));
    Ok(())
}

#[tokio::test]
async fn annotations_of_an_answer_are_there_right_after_it() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for dialect in DIALECTS {
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
        proxy.call::<()>("plain", ()).await?;
        assert_eq!(told(), None, "those of the greeting are not those of the answer");
        proxy.call::<String>("tell", ("one",)).await?;
        assert_eq!(told().as_deref(), Some("one"));
        proxy.call::<()>("unanswered", ()).await?;
        assert_eq!(told(), None);
        proxy.call::<String>("tell", ("two",)).await?;
        assert!(proxy.call::<()>("raise", ()).await.is_err());
        assert_eq!(told(), None);
        proxy.release().await;
        proxy.bind().await?;
        assert_eq!(told().as_deref(), Some("in the greeting"));
    }
    Ok(())
}

/// They run in one thread, one after the other whenever they wait.
#[tokio::test]
async fn tasks_of_one_thread_do_not_see_the_answers_of_each_other() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for dialect in DIALECTS {
        let shared = Arc::new(aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?);
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let own = aio::Proxy::clone(&shared);
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    for round in 0..20 {
                        let text = format!("{number} {round}");
                        for proxy in [&*shared, &own] {
                            proxy.call::<String>("tell", (&text,)).await?;
                            assert_eq!(told().as_deref(), Some(text.as_str()));
                            proxy.call::<()>("plain", ()).await?;
                            assert_eq!(told(), None);
                            assert!(proxy.call::<()>("raise", ()).await.is_err());
                            assert_eq!(told(), None);
                            proxy.call::<()>("unanswered", ()).await?;
                            assert_eq!(told(), None);
                        }
                    }
                    Ok::<(), Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic")?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_item_of_a_stream_has_annotations_of_its_own() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for dialect in DIALECTS {
        let proxy = aio::Proxy::builder().dialect(dialect).build_async(uri.clone())?;
        let mut items: aio::Items<i64> = proxy.call("items", ()).await?;
        for number in 0..3 {
            assert_eq!(items.next().await.expect("an item")?, number);
            assert_eq!(told(), Some(number.to_string()));
        }
        assert!(items.next().await.is_none());
        assert_eq!(told(), None);
    }
    Ok(())
}

#[tokio::test]
async fn the_handshake_is_judged_on_both_sides() -> Result<()> {
    let (_daemon, uri) = desk()?;
    for dialect in DIALECTS {
        let builder = || aio::Proxy::builder().dialect(dialect);
        let error = builder()
            .handshake("reject")
            .build_async(uri.clone())?
            .bind()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Communication);
        assert!(error.message().contains("rejected: nope"), "{error}");
        let judged = builder()
            .handshake("sesame")
            .validate_handshake(|answer| match answer.as_str() {
                Some("sesame") => Err(Error::new(ErrorKind::Security, "not this one")),
                other => panic!("{other:?}"),
            });
        let proxy = judged.build_async(uri.clone())?;
        assert_eq!(proxy.bind().await.unwrap_err().to_string(), "not this one");
        assert!(!proxy.is_connected().await);
        let proxy = builder().handshake(5).build_async(uri.clone())?;
        assert_eq!(proxy.handshake_answer().await?, Value::from(5));
    }
    Ok(())
}

#[tokio::test]
async fn signed_messages_are_understood_by_those_who_know_the_key() -> Result<()> {
    let daemon = server::daemon().hmac_key("secret").bind()?;
    let uri = daemon.register("desk", Desk)?;
    let _running = daemon.start();
    let proxy = aio::Proxy::builder().hmac_key("secret").build_async(uri.clone())?;
    assert_eq!(proxy.call::<String>("tell", ("one",)).await?, "one");
    assert!(aio::Proxy::new(uri)?.bind().await.is_err());
    Ok(())
}
