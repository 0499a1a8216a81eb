//! The best that all sources together and physics can give of one variable at one time.

use super::reading::{Lack, Reading, absence, read};
use super::{MissingInput, Provenance, TaskInputs};
use crate::derived::STANDARD_GRAVITY;
use crate::forcings::{FIRST_DATE, derive_forcings};
use crate::{Field, Frame, Kind, Result, Source, Time, Variable};

/// Height of the surface in m under the names that models and CF give it.
const HEIGHT_OF_SURFACE: [&str; 2] = ["orography", "surface_altitude"];

/// What can be had of one variable at one time.
#[derive(Debug)]
pub(crate) struct Offer {
    /// Where it comes from.
    pub(crate) provenance: Provenance,
    /// The field as it would enter the model: gaps filled if there is a rule; with gaps and the levels that
    /// are there if `problem` says so.
    pub(crate) field: Option<Field>,
    /// How many gaps were filled.
    pub(crate) n_filled: usize,
    /// The `units` attribute in the source.
    pub(crate) units: Option<String>,
    /// Whether the source has latitudes from north to south.
    pub(crate) north_to_south: Option<bool>,
    /// What is missing.
    pub(crate) problem: Option<MissingInput>,
}

impl Offer {
    fn empty(provenance: Provenance) -> Self {
        Self {
            provenance,
            field: None,
            n_filled: 0,
            units: None,
            north_to_south: None,
            problem: None,
        }
    }

    fn from_source(provenance: Provenance, source: &Source, name: &Variable, field: Field) -> Self {
        Self {
            field: Some(field),
            units: source.units(name).map(str::to_owned),
            north_to_south: Some(source.is_flipped()),
            ..Self::empty(provenance)
        }
    }

    fn derived(field: Field) -> Self {
        Self {
            field: Some(field),
            ..Self::empty(Provenance::Derived)
        }
    }
}

impl TaskInputs {
    /// What can be had of a variable for a frame at a time.
    pub(crate) fn offer(&self, variable: &Variable, frame: Frame, time: Time) -> Result<Offer> {
        let mut partial: Option<Offer> = None;
        let mut lacks: Vec<Lack> = Vec::new();
        for (provenance, source) in self.places(frame) {
            match read(source, variable, time, &self.task.pressure_levels)? {
                Reading::Complete(field, n_filled) => {
                    let offer = Offer::from_source(provenance, source, variable, field);
                    return Ok(Offer { n_filled, ..offer });
                }
                Reading::Partial(field, lack) => {
                    if partial.is_none() {
                        let offer = Offer::from_source(provenance, source, variable, field);
                        partial = Some(offer);
                        lacks.insert(0, lack);
                    }
                }
                Reading::Absent(lack) => lacks.push(lack),
            }
        }
        if let Some(field) = self.derive(variable, time)? {
            return Ok(Offer::derived(field));
        }
        if frame == Frame::Target && variable.kind() == Kind::PrescribedForcing {
            return Ok(Offer::empty(Provenance::Persisted));
        }
        // Of a variable that is there in part only that part's lack matters.
        let first = if partial.is_some() { 1 } else { lacks.len() };
        lacks.truncate(first);
        Ok(Offer {
            problem: Some(self.problem(variable, frame, time, &lacks)),
            ..partial.unwrap_or_else(|| Offer::empty(Provenance::Missing))
        })
    }

    /// The entry for a forcing that cannot be had at a time, as far as lists of variables and times tell.
    pub(super) fn missing_forcing(&self, variable: &Variable, time: Time) -> Option<MissingInput> {
        let mut lacks = Vec::new();
        for (_, source) in self.places(Frame::Target) {
            let reason = absence(source, variable, time)?;
            let levels = Vec::new();
            lacks.push(Lack { levels, reason });
        }
        let persists = variable.kind() == Kind::PrescribedForcing;
        let lacking = !persists && !self.can_derive(variable);
        lacking.then(|| self.problem(variable, Frame::Target, time, &lacks))
    }

    /// Whether a variable follows from the date or from another variable.
    pub(super) fn can_derive(&self, variable: &Variable) -> bool {
        (self.dated && variable.is_derived_forcing()) || self.surface_height(variable).is_some()
    }

    /// The sources in the order in which they are asked.
    fn places(&self, frame: Frame) -> Vec<(Provenance, &Source)> {
        let mut places = vec![(Provenance::Input, &self.input)];
        if let Some(forcings) = &self.forcings {
            let first = if frame == Frame::Target { 0 } else { 1 };
            places.insert(first, (Provenance::Forcings, forcings));
        }
        places
    }

    fn derive(&self, variable: &Variable, time: Time) -> Result<Option<Field>> {
        if let Some((source, height)) = self.surface_height(variable) {
            let Reading::Complete(mut field, _) = read(source, &height, time, &[])? else {
                return Ok(None);
            };
            field
                .data
                .mapv_inplace(|metres| (f64::from(metres) * STANDARD_GRAVITY) as f32);
            return Ok(Some(field));
        }
        if !self.dated || time < FIRST_DATE {
            return Ok(None);
        }
        let wanted = std::slice::from_ref(variable);
        Ok(derive_forcings(self.grid(), time, wanted).remove(variable))
    }

    /// A variable that holds the height of the surface in m, if that is what is asked for.
    fn surface_height(&self, variable: &Variable) -> Option<(&Source, Variable)> {
        if *variable != Variable::GEOPOTENTIAL_AT_SURFACE {
            return None;
        }
        let metres = |source: &Source, name: &Variable| {
            let units = source.units(name);
            source.has(name) && matches!(units, Some("m" | "metre" | "metres" | "meters"))
        };
        let find = |source| {
            let mut names = HEIGHT_OF_SURFACE.into_iter().map(Variable::new);
            let name = names.find(|name| metres(source, name))?;
            Some((source, name))
        };
        self.places(Frame::Static)
            .into_iter()
            .find_map(|(_, source)| find(source))
    }

    fn problem(
        &self,
        variable: &Variable,
        frame: Frame,
        time: Time,
        lacks: &[Lack],
    ) -> MissingInput {
        let mut reasons: Vec<&str> = lacks.iter().map(|lack| lack.reason.as_str()).collect();
        if variable.is_derived_forcing() {
            reasons.push("it cannot be derived, since the times have no date");
        }
        MissingInput {
            variable: variable.clone(),
            frame,
            when: self.when(frame, time),
            levels: lacks
                .first()
                .map(|lack| lack.levels.clone())
                .unwrap_or_default(),
            reason: reasons.join("; "),
            hint: self.hint(variable),
        }
    }

    fn hint(&self, variable: &Variable) -> String {
        match variable.kind() {
            Kind::DerivedForcing if !self.dated => "give a forcings file that has these times, or the date of the first time, so that radiation and progress can be derived",
            Kind::Static => "static fields may lie in the input or in the forcings file, with or without a time",
            Kind::PrescribedForcing => "the two input frames need it; only at later times does it keep its values",
            _ => "choose another start, or put the fields into the input; `dropsonde inputs check` shows what is there",
        }
        .to_owned()
    }

    /// A frame and its time in words.
    pub(crate) fn when(&self, frame: Frame, time: Time) -> String {
        match frame {
            Frame::Static => "any time".to_owned(),
            _ if !self.dated => format!("{:+} h", time.hours_since(Time(0))),
            _ => format!("{time} ({frame})"),
        }
    }
}
