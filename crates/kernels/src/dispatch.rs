//! Which instructions run: chosen once, at run time.

use std::fmt;

use crate::element::{Element, ROUNDED, SINGLE};
#[cfg(target_arch = "x86_64")]
use crate::simd::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use crate::simd::avx512::{Avx512, Avx512Bf16};
#[cfg(target_arch = "aarch64")]
use crate::simd::neon::Neon;
use crate::simd::{Simd, portable::Portable};

/// In which numbers the operands of matrix products are; sums are f32 always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operands {
    /// Single precision.
    F32,
    /// bf16, rounded to nearest even. Without bf16 instructions the same numbers are multiplied as f32.
    Bf16,
}

/// Instructions and operands that all blocks and packed matrices of one computation share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpu {
    isa: Isa,
    operands: Operands,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// Instructions beyond the portable ones that this processor has, fastest first.
#[cfg(target_arch = "x86_64")]
fn special(operands: Operands) -> Vec<Isa> {
    let bf16 = operands == Operands::Bf16 && Avx512Bf16::detect().is_some();
    [
        (bf16, Isa::Avx512Bf16),
        (Avx512::detect().is_some(), Isa::Avx512),
        (Avx2::detect().is_some(), Isa::Avx2),
    ]
    .into_iter()
    .filter_map(|(found, isa)| found.then_some(isa))
    .collect()
}

/// Instructions beyond the portable ones that this processor has.
#[cfg(target_arch = "aarch64")]
fn special(_: Operands) -> Vec<Isa> {
    vec![Isa::Neon]
}

/// Instructions beyond the portable ones that this processor has.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn special(_: Operands) -> Vec<Isa> {
    Vec::new()
}

/// Work that is written once for all instruction sets; `MR` rows times `NV` vectors is the tile that fills the registers.
pub(crate) trait Program {
    type Output;
    fn run<S: Simd, P: Element<S>, const MR: usize, const NV: usize>(
        self,
        s: S,
        p: P,
    ) -> Self::Output;
}

impl Cpu {
    /// The fastest instructions of this processor.
    pub fn new(operands: Operands) -> Self {
        Self::available(operands)[0]
    }

    /// Everything that runs here, fastest first; the portable one is always there. For tests and comparisons.
    pub fn available(operands: Operands) -> Vec<Self> {
        let isas = special(operands).into_iter().chain([Isa::Portable]);
        isas.map(|isa| Self { isa, operands }).collect()
    }

    /// Numbers of the operands.
    pub fn operands(self) -> Operands {
        self.operands
    }

    /// Columns of one panel of a packed matrix.
    pub(crate) fn panel(self) -> usize {
        match self.isa {
            Isa::Portable => 8,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => 16,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Bf16 => 32,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => 16,
        }
    }

    /// Bytes of one stored operand.
    pub(crate) fn operand_bytes(self) -> usize {
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => 2,
            _ => 4,
        }
    }

    /// Operands that lie side by side because one instruction takes them together.
    pub(crate) fn group(self) -> usize {
        4 / self.operand_bytes()
    }

    pub(crate) fn run<R: Program>(self, program: R) -> R::Output {
        match self.isa {
            Isa::Portable => match self.operands {
                Operands::F32 => program.run::<_, _, 4, 2>(Portable, SINGLE),
                Operands::Bf16 => program.run::<_, _, 4, 2>(Portable, ROUNDED),
            },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => match Avx2::detect() {
                // SAFETY: detected.
                Some(s) => unsafe { avx2(s, self.operands, program) },
                None => unreachable!("a Cpu is only made where its instructions are"),
            },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => match Avx512::detect() {
                // SAFETY: detected.
                Some(s) => unsafe { avx512(s, self.operands, program) },
                None => unreachable!("a Cpu is only made where its instructions are"),
            },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => match (Avx512::detect(), Avx512Bf16::detect()) {
                // SAFETY: detected.
                (Some(s), Some(p)) => unsafe { avx512_bf16(s, p, program) },
                _ => unreachable!("a Cpu is only made where its instructions are"),
            },
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => match self.operands {
                Operands::F32 => program.run::<_, _, 6, 4>(Neon, SINGLE),
                Operands::Bf16 => program.run::<_, _, 6, 4>(Neon, ROUNDED),
            },
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?}", self.isa).to_lowercase();
        let operands = match self.operands {
            Operands::F32 => "f32",
            Operands::Bf16 => "bf16",
        };
        f.pad(&format!("{name}, {operands}"))
    }
}

/// # Safety
/// The processor must have AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<R: Program>(s: Avx2, operands: Operands, program: R) -> R::Output {
    match operands {
        Operands::F32 => program.run::<_, _, 6, 2>(s, SINGLE),
        Operands::Bf16 => program.run::<_, _, 6, 2>(s, ROUNDED),
    }
}

/// # Safety
/// The processor must have AVX-512 F, BW, DQ and VL.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn avx512<R: Program>(s: Avx512, operands: Operands, program: R) -> R::Output {
    match operands {
        Operands::F32 => program.run::<_, _, 14, 2>(s, SINGLE),
        Operands::Bf16 => program.run::<_, _, 14, 2>(s, ROUNDED),
    }
}

/// # Safety
/// The processor must have AVX-512 F, BW, DQ, VL and BF16.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
unsafe fn avx512_bf16<R: Program>(s: Avx512, p: Avx512Bf16, program: R) -> R::Output {
    program.run::<_, _, 14, 2>(s, p)
}
