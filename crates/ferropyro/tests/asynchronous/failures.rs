//! What goes wrong in async methods, and that nothing else does after it.

use std::sync::mpsc::channel;

use ferropyro::{ErrorKind, Result, Value};

use super::objects::Workshop;
use super::support::{KINDS, Server, raised};

#[test]
fn arguments_that_do_not_fit_are_named_as_python_names_them() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        let (class, text) = raised(proxy.call("add_later", (1,)));
        let expected = "Workshop.add_later() missing 1 required positional argument: 'b'";
        assert_eq!((&*class, &*text), ("TypeError", expected), "{kind:?}");
        let (_, text) = raised(proxy.call("nothing", (1,)));
        assert_eq!(
            text, "Workshop.nothing() takes 1 positional argument but 2 were given",
            "{kind:?}"
        );
        assert_eq!(raised(proxy.call("add_later", ("one", 2))).0, "TypeError", "{kind:?}");
        assert_eq!(proxy.call::<i64>("add_later", (1, 2))?, 3, "{kind:?}");
    }
    Ok(())
}

#[test]
fn exceptions_are_raised_before_and_after_an_await() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        let (class, text) = raised(proxy.call("divide", (1, 0)));
        assert_eq!((&*class, &*text), ("ZeroDivisionError", "division by zero"), "{kind:?}");
        let error = proxy.call::<Value>("divide", (1, 0)).expect_err("division by zero");
        let traceback = error.as_remote().map(|remote| remote.traceback()).unwrap_or_default();
        assert!(traceback.contains("in Workshop.divide"), "{kind:?}: {traceback}");
        assert!(proxy.is_connected(), "{kind:?}");
    }
    Ok(())
}

#[test]
fn a_panic_is_an_exception_before_and_after_an_await() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        for (method, panic) in [("panic_at_once", "before any await"), ("panic_later", "after an await")] {
            let (class, text) = raised(proxy.call(method, ()));
            let expected = format!("the method panicked: {panic}");
            assert_eq!((&*class, &*text), ("RuntimeError", &*expected), "{kind:?}");
            assert_eq!(proxy.call::<i64>("add_later", (1, 2))?, 3, "{kind:?}");
            assert!(proxy.is_connected(), "{kind:?}");
        }
    }
    Ok(())
}

#[test]
fn unknown_names_are_refused_beside_async_methods() -> Result<()> {
    for kind in KINDS {
        let server = kind.serve(Workshop::unheard())?;
        let proxy = server.proxy()?;
        for name in ["internal", "helper", "compiled_nowhere", "nowhere"] {
            let error = proxy.call::<Value>(name, ()).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Attribute, "{kind:?} {name}: {error}");
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let internal = runtime.expect("a runtime").block_on(Workshop::unheard().internal());
    assert_eq!(internal, 7, "the program itself may call it");
    Ok(())
}

#[test]
fn an_error_in_an_async_callback_is_raised_on_both_sides() -> Result<()> {
    for kind in KINDS {
        let (heard, hears) = channel();
        let builder = kind.builder().on_error(move |call| {
            let _ = heard.send((call.method().to_owned(), call.error().to_string()));
        });
        let server = Server::start(builder, Workshop::unheard())?;
        let proxy = server.proxy()?;
        assert_eq!(proxy.call::<i64>("call_back", (false,))?, 1, "{kind:?}");
        let (class, text) = raised(proxy.call("call_back", (true,)));
        assert_eq!((&*class, &*text), ("ValueError", "nobody at home"), "{kind:?}");
        let (method, error) = hears.recv().expect("the hook is told");
        assert_eq!(method, "call_back", "{kind:?}");
        assert!(error.contains("nobody at home"), "{kind:?}: {error}");
    }
    Ok(())
}

#[test]
fn the_program_hears_of_oneway_calls_that_fail() -> Result<()> {
    for kind in KINDS {
        let (heard, hears) = channel();
        let builder = kind.builder().on_error(move |call| {
            let _ = heard.send(call.error().to_string());
        });
        let server = Server::start(builder, Workshop::unheard())?;
        let proxy = server.proxy()?;
        proxy.call::<()>("fail_unheard", ("declared",))?;
        let error = hears.recv().expect("the hook is told");
        assert!(error.contains("declared"), "{kind:?}: {error}");
        proxy.call_oneway("panic_later", ())?;
        let error = hears.recv().expect("the hook is told");
        assert!(error.contains("after an await"), "{kind:?}: {error}");
    }
    Ok(())
}
