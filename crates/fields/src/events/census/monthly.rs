/// A field's mean in every calendar month, over all years.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthlyMean {
    n_nodes: usize,
    sums: [Vec<f64>; 12],
    counts: [u32; 12],
}

impl MonthlyMean {
    /// Without anything in it, for fields of `n_nodes`.
    pub(super) fn new(n_nodes: usize) -> Self {
        Self {
            n_nodes,
            sums: Default::default(),
            counts: [0; 12],
        }
    }

    /// Adds a field (`[n_nodes]`) to a month from 1 to 12.
    pub(super) fn add(&mut self, month: u32, field: impl Iterator<Item = f64>) {
        let index = (month as usize - 1) % 12;
        let sums = &mut self.sums[index];
        sums.resize(self.n_nodes, 0.0);
        for (sum, value) in sums.iter_mut().zip(field) {
            *sum += value;
        }
        self.counts[index] += 1;
    }

    /// Fields that were added to a month from 1 to 12.
    pub fn count(&self, month: u32) -> u32 {
        self.counts[(month as usize - 1) % 12]
    }

    /// The mean over some months (from 1 to 12), `[n_nodes]`, every field with the same weight; `None` without a field.
    pub fn mean(&self, months: impl IntoIterator<Item = u32>) -> Option<Vec<f32>> {
        let mut total = vec![0.0; self.n_nodes];
        let mut count = 0;
        for index in months.into_iter().map(|month| (month as usize - 1) % 12) {
            count += self.counts[index];
            for (total, sum) in total.iter_mut().zip(&self.sums[index]) {
                *total += sum;
            }
        }
        let mean = |sum: f64| (sum / f64::from(count)) as f32;
        (count > 0).then(|| total.into_iter().map(mean).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_keep_apart_and_join_by_their_counts() {
        let mut mean = MonthlyMean::new(2);
        mean.add(1, [1.0, 2.0].into_iter());
        mean.add(1, [3.0, 2.0].into_iter());
        mean.add(12, [8.0, 5.0].into_iter());
        assert_eq!(mean.mean([1]), Some(vec![2.0, 2.0]));
        assert_eq!(mean.mean([12, 1, 2]), Some(vec![4.0, 3.0]));
        assert_eq!(mean.mean([6, 7]), None);
        assert_eq!((mean.count(1), mean.count(6)), (2, 0));
    }
}
