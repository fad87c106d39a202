//! When calls begin.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

/// Calls a second, by all connections together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate(f64);

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Rate, &'static str> {
        match text.parse() {
            Ok(rate) if (0.001..=1e9).contains(&rate) => Ok(Rate(rate)),
            _ => Err("a number of calls a second is wanted, from 0.001 on"),
        }
    }
}

impl Rate {
    pub(super) fn per_second(self) -> f64 {
        self.0
    }
}

/// The beginnings of one connection's messages.
#[derive(Debug)]
pub(super) enum Pace {
    /// As soon as the last one was answered.
    Unbound,
    /// At certain times, be the last one answered or not.
    Ticks { next: Instant, every: Duration },
}

impl Pace {
    /// Of connection `number` of so many, each message of which has `batch` calls: the turns of the connections are spread over time.
    pub(super) fn new(rate: Option<Rate>, batch: Option<NonZeroU32>, number: u32, connections: u32) -> Pace {
        let Some(Rate(rate)) = rate else { return Pace::Unbound };
        let every = f64::from(batch.map_or(1, NonZeroU32::get)) * f64::from(connections) / rate;
        let first = every * f64::from(number) / f64::from(connections);
        Pace::Ticks {
            next: Instant::now() + Duration::from_secs_f64(first),
            every: Duration::from_secs_f64(every),
        }
    }

    /// Waits for the next turn, and gives the time from which on its message waits for an answer. When the last one was late this is in the past: a server that makes clients wait does
    /// so for all who would have come meanwhile. That a clock wakes us late is not the server's time.
    pub(super) async fn turn(&mut self) -> Instant {
        let now = Instant::now();
        let Pace::Ticks { next, every } = self else { return now };
        let due = *next;
        *next += *every;
        if due <= now {
            return due;
        }
        sleep_until(due.into()).await;
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_spread_over_the_connections() {
        let batch = NonZeroU32::new(10);
        let pace = |number| match Pace::new(Some(Rate(100.0)), batch, number, 4) {
            Pace::Ticks { next, every } => (next, every),
            Pace::Unbound => panic!("there is a rate"),
        };
        let (first, every) = pace(0);
        assert_eq!(every, Duration::from_millis(400));
        assert!(pace(3).0 - first >= Duration::from_millis(300));
    }

    #[test]
    fn a_rate_is_a_number_above_zero() {
        assert_eq!("250".parse(), Ok(Rate(250.0)));
        for wrong in ["0", "-1", "many", "inf", "NaN"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
