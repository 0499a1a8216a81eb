//! Gradients against f64 sums, closed forms and central differences.

use dropsonde_kernels::{Cpu, MatrixGradient, Operand};
use proptest::prelude::*;

use crate::common::{Rows, close, config, cpus, operand, widths};
use crate::normalization::normalized;

/// Compares x^T dy, added twice, with a sum in f64.
fn check_matrix(cpu: Cpu, rows: usize, n_in: usize, n_out: usize) {
    let (x, dy) = (Rows::new(1, rows, n_in), Rows::new(2, rows, n_out));
    let mut sum = MatrixGradient::zeros(cpu, n_in, n_out);
    let [left, right] = [&x, &dy].map(|side| side.operand(cpu));
    sum.add_product(&left, &right, rows);
    // Fewer rows after more: nothing of the first ones may remain.
    sum.add_product(&left, &right, rows / 2);
    let mut twice = sum.clone();
    twice.add(&sum);
    assert_eq!(sum.rows().count(), n_in);
    for (i, (found, doubled)) in sum.rows().zip(twice.rows()).enumerate() {
        assert_eq!(found.len(), n_out);
        for c in 0..n_out {
            let term = |row: usize| operand(cpu, x.row(row)[i]) * operand(cpu, dy.row(row)[c]);
            let expected = (0..rows).map(term).sum::<f64>() + (0..rows / 2).map(term).sum::<f64>();
            let what = format!("{cpu}, [{n_in}, {n_out}] at {i}, {c}");
            close(&what, found[c], expected, rows as f64 * 2e-6);
            assert_eq!(doubled[c], 2.0 * found[c], "{what}");
        }
    }
}

#[test]
fn gradients_of_matrices_agree_with_sums_in_f64_around_every_border() {
    for cpu in cpus() {
        for width in widths() {
            check_matrix(cpu, 3, width, 5);
            check_matrix(cpu, 4, 5, width);
        }
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn gradients_of_matrices_agree_with_sums_in_f64(
        rows in 0..40usize,
        n_in in 1..60usize,
        n_out in 1..60usize,
    ) {
        let [rows, n_in, n_out] = match cfg!(miri) {
            true => [rows % 5, n_in % 17 + 1, n_out % 17 + 1],
            false => [rows, n_in, n_out],
        };
        for cpu in cpus() {
            check_matrix(cpu, rows, n_in, n_out);
        }
    }
}

#[test]
fn no_rows_add_nothing() {
    for cpu in cpus() {
        let mut sum = MatrixGradient::zeros(cpu, 5, 600);
        let (x, dy) = (Operand::new(cpu, 0, 5), Operand::new(cpu, 0, 600));
        sum.add_product(&x, &dy, 0);
        assert!(sum.rows().flatten().all(|&x| x == 0.0), "{cpu}");
        assert_eq!(MatrixGradient::zeros(cpu, 0, 5).rows().count(), 0);
        assert_eq!(MatrixGradient::zeros(cpu, 5, 0).rows().count(), 5);
    }
}

#[test]
fn column_sums_run_over_the_rows_asked_for() {
    for cpu in cpus() {
        for width in widths() {
            let (x, start) = (Rows::new(1, 5, width), Rows::new(2, 1, width));
            let mut sums = start.values.clone();
            x.block(cpu).add_column_sums(4, &mut sums);
            for c in 0..width {
                let expected = (0..4).fold(start.values[c], |sum, row| sum + x.row(row)[c]);
                assert_eq!(sums[c], expected, "{cpu}");
            }
        }
    }
}

#[test]
fn the_gradient_of_swish_is_its_slope() {
    let swish = |x: f64| x / (1.0 + (-x).exp());
    for cpu in cpus() {
        for width in widths() {
            let mut x = Rows::new(1, 3, width);
            x.values.iter_mut().for_each(|x| *x *= 8.0);
            let dy = Rows::new(2, 3, width);
            let mut dx = dy.block(cpu);
            dx.swish_gradient(2, &x.block(cpu));
            for row in 0..2 {
                for (c, &found) in dx.row(row).iter().enumerate() {
                    let (x, dy) = (f64::from(x.row(row)[c]), f64::from(dy.row(row)[c]));
                    let g = 1.0 / (1.0 + (-x).exp());
                    let slope = g * (1.0 + x * (1.0 - g));
                    close("closed form", found, dy * slope, 2e-6);
                    let h = 1e-5;
                    let difference = (swish(x + h) - swish(x - h)) / (2.0 * h);
                    close("difference", found, dy * difference, 2e-6);
                }
            }
            assert_eq!(dx.row(2), dy.row(2), "{cpu}");
        }
    }
}

/// sum(dy (n scale + shift)) of one row, of which gradients are taken.
fn loss(x: &[f64], dy: &[f32], scale: &[f32]) -> f64 {
    normalized(x)
        .iter()
        .zip(dy.iter().zip(scale))
        .map(|(n, (&dy, &scale))| f64::from(dy) * n * f64::from(scale))
        .sum()
}

#[test]
fn the_gradients_of_layer_normalisation_are_differences() {
    for cpu in cpus() {
        for width in widths() {
            let (x, dy) = (Rows::new(1, 4, width), Rows::new(2, 4, width));
            let (scale, start) = (Rows::new(3, 1, width), Rows::new(4, 2, width));
            let mut dx = dy.block(cpu);
            let [mut scales, mut shifts] = [start.row(0).to_vec(), start.row(1).to_vec()];
            let sums = [&mut scales[..], &mut shifts[..]];
            dx.normalize_gradient(3, &x.block(cpu), &scale.values, sums);
            let wide = |row: usize| x.row(row).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            for row in 0..3 {
                let (found, mut moved) = (dx.row(row), wide(row));
                // Each difference takes a whole row: a few columns of a wide one are enough.
                for c in (0..width).step_by(width / 24 + 1).chain([width - 1]) {
                    let (x, h) = (moved[c], 1e-6);
                    let [up, down] = [x + h, x - h].map(|x| {
                        moved[c] = x;
                        loss(&moved, dy.row(row), &scale.values)
                    });
                    moved[c] = x;
                    let what = format!("{cpu}, [{row}, {c}] of {width}");
                    let expected = (up - down) / (2.0 * h);
                    close(&what, found[c], expected, 2e-4 * expected.abs().max(0.1));
                }
            }
            let normal: Vec<_> = (0..3).map(|row| normalized(&wide(row))).collect();
            for c in 0..width {
                let dy = |row: usize| f64::from(dy.row(row)[c]);
                let expected: f64 = (0..3).map(|row| dy(row) * normal[row][c]).sum();
                let what = format!("{cpu}, column {c} of {width}");
                close(&what, scales[c] - start.row(0)[c], expected, 1e-4);
                let expected: f64 = (0..3).map(dy).sum();
                close(&what, shifts[c] - start.row(1)[c], expected, 1e-5);
            }
            assert_eq!(dx.row(3), dy.row(3), "{cpu}");
        }
    }
}
