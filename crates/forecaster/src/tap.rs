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

    /// Sees what a forward pass starts from: normalised features `[N, B, C_in]`.
    fn features(&mut self, _features: &Tensor) {}

    /// Sees what a forward pass ends with: the normalised output `[N, B, C_out]`.
    fn output(&mut self, _output: &Tensor) {}
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

    fn features(&mut self, features: &Tensor) {
        self.0.features(features);
        self.1.features(features);
    }

    fn output(&mut self, output: &Tensor) {
        self.0.output(output);
        self.1.output(output);
    }
}

impl<T: Tap + ?Sized> Tap for &mut T {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        (**self).visit(site, latents)
    }

    fn features(&mut self, features: &Tensor) {
        (**self).features(features);
    }

    fn output(&mut self, output: &Tensor) {
        (**self).output(output);
    }
}
