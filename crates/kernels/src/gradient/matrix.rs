use crate::block::{SLICE, offset, padded, stride};
use crate::buffer::Buffer;
use crate::dispatch::Program;
use crate::element::Element;
use crate::rows::add_to;
use crate::simd::Simd;
use crate::tile::{Tile, run_rows};
use crate::{Cpu, Operand};

/// A sum of gradients of a matrix `[n_in, n_out]`.
#[derive(Debug, Clone)]
pub struct MatrixGradient {
    cpu: Cpu,
    n_in: usize,
    n_out: usize,
    /// Rows are padded to whole panels.
    row: usize,
    data: Buffer,
    /// Where operands of which an instruction takes several rows at once are laid side by side: x and dy.
    room: [Buffer; 2],
}

impl MatrixGradient {
    /// All 0.
    ///
    /// # Panics
    /// If no memory could hold it.
    pub fn zeros(cpu: Cpu, n_in: usize, n_out: usize) -> Self {
        let row = padded(n_out, cpu.panel());
        Self {
            cpu,
            n_in,
            n_out,
            row,
            data: Buffer::zeroed([4, n_in, row]),
            room: [0, 1].map(|_| Buffer::zeroed([0; 3])),
        }
    }

    /// Adds x^T dy over the first `rows` rows: the gradient of x W with respect to W, given that of the product.
    ///
    /// The sum is in f32 whatever the operands are.
    ///
    /// # Shapes
    /// `x` `[rows, n_in]`, `dy` `[rows, n_out]`.
    ///
    /// # Panics
    /// If widths or numbers of rows do not fit, or the three were made for different instructions.
    pub fn add_product(&mut self, x: &Operand, dy: &Operand, rows: usize) {
        assert!(
            rows <= x.capacity && rows <= dy.capacity,
            "{rows} rows of {} and {}",
            x.capacity,
            dy.capacity
        );
        assert!(
            x.width == self.n_in && dy.width == self.n_out,
            "rows of {} and {} for a matrix [{}, {}]",
            x.width,
            dy.width,
            self.n_in,
            self.n_out
        );
        assert!(
            x.cpu == self.cpu && dy.cpu == self.cpu,
            "one set of instructions"
        );
        if rows == 0 {
            return;
        }
        self.make_room([x.width, self.row], rows);
        self.cpu.run(Outer {
            x,
            dy,
            rows,
            sum: self,
        });
    }

    /// Room for groups of rows side by side, where an instruction takes groups.
    fn make_room(&mut self, widths: [usize; 2], rows: usize) {
        let group = self.cpu.group();
        if group == 1 {
            return;
        }
        for (room, width) in self.room.iter_mut().zip(widths) {
            let factors = [
                rows.next_multiple_of(group),
                width,
                self.cpu.operand_bytes(),
            ];
            if room.bytes() < factors.iter().product() {
                *room = Buffer::zeroed(factors);
            }
        }
    }

    /// Adds another sum.
    ///
    /// # Panics
    /// If the shapes or instructions differ.
    pub fn add(&mut self, other: &Self) {
        assert!(
            self.n_in == other.n_in && self.n_out == other.n_out && self.row == other.row,
            "[{}, {}] and [{}, {}]",
            self.n_in,
            self.n_out,
            other.n_in,
            other.n_out
        );
        add_to(self.data.f32s_mut(), other.data.f32s());
    }

    /// The rows of the sum, `n_in` times `n_out` values.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        let values = self.data.f32s();
        (0..self.n_in).map(|row| &values[row * self.row..][..self.n_out])
    }
}

struct Outer<'a> {
    x: &'a Operand,
    dy: &'a Operand,
    rows: usize,
    sum: &'a mut MatrixGradient,
}

impl Program for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(self, s: S, p: P) {
        let Self { x, dy, rows, sum } = self;
        let MatrixGradient {
            n_in,
            row: width,
            data,
            room: [x_room, dy_room],
            ..
        } = sum;
        let (n_in, width) = (*n_in, *width);
        // SAFETY: `add_product` has checked the rows and made room for them; operands are padded to whole slices, which
        // are whole panels.
        let [x, dy] = unsafe {
            [
                Side::<P::E>::new::<S, P>(x, rows, n_in, x_room),
                Side::new::<S, P>(dy, rows, width, dy_room),
            ]
        };
        let c = data.ptr_mut::<f32>();
        for column in (0..width).step_by(NV * S::LANES) {
            for first in (0..n_in).step_by(SLICE) {
                let end = n_in.min(first + SLICE);
                for row in (first..end).step_by(MR) {
                    // SAFETY: widths and rows were checked by the caller, and there is a row; columns are padded in `dy`
                    // and in the sum.
                    unsafe {
                        let tile = OuterTile {
                            s,
                            p,
                            groups: rows.div_ceil(P::GROUP),
                            a: x.at(row),
                            lda: x.step,
                            b: dy.at(column),
                            ldb: dy.step,
                            c: c.add(row * width + column),
                            ldc: width,
                        };
                        run_rows::<_, MR, NV>(tile, MR.min(end - row));
                    }
                }
            }
        }
    }
}

/// One side of the outer products: groups of rows, the operands of a group side by side.
struct Side<E> {
    data: *const E,
    /// Operands from one group to the next.
    step: usize,
    /// Rows of each slice of the operand, or none where groups were laid side by side.
    slices: Option<usize>,
    group: usize,
}

impl<E: Copy + Default> Side<E> {
    /// The operand itself where a group is one row, else a copy of its first `rows` rows and `width` columns in `room`.
    ///
    /// # Safety
    /// The operand must have these rows, and whole slices of columns; the room must hold them.
    #[inline(always)]
    unsafe fn new<S: Simd, P: Element<S, E = E>>(
        x: &Operand,
        rows: usize,
        width: usize,
        room: &mut Buffer,
    ) -> Self {
        if P::GROUP == 1 {
            return Self {
                data: x.data.ptr(),
                step: stride::<E>(),
                slices: Some(x.capacity),
                group: 1,
            };
        }
        const { assert!(P::GROUP <= 2, "rows are laid side by side in pairs") };
        let step = P::GROUP * width;
        let zeros = [E::default(); SLICE];
        for pair in 0..rows.div_ceil(2) {
            for first in (0..width).step_by(SLICE) {
                let n = SLICE.min(width - first);
                // SAFETY: the caller vouches for rows and columns, and for the room.
                unsafe {
                    let row = |row: usize| {
                        let from = x.data.ptr::<E>().add(offset::<E>(x.capacity, row, first));
                        std::slice::from_raw_parts(from, n)
                    };
                    let second = match 2 * pair + 1 < rows {
                        true => row(2 * pair + 1),
                        false => &zeros[..n],
                    };
                    let to = room.ptr_mut::<E>().add(pair * step + 2 * first);
                    let to = std::slice::from_raw_parts_mut(to, 2 * n);
                    let pairs = row(2 * pair).iter().zip(second);
                    for (to, (a, b)) in to.chunks_exact_mut(2).zip(pairs) {
                        (to[0], to[1]) = (*a, *b);
                    }
                }
            }
        }
        Self {
            data: room.ptr(),
            step,
            slices: None,
            group: P::GROUP,
        }
    }

    /// Where a column starts in the first group.
    ///
    /// # Safety
    /// There must be such a column.
    #[inline(always)]
    unsafe fn at(&self, column: usize) -> *const E {
        let place = match self.slices {
            Some(capacity) => offset::<E>(capacity, 0, column),
            None => column * self.group,
        };
        // SAFETY: the caller vouches for the column.
        unsafe { self.data.add(place) }
    }
}

/// A few rows of the sum times one panel.
struct OuterTile<S: Simd, P: Element<S>> {
    s: S,
    p: P,
    /// Groups of rows of both sides.
    groups: usize,
    a: *const P::E,
    lda: usize,
    b: *const P::E,
    ldb: usize,
    c: *mut f32,
    ldc: usize,
}

impl<S: Simd, P: Element<S>> Tile for OuterTile<S, P> {
    /// # Safety
    /// `a` and `b` must hold `groups` groups, `lda` and `ldb` apart, with `ROWS` values and one panel; `c` `ROWS` rows of a
    /// panel, `ldc` apart.
    #[inline(always)]
    unsafe fn run<const ROWS: usize, const NV: usize>(self) {
        let Self {
            s,
            p,
            groups,
            a,
            lda,
            b,
            ldb,
            c,
            ldc,
        } = self;
        // SAFETY: the caller vouches for all pointers.
        unsafe {
            let mut sum = [[s.splat(0.0); NV]; ROWS];
            for (row, sums) in sum.iter_mut().enumerate() {
                for (v, value) in sums.iter_mut().enumerate() {
                    *value = s.load(c.add(row * ldc + v * S::LANES));
                }
            }
            for k in 0..groups {
                let from = b.add(k * ldb);
                let columns: [P::V; NV] =
                    std::array::from_fn(|v| p.load(s, from.add(v * S::LANES * P::GROUP)));
                for (row, sums) in sum.iter_mut().enumerate() {
                    let x = p.splat(s, a.add(k * lda + row * P::GROUP));
                    for (value, column) in sums.iter_mut().zip(columns) {
                        *value = p.accumulate(s, x, column, *value);
                    }
                }
            }
            for (row, sums) in sum.iter().enumerate() {
                for (v, value) in sums.iter().enumerate() {
                    s.store(c.add(row * ldc + v * S::LANES), *value);
                }
            }
        }
    }
}
