//! What does not fit is refused, never read or written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dropsonde_kernels::{Block, MatrixGradient, Operand, Packed, Start, product};

use crate::common::cpus;

/// Asserts that something panics with a message that contains `message`.
#[track_caller]
fn refused(message: &str, what: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(what)).unwrap_err();
    let found = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(payload.downcast_ref::<&str>().copied())
        .unwrap();
    assert!(found.contains(message), "`{message}` is not in `{found}`");
}

#[test]
fn sizes_that_wrap_are_refused() {
    for cpu in cpus() {
        let huge = usize::MAX / 512;
        refused("more than memory", || drop(Block::new(cpu, huge, 512)));
        refused("more than memory", || drop(Block::new(cpu, 2, usize::MAX)));
        refused("more than memory", || drop(Operand::new(cpu, huge, 512)));
        refused("more than memory", || {
            drop(Operand::new(cpu, 512, usize::MAX));
        });
        // No rows take no memory, whatever their width.
        let w = Packed::new(cpu, &[], usize::MAX);
        assert_eq!([w.n_in(), w.bytes()], [0, 0]);
        let zeros = || drop(MatrixGradient::zeros(cpu, usize::MAX / 64, 64));
        refused("more than memory", zeros);
    }
}

#[test]
fn products_that_do_not_fit_are_refused() {
    for cpu in cpus() {
        let (x, w) = (Operand::new(cpu, 4, 6), Packed::new(cpu, &[0.0; 18], 3));
        let mut out = Block::new(cpu, 3, 3);
        refused("4 rows of 4", || product(&x, 4, &w, Start::Zero, &mut out));
        let narrow = Operand::new(cpu, 4, 5);
        refused("rows of 5", || {
            product(&narrow, 1, &w, Start::Zero, &mut out);
        });
        let mut wide = Block::new(cpu, 3, 4);
        refused("into rows of 4", || {
            product(&x, 1, &w, Start::Zero, &mut wide);
        });
        let start = Start::Row(&[0.0; 2]);
        refused("one start value", || product(&x, 1, &w, start, &mut out));
        refused("a matrix with rows of 4", || {
            drop(Packed::new(cpu, &[0.0; 6], 4));
        });
        refused("a matrix with rows of 4", || {
            drop(Packed::transposed(cpu, &[0.0; 6], 4));
        });
        refused("a matrix with rows of 0", || {
            drop(Packed::new(cpu, &[0.0; 6], 0));
        });
    }
}

#[test]
fn instructions_are_not_mixed() {
    for (a, b) in cpus()
        .into_iter()
        .flat_map(|a| cpus().into_iter().map(move |b| (a, b)))
    {
        if a == b {
            continue;
        }
        let mut out = Block::new(b, 1, 1);
        let w = Packed::new(a, &[1.0], 1);
        let x = Operand::new(a, 1, 1);
        refused("one set", || product(&x, 1, &w, Start::Zero, &mut out));
        let mut x = Operand::new(a, 1, 1);
        refused("one kind", || x.copy(1, &out));
        refused("one kind", || out.activate(1, |_| [], &mut x));
        let other = Block::new(a, 1, 1);
        refused("one kind", || out.swish_gradient(1, &other));
        let sums = [&mut [0.0][..], &mut [0.0]];
        refused("one kind", || {
            out.normalize_gradient(1, &other, &[1.0], sums);
        });
    }
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    for cpu in cpus() {
        let mut block = Block::new(cpu, 3, 5);
        let small = Block::new(cpu, 2, 5);
        let mut x = Operand::new(cpu, 2, 5);
        let row = [0.0; 5];
        refused("4 rows", || block.fill(4, |_| &row));
        refused("rows of 5", || block.fill(1, |_| &row[1..]));
        refused("4 rows", || block.add(4, |_| [&row[..]]));
        refused("rows of 5", || block.add(1, |_| [&row[1..]]));
        refused("row 3 of 3", || block.add_row(3, &row));
        refused("rows of 5", || block.add_row(0, &row[1..]));
        refused("3 rows of 2", || block.copy(3, &small));
        let wide = Block::new(cpu, 3, 6);
        refused("blocks of one width", || block.copy(1, &wide));
        refused("4 rows", || block.add_column_sums(4, &mut [0.0; 5]));
        refused("one sum per column", || {
            block.add_column_sums(1, &mut [0.0; 4]);
        });
        refused("row 3 of 3", || drop(block.row(3)));
        refused("3 rows", || x.fill(0, 3, |_| &row));
        refused("at column 1", || x.fill(1, 1, |_| &row));
        refused("column 6", || x.fill(6, 1, |_| &[]));
        refused("column", || x.fill(usize::MAX, 1, |_| &row));
        refused("3 rows", || x.copy(3, &block));
        refused("3 rows", || block.activate(3, |_| [], &mut x));
        refused("rows of 5", || block.activate(1, |_| [&row[1..]], &mut x));
        refused("4 rows", || block.normalize(4, &row, &row));
        refused("one scale", || block.normalize(1, &row, &row[1..]));
        refused("one scale", || block.normalize(1, &row[1..], &row));
        refused("3 rows", || block.swish_gradient(3, &small));
        let mut sums = [[0.0; 5]; 2];
        let [a, b] = &mut sums;
        refused("3 rows", || {
            block.normalize_gradient(3, &small, &row, [a, b]);
        });
        let [a, b] = &mut sums;
        let short = || block.normalize_gradient(1, &small, &row, [a, &mut b[1..]]);
        refused("one scale", short);
    }
}

#[test]
fn places_outside_the_output_are_refused() {
    for cpu in cpus() {
        let block = Block::new(cpu, 3, 5);
        let mut to = [0.0; 10];
        refused("rows of 5", || block.write(0, &mut to[..9], false));
        refused("2 rows from 2", || block.write(2, &mut to, false));
        refused("from", || block.write(usize::MAX, &mut to, false));
        refused("from 4", || block.write(4, &mut [], false));
        refused("4 rows", || block.scatter_add(4, &mut to, |_| 0));
        refused("target 2 of 2", || block.scatter_add(1, &mut to, |_| 2));
        // Five times this wraps to 4.
        let wraps = usize::MAX / 5 + 1;
        refused("target", || block.scatter_add(1, &mut to, |_| wraps));
        refused("rows of 0", || {
            Block::new(cpu, 1, 0).write(0, &mut to, false);
        });
    }
}

#[test]
fn gradients_of_matrices_that_do_not_fit_are_refused() {
    for cpu in cpus() {
        let mut sum = MatrixGradient::zeros(cpu, 2, 3);
        let (x, dy) = (Operand::new(cpu, 2, 2), Operand::new(cpu, 1, 3));
        refused("2 rows of 2 and 1", || sum.add_product(&x, &dy, 2));
        let wide = Operand::new(cpu, 1, 4);
        refused("rows of 2 and 4", || sum.add_product(&x, &wide, 1));
        let other = MatrixGradient::zeros(cpu, 3, 2);
        refused("[2, 3] and [3, 2]", || sum.add(&other));
    }
}
