//! Layer normalisation against f64.

use dropsonde_kernels::Block;

use crate::common::{Rows, close, cpus, widths};

/// (x - mean) / sqrt(variance + 1e-5).
pub(crate) fn normalized(x: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let rate = 1.0 / (variance + 1e-5).sqrt();
    x.iter().map(|x| (x - mean) * rate).collect()
}

#[test]
fn normalize_agrees_with_f64() {
    for cpu in cpus() {
        for width in widths() {
            let (x, scale, shift) = (
                Rows::new(1, 4, width),
                Rows::new(2, 1, width),
                Rows::new(3, 1, width),
            );
            let mut block = x.block(cpu);
            block.normalize(3, &scale.values, &shift.values);
            for row in 0..3 {
                let wide: Vec<_> = x.row(row).iter().map(|&x| f64::from(x)).collect();
                let found = block.row(row);
                for (c, n) in normalized(&wide).into_iter().enumerate() {
                    let expected = n * f64::from(scale.values[c]) + f64::from(shift.values[c]);
                    close(&format!("{cpu}, {width}"), found[c], expected, 1e-5);
                }
            }
            assert_eq!(block.row(3), x.row(3), "{cpu}: only the rows asked for");
        }
    }
}

#[test]
fn a_large_mean_does_not_hide_a_small_spread() {
    // The sum of squares of 4096 +- 1/8 has no bits left for their variance; the second pass finds it.
    for cpu in cpus() {
        let width = 36;
        let row: Vec<f32> = (0..width)
            .map(|i| 4096.0 + if i % 2 == 0 { 0.125 } else { -0.125 })
            .collect();
        let mut block = Block::new(cpu, 1, width);
        block.fill(1, |_| &row);
        block.normalize(1, &vec![1.0; width], &vec![0.0; width]);
        let expected = 0.125 / (0.125f64.powi(2) + 1e-5).sqrt();
        for (c, &y) in block.row(0).iter().enumerate() {
            let sign = if c % 2 == 0 { 1.0 } else { -1.0 };
            close(&format!("{cpu}"), y, sign * expected, 1e-5);
        }
    }
}

#[test]
fn the_bits_of_a_row_do_not_depend_on_its_neighbours() {
    for cpu in cpus() {
        for width in widths() {
            let x = Rows::new(1, 5, width);
            let ones = vec![1.0; width];
            let mut together = x.block(cpu);
            together.normalize(5, &ones, &ones);
            for row in 0..5 {
                let mut alone = Block::new(cpu, 1, width);
                alone.fill(1, |_| x.row(row));
                alone.normalize(1, &ones, &ones);
                assert_eq!(alone.row(0), together.row(row), "{cpu}, {width}");
            }
        }
    }
}
