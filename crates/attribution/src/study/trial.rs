//! Every candidate against every phenomenon on *select*.

use rayon::prelude::*;

use crate::Result;
use crate::candidates::{Candidate, Family, Sign};
use crate::column::{Column, Direction, Ranking};
use crate::config::StudyConfig;
use crate::labels::Target;
use crate::phenomenon::Phenomenon;
use crate::score::{
    Cases, CycleCases, CycleSums, StratifiedAuc, average_precision, benjamini_hochberg, cycle_sums,
    student_t_upper_tail,
};

/// One candidate and one phenomenon.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) phenomenon: Phenomenon,
    pub(super) candidate: Candidate,
    /// AUC or multiple correlation.
    pub(super) value: f64,
    /// Of an AUC, in the same direction.
    pub(super) average_precision: Option<f64>,
    /// Phase of a cycle in radians.
    pub(super) phase: Option<f64>,
    /// Of an AUC of a feature.
    pub(super) p_value: Option<f64>,
}

/// What makes a trial the best one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// AUC or correlation.
    Score,
    /// Average precision.
    Precision,
}

impl By {
    fn value(self, trial: &Trial) -> Option<f64> {
        match self {
            Self::Score => Some(trial.value),
            Self::Precision => trial.average_precision,
        }
    }
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
            let candidate = Candidate {
                family,
                index,
                sign: Sign::Positive,
                name,
            };
            trials_of(&candidate, &column, targets)
        };
        for trials in columns.par_iter().map(score).collect::<Result<Vec<_>>>()? {
            let start = self.all.len();
            self.all.extend(trials);
            if let Some(first) = self.all.get(start)
                && first.candidate.family == Family::Feature
            {
                self.features
                    .insert(first.candidate.index, start..self.all.len());
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
        by: By,
        targets: &[(Phenomenon, Target)],
        config: &StudyConfig,
    ) -> Vec<Vec<Trial>> {
        let best = |(phenomenon, target): &(Phenomenon, Target)| {
            if target.n_positives() < config.min_positives {
                return Vec::new();
            }
            let first = |family| {
                self.ranked(by, *phenomenon, family)
                    .first()
                    .map(|&t| t.clone())
            };
            Family::ALL.into_iter().filter_map(first).collect()
        };
        targets.iter().map(best).collect()
    }

    /// The trials of a phenomenon and a family, best first; of equal ones the first candidate.
    pub(super) fn ranked(&self, by: By, phenomenon: Phenomenon, family: Family) -> Vec<&Trial> {
        let mut trials: Vec<(f64, &Trial)> = self
            .all
            .iter()
            .filter(|t| t.phenomenon == phenomenon && t.candidate.family == family)
            .filter_map(|t| Some((by.value(t)?, t)))
            .collect();
        trials.sort_by(|a, b| b.0.total_cmp(&a.0));
        trials.into_iter().map(|(_, trial)| trial).collect()
    }

    /// Features whose AUC exceeds one half at a false discovery rate.
    pub(super) fn n_related(&self, phenomenon: Phenomenon, rate: f64) -> Option<usize> {
        let trials = self.ranked(By::Score, phenomenon, Family::Feature);
        let p_values: Vec<f64> = trials.iter().filter_map(|t| t.p_value).collect();
        let found = benjamini_hochberg(&p_values, rate)
            .into_iter()
            .filter(|d| *d)
            .count();
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
        match definition(*phenomenon, &candidate) {
            Definition::No => {}
            Definition::Yes => candidate.family = Family::DefiningField,
            Definition::InDisguise => continue,
        }
        let blank = Trial {
            phenomenon: *phenomenon,
            candidate,
            value: 0.0,
            average_precision: None,
            phase: None,
            p_value: None,
        };
        out.extend(match target {
            Target::Mask(cases) => mask_trial(blank, &ranking, cases),
            Target::Cycle(cases) => cycle_trial(blank, column, cases),
        });
    }
    Ok(out)
}

fn mask_trial(blank: Trial, ranking: &Ranking, cases: &Cases) -> Option<Trial> {
    let auc = StratifiedAuc::count(ranking, cases);
    let value = auc.value()?;
    let mut candidate = blank.candidate.clone();
    let p_value = (candidate.family == Family::Feature)
        .then(|| auc.jackknife())
        .flatten()
        .map(|(error, freedom)| student_t_upper_tail((value - 0.5) / error, freedom));
    let flipped = candidate.family.is_signed() && value < 0.5;
    if flipped {
        candidate.sign = Sign::Negative;
        candidate.name = format!("- {}", candidate.name);
    }
    let direction = if flipped {
        Direction::Ascending
    } else {
        Direction::Descending
    };
    Some(Trial {
        candidate,
        value: if flipped { 1.0 - value } else { value },
        average_precision: average_precision(ranking, cases, direction),
        p_value,
        ..blank
    })
}

fn cycle_trial(blank: Trial, column: &Column, cases: &CycleCases) -> Option<Trial> {
    let sums = cycle_sums(column, cases);
    let fit = CycleSums::total(&sums, &vec![1.0; sums.len()]).fit()?;
    Some(Trial {
        value: fit.r,
        phase: Some(fit.phase),
        ..blank
    })
}

/// Whether a field is what a phenomenon is defined by.
enum Definition {
    No,
    Yes,
    /// The same information in a form that the score cannot read: the time of year without the hemisphere.
    InDisguise,
}

fn definition(phenomenon: Phenomenon, candidate: &Candidate) -> Definition {
    if !matches!(
        candidate.family,
        Family::InputChannel | Family::DerivedField
    ) {
        return Definition::No;
    }
    let name = match phenomenon {
        Phenomenon::TropicalLow => return Definition::No,
        Phenomenon::MoisturePlume => "integrated vapour transport",
        Phenomenon::HeavyPrecipitation => "total_precipitation_6hr (0 h)",
        Phenomenon::DiurnalCycle => "day_progress",
        Phenomenon::Season => "year_progress",
        Phenomenon::SeaIce => "sea_ice_cover",
        Phenomenon::Land => "land_sea_mask",
    };
    match (candidate.name.starts_with(name), phenomenon) {
        (false, _) => Definition::No,
        (true, Phenomenon::Season) => Definition::InDisguise,
        (true, _) => Definition::Yes,
    }
}
