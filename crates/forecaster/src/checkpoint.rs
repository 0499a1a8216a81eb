use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use dropsonde_fields::{Task, Variable};
use tch::Tensor;
use zip::write::SimpleFileOptions;

use crate::npy::{NpyArray, NpyValue};
use crate::parameters::host_values;
use crate::{Error, ModelConfig, Parameters, Result};

/// A trained model as published: an uncompressed `.npz` whose keys are tree paths joined by `:`.
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

type Members = BTreeMap<String, NpyArray>;

impl Checkpoint {
    /// Reads a public GraphCast checkpoint.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] that names the file and the member that is missing, truncated or of the wrong type;
    /// [`Error::Parameters`] that lists missing and unused weights.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(Error::io("open", path))?;
        let bad = |reason: String| Error::Checkpoint {
            path: path.to_owned(),
            reason,
        };
        let members = read_members(BufReader::new(file)).map_err(bad)?;
        let checkpoint = Self::from_members(&members).map_err(bad)?;
        checkpoint.model.check()?;
        checkpoint.task.check()?;
        checkpoint.parameters.check(
            &checkpoint.model,
            checkpoint.task.input_channels().len(),
            checkpoint.task.output_channels().len(),
        )?;
        Ok(checkpoint)
    }

    /// Writes the public layout, to a temporary name first.
    ///
    /// # Errors
    /// [`Error::Io`] with the file name.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let part = path.with_extension("npz.part");
        let file = File::create(&part).map_err(Error::io("create", &part))?;
        self.write_members(BufWriter::new(file))
            .map_err(Error::io("write", &part))?;
        std::fs::rename(&part, path).map_err(Error::io("rename", path))
    }

    fn from_members(members: &Members) -> Result<Self, String> {
        let mut tensors = BTreeMap::new();
        for (key, array) in members {
            if let Some(name) = key.strip_prefix("params:") {
                let values = array.to_f32().map_err(|e| format!("`{key}`: {e}"))?;
                let shape: Vec<i64> = array.shape.iter().map(|&d| d as i64).collect();
                tensors.insert(name.to_owned(), Tensor::from_slice(&values).reshape(shape));
            }
        }
        Ok(Self {
            model: model_config(members)?,
            task: task_config(members)?,
            parameters: Parameters(tensors),
            description: optional_text(members, "description")?,
            license: optional_text(members, "license")?,
        })
    }

    fn write_members(&self, out: impl Write + Seek) -> std::io::Result<()> {
        let mut zip = zip::ZipWriter::new(out);
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .large_file(true)
            .last_modified_time(zip::DateTime::default());
        let mut member = |key: &str, value: NpyValue<'_>| {
            zip.start_file(format!("{key}.npy"), options)?;
            value.write(&mut zip)
        };
        for (name, tensor) in self.parameters.iter() {
            let shape: Vec<u64> = tensor.size().iter().map(|&d| d as u64).collect();
            member(
                &format!("params:{name}"),
                NpyValue::Floats(&host_values(tensor), &shape),
            )?;
        }
        let model = &self.model;
        let float = |x: f64| NpyValue::Float(x);
        member("model_config:resolution", float(model.resolution))?;
        member(
            "model_config:mesh_size",
            NpyValue::Int(model.mesh_size.into()),
        )?;
        member("model_config:latent_size", NpyValue::Int(model.latent_size))?;
        member(
            "model_config:gnn_msg_steps",
            NpyValue::Int(model.gnn_msg_steps.into()),
        )?;
        member(
            "model_config:hidden_layers",
            NpyValue::Int(model.hidden_layers.into()),
        )?;
        member(
            "model_config:radius_query_fraction_edge_length",
            float(model.radius_query_fraction_edge_length),
        )?;
        if let Some(factor) = model.mesh2grid_edge_normalization_factor {
            member(
                "model_config:mesh2grid_edge_normalization_factor",
                float(factor),
            )?;
        }
        let task = &self.task;
        for (field, variables) in [
            ("input_variables", &task.input_variables),
            ("target_variables", &task.target_variables),
            ("forcing_variables", &task.forcing_variables),
        ] {
            for (i, variable) in variables.iter().enumerate() {
                member(
                    &format!("task_config:{field}:{i}"),
                    NpyValue::Text(variable.name()),
                )?;
            }
        }
        for (i, level) in task.pressure_levels.iter().enumerate() {
            member(
                &format!("task_config:pressure_levels:{i}"),
                NpyValue::Int((*level).into()),
            )?;
        }
        let duration = format!("{}h", task.input_duration_hours);
        member("task_config:input_duration", NpyValue::Text(&duration))?;
        member("description", NpyValue::Text(&self.description))?;
        member("license", NpyValue::Text(&self.license))?;
        zip.finish()?.flush()
    }
}

fn read_members(file: impl Read + Seek) -> Result<Members, String> {
    let mut zip =
        zip::ZipArchive::new(file).map_err(|e| format!("expected an npz (zip) file: {e}"))?;
    let mut members = Members::new();
    for i in 0..zip.len() {
        let member = zip.by_index(i).map_err(|e| e.to_string())?;
        let name = member.name().map_err(|e| e.to_string())?.into_owned();
        let key = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let size = member.size();
        let array = NpyArray::read(member, size).map_err(|e| format!("`{key}`: {e}"))?;
        members.insert(key, array);
    }
    Ok(members)
}

fn number(members: &Members, key: &str) -> Result<f64, String> {
    let array = members
        .get(key)
        .ok_or_else(|| format!("`{key}` is missing"))?;
    array.scalar().map_err(|e| format!("`{key}`: {e}"))
}

fn integer<T: TryFrom<i64>>(members: &Members, key: &str) -> Result<T, String> {
    let x = number(members, key)?;
    let whole = (x.fract() == 0.0 && x.abs() < 1e15).then_some(x as i64);
    whole
        .and_then(|n| T::try_from(n).ok())
        .ok_or_else(|| format!("`{key}` is {x}, out of range"))
}

fn optional_text(members: &Members, key: &str) -> Result<String, String> {
    members.get(key).map_or(Ok(String::new()), |a| {
        a.text().map_err(|e| format!("`{key}`: {e}"))
    })
}

fn model_config(members: &Members) -> Result<ModelConfig, String> {
    let key = |field: &str| format!("model_config:{field}");
    let factor = key("mesh2grid_edge_normalization_factor");
    Ok(ModelConfig {
        resolution: number(members, &key("resolution"))?,
        mesh_size: integer(members, &key("mesh_size"))?,
        latent_size: integer(members, &key("latent_size"))?,
        gnn_msg_steps: integer(members, &key("gnn_msg_steps"))?,
        hidden_layers: integer(members, &key("hidden_layers"))?,
        radius_query_fraction_edge_length: number(
            members,
            &key("radius_query_fraction_edge_length"),
        )?,
        mesh2grid_edge_normalization_factor: members
            .contains_key(&factor)
            .then(|| number(members, &factor))
            .transpose()?,
    })
}

/// Elements of a tuple field, ordered by their integer index (not as strings: 10 comes after 9).
fn tuple<'a>(members: &'a Members, field: &str) -> Result<Vec<(&'a str, &'a NpyArray)>, String> {
    let prefix = format!("task_config:{field}:");
    let mut items = Vec::new();
    for (key, array) in members {
        if let Some(index) = key.strip_prefix(&prefix) {
            let index: usize = index
                .parse()
                .map_err(|_| format!("`{key}` has no integer index"))?;
            items.push((index, key.as_str(), array));
        }
    }
    items.sort_by_key(|(index, ..)| *index);
    match items.iter().enumerate().find(|(i, (index, ..))| i != index) {
        Some((i, _)) => Err(format!("`{prefix}{i}` is missing")),
        None => Ok(items
            .into_iter()
            .map(|(_, key, array)| (key, array))
            .collect()),
    }
}

fn task_config(members: &Members) -> Result<Task, String> {
    let variables = |field: &str| -> Result<Vec<Variable>, String> {
        let names = tuple(members, field)?;
        names
            .into_iter()
            .map(|(key, a)| {
                a.text()
                    .map(Variable::new)
                    .map_err(|e| format!("`{key}`: {e}"))
            })
            .collect()
    };
    let levels = tuple(members, "pressure_levels")?;
    let duration = optional_text(members, "task_config:input_duration")?;
    Ok(Task {
        input_variables: variables("input_variables")?,
        target_variables: variables("target_variables")?,
        forcing_variables: variables("forcing_variables")?,
        pressure_levels: levels
            .into_iter()
            .map(|(key, _)| integer(members, key))
            .collect::<Result<_, _>>()?,
        input_duration_hours: duration
            .strip_suffix('h')
            .and_then(|hours| hours.parse().ok())
            .ok_or_else(|| {
                format!(
                    "`task_config:input_duration` is `{duration}`, expected hours such as `12h`"
                )
            })?,
    })
}
