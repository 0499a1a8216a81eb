//! What all tests share.

use dropsonde_kernels::{Block, Cpu, Operand, Operands, Packed};
use proptest::test_runner::{Config, RngSeed};

/// Widths around vectors, panels and slices of every set of instructions.
pub(crate) const WIDTHS: [usize; 12] = [1, 2, 3, 5, 16, 31, 33, 227, 511, 512, 513, 1100];

/// Interpreted runs have no time for slices of 512.
pub(crate) fn widths() -> impl Iterator<Item = usize> {
    let most = if cfg!(miri) { 40 } else { usize::MAX };
    WIDTHS.into_iter().filter(move |&width| width <= most)
}

/// A configuration with a fixed seed.
pub(crate) fn config(cases: u32) -> Config {
    Config {
        cases: if cfg!(miri) { 2 } else { cases },
        rng_seed: RngSeed::Fixed(20_260_401),
        failure_persistence: None,
        ..Config::default()
    }
}

/// Every set of instructions with f32 operands, and with bf16 ones.
pub(crate) fn cpus() -> Vec<Cpu> {
    [Operands::F32, Operands::Bf16].map(Cpu::available).concat()
}

/// Rows of numbers from -1 to 1, the same for the same seed.
pub(crate) struct Rows {
    pub(crate) width: usize,
    pub(crate) values: Vec<f32>,
}

impl Rows {
    pub(crate) fn new(seed: u64, rows: usize, width: usize) -> Self {
        let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
        let values = (0..rows * width)
            .map(|_| {
                // The upper bits of a linear congruential generator.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
            })
            .collect();
        Self { width, values }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.width
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..][..self.width]
    }

    pub(crate) fn operand(&self, cpu: Cpu) -> Operand {
        let mut x = Operand::new(cpu, self.len(), self.width);
        x.fill(0, self.len(), |row| self.row(row));
        x
    }

    pub(crate) fn block(&self, cpu: Cpu) -> Block {
        let mut x = Block::new(cpu, self.len(), self.width);
        x.fill(self.len(), |row| self.row(row));
        x
    }

    pub(crate) fn packed(&self, cpu: Cpu) -> Packed {
        Packed::new(cpu, &self.values, self.width)
    }
}

/// What a kernel multiplies in place of x.
pub(crate) fn operand(cpu: Cpu, x: f32) -> f64 {
    f64::from(match cpu.operands() {
        Operands::F32 => x,
        Operands::Bf16 => half::bf16::from_f32(x).to_f32(),
    })
}

/// An operand, read through a product with the identity.
pub(crate) fn read(cpu: Cpu, x: &Operand, rows: usize) -> Vec<Vec<f32>> {
    let width = x.width();
    let mut identity = vec![0.0; width * width];
    (0..width).for_each(|i| identity[i * width + i] = 1.0);
    let w = Packed::new(cpu, &identity, width);
    let mut out = Block::new(cpu, rows, width);
    dropsonde_kernels::product(x, rows, &w, dropsonde_kernels::Start::Zero, &mut out);
    (0..rows).map(|row| out.row(row)).collect()
}

/// Asserts that values are close: to within `tolerance` absolutely.
#[track_caller]
pub(crate) fn close(what: &str, found: f32, expected: f64, tolerance: f64) {
    let error = (f64::from(found) - expected).abs();
    assert!(
        error <= tolerance,
        "{what}: {found}, not {expected}; off by {error:e}, allowed {tolerance:e}"
    );
}
