//! The few `.npy` forms that occur in checkpoints: numeric arrays and scalars, and `<U` strings.

use std::io::{Read, Write};

use npyz::{DType, NpyHeader, Order, TypeChar};

/// One array as stored, not yet converted.
pub(crate) struct NpyArray {
    kind: TypeChar,
    item_size: usize,
    pub(crate) shape: Vec<u64>,
    bytes: Vec<u8>,
}

impl NpyArray {
    /// Reads header and data; `limit` bounds the size of the data in bytes.
    pub(crate) fn read(mut reader: impl Read, limit: u64) -> Result<Self, String> {
        let header =
            NpyHeader::from_reader(&mut reader).map_err(|e| format!("bad npy header: {e}"))?;
        let DType::Plain(dtype) = header.dtype() else {
            return Err("structured dtype, expected a plain one".into());
        };
        if header.order() == Order::Fortran && header.shape().len() > 1 {
            return Err("Fortran order, expected C order".into());
        }
        if dtype.endianness() == npyz::Endianness::Big {
            return Err(format!(
                "big-endian dtype `{dtype}`, expected little-endian"
            ));
        }
        let item_size = dtype
            .num_bytes()
            .ok_or_else(|| format!("dtype `{dtype}` has no fixed size"))?;
        let n_items = header
            .shape()
            .iter()
            .try_fold(1u64, |n, &d| n.checked_mul(d));
        let n_bytes = n_items
            .and_then(|n| n.checked_mul(item_size as u64))
            .filter(|&n| n <= limit)
            .ok_or_else(|| {
                format!(
                    "shape {:?} is larger than the file can hold",
                    header.shape()
                )
            })?;
        let mut bytes = Vec::new();
        reader
            .take(n_bytes)
            .read_to_end(&mut bytes)
            .map_err(|e| e.to_string())?;
        if bytes.len() as u64 != n_bytes {
            return Err(format!("truncated: {} of {n_bytes} bytes", bytes.len()));
        }
        Ok(Self {
            kind: dtype.type_char(),
            item_size,
            shape: header.shape().to_vec(),
            bytes,
        })
    }

    /// Any float or integer dtype as f64.
    pub(crate) fn to_f64(&self) -> Result<Vec<f64>, String> {
        let items = self.bytes.chunks_exact(self.item_size.max(1));
        let values = match (self.kind, self.item_size) {
            (TypeChar::Float, 4) => items
                .map(|b| f64::from(f32::from_le_bytes(fixed(b))))
                .collect(),
            (TypeChar::Float, 8) => items.map(|b| f64::from_le_bytes(fixed(b))).collect(),
            (TypeChar::Int, 8) => items.map(|b| i64::from_le_bytes(fixed(b)) as f64).collect(),
            (TypeChar::Int, 4) => items
                .map(|b| f64::from(i32::from_le_bytes(fixed(b))))
                .collect(),
            (TypeChar::Float, 2) => items
                .map(|b| half_to_f64(u16::from_le_bytes(fixed(b))))
                .collect(),
            (kind, size) => {
                return Err(format!(
                    "dtype {}{size}, expected a float or an integer",
                    kind.to_str()
                ));
            }
        };
        Ok(values)
    }

    /// Like [`Self::to_f64`], in f32.
    pub(crate) fn to_f32(&self) -> Result<Vec<f32>, String> {
        if (self.kind, self.item_size) == (TypeChar::Float, 4) {
            return Ok(self
                .bytes
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(fixed(b)))
                .collect());
        }
        Ok(self.to_f64()?.into_iter().map(|x| x as f32).collect())
    }

    /// A single number.
    pub(crate) fn scalar(&self) -> Result<f64, String> {
        match self.to_f64()?.as_slice() {
            [x] => Ok(*x),
            other => Err(format!("{} values, expected a scalar", other.len())),
        }
    }

    /// A single string.
    pub(crate) fn text(&self) -> Result<String, String> {
        if self.kind != TypeChar::UnicodeStr {
            return Err(format!("dtype {}, expected a string", self.kind.to_str()));
        }
        let code_points = self
            .bytes
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes(fixed(b)));
        code_points
            .take_while(|&c| c != 0)
            .map(|c| char::from_u32(c).ok_or_else(|| format!("{c:#x} is no character")))
            .collect()
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

/// IEEE half precision (checkpoints hold it rarely, so this need not be fast).
fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// Something that can be written as one `.npy` member.
pub(crate) enum NpyValue<'a> {
    Floats(&'a [f32], &'a [u64]),
    Float(f64),
    Int(i64),
    Text(&'a str),
}

impl NpyValue<'_> {
    /// Writes header (format 1.0) and data.
    pub(crate) fn write(&self, mut out: impl Write) -> std::io::Result<()> {
        let (descr, shape, bytes) = match self {
            Self::Floats(data, shape) => (
                "<f4".to_owned(),
                shape.to_vec(),
                data.iter().flat_map(|x| x.to_le_bytes()).collect(),
            ),
            Self::Float(x) => ("<f8".to_owned(), vec![], x.to_le_bytes().to_vec()),
            Self::Int(x) => ("<i8".to_owned(), vec![], x.to_le_bytes().to_vec()),
            Self::Text(text) => {
                let n = text.chars().count().max(1);
                let mut bytes: Vec<u8> = text
                    .chars()
                    .flat_map(|c| u32::from(c).to_le_bytes())
                    .collect();
                bytes.resize(4 * n, 0);
                (format!("<U{n}"), vec![], bytes)
            }
        };
        let dims: String = shape.iter().map(|d| format!("{d}, ")).collect();
        let mut header = format!(
            "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
            dims.trim_end()
        );
        let padded = (10 + header.len() + 1).div_ceil(64) * 64;
        header.extend(std::iter::repeat_n(' ', padded - 10 - header.len() - 1));
        header.push('\n');
        out.write_all(b"\x93NUMPY\x01\x00")?;
        out.write_all(&(header.len() as u16).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        out.write_all(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(value: NpyValue<'_>) -> NpyArray {
        let mut bytes = Vec::new();
        value.write(&mut bytes).unwrap();
        assert_eq!(bytes.len() % 4, 0);
        NpyArray::read(bytes.as_slice(), 1 << 20).unwrap()
    }

    #[test]
    fn every_form_round_trips() {
        let array = round_trip(NpyValue::Floats(&[1.5, -2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]));
        assert_eq!(array.shape, [2, 3]);
        assert_eq!(array.to_f32().unwrap(), [1.5, -2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(round_trip(NpyValue::Floats(&[1.0], &[1])).shape, [1]);
        assert_eq!(round_trip(NpyValue::Float(0.25)).scalar().unwrap(), 0.25);
        assert_eq!(round_trip(NpyValue::Int(-7)).scalar().unwrap(), -7.0);
        assert_eq!(round_trip(NpyValue::Text("Dürre")).text().unwrap(), "Dürre");
        assert_eq!(round_trip(NpyValue::Text("")).text().unwrap(), "");
    }

    #[test]
    fn truncated_and_oversized_arrays_are_refused() {
        let mut bytes = Vec::new();
        NpyValue::Floats(&[1.0; 8], &[8]).write(&mut bytes).unwrap();
        bytes.pop();
        assert!(
            NpyArray::read(bytes.as_slice(), 1 << 20)
                .err()
                .unwrap()
                .contains("truncated")
        );
        assert!(
            NpyArray::read(bytes.as_slice(), 8)
                .err()
                .unwrap()
                .contains("larger than the file")
        );
        assert!(
            NpyArray::read(&b"not an npy file"[..], 8)
                .err()
                .unwrap()
                .contains("header")
        );
    }

    #[test]
    fn half_precision_values() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960464477539063e-8),
        ] {
            assert_eq!(half_to_f64(bits), value);
        }
    }
}
