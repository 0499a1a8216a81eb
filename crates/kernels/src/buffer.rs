//! Memory that starts on a cache line.

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Zeroed memory that starts on a cache line, for values of any plain type.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
}

impl Buffer {
    /// Room for the product of these numbers in bytes.
    ///
    /// # Panics
    /// If that is more than an allocation can have: a wrapped product would be a buffer that is too small.
    pub(crate) fn zeroed(factors: [usize; 3]) -> Self {
        let bytes = factors
            .iter()
            .try_fold(1usize, |product, &factor| product.checked_mul(factor))
            .filter(|&bytes| bytes <= isize::MAX as usize - LINE);
        match bytes {
            Some(bytes) => Self {
                lines: vec![Line([0; LINE]); bytes.div_ceil(LINE)],
            },
            None => panic!("{factors:?} bytes are more than memory can hold"),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        LINE * self.lines.len()
    }

    pub(crate) fn ptr<T>(&self) -> *const T {
        self.lines.as_ptr().cast()
    }

    pub(crate) fn ptr_mut<T>(&mut self) -> *mut T {
        self.lines.as_mut_ptr().cast()
    }

    pub(crate) fn f32s(&self) -> &[f32] {
        // SAFETY: the lines are initialised, larger aligned than f32, and every bit pattern is an f32.
        unsafe { std::slice::from_raw_parts(self.ptr(), self.bytes() / 4) }
    }

    pub(crate) fn f32s_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `f32s`, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.ptr_mut(), self.bytes() / 4) }
    }
}
