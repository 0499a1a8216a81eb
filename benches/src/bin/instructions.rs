//! Runs one kernel of `dropsonde-kernels` some times, so that valgrind can count its instructions.
//!
//! `instructions list` prints the kernels, one `CPU KERNEL` per line; `instructions CPU KERNEL REPEATS` runs one. It does
//! not link libtorch, whose start alone is more instructions than all kernels together.

use std::hint::black_box;
use std::process::ExitCode;

use dropsonde_kernels::{Block, Cpu, Operand, Operands, Packed, Start, product};

/// Rows of a block; not a multiple of any tile, so that the rest is counted too.
const ROWS: usize = 100;
/// Latent width of the published model.
const WIDTH: usize = 512;

/// Name, numbers of the operands, and what makes the work that is repeated.
type Kernel = (&'static str, Operands, fn(Cpu) -> Box<dyn FnMut()>);

const KERNELS: [Kernel; 7] = [
    ("pack", Operands::F32, pack),
    ("fill", Operands::F32, fill),
    ("fill_bf16", Operands::Bf16, fill),
    ("product", Operands::F32, products),
    ("activate", Operands::F32, activate),
    ("normalize", Operands::F32, normalize),
    ("scatter_add", Operands::F32, scatter_add),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["list"] => {
            list();
            Some(())
        }
        [cpu, kernel, repeats] => repeats.parse().ok().and_then(|n| run(cpu, kernel, n)),
        _ => None,
    };
    match done {
        Some(()) => ExitCode::SUCCESS,
        None => {
            eprintln!(
                "error: `{}`\nhint: list | CPU KERNEL REPEATS",
                words.join(" ")
            );
            ExitCode::from(2)
        }
    }
}

/// `avx2` of a `Cpu` that displays as `avx2, f32`.
fn name(cpu: Cpu) -> String {
    let text = cpu.to_string();
    text.split(',').next().unwrap_or_default().to_owned()
}

/// Valgrind has no AVX-512.
fn list() {
    for (kernel, operands, _) in KERNELS {
        for cpu in Cpu::available(operands) {
            if !name(cpu).starts_with("avx512") {
                println!("{} {kernel}", name(cpu));
            }
        }
    }
}

fn run(cpu: &str, kernel: &str, repeats: usize) -> Option<()> {
    let (_, operands, make) = KERNELS.into_iter().find(|(name, _, _)| *name == kernel)?;
    let cpu = Cpu::available(operands)
        .into_iter()
        .find(|other| name(*other) == cpu)?;
    let mut work = make(cpu);
    (0..repeats).for_each(|_| work());
    Some(())
}

/// Ordinary numbers, the same on every machine.
fn values(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i % 97) as f32 / 48.0 - 1.0).collect()
}

fn block(cpu: Cpu) -> Block {
    let mut block = Block::new(cpu, ROWS, WIDTH);
    let rows = values(ROWS * WIDTH);
    block.add(ROWS, |row| [&rows[row * WIDTH..][..WIDTH]]);
    block
}

fn pack(cpu: Cpu) -> Box<dyn FnMut()> {
    let w = values(WIDTH * WIDTH);
    Box::new(move || {
        black_box(Packed::new(cpu, black_box(&w), WIDTH));
    })
}

fn fill(cpu: Cpu) -> Box<dyn FnMut()> {
    let rows = values(ROWS * WIDTH);
    let mut x = Operand::new(cpu, ROWS, WIDTH);
    Box::new(move || x.fill(0, ROWS, |row| &black_box(&rows)[row * WIDTH..][..WIDTH]))
}

fn products(cpu: Cpu) -> Box<dyn FnMut()> {
    let w = Packed::new(cpu, &values(WIDTH * WIDTH), WIDTH);
    let mut x = Operand::new(cpu, ROWS, WIDTH);
    x.copy(ROWS, &block(cpu));
    let mut out = Block::new(cpu, ROWS, WIDTH);
    Box::new(move || product(black_box(&x), ROWS, &w, Start::Zero, &mut out))
}

fn activate(cpu: Cpu) -> Box<dyn FnMut()> {
    let (block, rows) = (block(cpu), values(ROWS * WIDTH));
    let mut out = Operand::new(cpu, ROWS, WIDTH);
    // Two gathered rows each, as those of a sender and a receiver.
    Box::new(move || {
        let row = |row: usize| &rows[row * WIDTH..][..WIDTH];
        let gather = |i: usize| [row(i * 7 % ROWS), row(i / 3)];
        black_box(&block).activate(ROWS, gather, &mut out);
    })
}

fn normalize(cpu: Cpu) -> Box<dyn FnMut()> {
    let mut block = block(cpu);
    let (scale, shift) = (vec![1.0; WIDTH], values(WIDTH));
    Box::new(move || black_box(&mut block).normalize(ROWS, &scale, &shift))
}

fn scatter_add(cpu: Cpu) -> Box<dyn FnMut()> {
    let block = block(cpu);
    let mut to = vec![0.0; ROWS * WIDTH];
    Box::new(move || black_box(&block).scatter_add(ROWS, &mut to, |row| row / 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_runs_on_every_cpu() {
        for (kernel, operands, _) in KERNELS {
            for cpu in Cpu::available(operands) {
                assert_eq!(run(&name(cpu), kernel, 2), Some(()), "{kernel} {cpu}");
            }
        }
        assert_eq!(run("portable", "tea", 1), None);
        assert_eq!(run("abacus", "product", 1), None);
    }
}
