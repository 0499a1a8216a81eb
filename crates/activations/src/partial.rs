//! A store being written: `<path>.part`, a log of its complete records, a rename at the end.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use zarrs::array::data_type;

use crate::zarr::{self, ArraySpec, ZarrArray};
use crate::{Error, Record, Result};

const LOG: &str = "records.jsonl";
const EPOCH: &str = "seconds since 1970-01-01";

/// A group of arrays with one shard per record each, not yet complete.
pub(crate) struct PartialStore {
    path: PathBuf,
    part: PathBuf,
    kind: &'static str,
    meta: Value,
    n_records: usize,
    records: Vec<Record>,
    seen: HashSet<(i64, i32)>,
    arrays: Vec<ZarrArray>,
}

pub(crate) fn part_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

impl PartialStore {
    pub(crate) fn create(
        path: &Path,
        (kind, meta): (&'static str, Value),
        specs: &[ArraySpec],
        n_records: usize,
    ) -> Result<Self> {
        let part = part_path(path);
        refuse_existing(path, "remove it or choose another path")?;
        refuse_existing(&part, "resume it, or remove it to start again")?;
        fs::create_dir_all(&part).map_err(Error::io(&part))?;
        let arrays = specs
            .iter()
            .map(|spec| zarr::create_array(&part, spec, n_records))
            .collect::<Result<Vec<_>>>()?;
        // The group comes last: without it `resume` starts over.
        zarr::create_group(&part, attributes(kind, &meta, &[], Some(n_records)))?;
        Ok(Self::assemble(
            path,
            (kind, meta),
            n_records,
            arrays,
            Vec::new(),
        ))
    }

    pub(crate) fn resume(
        path: &Path,
        (kind, meta): (&'static str, Value),
        specs: &[ArraySpec],
        n_records: usize,
    ) -> Result<Self> {
        let part = part_path(path);
        if !part.join("zarr.json").is_file() {
            if part.is_dir() {
                fs::remove_dir_all(&part).map_err(Error::io(&part))?;
            }
            return Self::create(path, (kind, meta), specs, n_records);
        }
        refuse_existing(path, "it is complete already")?;
        let found = zarr::group_attributes(&part, kind)?;
        check_same(
            &part,
            &attributes(kind, &meta, &[], Some(n_records)),
            &found,
        )?;
        let arrays = specs
            .iter()
            .map(|spec| zarr::open_array(&part, spec.name))
            .collect::<Result<Vec<_>>>()?;
        let records = read_log(&part)?;
        Ok(Self::assemble(
            path,
            (kind, meta),
            n_records,
            arrays,
            records,
        ))
    }

    fn assemble(
        path: &Path,
        (kind, meta): (&'static str, Value),
        n_records: usize,
        arrays: Vec<ZarrArray>,
        records: Vec<Record>,
    ) -> Self {
        let seen = records
            .iter()
            .map(|r| (r.init_time, r.lead_hours))
            .collect();
        Self {
            path: path.to_path_buf(),
            part: part_path(path),
            kind,
            meta,
            n_records,
            records,
            seen,
            arrays,
        }
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    pub(crate) fn contains(&self, record: &Record) -> bool {
        self.seen.contains(&(record.init_time, record.lead_hours))
    }

    /// Runs `write(root, arrays, position)` and then logs the record as complete; `false` when it was there already.
    pub(crate) fn append(
        &mut self,
        record: &Record,
        write: impl FnOnce(&Path, &[ZarrArray], usize) -> Result<()>,
    ) -> Result<bool> {
        if self.contains(record) {
            return Ok(false);
        }
        if self.records.len() == self.n_records {
            return Err(Error::Full {
                path: self.path.clone(),
                expected: self.n_records,
            });
        }
        write(&self.part, &self.arrays, self.records.len())?;
        self.log(record)?;
        self.seen.insert((record.init_time, record.lead_hours));
        self.records.push(record.clone());
        Ok(true)
    }

    fn log(&self, record: &Record) -> Result<()> {
        let path = self.part.join(LOG);
        let mut line = serde_json::to_string(record).map_err(|e| Error::zarr(&path, e))?;
        line.push('\n');
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(Error::io(&path))
    }

    pub(crate) fn finish(self) -> Result<PathBuf> {
        if self.records.len() != self.n_records {
            return Err(Error::Incomplete {
                path: self.part,
                expected: self.n_records,
                found: self.records.len(),
            });
        }
        self.write_coordinates()?;
        zarr::create_group(
            &self.part,
            attributes(self.kind, &self.meta, &self.records, None),
        )?;
        let log = self.part.join(LOG);
        fs::rename(&self.part, &self.path).map_err(Error::io(&self.path))?;
        let log = self.path.join(log.file_name().unwrap_or_default());
        if log.is_file() {
            fs::remove_file(&log).map_err(Error::io(&log))?;
        }
        Ok(self.path)
    }

    fn write_coordinates(&self) -> Result<()> {
        let init: Vec<i64> = self.records.iter().map(|r| r.init_time).collect();
        let valid: Vec<i64> = self.records.iter().map(Record::valid_time).collect();
        let lead: Vec<i32> = self.records.iter().map(|r| r.lead_hours).collect();
        let cf = |long_name: &str| -> Map<String, Value> {
            let pairs = [
                ("units", EPOCH),
                ("calendar", "proleptic_gregorian"),
                ("long_name", long_name),
            ];
            pairs
                .map(|(k, v)| (k.to_owned(), v.into()))
                .into_iter()
                .collect()
        };
        let lead_attributes = [("long_name".to_owned(), "lead time in hours".into())]
            .into_iter()
            .collect();
        zarr::write_coordinate(
            &self.part,
            "init_time",
            data_type::int64(),
            &init,
            cf("start of the forecast"),
        )?;
        zarr::write_coordinate(
            &self.part,
            "valid_time",
            data_type::int64(),
            &valid,
            cf("time of the state produced"),
        )?;
        zarr::write_coordinate(
            &self.part,
            "lead_hours",
            data_type::int32(),
            &lead,
            lead_attributes,
        )
    }
}

fn refuse_existing(path: &Path, hint: &'static str) -> Result<()> {
    if path.exists() {
        return Err(Error::Exists {
            path: path.to_path_buf(),
            hint,
        });
    }
    Ok(())
}

/// `format`, `metadata`, and `n_records` while unfinished or `splits` when complete.
fn attributes(
    kind: &str,
    meta: &Value,
    records: &[Record],
    unfinished: Option<usize>,
) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("format".into(), json!({ "kind": kind, "version": 1 }));
    map.insert("metadata".into(), meta.clone());
    match unfinished {
        Some(n_records) => map.insert("unfinished_records".into(), n_records.into()),
        None => {
            let splits: Vec<&Option<String>> = records.iter().map(|r| &r.split).collect();
            map.insert("splits".into(), json!(splits))
        }
    };
    map
}

fn check_same(
    part: &Path,
    expected: &Map<String, Value>,
    found: &Map<String, Value>,
) -> Result<()> {
    // A kill between the last metadata and the rename leaves a complete store without this key.
    let key = "unfinished_records";
    let mut pairs = Vec::new();
    if let Some(n_records) = found.get(key) {
        pairs.push((key.to_owned(), expected.get(key), Some(n_records)));
    }
    let (wanted, held) = (
        &expected["metadata"],
        found.get("metadata").unwrap_or(&Value::Null),
    );
    if let Some(map) = wanted.as_object() {
        pairs.extend(
            map.keys()
                .map(|key| (key.clone(), wanted.get(key), held.get(key))),
        );
    }
    for (key, a, b) in pairs {
        if a != b {
            let show = |v: Option<&Value>| v.map_or_else(|| "nothing".to_owned(), Value::to_string);
            return Err(Error::MetadataMismatch {
                path: part.to_path_buf(),
                key,
                expected: show(a),
                found: show(b),
            });
        }
    }
    Ok(())
}

/// The complete records; a last line cut off by a kill is dropped from the file too.
fn read_log(part: &Path) -> Result<Vec<Record>> {
    let path = part.join(LOG);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
    let complete = text.rfind('\n').map_or(0, |end| end + 1);
    if complete < text.len() {
        fs::write(&path, &text[..complete]).map_err(Error::io(&path))?;
    }
    text[..complete]
        .lines()
        .map(|line| {
            serde_json::from_str(line).map_err(|e| Error::zarr(&path, format!("`{line}`: {e}")))
        })
        .collect()
}
