"""Rounding to fewer mantissa bits, after which a lossless compressor finds something to do."""

import numpy as np

MANTISSA_BITS = 23


def bit_round(values: np.ndarray, keep: int) -> np.ndarray:
    """`values` (float32) with `keep` explicit mantissa bits, rounded to nearest, ties to even; others are returned as they are.

    The relative error is at most 2 ** -(keep + 1).
    """
    if keep >= MANTISSA_BITS or values.dtype != np.float32:
        return values
    bits = values.view(np.uint32).astype(np.uint64)
    drop = MANTISSA_BITS - keep
    bits = bits + (1 << (drop - 1)) - 1 + ((bits >> np.uint64(drop)) & np.uint64(1))
    bits &= ~np.uint64((1 << drop) - 1)
    return bits.astype(np.uint32).view(np.float32)
