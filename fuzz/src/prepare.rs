use std::path::Path;

/// Puts good inputs into the corpus of a target, to be called before libFuzzer reads it.
pub fn seed(target: &str, inputs: impl IntoIterator<Item = Vec<u8>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    std::fs::create_dir_all(&corpus).expect("the corpus is writable");
    for (i, input) in inputs.into_iter().enumerate() {
        let path = corpus.join(format!("seed-{i}"));
        std::fs::write(path, input).expect("the corpus is writable");
    }
}
