//! Checkpoints of other tools: [`import()`] and [`export()`].
//!
//! An import gives the same codes and the same reconstruction as the tool itself, up to rounding in f32, or it is an error
//! that names what does not fit. The decoder stays as it is in the file (see
//! [`Sae::with_unit_decoder`](crate::Sae::with_unit_decoder)), except where the tool itself divides by its norms.
//!
//! | | `paper` | `climate-xai` | `saelens` | `sparsify` | `dictionary-learning` |
//! |---|---|---|---|---|---|
//! | files | `*.pt`, `config.json` | `*.pt` | `cfg.json`, `sae_weights.safetensors` | `cfg.json`, `sae.safetensors` | `ae.pt`, `config.json` |
//! | export | yes | no | yes | yes | yes |
//! | TopK | yes | yes | `topk` | `topk` | `AutoEncoderTopK` |
//! | BatchTopK | no | per row only | as `jumprelu`; `batchtopk` is read | no | `BatchTopKSAE` |
//! | JumpReLU | no | no | `jumprelu` | no | `JumpReluAutoEncoder` |
//! | Gated | no | no | `gated` | no | `GatedAutoEncoder` |
//! | ReLU | no | no | `standard` | no | `AutoEncoder`, or `AutoEncoderNew` if the decoder is not of unit norm |
//! | nested dictionaries | in a note | yes | `matryoshka_batchtopk` is read, else in a note | in a note | `MatryoshkaBatchTopKSAE`, else in a note |
//! | transcoder | no | no | `transcoder`, `jumprelu_transcoder` | `transcode` | no |
//! | crosscoder | no | no | no | no | no |
//! | rows centred, unit norm | always | TopK: always | as `layer_norm` | no | no |
//! | rows by standard deviation | no | no | `layer_norm` | no | no |
//! | rows by one number | no | Matryoshka: always | multiplied in | multiplied in | multiplied in |
//! | shared bias | always | TopK: always | yes | yes | yes |
//! | encoder bias | no | Matryoshka: always | yes | yes | yes |
//!
//! "In a note": the format has no place for it and its tool will not know; the export writes our configuration beside its
//! own under the key `dropsonde`, and the import reads it. The paper's files have `config.json` for that.
//!
//! Centred unit-norm rows are `layer_norm` of SAELens with `W_enc / sqrt(d - 1)`, `W_dec * sqrt(d - 1)` and
//! `b_dec * sqrt(d - 1)`, because a row's standard deviation is its norm over `sqrt(d - 1)`: codes are equal. What is not
//! equal is the 1e-5 that SAELens adds to the standard deviation before it divides, and not when it multiplies.
//!
//! # Source
//! The tools' own code: MacMillan's `model.py` (<https://github.com/theodoremacmillan/graphcast-interpretability>, 470e1b9);
//! <https://github.com/mathaim/climate_xai>, e9307a1; SAELens 6.54.12; sparsify 1.3.3; dictionary_learning 60ec6bf.

mod climate_xai;
mod detect;
mod dictionary_learning;
mod hint;
mod paper;
mod parts;
mod pt;
mod saelens;
mod settings;
mod sparsify;
mod weights;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::{Error, Result, Sae, io};

/// A format of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// MacMillan & Ouellette 2025 (arXiv 2512.24440): a `.pt` file with `model_state`, or the bare state dict, and
    /// `config.json` beside it.
    Paper,
    /// climate_xai: a `.pt` file with `model_state_dict` and `config`, TopK or Matryoshka.
    ClimateXai,
    /// SAELens: `cfg.json` and `sae_weights.safetensors`.
    SaeLens,
    /// EleutherAI's sparsify: `cfg.json` and `sae.safetensors`.
    Sparsify,
    /// dictionary_learning: `ae.pt` and `config.json`.
    DictionaryLearning,
    /// Our own, as [`Sae::load`] reads it.
    Dropsonde,
}

impl Format {
    /// All of them, in the order of the table above.
    pub const ALL: [Self; 6] = [
        Self::Paper,
        Self::ClimateXai,
        Self::SaeLens,
        Self::Sparsify,
        Self::DictionaryLearning,
        Self::Dropsonde,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::ClimateXai => "climate-xai",
            Self::SaeLens => "saelens",
            Self::Sparsify => "sparsify",
            Self::DictionaryLearning => "dictionary-learning",
            Self::Dropsonde => "dropsonde",
        }
    }

    /// An error that says what this format and our model do not share.
    fn refuses(self, what: impl fmt::Display, hint: impl fmt::Display) -> Error {
        Error::Interchange {
            format: self,
            what: what.to_string(),
            hint: hint.to_string(),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| Error::Config {
            key: "format",
            found: name.to_owned(),
            expected: format!("one of `{}`", Self::ALL.map(Self::name).join("`, `")),
        })
    }
}

/// What an import cannot know from the files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The format; without it, it is found from the names of files and tensors.
    pub format: Option<Format>,
    /// Active latents per row, for files of the paper without `config.json`. It wins over the file's.
    pub k: Option<usize>,
    /// climate_xai's Matryoshka was trained with top-k over the batch and has no threshold for a single row: true reads
    /// it with top-k per row, as its authors' analysis does. False makes such a file an error.
    pub batch_top_k_per_row: bool,
    /// climate_xai's Matryoshka: what `feature_min.npy` and `feature_max.npy` of its activations hold, if there were
    /// such files. The scaling to -1..1 is then part of the imported weights.
    pub feature_range: Option<FeatureRange>,
}

/// Smallest and largest value of each channel in a data set, `[d_in]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureRange {
    /// Smallest values.
    pub min: Vec<f32>,
    /// Largest values.
    pub max: Vec<f32>,
}

/// What came of an import or export beside the autoencoder.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The format that was read or written.
    pub format: Format,
    /// Rows since each latent was active, `[n_latents]`, where the file counts them.
    pub miss_counts: Option<Vec<u64>>,
    /// Which latents count as dead, `[n_latents]`, where the file says so.
    pub dead_mask: Option<Vec<bool>>,
    /// What was left behind, one thing each.
    pub not_carried: Vec<String>,
    /// What was changed or assumed, a sentence each.
    pub notes: Vec<String>,
}

impl Report {
    fn new(format: Format) -> Self {
        Self {
            format,
            miss_counts: None,
            dead_mask: None,
            not_carried: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    fn leave(&mut self, what: impl fmt::Display) {
        self.not_carried.push(what.to_string());
    }

    fn leave_tensors(&mut self, weights: &weights::Weights) {
        for name in weights.left() {
            self.leave(format_args!("tensor `{name}`"));
        }
    }

    /// Says so if decoder rows are not of unit norm.
    fn note_norms(&mut self, parts: &parts::Parts) {
        if let Some((least, most)) = parts.not_unit() {
            self.note(format!(
                "decoder rows have norms from {least} to {most}, as in the file; `with_unit_decoder` puts them into the codes"
            ));
        }
    }
}

/// Reads a checkpoint of any format, found from its files.
///
/// `path` is a file, or a directory with one checkpoint.
///
/// # Errors
/// When no format fits, a file is missing or malformed, or it holds what a [`Sae`] cannot (the message names it).
pub fn import(path: impl AsRef<Path>) -> Result<(Sae, Report)> {
    import_with(path, &Options::default())
}

/// As [`import()`], told what the files do not say.
///
/// # Errors
/// As [`import()`].
pub fn import_with(path: impl AsRef<Path>, options: &Options) -> Result<(Sae, Report)> {
    match detect::find(path.as_ref(), options.format)? {
        detect::Found::Pt(Format::ClimateXai, file) => climate_xai::read(file, options),
        detect::Found::Pt(Format::DictionaryLearning, file) => dictionary_learning::read(file),
        detect::Found::Pt(_, file) => paper::read(file, options),
        detect::Found::Dir(Format::SaeLens, dir) => saelens::read(&dir),
        detect::Found::Dir(Format::Sparsify, dir) => sparsify::read(&dir),
        detect::Found::Dir(_, dir) => Ok((Sae::load(dir)?, Report::new(Format::Dropsonde))),
    }
}

/// Files of an export with their contents.
type Files = Vec<(&'static str, Vec<u8>)>;

/// Writes `sae` into the directory `dir` in another tool's format, replacing what is there at once.
///
/// # Errors
/// When the format cannot hold this autoencoder (the message names what and where it can go), or `dir` cannot be written.
pub fn export(sae: &Sae, format: Format, dir: impl AsRef<Path>) -> Result<Report> {
    let mut report = Report::new(format);
    if format == Format::Dropsonde {
        sae.save(dir)?;
        return Ok(report);
    }
    if sae.config.n_sites > 1 {
        let what = format!("a crosscoder over {} sites", sae.config.n_sites);
        return Err(format.refuses(what, "keep it in the format `dropsonde`"));
    }
    let parts = parts::Parts::of(sae)?;
    let files = match format {
        Format::Paper => paper::write(sae, parts, &mut report)?,
        Format::SaeLens => saelens::write(sae, parts, &mut report)?,
        Format::Sparsify => sparsify::write(sae, parts, &mut report)?,
        Format::DictionaryLearning => dictionary_learning::write(sae, parts, &mut report)?,
        Format::ClimateXai | Format::Dropsonde => {
            let hint = "export to `paper`, whose tensors have the same names";
            return Err(format.refuses("it is only read", hint));
        }
    };
    io::replace_dir(dir.as_ref(), &files)?;
    Ok(report)
}
