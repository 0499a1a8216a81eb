use std::fmt;
use std::str::FromStr;

use dropsonde_fields::Task;

use crate::{Error, ModelConfig, Result};

/// A published GraphCast model: shape of the network and task.
///
/// Sources: `README.md` and `graphcast.py` (`TASK`, `TASK_13`, `TASK_13_PRECIP_OUT`),
/// <https://github.com/google-deepmind/graphcast>; weights and statistics:
/// <https://console.cloud.google.com/storage/browser/dm_graphcast> (CC BY-NC-SA 4.0).
/// Lam et al. 2023, <https://doi.org/10.1126/science.adi2336>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// 0.25 degrees, 37 levels, mesh 6, precipitation read and predicted; the model of the paper.
    GraphCast,
    /// 1 degree, 13 levels, mesh 5, precipitation read and predicted.
    GraphCastSmall,
    /// 0.25 degrees, 13 levels, mesh 6, fine-tuned on HRES analyses; precipitation predicted but not read.
    GraphCastOperational,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::GraphCast,
        Self::GraphCastSmall,
        Self::GraphCastOperational,
    ];

    /// Shape of the network.
    pub fn model(self) -> ModelConfig {
        match self {
            Self::GraphCast | Self::GraphCastOperational => ModelConfig::graphcast(),
            Self::GraphCastSmall => ModelConfig::graphcast_small(),
        }
    }

    /// What goes in and comes out.
    pub fn task(self) -> Task {
        match self {
            Self::GraphCast => Task::graphcast(),
            Self::GraphCastSmall => Task::graphcast_13(),
            Self::GraphCastOperational => Task::graphcast_13_precip_out(),
        }
    }

    /// Name of the published file with the weights, in the folder `params` of the bucket.
    pub fn published_file(self) -> &'static str {
        match self {
            Self::GraphCast => {
                "GraphCast - ERA5 1979-2017 - resolution 0.25 - pressure levels 37 - mesh 2to6 - precipitation input and output.npz"
            }
            Self::GraphCastSmall => {
                "GraphCast_small - ERA5 1979-2015 - resolution 1.0 - pressure levels 13 - mesh 2to5 - precipitation input and output.npz"
            }
            Self::GraphCastOperational => {
                "GraphCast_operational - ERA5-HRES 1979-2021 - resolution 0.25 - pressure levels 13 - mesh 2to6 - precipitation output only.npz"
            }
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GraphCast => "GraphCast",
            Self::GraphCastSmall => "GraphCast_small",
            Self::GraphCastOperational => "GraphCast_operational",
        })
    }
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|p| p.to_string() == name);
        known.ok_or_else(|| {
            Error::Config(format!(
                "unknown preset `{name}`\nhint: choose `GraphCast`, `GraphCast_small` or `GraphCast_operational`"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter_shapes;

    /// Channels of the published models, and the number of weights of the small one as counted in the reference.
    #[test]
    fn presets_have_the_published_sizes() {
        for (preset, c_in, c_out, levels) in [
            (Preset::GraphCast, 471, 227, 37),
            (Preset::GraphCastSmall, 183, 83, 13),
            (Preset::GraphCastOperational, 181, 83, 13),
        ] {
            let (model, task) = (preset.model(), preset.task());
            model.check().unwrap();
            assert_eq!(task.input_channels().len(), c_in, "{preset}");
            assert_eq!(task.output_channels().len(), c_out, "{preset}");
            assert_eq!(task.pressure_levels.len(), levels, "{preset}");
            assert_eq!(preset.to_string().parse::<Preset>().unwrap(), preset);
            let file = preset.published_file();
            assert!(file.starts_with(&format!("{preset} - ")), "{file}");
            assert!(
                file.contains(&format!("mesh 2to{} ", model.mesh_size)),
                "{file}"
            );
            assert!(
                file.contains(&format!("pressure levels {levels} ")),
                "{file}"
            );
        }
        let shapes = parameter_shapes(&Preset::GraphCastSmall.model(), 183, 83);
        let count: i64 = shapes
            .values()
            .map(|shape| shape.iter().product::<i64>())
            .sum();
        assert_eq!(count, 35_979_347);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "graphcast".parse::<Preset>().unwrap_err().to_string();
        assert!(error.contains("`GraphCast_small`"), "{error}");
    }
}
