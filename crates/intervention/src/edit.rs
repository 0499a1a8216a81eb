//! An edit: what is changed, where, when and at which site.

use dropsonde_forecaster::Site;
use dropsonde_sae::{CodeEdit, EditOp, Rescale};
use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::{Result, Where};

/// The leads at which an edit acts: those of the states that steps start from, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// First lead in hours; 0 is the step from the initial state.
    pub from_hours: i64,
    /// Last lead in hours; none: to the end of the forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_hours: Option<i64>,
}

impl When {
    /// Whether the step that starts at this lead is edited.
    pub fn holds(&self, lead_hours: i64) -> bool {
        lead_hours >= self.from_hours && self.to_hours.is_none_or(|last| lead_hours <= last)
    }
}

/// An edit as written in TOML; [`EditConfig::check`] makes it usable.
///
/// ```
/// use dropsonde_intervention::{EditConfig, Where};
///
/// let text = r#"
/// features = [17]
/// op = { scale = { strength = -1.0 } }          # code -> (1 + strength) * code
/// where = { storm = { radius_km = 1000.0 } }
/// when = { from_hours = 0, to_hours = 24 }
/// site = "processor/04"
/// convention = "rescaled"
/// "#;
/// let config: EditConfig = toml::from_str(text)?;
/// assert_eq!(config.place, Where::Storm { radius_km: 1000.0 });
/// let edit = config.check(2048, 8).expect("a feature below 2048 at one of 8 steps");
/// assert!(edit.acts_at(24) && !edit.acts_at(30));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditConfig {
    /// The features that are changed together.
    pub features: Vec<u32>,
    /// What is done to the code of each.
    pub op: EditOp,
    /// On which mesh nodes.
    #[serde(rename = "where", default)]
    pub place: Where,
    /// In which steps.
    #[serde(default)]
    pub when: When,
    /// At which place of the forward pass, for example `processor/04`.
    pub site: String,
    /// How the difference is put into the latents; `published` only for comparison.
    #[serde(default)]
    pub convention: Rescale,
}

/// A checked edit.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    config: EditConfig,
    site: Site,
}

impl EditConfig {
    /// The edit of one feature with this strength, everywhere and always.
    pub fn new(feature: u32, strength: f32, site: Site) -> Self {
        Self {
            features: vec![feature],
            op: EditOp::Scale { strength },
            place: Where::default(),
            when: When::default(),
            site: site.to_string(),
            convention: Rescale::default(),
        }
    }

    /// Checks the edit for a dictionary of `n_latents` and a network of `n_steps` processor steps.
    ///
    /// # Errors
    /// [`crate::Error::Config`] with the key, or an unknown site with the list of known ones.
    pub fn check(&self, n_latents: usize, n_steps: u8) -> Result<Edit> {
        let hint = "`dropsonde features` lists the features";
        let features = &self.features;
        require(
            !features.is_empty(),
            "edit.features",
            "empty",
            "at least one feature",
            hint,
        )?;
        for (i, feature) in features.iter().enumerate() {
            let known = (*feature as usize) < n_latents;
            let expected = format!("below {n_latents} (the size of the dictionary)");
            require(known, "edit.features", feature, expected, hint)?;
            let once = !features[..i].contains(feature);
            require(
                once,
                "edit.features",
                format!("{feature} twice"),
                "each once",
                "remove one",
            )?;
        }
        amount_is_finite("edit.op", amount(self.op))?;
        self.place.check()?;
        self.check_when()?;
        let site = Site::parse(&self.site, n_steps)?;
        Ok(Edit {
            config: self.clone(),
            site,
        })
    }

    fn check_when(&self) -> Result<()> {
        let When {
            from_hours,
            to_hours,
        } = self.when;
        let hint = "leads count in hours from the initial state, in steps of 6";
        require(
            from_hours >= 0,
            "edit.when.from_hours",
            from_hours,
            "at least 0",
            hint,
        )?;
        match to_hours {
            Some(to) => {
                let expected = format!("at least {from_hours} (`edit.when.from_hours`)");
                require(to >= from_hours, "edit.when.to_hours", to, expected, hint)
            }
            None => Ok(()),
        }
    }
}

impl Edit {
    /// What it was made from.
    pub fn config(&self) -> &EditConfig {
        &self.config
    }

    /// Where in the forward pass it acts.
    pub fn site(&self) -> Site {
        self.site
    }

    /// Whether the step that starts at this lead is edited.
    pub fn acts_at(&self, lead_hours: i64) -> bool {
        self.config.when.holds(lead_hours)
    }

    /// The number in its operation: a strength, a value, or what is added.
    pub fn amount(&self) -> f32 {
        amount(self.config.op)
    }

    /// The edit of codes with another number in the operation.
    pub fn codes(&self, amount: f32) -> CodeEdit {
        let op = match self.config.op {
            EditOp::Scale { .. } => EditOp::Scale { strength: amount },
            EditOp::Set { .. } => EditOp::Set { value: amount },
            EditOp::Add { .. } => EditOp::Add { value: amount },
        };
        CodeEdit {
            features: self.config.features.clone(),
            op,
            rescale: self.config.convention,
        }
    }

    /// The edit of codes that changes nothing.
    pub fn identity(&self) -> CodeEdit {
        let op = EditOp::Scale { strength: 0.0 };
        CodeEdit {
            op,
            ..self.codes(0.0)
        }
    }
}

fn amount(op: EditOp) -> f32 {
    match op {
        EditOp::Scale { strength } => strength,
        EditOp::Set { value } | EditOp::Add { value } => value,
    }
}

pub(crate) fn amount_is_finite(key: &str, amount: f32) -> Result<()> {
    let hint = "-1 ablates a feature, 0 leaves it as it is, 1 doubles it";
    require(amount.is_finite(), key, amount, "a finite number", hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> EditConfig {
        EditConfig::new(3, 1.0, Site::Processor(2))
    }

    #[test]
    fn a_checked_edit_knows_its_site_and_amounts() {
        let edit = config().check(16, 4).unwrap();
        assert_eq!((edit.site(), edit.amount()), (Site::Processor(2), 1.0));
        assert_eq!(edit.codes(-1.0).op, EditOp::Scale { strength: -1.0 });
        assert_eq!(edit.identity().op, EditOp::Scale { strength: 0.0 });
        let set = EditConfig {
            op: EditOp::Set { value: 0.5 },
            ..config()
        }
        .check(16, 4)
        .unwrap();
        assert_eq!(set.codes(0.25).op, EditOp::Set { value: 0.25 });
        assert_eq!(set.identity().op, EditOp::Scale { strength: 0.0 });
    }

    #[test]
    fn wrong_settings_are_refused_with_key_and_hint() {
        type Change = fn(&mut EditConfig);
        let cases: [(Change, &str); 7] = [
            (
                |e| e.features.clear(),
                "`edit.features` is empty, expected at least one feature",
            ),
            (
                |e| e.features = vec![16],
                "`edit.features` is 16, expected below 16",
            ),
            (|e| e.features = vec![3, 3], "`edit.features` is 3 twice"),
            (
                |e| e.op = EditOp::Add { value: f32::NAN },
                "`edit.op` is NaN",
            ),
            (|e| e.when.from_hours = -6, "`edit.when.from_hours` is -6"),
            (
                |e| {
                    e.when = When {
                        from_hours: 12,
                        to_hours: Some(6),
                    }
                },
                "`edit.when.to_hours` is 6, expected at least 12",
            ),
            (
                |e| e.site = "processor/04".into(),
                "this model has `encoder`, `processor/00` .. `processor/03`",
            ),
        ];
        for (change, expected) in cases {
            let mut edit = config();
            change(&mut edit);
            let error = edit.check(16, 4).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("hint: "),
                "{error}"
            );
        }
    }

    #[test]
    fn toml_round_trip_and_unknown_keys() {
        let text = toml::to_string(&config()).unwrap();
        assert_eq!(toml::from_str::<EditConfig>(&text).unwrap(), config());
        for (extra, named) in [
            ("radius = 3", "radius"),
            ("where = { storm = { radius = 3.0 } }", "radius"),
            ("where = \"nowhere\"", "everywhere"),
            ("when = { from = 3 }", "from_hours"),
            ("convention = \"paper\"", "published"),
        ] {
            let base = "features = [1]\nop = { scale = { strength = 1.0 } }\nsite = \"encoder\"\n";
            let error = toml::from_str::<EditConfig>(&format!("{base}{extra}")).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
