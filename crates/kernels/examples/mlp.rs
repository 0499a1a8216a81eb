//! A message-passing step on blocks: edges of a ring of nodes carry an MLP of both ends, nodes sum what arrives.
//!
//! Every block goes from its gathered rows to its sums before the next one is touched. The program prints how far each
//! set of instructions of this processor is from the same step in f64.

use dropsonde_kernels::{Block, Cpu, Operand, Operands, Packed, Start, product};

/// Width of latents and hidden layers.
const WIDTH: usize = 64;
const NODES: usize = 50;
/// Rows that are worked on at once.
const ROWS: usize = 28;

fn main() {
    let step = Step::new();
    let exact = step.exact();
    let largest = exact.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    println!(
        "{NODES} nodes, {WIDTH} channels, largest sum {largest:.2}; largest difference from f64:"
    );
    for cpu in [Operands::F32, Operands::Bf16].map(Cpu::available).concat() {
        println!("{cpu:>16}: {:.1e}", error(&step.run(cpu), &exact));
    }
}

/// Nodes, and the weights of the MLP of their edges.
struct Step {
    nodes: Vec<f32>,
    first: [Vec<f32>; 2],
    bias: Vec<f32>,
    second: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Step {
    fn new() -> Self {
        let size = 1.0 / (WIDTH as f32).sqrt();
        Self {
            nodes: numbers(1, NODES * WIDTH, 1.0),
            first: [2, 3].map(|seed| numbers(seed, WIDTH * WIDTH, size)),
            bias: numbers(4, WIDTH, 0.1),
            second: numbers(5, WIDTH * WIDTH, size),
            scale: numbers(6, WIDTH, 1.0),
            shift: numbers(7, WIDTH, 0.1),
        }
    }

    /// Each edge's ends: node j hears from its two neighbours.
    fn edges() -> Vec<[usize; 2]> {
        (0..NODES)
            .flat_map(|to| [[(to + 1) % NODES, to], [(to + NODES - 1) % NODES, to]])
            .collect()
    }

    fn node(&self, node: usize) -> &[f32] {
        &self.nodes[node * WIDTH..][..WIDTH]
    }

    /// What arrives at each node: the sum over its edges of LayerNorm(swish(sender A + receiver B + bias) C).
    fn run(&self, cpu: Cpu) -> Vec<f32> {
        let [sender, receiver] = [&self.first[0], &self.first[1]];
        let [sender, receiver, second] =
            [sender, receiver, &self.second].map(|w| Packed::new(cpu, w, WIDTH));
        let mut x = Operand::new(cpu, ROWS, WIDTH);
        let mut hidden = Operand::new(cpu, ROWS, WIDTH);
        let mut latent = Block::new(cpu, ROWS, WIDTH);
        let mut sums = vec![0.0; NODES * WIDTH];
        for edges in Self::edges().chunks(ROWS) {
            let rows = edges.len();
            x.fill(0, rows, |j| self.node(edges[j][0]));
            product(&x, rows, &sender, Start::Row(&self.bias), &mut latent);
            x.fill(0, rows, |j| self.node(edges[j][1]));
            product(&x, rows, &receiver, Start::Current, &mut latent);
            latent.activate(rows, |_| [], &mut hidden);
            product(&hidden, rows, &second, Start::Zero, &mut latent);
            latent.normalize(rows, &self.scale, &self.shift);
            latent.scatter_add(rows, &mut sums, |j| edges[j][1]);
        }
        sums
    }

    /// The same in f64, by the book.
    fn exact(&self) -> Vec<f64> {
        let mut sums = vec![0.0; NODES * WIDTH];
        for [from, to] in Self::edges() {
            let mut hidden: Vec<f64> = self.bias.iter().map(|&b| f64::from(b)).collect();
            add_product(&mut hidden, &wide(self.node(from)), &self.first[0]);
            add_product(&mut hidden, &wide(self.node(to)), &self.first[1]);
            hidden.iter_mut().for_each(|x| *x /= 1.0 + (-*x).exp());
            let mut y = vec![0.0; WIDTH];
            add_product(&mut y, &hidden, &self.second);
            let mean = y.iter().sum::<f64>() / WIDTH as f64;
            let variance = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / WIDTH as f64;
            for (c, y) in y.iter().enumerate() {
                let normal = (y - mean) / (variance + 1e-5).sqrt();
                sums[to * WIDTH + c] +=
                    normal * f64::from(self.scale[c]) + f64::from(self.shift[c]);
            }
        }
        sums
    }
}

/// y += x w.
fn add_product(y: &mut [f64], x: &[f64], w: &[f32]) {
    for (x, row) in x.iter().zip(w.chunks(WIDTH)) {
        y.iter_mut()
            .zip(row)
            .for_each(|(y, &w)| *y += x * f64::from(w));
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

fn error(found: &[f32], exact: &[f64]) -> f64 {
    let differences = found
        .iter()
        .zip(exact)
        .map(|(&a, b)| (f64::from(a) - b).abs());
    differences.fold(0.0, f64::max)
}

/// Numbers from -`size` to `size`, the same for the same seed.
fn numbers(seed: u32, n: usize, size: f32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        // A linear congruential generator, of which the upper bits are used.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| size * next()).collect()
}

#[test]
fn every_set_of_instructions_comes_close_to_f64() {
    main();
    let step = Step::new();
    let exact = step.exact();
    for (operands, tolerance) in [(Operands::F32, 1e-5), (Operands::Bf16, 0.1)] {
        for cpu in Cpu::available(operands) {
            let error = error(&step.run(cpu), &exact);
            assert!(error > 0.0 && error < tolerance, "{cpu}: {error:e}");
        }
    }
}
