//! Scores of one column against a phenomenon, with intervals from resampled blocks.

mod auc;
mod bootstrap;
mod correlation;
mod cycle;
mod precision;
mod significance;
mod tally;

pub use auc::{Cases, CasesBuilder, StratifiedAuc};
pub use bootstrap::{Interval, Resampler, quantile_interval};
pub use correlation::{SparseCorrelation, pearson};
pub use cycle::{CycleCases, CycleFit, CycleSums, cycle_sums};
pub use precision::average_precision;
pub use significance::{benjamini_hochberg, student_t_upper_tail};
