//! A graph of numbered nodes with one deterministic order. Knows nothing of infrastructure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Nodes `0..len`, and edges that say what comes first and why.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// For each node, the nodes that come after it, with the reason.
    next: Vec<BTreeMap<usize, String>>,
    /// For each node, how many come before it.
    before: Vec<usize>,
}

/// A circle: each node comes before the next one for a reason, and the last before the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<(usize, String)>);

impl Graph {
    /// A graph of so many nodes and no edges.
    pub fn new(len: usize) -> Self {
        Self { next: vec![BTreeMap::new(); len], before: vec![0; len] }
    }

    /// `first` comes before `then`. A second edge between the same nodes keeps the first reason; a node never comes before itself.
    pub fn edge(&mut self, first: usize, then: usize, why: impl Into<String>) {
        if first != then && !self.next[first].contains_key(&then) {
            self.next[first].insert(then, why.into());
            self.before[then] += 1;
        }
    }

    /// For each node, the nodes that come directly before it, in order.
    pub fn predecessors(&self) -> Vec<Vec<usize>> {
        let mut out = vec![Vec::new(); self.next.len()];
        for (first, next) in self.next.iter().enumerate() {
            for then in next.keys() {
                out[*then].push(first);
            }
        }
        out
    }

    /// All nodes, each after those that come before it; among the free ones the smallest number first.
    ///
    /// # Errors
    /// A cycle, as a path.
    pub fn order(&self) -> Result<Vec<usize>, Cycle> {
        let mut before = self.before.clone();
        let mut ready: BinaryHeap<Reverse<usize>> =
            before.iter().enumerate().filter(|(_, count)| **count == 0).map(|(node, _)| Reverse(node)).collect();
        let mut order = Vec::with_capacity(before.len());
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for then in self.next[node].keys() {
                before[*then] -= 1;
                if before[*then] == 0 {
                    ready.push(Reverse(*then));
                }
            }
        }
        if order.len() == before.len() { Ok(order) } else { Err(self.cycle(&before)) }
    }

    /// Finds a circle among the nodes that never became free: walking backwards from one of them must come round.
    fn cycle(&self, before: &[usize]) -> Cycle {
        let stuck = |node: &usize| before[*node] > 0;
        let back = |node: usize| (0..self.next.len()).filter(stuck).find(|first| self.next[*first].contains_key(&node));
        let Some(mut node) = (0..before.len()).find(stuck) else { return Cycle(Vec::new()) };
        let mut path = vec![node];
        while let Some(first) = back(node) {
            if let Some(at) = path.iter().position(|seen| *seen == first) {
                let mut circle: Vec<usize> = path.split_off(at);
                circle.reverse();
                let next = |index: usize| circle[(index + 1) % circle.len()];
                let reason = |(index, node): (usize, &usize)| (*node, self.next[*node][&next(index)].clone());
                return Cycle(circle.iter().enumerate().map(reason).collect());
            }
            path.push(first);
            node = first;
        }
        Cycle(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cycle_is_a_path_with_reasons() {
        let mut graph = Graph::new(4);
        for (first, then) in [(3, 0), (0, 1), (1, 2), (2, 0)] {
            graph.edge(first, then, format!("{first} before {then}"));
        }
        let Cycle(path) = graph.order().unwrap_err();
        assert_eq!(path.len(), 3);
        for (index, (node, why)) in path.iter().enumerate() {
            assert_eq!(*why, format!("{node} before {}", path[(index + 1) % 3].0));
        }
    }

    proptest! {
        #[test]
        fn every_edge_is_kept(edges in prop::collection::vec((0usize..30, 0usize..30), 0..90)) {
            let mut graph = Graph::new(30);
            for (a, b) in &edges {
                graph.edge(*a.min(b), *a.max(b), "");
            }
            let order = graph.order().unwrap();
            let place = |node: usize| order.iter().position(|n| *n == node).unwrap();
            for (a, b) in edges {
                prop_assert!(a == b || place(a.min(b)) < place(a.max(b)));
            }
        }
    }
}
