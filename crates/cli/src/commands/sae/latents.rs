//! Where latents come from: a store, `.npy` files of another tool, or the forecaster itself.

use std::path::Path;

use anyhow::{Context, ensure};
use dropsonde_activations::{
    ActivationReader, LatentsMeta, NpyDtype, NpyDump, Record, Rows as _, Shuffle, ShuffleConfig,
    ShufflePosition,
};
use dropsonde_capture::{CapturePlan, LatentStream, StreamConfig, latents_from};
use dropsonde_fields::Source;
use dropsonde_forecaster::Forecaster;
use tch::Tensor;

/// Rows of latents by record.
pub(super) enum Latents<'a> {
    Store(ActivationReader),
    Dump(NpyDump, LatentsMeta),
    /// Steps of a forecaster, run when they are asked for.
    Live {
        forecaster: &'a Forecaster,
        source: &'a Source,
        plan: CapturePlan,
        meta: LatentsMeta,
    },
}

/// How rows are mixed for training.
pub(super) struct Mix {
    pub(super) seed: u64,
    pub(super) batch_rows: usize,
    pub(super) memory_bytes: usize,
}

impl<'a> Latents<'a> {
    /// Opens a store, a `.npy` file or a directory of them; `dtype` says what elements of `|V2` mean.
    pub(super) fn open(path: &Path, dtype: Option<NpyDtype>) -> anyhow::Result<Self> {
        if path.join("zarr.json").is_file() {
            ensure!(
                dtype.is_none(),
                "`--dtype` is for `.npy` files, `{}` is a store\nhint: leave it out",
                path.display()
            );
            return Ok(Self::Store(ActivationReader::open(path)?));
        }
        let dump = NpyDump::open(path, dtype)?;
        let meta = dump.meta()?;
        Ok(Self::Dump(dump, meta))
    }

    pub(super) fn meta(&self) -> &LatentsMeta {
        match self {
            Self::Store(reader) => reader.meta(),
            Self::Dump(_, meta) | Self::Live { meta, .. } => meta,
        }
    }

    /// The splits of the records.
    fn splits(&self) -> Vec<Option<&str>> {
        match self {
            Self::Store(reader) => {
                let records = reader.records().iter();
                records.map(|record| record.split.as_deref()).collect()
            }
            Self::Dump(dump, _) => vec![None; dump.n_records()],
            Self::Live { plan, .. } => {
                let times = plan.init_times.iter();
                times.map(|(_, split)| split.as_deref()).collect()
            }
        }
    }

    /// Indices of the records of a split (of all, without one).
    pub(super) fn records_of(&self, split: Option<&str>) -> anyhow::Result<Vec<usize>> {
        let splits = self.splits();
        let chosen = |i: &usize| split.is_none() || splits[*i] == split;
        let records: Vec<usize> = (0..splits.len()).filter(chosen).collect();
        let name = split.unwrap_or("any");
        ensure!(
            !records.is_empty(),
            "no record of split `{name}` in the latents\nhint: `dropsonde inspect` lists the splits of a store; `.npy` files have none"
        );
        Ok(records)
    }

    /// What the records are; those of `.npy` files whose names have no time are an error.
    pub(super) fn records(&self) -> anyhow::Result<Vec<Record>> {
        match self {
            Self::Store(reader) => Ok(reader.records().to_vec()),
            Self::Dump(dump, _) => Ok(dump.records()?),
            Self::Live { plan, .. } => Ok(plan.records()),
        }
    }

    /// One record as rows `[M, D]`.
    pub(super) fn rows(&self, index: usize) -> anyhow::Result<Tensor> {
        let width = self.meta().width;
        let values = match self {
            Self::Store(reader) => reader.read(index)?,
            Self::Dump(dump, _) => {
                let mut values = vec![0.0; dump.n_rows(index) * width];
                dump.read_rows_into(index, 0, &mut values)?;
                values
            }
            Self::Live {
                forecaster,
                source,
                plan,
                ..
            } => {
                let (time, _) = plan
                    .init_times
                    .get(index)
                    .context("there is no such step")?;
                latents_from(forecaster, source, *time, plan.site)?
            }
        };
        Ok(Tensor::from_slice(&values).reshape([-1, width as i64]))
    }

    /// Batches of the rows of some records.
    pub(super) fn batches(&self, records: &[usize], mix: &Mix) -> anyhow::Result<Batches<'a>> {
        let config = ShuffleConfig {
            seed: mix.seed,
            batch_rows: mix.batch_rows,
            memory_bytes: mix.memory_bytes,
            ..ShuffleConfig::default()
        };
        Ok(match self {
            Self::Store(reader) => Batches::Shuffled(Shuffle::new(reader, records, config)?),
            Self::Dump(dump, _) => Batches::Shuffled(Shuffle::new(dump, records, config)?),
            Self::Live {
                forecaster,
                source,
                plan,
                ..
            } => {
                let times = records
                    .iter()
                    .map(|&i| plan.init_times[i].clone())
                    .collect();
                let plan = CapturePlan {
                    site: plan.site,
                    init_times: times,
                };
                let config = StreamConfig {
                    seed: mix.seed,
                    batch_rows: mix.batch_rows,
                    buffer_bytes: mix.memory_bytes,
                };
                Batches::Streamed(LatentStream::new(forecaster, source, &plan, config)?)
            }
        })
    }
}

/// Batches of rows, epoch after epoch.
pub(super) enum Batches<'a> {
    Shuffled(Shuffle),
    Streamed(LatentStream<'a>),
}

impl Batches<'_> {
    /// Rows per epoch.
    pub(super) fn n_rows(&self) -> usize {
        match self {
            Self::Shuffled(shuffle) => shuffle.n_rows(),
            Self::Streamed(stream) => stream.n_rows(),
        }
    }

    /// Batches per epoch.
    pub(super) fn n_batches(&self) -> usize {
        match self {
            Self::Shuffled(shuffle) => shuffle.n_batches(),
            Self::Streamed(stream) => stream.n_batches(),
        }
    }

    pub(super) fn position(&self) -> ShufflePosition {
        match self {
            Self::Shuffled(shuffle) => shuffle.position(),
            Self::Streamed(stream) => stream.position(),
        }
    }

    pub(super) fn seek(&mut self, position: ShufflePosition) -> anyhow::Result<()> {
        match self {
            Self::Shuffled(shuffle) => shuffle.seek(position)?,
            Self::Streamed(stream) => stream.seek(position)?,
        }
        Ok(())
    }

    /// The next batch `[rows, D]`, or `None` once at the end of each epoch.
    pub(super) fn next_batch(&mut self) -> anyhow::Result<Option<Tensor>> {
        let (width, rows) = match self {
            Self::Shuffled(shuffle) => (shuffle.width(), shuffle.next_batch()?),
            Self::Streamed(stream) => (stream.width(), stream.next_batch()?),
        };
        Ok(rows.map(|rows| Tensor::from_slice(rows).reshape([-1, width as i64])))
    }
}
