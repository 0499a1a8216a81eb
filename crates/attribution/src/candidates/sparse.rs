//! Codes by feature instead of by row.

use dropsonde_sae::Codes;

use crate::column::Column;

/// Codes in compressed columns: for every feature the rows where it is active, ascending, and its values there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseColumns {
    n_rows: usize,
    starts: Vec<usize>,
    rows: Vec<u32>,
    values: Vec<f32>,
}

impl SparseColumns {
    /// Sorts codes by feature.
    pub fn from_codes(codes: &Codes, n_latents: usize) -> Self {
        let mut starts = vec![0usize; n_latents + 1];
        for row in 0..codes.n_rows {
            for (feature, _) in codes.row(row) {
                starts[feature as usize + 1] += 1;
            }
        }
        accumulate(&mut starts);
        let mut next = starts.clone();
        let n_entries = starts[n_latents];
        let (mut rows, mut values) = (vec![0; n_entries], vec![0.0; n_entries]);
        for row in 0..codes.n_rows {
            for (feature, value) in codes.row(row) {
                let at = &mut next[feature as usize];
                rows[*at] = row as u32;
                values[*at] = value;
                *at += 1;
            }
        }
        Self {
            n_rows: codes.n_rows,
            starts,
            rows,
            values,
        }
    }

    /// Puts the rows of several parts one after the other; all must have the same features.
    pub fn concatenate(parts: &[Self]) -> Self {
        let n_columns = parts.first().map_or(0, Self::n_columns);
        let n_entries = parts.iter().map(|part| part.rows.len()).sum();
        let mut out = Self {
            n_rows: parts.iter().map(|part| part.n_rows).sum(),
            starts: vec![0],
            rows: Vec::with_capacity(n_entries),
            values: Vec::with_capacity(n_entries),
        };
        for column in 0..n_columns {
            let mut offset = 0;
            for part in parts {
                out.rows
                    .extend(part.rows(column).iter().map(|row| row + offset));
                out.values.extend_from_slice(part.values(column));
                offset += part.n_rows as u32;
            }
            out.starts.push(out.rows.len());
        }
        out
    }

    /// Number of features.
    pub fn n_columns(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of rows where a feature is active.
    pub fn n_active(&self, column: usize) -> usize {
        self.starts[column + 1] - self.starts[column]
    }

    /// The rows where a feature is active.
    pub fn rows(&self, column: usize) -> &[u32] {
        &self.rows[self.starts[column]..self.starts[column + 1]]
    }

    /// The values of a feature at those rows.
    pub fn values(&self, column: usize) -> &[f32] {
        &self.values[self.starts[column]..self.starts[column + 1]]
    }

    /// `(row, value)` where a feature is active.
    pub fn entries(&self, column: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.rows(column)
            .iter()
            .copied()
            .zip(self.values(column).iter().copied())
    }

    /// One feature as a column.
    pub fn column(&self, column: usize) -> Column {
        Column {
            n_rows: self.n_rows,
            rows: self.rows(column).to_vec(),
            values: self.values(column).to_vec(),
        }
    }
}

fn accumulate(counts: &mut [usize]) {
    for i in 1..counts.len() {
        counts[i] += counts[i - 1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> Codes {
        Codes {
            k: 2,
            n_rows: 3,
            indices: vec![2, 0, 2, 0, 1, 2],
            values: vec![5.0, 4.0, 3.0, 0.0, 2.0, 1.0],
        }
    }

    #[test]
    fn columns_equal_the_codes() {
        let columns = SparseColumns::from_codes(&codes(), 4);
        for feature in 0..4 {
            let dense = columns.column(feature).to_dense();
            assert_eq!(dense, codes().feature(feature as u32));
        }
        assert_eq!((columns.n_active(2), columns.n_active(3)), (3, 0));
    }

    #[test]
    fn concatenation_appends_rows() {
        let part = SparseColumns::from_codes(&codes(), 4);
        let both = SparseColumns::concatenate(&[part.clone(), part]);
        assert_eq!(both.n_rows(), 6);
        let expected = [codes().feature(2), codes().feature(2)].concat();
        assert_eq!(both.column(2).to_dense(), expected);
    }
}
