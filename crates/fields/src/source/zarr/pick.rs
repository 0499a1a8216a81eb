//! Which indices of which chunks a read wants.

use std::collections::BTreeMap;

use ndarray::{ArrayD, ArrayViewD, Axis, Slice};

use super::super::store::runs;

/// The indices wanted of one chunk, on one dimension.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) chunk: u64,
    /// Where they go in the result; they are consecutive there.
    pub(super) start: usize,
    /// Indices within the chunk.
    pub(super) local: Vec<usize>,
}

/// Sorts ascending indices by the chunk they are in.
pub(super) fn split(pick: &[usize], length: u64) -> Vec<Part> {
    let mut parts: BTreeMap<u64, Part> = BTreeMap::new();
    for (position, &index) in pick.iter().enumerate() {
        let chunk = index as u64 / length;
        let part = parts.entry(chunk).or_insert_with(|| Part {
            chunk,
            start: position,
            local: Vec::new(),
        });
        part.local.push((index as u64 % length) as usize);
    }
    parts.into_values().collect()
}

/// The wanted indices of a chunk.
pub(super) fn take<O: Clone>(chunk: ArrayViewD<'_, O>, block: &[Part]) -> ArrayD<O> {
    let mut view = chunk;
    let mut scattered: Option<ArrayD<O>> = None;
    for (axis, part) in block.iter().enumerate() {
        if let [(_, range)] = runs(&part.local).as_slice() {
            view.slice_axis_inplace(Axis(axis), Slice::from(range.clone()));
        }
    }
    for (axis, part) in block.iter().enumerate() {
        if runs(&part.local).len() != 1 {
            let source = scattered
                .as_ref()
                .map_or_else(|| view.view(), |data| data.view());
            scattered = Some(source.select(Axis(axis), &part.local));
        }
    }
    scattered.unwrap_or_else(|| view.to_owned())
}

#[cfg(test)]
mod tests {
    use ndarray::IxDyn;

    use super::*;

    #[test]
    fn indices_are_sorted_by_chunk() {
        let parts = split(&[0, 2, 3, 4, 11], 4);
        let found: Vec<_> = parts
            .iter()
            .map(|p| (p.chunk, p.start, p.local.clone()))
            .collect();
        assert_eq!(
            found,
            [(0, 0, vec![0, 2, 3]), (1, 3, vec![0]), (2, 4, vec![3])]
        );
    }

    #[test]
    fn scattered_and_consecutive_indices_of_a_chunk() {
        let chunk = ArrayD::from_shape_fn(IxDyn(&[4, 5]), |i| 10 * i[0] + i[1]);
        let block = [split(&[0, 2, 3], 4).remove(0), split(&[1, 2], 5).remove(0)];
        let taken = take(chunk.view(), &block);
        assert_eq!(taken.shape(), [3, 2]);
        assert_eq!(
            taken.iter().copied().collect::<Vec<_>>(),
            [1, 2, 21, 22, 31, 32]
        );
    }
}
