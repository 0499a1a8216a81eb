use std::fmt;

use tch::{Kind, Tensor};

use crate::{Site, Tap};

/// A tensor in five numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values there are.
    pub count: usize,
    /// How many of them are infinite or NaN.
    pub non_finite: usize,
    /// Root mean square of the finite ones; 0 if there are none.
    pub rms: f64,
    /// Smallest finite one; infinity if there are none.
    pub min: f64,
    /// Largest finite one; minus infinity if there are none.
    pub max: f64,
}

impl Summary {
    /// Looks at every value once; sums are in f64. No gradient flows.
    pub fn of(tensor: &Tensor) -> Self {
        tch::no_grad(|| {
            let tensor = tensor.detach();
            let finite = tensor.isfinite();
            let count = tensor.numel();
            let n_finite = finite.sum(Kind::Int64).int64_value(&[]) as usize;
            if n_finite == 0 {
                return Self {
                    count,
                    non_finite: count,
                    rms: 0.0,
                    min: f64::INFINITY,
                    max: f64::NEG_INFINITY,
                };
            }
            let values = match n_finite == count {
                true => tensor,
                false => tensor.masked_select(&finite),
            };
            let largest = values.abs().max().double_value(&[]).max(f64::MIN_POSITIVE);
            // Scaled by the largest one, so that squares of finite values stay finite.
            let squares = (&values / largest).square().mean(Kind::Double);
            Self {
                count,
                non_finite: count - n_finite,
                rms: largest * squares.double_value(&[]).sqrt(),
                min: values.min().double_value(&[]),
                max: values.max().double_value(&[]),
            }
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            non_finite,
            rms,
            min,
            max,
        } = self;
        write!(f, "rms {rms:.4}, min {min:.4}, max {max:.4}")?;
        match non_finite {
            0 => Ok(()),
            _ => write!(f, ", {non_finite} of {count} not finite"),
        }
    }
}

/// A tap that changes nothing and sums up features, every site and the output: a trace of one or more forward passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteSummary {
    /// The normalised features of the newest pass: rms near 1 if the statistics fit the data.
    pub features: Option<Summary>,
    /// The mesh latents of the newest pass, in the order of the sites.
    pub sites: Vec<(Site, Summary)>,
    /// The normalised output of the newest pass.
    pub output: Option<Summary>,
}

impl SiteSummary {
    /// The first place with a value that is infinite or NaN, in words.
    pub fn first_non_finite(&self) -> Option<String> {
        let features = self.features.iter().map(|s| ("features".to_owned(), s));
        let sites = self.sites.iter().map(|(site, s)| (site.to_string(), s));
        let output = self.output.iter().map(|s| ("output".to_owned(), s));
        features
            .chain(sites)
            .chain(output)
            .find(|(_, summary)| summary.non_finite > 0)
            .map(|(name, _)| name)
    }
}

impl fmt::Display for SiteSummary {
    /// One line per place, in the order of the forward pass.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(features) = &self.features {
            writeln!(f, "{:<14} {features}", "features")?;
        }
        for (site, summary) in &self.sites {
            writeln!(f, "{:<14} {summary}", site.to_string())?;
        }
        match &self.output {
            Some(output) => write!(f, "{:<14} {output}", "output"),
            None => Ok(()),
        }
    }
}

impl Tap for SiteSummary {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        self.sites.push((site, Summary::of(&latents)));
        latents
    }

    fn features(&mut self, features: &Tensor) {
        *self = Self {
            features: Some(Summary::of(features)),
            ..Self::default()
        };
    }

    fn output(&mut self, output: &Tensor) {
        self.output = Some(Summary::of(output));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_numbers_of_a_tensor() {
        let summary = Summary::of(&Tensor::from_slice(&[3.0f32, -4.0, 0.0, 0.0]));
        assert_eq!((summary.count, summary.non_finite), (4, 0));
        assert_eq!((summary.min, summary.max), (-4.0, 3.0));
        assert!((summary.rms - 2.5).abs() < 1e-6);
    }

    #[test]
    fn values_that_are_not_finite_are_counted_and_left_out() {
        let bad = [f32::NAN, 1.0, f32::INFINITY, -1.0];
        let summary = Summary::of(&Tensor::from_slice(&bad));
        assert_eq!(
            (summary.non_finite, summary.min, summary.max),
            (2, -1.0, 1.0)
        );
        assert!((summary.rms - 1.0).abs() < 1e-6);
        assert!(
            summary.to_string().contains("2 of 4 not finite"),
            "{summary}"
        );
        let none = Summary::of(&Tensor::from_slice(&[f32::NAN]));
        assert_eq!((none.non_finite, none.rms), (1, 0.0));
        let large = Summary::of(&Tensor::from_slice(&[1e30f32, -1e30]));
        assert!((large.rms / 1e30 - 1.0).abs() < 1e-6, "{large}");
    }
}
