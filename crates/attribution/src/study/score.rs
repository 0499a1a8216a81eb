//! The chosen candidates on *report*.

use std::f64::consts::TAU;

use rayon::prelude::*;

use super::result::{Counts, FamilyScores, PhenomenonScores, RunnerUp, Score};
use super::trial::{By, Trial, Trials};
use crate::Result;
use crate::candidates::{Family, Sign};
use crate::column::{Column, Direction};
use crate::config::StudyConfig;
use crate::labels::Target;
use crate::phenomenon::Phenomenon;
use crate::score::{
    Cases, CycleCases, CycleSums, Resampler, StratifiedAuc, average_precision, cycle_sums,
};

type Targets = [(Phenomenon, Target)];

/// The rows of the table, one per phenomenon.
pub(super) fn phenomena(
    [best, sharpest]: [&[Vec<Trial>]; 2],
    trials: &Trials,
    column: impl Fn(&Trial) -> Column + Sync,
    [select, report]: [&Targets; 2],
    config: &StudyConfig,
) -> Result<Vec<PhenomenonScores>> {
    let row = |i: usize| {
        let ((phenomenon, on_select), (_, on_report)) = (&select[i], &report[i]);
        let skipped = reason(on_select, on_report, config);
        let score = |by: By, chosen: &[Trial]| -> Result<Vec<FamilyScores>> {
            let chosen = if skipped.is_some() { &[] } else { chosen };
            let one = |trial: &Trial| family(by, trial, trials, &column(trial), on_report, config);
            chosen.par_iter().map(one).collect()
        };
        let families = score(By::Score, &best[i])?;
        let sharpest = score(By::Precision, &sharpest[i])?;
        Ok(PhenomenonScores {
            phenomenon: *phenomenon,
            name: phenomenon.to_string(),
            definition: config.labels.definition(*phenomenon),
            metric: phenomenon.metric(),
            select: Counts::new(on_select),
            report: Counts::new(on_report),
            related_features: trials.n_related(*phenomenon, config.false_discovery_rate),
            skipped,
            families,
            sharpest,
        })
    };
    (0..best.len()).map(row).collect()
}

/// Why a phenomenon is not scored.
fn reason(select: &Target, report: &Target, config: &StudyConfig) -> Option<String> {
    [("select", select), ("report", report)].into_iter().find_map(|(name, target)| {
        let (found, wanted) = (target.n_positives(), config.min_positives);
        (found < wanted).then(|| format!("`{name}` has {found} positive rows with negatives to compare, fewer than {wanted}"))
    })
}

fn family(
    by: By,
    trial: &Trial,
    trials: &Trials,
    column: &Column,
    target: &Target,
    config: &StudyConfig,
) -> Result<FamilyScores> {
    let family = trial.candidate.family;
    let resampler = Resampler::new(config.seed, config.resamples, config.confidence);
    let report = match target {
        Target::Mask(cases) => mask_score(trial, column, cases, &resampler)?,
        Target::Cycle(cases) => cycle_score(trial, column, cases, &resampler),
    };
    let ranked = trials.ranked(by, trial.phenomenon, family);
    let runner_up = |t: &&Trial| RunnerUp {
        candidate: t.candidate.clone(),
        select: t.value,
        select_average_precision: t.average_precision,
    };
    Ok(FamilyScores {
        family,
        family_name: family.to_string(),
        candidate: trial.candidate.clone(),
        n_candidates: ranked.len(),
        select: trial.value,
        select_average_precision: trial.average_precision,
        report,
        runners_up: ranked
            .iter()
            .skip(1)
            .take(config.runners_up)
            .map(runner_up)
            .collect(),
    })
}

fn mask_score(
    trial: &Trial,
    column: &Column,
    cases: &Cases,
    resampler: &Resampler,
) -> Result<Score> {
    let ranking = match trial.candidate.sign {
        Sign::Positive => column.ranking()?,
        Sign::Negative => column.negated().ranking()?,
    };
    let auc = StratifiedAuc::count(&ranking, cases);
    let [positive, negative] = cases.n_blocks();
    let interval = match cases.shares_blocks() {
        true => resampler.interval(&[positive], |w| auc.resampled(&w[0], &w[0])),
        false => resampler.interval(&[positive, negative], |w| auc.resampled(&w[0], &w[1])),
    };
    Ok(Score {
        value: auc.value(),
        interval,
        average_precision: average_precision(&ranking, cases, Direction::Descending),
        peak: None,
        refitted: None,
    })
}

fn cycle_score(trial: &Trial, column: &Column, cases: &CycleCases, resampler: &Resampler) -> Score {
    let phase = trial.phase.unwrap_or_default();
    let sums = cycle_sums(column, cases);
    let total = CycleSums::total(&sums, &vec![1.0; sums.len()]);
    let cycle_length = match trial.phenomenon {
        Phenomenon::Season => 365.24,
        _ => 24.0,
    };
    Score {
        value: total.correlation_at(phase),
        interval: resampler.interval(&[cases.n_blocks()], |w| {
            CycleSums::total(&sums, &w[0]).correlation_at(phase)
        }),
        average_precision: None,
        peak: Some(phase / TAU * cycle_length),
        refitted: total.fit().map(|fit| fit.r),
    }
}

impl Counts {
    fn new(target: &Target) -> Self {
        let (n_positives, n_negatives) = match target {
            Target::Mask(cases) => cases.used(),
            Target::Cycle(cases) => (cases.n_used(), 0),
        };
        Self {
            n_positives,
            n_negatives,
            n_blocks: target.n_blocks(),
        }
    }
}

impl FamilyScores {
    /// Whether the family takes part in the comparison.
    pub fn competes(&self) -> bool {
        self.family != Family::DefiningField
    }
}
