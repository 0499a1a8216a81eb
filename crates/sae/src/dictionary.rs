//! What can be said of an autoencoder without data: how its directions lie to each other and to another's.

use tch::{Kind, Tensor};

use crate::{Error, Result, Sae};

/// Rows of a cosine matrix that exist at a time.
const ROWS: i64 = 1024;

/// The nearest direction of another dictionary for each direction of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Matches {
    /// Its index, `[n]`.
    pub partner: Vec<u32>,
    /// The cosine with it, `[n]`.
    pub cosine: Vec<f64>,
    /// Whether the two are each other's nearest, `[n]`.
    pub mutual: Vec<bool>,
}

impl Matches {
    /// Mean of the cosines (mean max cosine similarity, MMCS).
    ///
    /// # Source
    /// Sharkey et al. 2022, <https://www.alignmentforum.org/posts/z6QQJbtpkEAX3Aojj>.
    pub fn mean_cosine(&self) -> f64 {
        mean(&self.cosine)
    }

    /// Share of directions whose nearest one has at least this cosine and sees it the same way.
    pub fn stable_fraction(&self, cosine: f64) -> f64 {
        let both = self.cosine.iter().zip(&self.mutual);
        both.clone()
            .filter(|(c, mutual)| **c >= cosine && **mutual)
            .count() as f64
            / both.len().max(1) as f64
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl Sae {
    /// Cosine of each latent's encoder row with its decoder row, `[n_latents]`.
    ///
    /// # Errors
    /// For a transcoder, whose rows live in different spaces.
    pub fn encoder_decoder_cosine(&self) -> Result<Vec<f64>> {
        if self.config.transcoder {
            return Err(Error::Config {
                key: "transcoder",
                found: "true".into(),
                expected:
                    "false: the rows of encoder and decoder have nothing to do with each other"
                        .into(),
            });
        }
        let _guard = tch::no_grad_guard();
        let cosine = (unit(&self.w_enc) * unit(&self.w_dec)).sum_dim_intlist(
            [1i64].as_slice(),
            false,
            Kind::Double,
        );
        Ok(Vec::try_from(cosine)?)
    }

    /// Largest cosine of each decoder row with another one, `[n]`: near 1 where two latents mean the same.
    ///
    /// With `live`, `[n_latents]`, only latents that are true take part, and the result has one value for each of them: the
    /// rows of dead latents are what they were at random.
    ///
    /// # Errors
    /// When `live` has another length, or fewer than two are left.
    pub fn redundancy(&self, live: Option<&[bool]>) -> Result<Vec<f64>> {
        let _guard = tch::no_grad_guard();
        let rows = self.directions(live)?;
        let n = rows.size()[0];
        if n < 2 {
            return Err(Error::Length {
                what: "live latents",
                expected: 2,
                found: n as usize,
            });
        }
        let mut out = Vec::with_capacity(n as usize);
        for start in (0..n).step_by(ROWS as usize) {
            let len = ROWS.min(n - start);
            let mut cosine = rows.narrow(0, start, len).f_matmul(&rows.tr())?;
            // Not with itself.
            let _ = cosine
                .narrow(1, start, len)
                .f_fill_diagonal_(f64::NEG_INFINITY, false)?;
            let (largest, _) = cosine.f_max_dim(1, false)?;
            cosine = largest.to_kind(Kind::Double);
            out.extend(Vec::<f64>::try_from(cosine)?);
        }
        Ok(out)
    }

    /// The nearest decoder row of another autoencoder for each of this one: how stable features are across seeds.
    ///
    /// With `live` (of this one and of the other), only latents that are true take part.
    ///
    /// # Errors
    /// When a length does not fit, the widths differ, or nothing is left of one.
    pub fn matches(&self, other: &Self, live: [Option<&[bool]>; 2]) -> Result<Matches> {
        let _guard = tch::no_grad_guard();
        if self.config.d_out != other.config.d_out {
            return Err(Error::Length {
                what: "d_out",
                expected: self.config.d_out,
                found: other.config.d_out,
            });
        }
        let (a, b) = (self.directions(live[0])?, other.directions(live[1])?);
        let (cosine, partner) = nearest(&a, &b)?;
        let (_, back) = nearest(&b, &a)?;
        let mutual = partner
            .iter()
            .zip(0i64..)
            .map(|(&j, i)| back[j as usize] == i)
            .collect();
        Ok(Matches {
            partner: partner.iter().map(|&i| i as u32).collect(),
            cosine,
            mutual,
        })
    }

    /// Unit decoder rows of the latents that are live.
    fn directions(&self, live: Option<&[bool]>) -> Result<Tensor> {
        let rows = unit(&self.w_dec);
        let Some(live) = live else {
            return Ok(rows);
        };
        if live.len() != self.config.n_latents {
            return Err(Error::Length {
                what: "live",
                expected: self.config.n_latents,
                found: live.len(),
            });
        }
        let ids: Vec<i64> = live
            .iter()
            .zip(0i64..)
            .filter_map(|(live, i)| live.then_some(i))
            .collect();
        if ids.is_empty() {
            return Err(Error::Length {
                what: "live latents",
                expected: 1,
                found: 0,
            });
        }
        Ok(rows.f_index_select(0, &Tensor::from_slice(&ids))?)
    }
}

fn unit(rows: &Tensor) -> Tensor {
    let norm = rows
        .square()
        .sum_dim_intlist([1i64].as_slice(), true, Kind::Float)
        .sqrt();
    rows / norm.clamp_min(1e-8)
}

/// Largest cosine and its column for each row of `a` among the rows of `b`, both of unit norm.
fn nearest(a: &Tensor, b: &Tensor) -> Result<(Vec<f64>, Vec<i64>)> {
    let (mut cosines, mut partners) = (Vec::new(), Vec::new());
    let n = a.size()[0];
    for start in (0..n).step_by(ROWS as usize) {
        let block = a.narrow(0, start, ROWS.min(n - start));
        let (cosine, partner) = block.f_matmul(&b.tr())?.f_max_dim(1, false)?;
        cosines.extend(Vec::<f64>::try_from(cosine.to_kind(Kind::Double))?);
        partners.extend(Vec::<i64>::try_from(partner)?);
    }
    Ok((cosines, partners))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::SaeConfig;

    fn sae(rows: &[[f32; 3]]) -> Sae {
        let mut sae = Sae::random(SaeConfig::new(3, rows.len(), 1), 1).unwrap();
        sae.w_dec = Tensor::from_slice(rows.as_flattened()).reshape([-1, 3]);
        sae.w_enc = sae.w_dec.copy();
        sae
    }

    #[test]
    fn cosines_of_known_directions() {
        let a = sae(&[[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 3.0, 4.0]]);
        let redundancy = a.redundancy(None).unwrap();
        for (found, expected) in redundancy.iter().zip([0.0, 0.6, 0.6]) {
            assert!((found - expected).abs() < 1e-6, "{redundancy:?}");
        }
        let live = [true, true, false];
        let redundancy = a.redundancy(Some(&live)).unwrap();
        assert_eq!(redundancy, [0.0, 0.0]);
        assert!(a.redundancy(Some(&[true, false, false])).is_err());
        assert!(a.redundancy(Some(&[true])).is_err());
        let cosine = a.encoder_decoder_cosine().unwrap();
        assert!(cosine.iter().all(|c| (c - 1.0).abs() < 1e-6));
    }

    #[test]
    fn directions_of_two_dictionaries_are_matched() {
        let a = sae(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.1, 1.0, 0.0]]);
        let b = sae(&[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]);
        let found = a.matches(&b, [None, None]).unwrap();
        assert_eq!(found.partner, [1, 0, 0]);
        assert_eq!(found.mutual, [true, true, false]);
        assert!((found.stable_fraction(0.9) - 2.0 / 3.0).abs() < 1e-12);
        assert!(found.mean_cosine() > 0.99);
    }
}
