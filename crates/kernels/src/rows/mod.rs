//! What happens to rows between products, each in one pass.

mod activate;
mod normalize;
mod operand;
mod transfer;

pub(crate) use normalize::{Moments, moments};
pub(crate) use transfer::add_to;

use std::ops::Range;

use crate::block::SLICE;

/// Columns cut into vectors, the last one perhaps partial: `(column, length)`.
#[inline(always)]
pub(crate) fn vectors(columns: Range<usize>, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    let end = columns.end;
    columns
        .step_by(lanes)
        .map(move |column| (column, lanes.min(end - column)))
}

/// `length` columns from `first` on, cut where slices end: only within a slice a row is contiguous.
pub(crate) fn pieces(first: usize, length: usize) -> impl Iterator<Item = Range<usize>> {
    let end = first + length;
    let mut start = first;
    std::iter::from_fn(move || {
        let piece = start..end.min((start / SLICE + 1) * SLICE);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}
