//! The areas of `cargo xtask bench --only AREA`, one file each.

pub mod capture;
pub mod earth;
pub mod forecast;
pub mod gemm;
pub mod instructions;
pub mod mesh;
pub mod overhead;
pub mod sae;
pub mod train;

use crate::Outcome;

/// What is measured in one go.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// The name, such as `forecast.small`; also asked for by its beginning, `forecast`.
    pub name: &'static str,
    /// Another area that it belongs to.
    pub with: Option<&'static str>,
    /// Measures its figures.
    pub measure: fn() -> Outcome,
}

impl Area {
    const fn new(name: &'static str, measure: fn() -> Outcome) -> Self {
        Self {
            name,
            with: None,
            measure,
        }
    }

    /// Also measured when somebody asks for `forecast`: the table of the step's speed needs it.
    const fn with_forecast(self) -> Self {
        Self {
            with: Some("forecast"),
            ..self
        }
    }

    /// Whether `--only ASKED` means this area.
    pub fn is_meant(&self, asked: &str) -> bool {
        let begins = self.name.strip_prefix(asked);
        begins.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            || self.with == Some(asked)
    }
}

/// All areas, in the order in which they are measured.
pub const AREAS: &[Area] = &[
    Area::new("mesh", mesh::measure).with_forecast(),
    Area::new("gemm", gemm::measure).with_forecast(),
    Area::new("forecast.earth", earth::measure),
    Area::new("forecast.small.f32", forecast::small),
    Area::new("forecast.small.bf16", forecast::small_bf16),
    Area::new("forecast.full", forecast::full),
    Area::new("train", train::measure).with_forecast(),
    Area::new("capture.overhead", overhead::measure).with_forecast(),
    Area::new("capture.store", capture::measure),
    Area::new("sae", sae::measure),
    Area::new("instructions", instructions::measure),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(asked: &str) -> Vec<&str> {
        let areas = AREAS.iter().filter(|area| area.is_meant(asked));
        areas.map(|area| area.name).collect()
    }

    #[test]
    fn areas_are_asked_for_by_name_beginning_or_group() {
        assert_eq!(meant("sae"), ["sae"]);
        assert_eq!(meant("capture"), ["capture.overhead", "capture.store"]);
        assert_eq!(meant("forecast.full"), ["forecast.full"]);
        assert_eq!(meant("forecast").len(), 8);
        assert!(!meant("forecast").contains(&"sae"));
        assert_eq!(meant("fore"), [""; 0]);
    }
}
