use dropsonde_forecaster::{Site, Tap};
use tch::Tensor;

use crate::EditRecord;
use crate::edit::edit_record;
use crate::rows::add_rows;

/// Adds to some rows a vector of given length along one direction; all other rows keep their bits.
///
/// The control of an [`EditTap`](crate::EditTap): the same rows and lengths, another direction.
#[derive(Debug)]
pub struct PushTap<'a> {
    site: Site,
    rows: &'a [i64],
    lengths: &'a [f32],
    direction: &'a Tensor,
    record: EditRecord,
    max_length_error: f64,
}

impl<'a> PushTap<'a> {
    /// Pushes `rows` (indices into the `M * B` rows, ascending) by `lengths` (one per row, signed) along `direction`
    /// (`[D]`, unit norm, f32 on the CPU).
    pub fn new(site: Site, rows: &'a [i64], lengths: &'a [f32], direction: &'a Tensor) -> Self {
        let record = EditRecord::default();
        Self {
            site,
            rows,
            lengths,
            direction,
            record,
            max_length_error: 0.0,
        }
    }

    /// What the last pass did.
    pub fn record(&self) -> EditRecord {
        self.record
    }

    /// Largest relative difference, over rows, between the length of what was added and what was asked for.
    pub fn max_length_error(&self) -> f64 {
        self.max_length_error
    }
}

impl Tap for PushTap<'_> {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        if site != self.site || self.rows.is_empty() {
            return latents;
        }
        let lengths = Tensor::from_slice(self.lengths).unsqueeze(1);
        let delta = &lengths * self.direction.unsqueeze(0);
        let norms = delta.norm_scalaropt_dim(2.0, [1i64].as_slice(), true);
        self.max_length_error = (&norms / lengths.abs() - 1.0).abs().max().double_value(&[]);
        self.record = edit_record(&latents, self.rows, &delta);
        add_rows(&latents, self.rows, &delta)
    }
}
