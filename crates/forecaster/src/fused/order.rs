use std::ops::Range;

use dropsonde_mesh::EdgeSet;

/// The edges of a set in the order of their receivers (stable), as runs per receiver.
#[derive(Debug)]
pub(super) struct Order {
    /// Sorted position to position in the set.
    edges: Vec<u32>,
    /// Where each receiver's run starts; one more than receivers.
    starts: Vec<u32>,
}

impl Order {
    pub(super) fn new(set: &EdgeSet, n_receivers: usize) -> Self {
        Self::by(n_receivers, set.len(), |edge| set.receivers[edge])
    }

    /// The sorted edges again, now in the order of their senders: positions are those in this order.
    pub(super) fn by_sender(&self, set: &EdgeSet, n_senders: usize) -> Self {
        Self::by(n_senders, set.len(), |sorted| {
            set.senders[self.edge(sorted)]
        })
    }

    fn by(n_nodes: usize, n_edges: usize, node: impl Fn(usize) -> u32) -> Self {
        let mut starts = vec![0u32; n_nodes + 1];
        (0..n_edges).for_each(|edge| starts[node(edge) as usize + 1] += 1);
        for node in 0..n_nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut edges = vec![0u32; n_edges];
        for edge in 0..n_edges {
            let place = &mut next[node(edge) as usize];
            edges[*place as usize] = edge as u32;
            *place += 1;
        }
        Self { edges, starts }
    }

    /// Position in the set of a sorted edge.
    pub(super) fn edge(&self, sorted: usize) -> usize {
        self.edges[sorted] as usize
    }

    /// Sorted edges of a range of receivers.
    pub(super) fn of(&self, receivers: &Range<usize>) -> Range<usize> {
        self.starts[receivers.start] as usize..self.starts[receivers.end] as usize
    }

    /// Ranges of receivers with about `edges` edges each; a receiver with more has a range of its own.
    pub(super) fn tasks(&self, edges: usize) -> Vec<Range<usize>> {
        let n_receivers = self.starts.len() - 1;
        let mut tasks = Vec::new();
        let mut start = 0;
        for end in 1..=n_receivers {
            let full =
                self.starts[end] - self.starts[start] >= edges as u32 || end - start >= edges;
            if full || end == n_receivers {
                tasks.push(start..end);
                start = end;
            }
        }
        tasks
    }
}
