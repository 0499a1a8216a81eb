//! Collects the catalogue record by record.

use dropsonde_fields::Time;
use dropsonde_mesh::great_circle_km;
use dropsonde_sae::Sae;
use ndarray::Array2;
use rayon::prelude::*;

use super::{FeatureCatalog, FeatureEntry, FeatureMaps, FieldCorrelation, Neighbour, TopEvent};
use crate::candidates::SparseColumns;
use crate::geometry::Geometry;
use crate::score::SparseCorrelation;
use crate::{Result, file};

/// Events of one feature are this far apart, in time or in space.
const EVENT_HOURS: i64 = 24;
const EVENT_KM: f64 = 1500.0;

/// Sums over the records seen so far.
pub(crate) struct CatalogBuilder {
    n_nodes: usize,
    counts: Vec<u64>,
    /// Sums of codes, `[n_latents, M]`.
    maps: Vec<f32>,
    correlation: SparseCorrelation,
    /// Largest code and its node for each `[record][n_latents]`.
    peaks: Vec<Vec<(f32, u32)>>,
    records: Vec<usize>,
}

/// What the catalogue says besides sums.
pub(crate) struct Context<'a> {
    pub(crate) site: &'a str,
    pub(crate) geometry: &'a Geometry,
    /// Land nodes, `[M]`.
    pub(crate) land: &'a [bool],
    /// Valid time of every record of the store.
    pub(crate) times: &'a [Time],
    /// Names of the fields.
    pub(crate) fields: &'a [String],
    pub(crate) n_items: usize,
}

impl CatalogBuilder {
    pub(crate) fn new(n_latents: usize, n_nodes: usize, n_fields: usize) -> Self {
        Self {
            n_nodes,
            counts: vec![0; n_latents],
            maps: vec![0.0; n_latents * n_nodes],
            correlation: SparseCorrelation::new(n_latents, n_fields),
            peaks: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Adds one record: its codes by feature, and the fields `[M, n_fields]`.
    pub(crate) fn add(&mut self, record: usize, codes: &SparseColumns, fields: &[f32]) {
        self.correlation
            .add(fields, |feature| codes.entries(feature));
        let maps = self.maps.par_chunks_exact_mut(self.n_nodes);
        let peaks = maps
            .zip(&mut self.counts)
            .enumerate()
            .map(|(feature, (map, count))| {
                *count += codes.n_active(feature) as u64;
                let mut peak = (0.0, 0);
                for (node, value) in codes.entries(feature) {
                    map[node as usize] += value;
                    if value > peak.0 {
                        peak = (value, node);
                    }
                }
                peak
            });
        self.peaks.push(peaks.collect());
        self.records.push(record);
    }

    /// The catalogue and the maps.
    pub(crate) fn finish(
        mut self,
        sae: &Sae,
        context: &Context<'_>,
    ) -> Result<(FeatureCatalog, FeatureMaps)> {
        let n_records = self.records.len();
        self.maps
            .par_iter_mut()
            .for_each(|sum| *sum /= n_records.max(1) as f32);
        let live: Vec<u32> = (0..self.counts.len() as u32)
            .filter(|&f| self.counts[f as usize] > 0)
            .collect();
        let neighbours = nearest(sae, &live, context.n_items)?;
        let features: Vec<FeatureEntry> = live
            .par_iter()
            .zip(neighbours)
            .map(|(&id, nearest)| FeatureEntry {
                nearest,
                ..self.entry(id, context)
            })
            .collect();
        let catalog = FeatureCatalog {
            format: file::FORMAT,
            site: context.site.to_owned(),
            n_latents: self.counts.len(),
            k: sae.config.activation.k(),
            n_records,
            n_nodes: self.n_nodes,
            n_dead: self.counts.len() - live.len(),
            definitions: definitions(),
            features,
        };
        let shape = (self.counts.len(), self.n_nodes);
        let means = Array2::from_shape_fn(shape, |(f, m)| self.maps[f * self.n_nodes + m]);
        Ok((catalog, FeatureMaps { means }))
    }

    fn entry(&self, id: u32, context: &Context<'_>) -> FeatureEntry {
        let feature = id as usize;
        let map = &self.maps[feature * self.n_nodes..(feature + 1) * self.n_nodes];
        let n_rows = (self.records.len() * self.n_nodes) as f64;
        let frequency = self.counts[feature] as f64 / n_rows;
        let mean = map.iter().map(|&x| f64::from(x)).sum::<f64>() / self.n_nodes as f64;
        let share = Shares::new(map, context);
        let centre = (0..map.len()).fold(0, |best, m| if map[m] > map[best] { m } else { best });
        FeatureEntry {
            id,
            frequency,
            mean,
            mean_active: mean / frequency,
            max: self
                .peaks
                .iter()
                .map(|peaks| peaks[feature].0)
                .fold(0.0, f32::max),
            northern_share: share.of(|_, lat| lat > 0.0),
            tropical_share: share.of(|_, lat| lat.abs() < 30.0),
            land_share: share.of(|node, _| context.land[node]),
            centre: context.geometry.lat_lon[centre],
            correlations: self.correlations(feature, context),
            nearest: Vec::new(),
            events: self.events(feature, context),
            phenomena: Vec::new(),
        }
    }

    fn correlations(&self, feature: usize, context: &Context<'_>) -> Vec<FieldCorrelation> {
        let values = self.correlation.correlations(feature);
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()).then(a.cmp(&b)));
        let strongest = order.into_iter().take(context.n_items);
        strongest
            .map(|i| FieldCorrelation {
                field: context.fields[i].clone(),
                r: values[i],
            })
            .collect()
    }

    /// Greedy: the strongest first, then the strongest that is far enough from those chosen.
    fn events(&self, feature: usize, context: &Context<'_>) -> Vec<TopEvent> {
        let mut order: Vec<usize> = (0..self.peaks.len())
            .filter(|&i| self.peaks[i][feature].0 > 0.0)
            .collect();
        let peak = |i: usize| self.peaks[i][feature];
        order.sort_by(|&a, &b| peak(b).0.total_cmp(&peak(a).0).then(a.cmp(&b)));
        let mut chosen: Vec<TopEvent> = Vec::new();
        for i in order {
            if chosen.len() >= context.n_items {
                break;
            }
            let (value, node) = peak(i);
            let [lat, lon] = context.geometry.lat_lon[node as usize];
            let record = self.records[i];
            let event = TopEvent {
                record,
                time: context.times[record],
                node,
                lat,
                lon,
                value,
            };
            if chosen.iter().all(|other| are_apart(other, &event)) {
                chosen.push(event);
            }
        }
        chosen
    }
}

fn are_apart(a: &TopEvent, b: &TopEvent) -> bool {
    let place = |e: &TopEvent| (f64::from(e.lat), f64::from(e.lon));
    a.time.hours_since(b.time).abs() >= EVENT_HOURS
        || great_circle_km(place(a), place(b)) >= EVENT_KM
}

/// Where the activation of a map lies, weighted by area.
struct Shares<'a> {
    map: &'a [f32],
    geometry: &'a Geometry,
}

impl<'a> Shares<'a> {
    fn new(map: &'a [f32], context: &Context<'a>) -> Self {
        Self {
            map,
            geometry: context.geometry,
        }
    }

    fn of(&self, here: impl Fn(usize, f32) -> bool) -> f64 {
        let mass = |m: usize| f64::from(self.map[m]) * self.geometry.areas[m];
        let total: f64 = (0..self.map.len()).map(mass).sum();
        let part: f64 = (0..self.map.len())
            .filter(|&m| here(m, self.geometry.lat_lon[m][0]))
            .map(mass)
            .sum();
        if total > 0.0 { part / total } else { 0.0 }
    }
}

/// For each live feature the live features with the most similar decoder rows.
fn nearest(sae: &Sae, live: &[u32], n: usize) -> Result<Vec<Vec<Neighbour>>> {
    let _guard = tch::no_grad_guard();
    let ids: Vec<i64> = live.iter().map(|&f| i64::from(f)).collect();
    let rows = sae.w_dec.index_select(0, &tch::Tensor::from_slice(&ids));
    let n_kept = (n + 1).min(live.len()) as i64;
    let mut out = Vec::with_capacity(live.len());
    for start in (0..live.len()).step_by(512) {
        let block = rows.narrow(0, start as i64, 512.min(live.len() - start) as i64);
        let (cosines, found) = block
            .f_matmul(&rows.tr())
            .and_then(|c| c.f_topk(n_kept, 1, true, true))
            .map_err(dropsonde_sae::Error::from)?;
        for row in 0..block.size()[0] {
            let at = |i: i64| {
                (
                    found.int64_value(&[row, i]) as usize,
                    cosines.double_value(&[row, i]),
                )
            };
            let others = (0..n_kept)
                .map(at)
                .filter(|(other, _)| *other != start + row as usize);
            let neighbour = |(other, cosine): (usize, f64)| Neighbour {
                feature: live[other],
                cosine,
            };
            out.push(others.map(neighbour).take(n).collect());
        }
    }
    Ok(out)
}

fn definitions() -> Vec<String> {
    [
        "a row is one mesh node of one record; records of all splits are included",
        "frequency: share of rows with a code above 0; mean: mean code over all rows",
        "shares: of the mean map, weighted by the area of the mesh nodes; land where the land-sea mask averaged to the node is 0.5 or more",
        "correlations: Pearson correlation over all rows (code 0 where the feature is not active), mesh nodes of equal weight, with the newer input frame averaged to mesh nodes",
        "phenomena: AUC (or multiple correlation for cycles) on the split `select` only",
    ]
    .map(str::to_owned)
    .to_vec()
}
