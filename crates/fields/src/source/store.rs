//! What every storage format offers: named arrays with named dimensions.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use ndarray::ArrayD;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// The most numbers that one read may ask for: a field of 1 km on one level, or of 0.1 degrees on 137.
const MAX_NUMBERS: usize = 1 << 30;

/// The most entries that a coordinate may have.
pub(super) const MAX_COORDINATE: usize = 20_000_000;

/// A file or directory of named arrays.
pub(super) trait Store: Send + Sync {
    /// Where it is.
    fn path(&self) -> &Path;

    /// Its arrays by name.
    fn arrays(&self) -> &BTreeMap<String, ArrayInfo>;

    /// Its own attributes, a JSON object.
    fn attributes(&self) -> &Value;

    /// Numbers of an array, unpacked, missing ones NaN; `picks` has the ascending indices of each dimension.
    fn read(&self, name: &str, picks: &[Vec<usize>]) -> Result<ArrayD<f32>>;

    /// All numbers of a coordinate in f64, unpacked, missing ones NaN.
    fn read_all(&self, name: &str) -> Result<ArrayD<f64>>;

    /// Runs work that reads several variables at once where the format gains by that.
    fn parallel(&self) -> Parallel<'_> {
        Parallel::No
    }
}

/// Where several variables may be read at once.
pub(super) enum Parallel<'a> {
    /// One after another.
    No,
    /// On the threads that compute.
    Global,
    /// On threads that mostly wait for answers.
    Pool(&'a rayon::ThreadPool),
}

/// The shape of an array and what is said of it.
#[derive(Clone, Debug)]
pub(super) struct ArrayInfo {
    /// Names of the dimensions.
    pub(super) dims: Vec<String>,
    /// Lengths of the dimensions.
    pub(super) shape: Vec<usize>,
    /// Attributes such as `units`.
    pub(super) attributes: Map<String, Value>,
}

impl ArrayInfo {
    /// An attribute that is a text.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }
}

/// The shape of what `picks` take out, if it lies within the array and is of a sane size.
pub(super) fn checked_shape(
    store: &dyn Store,
    name: &str,
    info: &ArrayInfo,
    picks: &[Vec<usize>],
) -> Result<Vec<usize>> {
    let malformed = |message: String| Error::malformed(store.path(), name, message);
    let inside = picks.len() == info.shape.len()
        && picks
            .iter()
            .zip(&info.shape)
            .all(|(pick, &length)| pick.iter().all(|&index| index < length));
    if !inside {
        let shape = &info.shape;
        return Err(malformed(format!(
            "expected indices within the shape {shape:?}"
        )));
    }
    let shape: Vec<usize> = picks.iter().map(Vec::len).collect();
    let count = shape
        .iter()
        .try_fold(1_usize, |product, &length| product.checked_mul(length));
    if count.is_none_or(|count| count > MAX_NUMBERS) {
        return Err(malformed(format!(
            "expected at most {MAX_NUMBERS} numbers at once, found the shape {shape:?}"
        )));
    }
    Ok(shape)
}

/// The runs of consecutive indices of an ascending pick: where each begins in the pick, and its indices.
pub(super) fn runs(pick: &[usize]) -> Vec<(usize, Range<usize>)> {
    let mut runs: Vec<(usize, Range<usize>)> = Vec::new();
    for (position, &index) in pick.iter().enumerate() {
        match runs.last_mut() {
            Some((_, run)) if run.end == index => run.end += 1,
            _ => runs.push((position, index..index + 1)),
        }
    }
    runs
}

/// Every combination of one item of each list; one empty combination for no lists.
pub(super) fn product<T: Clone>(lists: &[Vec<T>]) -> Vec<Vec<T>> {
    let mut combinations = vec![Vec::with_capacity(lists.len())];
    for list in lists {
        combinations = combinations
            .iter()
            .flat_map(|start| {
                list.iter().map(move |item| {
                    let mut combination = start.clone();
                    combination.push(item.clone());
                    combination
                })
            })
            .collect();
    }
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_products() {
        assert_eq!(
            runs(&[2, 3, 4, 7, 9, 10]),
            [(0, 2..5), (3, 7..8), (4, 9..11)]
        );
        assert!(runs(&[]).is_empty());
        assert_eq!(product::<u8>(&[]), [Vec::<u8>::new()]);
        assert_eq!(
            product(&[vec![1, 2], vec![3], vec![4, 5]]),
            [[1, 3, 4], [1, 3, 5], [2, 3, 4], [2, 3, 5]]
        );
    }
}
