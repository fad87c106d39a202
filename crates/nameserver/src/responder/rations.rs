//! How many answers are given: anybody can write any address on a question, and the answers go there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The most answers to all, in this time.
const IN_ALL: usize = 1000;
const PERIOD_OF_ALL: Duration = Duration::from_secs(1);
/// The most answers to one address, in this time: 10 a second; but the programs of a machine are often started all at once.
const PER_SOURCE: usize = 100;
const PERIOD_OF_SOURCE: Duration = Duration::from_secs(10);

/// The answers of late. There are no more sources to remember than there were answers.
#[derive(Debug)]
pub(super) struct Rations {
    begun: Instant,
    in_all: usize,
    sources_begun: Instant,
    by_source: HashMap<IpAddr, usize>,
}

impl Rations {
    pub(super) fn new(now: Instant) -> Rations {
        Rations {
            begun: now,
            in_all: 0,
            sources_begun: now,
            by_source: HashMap::new(),
        }
    }

    /// Whether one more answer may go to this address now; it counts then.
    pub(super) fn grant(&mut self, source: IpAddr, now: Instant) -> bool {
        if now.saturating_duration_since(self.begun) >= PERIOD_OF_ALL {
            (self.begun, self.in_all) = (now, 0);
        }
        if now.saturating_duration_since(self.sources_begun) >= PERIOD_OF_SOURCE {
            (self.sources_begun, self.by_source) = (now, HashMap::new());
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
    use std::iter::repeat_n;
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
    fn each_source_gets_so_many_answers_in_a_while_even_at_once() {
        let begin = Instant::now();
        let mut rations = Rations::new(begin);
        assert_eq!(granted(&mut rations, repeat_n(1, 500), begin), PER_SOURCE);
        let almost = begin + PERIOD_OF_SOURCE - Duration::from_millis(1);
        assert_eq!(granted(&mut rations, repeat_n(1, 500), almost), 0);
        assert!(rations.grant(source(2), almost));
        assert_eq!(
            granted(&mut rations, repeat_n(1, 500), begin + PERIOD_OF_SOURCE),
            PER_SOURCE
        );
    }

    #[test]
    fn a_flood_from_everywhere_gets_some_answers_a_second_and_takes_little_memory() {
        let begin = Instant::now();
        let mut rations = Rations::new(begin);
        for second in 0..30 {
            let now = begin + Duration::from_secs(second);
            let sources = 100_000 * usize::try_from(second).expect("a small number")..;
            assert_eq!(granted(&mut rations, sources.take(100_000), now), IN_ALL);
            assert!(rations.by_source.len() <= 10 * IN_ALL);
        }
    }
}
