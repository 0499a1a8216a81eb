use dropsonde_attribution::Family;
use serde_json::{Map, Value, json};

use super::Run;

/// The numbers of the report as one flat object.
pub(super) fn collect(run: &Run) -> anyhow::Result<Value> {
    let mut metrics = Map::new();
    let mut add = |key: String, value: Value| metrics.insert(key, value);
    for row in run.sae_summary["evaluation"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let what = key(row["what"].as_str().unwrap_or_default());
        for name in ["fvu", "l0", "dead_fraction"] {
            add(format!("sae.{what}.{name}"), row[name].clone());
        }
    }
    add("features.live".into(), json!(run.catalog.features.len()));
    for phenomenon in &run.scores.phenomena {
        let name = key(&phenomenon.name);
        for scores in &phenomenon.families {
            let family = key(&scores.family_name);
            add(
                format!("scores.{name}.{family}.report"),
                json!(scores.report.value),
            );
            if let Some(interval) = scores.report.interval {
                add(format!("scores.{name}.{family}.low"), json!(interval.low));
                add(format!("scores.{name}.{family}.high"), json!(interval.high));
            }
            if scores.family == Family::Feature {
                add(
                    format!("scores.{name}.feature"),
                    json!(scores.candidate.index),
                );
            }
        }
    }
    for phenomenon in &run.scores.phenomena {
        for scores in &phenomenon.sharpest {
            let (name, family) = (key(&phenomenon.name), key(&scores.family_name));
            add(
                format!("precision.{name}.{family}.report"),
                json!(scores.report.average_precision),
            );
            if scores.family == Family::Feature {
                add(
                    format!("precision.{name}.feature"),
                    json!(scores.candidate.index),
                );
                add(
                    format!("precision.{name}.chance"),
                    json!(phenomenon.report.base_rate()),
                );
            }
        }
    }
    for dose in run
        .outcome
        .dose_response_at_base
        .iter()
        .filter(|d| d.lead_hours % 24 == 0)
    {
        for response in &dose.responses {
            if let Some(change) = response.change {
                let at = format!("intervention.{}h.a{}", dose.lead_hours, response.strength);
                add(format!("{at}.pressure_hpa"), json!(change.pressure_hpa));
                add(format!("{at}.wind_m_s"), json!(change.wind_m_s));
            }
        }
    }
    for feature in &run.real_day.features {
        add(
            format!(
                "real_day.{}.rank_at_storm",
                key(&feature.phenomenon.to_string())
            ),
            json!(feature.rank_at_storm),
        );
    }
    Ok(Value::Object(metrics))
}

/// A name as part of a key.
fn key(name: &str) -> String {
    name.to_lowercase().replace([' ', '-'], "_")
}
