use std::io::Write;

/// Something that can be written as one `.npy` member, in the dtypes that the reference writes.
pub(crate) enum NpyValue<'a> {
    /// `<f4` with its shape.
    Floats(&'a [f32], &'a [u64]),
    /// 0-d `<f8`.
    Float(f64),
    /// 0-d `<i8`.
    Int(i64),
    /// 0-d `<U..`.
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
    use super::super::NpyArray;
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
}
