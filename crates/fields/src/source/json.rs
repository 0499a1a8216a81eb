//! JSON as Python writes it.

use serde_json::Value;

/// Reads JSON, also with the bare words `NaN`, `Infinity` and `-Infinity` that Python writes; they become texts.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        Err(error) => {
            let text = std::str::from_utf8(bytes).map_err(|_| error.to_string())?;
            serde_json::from_str(&quote_bare_words(text)).map_err(|_| error.to_string())
        }
    }
}

/// Puts quotation marks around the words outside texts.
fn quote_bare_words(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut in_text, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if in_text {
            in_text = escaped || first != '"';
            escaped = !escaped && first == '\\';
        } else if let Some(word) = ["-Infinity", "Infinity", "NaN"]
            .into_iter()
            .find(|word| rest.starts_with(word))
        {
            quoted.push('"');
            quoted.push_str(word);
            quoted.push('"');
            rest = &rest[word.len()..];
            continue;
        } else {
            in_text = first == '"';
        }
        quoted.push(first);
        rest = &rest[first.len_utf8()..];
    }
    quoted
}

/// A number, or one of the words for what JSON cannot write.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(word) => match word.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_outside_texts() {
        let text = br#"{"a": NaN, "b": [-Infinity, 1], "c": "is \"NaN\" here", "d\\": Infinity}"#;
        let value = parse(text).unwrap();
        assert!(number(&value["a"]).unwrap().is_nan());
        assert_eq!(number(&value["b"][0]), Some(f64::NEG_INFINITY));
        assert_eq!(value["c"], "is \"NaN\" here");
        assert_eq!(number(&value["d\\"]), Some(f64::INFINITY));
        assert_eq!(number(&value["b"][1]), Some(1.0));
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in [&b"{"[..], b"", b"\xff", b"{\"a\": NaNa}"] {
            assert!(parse(text).is_err());
        }
    }
}
