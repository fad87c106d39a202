//! Connections that serve more than one request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use ferropyro::{Daemon, InstanceMode, RunningDaemon};
use ferropyro_gateway::Reuse;

use crate::support::{PATIENCE, Scene, get, send};

/// Counts the calls of an instance.
#[derive(Default)]
struct Counter(AtomicUsize);

#[ferropyro::expose]
impl Counter {
    pub fn count(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// `http.counter` is a counter, an instance for each connection.
fn sessions(scene: &Scene) -> RunningDaemon {
    let daemon = Daemon::builder().host("127.0.0.1").bind().unwrap();
    let uri = daemon
        .register_class("counter", InstanceMode::Session, || Ok(Counter::default()))
        .unwrap();
    scene.register("http.counter", &uri);
    daemon.start()
}

// Conformance: GW-12
#[test]
fn an_object_of_sessions_is_new_for_every_request_unless_all_connections_are_kept() {
    let scene = Scene::new();
    let daemon = sessions(&scene);
    for (reuse, wanted) in [
        (Reuse::Never, ["1"; 4]),
        (Reuse::WhereKnown, ["1"; 4]),
        (Reuse::Always, ["1", "2", "3", "4"]),
    ] {
        let gateway = scene.serve(scene.builder().reuse(reuse));
        let counts = wanted.map(|_| get(gateway, "/pyro/http.counter/count").body);
        assert_eq!(counts, wanted, "{reuse:?}");
        let end = Instant::now() + PATIENCE;
        while reuse != Reuse::Always && daemon.statistics().connections > 0 {
            assert!(Instant::now() < end, "{reuse:?}: a connection stays open");
            thread::yield_now();
        }
    }
}

#[test]
fn the_connection_to_an_object_that_serves_all_is_used_again() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder());
    let metric = |name: &str| -> usize {
        let metrics = get(gateway, "/metrics").body;
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(&format!("ferropyro_gateway_{name} ")));
        line.unwrap().parse().unwrap()
    };
    assert_eq!(get(gateway, "/pyro/http.test/value").body, "5");
    // It is asked whether one instance serves all, once the answer is there.
    let end = Instant::now() + PATIENCE;
    while metric("connections_idle") == 0 {
        assert!(Instant::now() < end, "it is not kept");
        thread::yield_now();
    }
    for _ in 0..5 {
        assert_eq!(get(gateway, "/pyro/http.test/value").body, "5");
    }
    assert_eq!(
        (metric("connections_opened_total"), metric("connections_reused_total")),
        (1, 5)
    );
    // Each request has looked the name up all the same.
    assert_eq!(metric("lookups_total"), 6);
}

// Conformance: GW-07
#[test]
fn a_call_goes_to_where_the_name_points_now_though_the_old_connection_stands() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().reuse(Reuse::Always));
    let first = sessions(&scene);
    let count = || get(gateway, "/pyro/http.counter/count").body;
    assert_eq!([count(), count()], ["1", "2"]);
    let second = sessions(&scene);
    assert_eq!([count(), count()], ["1", "2"]);
    // A server that has ended is no matter either, if the name points to another one.
    let third = sessions(&scene);
    second.stop();
    assert_eq!(count(), "1");
    first.stop();
    third.stop();
}

#[test]
fn a_kept_connection_that_has_ended_is_made_anew() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().reuse(Reuse::Always));
    let running = sessions(&scene);
    let port = running.uri_for("counter").unwrap().port();
    assert_eq!(get(gateway, "/pyro/http.counter/count").body, "1");
    running.stop();
    let daemon = Daemon::builder().host("127.0.0.1").port(port.unwrap()).bind().unwrap();
    daemon
        .register_class("counter", InstanceMode::Session, || Ok(Counter::default()))
        .unwrap();
    let _running = daemon.start();
    assert_eq!(get(gateway, "/pyro/http.counter/count").body, "1");
}

#[test]
fn many_who_ask_for_a_name_at_the_same_time_get_answers_of_their_own() {
    let scene = Scene::new();
    let gateway = scene.serve(scene.builder().reuse(Reuse::Always));
    thread::scope(|scope| {
        for client in 0..16 {
            scope.spawn(move || {
                for call in 0..25 {
                    let number = client * 1000 + call;
                    let body = format!("{{\"args\": [{number}]}}");
                    let reply = send(gateway, "POST", "/api/objects/http.test/echo", "", &body);
                    assert_eq!(reply.body, number.to_string());
                }
            });
        }
    });
    assert_eq!(scene.calls.load(Ordering::SeqCst), 400);
}
