//! Futures: calculations in the background.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use ferropyro::futures::{Future, FutureResult};
use ferropyro::{Error, ErrorKind, Result, context};
use uuid::Uuid;

const ALREADY_EVALUATED: &str = "the future has already been evaluated";
const CANCELLED: &str = "future has been cancelled";
/// For what must not happen: longer only makes a test slower.
const A_MOMENT: Duration = Duration::from_millis(50);
const AN_HOUR: Duration = Duration::from_secs(3600);

fn add(a: i64, b: i64) -> Result<i64> {
    Ok(a + b)
}

fn add_more(value: i64, extra: i64, more: i64) -> Result<i64> {
    Ok(value + extra + more)
}

fn failing<T>(_: T) -> Result<i64> {
    Err(Error::new(ErrorKind::Value, "no such day").with("asked", "monday"))
}

fn unreachable_call<T>(_: T) -> Result<i64> {
    panic!("must not be called")
}

/// A callable that waits until it is let go.
fn gated(value: i64) -> (Arc<Barrier>, impl FnOnce() -> Result<i64> + Send) {
    let gate = Arc::new(Barrier::new(2));
    let inner = Arc::clone(&gate);
    (gate, move || {
        inner.wait();
        Ok(value)
    })
}

/// A future that waits until it is let go, started.
fn running(value: i64) -> (Arc<Barrier>, FutureResult<i64>) {
    let (gate, call) = gated(value);
    (gate, Future::new(call).start().unwrap())
}

/// A result that was there before anybody asked for it.
fn finished(value: i64) -> FutureResult<i64> {
    ready(Future::new(move || Ok(value)))
}

fn ready(future: Future<i64>) -> FutureResult<i64> {
    let result = future.start().unwrap();
    assert!(result.wait(None));
    result
}

/// A handler that tells what it is called with.
fn recorder() -> (impl FnOnce(&Error) + Send + 'static, Receiver<String>) {
    let (heard, calls) = channel();
    (
        move |error: &Error| heard.send(error.message().to_owned()).unwrap(),
        calls,
    )
}

fn heard(calls: &Receiver<String>) -> Vec<String> {
    calls.try_iter().collect()
}

// Conformance: FUT-01
#[test]
fn starting_returns_while_the_callable_is_still_running() {
    let (gate, call) = gated(9);
    let result: FutureResult<i64> = Future::new(call).start().unwrap();
    assert!(!result.ready());
    gate.wait();
    assert_eq!(result.value().unwrap(), 9);
}

// Conformance: FUT-01
#[test]
fn the_callable_runs_in_a_thread_of_its_own() {
    let ids: Vec<_> = (0..2)
        .map(|_| Future::new(|| Ok(thread::current().id())).start().unwrap())
        .map(|result| result.value().unwrap())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert!(!ids.contains(&thread::current().id()));
}

// Conformance: FUT-01
#[test]
fn a_future_starts_only_once() {
    let (gate, call) = gated(9);
    let future = Future::new(call);
    let result = future.start().unwrap();
    assert_eq!(future.start().unwrap_err().message(), ALREADY_EVALUATED);
    gate.wait();
    assert_eq!(result.value().unwrap(), 9);
    assert_eq!(future.start().unwrap_err().message(), ALREADY_EVALUATED);
    assert_eq!(result.value().unwrap(), 9);
}

// Conformance: FUT-01
#[test]
fn of_many_threads_that_start_a_future_one_succeeds() {
    for _ in 0..100 {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let future = Future::new(move || Ok(counted.fetch_add(1, Ordering::SeqCst)));
        let started: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| future.start().ok())).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(started.len(), 1);
        assert_eq!(started[0].value().unwrap(), 0);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
}

// Conformance: FUT-02
#[test]
fn waiting_tells_whether_the_result_is_ready() {
    let (gate, result) = running(9);
    assert!(!result.wait(Some(Duration::ZERO)));
    assert!(!result.wait(Some(A_MOMENT)));
    assert!(!result.ready());
    gate.wait();
    assert!(result.wait(None));
    assert!(result.ready());
    assert!(result.wait(Some(Duration::ZERO)));
    assert!(result.wait(Some(Duration::MAX)));
}

// Conformance: FUT-02
#[test]
fn reading_the_value_of_a_failed_calculation_gives_its_error_each_time() {
    let result = Future::new(|| failing(())).start().unwrap();
    for _ in 0..2 {
        let error = result.value().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert_eq!(error.to_string(), "no such day; asked: monday");
    }
    assert!(result.ready());
    assert_eq!(result.into_value().unwrap_err().message(), "no such day");
}

// Conformance: FUT-02
#[test]
fn many_threads_wait_for_one_result() {
    let (gate, result) = running(9);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..8).map(|_| scope.spawn(|| result.value().unwrap())).collect();
        let waiters: Vec<_> = (0..8).map(|_| scope.spawn(|| result.wait(None))).collect();
        gate.wait();
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 9));
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
}

#[test]
fn a_value_that_cannot_be_copied_is_handed_over() {
    struct Unique(i64);
    let result = Future::new(|| Ok(Unique(9))).start().unwrap();
    assert_eq!(
        result.then(|unique| Ok(Unique(unique.0 + 1))).into_value().unwrap().0,
        10
    );
}

// Conformance: FUT-03
#[test]
fn calls_chained_to_a_future_get_the_previous_value_and_what_they_captured() {
    let result = Future::new(|| add(4, 5))
        .then(|value| add(value, 6))
        .then(|value| add(value, 7))
        .then(|value| add(value, 8))
        .then(|value| add_more(value, 9, 10))
        .start()
        .unwrap();
    assert_eq!(result.value().unwrap(), 4 + 5 + 6 + 7 + 8 + 9 + 10);
}

// Conformance: FUT-03
#[test]
fn calls_chained_before_the_result_is_there_run_in_the_background_one_after_another() {
    let (gate, result) = running(5);
    let (ran, order) = channel();
    let (first, second) = (ran.clone(), ran);
    let result = result
        .then(move |value| {
            first.send((1, thread::current().id())).unwrap();
            add(value, 6)
        })
        .then(move |value| {
            second.send((2, thread::current().id())).unwrap();
            Ok(format!("value {value}"))
        });
    assert!(order.try_recv().is_err());
    assert!(!result.ready());
    gate.wait();
    assert_eq!(result.value().unwrap(), "value 11");
    let order: Vec<_> = order.try_iter().collect();
    assert_eq!((order[0].0, order[1].0, order.len()), (1, 2, 2));
    assert_eq!(order[0].1, order[1].1);
    assert_ne!(order[0].1, thread::current().id());
}

// Conformance: FUT-03
#[test]
fn calls_chained_to_a_finished_result_run_at_once() {
    let here = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&here);
    let this_thread = thread::current().id();
    let result = finished(5).then(move |value| {
        noticed.store(thread::current().id() == this_thread, Ordering::SeqCst);
        add(value, 6)
    });
    assert!(here.load(Ordering::SeqCst));
    assert!(result.ready());
    assert_eq!(result.then(|value| add_more(value, 10, 20)).value().unwrap(), 41);
}

// Conformance: FUT-03
#[test]
fn a_call_chained_while_an_earlier_one_runs_waits_for_it() {
    let (gate, result) = running(5);
    let (inner_gate, inner) = gated(6);
    let (entered, is_in_the_chain) = channel();
    let result = result.then(move |value| {
        entered.send(()).unwrap();
        add(value, inner()?)
    });
    gate.wait();
    is_in_the_chain.recv().unwrap();
    let result = result.then(|value| add(value, 10));
    assert!(!result.ready());
    inner_gate.wait();
    assert_eq!(result.value().unwrap(), 21);
}

// Conformance: FUT-03
#[test]
fn whenever_a_call_is_chained_it_runs_once_with_the_value() {
    for _ in 0..300 {
        let mut result = Future::new(|| Ok(0)).start().unwrap();
        for _ in 0..10 {
            result = result.then(|count| add(count, 1));
        }
        assert_eq!(result.value().unwrap(), 10);
    }
}

#[test]
fn a_chain_may_be_long() {
    const LENGTH: i64 = 100_000;
    let mut future = Future::new(|| Ok(0));
    for _ in 0..LENGTH {
        future = future.then(|count| add(count, 1));
    }
    assert_eq!(future.start().unwrap().value().unwrap(), LENGTH);

    let (gate, mut result) = running(0);
    for _ in 0..LENGTH {
        result = result.then(|count| add(count, 1));
    }
    gate.wait();
    assert_eq!(result.value().unwrap(), LENGTH);
}

// Conformance: FUT-04
#[test]
fn the_handler_of_a_future_is_called_once_with_the_error() {
    let (handler, calls) = recorder();
    let result = Future::new(|| failing(()))
        .iferror(handler)
        .then(unreachable_call)
        .start()
        .unwrap();
    assert_eq!(result.value().unwrap_err().message(), "no such day");
    assert_eq!(result.value().unwrap_err().message(), "no such day");
    assert_eq!(heard(&calls), ["no such day"]);
}

// Conformance: FUT-04
#[test]
fn a_failing_chained_call_ends_the_chain_and_reaches_the_handler() {
    let (handler, calls) = recorder();
    let result = Future::new(|| add(4, 5))
        .then(failing)
        .then(unreachable_call)
        .iferror(handler)
        .start()
        .unwrap();
    assert_eq!(result.value().unwrap_err().message(), "no such day");
    assert_eq!(heard(&calls), ["no such day"]);
}

// Conformance: FUT-04
#[test]
fn the_handler_of_a_result_hears_of_calls_chained_before_and_after_it() {
    for after in [false, true] {
        let (gate, result) = running(5);
        let (handler, calls) = recorder();
        let result = if after {
            result.iferror(handler).then(failing).then(unreachable_call)
        } else {
            result.then(failing).then(unreachable_call).iferror(handler)
        };
        gate.wait();
        assert_eq!(result.value().unwrap_err().message(), "no such day");
        assert_eq!(heard(&calls), ["no such day"]);
    }
}

// Conformance: FUT-04
#[test]
fn a_finished_result_keeps_its_handler_for_calls_chained_later() {
    let (handler, calls) = recorder();
    let result = finished(5).iferror(handler).then(|value| add(value, 6));
    assert_eq!(heard(&calls), Vec::<String>::new());
    let result = result.then(failing);
    assert_eq!(heard(&calls), ["no such day"]);
    assert_eq!(result.value().unwrap_err().message(), "no such day");
}

// Conformance: FUT-04
#[test]
fn a_handler_that_comes_after_the_failure_is_called_at_once() {
    let (handler, calls) = recorder();
    let result = ready(Future::new(|| failing(()))).iferror(handler);
    assert_eq!(heard(&calls), ["no such day"]);
    assert_eq!(
        result.then(unreachable_call).value().unwrap_err().message(),
        "no such day"
    );
    assert_eq!(heard(&calls), Vec::<String>::new());
}

// Conformance: FUT-04
#[test]
fn without_an_error_no_handler_is_called() {
    let (early, early_calls) = recorder();
    let (late, late_calls) = recorder();
    let result = ready(Future::new(|| add(4, 5)).iferror(early)).iferror(late);
    assert_eq!(result.value().unwrap(), 9);
    assert!(heard(&early_calls).is_empty() && heard(&late_calls).is_empty());
}

// Conformance: FUT-04
#[test]
fn every_handler_is_called_once_whenever_it_was_added() {
    for _ in 0..300 {
        let (early, early_calls) = recorder();
        let (late, late_calls) = recorder();
        let failing = Future::new(|| failing(())).iferror(early);
        let result = failing.start().unwrap().iferror(late).then(unreachable_call);
        assert_eq!(result.value().unwrap_err().message(), "no such day");
        assert_eq!(heard(&early_calls), ["no such day"]);
        assert_eq!(heard(&late_calls), ["no such day"]);
    }
}

// Conformance: FUT-05
#[test]
fn a_delay_postpones_the_evaluation() {
    let future = Future::new(|| Ok(Instant::now()));
    assert!(future.delay(A_MOMENT));
    thread::sleep(A_MOMENT); // it counts from the start
    let started = Instant::now();
    let evaluated = future.start().unwrap().value().unwrap();
    assert!(evaluated >= started + A_MOMENT);
    assert!(!future.delay(A_MOMENT));
}

// Conformance: FUT-05
#[test]
fn the_delay_can_be_changed_while_it_lasts() {
    for delay in [AN_HOUR, Duration::MAX] {
        let future = Future::new(|| add(4, 5));
        assert!(future.delay(delay));
        let result = future.start().unwrap();
        assert!(!result.wait(Some(A_MOMENT)));
        assert!(future.delay(Duration::ZERO));
        assert_eq!(result.value().unwrap(), 9);
    }
}

// Conformance: FUT-05
#[test]
fn what_has_begun_cannot_be_delayed() {
    let (entered, has_begun) = channel();
    let (gate, call) = gated(9);
    let future = Future::new(move || {
        entered.send(()).unwrap();
        call()
    });
    let result = future.start().unwrap();
    has_begun.recv().unwrap();
    assert!(!future.delay(AN_HOUR));
    assert!(!future.cancel());
    gate.wait();
    assert_eq!(result.value().unwrap(), 9);
}

// Conformance: FUT-06
#[test]
fn a_cancelled_future_does_not_start() {
    let future = Future::new(|| unreachable_call(()));
    assert!(future.cancel());
    assert!(future.cancel());
    assert!(!future.delay(A_MOMENT));
    assert_eq!(future.start().unwrap_err().message(), format!("the {CANCELLED}"));
}

// Conformance: FUT-06
#[test]
fn cancelling_during_the_delay_ends_the_waiting_and_the_callable_never_runs() {
    let dropped = Arc::new(());
    let captured = Arc::clone(&dropped);
    let (handler, calls) = recorder();
    let future = Future::new(move || unreachable_call(captured)).then(unreachable_call);
    future.delay(AN_HOUR);
    let result = future.start().unwrap().iferror(handler);
    assert!(thread::scope(|scope| scope.spawn(|| future.cancel()).join().unwrap()));
    assert!(result.wait(None));
    assert_eq!(result.value().unwrap_err().message(), CANCELLED);
    assert_eq!(heard(&calls), [CANCELLED]);
    assert_eq!(future.start().unwrap_err().message(), format!("the {CANCELLED}"));
    assert_eq!(Arc::strong_count(&dropped), 1);
}

// Conformance: FUT-06
#[test]
fn what_is_evaluated_cannot_be_cancelled() {
    let future = Future::new(|| add(4, 5));
    let result = future.start().unwrap();
    assert_eq!(result.value().unwrap(), 9);
    assert!(!future.cancel());
    assert_eq!(result.value().unwrap(), 9);
}

// Conformance: FUT-06
#[test]
fn cancelling_tells_the_truth_about_whether_the_callable_runs() {
    for _ in 0..300 {
        let runs = Arc::new(AtomicBool::new(false));
        let ran = Arc::clone(&runs);
        let future = Future::new(move || {
            ran.store(true, Ordering::SeqCst);
            Ok(())
        });
        let result = future.start().unwrap();
        let cancelled = future.cancel();
        assert_eq!(result.value().is_err(), cancelled);
        assert_eq!(runs.load(Ordering::SeqCst), !cancelled);
    }
}

#[test]
fn a_future_that_was_started_takes_no_more_calls() {
    let future = Future::new(|| add(4, 5));
    let result = future.start().unwrap();
    let chained = future.then(unreachable_call).iferror(|_| panic!("must not be called"));
    assert_eq!(chained.start().unwrap_err().message(), ALREADY_EVALUATED);
    assert_eq!(result.value().unwrap(), 9);
}

#[test]
fn a_panic_is_an_error_of_the_calculation() {
    let (handler, calls) = recorder();
    let first = Future::new(|| unreachable_call(())).iferror(handler).start().unwrap();
    assert_eq!(
        first.value().unwrap_err().message(),
        "the call panicked: must not be called"
    );
    assert_eq!(heard(&calls), ["the call panicked: must not be called"]);
    let chained = finished(5).then(|value| -> Result<i64> { panic!("not {value}") });
    assert_eq!(chained.value().unwrap_err().message(), "the call panicked: not 5");
    let odd = finished(5).then(|value| -> Result<i64> { std::panic::panic_any(value) });
    assert_eq!(odd.value().unwrap_err().message(), "the call panicked: no message");
}

#[test]
fn a_handler_that_panics_stops_nobody() {
    let (handler, calls) = recorder();
    let result = Future::new(|| failing(()))
        .iferror(|_| panic!("the handler panics"))
        .iferror(handler)
        .start()
        .unwrap();
    assert_eq!(result.value().unwrap_err().message(), "no such day");
    assert_eq!(heard(&calls), ["no such day"]);
}

#[test]
fn the_work_goes_on_when_nobody_waits_for_it() {
    let (done, is_done) = channel();
    let (gate, call) = gated(9);
    let future = Future::new(call).then(move |value| {
        done.send(value).unwrap();
        Ok(())
    });
    drop(future.start().unwrap());
    drop(future);
    gate.wait();
    assert_eq!(is_done.recv().unwrap(), 9);
}

#[test]
fn a_future_that_is_never_started_frees_what_it_captured() {
    let captured = Arc::new(());
    let inner = Arc::clone(&captured);
    drop(Future::new(move || Ok(Arc::strong_count(&inner))));
    assert_eq!(Arc::strong_count(&captured), 1);
}

// Conformance: CTX-09
#[test]
fn the_correlation_id_of_the_thread_that_starts_a_future_goes_along() {
    let id = Uuid::new_v4();
    context::set_correlation_id(Some(Uuid::new_v4()));
    let future = Future::new(|| Ok(context::correlation_id()));
    context::set_correlation_id(Some(id));
    let result = future.start().unwrap();
    context::set_correlation_id(None);
    assert_eq!(result.value().unwrap(), Some(id));
    let without = Future::new(|| Ok(context::correlation_id())).start().unwrap();
    assert_eq!(without.value().unwrap(), None);
}

#[test]
fn a_thread_that_cannot_be_started_is_an_error() {
    const INSIDE: &str = "FERROPYRO_TEST_NO_THREADS";
    if std::env::var_os(INSIDE).is_some() {
        let future = Future::new(|| unreachable_call(()));
        let error = future.start().unwrap_err();
        assert!(
            error.message().starts_with("cannot start a thread for the future: "),
            "{error}"
        );
        assert_eq!(future.start().unwrap_err().message(), ALREADY_EVALUATED);
        return;
    }
    // No machine has the memory for such stacks, so no thread starts there.
    let name = "future::a_thread_that_cannot_be_started_is_an_error";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads=1"])
        .env(INSIDE, "1")
        .env("RUST_MIN_STACK", (1_u64 << 60).to_string())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}
