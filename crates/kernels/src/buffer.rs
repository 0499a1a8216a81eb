//! Memory that starts on a cache line.

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Zeroed memory that starts on a cache line, for values of any plain type.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
}

impl Buffer {
    pub(crate) fn zeroed(bytes: usize) -> Self {
        Self {
            lines: vec![Line([0; 64]); bytes.div_ceil(64)],
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        64 * self.lines.len()
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
