//! The directions of control runs.

use std::collections::BTreeSet;

use dropsonde_activations::Rng;
use dropsonde_sae::Sae;
use tch::{Kind, Tensor};

use crate::Result;
use crate::config::{ControlConfig, ControlKind};
use crate::error::require;

/// Where one control points.
#[derive(Debug)]
pub(crate) struct Direction {
    /// The feature it belongs to, if any.
    pub(crate) feature: Option<u32>,
    /// `[D]`, unit norm, on the CPU.
    pub(crate) vector: Tensor,
}

/// The directions of `config.count` controls of an edit of `edited`, on latents `[M, D]` of the unedited run.
///
/// Without candidates, features that are active on the edited nodes come first, then those active elsewhere.
pub(crate) fn directions(
    config: &ControlConfig,
    (sae, latents): (&Sae, &Tensor),
    edited: &[u32],
    nodes: Option<&[bool]>,
    seed: u64,
) -> Result<Vec<Direction>> {
    let mut rng = Rng::new(seed);
    if config.kind == ControlKind::Directions {
        return Ok((0..config.count)
            .map(|_| random(sae.config.d_in, &mut rng))
            .collect());
    }
    let mut features = match config.candidates.is_empty() {
        false => shuffled(config.candidates.iter().copied().collect(), &mut rng),
        true => {
            let [here, elsewhere] = active(sae, latents, nodes)?;
            let mut features = shuffled(here, &mut rng);
            features.extend(shuffled(elsewhere, &mut rng));
            features
        }
    };
    features.retain(|feature| !edited.contains(feature));
    let found = features.len();
    let hint = "list more `controls.candidates`, or use `kind = \"directions\"`";
    let expected = format!("at most {found}, the features to choose from");
    require(
        found >= config.count,
        "controls.count",
        config.count,
        expected,
        hint,
    )?;
    features.truncate(config.count);
    Ok(features
        .into_iter()
        .map(|feature| of_feature(sae, feature))
        .collect())
}

/// Features that are active on the nodes, and those that are active only on others.
fn active(sae: &Sae, latents: &Tensor, nodes: Option<&[bool]>) -> Result<[BTreeSet<u32>; 2]> {
    let (codes, _) = sae.encode(latents)?;
    let (mut here, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
    for row in 0..codes.n_rows {
        let inside = nodes.is_none_or(|mask| mask[row]);
        let set = if inside { &mut here } else { &mut elsewhere };
        set.extend(codes.row(row).map(|(feature, _)| feature));
    }
    let elsewhere = elsewhere.difference(&here).copied().collect();
    Ok([here, elsewhere])
}

fn shuffled(features: BTreeSet<u32>, rng: &mut Rng) -> Vec<u32> {
    let mut features: Vec<u32> = features.into_iter().collect();
    rng.shuffle(&mut features);
    features
}

fn of_feature(sae: &Sae, feature: u32) -> Direction {
    let row = sae.w_dec.get(i64::from(feature)).to_kind(Kind::Float);
    Direction {
        feature: Some(feature),
        vector: unit(&row),
    }
}

fn random(width: usize, rng: &mut Rng) -> Direction {
    let values: Vec<f32> = (0..width).map(|_| rng.normal()).collect();
    Direction {
        feature: None,
        vector: unit(&Tensor::from_slice(&values)),
    }
}

fn unit(vector: &Tensor) -> Tensor {
    vector / vector.norm().clamp_min(1e-12)
}

#[cfg(test)]
mod tests {
    use dropsonde_sae::SaeConfig;
    use tch::Device;

    use super::*;

    fn setting() -> (Sae, Tensor) {
        let sae = Sae::random(SaeConfig::new(8, 64, 4), 3).unwrap();
        let latents = (Tensor::arange(80, (Kind::Float, Device::Cpu)) * 1.7)
            .sin()
            .reshape([10, 8]);
        (sae, latents)
    }

    fn chosen(config: &ControlConfig, edited: &[u32], seed: u64) -> Result<Vec<Option<u32>>> {
        let (sae, latents) = setting();
        let nodes: Vec<bool> = (0..10).map(|row| row == 2).collect();
        let found = directions(config, (&sae, &latents), edited, Some(&nodes), seed)?;
        for direction in &found {
            assert!((direction.vector.norm().double_value(&[]) - 1.0).abs() < 1e-6);
        }
        Ok(found.iter().map(|d| d.feature).collect())
    }

    #[test]
    fn active_features_of_the_place_come_first_and_edited_ones_never() {
        let (sae, latents) = setting();
        let (codes, _) = sae.encode(&latents).unwrap();
        let here: Vec<u32> = codes.row(2).map(|(feature, _)| feature).collect();
        let edited = [here[0]];
        let config = ControlConfig {
            count: 5,
            ..ControlConfig::default()
        };
        let features = chosen(&config, &edited, 1).unwrap();
        for feature in &here[1..] {
            assert!(
                features[..here.len() - 1].contains(&Some(*feature)),
                "{features:?} {here:?}"
            );
        }
        assert!(!features.contains(&Some(edited[0])));
        assert_eq!(features, chosen(&config, &edited, 1).unwrap());
    }

    #[test]
    fn candidates_are_respected_and_too_few_are_an_error() {
        let mut config = ControlConfig {
            candidates: vec![7, 9, 11],
            count: 2,
            ..Default::default()
        };
        let features = chosen(&config, &[9], 1).unwrap();
        assert!(
            features.contains(&Some(7)) && features.contains(&Some(11)),
            "{features:?}"
        );
        config.count = 3;
        let error = chosen(&config, &[9], 1).unwrap_err().to_string();
        assert!(
            error.contains("`controls.count` is 3, expected at most 2"),
            "{error}"
        );
        config.kind = ControlKind::Directions;
        assert_eq!(chosen(&config, &[9], 1).unwrap(), [None; 3]);
    }
}
