//! swish against f64.

use dropsonde_kernels::{Block, Operand, Operands};

use crate::common::{Rows, close, cpus, operand, read, widths};

fn swish(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

/// swish of some numbers, as a kernel computes it.
fn activated(cpu: dropsonde_kernels::Cpu, values: &[f32]) -> Vec<f32> {
    let width = 16;
    let mut found = Vec::new();
    for row in values.chunks(width) {
        let mut x = Block::new(cpu, 1, row.len());
        x.fill(1, |_| row);
        let mut y = Operand::new(cpu, 1, row.len());
        x.activate(1, |_| [], &mut y);
        found.extend(read(cpu, &y, 1).concat());
    }
    found
}

#[test]
fn swish_is_as_accurate_as_its_documentation_says() {
    let n = if cfg!(miri) { 64 } else { 20_000 };
    // Dense near 0, and all of -100 to 100.
    let values: Vec<f32> = (0..=n)
        .map(|i| (i as f32 / n as f32 - 0.5) * 200.0)
        .flat_map(|x| [x, x / 100.0, x * 1e-4])
        .collect();
    for cpu in dropsonde_kernels::Cpu::available(Operands::F32) {
        let mut worst = 0.0f64;
        for (&x, y) in values.iter().zip(activated(cpu, &values)) {
            let expected = swish(f64::from(x));
            if x < -87.0 {
                close(
                    &format!("{cpu}, swish({x})"),
                    y,
                    expected,
                    2e-38 * -f64::from(x),
                );
            } else if expected != 0.0 {
                worst = worst.max(((f64::from(y) - expected) / expected).abs());
            }
        }
        println!("{cpu}: relative error of swish {worst:.2e}");
        assert!(worst < 2e-7, "{cpu}: {worst:e}");
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    let values = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        0.0,
        -0.0,
        1.0,
    ];
    for cpu in dropsonde_kernels::Cpu::available(Operands::F32) {
        for (i, &x) in values.iter().enumerate() {
            // One at a time: a product with the identity would spread NaN.
            let y = activated(cpu, &[x])[0];
            let expected = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
            match expected.get(i) {
                Some(e) if e.is_nan() => assert!(y.is_nan(), "{cpu}: swish({x}) = {y}"),
                Some(&e) => assert_eq!(y, e, "{cpu}: swish({x})"),
                None if x == f32::MIN => assert!((-8.0..=0.0).contains(&y), "{cpu}: {y}"),
                None => close("swish", y, swish(f64::from(x)), 1e-7),
            }
        }
    }
}

#[test]
fn activate_adds_gathered_rows_first() {
    for cpu in cpus() {
        for width in widths() {
            let (rows, table) = (5, Rows::new(2, 9, width));
            let x = Rows::new(1, rows, width);
            let mut y = Operand::new(cpu, rows, width);
            let gather = |j: usize| [table.row(j), table.row(8 - j)];
            x.block(cpu).activate(rows, gather, &mut y);
            for (j, found) in read(cpu, &y, rows).iter().enumerate() {
                for (c, &found) in found.iter().enumerate() {
                    let [a, b] = gather(j).map(|row| row[c]);
                    let expected = swish(f64::from(x.row(j)[c] + a + b));
                    let tolerance = match cpu.operands() {
                        Operands::F32 => 1e-6,
                        // Half of the last of eight bits.
                        Operands::Bf16 => 1e-6 + expected.abs() / 256.0,
                    };
                    close(&format!("{cpu}, {width}"), found, expected, tolerance);
                }
            }
        }
    }
}

#[test]
fn copies_are_rounded_blocks() {
    for cpu in cpus() {
        for width in widths() {
            let x = Rows::new(1, 3, width);
            let mut y = Operand::new(cpu, 3, width);
            y.copy(3, &x.block(cpu));
            for (j, found) in read(cpu, &y, 3).iter().enumerate() {
                for (c, &found) in found.iter().enumerate() {
                    close("copy", found, operand(cpu, x.row(j)[c]), 0.0);
                }
            }
        }
    }
}

#[test]
fn rows_are_filled_from_any_column_on() {
    for cpu in cpus() {
        for (width, column, length) in [
            (9, 2, 5),
            (40, 0, 40),
            (33, 32, 1),
            (520, 500, 20),
            (1100, 511, 530),
            (600, 512, 88),
            (7, 7, 0),
        ] {
            if cfg!(miri) && width > 40 {
                continue;
            }
            let below = Rows::new(1, 3, width);
            let mut x = below.operand(cpu);
            let part = Rows::new(2, 3, length.max(1));
            x.fill(column, 2, |j| &part.row(j)[..length]);
            for (j, found) in read(cpu, &x, 3).iter().enumerate() {
                for (c, &found) in found.iter().enumerate() {
                    let inside = j < 2 && (column..column + length).contains(&c);
                    let expected = match inside {
                        true => part.row(j)[c - column],
                        false => below.row(j)[c],
                    };
                    close(
                        &format!("{cpu} {width}"),
                        found,
                        operand(cpu, expected),
                        0.0,
                    );
                }
            }
        }
    }
}
