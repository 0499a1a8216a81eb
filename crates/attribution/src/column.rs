//! One candidate's values over the rows of a split, and their ranking.

use crate::{Error, Result};

/// The values of one candidate; rows that are not listed have the value 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Number of rows, listed or not.
    pub n_rows: usize,
    /// The listed rows, ascending.
    pub rows: Vec<u32>,
    /// Their values, as long as `rows`.
    pub values: Vec<f32>,
}

impl Column {
    /// A column that lists every row.
    pub fn dense(values: Vec<f32>) -> Self {
        Self {
            n_rows: values.len(),
            rows: (0..values.len() as u32).collect(),
            values,
        }
    }

    /// The listed entries as `(row, value)`.
    pub fn entries(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        self.rows
            .iter()
            .zip(&self.values)
            .map(|(&row, &value)| (row as usize, value))
    }

    /// The same column with every value negated.
    pub fn negated(&self) -> Self {
        Self {
            n_rows: self.n_rows,
            rows: self.rows.clone(),
            values: self.values.iter().map(|value| -value).collect(),
        }
    }

    /// The column as one value per row, `[n_rows]`.
    pub fn to_dense(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.n_rows];
        for (row, value) in self.entries() {
            out[row] = value;
        }
        out
    }

    /// Sorts the values once, for any number of scores.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a value is NaN or infinite.
    pub fn ranking(&self) -> Result<Ranking> {
        Ranking::new(self)
    }
}

/// Rows in groups of equal value, from the highest value to the lowest.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    n_rows: usize,
    order: Vec<u32>,
    /// End of each group in `order`.
    ends: Vec<usize>,
    /// The group of value 0, which holds every row that `order` lacks.
    implicit: Option<usize>,
}

/// From which end a ranking is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// High values first.
    Descending,
    /// Low values first, as if the sign of the column were changed.
    Ascending,
}

/// Rows of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group<'a> {
    /// The rows that the ranking lists.
    pub rows: &'a [u32],
    /// Whether all rows that the ranking does not list belong here too.
    pub implicit: bool,
}

impl Ranking {
    fn new(column: &Column) -> Result<Self> {
        let mut keys = Vec::with_capacity(column.rows.len());
        for (row, value) in column.entries() {
            if !value.is_finite() {
                return Err(Error::NotFinite { row, value });
            }
            let dense = column.rows.len() == column.n_rows;
            if value != 0.0 || dense {
                keys.push((u64::from(!ordered_bits(value)) << 32) | row as u64);
            }
        }
        keys.sort_unstable();
        Ok(Self::from_keys(&keys, column.n_rows))
    }

    fn from_keys(keys: &[u64], n_rows: usize) -> Self {
        let zero = !ordered_bits(0.0);
        let order: Vec<u32> = keys.iter().map(|&key| key as u32).collect();
        let mut ends = Vec::new();
        let mut implicit = None;
        let has_implicit = order.len() < n_rows;
        let mut start = 0;
        while start < keys.len() {
            let value = (keys[start] >> 32) as u32;
            if has_implicit && implicit.is_none() && value > zero {
                implicit = Some(ends.len());
                ends.push(start);
            }
            let len = keys[start..]
                .iter()
                .take_while(|&&key| (key >> 32) as u32 == value)
                .count();
            start += len;
            ends.push(start);
        }
        if has_implicit && implicit.is_none() {
            implicit = Some(ends.len());
            ends.push(start);
        }
        Self {
            n_rows,
            order,
            ends,
            implicit,
        }
    }

    /// Number of rows that are ranked.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The rows that are listed one by one; all others share the value 0.
    pub fn listed(&self) -> &[u32] {
        &self.order
    }

    /// The groups in the given direction.
    pub fn groups(&self, direction: Direction) -> impl Iterator<Item = Group<'_>> {
        let n_groups = self.ends.len();
        (0..n_groups).map(move |i| {
            let i = match direction {
                Direction::Descending => i,
                Direction::Ascending => n_groups - 1 - i,
            };
            let start = if i == 0 { 0 } else { self.ends[i - 1] };
            Group {
                rows: &self.order[start..self.ends[i]],
                implicit: self.implicit == Some(i),
            }
        })
    }
}

/// Bits that order like the value; both zeros are the same.
fn ordered_bits(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | (1 << 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(column: &Column, direction: Direction) -> Vec<(Vec<u32>, bool)> {
        let ranking = column.ranking().unwrap();
        ranking
            .groups(direction)
            .map(|g| (g.rows.to_vec(), g.implicit))
            .collect()
    }

    #[test]
    fn ties_are_one_group_and_both_zeros_are_equal() {
        let column = Column::dense(vec![1.0, -0.0, 3.0, 1.0, 0.0, -2.0]);
        let expected = vec![
            (vec![2], false),
            (vec![0, 3], false),
            (vec![1, 4], false),
            (vec![5], false),
        ];
        assert_eq!(groups(&column, Direction::Descending), expected);
        let reversed: Vec<_> = expected.into_iter().rev().collect();
        assert_eq!(groups(&column, Direction::Ascending), reversed);
    }

    #[test]
    fn unlisted_rows_stand_between_positive_and_negative_values() {
        let column = Column {
            n_rows: 6,
            rows: vec![1, 2, 4],
            values: vec![-1.0, 2.0, 0.0],
        };
        let expected = vec![(vec![2], false), (vec![], true), (vec![1], false)];
        assert_eq!(groups(&column, Direction::Descending), expected);
        let empty = Column {
            n_rows: 3,
            ..Column::default()
        };
        assert_eq!(groups(&empty, Direction::Descending), vec![(vec![], true)]);
    }

    #[test]
    fn a_value_that_is_not_finite_is_an_error() {
        let error = Column::dense(vec![0.0, f32::NAN]).ranking().unwrap_err();
        assert!(error.to_string().contains("row 1"), "{error}");
    }
}
