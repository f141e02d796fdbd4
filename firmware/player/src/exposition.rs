//! Prometheus' text exposition format, version 0.0.4.

use std::fmt::{Display, Write as _};

/// `Content-Type` of it.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A document that grows. Each family is written once, its samples right behind it.
#[derive(Default)]
pub(crate) struct Exposition(String);

/// What a family's samples are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Only ever grows, until the program that counts is started again.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

impl Exposition {
    /// A family of one sample without labels.
    pub(crate) fn one(&mut self, kind: Kind, name: &str, help: &str, value: impl Display) {
        self.family(kind, name, help);
        self.sample(name, &[], value);
    }

    /// The same, for what may not be known: then there is no such family.
    pub(crate) fn maybe(&mut self, kind: Kind, name: &str, help: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.one(kind, name, help, value);
        }
    }

    /// Begins a family.
    pub(crate) fn family(&mut self, kind: Kind, name: &str, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A sample of the family that was begun last.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.write(format_args!("{name}{labels} {value}\n"));
    }

    /// A histogram of these buckets: what each one ends below, and how many are in it. What is beyond the last of them is in `beyond`.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, buckets: impl Iterator<Item = (f64, u64)>, beyond: u64) {
        self.family(Kind::Histogram, name, help);
        let bucket = format!("{name}_bucket");
        let mut sum = 0_u64;
        for (end, count) in buckets {
            sum = sum.saturating_add(count);
            self.sample(&bucket, &[("le", &end.to_string())], sum);
        }
        sum = sum.saturating_add(beyond);
        self.sample(&bucket, &[("le", "+Inf")], sum);
        self.sample(&format!("{name}_count"), &[], sum);
    }

    pub(crate) fn text(self) -> String {
        self.0
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a String doesn't fail.
        let _ = self.0.write_fmt(text);
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_samples_and_labels() {
        let mut text = Exposition::default();
        text.one(Kind::Gauge, "a", "Back\\slash\nand line", 1.5);
        text.family(Kind::Counter, "b_total", "B");
        text.sample("b_total", &[("x", "say \"hi\"\\\n"), ("y", "")], 7);
        text.maybe(Kind::Gauge, "c", "C", None::<u32>);
        assert_eq!(
            text.text(),
            "# HELP a Back\\\\slash\\nand line\n# TYPE a gauge\na 1.5\n# HELP b_total B\n# TYPE b_total counter\n\
             b_total{x=\"say \\\"hi\\\"\\\\\\n\",y=\"\"} 7\n"
        );
    }

    #[test]
    fn a_histograms_buckets_add_up() {
        let mut text = Exposition::default();
        text.histogram("h", "H", [(0.000_001, 3), (0.000_002, 0), (1024.0, 4)].into_iter(), 1);
        let text = text.text();
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let wanted = [
            "h_bucket{le=\"0.000001\"} 3",
            "h_bucket{le=\"0.000002\"} 3",
            "h_bucket{le=\"1024\"} 7",
            "h_bucket{le=\"+Inf\"} 8",
            "h_count 8",
        ];
        assert_eq!(samples, wanted);
    }
}
