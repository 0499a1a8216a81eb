//! Products against f64 sums.

use dropsonde_kernels::{Block, Cpu, Operand, Operands, Packed, Start, product};
use proptest::prelude::*;

use crate::common::{Rows, WIDTHS, close, config, cpus, operand};

/// Compares one product with every start.
fn check(cpu: Cpu, rows: usize, n_in: usize, n_out: usize, seed: u64) {
    let x = Rows::new(seed, rows, n_in);
    let w = Rows::new(seed + 1, n_in, n_out);
    let bias = Rows::new(seed + 2, 1, n_out);
    let before = Rows::new(seed + 3, rows, n_out);
    let (operands, packed) = (x.operand(cpu), w.packed(cpu));
    let starts = [Start::Zero, Start::Row(&bias.values), Start::Current];
    for (kind, start) in starts.into_iter().enumerate() {
        let mut out = before.block(cpu);
        product(&operands, rows, &packed, start, &mut out);
        for row in 0..rows {
            let found = out.row(row);
            for column in 0..n_out {
                let begin = [0.0, bias.values[column], before.row(row)[column]][kind];
                let (mut sum, mut size) = (f64::from(begin), f64::from(begin).abs());
                for k in 0..n_in {
                    let term = operand(cpu, x.row(row)[k]) * operand(cpu, w.row(k)[column]);
                    sum += term;
                    size += term.abs();
                }
                // Each of n additions in f32 is off by at most half a unit in the last place of the sum so far.
                let tolerance = size * (n_in as f64 + 2.0) * f64::from(f32::EPSILON) / 2.0;
                let what = format!("{cpu}, [{rows}, {n_in}, {n_out}] at {row}, {column}");
                close(&what, found[column], sum, tolerance);
            }
        }
    }
}

#[test]
fn products_agree_with_sums_in_f64_around_every_border() {
    for cpu in cpus() {
        for (i, &width) in WIDTHS.iter().enumerate() {
            let other = [3, 33][i % 2];
            if cfg!(miri) && width > 40 {
                continue;
            }
            check(cpu, 5, width, other, i as u64);
            check(cpu, 15, other, width, i as u64);
        }
    }
    if !cfg!(miri) {
        cpus()
            .into_iter()
            .for_each(|cpu| check(cpu, 16, 1100, 513, 3));
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn products_agree_with_sums_in_f64(
        rows in 1..=60usize,
        n_in in 1..=70usize,
        n_out in 1..=70usize,
        seed in 0..1000u64,
    ) {
        let [rows, n_in, n_out] = match cfg!(miri) {
            true => [rows % 7 + 1, n_in % 17 + 1, n_out % 17 + 1],
            false => [rows, n_in, n_out],
        };
        cpus().into_iter().for_each(|cpu| check(cpu, rows, n_in, n_out, seed));
    }

    #[test]
    fn the_bits_of_a_row_do_not_depend_on_its_neighbours(
        rows in 1..=60usize,
        n_in in 1..=600usize,
        n_out in 1..=70usize,
        seed in 0..1000u64,
    ) {
        let [rows, n_in, n_out] = match cfg!(miri) {
            true => [rows % 7 + 1, n_in % 17 + 1, n_out % 17 + 1],
            false => [rows, n_in, n_out],
        };
        let x = Rows::new(seed, rows, n_in);
        let w = Rows::new(seed + 1, n_in, n_out);
        for cpu in cpus() {
            let packed = w.packed(cpu);
            let mut together = Block::new(cpu, rows, n_out);
            product(&x.operand(cpu), rows, &packed, Start::Zero, &mut together);
            for row in 0..rows {
                let mut one = Operand::new(cpu, 1, n_in);
                one.fill(0, 1, |_| x.row(row));
                let mut alone = Block::new(cpu, 1, n_out);
                product(&one, 1, &packed, Start::Zero, &mut alone);
                prop_assert_eq!(alone.row(0), together.row(row), "{}, row {}", cpu, row);
            }
        }
    }
}

#[test]
fn rows_behind_the_last_stay_as_they_were() {
    for cpu in cpus() {
        let x = Rows::new(1, 9, 7);
        let w = Rows::new(2, 7, 20);
        let before = Rows::new(3, 9, 20);
        let mut out = before.block(cpu);
        product(&x.operand(cpu), 4, &w.packed(cpu), Start::Zero, &mut out);
        for row in 4..9 {
            assert_eq!(out.row(row), before.row(row), "{cpu}, row {row}");
        }
    }
}

#[test]
fn nothing_of_a_row_leaks_into_the_columns_or_rows_behind() {
    // Infinities would turn into NaN wherever padding is not 0 on both sides.
    for cpu in cpus() {
        for width in [1, 3, 5, 7] {
            let mut x = Operand::new(cpu, 2, width);
            let big = vec![f32::INFINITY; width];
            x.fill(0, 1, |_| &big);
            let w = Packed::new(cpu, &vec![1.0; width * 3], 3);
            let mut out = Block::new(cpu, 2, 3);
            product(&x, 2, &w, Start::Zero, &mut out);
            assert_eq!(out.row(0), [f32::INFINITY; 3], "{cpu}, {width}");
            assert_eq!(out.row(1), [0.0; 3], "{cpu}, {width}");
        }
    }
}

#[test]
fn a_matrix_without_rows_leaves_the_start() {
    for cpu in cpus() {
        let w = Packed::transposed(cpu, &[], 0);
        assert_eq!([w.n_in(), w.n_out()], [0, 0]);
        let w = Packed::new(cpu, &[], 20);
        let x = Operand::new(cpu, 3, 0);
        let bias = Rows::new(1, 1, 20);
        let before = Rows::new(2, 3, 20);
        for (start, expected) in [
            (Start::Zero, &[0.0; 20][..]),
            (Start::Row(&bias.values), &bias.values),
            (Start::Current, before.row(2)),
        ] {
            let mut out = before.block(cpu);
            product(&x, 3, &w, start, &mut out);
            assert_eq!(out.row(2), expected, "{cpu}");
        }
    }
}

#[test]
fn no_rows_and_no_columns_are_no_work() {
    for cpu in cpus() {
        let w = Packed::new(cpu, &[1.0; 6], 3);
        let mut out = Block::new(cpu, 0, 3);
        product(&Operand::new(cpu, 0, 2), 0, &w, Start::Zero, &mut out);
        let none = Packed::transposed(cpu, &[], 2);
        assert_eq!([none.n_in(), none.n_out()], [2, 0]);
        let mut out = Block::new(cpu, 4, 0);
        product(&Operand::new(cpu, 4, 2), 4, &none, Start::Zero, &mut out);
        assert!(out.row(3).is_empty());
    }
}

#[test]
fn a_transposed_matrix_is_packed_like_its_transpose() {
    for cpu in cpus() {
        let w = Rows::new(1, 13, 37);
        let across: Vec<f32> = (0..37 * 13).map(|i| w.row(i % 13)[i / 13]).collect();
        let x = Rows::new(2, 6, 13).operand(cpu);
        let [mut a, mut b] = [Block::new(cpu, 6, 37), Block::new(cpu, 6, 37)];
        product(&x, 6, &w.packed(cpu), Start::Zero, &mut a);
        let packed = Packed::transposed(cpu, &across, 13);
        product(&x, 6, &packed, Start::Zero, &mut b);
        (0..6).for_each(|row| assert_eq!(a.row(row), b.row(row), "{cpu}"));
    }
}

/// Native bf16 products and emulated ones are both compared with f64 above; here with each other.
#[test]
fn bf16_instructions_give_what_emulation_gives() {
    let (rows, n_in, n_out) = if cfg!(miri) { (2, 9, 5) } else { (17, 515, 40) };
    let (x, w) = (Rows::new(5, rows, n_in), Rows::new(6, n_in, n_out));
    let results = Cpu::available(Operands::Bf16).into_iter().map(|cpu| {
        let mut out = Block::new(cpu, rows, n_out);
        product(&x.operand(cpu), rows, &w.packed(cpu), Start::Zero, &mut out);
        (0..rows)
            .map(|row| out.row(row))
            .collect::<Vec<_>>()
            .concat()
    });
    let results: Vec<_> = results.collect();
    for other in &results[1..] {
        for (a, b) in results[0].iter().zip(other) {
            // Sums of n_in terms below 1.
            close("bf16", *a, f64::from(*b), n_in as f64 * 2e-7);
        }
    }
}

#[test]
fn operands_are_rounded_to_the_nearest_bf16_and_halves_to_even() {
    // 1 + 1/256 lies between 1 and 1 + 1/128, 1 + 3/256 between that and 1 + 2/128.
    let cases = [
        (1.0 + 1.0 / 256.0, 1.0),
        (1.0 + 3.0 / 256.0, 1.0 + 2.0 / 128.0),
        (1.0 + 1.0 / 256.0 + 1e-6, 1.0 + 1.0 / 128.0),
        (-(1.0 + 1.0 / 256.0), -1.0),
        (3.4e38, f32::INFINITY),
        (f32::NEG_INFINITY, f32::NEG_INFINITY),
        (-0.3, half::bf16::from_f32(-0.3).to_f32()),
    ];
    for cpu in Cpu::available(Operands::Bf16) {
        for (value, expected) in cases {
            // 40 columns: whole vectors and a part of one.
            let mut x = Operand::new(cpu, 1, 40);
            for column in [0, 39] {
                x.fill(0, 1, |_| &[0.0; 40]);
                x.fill(column, 1, |_| std::slice::from_ref(&value));
                let mut w = vec![0.0; 40];
                w[column] = 1.0;
                let mut out = Block::new(cpu, 1, 1);
                product(&x, 1, &Packed::new(cpu, &w, 1), Start::Zero, &mut out);
                check_rounded(cpu, value, out.row(0)[0], expected);
            }
            // All lanes of whole vectors, and weights.
            let row = [value; 40];
            x.fill(0, 1, |_| &row);
            let mut one = Operand::new(cpu, 1, 1);
            one.fill(0, 1, |_| &[1.0]);
            let mut out = Block::new(cpu, 1, 40);
            product(&one, 1, &Packed::new(cpu, &row, 40), Start::Zero, &mut out);
            let found = out.row(0);
            found
                .iter()
                .for_each(|&y| check_rounded(cpu, value, y, expected));
            let mut sum = Block::new(cpu, 1, 1);
            let ones = Packed::new(cpu, &[1.0; 40], 1);
            product(&x, 1, &ones, Start::Zero, &mut sum);
            check_rounded(cpu, value, sum.row(0)[0] / 40.0, expected);
        }
    }
}

#[track_caller]
fn check_rounded(cpu: Cpu, value: f32, found: f32, expected: f32) {
    assert_eq!(found, expected, "{cpu}: {value} is rounded");
}

#[test]
fn nan_stays_nan_in_either_kind_of_operands() {
    // A NaN whose lower bits alone are set must not be cut down to infinity.
    let nan = f32::from_bits(0x7f80_0001);
    for cpu in cpus() {
        for width in [1, 40] {
            let mut x = Operand::new(cpu, 1, width);
            let row = vec![nan; width];
            x.fill(0, 1, |_| &row);
            let mut out = Block::new(cpu, 1, 1);
            let w = Packed::new(cpu, &vec![1.0; width], 1);
            product(&x, 1, &w, Start::Zero, &mut out);
            assert!(out.row(0)[0].is_nan(), "{cpu}, operand");
        }
        let mut x = Operand::new(cpu, 1, 1);
        x.fill(0, 1, |_| &[1.0]);
        let mut out = Block::new(cpu, 1, 1);
        product(&x, 1, &Packed::new(cpu, &[nan], 1), Start::Zero, &mut out);
        assert!(out.row(0)[0].is_nan(), "{cpu}, weight");
    }
}
