use std::collections::BTreeMap;

use dropsonde_forecaster::{Site, Tap};
use tch::Tensor;

/// Keeps a handle on the latents of some sites.
///
/// The forward pass never changes a tensor in place, so a handle stays what it was when it was taken.
#[derive(Debug)]
pub struct Recorder {
    sites: Vec<Site>,
    latents: BTreeMap<Site, Tensor>,
}

impl Recorder {
    /// Records these sites in every pass; a later pass replaces what an earlier one left.
    pub fn new(sites: impl IntoIterator<Item = Site>) -> Self {
        Self {
            sites: sites.into_iter().collect(),
            latents: BTreeMap::new(),
        }
    }

    /// Hands out what the last pass left at a site, detached, `[M, B, D]`.
    pub fn take(&mut self, site: Site) -> Option<Tensor> {
        self.latents.remove(&site)
    }
}

impl Tap for Recorder {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        if self.sites.contains(&site) {
            self.latents.insert(site, latents.detach());
        }
        latents
    }
}
