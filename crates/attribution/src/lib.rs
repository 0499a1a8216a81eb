//! What a feature means and does: catalogue, maps, scores against events, probes, gradients.
//!
//! [`run_study`] does the whole of it for one autoencoder; the parts can be used alone.
//! A *column* has one value per row (a mesh node of a record); a *phenomenon* says which rows are positive, with which
//! rows they may be compared ([`score::Cases`]), and what may be resampled.
//!
//! ```
//! use dropsonde_attribution::{Column, score::{Cases, StratifiedAuc}};
//!
//! // Rows 0-2 lie in the tropics, rows 3-5 do not: a positive is only compared with negatives of its own stratum.
//! let cases = Cases::unblocked(vec![true, false, false, true, false, false], vec![0, 0, 0, 1, 1, 1]);
//! let column = Column::dense(vec![5.0, 4.0, 4.5, 2.0, 1.0, 3.0]);
//! let auc = StratifiedAuc::count(&column.ranking()?, &cases);
//! assert_eq!(auc.value(), Some(0.75)); // 2 of 2 pairs in the tropics, 1 of 2 outside
//! # Ok::<(), dropsonde_attribution::Error>(())
//! ```

mod candidates;
mod catalog;
mod column;
mod config;
mod error;
mod file;
mod geometry;
mod labels;
mod phenomenon;
pub mod score;
mod split;
mod study;

pub use candidates::{
    Candidate, Components, DenseColumns, Family, FieldInfo, Neurons, PhysicalFields, Sign,
    SparseColumns, gather,
};
pub use catalog::{
    FeatureCatalog, FeatureEntry, FeatureMaps, FieldCorrelation, Neighbour, PhenomenonScore,
    TopEvent,
};
pub use column::{Column, Direction, Group, Ranking};
pub use config::StudyConfig;
pub use error::{Error, Result};
pub use geometry::Geometry;
pub use labels::{LabelConfig, SplitLabels, Target};
pub use phenomenon::{Metric, Phenomenon};
pub use split::Split;
pub use study::{
    Counts, FamilyScores, PhenomenonScores, Progress, RunnerUp, Score, Scores, SplitSummary, Study,
    StudyInputs, run_study,
};
