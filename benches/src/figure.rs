//! One named number, and the file it goes to.

use std::fmt;

use serde_json::{Map, Value, json};

/// Which direction of a [`Figure`] is an improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Smaller values are better, as for seconds.
    Lower,
    /// Larger values are better, as for bytes per second.
    Higher,
}

impl fmt::Display for Better {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        })
    }
}

/// One measured number with its name and unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Dotted name that starts with the area, for example `mesh.full.seconds`.
    pub name: String,
    /// The measured value in `unit`.
    pub value: f64,
    /// The unit, for example `s`, `GFLOP/s`, `MB/s`, or `1` for a ratio.
    pub unit: String,
    /// Whether smaller or larger is better.
    pub better: Better,
    /// Whether it repeats from run to run on the same machine (ratios of interleaved times, memory, counts), so that a
    /// change means something; times do not.
    pub stable: bool,
}

impl Figure {
    /// A figure of which smaller values are better.
    pub fn lower(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            better: Better::Lower,
            stable: false,
        }
    }

    /// A figure of which larger values are better.
    pub fn higher(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            better: Better::Higher,
            stable: false,
        }
    }

    /// The same, with a value that repeats from run to run.
    pub fn stable(self) -> Self {
        Self {
            stable: true,
            ..self
        }
    }
}

/// One flat object, `{"name": {"value":, "unit":, "better": "lower" | "higher", "stable": bool}}`, in the order of the names.
///
/// # Errors
/// The figure whose name occurs twice, or whose value is not finite: neither can be written.
pub fn to_json(figures: &[Figure]) -> Result<Value, String> {
    let mut object = Map::new();
    for figure in figures {
        if !figure.value.is_finite() {
            return Err(format!(
                "figure `{}` is {}, expected a finite number",
                figure.name, figure.value
            ));
        }
        let better = figure.better.to_string();
        let entry = json!({
            "value": figure.value, "unit": figure.unit, "better": better, "stable": figure.stable,
        });
        if object.insert(figure.name.clone(), entry).is_some() {
            return Err(format!("figure `{}` was measured twice", figure.name));
        }
    }
    Ok(Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_flat_and_says_which_way_is_better() {
        let figures = [
            Figure::lower("mesh.full.seconds", 2.5, "s"),
            Figure::lower("sae.step_over_gemm", 1.2, "1").stable(),
            Figure::higher("gemm.gflops", 100.0, "GFLOP/s"),
        ];
        let expected = json!({
            "gemm.gflops": {"value": 100.0, "unit": "GFLOP/s", "better": "higher", "stable": false},
            "mesh.full.seconds": {"value": 2.5, "unit": "s", "better": "lower", "stable": false},
            "sae.step_over_gemm": {"value": 1.2, "unit": "1", "better": "lower", "stable": true},
        });
        assert_eq!(to_json(&figures), Ok(expected));
    }

    #[test]
    fn a_name_twice_or_a_nan_is_refused() {
        let twice = [
            Figure::lower("a.s", 1.0, "s"),
            Figure::lower("a.s", 2.0, "s"),
        ];
        assert!(to_json(&twice).is_err_and(|e| e.contains("`a.s`")));
        let nan = [Figure::lower("a.s", f64::NAN, "s")];
        assert!(to_json(&nan).is_err_and(|e| e.contains("NaN")));
    }
}
