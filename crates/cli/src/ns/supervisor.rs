//! What systemd is told of a service of `Type=notify` or `Type=notify-reload`. Elsewhere nobody is there to be told.

#[cfg(not(target_os = "linux"))]
pub(super) use self::nobody::{inform, is_there, ready, reloading, stopping};
#[cfg(target_os = "linux")]
pub(super) use self::systemd::{inform, is_there, ready, reloading, stopping};

#[cfg(target_os = "linux")]
mod systemd {
    use std::env;
    use std::time::Duration;

    use ferropyro::logging::logger;
    use sd_notify::NotifyState;
    use tokio::time::{interval, sleep};

    use crate::ns::health::Health;

    /// How often the number of names is told, if it has changed.
    const PERIOD: Duration = Duration::from_secs(5);

    pub(in crate::ns) fn is_there() -> bool {
        env::var_os("NOTIFY_SOCKET").is_some()
    }

    /// Clients are served.
    pub(in crate::ns) fn ready() {
        tell(&[NotifyState::Ready]);
    }

    /// The configuration is being read again; until it is ready.
    pub(in crate::ns) fn reloading() {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            tell(&[NotifyState::Reloading, now]);
        }
    }

    pub(in crate::ns) fn stopping() {
        tell(&[NotifyState::Stopping]);
    }

    /// Tells that it is ready, then how many names there are, and, twice in the time that the unit gives for it, that it is alive.
    pub(in crate::ns) async fn inform(health: Health) {
        if is_there() {
            ready();
            tokio::join!(tell_names(health), be_alive());
        }
    }

    async fn tell_names(health: Health) {
        let mut told = String::new();
        loop {
            let status = match health.names().await {
                Ok(1) => "1 name".to_owned(),
                Ok(count) => format!("{count} names"),
                Err(reason) => reason.replace('\n', " "),
            };
            if status != told {
                tell(&[NotifyState::Status(&status)]);
                told = status;
            }
            sleep(PERIOD).await;
        }
    }

    async fn be_alive() {
        let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
            return;
        };
        let mut ticks = interval(limit / 2);
        loop {
            ticks.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    }

    fn tell(states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            tracing::warn!(target: logger::NAMING, "cannot tell the service manager: {error}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod nobody {
    use crate::ns::health::Health;

    pub(in crate::ns) fn is_there() -> bool {
        false
    }

    pub(in crate::ns) fn ready() {}

    pub(in crate::ns) fn reloading() {}

    pub(in crate::ns) fn stopping() {}

    pub(in crate::ns) async fn inform(_health: Health) {}
}
