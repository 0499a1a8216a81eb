use std::io::Read;

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use npyz::{Endianness, TypeChar};

use super::header::Header;

/// One array as stored, not yet converted.
#[derive(Debug)]
pub(crate) struct NpyArray {
    descr: String,
    kind: TypeChar,
    item_size: usize,
    big_endian: bool,
    fortran: bool,
    pub(crate) shape: Vec<u64>,
    bytes: Vec<u8>,
}

impl NpyArray {
    /// Reads header and data; `limit` bounds the size of the data in bytes.
    pub(crate) fn read(mut reader: impl Read, limit: u64) -> Result<Self, String> {
        let header = Header::read(&mut reader).map_err(|e| format!("bad npy header: {e}"))?;
        let Header { dtype, shape, .. } = &header;
        let item_size = dtype
            .num_bytes()
            .ok_or_else(|| format!("dtype `{dtype}` has no fixed size"))?;
        let n_items = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
        let n_bytes = n_items
            .and_then(|n| n.checked_mul(item_size as u64))
            .filter(|&n| n <= limit)
            .ok_or_else(|| format!("shape {shape:?} is larger than the file can hold"))?;
        // Grows as data arrive, so that a false size allocates nothing.
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(n_bytes).read_to_end(&mut bytes);
        read.map_err(|e| e.to_string())?;
        if bytes.len() as u64 != n_bytes {
            return Err(format!("truncated: {} of {n_bytes} bytes", bytes.len()));
        }
        // Reaching the end is also what makes the zip reader compare its checksum.
        match reader.read(&mut [0]).map_err(|e| e.to_string())? {
            0 => {}
            _ => return Err(format!("more than the {n_bytes} bytes of its shape")),
        }
        Ok(Self {
            descr: dtype.to_string(),
            kind: dtype.type_char(),
            item_size,
            big_endian: dtype.endianness() == Endianness::Big,
            fortran: header.fortran,
            shape: header.shape,
            bytes,
        })
    }

    /// Any float, integer or boolean dtype in f64, row-major. `V2` is bfloat16: numpy has no name for it.
    pub(crate) fn to_f64(&self) -> Result<Vec<f64>, String> {
        let values = match (self.kind, self.item_size) {
            (TypeChar::Float, 2) => self.items(|b| f16::from_le_bytes(b).to_f64()),
            (TypeChar::RawData, 2) => self.items(|b| bf16::from_le_bytes(b).to_f64()),
            (TypeChar::Float, 4) => self.items(|b| f64::from(f32::from_le_bytes(b))),
            (TypeChar::Float, 8) => self.items(f64::from_le_bytes),
            (TypeChar::Bool, 1) => self.items(|[b]: [u8; 1]| f64::from(u8::from(b != 0))),
            (TypeChar::Int, 1) => self.items(|b| f64::from(i8::from_le_bytes(b))),
            (TypeChar::Int, 2) => self.items(|b| f64::from(i16::from_le_bytes(b))),
            (TypeChar::Int, 4) => self.items(|b| f64::from(i32::from_le_bytes(b))),
            (TypeChar::Int, 8) => self.items(|b| i64::from_le_bytes(b) as f64),
            (TypeChar::Uint, 1) => self.items(|b| f64::from(u8::from_le_bytes(b))),
            (TypeChar::Uint, 2) => self.items(|b| f64::from(u16::from_le_bytes(b))),
            (TypeChar::Uint, 4) => self.items(|b| f64::from(u32::from_le_bytes(b))),
            (TypeChar::Uint, 8) => self.items(|b| u64::from_le_bytes(b) as f64),
            _ => {
                return Err(format!(
                    "dtype `{}`, expected floats (2, 4 or 8 bytes), bfloat16 (`V2`), integers or booleans",
                    self.descr
                ));
            }
        };
        self.row_major(values)
    }

    /// Like [`Self::to_f64`], in f32; bits of f32 arrays are kept.
    pub(crate) fn to_f32(&self) -> Result<Vec<f32>, String> {
        if (self.kind, self.item_size) == (TypeChar::Float, 4) {
            return self.row_major(self.items(f32::from_le_bytes));
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
            return Err(format!(
                "dtype `{}`, expected a string (`<U..`)",
                self.descr
            ));
        }
        if self.shape.iter().any(|&d| d != 1) {
            return Err(format!("shape {:?}, expected one string", self.shape));
        }
        let points = self.bytes.chunks_exact(4).map(|b| {
            let b = [b[0], b[1], b[2], b[3]];
            match self.big_endian {
                true => u32::from_be_bytes(b),
                false => u32::from_le_bytes(b),
            }
        });
        let text: String = points
            .map(|c| char::from_u32(c).ok_or_else(|| format!("{c:#x} is no character")))
            .collect::<Result<_, _>>()?;
        // Shorter strings are padded with zeros.
        Ok(text.trim_end_matches('\0').to_owned())
    }

    /// The items in stored order, each given as little-endian bytes.
    fn items<T, const N: usize>(&self, convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        let items = self.bytes.chunks_exact(N).map(|item| {
            let mut bytes = [0; N];
            bytes.copy_from_slice(item);
            if self.big_endian {
                bytes.reverse();
            }
            convert(bytes)
        });
        items.collect()
    }

    fn row_major<T: Clone>(&self, values: Vec<T>) -> Result<Vec<T>, String> {
        if !self.fortran || self.shape.len() < 2 {
            return Ok(values);
        }
        let shape: Vec<usize> = self.shape.iter().map(|&d| d as usize).collect();
        let array = ArrayD::from_shape_vec(IxDyn(&shape).f(), values).map_err(|e| e.to_string())?;
        Ok(array.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(version: u8, descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut bytes = vec![0x93, b'N', b'U', b'M', b'P', b'Y', version, 0];
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<NpyArray, String> {
        NpyArray::read(bytes, 1 << 20)
    }

    fn values(descr: &str, data: &[u8]) -> Vec<f64> {
        let n: usize = descr[2..].parse().unwrap();
        let shape = format!("({},)", data.len() / n);
        read(&array(1, descr, "False", &shape, data))
            .unwrap()
            .to_f64()
            .unwrap()
    }

    #[test]
    fn every_numeric_dtype_is_read_in_both_byte_orders() {
        macro_rules! both {
            ($name:literal, $type:ty, $values:expr) => {
                for x in $values {
                    let x: $type = x;
                    let [little, big] = [format!("<{}", $name), format!(">{}", $name)];
                    assert_eq!(values(&little, &x.to_le_bytes()), [x as f64], "{little}");
                    assert_eq!(values(&big, &x.to_be_bytes()), [x as f64], "{big}");
                }
            };
        }
        both!("f4", f32, [1.5, -3e-40, 3e38]);
        both!("f8", f64, [0.1, -1e300]);
        both!("i2", i16, [-2, 513]);
        both!("i4", i32, [-2, 70_000]);
        both!("i8", i64, [-2, 1 << 40]);
        both!("u2", u16, [513]);
        both!("u4", u32, [4_000_000_000]);
        both!("u8", u64, [1 << 40]);
        assert_eq!(values("|i1", &[254]), [-2.0]);
        assert_eq!(values("|u1", &[254]), [254.0]);
        assert_eq!(values("|b1", &[0, 1]), [0.0, 1.0]);
        let half = f16::from_f32(-2.5);
        assert_eq!(values("<f2", &half.to_le_bytes()), [-2.5]);
        assert_eq!(values(">f2", &half.to_be_bytes()), [-2.5]);
        assert_eq!(values("<f2", &[0x01, 0x00]), [2f64.powi(-24)]);
        let brain = bf16::from_f32(1.0 / 3.0);
        assert_eq!(values("|V2", &brain.to_le_bytes()), [brain.to_f64()]);
        assert_eq!(values("<V2", &brain.to_le_bytes()), [brain.to_f64()]);
    }

    #[test]
    fn versions_orders_and_shapes_are_read() {
        let data: Vec<u8> = (0..6u8).flat_map(|x| f32::from(x).to_le_bytes()).collect();
        for version in 1..=3 {
            let c = read(&array(version, "<f4", "False", "(2, 3)", &data)).unwrap();
            assert_eq!(c.shape, [2, 3]);
            assert_eq!(c.to_f32().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
            let f = read(&array(version, "<f4", "True", "(2, 3)", &data)).unwrap();
            assert_eq!(f.to_f32().unwrap(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        }
        let scalar = read(&array(1, "<f4", "False", "()", &data[4..8])).unwrap();
        assert_eq!((scalar.shape.len(), scalar.scalar().unwrap()), (0, 1.0));
    }

    #[test]
    fn strings_are_read_and_padding_is_dropped() {
        let utf32 = |text: &str, big: bool| -> Vec<u8> {
            let points = text.chars().map(u32::from);
            points
                .flat_map(|c| {
                    if big {
                        c.to_be_bytes()
                    } else {
                        c.to_le_bytes()
                    }
                })
                .collect()
        };
        let text = |descr: &str, data: &[u8]| {
            read(&array(1, descr, "False", "()", data))
                .unwrap()
                .text()
                .unwrap()
        };
        assert_eq!(text("<U5", &utf32("Dürre", false)), "Dürre");
        assert_eq!(text(">U5", &utf32("Dürre", true)), "Dürre");
        assert_eq!(text("<U7", &utf32("Dürre\0\0", false)), "Dürre");
        assert_eq!(text("<U0", &[]), "");
    }

    #[test]
    fn what_is_no_array_of_numbers_is_refused_with_a_reason() {
        let message = |bytes: &[u8]| read(bytes).and_then(|a| a.to_f64()).unwrap_err();
        let good = array(1, "<f4", "False", "(2,)", &[0; 8]);
        assert!(message(&good[..good.len() - 1]).contains("truncated: 7 of 8"));
        assert!(message(&good[..12]).contains("bad npy header"));
        assert!(message(b"PK\x03\x04 not numpy").contains("expected `\\x93NUMPY`"));
        let huge = array(1, "<f8", "False", "(4294967296, 4294967296)", &[]);
        assert!(message(&huge).contains("larger than the file"));
        let large = array(1, "<f8", "False", "(4294967296,)", &[]);
        assert!(message(&large).contains("larger than the file"));
        for (descr, size) in [
            ("<c8", 8),
            ("<U1", 4),
            ("|S4", 4),
            ("<M8[s]", 8),
            ("|V4", 4),
        ] {
            let bytes = array(1, descr, "False", "()", &vec![0; size]);
            assert!(message(&bytes).contains("dtype"), "{descr}");
        }
        let object = array(1, "|O", "False", "()", &[]);
        assert!(read(&object).is_err());
        let words = array(1, "<U1", "False", "(2,)", &[0; 8]);
        assert!(
            read(&words)
                .unwrap()
                .text()
                .unwrap_err()
                .contains("one string")
        );
    }

    #[test]
    fn hostile_headers_neither_allocate_nor_recurse() {
        let long = *b"\x93NUMPY\x02\x00\xff\xff\xff\xff";
        assert!(read(&long).unwrap_err().contains("4294967295 bytes long"));
        let nested = format!("({}", "(".repeat(60_000));
        let bytes = array(2, "<f4", "False", &nested, &[]);
        assert!(read(&bytes).unwrap_err().contains("bad npy header"));
    }
}
