//! Units of measurement: spellings, and whether a text agrees with what a variable should be in.

/// A unit as powers of kilogram, metre, second and kelvin: `si = factor * number + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    factor: f64,
    offset: f64,
    powers: [i32; 4],
}

const DIMENSIONLESS: Unit = unit(1.0, [0; 4]);

const fn unit(factor: f64, powers: [i32; 4]) -> Unit {
    Unit {
        factor,
        offset: 0.0,
        powers,
    }
}

const MASS: [i32; 4] = [1, 0, 0, 0];
const LENGTH: [i32; 4] = [0, 1, 0, 0];
const DURATION: [i32; 4] = [0, 0, 1, 0];
const TEMPERATURE: [i32; 4] = [0, 0, 0, 1];
const PRESSURE: [i32; 4] = [1, -1, -2, 0];
const ENERGY: [i32; 4] = [1, 2, -2, 0];
const POWER: [i32; 4] = [1, 2, -3, 0];
const SPEED: [i32; 4] = [0, 1, -1, 0];

/// How an attribute compares with what is expected.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The same unit in whatever spelling.
    Same,
    /// Another one, and how to come to the expected one.
    Differs(String),
    /// A text that is not understood.
    Unknown,
}

/// Compares the text of a `units` attribute with the unit that is expected.
pub(super) fn compare(found: &str, expected: &str) -> Verdict {
    let (Some(found), Some(expected)) = (parse(found), parse(expected)) else {
        return Verdict::Unknown;
    };
    if found.powers == expected.powers {
        let factor = found.factor / expected.factor;
        let is_same = (factor - 1.0).abs() < 1e-9 && found.offset == expected.offset;
        return match is_same {
            true => Verdict::Same,
            false => Verdict::Differs(conversion(factor, found.offset)),
        };
    }
    Verdict::Differs(other_quantity(found.powers, expected.powers).to_owned())
}

fn conversion(factor: f64, offset: f64) -> String {
    match (factor == 1.0, offset == 0.0) {
        (_, true) => format!("multiply by {factor:.6}"),
        (true, false) => format!("add {offset}"),
        (false, false) => format!("multiply by {factor:.6}, then add {offset:.4}"),
    }
}

/// Advice for pairs of quantities that are often mistaken for one another.
fn other_quantity(found: [i32; 4], expected: [i32; 4]) -> &'static str {
    const GEOPOTENTIAL: [i32; 4] = [0, 2, -2, 0];
    const MASS_PER_AREA: [i32; 4] = [1, -2, 0, 0];
    const MASS_FLUX: [i32; 4] = [1, -2, -1, 0];
    const ENERGY_PER_AREA: [i32; 4] = [1, 0, -2, 0];
    const FLUX: [i32; 4] = [1, 0, -3, 0];
    const PRESSURE_TENDENCY: [i32; 4] = [1, -1, -3, 0];
    match (found, expected) {
        (LENGTH, GEOPOTENTIAL) => "a height: multiply by 9.80665 to get geopotential",
        (MASS_PER_AREA, LENGTH) => "a mass of water per area: divide by 1000 to get metres",
        (SPEED, LENGTH) => "a rate: multiply by 21600 s to get the amount of 6 hours",
        (MASS_FLUX, LENGTH) => "a rate of mass: multiply by 21.6 to get the metres of 6 hours",
        (FLUX, ENERGY_PER_AREA) => {
            "a mean flux: multiply by 3600 s to get the energy of one hour, if the mean is over one hour"
        }
        (SPEED, PRESSURE_TENDENCY) => {
            "a vertical wind: the pressure tendency `omega` is expected, about -12 Pa/m times it near the ground"
        }
        _ => "another quantity: check which field this is",
    }
}

/// Reads `m s-1`, `m s**-1`, `m/s`, `m s^-1`, `kg kg**-1`, `(0 - 1)`, `degC`, and the like.
pub(super) fn parse(text: &str) -> Option<Unit> {
    let text = text.trim();
    let plain = text.to_ascii_lowercase();
    let plain = plain.strip_suffix(" of water equivalent").unwrap_or(&plain);
    match plain {
        "" | "1" | "-" | "~" | "(0 - 1)" | "(0-1)" | "0-1" | "0 - 1" | "fraction"
        | "dimensionless" | "none" | "unitless" | "proportion" => return Some(DIMENSIONLESS),
        "%" | "percent" => return Some(unit(0.01, [0; 4])),
        "degc" | "deg_c" | "celsius" | "c" | "°c" | "degree_celsius" | "degrees_celsius" => {
            return Some(shifted(1.0, 273.15));
        }
        "degf" | "deg_f" | "fahrenheit" | "f" | "°f" | "degrees_fahrenheit" => {
            return Some(shifted(1.0 / 1.8, 459.67 / 1.8));
        }
        _ => {}
    }
    let text = text.get(..plain.len()).unwrap_or(text);
    let text = text.replace("**", "^").replace(['(', ')'], " ");
    let mut product = DIMENSIONLESS;
    for (index, part) in text.split('/').enumerate() {
        let sign = if index == 0 { 1 } else { -1 };
        for token in part.split([' ', '*', '·', '.']).filter(|t| !t.is_empty()) {
            let (base, power) = power_of(token)?;
            product = times(product, base, sign * power);
        }
    }
    Some(product)
}

fn shifted(factor: f64, offset: f64) -> Unit {
    Unit {
        offset,
        ..unit(factor, TEMPERATURE)
    }
}

fn times(product: Unit, base: Unit, power: i32) -> Unit {
    let mut powers = product.powers;
    for (sum, &one) in powers.iter_mut().zip(&base.powers) {
        *sum += power * one;
    }
    unit(product.factor * base.factor.powi(power), powers)
}

/// A name and its exponent: `m2`, `s-1`, `m^2`.
fn power_of(token: &str) -> Option<(Unit, i32)> {
    if token == "1" {
        return Some((DIMENSIONLESS, 1));
    }
    let end = token
        .find(|c: char| c == '^' || c == '-' || c == '+' || c.is_ascii_digit())
        .unwrap_or(token.len());
    let (name, power) = token.split_at(end);
    let power = match power {
        "" => 1,
        _ => {
            let digits = power.strip_prefix('^').unwrap_or(power);
            digits.parse().ok().filter(|p: &i32| p.abs() <= 9)?
        }
    };
    Some((named(name)?, power))
}

fn named(name: &str) -> Option<Unit> {
    Some(match name {
        "kg" => unit(1.0, MASS),
        "g" => unit(1e-3, MASS),
        "mg" => unit(1e-6, MASS),
        "m" | "metre" | "metres" | "meter" | "meters" | "gpm" => unit(1.0, LENGTH),
        "dam" | "gpdm" | "dagpm" => unit(10.0, LENGTH),
        "km" => unit(1e3, LENGTH),
        "cm" => unit(1e-2, LENGTH),
        "mm" => unit(1e-3, LENGTH),
        "inch" | "inches" => unit(0.0254, LENGTH),
        "s" | "sec" | "second" | "seconds" => unit(1.0, DURATION),
        "min" | "minute" | "minutes" => unit(60.0, DURATION),
        "h" | "hr" | "hour" | "hours" => unit(3600.0, DURATION),
        "d" | "day" | "days" => unit(86_400.0, DURATION),
        "K" | "k" | "degK" | "kelvin" | "Kelvin" => unit(1.0, TEMPERATURE),
        "Pa" | "pa" | "pascal" | "Pascal" => unit(1.0, PRESSURE),
        "hPa" | "hpa" | "mb" | "mbar" | "millibar" | "millibars" => unit(100.0, PRESSURE),
        "kPa" => unit(1e3, PRESSURE),
        "bar" => unit(1e5, PRESSURE),
        "J" => unit(1.0, ENERGY),
        "kJ" => unit(1e3, ENERGY),
        "MJ" => unit(1e6, ENERGY),
        "W" => unit(1.0, POWER),
        "kW" => unit(1e3, POWER),
        "kt" | "kts" | "knot" | "knots" => unit(1852.0 / 3600.0, SPEED),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_agree() {
        for (found, expected) in [
            ("m s**-1", "m s-1"),
            ("m/s", "m s-1"),
            ("m s^-1", "m s-1"),
            ("m.s-1", "m s-1"),
            ("m**2 s**-2", "m2 s-2"),
            ("J/kg", "m2 s-2"),
            ("J kg-1", "m2 s-2"),
            ("kg kg**-1", "kg kg-1"),
            ("kg/kg", "kg kg-1"),
            ("1", "kg kg-1"),
            ("(0 - 1)", "1"),
            ("~", "1"),
            ("J m**-2", "J m-2"),
            ("J/m^2", "J m-2"),
            ("W s m-2", "J m-2"),
            ("Pa s**-1", "Pa s-1"),
            ("Kelvin", "K"),
            ("kg m**-2", "kg m-2"),
            ("K m**2 kg**-1 s**-1", "K m2 kg-1 s-1"),
            ("m of water equivalent", "m"),
        ] {
            assert_eq!(compare(found, expected), Verdict::Same, "{found}");
        }
    }

    #[test]
    fn other_units_come_with_a_cure() {
        for (found, expected, cure) in [
            ("degC", "K", "add 273.15"),
            ("hPa", "Pa", "multiply by 100"),
            ("mb", "Pa", "multiply by 100"),
            ("mm", "m", "multiply by 0.001"),
            ("mm of water equivalent", "m", "multiply by 0.001"),
            ("g/kg", "kg kg-1", "multiply by 0.001"),
            ("%", "1", "multiply by 0.01"),
            ("m", "m2 s-2", "multiply by 9.80665"),
            ("gpm", "m2 s-2", "multiply by 9.80665"),
            ("knots", "m s-1", "multiply by 0.514444"),
            ("km h-1", "m s-1", "multiply by 0.277778"),
            ("hPa/h", "Pa s-1", "multiply by 0.027778"),
            ("W m**-2", "J m-2", "multiply by 3600"),
            ("kg m-2", "m", "divide by 1000"),
            ("kg m-2 s-1", "m", "multiply by 21.6"),
            ("m s-1", "m", "multiply by 21600"),
            ("m s-1", "Pa s-1", "omega"),
            ("K", "Pa", "another quantity"),
        ] {
            let Verdict::Differs(found_cure) = compare(found, expected) else {
                panic!("{found}")
            };
            assert!(found_cure.contains(cure), "{found}: {found_cure}");
        }
        let Verdict::Differs(cure) = compare("degF", "K") else {
            panic!("degF")
        };
        assert!(
            cure.contains("0.555556") && cure.contains("255.37"),
            "{cure}"
        );
    }

    #[test]
    fn unknown_texts_are_not_guessed() {
        for text in [
            "furlong",
            "m^x",
            "m99999999999",
            "°",
            "mm^",
            "(code table 4.2)",
            "é2",
        ] {
            assert_eq!(compare(text, "m"), Verdict::Unknown, "{text}");
        }
    }
}
