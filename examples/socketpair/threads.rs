//! A daemon and its client in two threads of one program, over a pair of sockets that nobody else can reach.
#![allow(clippy::print_stdout, unreachable_pub)] // #[expose] takes the public methods of an impl

#[cfg(unix)]
mod pair {
    use std::os::unix::net::UnixStream;
    use std::thread;

    use ferropyro::{Daemon, Proxy, expose};

    struct Echo;

    #[expose]
    impl Echo {
        pub fn echo(&self, text: String) -> String {
            format!("echo of {text}")
        }
    }

    pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
        let (ours, theirs) = UnixStream::pair()?;
        let daemon = Daemon::builder().connected_socket(theirs).bind()?;
        daemon.register("echo", Echo)?;
        // It runs until the other end is closed.
        let serving = thread::spawn(move || daemon.run());
        // One proxy after the other takes the socket, which stays open between them.
        for texts in [["hello 1", "hello 2"], ["hello 3", "hello 4"]] {
            let echo = Proxy::builder().connected_socket("echo", &ours)?;
            for text in texts {
                println!("{}", echo.call::<String>("echo", (text,))?);
            }
        }
        drop(ours);
        serving.join().map_err(|_| "the daemon's thread panicked")?;
        println!("the daemon has ended");
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
