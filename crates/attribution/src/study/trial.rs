//! Every candidate against every phenomenon on *select*.

use rayon::prelude::*;

use crate::Result;
use crate::candidates::{Candidate, Family, Sign};
use crate::column::Column;
use crate::config::StudyConfig;
use crate::labels::Target;
use crate::phenomenon::Phenomenon;
use crate::score::{CycleSums, StratifiedAuc, benjamini_hochberg, cycle_sums, student_t_upper_tail};

/// One candidate and one phenomenon.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) phenomenon: Phenomenon,
    pub(super) candidate: Candidate,
    /// AUC or multiple correlation.
    pub(super) value: f64,
    /// Phase of a cycle in radians.
    pub(super) phase: Option<f64>,
    /// Of an AUC of a feature.
    pub(super) p_value: Option<f64>,
}

/// All trials, in the order of candidates.
#[derive(Default)]
pub(super) struct Trials {
    all: Vec<Trial>,
    /// Where the trials of each feature are in `all`.
    features: std::collections::BTreeMap<usize, std::ops::Range<usize>>,
}

impl Trials {
    /// Scores candidates in parallel; their order does not depend on it.
    pub(super) fn add(
        &mut self,
        columns: &[usize],
        describe: impl Fn(usize) -> (Family, String, Column) + Sync,
        targets: &[(Phenomenon, Target)],
    ) -> Result<()> {
        let score = |&index: &usize| {
            let (family, name, column) = describe(index);
            let candidate = Candidate { family, index, sign: Sign::Positive, name };
            trials_of(&candidate, &column, targets)
        };
        for trials in columns.par_iter().map(score).collect::<Result<Vec<_>>>()? {
            let start = self.all.len();
            self.all.extend(trials);
            if let Some(first) = self.all.get(start)
                && first.candidate.family == Family::Feature
            {
                self.features.insert(first.candidate.index, start..self.all.len());
            }
        }
        Ok(())
    }

    /// The trials of one feature of the trained autoencoder.
    pub(super) fn of_feature(&self, feature: usize) -> impl Iterator<Item = &Trial> {
        let range = self.features.get(&feature).cloned().unwrap_or(0..0);
        self.all[range].iter()
    }

    /// For each phenomenon the best trial of each family, in the order of [`Family::ALL`].
    pub(super) fn best(
        &self,
        targets: &[(Phenomenon, Target)],
        config: &StudyConfig,
    ) -> Vec<Vec<Trial>> {
        let best = |(phenomenon, target): &(Phenomenon, Target)| {
            if target.n_positives() < config.min_positives {
                return Vec::new();
            }
            let first = |family| self.ranked(*phenomenon, family).first().map(|&t| t.clone());
            Family::ALL.into_iter().filter_map(first).collect()
        };
        targets.iter().map(best).collect()
    }

    /// The trials of a phenomenon and a family, best first; of equal ones the first candidate.
    pub(super) fn ranked(&self, phenomenon: Phenomenon, family: Family) -> Vec<&Trial> {
        let mut trials: Vec<&Trial> = self
            .all
            .iter()
            .filter(|t| t.phenomenon == phenomenon && t.candidate.family == family)
            .collect();
        trials.sort_by(|a, b| b.value.total_cmp(&a.value));
        trials
    }

    /// Features whose AUC exceeds one half at a false discovery rate.
    pub(super) fn n_related(&self, phenomenon: Phenomenon, rate: f64) -> Option<usize> {
        let trials = self.ranked(phenomenon, Family::Feature);
        let p_values: Vec<f64> = trials.iter().filter_map(|t| t.p_value).collect();
        let found = benjamini_hochberg(&p_values, rate).into_iter().filter(|d| *d).count();
        (!p_values.is_empty()).then_some(found)
    }
}

/// A column against every phenomenon, with the better sign where both are allowed.
fn trials_of(
    candidate: &Candidate,
    column: &Column,
    targets: &[(Phenomenon, Target)],
) -> Result<Vec<Trial>> {
    let ranking = column.ranking()?;
    let mut out = Vec::new();
    for (phenomenon, target) in targets {
        let mut candidate = candidate.clone();
        if is_definition(*phenomenon, &candidate) {
            candidate.family = Family::DefiningField;
        }
        let trial = match target {
            Target::Mask(cases) => {
                let auc = StratifiedAuc::count(&ranking, cases);
                auc.value().map(|value| mask_trial(*phenomenon, candidate, value, &auc))
            }
            Target::Cycle(cases) => {
                let sums = cycle_sums(column, cases);
                let fit = CycleSums::total(&sums, &vec![1.0; sums.len()]).fit();
                fit.map(|fit| Trial {
                    phenomenon: *phenomenon,
                    candidate,
                    value: fit.r,
                    phase: Some(fit.phase),
                    p_value: None,
                })
            }
        };
        out.extend(trial);
    }
    Ok(out)
}

fn mask_trial(phenomenon: Phenomenon, mut candidate: Candidate, value: f64, auc: &StratifiedAuc) -> Trial {
    let p_value = (candidate.family == Family::Feature)
        .then(|| auc.jackknife())
        .flatten()
        .map(|(error, freedom)| student_t_upper_tail((value - 0.5) / error, freedom));
    let flipped = candidate.family.is_signed() && value < 0.5;
    if flipped {
        candidate.sign = Sign::Negative;
        candidate.name = format!("- {}", candidate.name);
    }
    Trial {
        phenomenon,
        candidate,
        value: if flipped { 1.0 - value } else { value },
        phase: None,
        p_value,
    }
}

/// Whether a field is what the phenomenon is defined by.
fn is_definition(phenomenon: Phenomenon, candidate: &Candidate) -> bool {
    let physical = matches!(candidate.family, Family::InputChannel | Family::DerivedField);
    let begins = |name: &str| candidate.name.starts_with(name);
    physical
        && match phenomenon {
            Phenomenon::TropicalLow => false,
            Phenomenon::MoisturePlume => begins("integrated vapour transport"),
            Phenomenon::HeavyPrecipitation => begins("total_precipitation_6hr (0 h)"),
            Phenomenon::DiurnalCycle => begins("day_progress"),
            Phenomenon::Season => begins("year_progress"),
            Phenomenon::SeaIce => begins("sea_ice_cover"),
            Phenomenon::Land => begins("land_sea_mask"),
        }
}
