//! What the calls cost, function by function of ours. What others' code costs (libc's, std's, tokio's) goes to whoever has called it.

use std::collections::HashMap;

use crate::callgrind::{Function, FunctionId, Profile};

/// Functions that give memory out.
const ALLOCATE: [&str; 6] = [
    "malloc",
    "calloc",
    "realloc",
    "memalign",
    "aligned_alloc",
    "posix_memalign",
];
/// Valgrind makes system calls of what the system offers as functions.
const ASK_THE_CLOCK: &str = "clock_gettime";
/// Enough that cycles of calls come to rest.
const ROUNDS: usize = 1000;
const AT_REST: f64 = 1e-9;

/// The difference between two runs. `P` says where code of ours is from.
#[derive(Debug)]
pub(crate) struct Graph<P> {
    nodes: Vec<Node<P>>,
    ids: HashMap<Function, NodeId>,
}

type NodeId = usize;

#[derive(Debug)]
struct Node<P> {
    /// Instructions of ours in this function.
    ours: HashMap<P, f64>,
    /// Instructions of others.
    others: f64,
    /// Who has called it, and what that took in all.
    callers: HashMap<Caller<P>, f64>,
    times_called: f64,
    system_calls: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Caller<P> {
    Ours(P),
    Other(NodeId),
}

impl<P> Default for Graph<P> {
    fn default() -> Graph<P> {
        Graph {
            nodes: Vec::new(),
            ids: HashMap::new(),
        }
    }
}

impl<P> Default for Node<P> {
    fn default() -> Node<P> {
        Node {
            ours: HashMap::new(),
            others: 0.0,
            callers: HashMap::new(),
            times_called: 0.0,
            system_calls: 0.0,
        }
    }
}

impl<P: Clone + Eq + std::hash::Hash> Graph<P> {
    /// Adds a run so many times; a negative number takes it away. `place` says what is ours: the function in this object at this address.
    pub(crate) fn add<E>(
        &mut self,
        profile: &Profile,
        times: f64,
        mut place: impl FnMut(&Function, u64) -> Result<Option<P>, E>,
    ) -> Result<(), E> {
        let ids: Vec<NodeId> = profile.functions.iter().map(|function| self.id(function)).collect();
        let function = |id: FunctionId| &profile.functions[id];
        for cost in &profile.costs {
            let node = &mut self.nodes[ids[cost.function]];
            let instructions = times * cost.spent.instructions as f64;
            match place(function(cost.function), cost.address)? {
                Some(place) => *node.ours.entry(place).or_default() += instructions,
                None => node.others += instructions,
            }
            if !function(cost.function).name.starts_with(ASK_THE_CLOCK) {
                node.system_calls += times * cost.spent.system_calls as f64;
            }
        }
        for call in &profile.calls {
            let caller = match place(function(call.caller), call.address)? {
                Some(place) => Caller::Ours(place),
                None => Caller::Other(ids[call.caller]),
            };
            let node = &mut self.nodes[ids[call.callee]];
            *node.callers.entry(caller).or_default() += times * call.spent.instructions as f64;
            node.times_called += times * call.count as f64;
        }
        Ok(())
    }

    fn id(&mut self, function: &Function) -> NodeId {
        if let Some(id) = self.ids.get(function) {
            return *id;
        }
        self.ids.insert(function.clone(), self.nodes.len());
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    pub(crate) fn system_calls(&self) -> f64 {
        self.nodes.iter().map(|node| node.system_calls).sum()
    }

    /// How often memory was asked for.
    pub(crate) fn allocations(&self) -> f64 {
        let allocates = |function: &Function| ALLOCATE.contains(&function.name.as_str());
        let ids = self.ids.iter().filter(|(function, _)| allocates(function));
        ids.map(|(_, id)| self.nodes[*id].times_called).sum()
    }

    /// The instructions of each place, with those of others that it is the reason for. `None` is what nothing of ours has called.
    pub(crate) fn instructions(&self) -> HashMap<Option<P>, f64> {
        let mut sums: HashMap<Option<P>, f64> = HashMap::new();
        for (node, reasons) in self.nodes.iter().zip(self.reasons()) {
            for (place, instructions) in &node.ours {
                *sums.entry(Some(place.clone())).or_default() += instructions;
            }
            let mut left = node.others;
            for (place, share) in reasons {
                left -= share * node.others;
                *sums.entry(Some(place)).or_default() += share * node.others;
            }
            *sums.entry(None).or_default() += left;
        }
        sums
    }

    /// For each function the places that are the reason for its being called, with their shares: those of its callers, in the proportion of what it took there.
    fn reasons(&self) -> Vec<HashMap<P, f64>> {
        let mut reasons = vec![HashMap::new(); self.nodes.len()];
        for _ in 0..ROUNDS {
            let mut moved = 0.0;
            for (id, node) in self.nodes.iter().enumerate() {
                let next = node.reasons(id, &reasons);
                let before: &HashMap<P, f64> = &reasons[id];
                moved += next.iter().fold(0.0, |moved, (place, share)| {
                    moved + (share - before.get(place).copied().unwrap_or_default()).abs()
                });
                reasons[id] = next;
            }
            if moved < AT_REST {
                break;
            }
        }
        reasons
    }
}

impl<P: Clone + Eq + std::hash::Hash> Node<P> {
    fn reasons(&self, own_id: NodeId, known: &[HashMap<P, f64>]) -> HashMap<P, f64> {
        let mut shares: HashMap<P, f64> = HashMap::new();
        // Between two runs that do the same in the beginning a difference can be a little less than nothing. Who calls itself is no reason.
        let callers = || {
            self.callers
                .iter()
                .filter(|(caller, cost)| **cost > 0.0 && **caller != Caller::Other(own_id))
        };
        let all: f64 = callers().map(|(_, cost)| cost).sum();
        for (caller, cost) in callers() {
            match caller {
                Caller::Ours(place) => *shares.entry(place.clone()).or_default() += cost / all,
                Caller::Other(id) => {
                    for (place, share) in &known[*id] {
                        *shares.entry(place.clone()).or_default() += share * cost / all;
                    }
                }
            }
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Code of ours stands below 0x100, and each 16 addresses are a place.
    fn place(function: &Function, address: u64) -> Result<Option<u64>, Infallible> {
        Ok((function.object == "/ours" && address < 0x100).then_some(address / 16))
    }

    fn graph(texts: &[(&str, f64)]) -> Graph<u64> {
        let mut graph = Graph::default();
        for (text, times) in texts {
            let Ok(()) = graph.add(&Profile::parse(text).unwrap(), *times, place);
        }
        graph
    }

    fn instructions(graph: &Graph<u64>) -> Vec<(Option<u64>, f64)> {
        let mut all: Vec<_> = graph.instructions().into_iter().collect();
        all.retain(|(_, instructions)| instructions.abs() > 1e-6);
        all.sort_by_key(|(place, _)| *place);
        all
    }

    const COPY: &str = "\
ob=/ours
fn=reads
0x10 5
cob=/libc
cfn=memcpy
calls=1 0x1
0x11 30
fn=writes
0x20 7
cob=/libc
cfn=memcpy
calls=3 0x1
0x21 90
ob=/libc
fn=memcpy
0x1 120
";

    #[test]
    fn code_of_others_belongs_to_its_callers_in_the_proportion_of_what_it_took_there() {
        assert_eq!(instructions(&graph(&[(COPY, 1.0)])), [(Some(1), 35.0), (Some(2), 97.0)]);
    }

    #[test]
    fn of_two_runs_the_difference_counts() {
        let longer = COPY
            .replace("0x1 120", "0x1 240")
            .replace("0x21 90", "0x21 210")
            .replace("0x20 7", "0x20 14");
        let difference = graph(&[(&longer, 1.0), (COPY, -1.0)]);
        assert_eq!(instructions(&difference), [(Some(2), 127.0)]);
    }

    #[test]
    fn what_is_inlined_in_code_of_others_stays_ours_and_the_rest_of_it_goes_to_the_callers() {
        let text = "\
ob=/ours
fn=waits
0x30 1
cfn=poll
calls=1 0x100
0x31 60
fn=poll
0x100 20
0x40 10
cfn=wake
calls=1 0x200
0x41 30
fn=wake
0x200 30
";
        // The call of wake stands in what is inlined at 0x41.
        assert_eq!(instructions(&graph(&[(text, 1.0)])), [(Some(3), 21.0), (Some(4), 40.0)]);
    }

    #[test]
    fn functions_that_call_each_other_belong_to_whoever_calls_them_from_outside() {
        let text = "\
ob=/ours
fn=reads
0x10 1
cob=/libc
cfn=even
calls=1 0x1
0x11 75
fn=writes
0x20 1
cob=/libc
cfn=odd
calls=1 0x2
0x21 25
ob=/libc
fn=even
0x1 40
cfn=odd
calls=9 0x2
0x1 50
fn=odd
0x2 60
cfn=even
calls=9 0x1
0x2 50
";
        let all = instructions(&graph(&[(text, 1.0)]));
        let total: f64 = all.iter().map(|(_, instructions)| instructions).sum();
        assert!((total - 102.0).abs() < 1e-3, "{all:?}");
        assert!(
            matches!(all.as_slice(), [(Some(1), read), (Some(2), written)] if read > written),
            "{all:?}"
        );
    }

    #[test]
    fn what_nothing_of_ours_has_called_is_not_lost() {
        let text = "ob=/libc\nfn=start\n0x1 9\n";
        assert_eq!(instructions(&graph(&[(text, 1.0)])), [(None, 9.0)]);
    }

    #[test]
    fn counts_system_calls_but_for_the_clock_and_what_asks_for_memory() {
        let text = "\
ob=/ours
fn=main
0x10 1
cob=/libc
cfn=malloc
calls=3 0x1
0x11 30
ob=/libc
fn=malloc
0x1 30
fn=recv
0x2 2 4
fn=clock_gettime@@GLIBC_2.17
0x3 2 7
";
        let graph = graph(&[(text, 1.0)]);
        assert_eq!((graph.system_calls(), graph.allocations()), (4.0, 3.0));
    }
}
