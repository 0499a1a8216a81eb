use std::fmt;

use dropsonde_forecaster::{Site, Tap};
use dropsonde_sae::Sae;
use tch::Tensor;

use crate::rows::as_rows;
use crate::{Error, Result};

/// What makes other rows of rows, `[rows, D]` both.
pub type Replace<'a> = dyn Fn(&Tensor) -> dropsonde_sae::Result<Tensor> + 'a;

/// What a [`SpliceTap`] puts in place of the latents.
#[derive(Clone, Copy)]
pub enum Splice<'a> {
    /// The latents themselves: the check that splicing as such changes nothing.
    Identity,
    /// The autoencoder's reconstruction, in raw units.
    Reconstruction(&'a Sae),
    /// What a function makes of the rows, for example their projection on principal components.
    Rows(&'a Replace<'a>),
    /// Zero: how much the site matters at all.
    Zero,
}

impl fmt::Debug for Splice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "Identity",
            Self::Reconstruction(_) => "Reconstruction",
            Self::Rows(_) => "Rows",
            Self::Zero => "Zero",
        })
    }
}

/// Replaces all mesh-node latents at a site.
#[derive(Debug)]
pub struct SpliceTap<'a> {
    site: Site,
    splice: Splice<'a>,
    failure: Option<dropsonde_sae::Error>,
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
        Ok(Self {
            site,
            splice,
            failure: None,
        })
    }

    /// Whether every pass was spliced: a pass whose latents could not be replaced went on with what they were.
    ///
    /// # Errors
    /// [`Error::Sae`]: why the last such pass could not.
    pub fn finish(self) -> Result<()> {
        match self.failure {
            Some(failure) => Err(failure.into()),
            None => Ok(()),
        }
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
        let spliced = match self.splice {
            Splice::Identity => return latents,
            Splice::Zero => return latents.zeros_like(),
            Splice::Reconstruction(sae) => sae
                .encode(&as_rows(&latents))
                .and_then(|(codes, context)| sae.decode(&codes, &context)),
            Splice::Rows(replace) => replace(&as_rows(&latents)),
        };
        match spliced {
            Ok(spliced) => spliced
                .to_kind(latents.kind())
                .to_device(latents.device())
                .reshape(latents.size()),
            // Latents that are not finite have no codes; the forecast that they lead to is refused where it ends.
            Err(failure) => {
                self.failure = Some(failure);
                latents
            }
        }
    }
}
