//! NetCDF: any bytes as a file of weather, of which the first state is read, and as a file of statistics.
#![no_main]

use std::sync::LazyLock;

use dropsonde_fields::Statistics;
use dropsonde_fuzz::{ScratchFile, fixture, prepare, read_first};
use libfuzzer_sys::fuzz_target;

/// The first file that statistics consist of.
static FILE: LazyLock<ScratchFile> = LazyLock::new(|| ScratchFile::new("mean_by_level.nc"));

fn seeds() -> [Vec<u8>; 4] {
    [
        "packed.nc",
        "stores/batches.nc",
        "stores/climate_data_store.nc",
        "stats/mean_by_level.nc",
    ]
    .map(|name| {
        let path = fixture("fields/tests/data").join(name);
        std::fs::read(path).expect("a fixture")
    })
}

fuzz_target!(init: prepare("netcdf", seeds()), |data: &[u8]| {
    let path = FILE.with(data);
    let _ = read_first(path);
    let _ = path.parent().map(Statistics::from_dir);
});
