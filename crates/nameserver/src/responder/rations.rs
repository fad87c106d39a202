//! How many answers are given: anybody can write any address on a question, and the answers go there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The time that the rations are for.
const PERIOD: Duration = Duration::from_secs(1);
/// The most answers to one address in that time.
const PER_SOURCE: usize = 10;
/// The most answers to all.
const IN_ALL: usize = 1000;

/// The answers of this second. There are no more sources to remember than answers.
#[derive(Debug)]
pub(super) struct Rations {
    begun: Instant,
    in_all: usize,
    by_source: HashMap<IpAddr, usize>,
}

impl Rations {
    pub(super) fn new(now: Instant) -> Rations {
        Rations {
            begun: now,
            in_all: 0,
            by_source: HashMap::new(),
        }
    }

    /// Whether one more answer may go to this address now; it counts then.
    pub(super) fn grant(&mut self, source: IpAddr, now: Instant) -> bool {
        if now.saturating_duration_since(self.begun) >= PERIOD {
            *self = Rations::new(now);
        }
        if self.in_all >= IN_ALL {
            return false;
        }
        let count = self.by_source.entry(source).or_default();
        if *count >= PER_SOURCE {
            return false;
        }
        *count += 1;
        self.in_all += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn source(number: usize) -> IpAddr {
        let number = u32::try_from(number).expect("a small number");
        IpAddr::V4(Ipv4Addr::from_bits(number))
    }

    fn granted(rations: &mut Rations, sources: impl Iterator<Item = usize>, now: Instant) -> usize {
        sources.filter(|number| rations.grant(source(*number), now)).count()
    }

    #[test]
    fn each_source_gets_some_answers_a_second() {
        let begin = Instant::now();
        let mut rations = Rations::new(begin);
        let one = |rations: &mut Rations, count, milliseconds| {
            granted(
                rations,
                std::iter::repeat_n(1, count),
                begin + Duration::from_millis(milliseconds),
            )
        };
        assert_eq!(one(&mut rations, 50, 0), PER_SOURCE);
        assert_eq!(one(&mut rations, 50, 999), 0);
        assert!(rations.grant(source(2), begin));
        assert_eq!(one(&mut rations, 50, 1000), PER_SOURCE);
    }

    #[test]
    fn a_flood_from_everywhere_gets_some_answers_a_second_and_takes_no_more_memory() {
        let begin = Instant::now();
        let mut rations = Rations::new(begin);
        assert_eq!(granted(&mut rations, 0..100_000, begin), IN_ALL);
        assert_eq!(rations.by_source.len(), IN_ALL);
        assert_eq!(granted(&mut rations, 0..100_000, begin + PERIOD), IN_ALL);
        assert_eq!(rations.by_source.len(), IN_ALL);
    }
}
