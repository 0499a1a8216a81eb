use std::io::{Result, Seek, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Checkpoint;
use crate::npz::NpyValue;
use crate::parameters::host_values;

/// Writes the members in the dtypes of the reference, stored and with 64-bit sizes as `numpy.savez` does.
pub(super) fn checkpoint(checkpoint: &Checkpoint, out: impl Write + Seek) -> Result<()> {
    let mut file = NpzWriter(ZipWriter::new(out));
    for (name, tensor) in checkpoint.parameters.iter() {
        let shape: Vec<u64> = tensor.size().iter().map(|&d| d as u64).collect();
        let values = host_values(tensor);
        file.member(
            &format!("params:{name}"),
            &NpyValue::Floats(&values, &shape),
        )?;
    }
    model_config(checkpoint, &mut file)?;
    task_config(checkpoint, &mut file)?;
    file.member("description", &NpyValue::Text(&checkpoint.description))?;
    file.member("license", &NpyValue::Text(&checkpoint.license))?;
    file.0.finish()?.flush()
}

struct NpzWriter<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> NpzWriter<W> {
    fn member(&mut self, key: &str, value: &NpyValue<'_>) -> Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .large_file(true)
            .last_modified_time(zip::DateTime::default());
        self.0.start_file(format!("{key}.npy"), options)?;
        value.write(&mut self.0)
    }
}

fn model_config<W: Write + Seek>(checkpoint: &Checkpoint, file: &mut NpzWriter<W>) -> Result<()> {
    let model = &checkpoint.model;
    let numbers = [
        ("resolution", NpyValue::Float(model.resolution)),
        ("mesh_size", NpyValue::Int(model.mesh_size.into())),
        ("latent_size", NpyValue::Int(model.latent_size)),
        ("gnn_msg_steps", NpyValue::Int(model.gnn_msg_steps.into())),
        ("hidden_layers", NpyValue::Int(model.hidden_layers.into())),
        (
            "radius_query_fraction_edge_length",
            NpyValue::Float(model.radius_query_fraction_edge_length),
        ),
    ];
    let factor = model
        .mesh2grid_edge_normalization_factor
        .map(|x| ("mesh2grid_edge_normalization_factor", NpyValue::Float(x)));
    numbers
        .into_iter()
        .chain(factor)
        .try_for_each(|(field, value)| file.member(&format!("model_config:{field}"), &value))
}

fn task_config<W: Write + Seek>(checkpoint: &Checkpoint, file: &mut NpzWriter<W>) -> Result<()> {
    let task = &checkpoint.task;
    let lists = [
        ("input_variables", &task.input_variables),
        ("target_variables", &task.target_variables),
        ("forcing_variables", &task.forcing_variables),
    ];
    for (field, variables) in lists {
        for (i, variable) in variables.iter().enumerate() {
            let key = format!("task_config:{field}:{i}");
            file.member(&key, &NpyValue::Text(variable.name()))?;
        }
    }
    for (i, &level) in task.pressure_levels.iter().enumerate() {
        let key = format!("task_config:pressure_levels:{i}");
        file.member(&key, &NpyValue::Int(level.into()))?;
    }
    let duration = format!("{}h", task.input_duration_hours);
    file.member("task_config:input_duration", &NpyValue::Text(&duration))
}
