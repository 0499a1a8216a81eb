//! How well an autoencoder does, accumulated over batches in f64.

use tch::Tensor;

use crate::{Codes, Error, Result, Sae, matrix};

/// Sums over rows from which the metrics follow; two halves of a data set can be merged.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    n_rows: u64,
    squared_error: f64,
    power: f64,
    sums: Vec<f64>,
    active: Vec<u64>,
}

impl Metrics {
    /// Nothing seen yet.
    pub fn new(d_in: usize, n_latents: usize) -> Self {
        Self {
            n_rows: 0,
            squared_error: 0.0,
            power: 0.0,
            sums: vec![0.0; d_in],
            active: vec![0; n_latents],
        }
    }

    /// The metrics of one autoencoder on the latents `x`, in the preprocessed space.
    ///
    /// # Errors
    /// As [`Sae::encode`].
    pub fn update(&mut self, sae: &Sae, x: &Tensor) -> Result<()> {
        let (target, _) = sae.preprocess(x)?;
        let (codes, _) = sae.encode(x)?;
        self.add(&target, &sae.decode_normalised(&codes)?, &codes)
    }

    /// Adds rows with their reconstruction and codes.
    ///
    /// # Shapes
    /// `target`, `recon`: `[rows, d_in]`.
    ///
    /// # Errors
    /// When a shape does not fit or a feature does not exist.
    pub fn add(&mut self, target: &Tensor, recon: &Tensor, codes: &Codes) -> Result<()> {
        codes.check(self.active.len())?;
        self.add_rows(target, recon)?;
        for (&index, _) in codes
            .indices
            .iter()
            .zip(&codes.values)
            .filter(|(_, value)| **value != 0.0)
        {
            self.active[index as usize] += 1;
        }
        Ok(())
    }

    /// Adds rows of a method without codes, for example a projection: only the variance metrics are then meaningful.
    ///
    /// # Errors
    /// When a shape does not fit.
    pub fn add_rows(&mut self, target: &Tensor, recon: &Tensor) -> Result<()> {
        let d = self.sums.len();
        let (target, recon) = (
            matrix::input("target", target, d)?,
            matrix::input("recon", recon, d)?,
        );
        if target.size() != recon.size() {
            let expected = format!("{:?}", target.size());
            return Err(Error::Shape {
                name: "recon".into(),
                expected,
                found: recon.size(),
            });
        }
        let (target, recon) = (
            matrix::values("target", &target)?,
            matrix::values("recon", &recon)?,
        );
        for (t, r) in target.chunks(d).zip(recon.chunks(d)) {
            self.n_rows += 1;
            for ((&t, &r), sum) in t.iter().zip(r).zip(&mut self.sums) {
                let (t, r) = (f64::from(t), f64::from(r));
                self.squared_error += (t - r) * (t - r);
                self.power += t * t;
                *sum += t;
            }
        }
        Ok(())
    }

    /// Adds what another accumulator saw.
    ///
    /// # Errors
    /// When the two are of different sizes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let pairs = [
            ("d_in", self.sums.len(), other.sums.len()),
            ("n_latents", self.active.len(), other.active.len()),
        ];
        for (what, expected, found) in pairs {
            if expected != found {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        self.n_rows += other.n_rows;
        self.squared_error += other.squared_error;
        self.power += other.power;
        self.sums
            .iter_mut()
            .zip(&other.sums)
            .for_each(|(a, b)| *a += b);
        self.active
            .iter_mut()
            .zip(&other.active)
            .for_each(|(a, b)| *a += b);
        Ok(())
    }

    /// Rows seen.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Fraction of variance unexplained, `sum |u - u'|^2 / sum |u - mean(u)|^2`; NaN without variance.
    pub fn fvu(&self) -> f64 {
        let n = self.n_rows as f64;
        let of_mean: f64 = self.sums.iter().map(|s| s * s).sum::<f64>() / n;
        self.squared_error / (self.power - of_mean)
    }

    /// `1 - fvu`.
    pub fn explained_variance(&self) -> f64 {
        1.0 - self.fvu()
    }

    /// Mean number of active latents per row.
    pub fn l0(&self) -> f64 {
        self.active.iter().sum::<u64>() as f64 / self.n_rows as f64
    }

    /// Share of latents that were never active.
    pub fn dead_fraction(&self) -> f64 {
        let dead = self.active.iter().filter(|n| **n == 0).count();
        dead as f64 / self.active.len() as f64
    }

    /// Share of latents that were active in some rows, but in fewer than this share of them.
    pub fn rare_fraction(&self, density: f64) -> f64 {
        let most = density * self.n_rows as f64;
        let rare = self
            .active
            .iter()
            .filter(|n| **n > 0 && (**n as f64) < most);
        rare.count() as f64 / self.active.len() as f64
    }

    /// Number of latents by the share of rows in which they were active: below `10^-6`, then in halves of a decade up to 1.
    /// Latents that were never active are in none.
    pub fn density_histogram(&self) -> [u64; 13] {
        let mut counts = [0; 13];
        for density in self.density().into_iter().filter(|density| *density > 0.0) {
            let bin = (2.0 * (density.log10() + 6.0)).floor() + 1.0;
            counts[bin.clamp(0.0, 12.0) as usize] += 1;
        }
        counts
    }

    /// Which latents were ever active, `[n_latents]`.
    pub fn live(&self) -> Vec<bool> {
        self.active.iter().map(|n| *n > 0).collect()
    }

    /// Share of rows in which each latent was active, `[n_latents]`.
    pub fn density(&self) -> Vec<f64> {
        self.active
            .iter()
            .map(|&n| n as f64 / self.n_rows as f64)
            .collect()
    }
}
