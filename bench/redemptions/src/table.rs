//! What was seen of each figure, beside its goal and what cannot be avoided.

use std::fmt::Write as _;

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// Its unit, empty for a number.
    pub unit: &'static str,
    /// What is wanted.
    pub goal: Goal,
}

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
    /// Anything: it is told for information.
    Free,
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Free => true,
        }
    }
}

/// Every figure in the order in which it was first seen.
#[derive(Default)]
pub struct Table(Vec<Row>);

struct Row {
    figure: Figure,
    seen: Vec<f64>,
    limits: Vec<f64>,
}

impl Table {
    /// Takes down what a run saw.
    pub fn see(&mut self, figure: Figure, value: f64) {
        self.row(figure).seen.push(value);
    }

    /// The same, with the value that no implementation could better in this run.
    pub fn see_beside(&mut self, figure: Figure, value: f64, limit: f64) {
        let row = self.row(figure);
        row.seen.push(value);
        row.limits.push(limit);
    }

    /// How many goals the medians miss.
    #[must_use]
    pub fn missed(&self) -> usize {
        let is_missed = |row: &&Row| !row.figure.goal.is_met(median(&row.seen));
        self.0.iter().filter(is_missed).count()
    }

    /// The table as text.
    #[must_use]
    pub fn to_text(&self, title: &str) -> String {
        let runs = self.0.iter().map(|row| row.seen.len()).max();
        let runs = runs.unwrap_or_default();
        let mut text = format!("{title:<58} {:>9} ", "goal");
        for run in 1..=runs {
            let _ = write!(text, "{:>9}", format!("run {run}"));
        }
        let _ = writeln!(
            text,
            "{:>9} {:<7}{:>9}{:>7}",
            "median", "", "limit", "times"
        );
        for row in &self.0 {
            let Figure { name, unit, goal } = row.figure;
            let aim = match goal {
                Goal::AtMost(most) => format!("<= {}", number(most)),
                Goal::AtLeast(least) => format!(">= {}", number(least)),
                Goal::Free => "-".to_owned(),
            };
            let seen = median(&row.seen);
            let name = match unit {
                "" => name.to_owned(),
                unit => format!("{name}, {unit}"),
            };
            let _ = write!(text, "{name:<58} {aim:>9} ");
            for run in 0..runs {
                let value = row
                    .seen
                    .get(run)
                    .map_or_else(String::new, |value| number(*value));
                let _ = write!(text, "{value:>9}");
            }
            let judgement = match goal {
                Goal::Free => "",
                _ if goal.is_met(seen) => "met",
                _ => "MISSED",
            };
            let _ = write!(text, "{:>9} {judgement:<7}", number(seen));
            if let Some(limit) = Some(median(&row.limits)).filter(|limit| *limit > 0.0) {
                let times = (seen / limit).max(limit / seen);
                let _ = write!(text, "{:>9}{times:>7.1}", number(limit));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    fn row(&mut self, figure: Figure) -> &mut Row {
        let index = self.0.iter().position(|row| row.figure == figure);
        let index = index.unwrap_or(self.0.len());
        if index == self.0.len() {
            self.0.push(Row {
                figure,
                seen: Vec::new(),
                limits: Vec::new(),
            });
        }
        #[expect(clippy::indexing_slicing, reason = "the row was found or pushed above")]
        &mut self.0[index]
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Three digits that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_decides() {
        let cases = [
            ("below", Goal::AtMost(2.0), [1.0, 9.0, 2.0], 0),
            ("above", Goal::AtMost(2.0), [1.0, 9.0, 2.1], 1),
            ("enough", Goal::AtLeast(2.0), [1.0, 9.0, 2.0], 0),
            ("too few", Goal::AtLeast(2.0), [1.0, 9.0, 1.9], 1),
            ("free", Goal::Free, [1.0, 9.0, 1.9], 0),
        ];
        for (name, goal, seen, missed) in cases {
            let mut table = Table::default();
            for value in seen {
                let unit = "ms";
                table.see(Figure { name, unit, goal }, value);
            }
            assert_eq!(table.missed(), missed, "{name}");
        }
    }
}
