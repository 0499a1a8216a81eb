//! Writing and reading sparse codes.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use half::f16;
use zarrs::array::data_type;

use crate::partial::PartialStore;
use crate::reader::open_group;
use crate::zarr::{self, ArraySpec, ReadArray};
use crate::{CodeMeta, Dtype, Error, Record, Result, halves};

const KIND: &str = "codes";
const NAMES: [&str; 4] = ["indices", "values", "mean", "norm"];
const DIMS: [&str; 3] = ["record", "node", "k"];
const MAX_U16: usize = 1 << 16;
/// Codes are few and kept for long; sorted indices gain a sixth over level 1.
const ZSTD_LEVEL: i32 = 9;

/// The codes of one record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeRecord {
    /// Which latents are active, `[n_nodes, k]`; unused slots have index 0 and value 0.
    ///
    /// Read from a store, the slots of a row are in descending order of their values, ties in that of their indices.
    pub indices: Vec<u32>,
    /// How strongly, `[n_nodes, k]`, dimensionless.
    pub values: Vec<f32>,
    /// Mean of each row over its channels, `[n_nodes]`.
    pub mean: Vec<f32>,
    /// Norm of each centred row, `[n_nodes]`.
    pub norm: Vec<f32>,
}

/// Writes one record of codes after another; nothing exists at the path before [`finish`](Self::finish).
///
/// Within a row the slots are stored in the order of their indices, which compresses better than the order of their
/// values; the latter is restored on reading.
pub struct CodeWriter {
    meta: CodeMeta,
    store: PartialStore,
}

fn layout(path: &Path, meta: &CodeMeta) -> Result<(serde_json::Value, [ArraySpec; 4])> {
    for (key, value) in [
        ("n_nodes", meta.n_nodes),
        ("k", meta.k),
        ("n_latents", meta.n_latents),
    ] {
        if value == 0 {
            return Err(Error::Config {
                key,
                found: "0".into(),
                expected: "at least 1".into(),
            });
        }
    }
    let value = serde_json::to_value(meta).map_err(|e| Error::zarr(path, e))?;
    let (node, node_k) = (
        vec![meta.n_nodes as u64],
        vec![meta.n_nodes as u64, meta.k as u64],
    );
    let dtype = if meta.n_latents <= MAX_U16 {
        data_type::uint16()
    } else {
        data_type::uint32()
    };
    let [indices, values, mean, norm] = NAMES;
    let small = |spec: ArraySpec| ArraySpec {
        zstd_level: ZSTD_LEVEL,
        ..spec
    };
    let floats = |name, dtype, n_dims: usize, inner| {
        small(ArraySpec::float(name, dtype, &DIMS[..n_dims], inner))
    };
    let specs = [
        ArraySpec {
            dtype,
            ..floats(indices, Dtype::F32, 3, node_k.clone())
        },
        floats(values, meta.dtype, 3, node_k),
        floats(mean, Dtype::F32, 2, node.clone()),
        floats(norm, Dtype::F32, 2, node),
    ];
    Ok((value, specs))
}

fn check_indices(indices: &[u32], n_latents: usize) -> Result<()> {
    match indices.iter().position(|&i| i as usize >= n_latents) {
        Some(element) => Err(Error::CodeIndex {
            index: indices[element],
            element,
            n_latents,
        }),
        None => Ok(()),
    }
}

impl CodeWriter {
    /// Begins a store of exactly `n_records` records in `<path>.part`.
    ///
    /// # Errors
    /// When `path` or `<path>.part` exists, or the directory cannot be written.
    pub fn create(path: impl AsRef<Path>, meta: CodeMeta, n_records: usize) -> Result<Self> {
        let (value, specs) = layout(path.as_ref(), &meta)?;
        let store = PartialStore::create(path.as_ref(), (KIND, value), &specs, n_records)?;
        Ok(Self { meta, store })
    }

    /// Goes on with `<path>.part` where a killed run left it, or begins it when there is none.
    ///
    /// # Errors
    /// As [`ActivationWriter::resume`](crate::ActivationWriter::resume).
    pub fn resume(path: impl AsRef<Path>, meta: CodeMeta, n_records: usize) -> Result<Self> {
        let (value, specs) = layout(path.as_ref(), &meta)?;
        let store = PartialStore::resume(path.as_ref(), (KIND, value), &specs, n_records)?;
        Ok(Self { meta, store })
    }

    /// The records that are complete, in store order.
    pub fn records(&self) -> &[Record] {
        self.store.records()
    }

    /// Whether the record with this start and lead is complete.
    pub fn contains(&self, record: &Record) -> bool {
        self.store.contains(record)
    }

    /// Compresses and writes one record; returns `false`, writing nothing, when it is complete already.
    ///
    /// # Errors
    /// On wrong lengths, an index outside the dictionary, a value f16 cannot hold (too large; what is too small becomes
    /// 0, see [`CodeMeta::dtype`]), or a write that fails.
    pub fn append(&mut self, record: &Record, codes: &CodeRecord) -> Result<bool> {
        self.check(codes)?;
        let codes = &by_index(codes, self.meta.k, self.meta.dtype)?;
        let (dtype, narrow) = (self.meta.dtype, self.meta.n_latents <= MAX_U16);
        self.store.append(record, |root, arrays, at| {
            if narrow {
                let indices: Vec<u16> = codes.indices.iter().map(|&i| i as u16).collect();
                zarr::write_shard(root, &arrays[0], at, &indices)?;
            } else {
                zarr::write_shard(root, &arrays[0], at, &codes.indices)?;
            }
            match dtype {
                Dtype::F32 => zarr::write_shard(root, &arrays[1], at, &codes.values)?,
                Dtype::F16 => zarr::write_shard(
                    root,
                    &arrays[1],
                    at,
                    &halves::to_f16(&codes.values, "values")?,
                )?,
            }
            zarr::write_shard(root, &arrays[2], at, &codes.mean)?;
            zarr::write_shard(root, &arrays[3], at, &codes.norm)
        })
    }

    fn check(&self, codes: &CodeRecord) -> Result<()> {
        let (n, k, n_latents) = (self.meta.n_nodes, self.meta.k, self.meta.n_latents);
        let lengths = [
            ("indices", n * k, codes.indices.len()),
            ("values", n * k, codes.values.len()),
            ("mean", n, codes.mean.len()),
            ("norm", n, codes.norm.len()),
        ];
        for (what, expected, found) in lengths {
            if expected != found {
                return Err(Error::Length {
                    what,
                    expected,
                    found,
                });
            }
        }
        check_indices(&codes.indices, n_latents)
    }

    /// Writes the coordinates and renames the store to its path.
    ///
    /// # Errors
    /// When records are missing, or a write fails.
    pub fn finish(self) -> Result<PathBuf> {
        self.store.finish()
    }
}

/// An open store of codes; shared between threads by reference.
pub struct CodeStore {
    path: PathBuf,
    meta: CodeMeta,
    records: Vec<Record>,
    arrays: [ReadArray; 4],
}

impl CodeStore {
    /// Opens a finished store and checks that every shard is there.
    ///
    /// # Errors
    /// As [`ActivationReader::open`](crate::ActivationReader::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let (meta, records): (CodeMeta, Vec<Record>) = open_group(&path, KIND)?;
        let (_, specs) = layout(&path, &meta)?;
        let open = |spec: &ArraySpec| zarr::open_records(&path, spec, records.len());
        let [indices, values, mean, norm] = &specs;
        let arrays = [open(indices)?, open(values)?, open(mean)?, open(norm)?];
        Ok(Self {
            path,
            meta,
            records,
            arrays,
        })
    }

    /// What the store says about itself.
    pub fn meta(&self) -> &CodeMeta {
        &self.meta
    }

    /// The records in store order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Reads the codes of one record.
    ///
    /// # Errors
    /// When there is no such record, a shard of it is missing or damaged, or an index lies outside the dictionary.
    pub fn read(&self, index: usize) -> Result<CodeRecord> {
        if index >= self.records.len() {
            return Err(Error::OutOfRange {
                index,
                len: self.records.len(),
            });
        }
        let rows = (0, self.meta.n_nodes);
        let floats = |array: &ReadArray| zarr::read_rows::<f32>(&self.path, array, index, rows);
        let [indices, values, mean, norm] = &self.arrays;
        let indices = if self.meta.n_latents <= MAX_U16 {
            let narrow: Vec<u16> = zarr::read_rows(&self.path, indices, index, rows)?;
            narrow.into_iter().map(u32::from).collect()
        } else {
            zarr::read_rows(&self.path, indices, index, rows)?
        };
        check_indices(&indices, self.meta.n_latents)?;
        let values = match self.meta.dtype {
            Dtype::F32 => floats(values)?,
            Dtype::F16 => {
                let narrow: Vec<f16> = zarr::read_rows(&self.path, values, index, rows)?;
                let mut wide = vec![0.0; narrow.len()];
                halves::to_f32(&narrow, &mut wide);
                wide
            }
        };
        let mut codes = CodeRecord {
            indices,
            values,
            mean: floats(mean)?,
            norm: floats(norm)?,
        };
        sort_rows(&mut codes, self.meta.k, |a, b| {
            b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
        });
        Ok(codes)
    }
}

/// The slots as they are stored; those whose value is 0, or rounds to it, count as unused.
fn by_index(codes: &CodeRecord, k: usize, dtype: Dtype) -> Result<CodeRecord> {
    let mut stored = codes.clone();
    if dtype == Dtype::F16 {
        halves::to_f32(
            &halves::to_f16(&codes.values, NAMES[1])?,
            &mut stored.values,
        );
    }
    for (index, value) in stored.indices.iter_mut().zip(&mut stored.values) {
        if *value == 0.0 {
            (*index, *value) = (0, 0.0);
        }
    }
    sort_rows(&mut stored, k, |a, b| {
        a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))
    });
    Ok(stored)
}

/// Sorts the (index, value) pairs of each row.
fn sort_rows(
    codes: &mut CodeRecord,
    k: usize,
    order: impl Fn(&(u32, f32), &(u32, f32)) -> Ordering,
) {
    let mut slots = Vec::with_capacity(k);
    let rows = codes.indices.chunks_exact_mut(k);
    for (indices, values) in rows.zip(codes.values.chunks_exact_mut(k)) {
        slots.clear();
        slots.extend(indices.iter().copied().zip(values.iter().copied()));
        slots.sort_unstable_by(&order);
        for (i, &(index, value)) in slots.iter().enumerate() {
            (indices[i], values[i]) = (index, value);
        }
    }
}
