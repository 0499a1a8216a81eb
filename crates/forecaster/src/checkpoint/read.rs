use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use dropsonde_fields::{Task, Variable};
use tch::Tensor;

use super::Checkpoint;
use crate::npz::{Members, NpyArray, read_members};
use crate::{ModelConfig, Parameters};

/// Prefix of the keys of the weights.
const PARAMETERS: &str = "params:";

/// Two frames 6 h apart.
const INPUT_DURATION: &str = "12h";

/// Reads and checks a checkpoint; the error lists all that is wrong.
pub(super) fn checkpoint(reader: impl Read + Seek) -> Result<Checkpoint, String> {
    let members = read_members(reader)?;
    let mut fields = Fields::new(&members);
    let model = model_config(&mut fields);
    let task = task_config(&mut fields);
    let description = fields.optional_text("description");
    let license = fields.optional_text("license");
    fields.finish()?;
    model.check().map_err(|e| e.to_string())?;
    task.check().map_err(|e| e.to_string())?;
    let parameters = parameters(&members)?;
    let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
    parameters
        .check(&model, c_in, c_out)
        .map_err(|e| e.to_string())?;
    parameters.check_finite().map_err(|e| e.to_string())?;
    Ok(Checkpoint {
        model,
        task,
        parameters,
        description,
        license,
    })
}

fn model_config(fields: &mut Fields<'_>) -> ModelConfig {
    let factor = "model_config:mesh2grid_edge_normalization_factor";
    ModelConfig {
        resolution: fields.number("model_config:resolution"),
        mesh_size: fields.integer("model_config:mesh_size"),
        latent_size: fields.integer("model_config:latent_size"),
        gnn_msg_steps: fields.integer("model_config:gnn_msg_steps"),
        hidden_layers: fields.integer("model_config:hidden_layers"),
        radius_query_fraction_edge_length: fields
            .number("model_config:radius_query_fraction_edge_length"),
        mesh2grid_edge_normalization_factor: fields.has(factor).then(|| fields.number(factor)),
    }
}

fn task_config(fields: &mut Fields<'_>) -> Task {
    let mut variables = |list: &str| -> Vec<Variable> {
        let keys = fields.list(&format!("task_config:{list}:"));
        keys.into_iter()
            .map(|key| Variable::new(fields.text(key)))
            .collect()
    };
    let input_variables = variables("input_variables");
    let target_variables = variables("target_variables");
    let forcing_variables = variables("forcing_variables");
    let levels = fields.list("task_config:pressure_levels:");
    let pressure_levels = levels.into_iter().map(|key| fields.integer(key)).collect();
    let duration = fields.text("task_config:input_duration");
    if !duration.is_empty() && duration != INPUT_DURATION {
        fields.problem(format!(
            "`task_config:input_duration` is `{duration}`, expected `{INPUT_DURATION}`\nhint: only models that read two frames 6 h apart are supported"
        ));
    }
    Task {
        input_variables,
        target_variables,
        forcing_variables,
        pressure_levels,
        input_duration_hours: 12,
    }
}

fn parameters(members: &Members) -> Result<Parameters, String> {
    let mut tensors = BTreeMap::new();
    let mut problems = Vec::new();
    for (key, array) in members {
        let Some(name) = key.strip_prefix(PARAMETERS) else {
            continue;
        };
        match tensor(array) {
            Ok(tensor) => drop(tensors.insert(name.to_owned(), tensor)),
            Err(reason) => problems.push(format!("`{key}`: {reason}")),
        }
    }
    match problems.is_empty() {
        true => Ok(Parameters(tensors)),
        false => Err(problems.join("; ")),
    }
}

fn tensor(array: &NpyArray) -> Result<Tensor, String> {
    let values = array.to_f32()?;
    let shape: Vec<i64> = array
        .shape
        .iter()
        .map(|&d| i64::try_from(d).map_err(|_| format!("shape {:?} is too large", array.shape)))
        .collect::<Result<_, _>>()?;
    Tensor::from_slice(&values)
        .f_reshape(shape)
        .map_err(|_| format!("shape {:?} is too large", array.shape))
}

/// Members that are no weights; remembers which were used and what was wrong with them.
struct Fields<'a> {
    members: &'a Members,
    used: BTreeSet<&'a str>,
    problems: Vec<String>,
}

impl<'a> Fields<'a> {
    fn new(members: &'a Members) -> Self {
        Self {
            members,
            used: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    fn has(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    /// The value of a member by `convert`; a default value after a problem, which [`Self::finish`] reports.
    fn value<T: Default>(
        &mut self,
        key: &str,
        convert: impl Fn(&NpyArray) -> Result<T, String>,
    ) -> T {
        let Some((key, array)) = self.members.get_key_value(key) else {
            self.problem(format!("`{key}` is missing"));
            return T::default();
        };
        self.used.insert(key);
        convert(array).unwrap_or_else(|reason| {
            self.problem(format!("`{key}`: {reason}"));
            T::default()
        })
    }

    fn number(&mut self, key: &str) -> f64 {
        self.value(key, NpyArray::scalar)
    }

    fn integer<T: TryFrom<i64> + Default>(&mut self, key: &str) -> T {
        self.value(key, |array| {
            let x = array.scalar()?;
            let whole = (x.fract() == 0.0 && x.abs() < 1e15).then_some(x as i64);
            whole
                .and_then(|n| T::try_from(n).ok())
                .ok_or_else(|| format!("{x}, expected a whole number in range"))
        })
    }

    fn text(&mut self, key: &str) -> String {
        self.value(key, NpyArray::text)
    }

    fn optional_text(&mut self, key: &str) -> String {
        match self.has(key) {
            true => self.text(key),
            false => String::new(),
        }
    }

    /// Keys of a list's items, ordered by their integer index (not as strings: 10 comes after 9).
    fn list(&mut self, prefix: &str) -> Vec<&'a str> {
        let mut items: Vec<(usize, &'a str)> = Vec::new();
        for key in self.members.keys() {
            let Some(index) = key.strip_prefix(prefix) else {
                continue;
            };
            match index.parse() {
                Ok(index) => items.push((index, key)),
                Err(_) => self
                    .problems
                    .push(format!("`{key}` does not end in an integer index")),
            }
        }
        items.sort_unstable();
        if let Some(gap) = (0..items.len()).find(|&i| items[i].0 != i) {
            self.problem(format!("`{prefix}{gap}` is missing"));
        }
        items.into_iter().map(|(_, key)| key).collect()
    }

    fn finish(mut self) -> Result<(), String> {
        let unknown: Vec<&str> = self
            .members
            .keys()
            .map(String::as_str)
            .filter(|key| !key.starts_with(PARAMETERS) && !self.used.contains(key))
            .collect();
        if !unknown.is_empty() {
            self.problem(format!(
                "unknown: `{}`\nhint: a field that this program does not know may change the network; it would be wrong to go on without it",
                unknown.join("`, `")
            ));
        }
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(self.problems.join("; ")),
        }
    }
}
