//! Rows in and out of blocks.

use dropsonde_kernels::Block;

use crate::common::{Rows, cpus, widths};

#[test]
fn rows_come_back_as_they_were_filled_in() {
    for cpu in cpus() {
        for width in widths() {
            let x = Rows::new(1, 6, width);
            let block = x.block(cpu);
            assert_eq!(block.width(), width);
            let mut out = vec![f32::NAN; 3 * width];
            block.write(2, &mut out, false);
            for row in 0..3 {
                assert_eq!(out[row * width..][..width], *x.row(2 + row), "{cpu}");
                assert_eq!(block.row(2 + row), x.row(2 + row), "{cpu}");
            }
            block.write(3, &mut out, true);
            for (i, &found) in out.iter().enumerate() {
                let (row, c) = (i / width, i % width);
                assert_eq!(found, x.row(2 + row)[c] + x.row(3 + row)[c], "{cpu}");
            }
        }
    }
}

#[test]
fn added_rows_are_added_one_after_another() {
    for cpu in cpus() {
        for width in widths() {
            let (x, y) = (Rows::new(1, 4, width), Rows::new(2, 4, width));
            let mut block = x.block(cpu);
            block.add(3, |row| [y.row(row), y.row(3 - row)]);
            for row in 0..3 {
                for (c, &found) in block.row(row).iter().enumerate() {
                    let expected = x.row(row)[c] + y.row(row)[c] + y.row(3 - row)[c];
                    assert_eq!(found, expected, "{cpu}");
                }
            }
            assert_eq!(block.row(3), x.row(3), "{cpu}");
        }
    }
}

#[test]
fn rows_are_copied_between_blocks_of_any_capacity() {
    for cpu in cpus() {
        for width in widths() {
            let (x, y) = (Rows::new(1, 5, width), Rows::new(2, 3, width));
            let mut block = x.block(cpu);
            block.copy(2, &y.block(cpu));
            (0..2).for_each(|row| assert_eq!(block.row(row), y.row(row), "{cpu}"));
            (2..5).for_each(|row| assert_eq!(block.row(row), x.row(row), "{cpu}"));
        }
    }
}

#[test]
fn values_are_added_to_one_row() {
    for cpu in cpus() {
        for width in widths() {
            let (x, y) = (Rows::new(1, 3, width), Rows::new(2, 1, width));
            let mut block = x.block(cpu);
            block.add_row(1, &y.values);
            for (c, &found) in block.row(1).iter().enumerate() {
                assert_eq!(found, x.row(1)[c] + y.values[c], "{cpu}");
            }
            for row in [0, 2] {
                assert_eq!(block.row(row), x.row(row), "{cpu}");
            }
        }
    }
}

#[test]
fn scattered_rows_are_summed_in_order() {
    for cpu in cpus() {
        for width in widths() {
            let x = Rows::new(1, 7, width);
            let start = Rows::new(2, 3, width);
            let target = |row: usize| row * row % 3;
            let mut sums = start.values.clone();
            x.block(cpu).scatter_add(6, &mut sums, target);
            let mut expected = start.values.clone();
            for row in 0..6 {
                for c in 0..width {
                    expected[target(row) * width + c] += x.row(row)[c];
                }
            }
            assert_eq!(sums, expected, "{cpu}, {width}");
        }
    }
}

#[test]
fn blocks_without_columns_or_rows_hold_nothing() {
    for cpu in cpus() {
        let mut flat = Block::new(cpu, 3, 0);
        flat.fill(3, |_| &[]);
        flat.add(3, |_| [&[][..]]);
        flat.write(3, &mut [], true);
        flat.scatter_add(3, &mut [], |row| row);
        flat.normalize(3, &[], &[]);
        assert!(flat.row(2).is_empty());
        let mut none = Block::new(cpu, 0, 5);
        none.fill(0, |_| unreachable!("no rows"));
        none.write(0, &mut [], false);
        none.scatter_add(0, &mut [], |_| unreachable!("no rows"));
        none.normalize(0, &[1.0; 5], &[1.0; 5]);
    }
}
