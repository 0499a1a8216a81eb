//! One edited step, and what was really put into the latents.

use dropsonde_capture::{EditTap, Recorder};
use dropsonde_forecaster::{Rollout, Site};
use dropsonde_sae::{CodeEdit, Sae};
use tch::{Device, Kind, Tensor};

use crate::{EditSize, Error, Result};

/// What an edit added in one step.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    pub(crate) size: EditSize,
    /// The mesh nodes that changed, ascending.
    pub(crate) rows: Vec<i64>,
    /// Length of what was added to each, negative where the codes went down in sum.
    pub(crate) lengths: Vec<f32>,
    /// Largest difference between the latents that went on and those that the edit asks for.
    pub(crate) max_difference: f64,
}

/// Steps with an edit on some mesh nodes (`None`: all).
pub(crate) fn edited_step(
    rollout: &mut Rollout<'_>,
    (sae, site, width): (&Sae, Site, usize),
    codes: &CodeEdit,
    nodes: Option<&[bool]>,
) -> Result<Injection> {
    let mut edit = EditTap::new(sae, codes.clone(), site, width)?;
    edit.set_nodes(nodes.map(<[bool]>::to_vec));
    let mut tap = ((Recorder::new([site]), edit), Recorder::new([site]));
    rollout.step(&mut tap)?;
    let ((mut before, _), mut after) = tap;
    let (before, after) = (recorded(&mut before, site)?, recorded(&mut after, site)?);
    inject(sae, codes, nodes, &before, &after)
}

/// The latents of a site, `[M, D]`.
pub(crate) fn recorded(recorder: &mut Recorder, site: Site) -> Result<Tensor> {
    let latents = recorder.take(site).ok_or_else(|| Error::Check {
        check: "recorder",
        detail: format!("the forward pass never came to `{site}`"),
        hint: "the site must belong to the forecaster",
    })?;
    let size = latents.size();
    Ok(latents.reshape([size[0] * size[1], size[2]]))
}

/// What the edit asks for, worked out again from the latents before, against the latents after.
fn inject(
    sae: &Sae,
    codes: &CodeEdit,
    nodes: Option<&[bool]>,
    before: &Tensor,
    after: &Tensor,
) -> Result<Injection> {
    let (own, context) = sae.encode(before)?;
    let change = codes.delta(&own, nodes);
    let delta = sae.decode_delta(&change, &codes.rescale.context(context))?;
    let expected = before + delta.to_kind(before.kind()).to_device(before.device());
    let max_difference = (after - expected).abs().max().double_value(&[]);

    let norms = host(&delta.norm_scalaropt_dim(2.0, [1i64].as_slice(), false))?;
    let rising = |row: usize| {
        change.values[row * change.k..(row + 1) * change.k]
            .iter()
            .sum::<f32>()
    };
    let changed = |row: &usize| norms[*row] != 0.0;
    let rows: Vec<usize> = (0..norms.len()).filter(changed).collect();
    let lengths = rows
        .iter()
        .map(|&r| (norms[r] as f32).copysign(rising(r)))
        .collect();
    let rows: Vec<i64> = rows.into_iter().map(|row| row as i64).collect();
    let latent_norm = norm_of_rows(before, &rows);
    let delta_norm = delta.to_kind(Kind::Double).norm().double_value(&[]);
    let size = EditSize {
        rows_changed: rows.len(),
        delta_norm,
        latent_norm,
    };
    Ok(Injection {
        size,
        rows,
        lengths,
        max_difference,
    })
}

fn norm_of_rows(latents: &Tensor, rows: &[i64]) -> f64 {
    let index = Tensor::from_slice(rows).to_device(latents.device());
    latents
        .index_select(0, &index)
        .to_kind(Kind::Double)
        .norm()
        .double_value(&[])
}

/// The values of a tensor in row-major order.
pub(crate) fn host(tensor: &Tensor) -> Result<Vec<f64>> {
    let flat = tensor
        .to_device(Device::Cpu)
        .to_kind(Kind::Double)
        .contiguous()
        .view(-1);
    let values = Vec::<f64>::try_from(&flat);
    values.map_err(|e| Error::Forecaster(dropsonde_forecaster::Error::Tch(e)))
}
