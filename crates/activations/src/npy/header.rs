//! The header of a `.npy` file.

use std::io::Read;

/// Format version 1 cannot state a longer header; later ones can, but no plain dtype needs it.
const LONGEST: usize = 1 << 16;

/// Element type, memory order and shape of an array, and where its data begin.
///
/// Read by hand: the header reader of `npyz` allocates whatever length is stated, follows nested brackets without a
/// limit, and panics where the product of a shape overflows.
///
/// # Source
/// <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) descr: String,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    pub(super) data_start: u64,
}

impl Header {
    /// Reads the magic bytes, the version (1 to 3) and the dictionary.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, String> {
        let mut take = |n: usize| {
            let mut bytes = vec![0; n];
            let read = reader.read_exact(&mut bytes);
            read.map_err(|e| format!("the header is cut off ({e})"))?;
            Ok::<_, String>(bytes)
        };
        let start = take(8)?;
        if &start[..6] != b"\x93NUMPY" {
            return Err("not a `.npy` file: it does not begin with `\\x93NUMPY`".to_owned());
        }
        let length = match start[6] {
            1 => take(2)?,
            2 | 3 => take(4)?,
            other => return Err(format!("`.npy` version {other}, expected 1 to 3")),
        };
        let before = start.len() + length.len();
        let length = length.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
        if length > LONGEST {
            return Err(format!("a header of {length} bytes, more than {LONGEST}"));
        }
        let text = String::from_utf8(take(length)?).map_err(|e| format!("header: {e}"))?;
        let header = Self::parse(&text, (before + length) as u64);
        header.ok_or_else(|| format!("header `{}` is not that of a plain array", text.trim_end()))
    }

    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
    fn parse(text: &str, data_start: u64) -> Option<Self> {
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        loop {
            rest = rest.trim_start_matches([' ', ',']);
            if rest.is_empty() {
                break;
            }
            let (key, after) = quoted(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" => {
                    let (value, rest) = quoted(value)?;
                    descr = Some(value.to_owned());
                    rest
                }
                "fortran_order" => {
                    let yes = value.starts_with("True");
                    fortran = Some(yes);
                    value.strip_prefix(if yes { "True" } else { "False" })?
                }
                "shape" => {
                    let (axes, rest) = value.strip_prefix('(')?.split_once(')')?;
                    shape = Some(axis_lengths(axes)?);
                    rest
                }
                _ => return None,
            };
        }
        Some(Self {
            descr: descr?,
            fortran: fortran?,
            shape: shape?,
            data_start,
        })
    }
}

/// A Python string without escapes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    text[1..].split_once(quote)
}

/// `3, 4,` and, as Python 2 wrote it, `3L, 4L`.
fn axis_lengths(text: &str) -> Option<Vec<usize>> {
    let text = text.trim().trim_end_matches(',');
    if text.is_empty() {
        return Some(Vec::new());
    }
    let axes = text
        .split(',')
        .map(|axis| axis.trim().trim_end_matches('L'));
    axes.map(|axis| axis.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(String, bool, Vec<usize>)> {
        Header::parse(text, 0).map(|h| (h.descr, h.fortran, h.shape))
    }

    #[test]
    fn dictionaries_as_numpy_writes_them_and_others() {
        let numpy = "{'descr': '<V2', 'fortran_order': False, 'shape': (128, 1, 32), }   \n";
        assert_eq!(
            parse(numpy),
            Some(("<V2".to_owned(), false, vec![128, 1, 32]))
        );
        let other = r#"{"shape":(3L,4L),'fortran_order' : True,"descr": "<f8"}"#;
        assert_eq!(parse(other), Some(("<f8".to_owned(), true, vec![3, 4])));
        let scalar = "{'descr': '<f4', 'fortran_order': False, 'shape': ()}";
        assert_eq!(parse(scalar), Some(("<f4".to_owned(), false, vec![])));
    }

    #[test]
    fn anything_else_is_refused() {
        let with = |shape: &str| {
            parse(&format!(
                "{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
            ))
        };
        for shape in ["(-1,)", "(3", "3", "(1.5,)", "(99999999999999999999,)"] {
            assert_eq!(with(shape), None, "{shape}");
        }
        for text in [
            "",
            "{}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
            "{'descr': '<f4', 'shape': (1,)}",
            "{'é': 1}",
            "{é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
