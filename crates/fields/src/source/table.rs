//! Files of one number per variable and level, such as statistics.

use std::path::Path;

use super::netcdf::NetcdfStore;
use super::store::Store;
use crate::{Error, LevelTable, Result, Variable};

/// The numbers of every variable of a NetCDF file that has no dimensions or only `level` (hPa).
pub(crate) fn read_level_table(path: &Path) -> Result<Vec<(Variable, LevelTable)>> {
    std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
    let store = NetcdfStore::open(path)?;
    let levels = match store.arrays().contains_key("level") {
        true => store
            .read_all("level")?
            .iter()
            .map(|&level| level.round() as u32)
            .collect(),
        false => Vec::new(),
    };
    let mut tables = Vec::new();
    if let Some((name, info)) = store.arrays().iter().find(|(_, info)| info.dims.len() > 1) {
        let message = format!(
            "expected one number per variable, or one per level on the dimension `level`, found the dimensions {:?}\nhint: this is no file of statistics such as `mean_by_level.nc`",
            info.dims
        );
        return Err(Error::malformed(path, name, message));
    }
    for (name, info) in store.arrays() {
        let levels = match info.dims.as_slice() {
            [] => Vec::new(),
            [dim] if dim == "level" && name != "level" => levels.clone(),
            _ => continue,
        };
        let values: Vec<f64> = store.read_all(name)?.into_iter().collect();
        if values.len() != levels.len().max(1) {
            let (found, n_levels) = (values.len(), levels.len());
            let message =
                format!("expected one number per level, found {found} for {n_levels} levels");
            return Err(Error::malformed(path, name, message));
        }
        tables.push((Variable::new(name), LevelTable { levels, values }));
    }
    if tables.is_empty() {
        let message = "expected numbers per variable and level, found none\nhint: this is no file of statistics such as `mean_by_level.nc`";
        return Err(Error::malformed(path, "variables", message));
    }
    Ok(tables)
}
