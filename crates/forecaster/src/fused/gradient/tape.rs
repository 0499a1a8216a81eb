use dropsonde_kernels::{Block, Cpu, MatrixGradient, Operand, Packed, Start, product};
use tch::Tensor;

use super::Named;
use crate::fused::mlp::{Mlp, ROWS, linear_name, norm_name};
use crate::{Parameters, Result};

/// One MLP on one block, with everything that its way back needs.
#[derive(Debug)]
pub(super) struct Tape {
    /// The parts of the input.
    pub(super) x: Vec<Operand>,
    /// Before each swish.
    pre: Vec<Block>,
    /// After it.
    hidden: Vec<Operand>,
    /// The last layer's result, before layer normalisation.
    last: Block,
    /// The MLP's result.
    pub(super) value: Block,
    /// Gradient of the result, overwritten on the way back.
    pub(super) dy: Block,
    /// Gradients of the hidden values.
    d_hidden: Block,
    /// The same as left sides of products.
    dy_operand: Operand,
    d_operand: Operand,
}

/// The transposed matrices of an MLP.
#[derive(Debug)]
pub(super) struct Transposed {
    first: Vec<Packed>,
    rest: Vec<Packed>,
}

/// Gradients of an MLP's weights.
#[derive(Debug)]
pub(super) struct MlpGradient {
    pub(super) first: Vec<MatrixGradient>,
    bias: Vec<f32>,
    rest: Vec<(MatrixGradient, Vec<f32>)>,
    norm: [Vec<f32>; 2],
}

impl Tape {
    pub(super) fn new(cpu: Cpu, mlp: &Mlp, latent: usize) -> Self {
        let d_out = mlp.d_out();
        let layers = mlp.rest().len();
        let block = |width| Block::new(cpu, ROWS, width);
        let operand = |width| Operand::new(cpu, ROWS, width);
        Self {
            x: mlp.parts().iter().map(|p| operand(p.n_in())).collect(),
            pre: (0..layers).map(|_| block(latent)).collect(),
            hidden: (0..layers).map(|_| operand(latent)).collect(),
            last: block(d_out),
            value: block(d_out),
            dy: block(d_out),
            d_hidden: block(latent),
            dy_operand: operand(d_out),
            d_operand: operand(latent),
        }
    }

    /// The MLP on `x`, in `value`; `more` is added to the first layer's result, and only the parts in `parts` enter.
    pub(super) fn forward<'s, const N: usize>(
        &mut self,
        mlp: &Mlp,
        parts: std::ops::Range<usize>,
        rows: usize,
        more: impl Fn(usize) -> [&'s [f32]; N],
        start: Start<'_>,
    ) {
        let Self {
            x,
            pre,
            hidden,
            last,
            value,
            ..
        } = self;
        let mut start = start;
        for part in parts {
            let out = pre.first_mut().unwrap_or(last);
            product(&x[part], rows, &mlp.parts()[part], start, out);
            start = Start::Current;
        }
        pre.first_mut().unwrap_or(last).add(rows, more);
        for (i, (w, b)) in mlp.rest().enumerate() {
            pre[i].activate(rows, |_| [], &mut hidden[i]);
            let out = pre.get_mut(i + 1).unwrap_or(last);
            product(&hidden[i], rows, w, Start::Row(b), out);
        }
        value.copy(rows, last);
        if let Some([scale, shift]) = mlp.norm() {
            value.normalize(rows, scale, shift);
        }
    }

    /// From `dy` to the gradients of weights; afterwards [`Self::input_gradient`] gives those of the parts.
    pub(super) fn backward(
        &mut self,
        mlp: &Mlp,
        transposed: &Transposed,
        parts: std::ops::Range<usize>,
        rows: usize,
        sum: &mut MlpGradient,
    ) {
        if let Some([scale, _]) = mlp.norm() {
            let [scales, shifts] = &mut sum.norm;
            self.dy
                .normalize_gradient(rows, &self.last, scale, [scales, shifts]);
        }
        let layers = self.hidden.len();
        self.dy_operand.copy(rows, &self.dy);
        for i in (0..layers).rev() {
            let (d, left) = match i + 1 == layers {
                true => (&self.dy, &self.dy_operand),
                false => (&self.d_hidden, &self.d_operand),
            };
            let (w, b) = &mut sum.rest[i];
            w.add_product(&self.hidden[i], left, rows);
            d.add_column_sums(rows, b);
            product(
                left,
                rows,
                &transposed.rest[i],
                Start::Zero,
                &mut self.d_hidden,
            );
            self.d_hidden.swish_gradient(rows, &self.pre[i]);
            self.d_operand.copy(rows, &self.d_hidden);
        }
        self.entry().add_column_sums(rows, &mut sum.bias);
        for part in parts {
            sum.first[part].add_product(&self.x[part], self.entry_operand(), rows);
        }
    }

    /// Gradient of the first layer's result, after [`Self::backward`].
    pub(super) fn entry(&self) -> &Block {
        match self.hidden.is_empty() {
            true => &self.dy,
            false => &self.d_hidden,
        }
    }

    /// [`Self::entry`] as the operand of products.
    fn entry_operand(&self) -> &Operand {
        match self.hidden.is_empty() {
            true => &self.dy_operand,
            false => &self.d_operand,
        }
    }

    /// Gradient of one part of the input, after [`Self::backward`].
    pub(super) fn input_gradient(
        &self,
        transposed: &Transposed,
        part: usize,
        rows: usize,
        out: &mut Block,
    ) {
        product(
            self.entry_operand(),
            rows,
            &transposed.first[part],
            Start::Zero,
            out,
        );
    }
}

impl Transposed {
    /// `parameters` are those that the MLP was made from.
    pub(super) fn new(cpu: Cpu, mlp: &Mlp, parameters: &Parameters) -> Result<Self> {
        let [first, rest] = mlp.transposed(cpu, parameters)?;
        Ok(Self { first, rest })
    }

    pub(super) fn part(&self, part: usize) -> &Packed {
        &self.first[part]
    }
}

impl MlpGradient {
    pub(super) fn zeros(cpu: Cpu, mlp: &Mlp) -> Self {
        let zeros = |w: &Packed| MatrixGradient::zeros(cpu, w.n_in(), w.n_out());
        let first: Vec<_> = mlp.parts().iter().map(zeros).collect();
        Self {
            bias: vec![0.0; mlp.parts()[0].n_out()],
            first,
            rest: mlp
                .rest()
                .map(|(w, b)| (zeros(w), vec![0.0; b.len()]))
                .collect(),
            norm: std::array::from_fn(|_| vec![0.0; mlp.d_out()]),
        }
    }

    pub(super) fn add_other(&mut self, other: &Self) {
        let add = |a: &mut [f32], b: &[f32]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        self.first
            .iter_mut()
            .zip(&other.first)
            .for_each(|(a, b)| a.add(b));
        add(&mut self.bias, &other.bias);
        for ((w, b), (other_w, other_b)) in self.rest.iter_mut().zip(&other.rest) {
            w.add(other_w);
            add(b, other_b);
        }
        self.norm
            .iter_mut()
            .zip(&other.norm)
            .for_each(|(a, b)| add(a, b));
    }

    /// The gradients under the names of the weights.
    pub(super) fn named(&self, mlp: &Mlp) -> Named {
        let matrix = |parts: &[&MatrixGradient], columns: usize| {
            let rows = parts.iter().flat_map(|p| p.rows());
            let values: Vec<f32> = rows.flatten().copied().collect();
            Tensor::from_slice(&values).reshape([-1, columns as i64])
        };
        let vector = |values: &Vec<f32>| Tensor::from_slice(values);
        let linear = |i: usize, what: &str| linear_name(mlp.path(), i, what);
        let first: Vec<&MatrixGradient> = self.first.iter().collect();
        let mut named = vec![
            (linear(0, "w"), matrix(&first, self.bias.len())),
            (linear(0, "b"), vector(&self.bias)),
        ];
        for (i, (w, b)) in self.rest.iter().enumerate() {
            named.push((linear(i + 1, "w"), matrix(&[w], b.len())));
            named.push((linear(i + 1, "b"), vector(b)));
        }
        if mlp.norm().is_some() {
            for (part, values) in ["scale", "offset"].iter().zip(&self.norm) {
                named.push((norm_name(mlp.path(), part), vector(values)));
            }
        }
        named
    }
}
