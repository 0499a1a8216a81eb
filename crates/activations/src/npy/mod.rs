//! Activations that other tools saved as `.npy` files.

mod bits;
mod file;
mod header;
mod name;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::rows::{Precision, Rows, check_range, file_stamp};
use crate::{ActivationWriter, Dtype, Error, LatentsMeta, Record, Result};

pub use bits::NpyDtype;
use file::Element;
pub use file::NpyFile;

/// Seconds that one step of the network advances.
const STEP: i64 = 6 * 3600;

/// One `.npy` file or a directory of them, each one record: `[nodes, 1, channels]` or `[rows, channels]`, little-endian
/// f32, f16, f64 or `|V2`, in C order.
///
/// It is read in place, as [`Rows`], or [converted](Self::convert) into a store; f64 is rounded to f32. Values that are
/// not finite are errors.
///
/// ```
/// use dropsonde_activations::{NpyDtype, NpyDump, Rows as _};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // 128 nodes, 32 channels, saved from JAX in bfloat16, which NumPy calls `|V2`.
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/layer0008_bf16_V2.npy");
/// let undecided = NpyDump::open(path, None).err().map(|e| e.to_string());
/// assert!(undecided.is_some_and(|text| text.contains("`bf16` is most likely right")));
///
/// let dump = NpyDump::open(path, Some(NpyDtype::Bf16))?;
/// assert_eq!((dump.n_records(), dump.n_rows(0), dump.width()), (1, 128, 32));
/// let mut first_rows = vec![0.0; 2 * 32];
/// dump.read_rows_into(0, 0, &mut first_rows)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct NpyDump {
    path: PathBuf,
    files: Arc<[NpyFile]>,
    precision: Precision,
}

impl NpyDump {
    /// Opens a file, or all `*.npy` of a directory in the order of the times in their names (else of the names).
    ///
    /// `dtype` says what elements of `|V2` mean, and may be left out for others.
    ///
    /// # Errors
    /// When there is no file, one is not an array of rows, `|V2` comes without `dtype` (the hint says what its values
    /// look like), or the files differ in width, precision or site.
    pub fn open(path: impl AsRef<Path>, dtype: Option<NpyDtype>) -> Result<Self> {
        let path = path.as_ref();
        if !path.is_dir() {
            return Self::assemble(path, &[path.to_path_buf()], dtype);
        }
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(path).map_err(Error::io(path))? {
            let path = entry.map_err(Error::io(path))?.path();
            if path.extension().is_some_and(|e| e == "npy") && path.is_file() {
                paths.push(path);
            }
        }
        Self::assemble(path, &paths, dtype)
    }

    fn assemble(path: &Path, paths: &[PathBuf], dtype: Option<NpyDtype>) -> Result<Self> {
        let files = paths.par_iter().map(|path| NpyFile::open(path, dtype));
        let mut files: Vec<NpyFile> = files.collect::<Result<_>>()?;
        files.sort_by(|a, b| (a.time(), a.path()).cmp(&(b.time(), b.path())));
        let Some(first) = files.first() else {
            return Err(Error::Npy {
                path: path.to_path_buf(),
                found: "no `.npy` file there".to_owned(),
                hint: "give a file, or a directory that holds `*.npy`".to_owned(),
            });
        };
        if let Some(other) = files.iter().find(|file| differs(file, first).is_some()) {
            let found = differs(other, first).unwrap_or_default();
            return Err(Error::Npy {
                path: other.path().to_path_buf(),
                found: format!("{found} of `{}`", first.path().display()),
                hint: "keep files of one kind and one site in a directory".to_owned(),
            });
        }
        let precision = match first.element {
            Element::Packed(precision) => precision,
            Element::F64 => Precision::F32,
        };
        Ok(Self {
            path: path.to_path_buf(),
            files: files.into(),
            precision,
        })
    }

    /// The files, one record each, in order.
    pub fn files(&self) -> &[NpyFile] {
        &self.files
    }

    /// What the records are, from the times in the names: the step that produces the state of that time, which starts
    /// 6 h before.
    ///
    /// # Errors
    /// When a name has no time, or two have the same.
    pub fn records(&self) -> Result<Vec<Record>> {
        let wrong = |file: &NpyFile, found: &str| {
            Error::Npy {
            path: file.path().to_path_buf(),
            found: found.to_owned(),
            hint: "a name like `layer0008_mesh_gnn_post_res_nodes_mesh_nodes_t2021-09-28T06.npy` tells site and time"
                .to_owned(),
        }
        };
        if let Some(pair) = self.files.windows(2).find(|p| p[0].time() == p[1].time())
            && pair[0].time().is_some()
        {
            return Err(wrong(&pair[1], "the time in its name occurs twice"));
        }
        let record = |file: &NpyFile| {
            let time = file
                .time()
                .ok_or_else(|| wrong(file, "no time in its name"))?;
            Ok(Record::new(time - STEP, 0))
        };
        self.files.iter().map(record).collect()
    }

    /// Metadata for [`convert`](Self::convert): site, node set and shape of the dump, and f32 unless f16 is exact.
    ///
    /// bfloat16 becomes f32, because f16 has no room for its smallest and largest values; zstd takes the zeros away.
    ///
    /// # Errors
    /// When the files differ in their number of rows.
    pub fn meta(&self) -> Result<LatentsMeta> {
        let first = &self.files[0];
        if let Some(other) = self.files.iter().find(|f| f.n_rows != first.n_rows) {
            return Err(Error::Npy {
                path: other.path().to_path_buf(),
                found: format!(
                    "{} rows, and {} in `{}`",
                    other.n_rows,
                    first.n_rows,
                    first.path().display()
                ),
                hint: "records of a store have the same nodes".to_owned(),
            });
        }
        let mut meta =
            LatentsMeta::new(first.site().unwrap_or_default(), first.n_rows, first.width);
        meta.node_set = first.node_set().unwrap_or_default().to_owned();
        meta.source = self.path.display().to_string();
        meta.dtype = match self.precision {
            Precision::F16 => Dtype::F16,
            Precision::F32 | Precision::Bf16 => Dtype::F32,
        };
        Ok(meta)
    }

    /// Writes the records to a store, one after the other; after a kill the same call goes on with what is missing.
    ///
    /// `records` has one entry per file, for example from [`records`](Self::records); `progress(done, total)` is called
    /// after each.
    ///
    /// # Errors
    /// When the metadata do not fit the dump, a file cannot be read, a value is not finite or (f16) not representable,
    /// the store exists, or it cannot be written.
    pub fn convert(
        &self,
        path: impl AsRef<Path>,
        meta: LatentsMeta,
        records: &[Record],
        mut progress: impl FnMut(usize, usize),
    ) -> Result<PathBuf> {
        let n = self.files.len();
        let own = self.meta()?;
        for (what, expected, found) in [
            ("records", n, records.len()),
            ("meta.n_nodes", own.n_nodes, meta.n_nodes),
            ("meta.width", own.width, meta.width),
        ] {
            if expected != found {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        let mut values = vec![0.0; meta.n_nodes * meta.width];
        let mut writer = ActivationWriter::resume(path, meta, n)?;
        for (i, record) in records.iter().enumerate() {
            if !writer.contains(record) {
                self.read_rows_into(i, 0, &mut values)?;
                writer.append(record, &values)?;
            }
            progress(i + 1, n);
        }
        writer.finish()
    }
}

/// In what a file differs from the first one.
fn differs(file: &NpyFile, first: &NpyFile) -> Option<String> {
    if file.width != first.width {
        return Some(format!("{} channels, not the {}", file.width, first.width));
    }
    if file.element != first.element {
        return Some("elements of another type than those".to_owned());
    }
    if (file.site(), file.node_set()) != (first.site(), first.node_set()) {
        let place = |file: &NpyFile| format!("{:?} {:?}", file.site(), file.node_set());
        return Some(format!("at {}, not at the {}", place(file), place(first)));
    }
    None
}

impl Rows for NpyDump {
    fn width(&self) -> usize {
        self.files[0].width
    }

    fn n_records(&self) -> usize {
        self.files.len()
    }

    fn n_rows(&self, record: usize) -> usize {
        self.files.get(record).map_or(0, |file| file.n_rows)
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn read_rows_into(&self, record: usize, first_row: usize, out: &mut [f32]) -> Result<()> {
        let rows = (first_row, self.n_rows(record));
        check_range((record, self.files.len()), rows, self.width(), out.len())?;
        self.files[record].read(first_row, out)
    }

    fn stamp(&self) -> String {
        let stamps = self.files.iter().map(|file| file_stamp(file.path()));
        let choice = format!("{:?}", self.precision);
        stamps.chain([choice]).collect::<Vec<_>>().join("\n")
    }
}
