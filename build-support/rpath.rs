//! Build script shared by every crate that links libtorch.
//!
//! It writes the directory of the libtorch that `torch-sys` found into the run path,
//! so that tests, examples, benches and the installed binary start without `LD_LIBRARY_PATH`.

fn main() {
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        let lib = std::path::Path::new(&lib);
        let lib = lib.canonicalize().unwrap_or_else(|_| lib.to_path_buf());
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
}
