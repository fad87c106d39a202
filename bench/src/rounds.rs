//! All peers take turns, round after round, so that whatever disturbs the machine disturbs them alike.

use std::time::{Duration, Instant};

use crate::peer::{Peer, Sample};
use crate::{Options, Problem};

/// How long a peer's turn is, for calls that take microseconds.
pub(crate) const TURN: Duration = Duration::from_millis(4);
const QUICK_TURN: Duration = Duration::from_millis(1);
const LEAST_ROUNDS: usize = 3;

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

/// What was measured of one peer.
pub(crate) struct Score {
    pub(crate) name: String,
    /// Seconds a call, of each round.
    pub(crate) times: Vec<f64>,
    /// Seconds of processor time that the server took a call, if its system tells.
    pub(crate) server_time: Option<f64>,
}

impl Score {
    /// Seconds a call, the median of the rounds.
    pub(crate) fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl Field {
    pub(crate) fn enter(&mut self, name: impl Into<String>, peer: impl Peer + 'static) {
        self.peers.push((name.into(), Box::new(peer)));
    }

    /// The plan that fits into the time that was asked for, with turns of this length.
    pub(crate) fn plan(&self, turn: Duration, options: &Options) -> Plan {
        if options.quick {
            return Plan {
                turn: QUICK_TURN,
                rounds: LEAST_ROUNDS,
            };
        }
        let rounds = options.time.as_secs_f64() / (turn.as_secs_f64() * self.peers.len() as f64);
        Plan {
            turn,
            rounds: (rounds as usize).max(LEAST_ROUNDS),
        }
    }

    /// The plan for calls that take long: one or few a turn, and as many rounds as fit, as far as a first round tells.
    pub(crate) fn plan_by_trial(&mut self, turn: Duration, options: &Options) -> Result<Plan, Problem> {
        if options.quick {
            return Ok(self.plan(turn, options));
        }
        self.round(Duration::ZERO)?; // to warm up
        let start = Instant::now();
        self.round(turn)?;
        let rounds = options.time.as_secs_f64() / start.elapsed().as_secs_f64();
        Ok(Plan {
            turn,
            rounds: (rounds as usize).max(LEAST_ROUNDS),
        })
    }

    /// The scores, that of the yardstick first.
    pub(crate) fn measure(&mut self, plan: Plan) -> Result<Vec<Score>, Problem> {
        self.round(plan.turn)?; // to warm up
        let before = self.server_times();
        let mut samples = vec![Vec::with_capacity(plan.rounds); self.peers.len()];
        for _ in 0..plan.rounds {
            for (samples, sample) in samples.iter_mut().zip(self.round(plan.turn)?) {
                samples.push(sample);
            }
        }
        let spent = self.server_times().into_iter().zip(before);
        let scores = self.peers.iter().zip(samples).zip(spent);
        Ok(scores
            .map(|(((name, _), samples), (after, before))| {
                let calls: u32 = samples.iter().map(|sample: &Sample| sample.calls).sum();
                Score {
                    name: name.clone(),
                    times: samples.iter().map(|sample| sample.seconds_per_call()).collect(),
                    server_time: after
                        .zip(before)
                        .map(|(after, before)| (after - before).as_secs_f64() / f64::from(calls.max(1))),
                }
            })
            .collect())
    }

    fn server_times(&self) -> Vec<Option<Duration>> {
        self.peers.iter().map(|(_, peer)| peer.server_time()).collect()
    }

    fn round(&mut self, turn: Duration) -> Result<Vec<Sample>, Problem> {
        self.peers
            .iter_mut()
            .map(|(name, peer)| {
                peer.call_for(turn)
                    .map_err(|problem| format!("{name}: {problem}").into())
            })
            .collect()
    }
}
