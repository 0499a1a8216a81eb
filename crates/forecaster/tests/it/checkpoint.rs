//! The public checkpoint layout: what is read, and that what is written is the same.

use std::collections::BTreeMap;
use std::io::Cursor;

use crate::common::npz::{Npz, floats, header, npy};
use crate::common::{FACTOR, PRECIPITATION, TINY, file};
use dropsonde_fields::Task;
use dropsonde_forecaster::{Checkpoint, ModelConfig, Preset};
use half::{bf16, f16};
use zip::CompressionMethod::{Deflated, Stored};

const WEIGHT: &str = "params:mesh_gnn/~_networks_builder/processor_edges_1_mesh_mlp/~/linear_0:w";

fn read(npz: &Npz) -> Checkpoint {
    Checkpoint::from_reader(Cursor::new(npz.bytes(Stored)), "test.npz").unwrap()
}

fn bits(checkpoint: &Checkpoint) -> BTreeMap<String, (Vec<i64>, Vec<u32>)> {
    let weights = checkpoint.parameters.iter().map(|(name, tensor)| {
        let values = Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
        let bits = values.into_iter().map(f32::to_bits).collect();
        (name.to_owned(), (tensor.size(), bits))
    });
    weights.collect()
}

/// Key, dtype and shape of every member, from the reference's own list.
fn listed(model: &str) -> BTreeMap<String, (String, Vec<u64>)> {
    let text = std::fs::read_to_string(file(model, "checkpoint_keys.txt")).unwrap();
    let entry = |line: &str| {
        let mut columns = line.split('\t');
        let [key, dtype, shape] = std::array::from_fn(|_| columns.next().unwrap());
        let dtype = match dtype {
            "float32" => "<f4",
            "float64" => "<f8",
            "int64" => "<i8",
            other => other,
        };
        let dims = shape.trim_matches(|c| c == '(' || c == ')').split(',');
        let dims = dims.filter_map(|d| d.trim().parse().ok()).collect();
        (key.to_owned(), (dtype.to_owned(), dims))
    };
    text.lines().filter(|l| !l.is_empty()).map(entry).collect()
}

#[test]
fn what_is_written_has_the_keys_dtypes_and_shapes_of_the_reference() {
    let directory = tempfile::tempdir().unwrap();
    for model in [TINY, FACTOR, PRECIPITATION] {
        let expected = listed(model);
        assert!(expected.len() > 150, "{}", expected.len());
        let read = Checkpoint::read(file(model, "checkpoint.npz")).unwrap();
        let path = directory.path().join("copy.npz");
        read.write(&path).unwrap();
        let written = Npz::open(&path).0;
        let found: BTreeMap<_, _> = written
            .iter()
            .map(|(key, bytes)| (key.clone(), header(bytes)))
            .collect();
        assert_eq!(found, expected, "{model}");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    }
}

#[test]
fn reading_what_was_written_gives_the_same_bits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy.npz");
    for model in [TINY, FACTOR, PRECIPITATION] {
        let first = Checkpoint::read(file(model, "checkpoint.npz")).unwrap();
        first.write(&path).unwrap();
        let second = Checkpoint::read(&path).unwrap();
        assert_eq!(second.model, first.model);
        assert_eq!(second.task, first.task);
        assert_eq!(second.description, first.description);
        assert_eq!(second.license, first.license);
        assert_eq!(bits(&second), bits(&first));
    }
    let factor = Checkpoint::read(file(FACTOR, "checkpoint.npz")).unwrap();
    let expected = Some(0.618_033_873_807_447_2);
    assert_eq!(factor.model.mesh2grid_edge_normalization_factor, expected);
}

#[test]
fn free_text_and_every_number_survive_writing() {
    let mut checkpoint = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
    checkpoint.description = "Dürre, 30 °C, 雨\nsecond line".to_owned();
    checkpoint.license = String::new();
    checkpoint.model.resolution = 0.1 + 0.2;
    checkpoint.model.radius_query_fraction_edge_length = 1.0 / 3.0;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy.npz");
    checkpoint.write(&path).unwrap();
    let again = Checkpoint::read(&path).unwrap();
    assert_eq!(again.description, checkpoint.description);
    assert_eq!(again.license, "");
    assert_eq!(again.model, checkpoint.model);
}

#[test]
fn lists_are_ordered_by_their_integer_index() {
    // As strings, `10` comes before `2`; the lists have 13 levels and 18 variables.
    let checkpoint = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
    let task = Task::graphcast_13();
    assert_eq!(checkpoint.task.pressure_levels, task.pressure_levels);
    assert_eq!(checkpoint.task.input_variables, task.input_variables);
    assert_eq!(checkpoint.task.target_variables, task.target_variables);
}

#[test]
fn optional_members_may_be_absent() {
    let mut npz = Npz::open(file(FACTOR, "checkpoint.npz"));
    for key in [
        "model_config:mesh2grid_edge_normalization_factor",
        "description",
        "license",
    ] {
        npz.remove(key);
    }
    let checkpoint = read(&npz);
    assert_eq!(checkpoint.model.mesh2grid_edge_normalization_factor, None);
    assert_eq!(checkpoint.description, "");
}

#[test]
fn numbers_of_the_configuration_may_have_any_numeric_dtype() {
    let mut npz = Npz::open(file(TINY, "checkpoint.npz"));
    npz.set("model_config:mesh_size", npy("|u1", false, &[], &[2]));
    let steps = npy(">i2", false, &[], &3i16.to_be_bytes());
    npz.set("model_config:gnn_msg_steps", steps);
    let latent = npy("<f8", false, &[1], &16f64.to_le_bytes());
    npz.set("model_config:latent_size", latent);
    let resolution = npy("<i4", false, &[], &10i32.to_le_bytes());
    npz.set("model_config:resolution", resolution);
    let checkpoint = read(&npz);
    let expected = Checkpoint::read(file(TINY, "checkpoint.npz")).unwrap();
    assert_eq!(checkpoint.model, expected.model);
}

#[test]
fn weights_may_have_any_numeric_dtype_and_order() {
    let source = Npz::open(file(TINY, "checkpoint.npz"));
    let (_, shape) = header(source.get(WEIGHT));
    let values = floats(source.get(WEIGHT));
    let weight = |descr: &str, fortran: bool, data: Vec<u8>| -> Vec<f32> {
        let mut npz = Npz(source.0.clone());
        npz.set(WEIGHT, npy(descr, fortran, &shape, &data));
        let checkpoint = read(&npz);
        let name = WEIGHT.strip_prefix("params:").unwrap();
        let (_, tensor) = checkpoint
            .parameters
            .iter()
            .find(|(n, _)| *n == name)
            .unwrap();
        assert_eq!(tensor.size(), [48, 16]);
        Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap()
    };
    let bytes =
        |convert: &dyn Fn(f32) -> Vec<u8>| values.iter().flat_map(|&x| convert(x)).collect();
    let rounded = |round: &dyn Fn(f32) -> f32| values.iter().map(|&x| round(x)).collect::<Vec<_>>();
    let doubles = weight("<f8", false, bytes(&|x| f64::from(x).to_le_bytes().into()));
    assert_eq!(doubles, values);
    let big = weight(">f4", false, bytes(&|x| x.to_be_bytes().into()));
    assert_eq!(big, values);
    let halves = weight(
        "<f2",
        false,
        bytes(&|x| f16::from_f32(x).to_le_bytes().into()),
    );
    assert_eq!(halves, rounded(&|x| f16::from_f32(x).to_f32()));
    let brain = weight(
        "|V2",
        false,
        bytes(&|x| bf16::from_f32(x).to_le_bytes().into()),
    );
    assert_eq!(brain, rounded(&|x| bf16::from_f32(x).to_f32()));
    let mut columns = Vec::new();
    for column in 0..16 {
        (0..48).for_each(|row| columns.extend(values[16 * row + column].to_le_bytes()));
    }
    assert_eq!(weight("<f4", true, columns), values);
    let signs = weight("|b1", false, bytes(&|x| vec![u8::from(x > 0.0)]));
    assert_eq!(signs, rounded(&|x| f32::from(u8::from(x > 0.0))));
}

#[test]
fn members_may_be_stored_with_64_bit_sizes_or_deflated() {
    let npz = Npz::open(file(TINY, "checkpoint.npz"));
    let [stored, deflated] = [Stored, Deflated].map(|method| npz.bytes(method));
    assert!(deflated.len() < stored.len());
    let [a, b] = [stored, deflated]
        .map(|bytes| Checkpoint::from_reader(Cursor::new(bytes), "test.npz").unwrap());
    assert_eq!(bits(&a), bits(&b));
}

#[test]
fn random_weights_fit_any_shape_and_depend_on_the_seed_alone() {
    let narrow = |preset: Preset| ModelConfig {
        latent_size: 4,
        ..preset.model()
    };
    for preset in Preset::ALL {
        let random = |seed| Checkpoint::random(narrow(preset), preset.task(), seed).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("random.npz");
        random(1).write(&path).unwrap();
        assert_eq!(bits(&Checkpoint::read(&path).unwrap()), bits(&random(1)));
        assert_ne!(bits(&random(2)), bits(&random(1)));
    }
    let checkpoint = Checkpoint::random(narrow(Preset::GraphCastSmall), Task::graphcast(), 5);
    for (name, tensor) in checkpoint.unwrap().parameters.iter() {
        // No weight has the value that a missing one would be replaced by.
        assert!(bool::try_from(tensor.ne(0.0).all()).unwrap(), "{name}");
        assert!(bool::try_from(tensor.ne(1.0).all()).unwrap(), "{name}");
    }
}
