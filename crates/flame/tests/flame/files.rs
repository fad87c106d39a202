//! The server of files, and who is allowed to start one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ferropyro::{Config, Daemon, Dialect, Error, ErrorKind, Proxy, Result, RunningDaemon, Serializer, Uri, Value};
use ferropyro_flame::{FLAME_ID, Flame, FlameServer};
use tempfile::TempDir;

fn config() -> Config {
    let config = Config::default().flame_enabled(true);
    config.serializers_accepted([Serializer::Pickle])
}

fn daemon(config: Config) -> Daemon {
    Daemon::builder().config(config).bind().unwrap()
}

/// A running server, its folder beside a secret, and a client.
struct Scene {
    root: TempDir,
    uri: Uri,
    flame: Flame,
    _running: RunningDaemon,
}

impl Scene {
    fn new() -> Scene {
        let root = tempfile::tempdir().unwrap();
        let served = root.path().join("served");
        fs::create_dir(&served).unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        let daemon = daemon(config());
        let uri = FlameServer::builder(&served).max_size(1000).start(&daemon).unwrap();
        let running = daemon.start();
        Scene {
            flame: Flame::connect(&uri.to_string()).unwrap(),
            root,
            uri,
            _running: running,
        }
    }

    fn served(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join("served").join(name)
    }
}

fn class<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    let remote = error.as_remote().unwrap_or_else(|| panic!("{error}"));
    remote.class().to_owned()
}

const MISSING: &str = "builtins.FileNotFoundError";
const FORBIDDEN: &str = "builtins.PermissionError";

fn refusal(config: Config) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let daemon = daemon(config);
    let error = FlameServer::builder(folder.path()).start(&daemon).unwrap_err();
    daemon.unregister(FLAME_ID).expect_err("nothing is registered");
    error
}

// Conformance: FT-02, SEC-01
#[test]
fn it_is_off_unless_the_setting_enables_it() {
    for config in [Config::default(), config().flame_enabled(false)] {
        let error = refusal(config);
        assert_eq!(error.kind(), ErrorKind::Security);
        assert_eq!(error.message(), "Flame is disabled in the server configuration");
        assert!(error.to_string().contains("PYRO_FLAME_ENABLED=true"), "{error}");
    }
}

// Conformance: FT-02
#[test]
fn pickle_is_the_only_serializer_that_the_server_may_accept() {
    use Serializer::{Dill, Pickle, Serpent};
    for accepted in [&[][..], &[Serpent], &[Serpent, Pickle], &[Pickle, Dill]] {
        let error = refusal(config().serializers_accepted(BTreeSet::from_iter(accepted.iter().copied())));
        assert_eq!(error.kind(), ErrorKind::Serialize, "{accepted:?}");
        assert_eq!(error.message(), "Flame requires the pickle serializer exclusively");
        assert!(
            error.to_string().contains("PYRO_SERIALIZERS_ACCEPTED=pickle"),
            "{error}"
        );
    }
    let error = refusal(Config::default().flame_enabled(true));
    assert_eq!(error.kind(), ErrorKind::Serialize);
}

#[test]
fn a_folder_that_is_not_there_is_told_of() {
    let error = FlameServer::builder(Path::new("no/such/folder")).start(&daemon(config()));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(
        error
            .message()
            .starts_with("the folder no/such/folder cannot be served: "),
        "{error}"
    );
}

// Conformance: FT-02
#[test]
fn a_file_is_stored_and_given_back() {
    let scene = Scene::new();
    let everything: Vec<u8> = (0..=255).collect();
    for content in [&b""[..], b"text", &everything, b"again, in its place"] {
        scene.flame.sendfile("file", content).unwrap();
        assert_eq!(fs::read(scene.served("file")).unwrap(), content);
        assert_eq!(scene.flame.getfile("file").unwrap(), content);
    }
    let names: Vec<_> = fs::read_dir(scene.served("")).unwrap().collect();
    assert_eq!(names.len(), 1);
    let error = scene.flame.getfile("other").unwrap_err();
    assert_eq!(error.message(), "there is no file 'other'");
    assert_eq!(class(scene.flame.sendfile("no/such/folder", b"")), MISSING);
}

// Conformance: FT-02
#[cfg(unix)]
#[test]
fn a_stored_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new();
    let open = fs::Permissions::from_mode(0o644);
    for name in ["file", "file.ferropyro-part"] {
        fs::write(scene.served(name), "left by somebody").unwrap();
        fs::set_permissions(scene.served(name), open.clone()).unwrap();
    }
    for name in ["file", "new"] {
        scene.flame.sendfile(name, b"private").unwrap();
        let mode = fs::metadata(scene.served(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        assert_eq!(fs::read(scene.served(name)).unwrap(), b"private");
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_read_or_written_outside_of_the_folder() {
    use std::os::unix::fs::symlink;
    let scene = Scene::new();
    let secret = scene.root.path().join("secret");
    symlink(&secret, scene.served("link")).unwrap();
    symlink(scene.root.path(), scene.served("way")).unwrap();
    for path in [
        "../secret",
        secret.to_str().unwrap(),
        "way/secret",
        "..",
        "",
        "a\0b",
        "..\\secret",
    ] {
        assert_eq!(class(scene.flame.getfile(path)), FORBIDDEN, "{path:?}");
        assert_eq!(class(scene.flame.sendfile(path, b"planted")), FORBIDDEN, "{path:?}");
    }
    assert_eq!(class(scene.flame.getfile("link")), FORBIDDEN);
    // A link is replaced, not what it leads to.
    scene.flame.sendfile("link", b"planted").unwrap();
    assert_eq!(fs::read(scene.served("link")).unwrap(), b"planted");
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(fs::read_dir(scene.root.path()).unwrap().count(), 2);
}

#[test]
fn files_have_a_limit_in_both_directions() {
    let scene = Scene::new();
    scene.flame.sendfile("file", &[1; 1000]).unwrap();
    assert_eq!(scene.flame.getfile("file").unwrap().len(), 1000);
    let error = scene.flame.sendfile("file", &[2; 1001]).unwrap_err();
    let text = "ValueError: 'file' has 1001 bytes; this server takes files of 1000 at most";
    assert_eq!(error.to_string(), text);
    assert_eq!(fs::read(scene.served("file")).unwrap(), [1; 1000]);
    fs::write(scene.served("large"), [3; 1001]).unwrap();
    let error = scene.flame.getfile("large").unwrap_err();
    let text = "ValueError: 'large' has 1001 bytes; this server gives files of 1000 at most in one piece";
    assert_eq!(error.to_string(), text);
}

/// What Python 2 calls a str is no text there.
#[test]
fn text_is_stored_as_its_bytes_and_nothing_else_is_stored() {
    let scene = Scene::new();
    let proxy = scene.flame.proxy();
    proxy.call::<()>("sendfile", ("file", "a\u{e4}")).unwrap();
    assert_eq!(fs::read(scene.served("file")).unwrap(), "a\u{e4}".as_bytes());
    for other in [Value::from(1), Value::None, Value::List(vec![Value::from(65)])] {
        assert_eq!(
            class(proxy.call::<()>("sendfile", ("file", other))),
            "builtins.TypeError"
        );
    }
}

// Conformance: FT-02
#[test]
fn whoever_wants_code_to_be_run_is_told_where() {
    let scene = Scene::new();
    let flame = &scene.flame;
    let refused = [
        ("module", class(flame.module("os").map(drop))),
        ("invokeBuiltin", class(flame.builtin("len").call::<i64>(([1],)))),
        ("execute", class(flame.execute("1 + 1"))),
        ("evaluate", class(flame.evaluate::<i64>("1 + 1"))),
        ("sendmodule", class(flame.sendmodule("name", "source"))),
        ("getmodule", class(flame.getmodule("os"))),
        ("console", class(flame.console())),
        ("builtin", class(flame.proxy().call::<Value>("builtin", ("len",)))),
        (
            "invokeModule",
            class(flame.proxy().call::<Value>("invokeModule", ("os.getcwd", [0; 0]))),
        ),
    ];
    for (method, class) in refused {
        assert_eq!(class, "builtins.NotImplementedError", "{method}");
    }
    let error = flame.evaluate::<i64>("1 + 1").unwrap_err();
    assert!(
        error
            .message()
            .contains("for evaluate start Python's own (python -m Pyro4.utils.flameserver)"),
        "{error}"
    );
    // The connection goes on.
    flame.sendfile("file", b"").unwrap();
}

// Conformance: FT-02
#[test]
fn clients_of_pyro5_and_of_other_serializers_have_no_flame() {
    let scene = Scene::new();
    for builder in [
        Proxy::builder().dialect(Dialect::V502),
        Proxy::builder().dialect(Dialect::V48),
        Proxy::builder().dialect(Dialect::V502).serializer(Serializer::Pickle),
    ] {
        let proxy = builder.build(&scene.uri).unwrap();
        proxy.call::<Value>("getfile", ("file",)).unwrap_err();
        assert!(!proxy.is_connected());
    }
}

#[test]
fn a_key_keeps_strangers_out() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::builder().config(config()).hmac_key("key").bind().unwrap();
    let uri = FlameServer::builder(folder.path()).start(&daemon).unwrap().to_string();
    let _running = daemon.start();
    let flame = Flame::connect_with(&uri, Proxy::builder().hmac_key("key")).unwrap();
    flame.sendfile("file", b"content").unwrap();
    assert_eq!(flame.getfile("file").unwrap(), b"content");
    Flame::connect(&uri).unwrap_err();
    Flame::connect_with(&uri, Proxy::builder().hmac_key("guessed")).unwrap_err();
}
