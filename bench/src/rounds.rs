//! All peers take turns, round after round, so that whatever disturbs the machine disturbs them alike.

use std::time::Duration;

use crate::peer::Peer;
use crate::table::{Line, Table};
use crate::{Options, Problem};

/// How long a peer's turn is.
const TURN: Duration = Duration::from_millis(4);
const QUICK_TURN: Duration = Duration::from_millis(1);
const QUICK_ROUNDS: usize = 3;

/// How long each peer's turn is, and how many rounds there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) turn: Duration,
    pub(crate) rounds: usize,
}

/// Everybody who takes part; the first one is the yardstick.
#[derive(Default)]
pub(crate) struct Field {
    peers: Vec<(String, Box<dyn Peer>)>,
}

impl Field {
    pub(crate) fn enter(&mut self, name: impl Into<String>, peer: impl Peer + 'static) {
        self.peers.push((name.into(), Box::new(peer)));
    }

    /// The plan that fits into the time that was asked for.
    pub(crate) fn plan(&self, options: &Options) -> Plan {
        if options.quick {
            return Plan {
                turn: QUICK_TURN,
                rounds: QUICK_ROUNDS,
            };
        }
        let rounds = options.time.as_secs_f64() / (TURN.as_secs_f64() * self.peers.len() as f64);
        Plan {
            turn: TURN,
            rounds: (rounds as usize).max(QUICK_ROUNDS),
        }
    }

    pub(crate) fn measure(&mut self, title: &'static str, plan: Plan) -> Result<Table, Problem> {
        self.round(plan.turn)?; // to warm up
        let mut times = vec![Vec::with_capacity(plan.rounds); self.peers.len()];
        for _ in 0..plan.rounds {
            for (times, time) in times.iter_mut().zip(self.round(plan.turn)?) {
                times.push(time);
            }
        }
        let lines = self.peers.iter().zip(&times);
        Ok(Table {
            title,
            lines: lines.map(|((name, _), own)| Line::new(name, own, &times[0])).collect(),
        })
    }

    /// Seconds per call of each peer.
    fn round(&mut self, turn: Duration) -> Result<Vec<f64>, Problem> {
        self.peers
            .iter_mut()
            .map(|(name, peer)| match peer.call_for(turn) {
                Ok(sample) => Ok(sample.seconds_per_call()),
                Err(problem) => Err(format!("{name}: {problem}").into()),
            })
            .collect()
    }
}
