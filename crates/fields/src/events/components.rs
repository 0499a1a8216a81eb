//! Connected areas of a mask.

use dropsonde_mesh::{LatLonGrid, great_circle_km};

/// One connected area of a mask.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Its nodes, ascending.
    pub nodes: Vec<usize>,
    /// Its area in km2.
    pub area_km2: f64,
    /// Great-circle distance in km between two far ends: from an end, the farthest node, and again from there
    /// until it grows no more. Never longer than the true diameter.
    pub length_km: f64,
}

impl Component {
    /// Mean width in km: area over length, or the side of a square of this area for a single node.
    pub fn width_km(&self) -> f64 {
        if self.length_km > 0.0 {
            self.area_km2 / self.length_km
        } else {
            self.area_km2.sqrt()
        }
    }

    /// Length over mean width.
    pub fn aspect(&self) -> f64 {
        self.length_km / self.width_km()
    }
}

/// The connected areas of a mask (`[n_nodes]`), in the order of their first node.
///
/// Nodes touch across an edge or a corner, and across the date line if the grid closes there.
///
/// # Panics
/// If the mask has another length than the grid.
pub fn connected_components(mask: &[bool], grid: &LatLonGrid) -> Vec<Component> {
    assert_eq!(mask.len(), grid.n_nodes(), "mask of another grid");
    let weights = grid.node_weights();
    let mut seen = vec![false; mask.len()];
    let mut components = Vec::new();
    for start in 0..mask.len() {
        if mask[start] && !seen[start] {
            let nodes = flood(mask, &mut seen, start, grid);
            components.push(describe(nodes, &weights, grid));
        }
    }
    components
}

/// All nodes connected to `start`, ascending; marks them as seen.
fn flood(mask: &[bool], seen: &mut [bool], start: usize, grid: &LatLonGrid) -> Vec<usize> {
    seen[start] = true;
    let mut nodes = vec![start];
    let mut next = 0;
    while let Some(&node) = nodes.get(next) {
        next += 1;
        for other in neighbours(node, grid) {
            if mask[other] && !seen[other] {
                seen[other] = true;
                nodes.push(other);
            }
        }
    }
    nodes.sort_unstable();
    nodes
}

/// The up to eight nodes around a node.
fn neighbours(node: usize, grid: &LatLonGrid) -> impl Iterator<Item = usize> + use<> {
    let (n_lat, n_lon) = (grid.n_lat() as isize, grid.n_lon() as isize);
    let periodic = grid.is_periodic();
    let (i, j) = (node as isize / n_lon, node as isize % n_lon);
    (-1..=1)
        .flat_map(|di| (-1..=1).map(move |dj| (di, dj)))
        .filter(|&step| step != (0, 0))
        .filter_map(move |(di, dj)| {
            let (row, column) = (i + di, j + dj);
            let column = if periodic {
                column.rem_euclid(n_lon)
            } else {
                column
            };
            let inside = (0..n_lat).contains(&row) && (0..n_lon).contains(&column);
            inside.then_some((row * n_lon + column) as usize)
        })
}

fn describe(nodes: Vec<usize>, weights: &[f64], grid: &LatLonGrid) -> Component {
    let sphere = 4.0 * std::f64::consts::PI * dropsonde_mesh::EARTH_RADIUS_KM.powi(2);
    let share: f64 = nodes.iter().map(|&node| weights[node]).sum();
    Component {
        length_km: length(&nodes, grid),
        area_km2: sphere * share,
        nodes,
    }
}

fn length(nodes: &[usize], grid: &LatLonGrid) -> f64 {
    let at = |node: usize| {
        let (lat, lon) = grid.position(node);
        (f64::from(lat), f64::from(lon))
    };
    let Some(&first) = nodes.first() else {
        return 0.0;
    };
    let (mut end, mut longest) = (first, 0.0);
    loop {
        let (distance, far) = nodes
            .iter()
            .map(|&node| (great_circle_km(at(end), at(node)), node))
            .fold(
                (0.0, end),
                |best, next| if next.0 > best.0 { next } else { best },
            );
        if distance <= longest {
            return longest;
        }
        (end, longest) = (far, distance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask_of(grid: &LatLonGrid, inside: impl Fn(f32, f32) -> bool) -> Vec<bool> {
        (0..grid.n_nodes())
            .map(|node| {
                let (lat, lon) = grid.position(node);
                inside(lat, lon)
            })
            .collect()
    }

    #[test]
    fn an_area_across_the_date_line_is_one() {
        let grid = LatLonGrid::with_poles(5.0).unwrap();
        let mask = mask_of(&grid, |lat, lon| {
            lat.abs() < 1.0 && !(21.0..=329.0).contains(&lon) || lat == 40.0 && lon == 100.0
        });
        let found = connected_components(&mask, &grid);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].nodes.len(), 11);
        let expected = great_circle_km((0.0, -30.0), (0.0, 20.0));
        assert!(
            (found[0].length_km - expected).abs() < 1e-6,
            "{}",
            found[0].length_km
        );
        assert_eq!((found[1].nodes.len(), found[1].length_km), (1, 0.0));
        assert_eq!(found[1].aspect(), 0.0);
    }

    #[test]
    fn corners_touch_and_areas_add_up() {
        let grid = LatLonGrid::with_poles(10.0).unwrap();
        let diagonal = mask_of(&grid, |lat, lon| lat == lon && lat < 60.0);
        let found = connected_components(&diagonal, &grid);
        assert_eq!((found.len(), found[0].nodes.len()), (1, 6));
        let all = connected_components(&vec![true; grid.n_nodes()], &grid);
        assert!((all[0].area_km2 / 5.1006e8 - 1.0).abs() < 1e-4);
        assert!(connected_components(&vec![false; grid.n_nodes()], &grid).is_empty());
    }
}
