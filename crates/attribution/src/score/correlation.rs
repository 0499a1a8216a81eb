//! Pearson correlations of sparse columns with dense fields, accumulated record by record.

use rayon::prelude::*;

/// Sums of every field over the rows seen so far.
#[derive(Clone, Debug, Default, PartialEq)]
struct FieldMoments {
    n: f64,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

/// Correlations of `n_columns` sparse columns with `n_fields` dense fields over a stream of records.
///
/// Each column is summed by one thread in row order, so the result does not depend on the number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseCorrelation {
    n_fields: usize,
    fields: FieldMoments,
    sum: Vec<f64>,
    squares: Vec<f64>,
    /// `[column, field]`.
    products: Vec<f64>,
}

impl SparseCorrelation {
    /// Nothing seen yet.
    pub fn new(n_columns: usize, n_fields: usize) -> Self {
        Self {
            n_fields,
            fields: FieldMoments {
                n: 0.0,
                sum: vec![0.0; n_fields],
                squares: vec![0.0; n_fields],
            },
            sum: vec![0.0; n_columns],
            squares: vec![0.0; n_columns],
            products: vec![0.0; n_columns * n_fields],
        }
    }

    /// Adds one record.
    ///
    /// # Shapes
    /// `fields`: `[rows, n_fields]`; `entries(column)` lists `(row, value)` of that column, rows ascending.
    pub fn add<'a, I>(&mut self, fields: &[f32], entries: impl Fn(usize) -> I + Sync)
    where
        I: Iterator<Item = (u32, f32)> + 'a,
    {
        let n_fields = self.n_fields;
        for row in fields.chunks_exact(n_fields) {
            self.fields.n += 1.0;
            for (i, &value) in row.iter().enumerate() {
                self.fields.sum[i] += f64::from(value);
                self.fields.squares[i] += f64::from(value) * f64::from(value);
            }
        }
        let sums = self.sum.par_iter_mut().zip(&mut self.squares);
        let products = self.products.par_chunks_exact_mut(n_fields);
        sums.zip(products)
            .enumerate()
            .for_each(|(column, ((sum, squares), products))| {
                for (row, value) in entries(column) {
                    let value = f64::from(value);
                    *sum += value;
                    *squares += value * value;
                    let row = &fields[row as usize * n_fields..(row as usize + 1) * n_fields];
                    for (product, field) in products.iter_mut().zip(row) {
                        *product += value * f64::from(*field);
                    }
                }
            });
    }

    /// Pearson correlation of a column with each field, 0 where either is constant, `[n_fields]`.
    pub fn correlations(&self, column: usize) -> Vec<f64> {
        let products = &self.products[column * self.n_fields..(column + 1) * self.n_fields];
        let x = [self.sum[column], self.squares[column]];
        (0..self.n_fields)
            .map(|i| {
                let y = [self.fields.sum[i], self.fields.squares[i]];
                pearson(self.fields.n, x, y, products[i])
            })
            .collect()
    }
}

/// Pearson correlation from the number of rows, `[sum, sum of squares]` of both variables and the sum of products.
pub fn pearson(n: f64, x: [f64; 2], y: [f64; 2], xy: f64) -> f64 {
    let var_x = x[1] - x[0] * x[0] / n;
    let var_y = y[1] - y[0] * y[0] / n;
    // Below this share of the sum of squares a variance is rounding noise.
    if n == 0.0 || var_x <= 1e-12 * x[1] || var_y <= 1e-12 * y[1] {
        return 0.0;
    }
    ((xy - x[0] * y[0] / n) / (var_x * var_y).sqrt()).clamp(-1.0, 1.0)
}
