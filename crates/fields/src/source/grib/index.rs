//! Where in which file each field is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use grib::LatLons;
use grib::def::grib2::ProductDefinitionTemplate as Template;
use grib::def::grib2::template::param_set::{DateTime, FixedSurface, Statistical, TimeRange};

use super::super::guard::guarded;
use super::parameter::Description;
use super::sections;
use crate::{Error, Result, Time};

/// Accumulation in WMO code table 4.10.
const ACCUMULATION: u8 = 1;

/// Name, valid time and pressure level in hPa.
type Key = (String, Time, Option<u32>);

/// All known fields of some files.
pub(super) struct Index {
    pub(super) files: Vec<PathBuf>,
    pub(super) grid: Grid,
    /// Ascending.
    pub(super) times: Vec<Time>,
    /// Ascending, hPa.
    pub(super) levels: Vec<u32>,
    pub(super) messages: BTreeMap<Key, Message>,
}

/// A regular grid in the order of the messages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) latitudes: Vec<f64>,
    pub(super) longitudes: Vec<f64>,
}

/// One field of one message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) file: usize,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Index of the field in the message.
    pub(super) field: usize,
    pub(super) factor: f64,
    pub(super) units: &'static str,
    /// Hours since the forecast it belongs to was started.
    lead: i64,
}

impl Index {
    /// Reads the headers of all messages.
    ///
    /// Of two fields valid at the same time the one with the shorter lead is taken.
    pub(super) fn scan(path: &Path, files: &[PathBuf]) -> Result<Self> {
        let (mut messages, mut grid) = (BTreeMap::new(), None);
        for (index, file) in files.iter().enumerate() {
            let scan = || scan_file(file, index, &mut messages, &mut grid);
            guarded(file, "messages", scan)?;
        }
        let Some((_, grid)) = grid else {
            let message = "expected GRIB2 fields of weather on a regular grid, found none that is known\nhint: docs/formats.md lists the parameters";
            return Err(Error::malformed(path, "messages", message));
        };
        let times: BTreeSet<Time> = messages.keys().map(|(_, time, _): &Key| *time).collect();
        let levels: BTreeSet<u32> = messages.keys().filter_map(|(_, _, level)| *level).collect();
        Ok(Self {
            files: files.to_vec(),
            grid,
            times: times.into_iter().collect(),
            levels: levels.into_iter().collect(),
            messages,
        })
    }
}

/// The grid of the first known field, and the bytes that define it.
type FirstGrid = Option<(Vec<u8>, Grid)>;

fn scan_file(
    path: &Path,
    file: usize,
    messages: &mut BTreeMap<Key, Message>,
    grid: &mut FirstGrid,
) -> Result<()> {
    let mut offset = 0;
    while let Some(length) = message_length(path, offset)? {
        let what = format!("message at byte {offset}");
        let failed = |e: String| Error::malformed(path, &what, e);
        let bytes = read_message(path, offset, length)?;
        sections::check(&bytes).map_err(failed)?;
        let grib = grib::from_bytes(bytes).map_err(|e| failed(e.to_string()))?;
        for (field, (_, submessage)) in grib.iter().enumerate() {
            let Some(header) = Header::read(&submessage).map_err(failed)? else {
                continue;
            };
            let Some((parameter, level)) = header.description.parameter() else {
                continue;
            };
            let definition: Vec<u8> = submessage.grid_def().iter().copied().collect();
            match grid {
                Some((first, _)) if *first != definition => {
                    let message = format!(
                        "`{}` is on another grid than the fields before\nhint: one grid per source",
                        parameter.name
                    );
                    return Err(failed(message));
                }
                Some(_) => {}
                None => {
                    let read = Grid::read(&submessage).map_err(failed)?;
                    *grid = Some((definition, read));
                }
            }
            let message = Message {
                file,
                offset,
                length,
                field,
                factor: parameter.factor,
                units: parameter.units,
                lead: header.lead,
            };
            let key = (parameter.name.to_owned(), header.time, level);
            let known = messages.get(&key).map(|m| m.lead);
            if known.is_none_or(|lead| message.lead < lead) {
                messages.insert(key, message);
            }
        }
        offset += length;
    }
    Ok(())
}

/// Length of the message at an offset, `None` at the end of the file.
fn message_length(path: &Path, offset: u64) -> Result<Option<u64>> {
    let malformed = |found: String| {
        let message =
            format!("expected a GRIB2 message, found {found}\nhint: is the file complete?");
        Error::malformed(path, format!("byte {offset}"), message)
    };
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    let size = file.metadata().map_err(|e| Error::io(path, e))?.len();
    if offset >= size {
        return Ok(None);
    }
    let mut start = [0; 16];
    file.seek(SeekFrom::Start(offset))
        .map_err(|e| Error::io(path, e))?;
    if file.read_exact(&mut start).is_err() {
        return Err(malformed(format!("{} bytes and the end", size - offset)));
    }
    if !start.starts_with(b"GRIB") || start[7] != 2 {
        return Err(malformed(match start.starts_with(b"GRIB") {
            true => format!("edition {}", start[7]),
            false => "something else".to_owned(),
        }));
    }
    let length = u64::from_be_bytes(start[8..].try_into().unwrap_or_default());
    if length < 16 || length > size - offset {
        return Err(malformed(format!(
            "a length of {length} with {} bytes left",
            size - offset
        )));
    }
    Ok(Some(length))
}

/// The bytes of a message whose length has been checked.
pub(super) fn read_message(path: &Path, offset: u64, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    file.seek(SeekFrom::Start(offset))
        .map_err(|e| Error::io(path, e))?;
    file.take(length)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::io(path, e))?;
    Ok(bytes)
}

/// What one field is and when.
struct Header {
    description: Description,
    time: Time,
    lead: i64,
}

impl Header {
    /// `None` for products that are not forecasts or analyses of one value, such as probabilities.
    fn read<R>(field: &grib::SubMessage<'_, R>) -> Result<Option<Self>, String>
    where
        R: grib::Grib2Read,
    {
        let start = moment(&field.identification().ref_time_unchecked())?;
        let Ok(section) = field.section4() else {
            return Ok(None);
        };
        let (param, horizontal, forecast, interval) = match &section.payload.template {
            Template::_4_0(t) => (&t.param, &t.horizontal, &t.forecast_time, None),
            Template::_4_1(t) => (&t.param, &t.horizontal, &t.forecast_time, None),
            Template::_4_8(t) => (
                &t.param,
                &t.horizontal,
                &t.forecast_time,
                Some(&t.time_interval),
            ),
            Template::_4_11(t) => (
                &t.param,
                &t.horizontal,
                &t.forecast_time,
                Some(&t.time_interval),
            ),
            _ => return Ok(None),
        };
        let (time, hours) = match interval {
            Some(interval) => match accumulation(interval) {
                Some(hours) => (moment(&interval.end_of_overall_time_interval)?, Some(hours)),
                None => return Ok(None),
            },
            None => {
                let TimeRange { unit, len } = forecast.time.clone();
                let Some(seconds) = seconds_per_unit(unit) else {
                    return Ok(None);
                };
                let seconds = start.unix_seconds() + seconds * i64::from(len);
                (Time::from_unix_seconds(seconds), None)
            }
        };
        let description = Description {
            code: (field.indicator().discipline, param.category, param.num),
            surface: surface(&horizontal.first_surface),
            hours,
        };
        Ok(Some(Self {
            description,
            time,
            lead: time.hours_since(start),
        }))
    }
}

fn surface(surface: &FixedSurface) -> (u8, f64) {
    let value = grib::FixedSurface::new(
        surface.surface_type,
        surface.value.scale_factor,
        surface.value.scaled_value,
    );
    (surface.surface_type, value.value())
}

/// Hours of a sum over one stretch of time.
fn accumulation(interval: &Statistical) -> Option<u32> {
    let [range] = interval.time_ranges.as_slice() else {
        return None;
    };
    let seconds = seconds_per_unit(range.time_range.unit)? * i64::from(range.time_range.len);
    let is_sum = range.statistical_process_type == ACCUMULATION && seconds % 3600 == 0;
    is_sum.then(|| u32::try_from(seconds / 3600).ok()).flatten()
}

/// WMO code table 4.4.
fn seconds_per_unit(unit: u8) -> Option<i64> {
    Some(match unit {
        0 => 60,
        1 => 3600,
        2 => 86_400,
        10 => 3 * 3600,
        11 => 6 * 3600,
        12 => 12 * 3600,
        13 => 1,
        _ => return None,
    })
}

fn moment(date: &DateTime) -> Result<Time, String> {
    let midnight = Time::from_date(date.year.into(), date.month.into(), date.day.into());
    let midnight = midnight.ok_or_else(|| {
        format!(
            "expected a date, found {}-{}-{}",
            date.year, date.month, date.day
        )
    })?;
    let seconds =
        i64::from(date.hour) * 3600 + i64::from(date.minute) * 60 + i64::from(date.second);
    Ok(Time::from_unix_seconds(midnight.unix_seconds() + seconds))
}

impl Grid {
    /// The axes of a regular grid.
    fn read<R>(field: &grib::SubMessage<'_, R>) -> Result<Self, String> {
        let (n_lon, n_lat) = field.grid_shape().map_err(|e| e.to_string())?;
        let n = n_lon.saturating_mul(n_lat);
        // The number of points has been checked against the size of the message.
        if n == 0 || n != field.grid_def().num_points() as usize {
            let found = field.grid_def().num_points();
            return Err(format!(
                "expected a grid, found {found} points in {n_lat} rows of {n_lon}"
            ));
        }
        let (mut latitudes, mut longitudes) = (Vec::new(), Vec::new());
        let points = field.latlons().map_err(|e| e.to_string())?.take(n);
        let mut n_regular = 0;
        for (k, (lat, lon)) in points.enumerate() {
            if k < n_lon {
                longitudes.push(lon);
            }
            if k % n_lon == 0 {
                latitudes.push(lat);
            }
            if latitudes.last() != Some(&lat) || longitudes[k % n_lon] != lon {
                break;
            }
            n_regular += 1;
        }
        if n_regular != n {
            return Err("expected rows of latitude and columns of longitude in that order, found another grid\nhint: regrid it to a latitude-longitude grid, for example with wgrib2 or CDO".to_owned());
        }
        Ok(Self {
            latitudes,
            longitudes: longitudes.iter().map(|lon| lon.rem_euclid(360.0)).collect(),
        })
    }
}
