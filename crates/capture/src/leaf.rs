use dropsonde_forecaster::{Site, Tap};
use tch::Tensor;

/// Makes the latents of a site the start of the gradient: read [`Leaf::gradient`] after `metric.backward()`.
#[derive(Debug)]
pub struct Leaf {
    site: Site,
    latents: Option<Tensor>,
}

impl Leaf {
    /// A leaf at this site.
    pub fn new(site: Site) -> Self {
        Self {
            site,
            latents: None,
        }
    }

    /// The latents that the last pass went on with, `[M, B, D]`.
    pub fn latents(&self) -> Option<&Tensor> {
        self.latents.as_ref()
    }

    /// d metric / d latents, `[M, B, D]`; `None` before a backward pass.
    pub fn gradient(&self) -> Option<Tensor> {
        self.latents
            .as_ref()
            .map(Tensor::grad)
            .filter(Tensor::defined)
    }
}

impl Tap for Leaf {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        if site != self.site {
            return latents;
        }
        let leaf = latents.detach().set_requires_grad(true);
        self.latents = Some(leaf.shallow_clone());
        leaf
    }
}
