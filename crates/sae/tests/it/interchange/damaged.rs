//! Files that are cut off, changed, or want something to be called.

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use dropsonde_sae::interchange::{Format, Options, import, import_with};
use proptest::prelude::*;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::fixture;

/// The archive with one member replaced, and so with a valid checksum.
fn with_member(archive: &[u8], suffix: &str, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut old = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut new = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for i in 0..old.len() {
        let mut member = old.by_index(i).unwrap();
        let name = member.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        if name.ends_with(suffix) {
            change(&mut bytes);
        }
        new.start_file(name, options).unwrap();
        new.write_all(&bytes).unwrap();
    }
    new.finish().unwrap().into_inner()
}

fn replaced(bytes: &mut Vec<u8>, from: &[u8], to: &[u8]) {
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    bytes.splice(at..at + from.len(), to.iter().copied());
}

/// What the import of these bytes says.
fn said(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.pt");
    fs::write(&path, bytes).unwrap();
    let options = Options {
        k: Some(4),
        ..Options::default()
    };
    import_with(path, &options)
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default()
}

fn paper() -> Vec<u8> {
    fs::read(fixture("paper/sae_step0000334_t0M.pt")).unwrap()
}

#[test]
fn nothing_is_ever_called() {
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch._utils", "other"),
    ] {
        let bytes = with_member(&paper(), "data.pkl", |pickle| {
            replaced(
                pickle,
                b"collections\nOrderedDict",
                format!("{module}\n{name}").as_bytes(),
            );
        });
        let said = said(&bytes);
        assert!(
            said.contains(&format!("`{module}.{name}`, which is never done")),
            "{said}"
        );
    }
}

#[test]
fn other_pickles_are_named() {
    let pickle = |content: &'static [u8]| {
        with_member(&paper(), "data.pkl", |pickle| *pickle = content.to_vec())
    };
    for (content, expected) in [
        (&b"\x80\x04\x95"[..], "expected pickle protocol 2, found 4"),
        (b"\x80\x02\x94.", "instruction 0x94"),
        (b"\x80\x02}", "cut off"),
        (b"\x80\x02.", "the stack is empty"),
        (b"\x80\x02h\x07.", "before it is made"),
        (b"\x80\x02(K\x01u.", "the stack is empty"),
        (b"\x80\x02X\xff\xff\xff\xffabc", "cut off"),
        (b"\x80\x02\x8a\xff.", "cut off"),
        (b"\x80\x02}.", "no known format"),
        (b"\x80\x02K\x01.", "no known format"),
    ] {
        let said = said(&pickle(content));
        assert!(
            said.contains(expected),
            "`{said}` should mention `{expected}`"
        );
    }
    assert!(said(b"\x80\x02}.").contains("zip archive"));
}

#[test]
fn tensors_must_lie_in_their_storages() {
    // The shape [128, 32] with strides [32, 1] of `enc.weight`, as a tuple of two small numbers.
    for to in [
        &b"K\x81K \x86q#K K\x01\x86"[..], // one row too many
        b"K\x80K \x86q#K!K\x01\x86",      // a stride too large
        b"M\xff\xffM\xff\xff\x86q#K\x00K\x00\x86", // an expanded tensor of 17 GB
        b"J\xff\xff\xff\xffK \x86q#K K\x01\x86", // -1 rows
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x86q#K K\x01\x86",
    ] {
        let bytes = with_member(&paper(), "data.pkl", |pickle| {
            let first = pickle
                .windows(5)
                .position(|w| w[..4] == *b"K\x80K " && w[4] == 0x86)
                .unwrap();
            let memo = pickle[first + 6];
            let end = first + 7 + 5; // PUT and its number, two sizes, TUPLE2
            let mut new = to.to_vec();
            let put = new.windows(2).position(|w| w == b"q#").unwrap();
            new[put + 1] = memo;
            pickle.splice(first..end, new);
        });
        let said = said(&bytes);
        assert!(said.contains("does not fit") || said.contains("a size of -1"), "{said}");
    }
    let short = with_member(&paper(), "data/3", |storage| storage.truncate(100));
    assert!(said(&short).contains("does not fit"), "{}", said(&short));
    let big = with_member(&paper(), "byteorder", |order| *order = b"big".to_vec());
    assert!(said(&big).contains("little-endian"), "{}", said(&big));
    let nan = with_member(&paper(), "data/3", |s| {
        s[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(
        said(&nan).contains("`enc.weight` holds a NaN"),
        "{}",
        said(&nan)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A panic fails the test; what the result is does not matter.
    #[test]
    fn damage_never_panics(
        optimizer in any::<bool>(),
        in_pickle in any::<bool>(),
        cut in proptest::option::weighted(0.3, any::<prop::sample::Index>()),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let whole = match optimizer {
            true => fs::read(fixture("climate-xai-matryoshka/final_model.pt")).unwrap(),
            false => fs::read(fixture("dictionary-learning-topk/ae.pt")).unwrap(),
        };
        let damage = |bytes: &mut Vec<u8>| {
            for (at, byte) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            if let Some(cut) = &cut {
                bytes.truncate(cut.index(bytes.len()));
            }
        };
        let bytes = match in_pickle {
            true => with_member(&whole, "data.pkl", damage),
            false => {
                let mut bytes = whole;
                damage(&mut bytes);
                bytes
            }
        };
        let _ = said(&bytes);
    }
}

/// A copy of a fixture with another configuration.
fn with_settings(
    name: &str,
    file: &str,
    change: impl Fn(&mut Value),
) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = dir.path().join(file);
    let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut settings);
    fs::write(&path, settings.to_string()).unwrap();
    let path = dir.path().to_path_buf();
    (dir, path)
}

fn error_of(path: &Path) -> String {
    import(path)
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default()
}

#[test]
fn what_cannot_be_represented_is_named() {
    let sae = "saelens-standard";
    for (name, file, key, value) in [
        (
            sae,
            "cfg.json",
            "normalize_activations",
            json!("constant_norm_rescale"),
        ),
        (
            sae,
            "cfg.json",
            "normalize_activations",
            json!("expected_average_only_in"),
        ),
        (
            sae,
            "cfg.json",
            "normalize_activations",
            json!("covariance_whitening"),
        ),
        (sae, "cfg.json", "architecture", json!("skip_transcoder")),
        (sae, "cfg.json", "architecture", json!("temporal")),
        (sae, "cfg.json", "activation_fn_str", json!("tanh-relu")),
        (sae, "cfg.json", "finetuning_scaling_factor", json!(true)),
        (sae, "cfg.json", "d_sae", json!(25)),
        ("saelens-topk", "cfg.json", "k", Value::Null),
        ("saelens-topk", "cfg.json", "k", json!("4")),
        ("sparsify-topk", "cfg.json", "activation", json!("groupmax")),
        ("sparsify-topk", "cfg.json", "skip_connection", json!(true)),
        ("sparsify-topk", "cfg.json", "k", json!(0)),
    ] {
        let (_dir, path) = with_settings(name, file, |settings| settings[key] = value.clone());
        let said = error_of(&path);
        assert!(said.contains(key), "{key} = {value}: `{said}`");
        if value.is_string() && key != "k" {
            assert!(
                said.contains(value.as_str().unwrap()),
                "{key} = {value}: `{said}`"
            );
        }
    }
    let (_dir, path) = with_settings("dictionary-learning-topk", "config.json", |settings| {
        settings["trainer"]["dict_class"] = json!("CrossCoder");
    });
    assert!(error_of(&path).contains("`CrossCoder`"));
    // Its tensors are those of two classes.
    fs::remove_file(path.join("config.json")).unwrap();
    assert!(error_of(&path).contains("`AutoEncoderTopK` or `BatchTopKSAE`"));
}

#[test]
fn old_saelens_settings_are_understood() {
    let (_dir, path) = with_settings("saelens-topk", "cfg.json", |settings| {
        let object = settings.as_object_mut().unwrap();
        for key in ["architecture", "k", "metadata"] {
            object.remove(key);
        }
        settings["activation_fn_str"] = json!("topk");
        settings["activation_fn_kwargs"] = json!({ "k": 4 });
        settings["hook_name"] = json!("blocks.3");
    });
    let (sae, _) = import(&path).unwrap();
    assert_eq!(
        (sae.config.activation.k(), sae.meta.site.as_str()),
        (Some(4), "blocks.3")
    );
}

#[test]
fn a_factor_of_the_data_set_is_read_where_it_is() {
    let (_dir, path) = with_settings("saelens-standard", "cfg.json", |settings| {
        settings["normalize_activations"] = json!("expected_average_only_in");
    });
    fs::write(
        path.join("activation_scaler.json"),
        r#"{"scaling_factor": 0.25, "has_whitening": false}"#,
    )
    .unwrap();
    let (sae, _) = import(&path).unwrap();
    assert_eq!(
        sae.config.preprocessing,
        dropsonde_sae::Preprocessing::Scale(4.0)
    );
}

#[test]
fn what_the_files_do_not_say_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.pt");
    fs::write(&path, paper()).unwrap();
    assert!(error_of(&path).contains("hint: put `config.json` beside it, or give `k`"));
    let options = Options {
        k: Some(3),
        ..Options::default()
    };
    let (sae, report) = import_with(&path, &options).unwrap();
    assert_eq!(sae.config.activation.k(), Some(3));
    assert!(report.notes.iter().any(|note| note.contains("`k_aux`")));
    fs::write(dir.path().join("other.pt"), paper()).unwrap();
    assert!(error_of(dir.path()).contains("name one of them"));
    assert!(error_of(&dir.path().join("none.pt")).contains("none.pt"));
    let wrong = Options {
        format: Some(Format::SaeLens),
        ..Options::default()
    };
    assert!(import_with(&path, &wrong).is_err());

    // Top-k over a batch is no function of a row.
    let per_row = fs::read(fixture("climate-xai-matryoshka/final_model.pt")).unwrap();
    let batch = with_member(&per_row, "data.pkl", |pickle| {
        replaced(
            pickle,
            b"X\x0a\x00\x00\x00per_sample",
            b"X\x05\x00\x00\x00batch",
        );
    });
    fs::write(&path, batch).unwrap();
    assert!(error_of(&path).contains("`topk_mode` = `batch`"));
    let options = Options {
        batch_top_k_per_row: true,
        ..Options::default()
    };
    let (sae, report) = import_with(&path, &options).unwrap();
    assert_eq!(sae.config.activation.k(), Some(4));
    assert!(report.notes[0].contains("per row"), "{:?}", report.notes);
}
