//! The order in which the reference's search tree visits the faces of a mesh.
//!
//! GraphCast finds the triangle below a grid node with `trimesh`, which collects candidates from an R-tree
//! (`rtree`, <https://libspatialindex.org>).
//! Where two triangles are equally close to the last bit, the order of the candidates decides.
//! The tree is packed by sort-tile-recursive loading (Leutenegger, Lopez and Edgington 1997): sorted by x and cut
//! into slabs, each slab sorted by y and cut, each sorted by z and cut into nodes; then the same with the nodes.
//! Symmetric meshes have many equal coordinates, so the order that an unstable sort leaves them in counts too.

use std::cmp::Ordering;

/// Entries of a full node: the library's capacity of 100, filled to 70 %.
const NODE_SIZE: usize = 70;

/// Slices longer than this are partitioned by the sort of the GNU C++ library before the insertion sort.
const PARTITION_ABOVE: usize = 16;

/// An axis-aligned box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Aabb {
    pub(crate) low: [f64; 3],
    pub(crate) high: [f64; 3],
}

impl Aabb {
    /// The smallest box around some points.
    pub(crate) fn around(points: &[[f64; 3]]) -> Self {
        let bound = |start: f64, pick: fn(f64, f64) -> f64| {
            [0, 1, 2].map(|k| points.iter().map(|p| p[k]).fold(start, pick))
        };
        Self {
            low: bound(f64::INFINITY, f64::min),
            high: bound(f64::NEG_INFINITY, f64::max),
        }
    }

    pub(crate) fn intersects(&self, other: &Self) -> bool {
        (0..3).all(|k| self.low[k] <= other.high[k] && other.low[k] <= self.high[k])
    }

    /// Twice the middle.
    fn key(&self, axis: usize) -> f64 {
        self.high[axis] + self.low[axis]
    }
}

/// The place of each box in the order in which a query visits them.
///
/// Every query walks depth first, the last child of a node first and the entries of a leaf from first to last, and
/// only leaves out what it does not touch, so one order serves all queries.
pub(crate) fn visit_ranks(boxes: &[Aabb]) -> Vec<u32> {
    let mut ranks = vec![0; boxes.len()];
    for (rank, leaf_entry) in visit_order(boxes).into_iter().enumerate() {
        ranks[leaf_entry as usize] = rank as u32;
    }
    ranks
}

fn visit_order(boxes: &[Aabb]) -> Vec<u32> {
    // Entries of the nodes of each level, leaves first.
    let mut levels: Vec<Vec<Vec<u32>>> = vec![pack(boxes)];
    let mut bounds = node_bounds(&levels[0], boxes);
    while bounds.len() > 1 {
        let nodes = pack(&bounds);
        bounds = node_bounds(&nodes, &bounds);
        levels.push(nodes);
    }
    let mut order = Vec::with_capacity(boxes.len());
    let mut stack = vec![(levels.len() - 1, 0_u32)];
    while let Some((level, node)) = stack.pop() {
        let entries = &levels[level][node as usize];
        match level {
            0 => order.extend(entries),
            _ => stack.extend(entries.iter().map(|&child| (level - 1, child))),
        }
    }
    order
}

fn node_bounds(nodes: &[Vec<u32>], boxes: &[Aabb]) -> Vec<Aabb> {
    let bounds = |entries: &Vec<u32>| {
        let corners: Vec<_> = entries
            .iter()
            .map(|&entry| boxes[entry as usize])
            .flat_map(|entry| [entry.low, entry.high])
            .collect();
        Aabb::around(&corners)
    };
    nodes.iter().map(bounds).collect()
}

/// Groups boxes into the nodes of one level.
fn pack(boxes: &[Aabb]) -> Vec<Vec<u32>> {
    let mut entries: Vec<u32> = (0..boxes.len() as u32).collect();
    let mut nodes = Vec::with_capacity(boxes.len().div_ceil(NODE_SIZE));
    tile(&mut entries, boxes, 0, &mut nodes);
    nodes
}

fn tile(entries: &mut [u32], boxes: &[Aabb], axis: usize, nodes: &mut Vec<Vec<u32>>) {
    sort_like_gnu(entries, |&a, &b| {
        boxes[a as usize]
            .key(axis)
            .total_cmp(&boxes[b as usize].key(axis))
    });
    let n_nodes = entries.len().div_ceil(NODE_SIZE);
    let n_slabs = (n_nodes as f64).sqrt().ceil() as usize;
    let slab = n_slabs * NODE_SIZE;
    if n_slabs <= 1 || axis == 2 || slab == entries.len() {
        nodes.extend(entries.chunks(NODE_SIZE).map(<[u32]>::to_vec));
    } else {
        for slab in entries.chunks_mut(slab) {
            tile(slab, boxes, axis + 1, nodes);
        }
    }
}

/// Sorts so that equal entries end up as after `std::sort` of the GNU C++ library.
///
/// That sort partitions down to short pieces and then sorts by insertion, which keeps the order of equal entries,
/// as the stable sort used here for that step does.
fn sort_like_gnu<T: Copy>(entries: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let less = |a: &T, b: &T| compare(a, b).is_lt();
    let depth = 2 * entries.len().max(1).ilog2();
    partition_down(entries, &less, depth);
    entries.sort_by(&compare);
}

/// At depth 0 the library changes to heap sort; here the stable sort takes over.
///
/// Meshes of up to 7 splits never get there; with 8 a few short pieces do, and equal keys in them may be ordered
/// differently.
fn partition_down<T: Copy>(mut entries: &mut [T], less: &impl Fn(&T, &T) -> bool, depth: u32) {
    let mut depth = depth;
    while entries.len() > PARTITION_ABOVE && depth > 0 {
        depth -= 1;
        let cut = partition(entries, less);
        let (left, right) = entries.split_at_mut(cut);
        partition_down(right, less, depth);
        entries = left;
    }
}

/// Splits around the median of the second, middle and last entry and returns where the right part starts.
fn partition<T: Copy>(entries: &mut [T], less: &impl Fn(&T, &T) -> bool) -> usize {
    let n = entries.len();
    let median = median_of_three(entries, [1, n / 2, n - 1], less);
    entries.swap(0, median);
    let pivot = entries[0];
    let (mut left, mut right) = (1, n);
    loop {
        while less(&entries[left], &pivot) {
            left += 1;
        }
        right -= 1;
        while less(&pivot, &entries[right]) {
            right -= 1;
        }
        if left >= right {
            return left;
        }
        entries.swap(left, right);
        left += 1;
    }
}

fn median_of_three<T>(
    entries: &[T],
    [a, b, c]: [usize; 3],
    less: &impl Fn(&T, &T) -> bool,
) -> usize {
    let less = |i: usize, j: usize| less(&entries[i], &entries[j]);
    match (less(a, b), less(b, c), less(a, c)) {
        (true, true, _) | (false, false, false) => b,
        (true, false, true) | (false, true, false) => c,
        (true, false, false) | (false, _, true) => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multimesh::MultiMesh;

    /// First and last faces of `rtree` 1.4.1 (libspatialindex 2.1.0) on the meshes of 2 and 6 splits.
    #[test]
    fn order_of_the_library() -> crate::Result<()> {
        let cases = [
            (
                2,
                [206, 200, 194, 203, 195, 192, 202, 207],
                [269, 277, 288, 230, 267, 155, 265, 276],
            ),
            (
                6,
                [18854, 10402, 19265, 19267, 19395, 19394, 18860, 18849],
                [69008, 69082, 69044, 69108, 69116, 69011, 69010, 69083],
            ),
        ];
        for (size, first, last) in cases {
            let mesh = MultiMesh::new(size)?;
            let boxes: Vec<Aabb> = (0..mesh.finest().faces.len())
                .map(|face| Aabb::around(&mesh.finest().corners(face)))
                .collect();
            let order = visit_order(&boxes);
            assert_eq!(order[..8], first);
            assert_eq!(order[order.len() - 8..], last);
        }
        Ok(())
    }
}
