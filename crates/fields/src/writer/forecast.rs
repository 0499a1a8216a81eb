//! Writing a forecast step by step.

mod contents;
mod header;
mod layout;
mod sink;
mod size;

use std::path::Path;

use dropsonde_mesh::LatLonGrid;

use super::part::Part;
use super::template::Template;
use crate::{Error, Result, State, Time};
use contents::Contents;
pub use header::ForecastHeader;
pub use layout::ForecastLayout;
use sink::{Format, Sink, Slab};
pub use size::forecast_bytes;

/// Writes a forecast to a NetCDF file (`*.nc`) or a Zarr v3 directory (`*.zarr`), each step as it is made.
///
/// The number of steps is known from the start, so every step has its place in the store and nothing is
/// kept in memory. The data are in `<path>.part` until [`ForecastWriter::finish`] gives them their name:
/// a forecast that was interrupted never looks complete, and its left-over is replaced by the next one.
///
/// A NetCDF file is in the classic format with 64-bit offsets while every variable is below 4 GiB (integers
/// are then `int32`), else in CDF-5; neither is compressed. A Zarr store has consolidated metadata, zstd,
/// and one chunk per variable, initial time and step. All values are written, so there is no fill value.
///
/// ```
/// use dropsonde_fields::{
///     Field, ForecastHeader, ForecastLayout, ForecastWriter, Source, State, Variable,
/// };
/// use dropsonde_mesh::LatLonGrid;
/// use ndarray::Array2;
///
/// let grid = LatLonGrid::with_poles(10.0)?;
/// let init: dropsonde_fields::Time = "2022-11-08T00".parse()?;
/// let mut state = State::new(init);
/// state.insert(Variable::TEMPERATURE_2M, Field::surface(Array2::from_elem((19, 36), 280.0)));
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("forecast.nc");
/// let header = ForecastHeader::new(init, 2);
/// let mut writer =
///     ForecastWriter::create(&path, ForecastLayout::GraphCast, &grid, &header, &state)?;
/// for step in 1..=2 {
///     state.time = init.plus_hours(6 * step);
///     writer.append(&[&state])?;
/// }
/// writer.finish()?;
/// assert_eq!(Source::open(&path)?.state(init.plus_hours(12))?, state);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ForecastWriter {
    part: Part,
    template: Template,
    inits: Vec<Time>,
    step_hours: u32,
    n_steps: usize,
    /// Steps that were written.
    n_done: usize,
    /// Number of coordinates and static fields, which come first among the arrays.
    n_fixed: usize,
    sink: Sink,
}

impl ForecastWriter {
    /// Starts a store for states like `template`, whose time does not matter: all of its variables are
    /// written, on its levels; its static fields are written at once, without time and initial time.
    ///
    /// Latitudes are written in the order of `grid`; that of a [`Source`](crate::Source) ascends, as
    /// GraphCast and the scores of WeatherBench 2 need it.
    ///
    /// # Errors
    /// [`Error::Write`] if the name has another ending, exists already (and `header.overwrite` is not
    /// set), or cannot be written; [`Error::InvalidParameter`] for a header without steps or initial
    /// times, times that are not whole hours, relative times with the WeatherBench 2 layout, or names
    /// that cannot be written; [`Error::LevelMismatch`] if fields of the template have different levels,
    /// [`Error::Shape`] if they are not on the grid.
    pub fn create(
        path: impl AsRef<Path>,
        layout: ForecastLayout,
        grid: &LatLonGrid,
        header: &ForecastHeader,
        template: &State,
    ) -> Result<Self> {
        let path = path.as_ref();
        let format = Format::of(path)?;
        header.check(layout)?;
        let fields = Template::new(grid, template)?;
        let part = Part::new(path, header.overwrite)?;
        check_directory(&part)?;
        let contents = Contents::new(layout, header, &fields);
        let n_fixed = contents.coordinates.len() + contents.statics.len();
        let n_coordinates = contents.coordinates.len();
        let mut sink = Sink::create(format, part.part(), contents)?;
        let statics = template.fields.iter().filter(|(v, _)| v.is_static());
        for (index, (_, field)) in statics.enumerate() {
            sink.write(&[Slab {
                array: n_coordinates + index,
                leading: None,
                data: field.data.view(),
            }])?;
        }
        Ok(Self {
            part,
            template: fields,
            inits: header.inits.clone(),
            step_hours: header.step_hours,
            n_steps: header.n_steps,
            n_done: 0,
            n_fixed,
            sink,
        })
    }

    /// Writes the next step: one state per initial time, in the order of `ForecastHeader::inits`.
    ///
    /// Variables that the template did not have are left out.
    ///
    /// # Errors
    /// [`Error::Write`] after the last step or if nothing can be written, [`Error::Shape`] for another
    /// number of states, [`Error::TimeMismatch`] if a state is not valid at its initial time plus the lead
    /// time of this step, [`Error::MissingVariable`], [`Error::LevelMismatch`] or [`Error::Shape`] if it is
    /// not like the template. Nothing is written then, and a right state may follow.
    pub fn append(&mut self, states: &[&State]) -> Result<()> {
        self.check(states)?;
        let mut slabs = Vec::new();
        for (batch, state) in states.iter().enumerate() {
            for (index, (variable, _)) in self.template.changing().enumerate() {
                slabs.push(Slab {
                    array: self.n_fixed + index,
                    leading: Some([batch, self.n_done]),
                    data: state.get(variable)?.data.view(),
                });
            }
        }
        self.sink.write(&slabs)?;
        self.n_done += 1;
        Ok(())
    }

    /// Number of steps written so far.
    pub fn n_done(&self) -> usize {
        self.n_done
    }

    /// Waits until everything is on disk and gives the store its name.
    ///
    /// # Errors
    /// [`Error::Write`] if steps are missing or the disk fails; the data then stay in `<path>.part`.
    pub fn finish(self) -> Result<()> {
        if self.n_done != self.n_steps {
            return Err(self.part.failed(format!(
                "expected {} steps, found {}; what was written is in `{}`",
                self.n_steps,
                self.n_done,
                self.part.part().display()
            )));
        }
        self.sink.finish()?;
        self.part.commit()
    }

    fn check(&self, states: &[&State]) -> Result<()> {
        if self.n_done == self.n_steps {
            let message = format!("expected {} steps, found one more", self.n_steps);
            return Err(self.part.failed(message));
        }
        if states.len() != self.inits.len() {
            return Err(Error::Shape {
                what: "states of one forecast step".to_owned(),
                expected: vec![self.inits.len()],
                found: vec![states.len()],
            });
        }
        let lead = i64::from(self.step_hours).saturating_mul(self.n_done as i64 + 1);
        for (state, init) in states.iter().zip(&self.inits) {
            state.check_time("forecast step", init.plus_hours(lead))?;
            for (variable, _) in self.template.changing() {
                self.template.check_field(variable, state.get(variable)?)?;
            }
        }
        Ok(())
    }
}

fn check_directory(part: &Part) -> Result<()> {
    let parent = part.path().parent().filter(|p| !p.as_os_str().is_empty());
    match parent {
        Some(parent) if !parent.is_dir() => Err(part.failed(format!(
            "`{}` is not a directory\nhint: create it first",
            parent.display()
        ))),
        _ => Ok(()),
    }
}
