//! Each contender echoes, and speaks the lines that the benchmark expects.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Not ASCII, so that a contender that counts characters instead of bytes is found.
const MESSAGE: &str = "Grüße aus 東京 🦀";

struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(args: &[&str]) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_contenders"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Process {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Ends its input, and tells whether it ended well.
    fn end(&mut self) -> bool {
        drop(self.input.take());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kinds() -> Vec<String> {
    let mut list = Process::start(&["kinds"]);
    let kinds = list.output.by_ref().lines().map(Result::unwrap).collect();
    assert!(list.end());
    kinds
}

#[test]
fn every_client_gets_its_text_back_and_tells_how_often() {
    let kinds = kinds();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    for kind in kinds {
        let mut server = Process::start(&["serve", &kind]);
        let address = server.line();
        let mut client = Process::start(&["client", &kind, &address, MESSAGE]);
        assert_eq!(client.line(), "ready", "{kind}");
        for _ in 0..2 {
            client.input.as_mut().unwrap().write_all(b"0.001\n").unwrap();
            let sample = client.line();
            let (calls, seconds) = sample.split_once(' ').unwrap_or_else(|| panic!("{kind}: {sample:?}"));
            assert!(calls.parse::<u32>().unwrap() >= 16, "{kind}: {sample:?}");
            assert!(seconds.parse::<f64>().unwrap() >= 0.001, "{kind}: {sample:?}");
        }
        assert!(client.end(), "{kind}'s client ends with its input");
        assert!(server.end(), "{kind}'s server ends with its input");
    }
}

#[test]
fn says_how_it_is_used_when_there_is_no_such_contender() {
    for args in [
        &["serve", "corba"][..],
        &["client", "corba", "127.0.0.1:1", "hello"],
        &[],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_contenders"))
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{args:?}");
        assert!(
            said.contains("usage: contenders kinds | serve KIND"),
            "{args:?}: {said}"
        );
    }
}
