use dropsonde_forecaster::{Site, Tap};
use dropsonde_sae::{CodeEdit, Sae};
use tch::{Kind, Tensor};

use crate::Result;
use crate::rows::{add_rows, as_rows, row_mask};
use crate::splice::{check_features, check_width};

/// What an edit did in one forward pass.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EditRecord {
    /// Rows (mesh nodes times batch) that changed.
    pub rows_changed: usize,
    /// Euclidean norm of all that was added.
    pub delta_norm: f64,
    /// Euclidean norm of the latents of the changed rows before the edit.
    pub latent_norm: f64,
}

/// Changes features at a site: adds the difference that the edited code makes, so the reconstruction error stays.
///
/// The edit acts on the codes of the run it is in, at every pass (closed loop). Rows whose codes do not change keep
/// their bits; with strength 0 the same tensor is handed on.
#[derive(Debug)]
pub struct EditTap<'a> {
    sae: &'a Sae,
    edit: CodeEdit,
    site: Site,
    nodes: Option<Vec<bool>>,
    record: EditRecord,
}

impl<'a> EditTap<'a> {
    /// An edit at a site of a network with this latent width, everywhere.
    ///
    /// # Errors
    /// [`crate::Error::Mismatch`] if the autoencoder has another width.
    pub fn new(sae: &'a Sae, edit: CodeEdit, site: Site, latent_width: usize) -> Result<Self> {
        check_width(sae, latent_width)?;
        check_features(sae, &edit.features)?;
        Ok(Self {
            sae,
            edit,
            site,
            nodes: None,
            record: EditRecord::default(),
        })
    }

    /// Edits only these mesh nodes (`[M]`) from the next pass on.
    pub fn set_nodes(&mut self, nodes: Option<Vec<bool>>) {
        self.nodes = nodes;
    }

    /// What the last pass did.
    pub fn record(&self) -> EditRecord {
        self.record
    }
}

impl Tap for EditTap<'_> {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        if site != self.site {
            return latents;
        }
        let Some((chosen, delta)) =
            feature_delta(self.sae, &self.edit, self.nodes.as_deref(), &latents)
        else {
            self.record = EditRecord::default();
            return latents;
        };
        self.record = edit_record(&latents, &chosen, &delta);
        add_rows(&latents, &chosen, &delta)
    }
}

/// Changed rows and what to add to them `[chosen, D]`; `None` if nothing changes.
pub(crate) fn feature_delta(
    sae: &Sae,
    edit: &CodeEdit,
    nodes: Option<&[bool]>,
    latents: &Tensor,
) -> Option<(Vec<i64>, Tensor)> {
    // Latents that are not finite have no codes; the forecast that they lead to is refused where it ends.
    let (codes, context) = sae.encode(&as_rows(latents)).ok()?;
    let mask = row_mask(nodes, latents.size()[1] as usize);
    let delta = edit.delta(&codes, mask.as_deref());
    let changed = |row: &usize| {
        delta.values[row * delta.k..(row + 1) * delta.k]
            .iter()
            .any(|&v| v != 0.0)
    };
    let chosen: Vec<i64> = (0..delta.n_rows)
        .filter(changed)
        .map(|row| row as i64)
        .collect();
    if chosen.is_empty() {
        return None;
    }
    let dense = sae
        .decode_delta(&delta, &edit.rescale.context(context))
        .unwrap_or_else(|e| unreachable!("codes and context come from the same rows: {e}"));
    let dense = dense.index_select(0, &Tensor::from_slice(&chosen).to_device(dense.device()));
    Some((chosen, dense))
}

pub(crate) fn edit_record(latents: &Tensor, chosen: &[i64], delta: &Tensor) -> EditRecord {
    let norm = |t: &Tensor| t.to_kind(Kind::Double).norm().double_value(&[]);
    let rows = as_rows(latents);
    let before = rows.index_select(0, &Tensor::from_slice(chosen).to_device(rows.device()));
    EditRecord {
        rows_changed: chosen.len(),
        delta_norm: norm(delta),
        latent_norm: norm(&before),
    }
}
