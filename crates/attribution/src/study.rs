//! The whole attribution of one autoencoder: catalogue and scores.

mod encode;
mod inputs;
mod result;
mod score;
mod trial;

pub use inputs::StudyInputs;
pub use result::{
    Counts, FamilyScores, PhenomenonScores, RunnerUp, Score, Scores, SplitSummary, Study,
};

use std::rc::Rc;

use dropsonde_fields::Time;
use dropsonde_mesh::GridToMesh;

use crate::candidates::{Components, DenseColumns, Neurons, PhysicalFields, gather};
use crate::catalog::{Context, FeatureCatalog, FeatureMaps, PhenomenonScore};
use crate::column::Column;
use crate::config::StudyConfig;
use crate::geometry::Geometry;
use crate::labels::{SplitLabels, Target};
use crate::phenomenon::Phenomenon;
use crate::split::Split;
use crate::{Family, Result, file};
use encode::{Encoded, encode};
use trial::{By, Trial, Trials};

/// Where a study stands: a stage, how much of it is done, and how much there is to do.
pub type Progress<'a> = dyn FnMut(&'static str, usize, usize) + 'a;

/// One split with what every phenomenon asks of it.
struct Scene {
    split: Split,
    labels: SplitLabels,
    targets: Vec<(Phenomenon, Target)>,
}

/// Counts calls and passes them on.
fn ticker(progress: &mut Progress<'_>, stage: &'static str, total: usize) -> impl FnMut() {
    let mut done = 0;
    move || {
        done += 1;
        progress(stage, done, total);
    }
}

/// Encodes every record, describes every feature, and finds for each phenomenon the best candidate of each family on
/// the split `select`, which is then scored once on the split `report`.
///
/// The principal components are fitted on `train`. Nothing is chosen by looking at `report`.
///
/// # Errors
/// When the inputs do not belong together, a split is missing, or something cannot be read.
pub fn run_study(
    inputs: &StudyInputs<'_>,
    config: &StudyConfig,
    progress: &mut Progress<'_>,
) -> Result<Study> {
    config.check()?;
    inputs.check()?;
    let records = inputs.latents.records();
    let split = |name| Split::new(records, name, config.block_hours);
    let (train, select, report) = (split("train")?, split("select")?, split("report")?);
    let to_mesh = Rc::new(GridToMesh::new(inputs.graph));
    let geometry = Geometry::new(inputs.graph, config.region_level);
    let total = select.len() + report.len();
    let mut tick = ticker(progress, "labels", total);
    let mut scene = |split| scene(inputs, config, (&to_mesh, &geometry), split, &mut tick);
    let (select, report) = (scene(select)?, scene(report)?);
    drop(tick);

    let mut fields = PhysicalFields::new(
        inputs.latents,
        inputs.source,
        inputs.task,
        inputs.graph,
        to_mesh,
    )?;
    let encoded = encode(
        inputs,
        config,
        &mut fields,
        [&select.split, &report.split],
        progress,
    )?;
    let mut tick = ticker(progress, "fit components", train.len());
    let mut components = Components::fit(inputs.latents, &train.records, &mut tick)?;
    drop(tick);
    let mut neurons = Neurons::new(inputs.latents);
    let mut dense: [&mut dyn DenseColumns; 3] = [&mut neurons, &mut components, &mut fields];

    let trials = try_all(&encoded, &mut dense, &select, config, progress)?;
    let phenomena = score_best(
        &trials,
        &encoded,
        &mut dense,
        [&select, &report],
        config,
        progress,
    )?;
    let scores = Scores {
        format: file::FORMAT,
        site: inputs.latents.meta().site.clone(),
        n_latents: inputs.sae.config.n_latents,
        k: inputs.sae.config.activation.k(),
        config: config.clone(),
        splits: [&train, &select.split, &report.split]
            .map(SplitSummary::new)
            .to_vec(),
        phenomena,
    };
    let land = &select.labels.land[..geometry.n_nodes()];
    let (catalog, maps) = describe(inputs, config, encoded, &geometry, land)?;
    Ok(Study {
        scores,
        catalog: with_phenomena(catalog, &trials),
        maps,
    })
}

/// The catalogue and the maps.
fn describe(
    inputs: &StudyInputs<'_>,
    config: &StudyConfig,
    encoded: Encoded,
    geometry: &Geometry,
    land: &[bool],
) -> Result<(FeatureCatalog, FeatureMaps)> {
    let records = inputs.latents.records();
    let times: Vec<Time> = records.iter().map(|r| Time(r.valid_time())).collect();
    let context = Context {
        site: &inputs.latents.meta().site,
        geometry,
        land,
        times: &times,
        fields: &encoded.described,
        n_items: config.catalog_items,
    };
    encoded.catalog.finish(inputs.sae, &context)
}

fn scene(
    inputs: &StudyInputs<'_>,
    config: &StudyConfig,
    (to_mesh, geometry): (&GridToMesh, &Geometry),
    split: Split,
    tick: &mut dyn FnMut(),
) -> Result<Scene> {
    let places = (to_mesh, geometry);
    let labels = SplitLabels::new(&split, inputs.source, places, &config.labels, tick)?;
    let target = |phenomenon| {
        (
            phenomenon,
            Target::new(phenomenon, &split, geometry, &labels, &config.labels),
        )
    };
    Ok(Scene {
        targets: Phenomenon::ALL.map(target).to_vec(),
        split,
        labels,
    })
}

/// Scores every candidate of every family on *select*.
fn try_all(
    encoded: &Encoded,
    dense: &mut [&mut dyn DenseColumns],
    select: &Scene,
    config: &StudyConfig,
    progress: &mut Progress<'_>,
) -> Result<Trials> {
    let mut trials = Trials::default();
    let sparse = [
        (Family::Feature, &encoded.features[0], "features"),
        (Family::RandomFeature, &encoded.random[0], "random features"),
    ];
    for (family, columns, stage) in sparse {
        let enough = (config.min_frequency * columns.n_rows() as f64).max(1.0);
        let live: Vec<usize> = (0..columns.n_columns())
            .filter(|&f| columns.n_active(f) as f64 >= enough)
            .collect();
        progress(stage, 0, live.len());
        let describe = |f: usize| {
            (
                family,
                format!("{} {f}", sparse_name(family)),
                columns.column(f),
            )
        };
        trials.add(&live, describe, &select.targets)?;
        progress(stage, live.len(), live.len());
    }
    for (family, stage) in dense.iter_mut().zip(["neurons", "components", "fields"]) {
        let n_columns = family.n_columns();
        let n_rows = encoded.features[0].n_rows();
        let batch =
            (config.memory_mib * (1 << 20) / (4 * n_rows.max(1))).clamp(1, n_columns.max(1));
        let columns: Vec<usize> = (0..n_columns).collect();
        let mut tick = ticker(
            progress,
            stage,
            columns.chunks(batch).len() * select.split.len(),
        );
        for chunk in columns.chunks(batch) {
            let values = gather(*family, &select.split.records, chunk, &mut tick)?;
            let names: Vec<_> = chunk.iter().map(|&c| family.describe(c)).collect();
            let describe = |c: usize| {
                let at = c - chunk[0];
                (
                    names[at].0,
                    names[at].1.clone(),
                    Column::dense(values[at].clone()),
                )
            };
            trials.add(chunk, describe, &select.targets)?;
        }
    }
    Ok(trials)
}

fn sparse_name(family: Family) -> &'static str {
    match family {
        Family::RandomFeature => "random feature",
        _ => "feature",
    }
}

/// The columns on *report* of the candidates that were chosen, and their scores.
fn score_best(
    trials: &Trials,
    encoded: &Encoded,
    dense: &mut [&mut dyn DenseColumns; 3],
    [select, report]: [&Scene; 2],
    config: &StudyConfig,
    progress: &mut Progress<'_>,
) -> Result<Vec<PhenomenonScores>> {
    let best = trials.best(By::Score, &select.targets, config);
    let sharpest = trials.best(By::Precision, &select.targets, config);
    let chosen = |families: &[Family]| -> Vec<usize> {
        let all = best
            .iter()
            .chain(&sharpest)
            .flatten()
            .filter(|b| families.contains(&b.candidate.family));
        let mut columns: Vec<usize> = all.map(|b| b.candidate.index).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    };
    let physical = [
        Family::InputChannel,
        Family::DerivedField,
        Family::DefiningField,
    ];
    let families: [&[Family]; 3] = [&[Family::Neuron], &[Family::Component], &physical];
    let mut columns = Vec::new();
    let mut tick = ticker(progress, "report", 3 * report.split.len());
    for (family, names) in dense.iter_mut().zip(families) {
        let wanted = chosen(names);
        let values = gather(*family, &report.split.records, &wanted, &mut tick)?;
        columns.push((wanted, values));
    }
    drop(tick);
    let column = |trial: &Trial| -> Column {
        let index = trial.candidate.index;
        let (wanted, values) = match trial.candidate.family {
            Family::Feature => return encoded.features[1].column(index),
            Family::RandomFeature => return encoded.random[1].column(index),
            Family::Neuron => &columns[0],
            Family::Component => &columns[1],
            _ => &columns[2],
        };
        let at = wanted.iter().position(|&w| w == index);
        Column::dense(at.map(|at| values[at].clone()).unwrap_or_default())
    };
    score::phenomena(
        [&best, &sharpest],
        trials,
        column,
        [&select.targets, &report.targets],
        config,
    )
}

/// Adds what the trials on *select* say about every feature.
fn with_phenomena(mut catalog: FeatureCatalog, trials: &Trials) -> FeatureCatalog {
    for entry in &mut catalog.features {
        entry.phenomena = trials
            .of_feature(entry.id as usize)
            .map(|trial| PhenomenonScore {
                phenomenon: trial.phenomenon,
                value: trial.value,
                average_precision: trial.average_precision,
                p_value: trial.p_value,
            })
            .collect();
    }
    catalog
}
