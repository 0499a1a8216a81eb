//! The report as text.

use std::fmt::{self, Write};

use super::{Finding, FrameReport, InputReport, Severity, VariableReport};

const HEADER: [&str; 12] = [
    "variable", "from", "levels", "units", "min", "mean", "max", "z", "max |z|", "spread", "NaN",
    "latitude",
];

impl InputReport {
    /// A table per frame, and what was found, as [`fmt::Display`] prints it.
    pub fn to_table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    /// The findings at least this grave, a few lines each, those that differ in the variable only together.
    pub fn findings_text(&self, least: Severity) -> String {
        let mut text = String::new();
        for group in groups(&self.findings) {
            if group.first().is_some_and(|first| first.severity >= least) {
                // Writing to a string cannot fail.
                let _ = write_findings(&mut text, &group);
            }
        }
        text
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        writeln!(out, "{}", self.heading)?;
        for frame in &self.frames {
            write_frame(out, frame)?;
        }
        writeln!(out)?;
        write!(out, "{}", self.findings_text(Severity::Note))?;
        let count = |severity| {
            self.findings
                .iter()
                .filter(|f| f.severity == severity)
                .count()
        };
        let [refused, warned, noted] =
            [Severity::Refuse, Severity::Warn, Severity::Note].map(count);
        let verdict = if refused > 0 { "refused" } else { "accepted" };
        write!(
            out,
            "{verdict}: {refused} reasons to refuse, {warned} warnings, {noted} notes"
        )
    }
}

impl fmt::Display for InputReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

fn write_frame(out: &mut impl Write, frame: &FrameReport) -> fmt::Result {
    let rows: Vec<[String; 12]> = frame.variables.iter().map(row).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADER[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    writeln!(out, "\n{}", frame.when)?;
    write_row(out, &HEADER.map(str::to_owned), &widths)?;
    for row in &rows {
        write_row(out, row, &widths)?;
    }
    Ok(())
}

/// Texts to the left, numbers to the right.
fn write_row(out: &mut impl Write, row: &[String; 12], widths: &[usize]) -> fmt::Result {
    let mut line = String::from(" ");
    for (index, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let is_text = index < 4 || index == 11;
        match is_text {
            true => write!(line, " {cell:<width$}")?,
            false => write!(line, " {cell:>width$}")?,
        }
    }
    writeln!(out, "{}", line.trim_end())
}

fn row(variable: &VariableReport) -> [String; 12] {
    let units = match (&variable.units, &variable.expected_units) {
        (Some(units), _) => units.clone(),
        (None, Some(expected)) => format!("[{expected}]"),
        (None, None) => "-".to_owned(),
    };
    let text = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), short);
    let score = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |x| format!("{x:.2}"));
    let n_levels = variable.levels.len();
    let n_missing = variable.missing_levels.len();
    let levels = match (n_levels, n_missing) {
        (0, 0) => "-".to_owned(),
        (n, 0) => n.to_string(),
        (n, missing) => format!("{} of {n}", n - missing.min(n)),
    };
    let gaps = match (variable.n_missing, variable.n_filled) {
        (0, filled) if filled > 0 => format!("{filled} filled"),
        (missing, _) => missing.to_string(),
    };
    let has_field = variable.mean.is_some() || variable.n_missing > 0;
    [
        variable.variable.to_string(),
        variable.provenance.to_string(),
        levels,
        units,
        text(variable.min),
        text(variable.mean),
        text(variable.max),
        score(variable.mean_z),
        match variable.max_abs_z_level {
            Some(level) => format!("{}@{level}", score(variable.max_abs_z)),
            None => score(variable.max_abs_z),
        },
        score(variable.spread),
        if has_field { gaps } else { "-".to_owned() },
        variable.latitude.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

/// Five digits, with an exponent where that is shorter.
fn short(x: f64) -> String {
    let size = x.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{x:.3e}");
    }
    let decimals = match size {
        size if size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        _ => 4,
    };
    format!("{x:.decimals$}")
}

/// Findings that differ in the variable only, the severest first.
fn groups(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let same = |group: &&mut Vec<&Finding>| {
            group.first().is_some_and(|first| {
                (first.severity, first.check, first.frame)
                    == (finding.severity, finding.check, finding.frame)
                    && (&first.expected, &first.found, &first.hint)
                        == (&finding.expected, &finding.found, &finding.hint)
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.first().map(|f| f.severity)));
    groups
}

fn write_findings(out: &mut impl Write, group: &[&Finding]) -> fmt::Result {
    let Some(first) = group.first() else {
        return Ok(());
    };
    let names: Vec<String> = group
        .iter()
        .filter_map(|f| f.variable.as_ref().map(|v| format!("`{v}`")))
        .collect();
    write!(out, "{}", first.severity)?;
    if !names.is_empty() {
        write!(out, " {}", names.join(", "))?;
    }
    if let Some(frame) = first.frame {
        write!(out, " ({frame})")?;
    }
    writeln!(out, ": expected {}, found {}", first.expected, first.found)?;
    if !first.hint.is_empty() {
        writeln!(out, "  hint: {}", first.hint)?;
    }
    Ok(())
}
