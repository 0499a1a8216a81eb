use std::backtrace::Backtrace;
use std::path::Path;

/// What a target does before libFuzzer reads its corpus: puts good inputs there and sets the hook of panics.
pub fn prepare(target: &str, inputs: impl IntoIterator<Item = Vec<u8>>) {
    seed(target, inputs);
    allow_caught_panics();
}

fn seed(target: &str, inputs: impl IntoIterator<Item = Vec<u8>>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    std::fs::create_dir_all(&corpus).expect("the corpus is writable");
    for (i, input) in inputs.into_iter().enumerate() {
        let path = corpus.join(format!("seed-{i}"));
        std::fs::write(path, input).expect("the corpus is writable");
    }
}

/// libFuzzer's hook ends the process at every panic, also at those that our readers catch.
///
/// A panic that is not caught still ends it, silently, unless `FUZZ_PANICS` asks to see every panic.
fn allow_caught_panics() {
    let shown = std::env::var_os("FUZZ_PANICS").is_some();
    std::panic::set_hook(Box::new(move |panic| {
        if shown {
            eprintln!("{panic}\n{}", Backtrace::force_capture());
        }
    }));
}
