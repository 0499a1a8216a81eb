//! Sparse probes: how well a few latents tell labelled rows from others, and whether other latents take over.

use tch::{Kind, Tensor};

use crate::{Codes, Error, Result, Sae};

/// Newton steps of a logistic regression; it has converged long before.
const NEWTON_STEPS: usize = 30;
/// Ridge per row, so that separable labels have an end.
const RIDGE: f64 = 1e-3;
/// A latent takes part in absorption if its direction has at least this cosine with the probe (Chanin et al. 2024).
const LEAST_COSINE: f64 = 0.025;
/// And if it makes up at least this share of the probe's value in a row.
const LEAST_SHARE: f64 = 0.4;

/// A logistic regression on chosen columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// Weight of each column.
    pub weights: Vec<f64>,
    /// Intercept.
    pub bias: f64,
}

impl Logistic {
    /// Fits labels to columns by Newton's method with a small ridge on standardised columns.
    ///
    /// # Shapes
    /// `x`: `[rows, columns]`; `labels`: `[rows]`.
    ///
    /// # Errors
    /// When the lengths differ, or all labels are the same.
    pub fn fit(x: &Tensor, labels: &[bool]) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        check_labels(labels, x.size()[0] as usize)?;
        let x = x.to_kind(Kind::Double);
        let n = x.size()[0];
        let mean = x.f_mean_dim([0i64].as_slice(), false, Kind::Double)?;
        let centred = &x - &mean;
        let scale = centred
            .square()
            .f_mean_dim([0i64].as_slice(), false, Kind::Double)?
            .sqrt()
            .clamp_min(1e-12);
        let ones = Tensor::ones([n, 1], tch::kind::DOUBLE_CPU);
        let design = Tensor::f_cat(&[centred / &scale, ones], 1)?;
        let y: Vec<f64> = labels
            .iter()
            .map(|&label| f64::from(u8::from(label)))
            .collect();
        let y = Tensor::from_slice(&y);
        let columns = design.size()[1];
        let ridge = Tensor::eye(columns, tch::kind::DOUBLE_CPU) * (RIDGE * n as f64);
        let _ = ridge.get(columns - 1).get(columns - 1).fill_(0.0);
        let mut beta = Tensor::zeros([columns], tch::kind::DOUBLE_CPU);
        for _ in 0..NEWTON_STEPS {
            let p = design.f_mv(&beta)?.sigmoid();
            let gradient = design.tr().f_mv(&(&p - &y))? + ridge.f_mv(&beta)?;
            let weight = (&p - p.square()).clamp_min(1e-9).unsqueeze(1);
            let hessian = design.tr().f_matmul(&(&design * weight))? + &ridge;
            beta -= Tensor::f_linalg_solve(&hessian, &gradient, true)?;
        }
        let (slopes, intercept) = (
            beta.narrow(0, 0, columns - 1) / scale,
            beta.double_value(&[columns - 1]),
        );
        let bias = intercept - slopes.f_dot(&mean)?.double_value(&[]);
        Ok(Self {
            weights: Vec::try_from(slopes)?,
            bias,
        })
    }

    /// The logits of rows, `[rows]`.
    ///
    /// # Shapes
    /// `x`: `[rows, columns]`.
    ///
    /// # Errors
    /// On another number of columns.
    pub fn logits(&self, x: &Tensor) -> Result<Vec<f64>> {
        let weights = Tensor::from_slice(&self.weights);
        Ok(Vec::try_from(
            x.to_kind(Kind::Double).f_mv(&weights)? + self.bias,
        )?)
    }
}

fn check_labels(labels: &[bool], rows: usize) -> Result<()> {
    if labels.len() != rows {
        return Err(Error::Length {
            what: "labels",
            expected: rows,
            found: labels.len(),
        });
    }
    let positive = labels.iter().filter(|label| **label).count();
    if positive == 0 || positive == rows {
        return Err(Error::Config {
            key: "labels",
            found: format!("{positive} of {rows} true"),
            expected: "some true and some false".into(),
        });
    }
    Ok(())
}

/// The `k` columns of a code matrix that differ most between labelled and other rows, and a logistic regression on them.
///
/// # Source
/// Gurnee et al. 2023 (arXiv 2305.01610), with columns ranked by the difference of means over the pooled deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseProbe {
    /// The latents, best first.
    pub features: Vec<u32>,
    /// The regression on their codes.
    pub logistic: Logistic,
}

impl SparseProbe {
    /// Chooses latents and fits the regression on the same rows; score it on others.
    ///
    /// # Errors
    /// When the labels do not fit or are all the same, `k` is 0, or a feature does not exist.
    pub fn fit(codes: &Codes, n_latents: usize, labels: &[bool], k: usize) -> Result<Self> {
        codes.check(n_latents)?;
        check_labels(labels, codes.n_rows)?;
        if k == 0 || k > n_latents {
            return Err(Error::Config {
                key: "k",
                found: k.to_string(),
                expected: format!("from 1 to `n_latents` = {n_latents}"),
            });
        }
        let features = ranked(codes, n_latents, labels, k);
        let logistic = Logistic::fit(&columns(codes, &features), labels)?;
        Ok(Self { features, logistic })
    }

    /// The logit of each row.
    ///
    /// # Errors
    /// As [`Logistic::logits`].
    pub fn logits(&self, codes: &Codes) -> Result<Vec<f64>> {
        self.logistic.logits(&columns(codes, &self.features))
    }
}

/// The latents by descending difference of means over the pooled deviation; never-active ones last.
fn ranked(codes: &Codes, n_latents: usize, labels: &[bool], k: usize) -> Vec<u32> {
    // Sums and sums of squares among other and labelled rows.
    let mut sums = vec![[[0.0f64; 2]; 2]; n_latents];
    for (row, &label) in labels.iter().enumerate() {
        for (latent, code) in codes.row(row) {
            let code = f64::from(code);
            let sum = &mut sums[latent as usize][usize::from(label)];
            sum[0] += code;
            sum[1] += code * code;
        }
    }
    let positive = labels.iter().filter(|label| **label).count() as f64;
    let counts = [labels.len() as f64 - positive, positive];
    let score = |sums: &[[f64; 2]; 2]| {
        let mean = [0, 1].map(|class| sums[class][0] / counts[class]);
        let variance =
            [0, 1].map(|class: usize| sums[class][1] / counts[class] - mean[class] * mean[class]);
        let pooled = (variance[0] * counts[0] + variance[1] * counts[1]) / labels.len() as f64;
        (mean[1] - mean[0]).abs() / pooled.max(1e-24).sqrt()
    };
    let mut order: Vec<(f64, u32)> = sums.iter().map(score).zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order
        .into_iter()
        .take(k)
        .map(|(_, latent)| latent)
        .collect()
}

/// The codes of some latents, `[rows, latents]`, f64.
fn columns(codes: &Codes, features: &[u32]) -> Tensor {
    let mut values = vec![0.0; codes.n_rows * features.len()];
    for (row, out) in values.chunks_mut(features.len()).enumerate() {
        for (latent, code) in codes.row(row) {
            if let Some(at) = features.iter().position(|&feature| feature == latent) {
                out[at] = f64::from(code);
            }
        }
    }
    Tensor::from_slice(&values).reshape([codes.n_rows as i64, features.len() as i64])
}

/// How often latents that should fire for a label are silent while another latent stands in for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Absorption {
    /// Labelled rows that a dense probe on the preprocessed latents gets right.
    pub rows: usize,
    /// Those in which none of the probe's latents is active.
    pub silent: usize,
    /// Those in which, besides, the latent that contributes most to the dense probe lies along it and makes up at least 40 % of
    /// its value.
    pub absorbed: usize,
}

impl Absorption {
    /// Absorbed rows as a share of all labelled rows that the dense probe gets right.
    pub fn fraction(&self) -> f64 {
        self.absorbed as f64 / self.rows as f64
    }

    /// Counts on rows with codes.
    ///
    /// # Shapes
    /// `x`: `[rows, d_in]`, as encoded; `labels`: `[rows]`; `dense`: a probe of the preprocessed rows.
    ///
    /// # Errors
    /// When lengths do not fit, or a row is not finite.
    ///
    /// # Source
    /// Chanin et al. 2024 (arXiv 2409.14507), section 4, with contributions `z_i (w_i . probe)` in place of ablations: the
    /// decoder is linear.
    pub fn count(
        sae: &Sae,
        x: &Tensor,
        labels: &[bool],
        (sparse, dense): (&SparseProbe, &Logistic),
    ) -> Result<Self> {
        let _guard = tch::no_grad_guard();
        let (codes, _) = sae.encode(x)?;
        check_labels(labels, codes.n_rows)?;
        let logits = dense.logits(&sae.preprocess(x)?.0)?;
        let probe = Tensor::from_slice(&dense.weights);
        let along: Vec<f64> = Vec::try_from(sae.w_dec.to_kind(Kind::Double).f_mv(&probe)?)?;
        let length = dense.weights.iter().map(|w| w * w).sum::<f64>().sqrt();
        let mut count = Self {
            rows: 0,
            silent: 0,
            absorbed: 0,
        };
        for row in (0..codes.n_rows).filter(|&row| labels[row] && logits[row] > 0.0) {
            count.rows += 1;
            if codes
                .row(row)
                .any(|(latent, _)| sparse.features.contains(&latent))
            {
                continue;
            }
            count.silent += 1;
            let parts: Vec<(f64, u32)> = codes
                .row(row)
                .map(|(latent, code)| (f64::from(code) * along[latent as usize], latent))
                .collect();
            let total: f64 = parts.iter().map(|(part, _)| part).sum();
            let largest = parts.iter().max_by(|a, b| a.0.total_cmp(&b.0));
            count.absorbed += usize::from(largest.is_some_and(|&(part, latent)| {
                along[latent as usize] >= LEAST_COSINE * length && part >= LEAST_SHARE * total
            }));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use dropsonde_activations::Rng;

    use super::*;
    use crate::{Preprocessing, SaeConfig};

    #[test]
    fn a_logistic_regression_finds_the_odds_that_made_the_labels() {
        let mut rng = Rng::new(3);
        let (mut x, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..20_000 {
            let row = [f64::from(rng.normal()), 4.0 + 2.0 * f64::from(rng.normal())];
            let odds = 1.5 * row[0] - 0.5 * row[1] + 1.0;
            x.extend(row);
            labels.push(rng.uniform() < 1.0 / (1.0 + (-odds).exp()));
        }
        let x = Tensor::from_slice(&x).reshape([-1, 2]);
        let fit = Logistic::fit(&x, &labels).unwrap();
        for (found, expected) in fit.weights.iter().zip([1.5, -0.5]) {
            assert!((found - expected).abs() < 0.05, "{fit:?}");
        }
        assert!((fit.bias - 1.0).abs() < 0.1, "{fit:?}");
        assert!(Logistic::fit(&x, &vec![true; 20_000]).is_err());
        assert!(Logistic::fit(&x, &[true]).is_err());
    }

    /// Label = feature 2 active; feature 5 is noise.
    #[test]
    fn a_sparse_probe_takes_the_latent_that_matters() {
        let mut rng = Rng::new(3);
        let n = 400;
        let mut codes = Codes::zeros(n, 2);
        let mut labels = Vec::new();
        for row in 0..n {
            let label = rng.uniform() < 0.3;
            labels.push(label);
            codes.indices[2 * row] = 5;
            codes.values[2 * row] = rng.uniform() as f32;
            if label {
                codes.indices[2 * row + 1] = 2;
                codes.values[2 * row + 1] = 0.5 + rng.uniform() as f32;
            }
        }
        let probe = SparseProbe::fit(&codes, 8, &labels, 1).unwrap();
        assert_eq!(probe.features, [2]);
        let logits = probe.logits(&codes).unwrap();
        assert!(
            logits
                .iter()
                .zip(&labels)
                .all(|(logit, label)| (*logit > 0.0) == *label)
        );
        assert!(SparseProbe::fit(&codes, 8, &labels, 0).is_err());
    }

    /// Latent 0 is the label's direction, latent 1 the same direction with a special case that takes over in some rows.
    #[test]
    fn absorption_is_counted() {
        let config = SaeConfig {
            preprocessing: Preprocessing::None,
            ..SaeConfig::new(3, 3, 1)
        };
        let mut sae = Sae::random(config, 1).unwrap();
        let rows = [1.0f32, 0.0, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0];
        sae.w_enc = Tensor::from_slice(&rows).reshape([3, 3]);
        sae.w_dec = sae.w_enc.copy();
        let x: [[f32; 3]; 4] = [
            [1.0, 0.0, 0.0], // latent 0 fires
            [0.6, 0.8, 0.0], // latent 1 takes over
            [0.3, 0.0, 1.0], // latent 2 fires, which does not lie along the probe
            [0.0, 0.0, 1.0],
        ];
        let x = Tensor::from_slice(x.as_flattened()).reshape([4, 3]);
        let sparse = SparseProbe {
            features: vec![0],
            logistic: Logistic {
                weights: vec![1.0],
                bias: 0.0,
            },
        };
        let dense = Logistic {
            weights: vec![1.0, 0.0, 0.0],
            bias: -0.1,
        };
        let labels = [true, true, true, false];
        let found = Absorption::count(&sae, &x, &labels, (&sparse, &dense)).unwrap();
        let expected = Absorption {
            rows: 3,
            silent: 2,
            absorbed: 1,
        };
        assert_eq!(found, expected);
    }
}
