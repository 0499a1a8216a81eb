//! One pass over all records: codes, catalogue, columns of *select* and *report*.

use dropsonde_sae::Sae;

use super::{Progress, StudyInputs};
use crate::Result;
use crate::candidates::{DenseColumns, PhysicalFields, SparseColumns};
use crate::catalog::CatalogBuilder;
use crate::config::StudyConfig;
use crate::split::Split;

/// What the pass leaves behind.
pub(super) struct Encoded {
    pub(super) catalog: CatalogBuilder,
    /// Names of the fields in the catalogue.
    pub(super) described: Vec<String>,
    /// Codes of the trained autoencoder on *select* and *report*.
    pub(super) features: [SparseColumns; 2],
    /// Codes of the random one.
    pub(super) random: [SparseColumns; 2],
}

/// An autoencoder of the same shape and bias with random directions.
fn random_twin(sae: &Sae, seed: u64) -> Result<Sae> {
    let mut random = Sae::random(sae.config.clone(), seed)?;
    random.b_dec = sae.b_dec.copy();
    Ok(random)
}

pub(super) fn encode(
    inputs: &StudyInputs<'_>,
    config: &StudyConfig,
    fields: &mut PhysicalFields<'_>,
    splits: [&Split; 2],
    progress: &mut Progress<'_>,
) -> Result<Encoded> {
    let random_sae = random_twin(inputs.sae, config.seed)?;
    let n_latents = inputs.sae.config.n_latents;
    let n_records = inputs.latents.records().len();
    let described: Vec<usize> = (0..fields.n_columns())
        .filter(|&i| fields.fields()[i].is_described())
        .collect();
    let mut catalog =
        CatalogBuilder::new(n_latents, inputs.latents.meta().n_nodes, described.len());
    let (mut features, mut random) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for record in 0..n_records {
        let x = crate::candidates::read_record(inputs.latents, record)?;
        let (codes, _) = inputs.sae.encode(&x)?;
        let codes = SparseColumns::from_codes(&codes, n_latents);
        let values = keep(&fields.values(record)?, fields.n_columns(), &described);
        catalog.add(record, &codes, &values);
        if let Some(side) = splits
            .iter()
            .position(|s| s.records.binary_search(&record).is_ok())
        {
            let (codes_of_random, _) = random_sae.encode(&x)?;
            random[side].push(SparseColumns::from_codes(&codes_of_random, n_latents));
            features[side].push(codes);
        }
        progress("codes", record + 1, n_records);
    }
    Ok(Encoded {
        catalog,
        described: described
            .iter()
            .map(|&i| fields.fields()[i].name.clone())
            .collect(),
        features: features.map(|parts| SparseColumns::concatenate(&parts)),
        random: random.map(|parts| SparseColumns::concatenate(&parts)),
    })
}

/// Some columns of `[rows, n_columns]`.
fn keep(values: &[f32], n_columns: usize, columns: &[usize]) -> Vec<f32> {
    values
        .chunks(n_columns)
        .flat_map(|row| columns.iter().map(move |&c| row[c]))
        .collect()
}
