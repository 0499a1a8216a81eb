//! Prints what one core reaches: rates of products, and times of the passes between them.
//!
//! `cargo run --release -p dropsonde-kernels --example rate` measures; a debug build runs everything once.

use std::hint::black_box;
use std::time::Instant;

use dropsonde_kernels::{Block, Cpu, MatrixGradient, Operand, Operands, Packed, Start, product};

/// Width of GraphCast's latents.
const WIDTH: usize = 512;
/// Rows of a block: six tiles of fourteen rows.
const ROWS: usize = 84;
/// Operations of one product.
const FLOP: f64 = 2.0 * (ROWS * WIDTH * WIDTH) as f64;

fn main() {
    let mut places: Vec<_> = [Operands::F32, Operands::Bf16]
        .map(Cpu::available)
        .concat()
        .into_iter()
        .map(Workplace::new)
        .collect();
    println!("GFLOP/s on one core, [{ROWS}, {WIDTH}] times [{WIDTH}, {WIDTH}]:\n");
    let rate = |seconds: f64| FLOP / seconds * 1e-9;
    table(places.iter_mut(), &PRODUCT, rate);
    println!("\nGFLOP/s on one core, the gradient of that product:\n");
    table(places.iter_mut(), &GRADIENT, rate);
    println!("\nns per row of {WIDTH} on one core:\n");
    let per_row = |seconds: f64| seconds / ROWS as f64 * 1e9;
    table(places.iter_mut(), &PASSES, per_row);
}

/// Everything that the kernels read and write.
struct Workplace {
    cpu: Cpu,
    weights: Packed,
    weight_gradient: MatrixGradient,
    x: Operand,
    dy: Operand,
    values: Block,
    result: Block,
    rows: Vec<f32>,
    row: Vec<f32>,
    sums: [Vec<f32>; 2],
}

/// Something to measure.
type Work = fn(&mut Workplace);

const PRODUCT: [(&str, Work); 1] = [("product", |p| {
    product(&p.x, ROWS, &p.weights, Start::Zero, &mut p.result);
})];

const GRADIENT: [(&str, Work); 1] = [("add_product", |p| {
    p.weight_gradient.add_product(&p.x, &p.dy, ROWS);
})];

const PASSES: [(&str, Work); 11] = [
    ("fill", |p| p.x.fill(0, ROWS, |j| row(&p.rows, j))),
    ("fill a block", |p| {
        p.result.fill(ROWS, |j| row(&p.rows, j));
    }),
    ("copy", |p| p.x.copy(ROWS, &p.values)),
    ("activate", |p| {
        p.values.activate(ROWS, |_| [], &mut p.x);
    }),
    ("activate + 2 rows", |p| {
        let more = |j| [row(&p.rows, j), row(&p.rows, ROWS - 1 - j)];
        p.values.activate(ROWS, more, &mut p.x);
    }),
    ("normalize", |p| p.result.normalize(ROWS, &p.row, &p.row)),
    ("write", |p| p.values.write(0, &mut p.rows, false)),
    ("write +=", |p| p.values.write(0, &mut p.rows, true)),
    ("scatter_add", |p| {
        p.values.scatter_add(ROWS, &mut p.rows, |j| j / 3);
    }),
    ("swish_gradient", |p| {
        p.result.swish_gradient(ROWS, &p.values);
    }),
    ("normalize_gradient", |p| {
        let [scales, shifts] = &mut p.sums;
        p.result
            .normalize_gradient(ROWS, &p.values, &p.row, [scales, shifts]);
    }),
];

fn row(rows: &[f32], j: usize) -> &[f32] {
    &rows[j * WIDTH..][..WIDTH]
}

impl Workplace {
    fn new(cpu: Cpu) -> Self {
        let numbers = |n: usize| -> Vec<f32> {
            (0..n)
                .map(|i| (i * 37 % 101) as f32 / 101.0 - 0.5)
                .collect()
        };
        let rows = numbers(ROWS * WIDTH);
        let mut place = Self {
            cpu,
            weights: Packed::new(cpu, &numbers(WIDTH * WIDTH), WIDTH),
            weight_gradient: MatrixGradient::zeros(cpu, WIDTH, WIDTH),
            x: Operand::new(cpu, ROWS, WIDTH),
            dy: Operand::new(cpu, ROWS, WIDTH),
            values: Block::new(cpu, ROWS, WIDTH),
            result: Block::new(cpu, ROWS, WIDTH),
            row: numbers(WIDTH),
            sums: [vec![0.0; WIDTH], vec![0.0; WIDTH]],
            rows,
        };
        place.x.fill(0, ROWS, |j| row(&place.rows, j));
        place.dy.fill(0, ROWS, |j| row(&place.rows, j));
        place.values.fill(ROWS, |j| row(&place.rows, j));
        place
    }
}

/// One line for each set of instructions, one column for each kind of work.
fn table<'a, const N: usize>(
    places: impl Iterator<Item = &'a mut Workplace>,
    work: &[(&str, Work); N],
    figure: impl Fn(f64) -> f64,
) {
    println!("| | {} |", work.map(|(name, _)| name).join(" | "));
    println!("|---|{}", "---|".repeat(N));
    for place in places {
        let figures = work.map(|(_, work)| format!("{:.0}", figure(seconds(work, place))));
        println!("| {} | {} |", place.cpu, figures.join(" | "));
    }
}

/// The shortest of many times: what the work takes while nobody disturbs it.
fn seconds(work: Work, place: &mut Workplace) -> f64 {
    let repeats = if cfg!(debug_assertions) { 1 } else { 400 };
    (0..repeats)
        .map(|_| {
            let start = Instant::now();
            work(black_box(place));
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn the_example_runs() {
    main();
}
