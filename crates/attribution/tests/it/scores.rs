//! Scores against brute force over all pairs, closed forms, and ties.

use dropsonde_attribution::score::{
    Cases, CasesBuilder, Resampler, SparseCorrelation, StratifiedAuc, average_precision,
};
use dropsonde_attribution::{Column, Direction};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Row {
    value: i8,
    positive: bool,
    stratum: u16,
    block: u16,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row =
        (-2i8..4, any::<bool>(), 0u16..3, 0u16..4).prop_map(|(value, positive, stratum, block)| {
            Row {
                value,
                positive,
                stratum,
                block,
            }
        });
    prop::collection::vec(row, 1..60)
}

fn cases(rows: &[Row], shared: bool) -> Cases {
    let builder = CasesBuilder {
        positive: rows.iter().map(|r| r.positive).collect(),
        stratum: rows.iter().map(|r| r.stratum).collect(),
        block: rows.iter().map(|r| r.block).collect(),
        shared,
    };
    builder.build()
}

/// Lists only the rows that are not 0, or all of them.
fn column(rows: &[Row], sparse: bool) -> Column {
    let values: Vec<f32> = rows.iter().map(|r| f32::from(r.value)).collect();
    if !sparse {
        return Column::dense(values);
    }
    let listed = (0..rows.len() as u32).filter(|&r| values[r as usize] != 0.0);
    let listed: Vec<u32> = listed.collect();
    Column {
        n_rows: rows.len(),
        values: listed.iter().map(|&r| values[r as usize]).collect(),
        rows: listed,
    }
}

/// Every pair of the stratum, one by one; rows occur as often as `weight(row)` says.
fn auc_by_pairs(rows: &[Row], weight: impl Fn(&Row) -> f64) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for stratum in 0..3 {
        let of = |class: bool| {
            let chosen = rows
                .iter()
                .filter(move |r| r.stratum == stratum && r.positive == class);
            chosen.map(|r| (r.value, weight(r))).collect::<Vec<_>>()
        };
        let (positives, negatives) = (of(true), of(false));
        let mass = |rows: &[(i8, f64)]| rows.iter().map(|r| r.1).sum::<f64>();
        if mass(&positives) == 0.0 || mass(&negatives) == 0.0 {
            continue;
        }
        let mut wins = 0.0;
        for (p, w_p) in &positives {
            for (n, w_n) in &negatives {
                let win = f64::from(u8::from(p > n)) + 0.5 * f64::from(u8::from(p == n));
                wins += win * w_p * w_n;
            }
        }
        sum += wins / mass(&negatives);
        total += mass(&positives);
    }
    (total > 0.0).then(|| sum / total)
}

fn precision_by_thresholds(rows: &[Row], sign: i8) -> Option<f64> {
    let holds = |s: u16, class: bool| rows.iter().any(|r| r.stratum == s && r.positive == class);
    let used: Vec<&Row> = rows
        .iter()
        .filter(|r| holds(r.stratum, true) && holds(r.stratum, false))
        .collect();
    let n_positives = used.iter().filter(|r| r.positive).count() as f64;
    let mut thresholds: Vec<i8> = used.iter().map(|r| sign * r.value).collect();
    thresholds.sort_unstable();
    thresholds.dedup();
    let (mut sum, mut recall_before) = (0.0, 0.0);
    for threshold in thresholds.into_iter().rev() {
        let above: Vec<_> = used
            .iter()
            .filter(|r| sign * r.value >= threshold)
            .collect();
        let hits = above.iter().filter(|r| r.positive).count() as f64;
        sum += (hits / n_positives - recall_before) * hits / above.len() as f64;
        recall_before = hits / n_positives;
    }
    (n_positives > 0.0).then_some(sum)
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-12,
        (a, b) => a == b,
    }
}

proptest! {
    #[test]
    fn auc_is_the_share_of_pairs(rows in rows(), sparse: bool, shared: bool) {
        let cases = cases(&rows, shared);
        let auc = StratifiedAuc::count(&column(&rows, sparse).ranking().unwrap(), &cases);
        prop_assert!(close(auc.value(), auc_by_pairs(&rows, |_| 1.0)));
        let reversed = column(&rows, sparse).negated().ranking().unwrap();
        let reversed = StratifiedAuc::count(&reversed, &cases).value();
        prop_assert!(close(reversed, auc.value().map(|a| 1.0 - a)));
    }

    #[test]
    fn a_resample_repeats_rows(rows in rows(), weights: [[u8; 4]; 2]) {
        let cases = cases(&rows, false);
        let auc = StratifiedAuc::count(&column(&rows, true).ranking().unwrap(), &cases);
        let weights = weights.map(|w| w.map(|w| f64::from(w % 3)));
        let weight = |r: &Row| weights[usize::from(!r.positive)][usize::from(r.block)];
        let n = cases.n_blocks();
        let resampled = auc.resampled(&weights[0][..n[0]], &weights[1][..n[1]]);
        prop_assert!(close(resampled, auc_by_pairs(&rows, weight)));
    }

    #[test]
    fn average_precision_is_the_sum_over_thresholds(rows in rows(), sparse: bool) {
        let cases = cases(&rows, true);
        let ranking = column(&rows, sparse).ranking().unwrap();
        for (direction, sign) in [(Direction::Descending, 1), (Direction::Ascending, -1)] {
            let found = average_precision(&ranking, &cases, direction);
            prop_assert!(close(found, precision_by_thresholds(&rows, sign)));
        }
    }

    #[test]
    fn sparse_correlation_is_pearson(rows in rows()) {
        let fields: Vec<f32> =
            rows.iter().flat_map(|r| [f32::from(r.stratum), f32::from(r.block) + 1e4]).collect();
        let column = column(&rows, true);
        let mut sparse = SparseCorrelation::new(1, 2);
        let half = rows.len() / 2;
        for range in [0..half, half..rows.len()] {
            let entries: Vec<(u32, f32)> = column
                .entries()
                .filter(|(row, _)| range.contains(row))
                .map(|(row, value)| ((row - range.start) as u32, value))
                .collect();
            sparse.add(&fields[2 * range.start..2 * range.end], |_| entries.iter().copied());
        }
        let found = sparse.correlations(0);
        for (i, found) in found.into_iter().enumerate() {
            let pairs = rows.iter().zip(fields.chunks(2));
            let pairs: Vec<(f64, f64)> =
                pairs.map(|(r, f)| (f64::from(r.value), f64::from(f[i]))).collect();
            prop_assert!((found - pearson_two_pass(&pairs)).abs() < 1e-6);
        }
    }
}

fn pearson_two_pass(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let mean = pairs
        .iter()
        .fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
    let moment = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        pairs.iter().map(|p| f(p.0 - mean.0, p.1 - mean.1)).sum()
    };
    let (xx, yy) = (moment(&|x, _| x * x), moment(&|_, y| y * y));
    if xx < 1e-9 || yy < 1e-6 {
        return 0.0;
    }
    moment(&|x, y| x * y) / (xx * yy).sqrt()
}

#[test]
fn closed_forms() {
    let positive = vec![false, false, true, true];
    let one_stratum = Cases::unblocked(positive.clone(), vec![0; 4]);
    let auc = |values: Vec<f32>, cases: &Cases| {
        StratifiedAuc::count(&Column::dense(values).ranking().unwrap(), cases).value()
    };
    assert_eq!(auc(vec![0.1, 0.2, 0.3, 0.4], &one_stratum), Some(1.0));
    assert_eq!(auc(vec![0.1, 0.4, 0.35, 0.8], &one_stratum), Some(0.75));
    assert_eq!(auc(vec![7.0; 4], &one_stratum), Some(0.5));
    // Perfect across strata, useless within them: the stratified score is not fooled.
    let two_strata = Cases::unblocked(vec![false, true, false, true], vec![0, 0, 1, 1]);
    assert_eq!(auc(vec![0.0, 0.0, 1.0, 1.0], &two_strata), Some(0.5));
    let all_positive = Cases::unblocked(vec![true; 4], vec![0; 4]);
    assert_eq!(auc(vec![0.0; 4], &all_positive), None);
    let ranking = Column::dense(vec![7.0; 4]).ranking().unwrap();
    let precision = average_precision(&ranking, &one_stratum, Direction::Descending);
    assert_eq!(precision, Some(0.5));
}

#[test]
fn blocks_make_the_interval_wider_than_rows_do() {
    // Ten blocks whose 20 rows agree: resampling rows one by one would be far too sure.
    let n = 200;
    let value = |r: usize| ((r / 20 * 7) % 10) as f32 + (r % 2) as f32;
    let column = Column::dense((0..n).map(value).collect());
    let interval = |block: &dyn Fn(usize) -> u16| {
        let builder = CasesBuilder {
            positive: (0..n).map(|r| r % 2 == 1).collect(),
            stratum: vec![0; n],
            block: (0..n).map(block).collect(),
            shared: false,
        };
        let cases = builder.build();
        let auc = StratifiedAuc::count(&column.ranking().unwrap(), &cases);
        let interval = Resampler::new(5, 500, 0.95)
            .interval(&cases.n_blocks(), |w| auc.resampled(&w[0], &w[1]))
            .unwrap();
        let value = auc.value().unwrap();
        assert!(interval.low <= value && value <= interval.high);
        let (error, freedom) = auc.jackknife().unwrap();
        assert_eq!(freedom, cases.n_blocks()[0] as f64 - 1.0);
        let width = interval.high - interval.low;
        assert!(
            (width / (3.92 * error) - 1.0).abs() < 0.4,
            "{width} {error}"
        );
        width
    };
    let by_blocks = interval(&|r| (r / 20) as u16);
    let by_rows = interval(&|r| (r / 2) as u16);
    assert!(by_blocks > 2.0 * by_rows, "{by_blocks} {by_rows}");
}
