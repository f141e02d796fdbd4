//! The responses as a drawing.

use std::fmt::Write as _;

use super::design::{self, BLOCKS, LASTS, MIDDLE};

/// How wide and high the drawing is, in its own units.
const SIZE: (f64, f64) = (960.0, 760.0);
/// How finely a curve is looked at: this many frequencies for each unit of width, of which the loudest is drawn, so that
/// no lobe is missed.
const FINE: usize = 4;

/// A curve: its colour, and decibels at a frequency in kHz.
struct Curve<'a> {
    colour: &'a str,
    level: &'a dyn Fn(f64) -> f64,
}

/// A part of the drawing with axes of its own.
struct Panel {
    title: &'static str,
    /// Left, top, width, height.
    place: (f64, f64, f64, f64),
    /// From 0 to this, kHz.
    kilohertz: f64,
    kilohertz_step: f64,
    /// From the bottom to the top, dB.
    decibels: (f64, f64),
    decibels_step: f64,
}

const PANELS: [Panel; 3] = [
    Panel {
        title: "DSD64, up to half its bit rate",
        place: (60.0, 70.0, 880.0, 280.0),
        kilohertz: 1411.2,
        kilohertz_step: 176.4,
        decibels: (-200.0, 0.0),
        decibels_step: 20.0,
    },
    Panel {
        title: "Up to half the middle rate",
        place: (60.0, 420.0, 410.0, 270.0),
        kilohertz: 176.4,
        kilohertz_step: 22.05,
        decibels: (-200.0, 0.0),
        decibels_step: 20.0,
    },
    Panel {
        title: "Pass band",
        place: (540.0, 420.0, 400.0, 270.0),
        kilohertz: 50.0,
        kilohertz_step: 10.0,
        decibels: (-0.1, 0.02),
        decibels_step: 0.02,
    },
];

/// The whole drawing.
pub(crate) fn svg() -> String {
    let block = BLOCKS[0];
    let first_taps = design::first(block);
    let [wide_taps, narrow_taps] = LASTS.map(|last| design::last(&last));
    let decibels = |ratio: f64| 20.0 * ratio.abs().max(1e-12).log10();
    let first = |frequency: f64| decibels(design::response(&first_taps, frequency / MIDDLE / block as f64));
    let wide = |frequency: f64| first(frequency) + decibels(design::response(&wide_taps, frequency / MIDDLE));
    let narrow = |frequency: f64| first(frequency) + decibels(design::response(&narrow_taps, frequency / MIDDLE));
    let curves = [
        ("#999999", "the bits' filter, to 352.8 kHz", &first as &dyn Fn(f64) -> f64),
        ("#0060c0", "with the wide filter, to 352.8 or 176.4 kHz", &wide),
        ("#d05000", "with the narrow filter, to 88.2 kHz", &narrow),
    ];

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>DSD to PCM: frequency responses</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        SIZE.0, SIZE.1
    );
    for ((colour, name, _), x) in curves.iter().zip([60.0, 290.0, 620.0]) {
        line(&mut out, (x, 24.0), (x + 24.0, 24.0), colour, 2.0);
        text(&mut out, (x + 30.0, 28.0), "start", name);
    }
    for panel in &PANELS {
        panel.axes(&mut out);
        for (colour, _, level) in curves {
            panel.curve(&mut out, &Curve { colour, level });
        }
    }
    let note = "Frequencies in kHz for the 44.1 kHz family; 48/44.1 as high for the other. Red: -140 dB.";
    text(&mut out, (60.0, SIZE.1 - 12.0), "start", note);
    out.push_str("</svg>\n");
    out
}

impl Panel {
    fn x(&self, kilohertz: f64) -> f64 {
        self.place.0 + kilohertz / self.kilohertz * self.place.2
    }

    fn y(&self, decibels: f64) -> f64 {
        let (bottom, top) = self.decibels;
        self.place.1 + (top - decibels.clamp(bottom, top)) / (top - bottom) * self.place.3
    }

    fn axes(&self, out: &mut String) {
        let (left, top, width, height) = self.place;
        text(out, (left, top - 10.0), "start", self.title);
        for n in 0..=(self.kilohertz / self.kilohertz_step).round() as u32 {
            let value = f64::from(n) * self.kilohertz_step;
            line(out, (self.x(value), top), (self.x(value), top + height), "#dddddd", 1.0);
            text(out, (self.x(value), top + height + 16.0), "middle", &value.to_string());
        }
        let (bottom, _) = self.decibels;
        for n in 0..=((self.decibels.1 - bottom) / self.decibels_step).round() as u32 {
            let value = bottom + f64::from(n) * self.decibels_step;
            let label = format!("{}", (value * 100.0).round() / 100.0 + 0.0);
            let colour = if label == "-140" { "#dd4444" } else { "#dddddd" };
            line(out, (left, self.y(value)), (left + width, self.y(value)), colour, 1.0);
            text(out, (left - 6.0, self.y(value) + 4.0), "end", &label);
        }
    }

    fn curve(&self, out: &mut String, curve: &Curve<'_>) {
        let units = self.place.2 as usize;
        let at = |n: usize| n as f64 / (units * FINE) as f64 * self.kilohertz;
        // Where it leaves the panel it ends.
        let mut inside = true;
        let mut points = String::new();
        for unit in 0..=units {
            let fine = (unit * FINE).saturating_sub(FINE / 2)..(unit * FINE + FINE / 2 + 1).min(units * FINE + 1);
            let level = fine.map(|n| (curve.level)(at(n))).fold(f64::MIN, f64::max);
            if inside {
                // Writing to a String doesn't fail.
                let _ = write!(points, " {:.0},{:.1}", self.x(at(unit * FINE)), self.y(level));
            }
            inside = self.decibels.0 < -1.0 || level > self.decibels.0;
        }
        let _ = writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.2\" points=\"{}\"/>",
            curve.colour,
            points.trim_start()
        );
    }
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
    let (x1, y1, x2, y2) = (from.0, from.1, to.0, to.1);
    let _ = writeln!(
        out,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
    );
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}
