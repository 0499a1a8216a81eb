use tch::Tensor;

use crate::Site;

/// Sees, and may replace, mesh-node latents inside a forward pass.
///
/// A tap does no I/O and cannot fail: it keeps what it wants, the caller writes it later. Gradients flow through.
pub trait Tap {
    /// Takes the latents at a site and returns the ones that the forward pass goes on with.
    ///
    /// # Shapes
    /// `latents` and the result: `[M, B, D]`, mesh nodes, batch, channels.
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor;
}

/// The tap that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTap;

impl Tap for NoTap {
    fn visit(&mut self, _site: Site, latents: Tensor) -> Tensor {
        latents
    }
}

/// Left first; right sees what left returned.
impl<A: Tap, B: Tap> Tap for (A, B) {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        let latents = self.0.visit(site, latents);
        self.1.visit(site, latents)
    }
}

impl<T: Tap + ?Sized> Tap for &mut T {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        (**self).visit(site, latents)
    }
}
