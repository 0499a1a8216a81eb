//! Import, encode and export, on the reference's own files.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Fixtures of other crates: the reference's checkpoints and activations.
fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn dropsonde(arguments: &[&std::ffi::OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dropsonde"))
        .arg("sae")
        .args(arguments)
        .output()
        .unwrap()
}

macro_rules! sae {
    ($($argument:expr),* $(,)?) => {
        dropsonde(&[$(AsRef::<std::ffi::OsStr>::as_ref(&$argument)),*])
    };
}

fn done(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn fails(output: &Output, words: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(words), "{error}");
}

/// The arrays of a `.npz` file as f64, with their shapes.
fn npz(path: &Path) -> HashMap<String, (Vec<u64>, Vec<f64>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut arrays = HashMap::new();
    for i in 0..zip.len() {
        let mut entry = zip.by_index(i).unwrap();
        let name = entry.name().unwrap().trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let file = npyz::NpyFile::new(&bytes[..]).unwrap();
        let shape = file.shape().to_vec();
        let values: Option<Vec<f64>> = if name.ends_with("dtype") {
            None
        } else if name == "indices" {
            Some(
                file.into_vec::<u32>()
                    .unwrap()
                    .into_iter()
                    .map(f64::from)
                    .collect(),
            )
        } else {
            Some(
                file.into_vec::<f32>()
                    .unwrap()
                    .into_iter()
                    .map(f64::from)
                    .collect(),
            )
        };
        if let Some(values) = values {
            arrays.insert(name, (shape, values));
        }
    }
    arrays
}

/// Codes as the reference has them, `[rows, 128]`.
fn dense(codes: &HashMap<String, (Vec<u64>, Vec<f64>)>) -> Vec<f64> {
    let (shape, indices) = &codes["indices"];
    let k = shape[1] as usize;
    let mut out = vec![0.0; shape[0] as usize * 128];
    for (slot, (index, value)) in indices.iter().zip(&codes["values"].1).enumerate() {
        if *value != 0.0 {
            out[slot / k * 128 + *index as usize] = *value;
        }
    }
    out
}

#[test]
fn a_published_checkpoint_gives_the_published_codes_for_every_kind_of_dump() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("imported");
    let checkpoint = fixture("sae/tests/data/interchange/paper/sae_bare_state_dict.pt");
    let said = done(&sae![
        "import",
        checkpoint,
        "--out",
        out,
        "--site",
        "processor/08"
    ]);
    assert!(
        said.contains("TopK") && said.contains("format `paper`"),
        "{said}"
    );
    let expected = npz(&fixture("sae/tests/data/codes_from_npy.npz"));
    for (file, dtype, name) in [
        ("layer0008_f32_2d", None, "layer0008_f32_2d.code"),
        ("layer0008_f16_3d", None, "layer0008_f16_3d.code"),
        (
            "layer0008_bf16_V2",
            Some("f16-view"),
            "layer0008_bf16_V2.code",
        ),
        (
            "layer0008_bf16_V2",
            Some("bf16"),
            "layer0008_bf16_V2.code_if_bfloat16",
        ),
    ] {
        let dump = fixture(&format!("activations/tests/data/{file}.npy"));
        let codes = directory.path().join("codes.npz");
        let arguments = ["encode", "--sae"].map(std::ffi::OsStr::new);
        let mut all = arguments.to_vec();
        all.extend([out.as_os_str(), "--activations".as_ref(), dump.as_os_str()]);
        all.extend(["--out".as_ref(), codes.as_os_str()]);
        all.extend(
            dtype
                .iter()
                .flat_map(|d| [std::ffi::OsStr::new("--dtype"), d.as_ref()]),
        );
        done(&dropsonde(&all));
        let found = dense(&npz(&codes));
        let (_, expected) = &expected[name];
        let error = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let error = error.fold(0.0, f64::max);
        assert!(error < 5e-6, "{name}: {error}");
    }
    let undecided = fixture("activations/tests/data/layer0008_bf16_V2.npy");
    let codes = directory.path().join("codes.npz");
    let output = sae![
        "encode",
        "--sae",
        out,
        "--latents",
        undecided,
        "--out",
        codes
    ];
    fails(&output, "`bf16` is most likely right");
}

#[test]
fn what_is_exported_can_be_imported() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let checkpoint = fixture("sae/tests/data/interchange/paper/sae_bare_state_dict.pt");
    done(&sae!["import", checkpoint, "--out", at("a")]);
    let dump = fixture("activations/tests/data/layer0008_f32_2d.npy");
    done(&sae![
        "encode",
        "--sae",
        at("a"),
        "--latents",
        dump,
        "--out",
        at("a.npz")
    ]);
    for format in ["paper", "saelens"] {
        done(&sae![
            "export",
            "--sae",
            at("a"),
            "--to",
            format,
            "--out",
            at(format)
        ]);
        let said = done(&sae!["import", at(format), "--out", at("b"), "--json"]);
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["format"], format);
        done(&sae![
            "encode",
            "--sae",
            at("b"),
            "--latents",
            dump,
            "--out",
            at("b.npz")
        ]);
        let [a, b] = ["a.npz", "b.npz"].map(|name| dense(&npz(&at(name))));
        let error = a
            .iter()
            .zip(&b)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        assert!(error < 2e-5, "{format}: {error}");
    }
    let output = sae!["export", "--sae", at("a"), "--to", "tea", "--out", at("c")];
    fails(&output, "tea");
    let output = sae![
        "encode",
        "--sae",
        at("a"),
        "--latents",
        dump,
        "--out",
        at("codes.csv")
    ];
    fails(&output, "neither in `.zarr` nor in `.npz`");
}

#[test]
fn codes_of_a_dump_with_times_become_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let checkpoint = fixture("sae/tests/data/interchange/paper/sae_bare_state_dict.pt");
    done(&sae!["import", checkpoint, "--out", at("sae")]);
    std::fs::create_dir(at("dump")).unwrap();
    let name = "layer0008_mesh_gnn_post_res_nodes_mesh_nodes_t2021-09-28T06.npy";
    let from = fixture("activations/tests/data/layer0008_f16_3d.npy");
    std::fs::copy(from, at("dump").join(name)).unwrap();
    done(&sae![
        "encode",
        "--sae",
        at("sae"),
        "--latents",
        at("dump"),
        "--out",
        at("codes.zarr")
    ]);
    let store = dropsonde_activations::CodeStore::open(at("codes.zarr")).unwrap();
    assert_eq!(store.records().len(), 1);
    assert_eq!(store.meta().n_latents, 128);
    let codes = store.read(0).unwrap();
    assert_eq!(codes.mean.len(), 128);
}
