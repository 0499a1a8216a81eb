use std::fmt;

use crate::{Error, Result};

/// A place in the forward pass where mesh-node latents can be seen and replaced.
///
/// Steps count from 0: the paper's "layer 8" is [`Site::Processor`]`(8)`, the ninth processor step, residual included
/// (MacMillan & Ouellette 2025, <https://arxiv.org/abs/2512.24440>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// Mesh latents that leave the grid-to-mesh encoder.
    Encoder,
    /// Mesh latents after this processor step.
    Processor(u8),
}

impl Site {
    /// Every site of a network with `n_steps` processor steps, in the order of the forward pass.
    pub fn all(n_steps: u8) -> Vec<Self> {
        std::iter::once(Self::Encoder)
            .chain((0..n_steps).map(Self::Processor))
            .collect()
    }

    /// Reads a site name such as `encoder` or `processor/08`.
    ///
    /// # Errors
    /// [`Error::Site`] for any other text and for a step that a network with `n_steps` steps does not have.
    pub fn parse(name: &str, n_steps: u8) -> Result<Self> {
        Self::all(n_steps)
            .into_iter()
            .find(|site| site.to_string() == name)
            .ok_or_else(|| Error::Site {
                name: name.to_owned(),
                known: format!(
                    "`encoder`, `processor/00` .. `{}`",
                    Self::Processor(n_steps.saturating_sub(1))
                ),
            })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoder => f.write_str("encoder"),
            Self::Processor(step) => write!(f, "processor/{step:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_unknown_names_are_refused() {
        for site in Site::all(16) {
            assert_eq!(Site::parse(&site.to_string(), 16).unwrap(), site);
        }
        assert_eq!(Site::all(16).len(), 17);
        for bad in ["processor/16", "processor/8", "Encoder", "decoder", ""] {
            let message = Site::parse(bad, 16).unwrap_err().to_string();
            assert!(message.contains("processor/15"), "{message}");
        }
    }
}
