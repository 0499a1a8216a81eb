//! Sweeps of autoencoders: what they leave behind, and being killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use dropsonde_activations::{ActivationWriter, LatentsMeta, Record, Rng};
use dropsonde_sae::Sae;
use serde_json::Value;

const NODES: usize = 160;
const WIDTH: usize = 16;

/// A store of six records in two splits, three random directions to a row.
fn latents(directory: &Path) -> PathBuf {
    let path = directory.join("latents.zarr");
    let meta = LatentsMeta::new("processor/03", NODES, WIDTH);
    let mut writer = ActivationWriter::create(&path, meta, 6).unwrap();
    let mut rng = Rng::new(4);
    let features: Vec<f32> = (0..20 * WIDTH).map(|_| rng.normal()).collect();
    for index in 0..6 {
        let mut rows = vec![0.0; NODES * WIDTH];
        for row in rows.chunks_mut(WIDTH) {
            for _ in 0..3 {
                let feature = rng.below(20) as usize * WIDTH;
                let strength = 1.0 + rng.uniform() as f32;
                let from = &features[feature..feature + WIDTH];
                row.iter_mut()
                    .zip(from)
                    .for_each(|(x, f)| *x += strength * f);
            }
        }
        let mut record = Record::new(i64::from(index) * 21_600, 0);
        record.split = Some(if index < 4 { "train" } else { "report" }.to_owned());
        writer.append(&record, &rows).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn config(directory: &Path, epochs: u64) -> PathBuf {
    let path = directory.join("sweep.toml");
    let text = format!(
        "variants = [\"topk\", \"jump_relu\", \"batch_matryoshka\"]
n_latents = [48]
k = [3]
seeds = [0, 1]
k_aux = 8
epochs = {epochs}
batch_size = 64
learning_rate = 3e-3
"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn sweep(directory: &Path, out: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dropsonde"));
    command
        .args([
            "sae",
            "sweep",
            "--train-split",
            "train",
            "--score-split",
            "report",
        ])
        .arg("--config")
        .arg(directory.join("sweep.toml"))
        .arg("--latents")
        .arg(directory.join("latents.zarr"))
        .arg("--out")
        .arg(directory.join(out))
        .args(more);
    command
}

fn done(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn hashes(out: &Path) -> Vec<String> {
    let names = [
        "topk-48-k3-s0",
        "topk-48-k3-s1",
        "jump_relu-48-k3-s0",
        "jump_relu-48-k3-s1",
        "batch_matryoshka-48-k3-s0",
        "batch_matryoshka-48-k3-s1",
    ];
    names
        .map(|name| {
            Sae::load(out.join(name).join("sae"))
                .unwrap()
                .sha256()
                .unwrap()
        })
        .to_vec()
}

#[test]
fn a_sweep_compares_its_autoencoders_with_each_other_and_with_baselines() {
    let directory = tempfile::tempdir().unwrap();
    latents(directory.path());
    config(directory.path(), 8);
    let output = sweep(directory.path(), "out", &["--json"])
        .output()
        .unwrap();
    let summary: Value = serde_json::from_str(&done(&output)).unwrap();
    let saes = summary["saes"].as_array().unwrap();
    assert_eq!(saes.len(), 6);
    let baselines = summary["baselines"].as_array().unwrap();
    let fvu = |value: &Value| value["fvu"].as_f64().unwrap();
    for sae in saes {
        let name = sae["member"]["name"].as_str().unwrap();
        let found = fvu(&sae["evaluation"]);
        assert!(
            found < fvu(&baselines[0]),
            "{name}: {found} is worse than at random"
        );
        let stability = sae["stability"]["mean_max_cosine"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&stability), "{name}: {stability}");
        let out = directory.path().join("out").join(name);
        let log = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
        assert!(log.lines().count() > 1, "{name}");
        assert_eq!(std::fs::read_dir(out.join("events")).unwrap().count(), 1);
    }
    // The table, from what is there.
    let table = done(
        &sweep(directory.path(), "out", &["--resume"])
            .output()
            .unwrap(),
    );
    assert!(table.contains("jump_relu-48-k3-s1") && table.contains("principal components"));
    // Another sweep does not pass for this one.
    config(directory.path(), 9);
    let other = sweep(directory.path(), "out", &["--resume"])
        .output()
        .unwrap();
    assert!(!other.status.success());
    assert!(String::from_utf8_lossy(&other.stderr).contains("another sweep"));
}

/// Kills the program at twenty random instants; what comes out in the end has the same bits.
#[cfg(unix)]
#[test]
fn a_sweep_that_is_killed_again_and_again_ends_with_the_same_bits() {
    let directory = tempfile::tempdir().unwrap();
    latents(directory.path());
    config(directory.path(), 150);
    done(&sweep(directory.path(), "whole", &[]).output().unwrap());
    let mut rng = Rng::new(std::process::id().into());
    for _ in 0..20 {
        let mut child = sweep(
            directory.path(),
            "killed",
            &["--resume", "--save-every", "0"],
        )
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
        // From before the first step to several hundred steps later.
        std::thread::sleep(Duration::from_millis(100 + rng.below(500)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    done(
        &sweep(directory.path(), "killed", &["--resume"])
            .output()
            .unwrap(),
    );
    let [whole, killed] = ["whole", "killed"].map(|out| directory.path().join(out));
    assert_eq!(hashes(&killed), hashes(&whole));
    for name in ["topk-48-k3-s0", "jump_relu-48-k3-s1"] {
        let [a, b] =
            [&whole, &killed].map(|out| std::fs::read(out.join(name).join("log.jsonl")).unwrap());
        assert_eq!(a, b, "{name}: the log has every line once");
    }
    let left = std::fs::read_dir(&killed).unwrap();
    let left: Vec<String> = left
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("state"))
        .collect();
    assert!(left.is_empty(), "no state is left: {left:?}");
}

#[test]
fn bad_sweeps_are_named() {
    let directory = tempfile::tempdir().unwrap();
    latents(directory.path());
    let path = config(directory.path(), 1);
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, words) in [
        (
            "k = [3]",
            "k = [300]",
            "`k` is 300, more than `n_latents` = 48",
        ),
        ("k = [3]", "k = []", "must each have a value"),
        ("\"topk\"", "\"best\"", "unknown variant `best`"),
        ("k_aux = 8", "k_aux = 8\ndepth = 2", "unknown field `depth`"),
    ] {
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let output = sweep(directory.path(), "out", &[]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(words), "{error}");
        assert!(!directory.path().join("out").exists(), "nothing is begun");
    }
}
