//! A daemon and its client in two processes, over a pair of sockets: the client is a child of the daemon's process, and has inherited its end of the pair as
//! standard input. Arguments are the command of another client to be started.
#![allow(clippy::print_stdout, unreachable_pub)] // #[expose] takes the public methods of an impl

#[cfg(unix)]
mod pair {
    use std::env;
    use std::error::Error;
    use std::io::stdin;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::process::Command;

    use ferropyro::{Daemon, Proxy, expose};

    struct Echo;

    #[expose]
    impl Echo {
        pub fn echo(&self, text: String) -> String {
            format!("echo of {text}")
        }
    }

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        match arguments.split_first() {
            Some((word, [])) if word == "child" => be_the_child(),
            Some((program, arguments)) => be_the_parent(Command::new(program), arguments),
            None => be_the_parent(Command::new(env::current_exe()?), &["child".to_owned()]),
        }
    }

    fn be_the_parent(mut command: Command, arguments: &[String]) -> Result<(), Box<dyn Error>> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut child = command.args(arguments).stdin(OwnedFd::from(theirs)).spawn()?;
        // It holds the child's end as well, and the daemon runs until nobody does.
        drop(command);
        let daemon = Daemon::builder().connected_socket(ours).bind()?;
        daemon.register("echo", Echo)?;
        daemon.run();
        child.wait()?;
        println!("the daemon has ended");
        Ok(())
    }

    fn be_the_child() -> Result<(), Box<dyn Error>> {
        let socket = stdin();
        for texts in [["hello 1", "hello 2"], ["hello 3", "hello 4"]] {
            let echo = Proxy::builder().connected_socket("echo", socket.as_fd())?;
            for text in texts {
                println!("{}", echo.call::<String>("echo", (text,))?);
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    pair::main()
}

#[cfg(not(unix))]
fn main() {
    println!("this system has no pairs of sockets");
}
