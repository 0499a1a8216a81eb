use std::io::Read;

use npyz::TypeStr;

/// Format version 1 cannot state a longer header; later ones can, but no plain dtype needs it.
const LONGEST: usize = 1 << 16;

/// Dtype, memory order and shape of an array.
///
/// Read by hand: the header reader of `npyz` allocates whatever length is stated, follows nested brackets without a
/// limit, and panics where the product of a shape overflows.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) dtype: TypeStr,
    pub(super) fortran: bool,
    pub(super) shape: Vec<u64>,
}

impl Header {
    /// Reads the magic bytes, the format version (1 to 3) and the header's dictionary.
    pub(super) fn read(reader: &mut impl Read) -> Result<Self, String> {
        let mut take = |n: usize| {
            let mut bytes = vec![0; n];
            reader.read_exact(&mut bytes).map_err(|e| e.to_string())?;
            Ok::<_, String>(bytes)
        };
        let start = take(8)?;
        if &start[..6] != b"\x93NUMPY" {
            let found = String::from_utf8_lossy(&start[..6]).into_owned();
            return Err(format!("starts with {found:?}, expected `\\x93NUMPY`"));
        }
        let length = match start[6] {
            1 => take(2)?,
            2 | 3 => take(4)?,
            other => return Err(format!("format version {other}, expected 1 to 3")),
        };
        let digits = length.iter().rev();
        let length = digits.fold(0, |n, &byte| n << 8 | usize::from(byte));
        if length > LONGEST {
            return Err(format!("{length} bytes long, expected at most {LONGEST}"));
        }
        let text = String::from_utf8(take(length)?).map_err(|e| e.to_string())?;
        Self::parse(&text)
    }

    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
    fn parse(text: &str) -> Result<Self, String> {
        let mut rest = Text(text.trim());
        let (mut dtype, mut fortran, mut shape) = (None, None, None);
        rest.expect("{")?;
        while !rest.eat("}") {
            let key = rest.quoted()?;
            rest.expect(":")?;
            match key {
                "descr" => dtype = Some(rest.dtype()?),
                "fortran_order" => fortran = Some(rest.boolean()?),
                "shape" => shape = Some(rest.tuple()?),
                other => return Err(format!("unknown key `{other}`")),
            }
            if !rest.eat(",") {
                rest.expect("}")?;
                break;
            }
        }
        if !rest.0.is_empty() {
            return Err(format!("`{}` after the dictionary", rest.glimpse()));
        }
        match (dtype, fortran, shape) {
            (Some(dtype), Some(fortran), Some(shape)) => Ok(Self {
                dtype,
                fortran,
                shape,
            }),
            _ => Err("expected `descr`, `fortran_order` and `shape`".to_owned()),
        }
    }
}

/// What is left of a Python literal.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn eat(&mut self, token: &str) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        match self.eat(token) {
            true => Ok(()),
            false => Err(format!("expected `{token}`, found `{}`", self.glimpse())),
        }
    }

    fn quoted(&mut self) -> Result<&'a str, String> {
        for quote in ['\'', '"'] {
            let inside = self.0.strip_prefix(quote);
            if let Some((text, rest)) = inside.and_then(|s| s.split_once(quote)) {
                self.0 = rest.trim_start();
                return Ok(text);
            }
        }
        Err(format!("expected a string, found `{}`", self.glimpse()))
    }

    fn dtype(&mut self) -> Result<TypeStr, String> {
        if self.0.starts_with('[') {
            return Err("structured dtype, expected a plain one".to_owned());
        }
        let descr = self.quoted()?;
        let dtype = descr.parse::<TypeStr>();
        dtype.map_err(|e| format!("dtype `{descr}`: {e}"))
    }

    fn boolean(&mut self) -> Result<bool, String> {
        if self.eat("True") {
            return Ok(true);
        }
        self.expect("False").map(|()| false)
    }

    fn tuple(&mut self) -> Result<Vec<u64>, String> {
        let mut items = Vec::new();
        self.expect("(")?;
        while !self.eat(")") {
            let n_digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, rest) = self.0.split_at(n_digits);
            let item = digits.parse().map_err(|_| {
                format!("expected the length of an axis, found `{}`", self.glimpse())
            })?;
            items.push(item);
            self.0 = rest.trim_start();
            // Python 2 wrote long integers so.
            self.eat("L");
            if !self.eat(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(items)
    }

    fn glimpse(&self) -> String {
        self.0.chars().take(20).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Result<Vec<u64>, String> {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {text}, }}");
        Header::parse(&header).map(|h| h.shape)
    }

    #[test]
    fn shapes_are_tuples_of_any_length() {
        assert_eq!(shape("()").unwrap(), [0u64; 0]);
        assert_eq!(shape("(3,)").unwrap(), [3]);
        assert_eq!(shape("(3L, 4L)").unwrap(), [3, 4]);
        assert_eq!(shape("( 3 , 4, )").unwrap(), [3, 4]);
        for bad in [
            "(-1,)",
            "(3",
            "3",
            "(3, 4",
            "(99999999999999999999,)",
            "(1.5,)",
        ] {
            assert!(shape(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_come_in_any_order_and_with_any_space() {
        let text = r#" {"shape":(2,),'descr' : "|V2" ,'fortran_order':True} "#;
        let header = Header::parse(text).unwrap();
        assert_eq!((header.fortran, header.shape), (true, vec![2]));
        assert_eq!(header.dtype.to_string(), "|V2");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("", "expected `{`"),
            ("{}", "expected `descr`"),
            ("{'descr': [('a', '<f4')], }", "structured"),
            ("{'descr': '<f4', 'fortran_order': 1}", "expected `False`"),
            ("{'descr': 'f', }", "dtype `f`"),
            ("{'colour': 'red'}", "unknown key `colour`"),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x",
                "after the dictionary",
            ),
        ] {
            let error = Header::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
