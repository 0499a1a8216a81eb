//! The memory that training an autoencoder takes beside its data.

use dropsonde_sae::{Precision, SaeConfig};

use super::{Report, Size};
use crate::case::Error;
use crate::figures::sae::{ROWS, batch, trainer};
use crate::memory;
use crate::timing::seconds_of;

/// Steps with no latent dead, then with a quarter of them dead; `before` is what the batch and libtorch take.
pub(super) fn memory_of(size: Size) -> Result<Report, Error> {
    let (config, rows) = match size {
        Size::Tiny => (SaeConfig::new(64, 256, 8), 512),
        Size::Mid | Size::Small | Size::Full => (SaeConfig::paper(), ROWS),
    };
    let x = batch(rows, config.d_in as i64);
    let n = config.n_latents;
    let mut report = Report {
        before: memory::resident(),
        ..Report::default()
    };
    let mut trainer = trainer(config, Precision::F32)?;
    for dead in [usize::MAX, 4] {
        let dead = (0..n)
            .map(|latent| latent % dead == 0 && dead == 4)
            .collect();
        trainer.set_dead_state(vec![0; n], dead)?;
        let (losses, seconds) = seconds_of(|| trainer.step(&x));
        let _ = losses?;
        report.push("step", seconds);
    }
    report.peak = memory::peak();
    Ok(report)
}
