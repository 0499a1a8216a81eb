//! Finding out what kind of store a place holds.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::bucket::{Bucket, FailureKind, Part};
use super::grib::{self, GribStore};
use super::location::{Location, RemoteLocation};
use super::netcdf::NetcdfStore;
use super::options::SourceOptions;
use super::store::Store;
use super::zarr::{Place, ZarrStore};
use crate::{Error, Result};
use object_store::GetRange;

/// Opens what is at a path or URL, by looking at it.
pub(super) fn open_store(path: &Path, options: &SourceOptions) -> Result<Box<dyn Store>> {
    match Location::parse(path)? {
        Location::Local(path) => open_local(&path, options),
        Location::Remote(location) => open_remote(&location, options),
    }
}

fn unknown(path: &Path, found: impl Into<String>) -> Error {
    Error::UnknownFormat {
        path: path.to_owned(),
        found: found.into(),
    }
}

fn open_local(path: &Path, options: &SourceOptions) -> Result<Box<dyn Store>> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if metadata.is_dir() {
        let place = Place::directory(path)?;
        return match ZarrStore::open(place, options.missing_chunks)? {
            Some(store) => Ok(Box::new(store)),
            None if grib::is_grib(path)? => Ok(Box::new(GribStore::open(path)?)),
            None => Err(unknown(
                path,
                "a directory without `zarr.json`, `.zgroup` or `.zmetadata`, and without GRIB2 files",
            )),
        };
    }
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(8)
        .read_to_end(&mut start)
        .map_err(|e| Error::io(path, e))?;
    if start.starts_with(b"GRIB") {
        return Ok(Box::new(GribStore::open(path)?));
    }
    check_is_netcdf(path, &start)?;
    Ok(Box::new(NetcdfStore::open(path)?))
}

fn open_remote(location: &RemoteLocation, options: &SourceOptions) -> Result<Box<dyn Store>> {
    let bucket = Arc::new(Bucket::new(location, &options.remote)?);
    let place = Place::Remote(Arc::clone(&bucket));
    if let Some(store) = ZarrStore::open(place, options.missing_chunks)? {
        return Ok(Box::new(store));
    }
    let shown = &location.shown;
    let remote = |message: String| Error::Remote {
        url: shown.clone(),
        message,
    };
    match bucket.part("", GetRange::Bounded(0..8)) {
        Ok(Some(Part::Range { bytes, size })) => {
            check_is_netcdf(shown, &bytes)?;
            Ok(Box::new(NetcdfStore::open_remote(bucket, size)?))
        }
        Ok(Some(Part::Whole(bytes))) => {
            check_is_netcdf(shown, bytes.get(..8).unwrap_or(&bytes))?;
            Ok(Box::new(NetcdfStore::open_bytes(shown, bytes)?))
        }
        Ok(None) => Err(remote(format!(
            "there is no Zarr store and no file at `{}` (HTTP 404 Not Found)\nhint: check the address; a Zarr store has `zarr.json`, `.zmetadata` or `.zgroup` directly below it",
            shown.display()
        ))),
        Err(failure) if failure.kind == FailureKind::Denied => Err(remote(failure.message)),
        // The empty name of a whole bucket, or a server that sends no parts of what is no file.
        Err(failure) => Err(remote(format!(
            "there is no Zarr store, and as a file: {}",
            failure.message
        ))),
    }
}

/// Whether a file begins like classic NetCDF (`CDF` and 1, 2 or 5) or HDF5; if not, says what it is.
fn check_is_netcdf(path: &Path, start: &[u8]) -> Result<()> {
    let classic = start.len() >= 4 && start.starts_with(b"CDF") && [1, 2, 5].contains(&start[3]);
    if classic || start == b"\x89HDF\r\n\x1a\n" {
        return Ok(());
    }
    let found = match start {
        [] => "an empty file",
        [b'G', b'R', b'I', b'B', ..] => "a GRIB file behind a URL\nhint: download it first",
        [b'P', b'K', 3, 4, ..] => "a zip archive\nhint: unpack it first",
        [b'<', ..] => "a web page or XML file",
        _ => "a file that does not begin like NetCDF or GRIB2",
    };
    Err(unknown(path, found))
}
