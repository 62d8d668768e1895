//! Medians, and how far the values around them are apart.

/// A median and the range that the values are judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    /// The lower end of the range.
    pub(super) low: f64,
    /// The median.
    pub(super) median: f64,
    /// The upper end of the range.
    pub(super) high: f64,
}

impl Summary {
    /// With the lowest and the highest value: for values that hardly differ.
    pub(super) fn of_all(values: &[f64]) -> Self {
        Self { low: quantile(values, 0.0), median: quantile(values, 0.5), high: quantile(values, 1.0) }
    }

    /// With the quartiles: for values with outliers.
    pub(super) fn of_half(values: &[f64]) -> Self {
        Self { low: quantile(values, 0.25), median: quantile(values, 0.5), high: quantile(values, 0.75) }
    }

    /// The width of the range as a part of the median.
    pub(super) fn spread(self) -> f64 {
        (self.high - self.low) / self.median
    }
}

/// The value that this part of the values is at most as high as; not a number if there are none.
pub(super) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a position between zero and the number of values"
    )]
    let position = (last as f64 * part).round() as usize;
    sorted.get(position).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_median_and_its_range() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(Summary::of_all(&values), Summary { low: 1.0, median: 3.0, high: 5.0 });
        assert_eq!(Summary::of_half(&values), Summary { low: 2.0, median: 3.0, high: 4.0 });
        assert!((Summary::of_half(&values).spread() - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_has_no_median() {
        assert!(quantile(&[], 0.5).is_nan());
    }
}
