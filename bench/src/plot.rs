//! Latency against offered rate as an SVG file: two logarithmic-by-linear axes, three lines, no more.

use std::fmt::Write as _;

use crate::latency::Quantiles;
use crate::report::{count, micros};

/// Size of the picture and of the room around the axes, in SVG units.
const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 64.0;

/// Steps of the horizontal axis.
const TICKS: u32 = 5;

/// What is drawn: name, colour, and which quantile.
type Line = (&'static str, &'static str, fn(&Quantiles) -> f64);

const LINES: [Line; 3] = [
    ("p50", "#1b7f5c", |quantiles| quantiles.p50_us),
    ("p99", "#c77700", |quantiles| quantiles.p99_us),
    ("p99.9", "#b3261e", |quantiles| quantiles.p999_us),
];

/// One point: requests offered in a second, and how long they took from their intended start.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Point {
    pub(crate) offered: f64,
    pub(crate) latency: Quantiles,
}

/// Where a value stands in the picture.
struct Axes {
    rate_max: f64,
    /// Powers of ten of microseconds, lowest and highest.
    low: f64,
    high: f64,
}

/// Draws the points, which must be in order of their rate.
pub(crate) fn draw(title: &str, machine: &str, points: &[Point]) -> String {
    let axes = Axes::around(points);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"16\" font-weight=\"600\">{}</text>\n\
         <text x=\"{LEFT}\" y=\"42\" fill=\"#666666\" font-size=\"11\">{}</text>\n",
        escaped(title),
        escaped(machine)
    );
    grid(&mut svg, &axes);
    for (at, (name, colour, of)) in LINES.iter().enumerate() {
        line(&mut svg, &axes, points, (name, colour, *of), at);
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, axes: &Axes) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut power = axes.low;
    while power <= axes.high {
        let us = 10_f64.powf(power);
        let y = axes.y(us);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 8.0,
            y + 4.0,
            label(us)
        );
        power += 1.0;
    }
    for tick in 0..=TICKS {
        let rate = axes.rate_max * f64::from(tick) / f64::from(TICKS);
        let x = axes.x(rate);
        let _ = write!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#888888\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
            bottom + 5.0,
            bottom + 20.0,
            count(rate)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">requests offered per second</text>",
        f64::midpoint(LEFT, right),
        bottom + 44.0
    );
}

fn line(svg: &mut String, axes: &Axes, points: &[Point], (name, colour, of): Line, at: usize) {
    let place = |point: &Point| (axes.x(point.offered), axes.y(of(&point.latency)));
    let places: Vec<(f64, f64)> = points.iter().map(place).collect();
    let joined: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
        joined.join(" ")
    );
    for ((x, y), point) in places.iter().zip(points) {
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"><title>{name} {} at {}/s\
             </title></circle>",
            micros(of(&point.latency)),
            count(point.offered)
        );
    }
    let (x, y) = (WIDTH - RIGHT + 24.0, TOP + 20.0 * at as f64 + 10.0);
    let _ = write!(
        svg,
        "<line x1=\"{x}\" y1=\"{y}\" x2=\"{:.1}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>\n",
        x + 22.0,
        x + 30.0,
        y + 4.0
    );
}

/// A power of ten of microseconds.
fn label(us: f64) -> String {
    match us {
        ..1_000.0 => format!("{us:.0} µs"),
        ..1_000_000.0 => format!("{:.0} ms", us / 1_000.0),
        _ => format!("{:.0} s", us / 1_000_000.0),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

// === impl Axes ===

impl Axes {
    fn around(points: &[Point]) -> Self {
        let rate_max = points.iter().map(|point| point.offered).fold(1.0, f64::max);
        let values = points
            .iter()
            .flat_map(|point| LINES.map(|(_, _, of)| of(&point.latency)));
        let (low, high) = values.fold((f64::MAX, 1.0_f64), |(low, high), value: f64| {
            (low.min(value.max(1.0)), high.max(value))
        });
        let low = low.min(high).log10().floor();
        Self {
            rate_max,
            low,
            high: high.log10().ceil().max(low + 1.0),
        }
    }

    fn x(&self, rate: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * rate / self.rate_max
    }

    fn y(&self, us: f64) -> f64 {
        let share = (us.max(1.0).log10() - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(offered: f64, p50_us: f64) -> Point {
        let latency = Quantiles {
            p50_us,
            p99_us: p50_us * 4.0,
            p999_us: p50_us * 20.0,
            max_us: p50_us * 50.0,
        };
        Point { offered, latency }
    }

    #[test]
    fn every_point_lies_inside_the_axes() {
        let points = [
            point(1_000.0, 90.0),
            point(50_000.0, 400.0),
            point(90_000.0, 9_000.0),
        ];
        let axes = Axes::around(&points);
        for point in &points {
            for (name, _, of) in LINES {
                let (x, y) = (axes.x(point.offered), axes.y(of(&point.latency)));
                assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{name}: x {x}");
                assert!((TOP..=HEIGHT - BOTTOM).contains(&y), "{name}: y {y}");
            }
        }
        assert!(axes.y(100.0) > axes.y(1_000.0), "more time stands higher");
    }

    #[test]
    fn the_picture_is_whole_and_its_text_escaped() {
        let svg = draw(
            "a < b & c",
            "2 × CPU",
            &[point(10.0, 5.0), point(20.0, 6.0)],
        );
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a &lt; b &amp; c"));
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn no_points_make_an_empty_picture() {
        let svg = draw("nothing", "nowhere", &[]);
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
    }
}
