use dropsonde_forecaster::{Site, Tap};
use dropsonde_sae::Sae;
use tch::Tensor;

use crate::rows::as_rows;
use crate::{Error, Result};

/// What a [`SpliceTap`] puts in place of the latents.
#[derive(Debug, Clone, Copy)]
pub enum Splice<'a> {
    /// The latents themselves: the check that splicing as such changes nothing.
    Identity,
    /// The autoencoder's reconstruction, in raw units.
    Reconstruction(&'a Sae),
    /// Zero: how much the site matters at all.
    Zero,
}

/// Replaces all mesh-node latents at a site.
#[derive(Debug)]
pub struct SpliceTap<'a> {
    site: Site,
    splice: Splice<'a>,
}

impl<'a> SpliceTap<'a> {
    /// A splice at this site of a network of this latent width.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the autoencoder has another width.
    pub fn new(site: Site, splice: Splice<'a>, latent_width: usize) -> Result<Self> {
        if let Splice::Reconstruction(sae) = splice {
            check_width(sae, latent_width)?;
        }
        Ok(Self { site, splice })
    }
}

/// Refuses an autoencoder that was made for latents of another width.
pub(crate) fn check_width(sae: &Sae, latent_width: usize) -> Result<()> {
    if sae.config.d_in == latent_width {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: "input width of the autoencoder",
        expected: format!("{latent_width} (the latent width of the forecaster)"),
        found: sae.config.d_in.to_string(),
        hint: "use the autoencoder that was trained on this forecaster",
    })
}

/// Refuses features that the autoencoder does not have.
pub(crate) fn check_features(sae: &Sae, features: &[u32]) -> Result<()> {
    let n_latents = sae.config.n_latents;
    match features
        .iter()
        .find(|&&feature| feature as usize >= n_latents)
    {
        None => Ok(()),
        Some(feature) => Err(Error::Mismatch {
            what: "feature of the edit",
            expected: format!("a number below {n_latents}"),
            found: feature.to_string(),
            hint: "`dropsonde features` lists the live features",
        }),
    }
}

impl Tap for SpliceTap<'_> {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        if site != self.site {
            return latents;
        }
        match self.splice {
            Splice::Identity => latents,
            Splice::Zero => latents.zeros_like(),
            Splice::Reconstruction(sae) => {
                let codes = sae.encode(&as_rows(&latents));
                let spliced = codes.and_then(|(codes, context)| sae.decode(&codes, &context));
                // Latents that are not finite have no codes; the forecast that they lead to is refused where it ends.
                let Ok(spliced) = spliced else { return latents };
                spliced
                    .to_kind(latents.kind())
                    .to_device(latents.device())
                    .reshape(latents.size())
            }
        }
    }
}
