mod read;
mod write;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek};
use std::path::Path;

use dropsonde_fields::Task;

use crate::{Error, ModelConfig, Parameters, Result};

/// A trained model as published: a `.npz` whose keys are tree paths joined by `:`.
///
/// | key | value |
/// |---|---|
/// | `params:<module>:<w, b, scale or offset>` | weights, matrices `[in, out]` |
/// | `model_config:<field>` | 0-d number; an optional field may be absent |
/// | `task_config:<list>:<i>` | 0-d string or integer, ordered by the integer `i` |
/// | `task_config:input_duration` | 0-d string, `12h` |
/// | `description`, `license` | 0-d string |
///
/// Source: `checkpoint.py` and `graphcast.CheckPoint`, <https://github.com/google-deepmind/graphcast>.
#[derive(Debug)]
pub struct Checkpoint {
    /// Shape of the network.
    pub model: ModelConfig,
    /// What goes in and comes out.
    pub task: Task,
    /// The weights.
    pub parameters: Parameters,
    /// Free text.
    pub description: String,
    /// Licence of the weights.
    pub license: String,
}

impl Checkpoint {
    /// Reads a public GraphCast checkpoint.
    ///
    /// Weights may be floats of 2, 4 or 8 bytes, bfloat16, integers or booleans, in either byte order and memory order;
    /// they become f32. Members may be stored or deflated.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Checkpoint`] that names the file and everything that is wrong with it: members that
    /// are missing, unknown, truncated, of the wrong type, or larger than a file of this size can hold; weights that are
    /// missing, unused, misshapen or not finite.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(Error::io("open", path))?;
        Self::from_reader(BufReader::new(file), path)
    }

    /// Like [`Self::read`], from bytes; `path` appears in errors.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_reader(reader: impl Read + Seek, path: impl AsRef<Path>) -> Result<Self> {
        read::checkpoint(reader).map_err(|reason| Error::Checkpoint {
            path: path.as_ref().to_owned(),
            reason,
        })
    }

    /// Writes the public layout, to a temporary name first. The reference's loader reads it back, unless one of the
    /// task's lists is empty (the layout cannot say so).
    ///
    /// # Errors
    /// [`Error::Io`] with the file name; the temporary file is then removed.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let part = path.with_extension("npz.part");
        let file = File::create(&part).map_err(Error::io("create", &part))?;
        let written = write::checkpoint(self, BufWriter::new(file))
            .map_err(Error::io("write", &part))
            .and_then(|()| std::fs::rename(&part, path).map_err(Error::io("rename", path)));
        if written.is_err() {
            // The first error is the one to report.
            let _ = std::fs::remove_file(&part);
        }
        written
    }

    /// Deterministic random weights in this shape: W ~ N(0, 1/fan_in), biases and offsets ~ 0.1 N(0, 1), scales
    /// ~ 1 + 0.2 N(0, 1), so that no weight has a neutral value.
    ///
    /// Such a model forecasts nothing, but shapes, memory, speed and numbers of different implementations can be
    /// compared on it.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Fields`] if no network can have this shape.
    pub fn random(model: ModelConfig, task: Task, seed: u64) -> Result<Self> {
        model.check()?;
        task.check()?;
        let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
        Ok(Self {
            parameters: Parameters::random_everywhere(&model, c_in, c_out, seed),
            model,
            task,
            description: format!("random weights, seed {seed}; not trained"),
            license: "random numbers, no licence needed".to_owned(),
        })
    }
}
