//! What a study looks at.

use dropsonde_activations::ActivationReader;
use dropsonde_fields::{Source, Task};
use dropsonde_mesh::Graph;
use dropsonde_sae::Sae;

use crate::{Error, Result};

/// The inputs of [`run_study`](crate::run_study); they must belong to the same model.
#[derive(Clone, Copy)]
pub struct StudyInputs<'a> {
    /// Latents with the splits `train`, `select` and `report`; the valid time of a record is the time of the newer
    /// input state.
    pub latents: &'a ActivationReader,
    /// The autoencoder that was trained on them.
    pub sae: &'a Sae,
    /// The states that the forecaster started from.
    pub source: &'a Source,
    /// What the forecaster reads.
    pub task: &'a Task,
    /// Its grid and mesh.
    pub graph: &'a Graph,
}

impl StudyInputs<'_> {
    /// Checks that sizes agree.
    ///
    /// # Errors
    /// [`Error::Mismatch`].
    pub fn check(&self) -> Result<()> {
        let meta = self.latents.meta();
        let same = |what, expected: usize, found: usize, hint| match expected == found {
            true => Ok(()),
            false => Err(Error::Mismatch {
                what,
                expected: expected.to_string(),
                found: found.to_string(),
                hint,
            }),
        };
        let width = "train the autoencoder on latents of this site";
        same(
            "channels of the latents and the autoencoder",
            meta.width,
            self.sae.config.d_in,
            width,
        )?;
        let mesh = "use the mesh of the forecaster that the latents come from";
        same(
            "mesh nodes of the latents and the graph",
            meta.n_nodes,
            self.graph.mesh.n_nodes(),
            mesh,
        )?;
        if self.graph.grid != *self.source.grid() {
            let describe =
                |g: &dropsonde_mesh::LatLonGrid| format!("{} x {} nodes", g.n_lat(), g.n_lon());
            return Err(Error::Mismatch {
                what: "grids of the graph and the source",
                expected: describe(&self.graph.grid),
                found: describe(self.source.grid()),
                hint: "grids must have the same coordinates",
            });
        }
        Ok(())
    }
}
