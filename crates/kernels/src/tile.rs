//! The part of a result that stays in registers while the depth of a product goes by.

/// Work on a tile of rows times a panel of `NV` vectors.
pub(crate) trait Tile {
    /// # Safety
    /// The memory that the tile points to must hold `ROWS` rows of one panel.
    unsafe fn run<const ROWS: usize, const NV: usize>(self);
}

/// Runs a tile of `rows` <= `MR` rows, every number of them with a program of its own: 14 is the largest `MR`.
///
/// # Safety
/// As [`Tile::run`], for `rows` rows.
#[inline(always)]
pub(crate) unsafe fn run_rows<T: Tile, const MR: usize, const NV: usize>(tile: T, rows: usize) {
    const { assert!(MR <= 14) };
    // SAFETY: passed on. The guards keep programs that no `rows` below `MR` needs from being compiled.
    unsafe {
        match rows {
            0 => {}
            1 if MR > 1 => tile.run::<1, NV>(),
            2 if MR > 2 => tile.run::<2, NV>(),
            3 if MR > 3 => tile.run::<3, NV>(),
            4 if MR > 4 => tile.run::<4, NV>(),
            5 if MR > 5 => tile.run::<5, NV>(),
            6 if MR > 6 => tile.run::<6, NV>(),
            7 if MR > 7 => tile.run::<7, NV>(),
            8 if MR > 8 => tile.run::<8, NV>(),
            9 if MR > 9 => tile.run::<9, NV>(),
            10 if MR > 10 => tile.run::<10, NV>(),
            11 if MR > 11 => tile.run::<11, NV>(),
            12 if MR > 12 => tile.run::<12, NV>(),
            13 if MR > 13 => tile.run::<13, NV>(),
            _ => tile.run::<MR, NV>(),
        }
    }
}
