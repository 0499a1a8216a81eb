//! A boundary around decoders that panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::{Error, Result};

/// Runs a decoder of another crate on bytes from a file; its panic becomes [`Error::Malformed`].
///
/// What can be checked before is checked before. Some damage shows only while numbers are decoded, and there the
/// decoders index out of bounds. Nothing that such a decoder was changing is used afterwards. The message of the panic
/// still goes to the standard error: the hook that prints it belongs to the program.
pub(super) fn guarded<T>(path: &Path, item: &str, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let message = format!("the data are damaged: {}", text(&*panic));
        Err(Error::malformed(path, item, message))
    })
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let of_string = || panic.downcast_ref::<String>().map(String::as_str);
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(of_string)
        .unwrap_or("the decoder gave up")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_names_the_file() {
        let data: Vec<u8> = Vec::new();
        let read = |index: usize| guarded(Path::new("a.nc"), "t2m", || Ok(data[index]));
        let said = read(3).unwrap_err().to_string();
        for part in ["a.nc", "t2m", "damaged", "out of bounds"] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(guarded(Path::new("a.nc"), "t2m", || Ok(1)).unwrap(), 1);
    }
}
