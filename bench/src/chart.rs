//! Pictures of figures, as SVG.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::Problem;
use crate::grid::number;

/// A picture.
pub(crate) enum Chart {
    Bars(Bars),
    Curves(Curves),
}

/// One bar for each contender; the first one is the yardstick.
pub(crate) struct Bars {
    pub(crate) title: String,
    /// What the bars show.
    pub(crate) unit: String,
    pub(crate) bars: Vec<Bar>,
}

pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// Between these is the middle half of what was measured.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// How something grows: both axes are logarithmic, so that what grows in proportion is a straight line.
pub(crate) struct Curves {
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) curves: Vec<Curve>,
}

pub(crate) struct Curve {
    pub(crate) name: String,
    /// All above zero.
    pub(crate) points: Vec<(f64, f64)>,
}

impl From<Bars> for Chart {
    fn from(bars: Bars) -> Chart {
        Chart::Bars(bars)
    }
}

impl From<Curves> for Chart {
    fn from(curves: Curves) -> Chart {
        Chart::Curves(curves)
    }
}

impl Chart {
    pub(crate) fn title(&self) -> &str {
        match self {
            Chart::Bars(bars) => &bars.title,
            Chart::Curves(curves) => &curves.title,
        }
    }

    pub(crate) fn svg(&self) -> Result<String, Problem> {
        match self {
            Chart::Bars(bars) => bars.svg(),
            Chart::Curves(curves) => curves.svg(),
        }
    }
}

const WIDTH: u32 = 760;
const FONT: &str = "sans-serif";
/// As plotters counts: about four fifths of it are pixels.
const TEXT_SIZE: u32 = 16;
const INK: RGBColor = RGBColor(0x26, 0x2b, 0x33);
const PALE: RGBColor = RGBColor(0xc9, 0xce, 0xd6);
const YARDSTICK: RGBColor = RGBColor(0x7d, 0x86, 0x94);
const OURS: RGBColor = RGBColor(0xd9, 0x53, 0x1e);
const THEIRS: RGBColor = RGBColor(0x4c, 0x78, 0xa8);
/// Of curves, which may be many.
const COLOURS: [RGBColor; 8] = [
    OURS,
    THEIRS,
    RGBColor(0x3b, 0x8f, 0x5a),
    RGBColor(0x8e, 0x5e, 0xa8),
    YARDSTICK,
    RGBColor(0xc0, 0x9a, 0x1a),
    RGBColor(0x2a, 0xa1, 0xb3),
    RGBColor(0xb8, 0x3a, 0x5e),
];

/// Whether a contender is this project's.
fn is_ours(name: &str) -> bool {
    name.starts_with("ferropyro") || name.starts_with("Rust to Rust")
}

impl Bars {
    fn svg(&self) -> Result<String, Problem> {
        const TOP: i32 = 30;
        const ROW: i32 = 22;
        const CHARACTER: usize = 7; // about as wide as one is
        const VALUE: i32 = 60; // room for the figure behind the longest bar
        let longest = self.bars.iter().map(|bar| bar.name.chars().count()).max().unwrap_or(0);
        let left = (longest * CHARACTER + 16) as i32;
        let height = TOP + ROW * self.bars.len() as i32 + 8;
        let largest = self.bars.iter().map(|bar| bar.high).fold(f64::MIN_POSITIVE, f64::max);
        let across = |value: f64| left + (value / largest * f64::from(WIDTH as i32 - left - VALUE)) as i32;

        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area();
            area.fill(&WHITE)?;
            let text = |hpos| {
                let style = (FONT, TEXT_SIZE).into_text_style(&area);
                style.color(&INK).pos(Pos::new(hpos, VPos::Center))
            };
            area.draw(&Text::new(&*self.unit, (left, TOP / 2), text(HPos::Left)))?;
            for (index, bar) in self.bars.iter().enumerate() {
                let middle = TOP + ROW * index as i32 + ROW / 2;
                let colour = match index {
                    0 => YARDSTICK,
                    _ if is_ours(&bar.name) => OURS,
                    _ => THEIRS,
                };
                area.draw(&Text::new(&*bar.name, (left - 8, middle), text(HPos::Right)))?;
                let corners = [(left, middle - 7), (across(bar.value).max(left + 1), middle + 7)];
                area.draw(&Rectangle::new(corners, colour.filled()))?;
                let spread = [(across(bar.low), middle), (across(bar.high), middle)];
                area.draw(&PathElement::new(spread, INK))?;
                let end = across(bar.value.max(bar.high)) + 6;
                area.draw(&Text::new(number(bar.value), (end, middle), text(HPos::Left)))?;
            }
            area.present()?;
        }
        Ok(svg)
    }
}

impl Curves {
    fn svg(&self) -> Result<String, Problem> {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let (x, y) = (
            decades(points().map(|point| point.0)),
            decades(points().map(|point| point.1)),
        );
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (WIDTH, 400)).into_drawing_area();
            area.fill(&WHITE)?;
            let font = (FONT, TEXT_SIZE).into_text_style(&area).color(&INK);
            let mut chart = ChartBuilder::on(&area)
                .margin(8)
                .x_label_area_size(40)
                .y_label_area_size(72)
                .build_cartesian_2d(logarithmic(x), logarithmic(y))?;
            chart
                .configure_mesh()
                .x_desc(&*self.x)
                .y_desc(&*self.y)
                .x_label_formatter(&power)
                .y_label_formatter(&power)
                .label_style(font.clone())
                .axis_desc_style(font.clone())
                .bold_line_style(PALE)
                .light_line_style(TRANSPARENT)
                .axis_style(INK)
                .draw()?;
            for (curve, colour) in self.curves.iter().zip(COLOURS.iter().cycle()) {
                let line = LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2)).point_size(3);
                chart
                    .draw_series(line)?
                    .label(&*curve.name)
                    .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .label_font(font)
                .background_style(WHITE.mix(0.85))
                .border_style(PALE)
                .draw()?;
            area.present()?;
        }
        Ok(svg)
    }
}

fn logarithmic(range: Range<f64>) -> LogCoord<f64> {
    range.log_scale().into()
}

/// The whole powers of ten around these numbers.
fn decades(numbers: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = numbers
        .filter(|number| *number > 0.0)
        .fold((f64::INFINITY, 0.0_f64), |(low, high), number| {
            (low.min(number), high.max(number))
        });
    if low > high {
        return 1.0..10.0;
    }
    let from = 10_f64.powf(low.log10().floor());
    from..10_f64.powf(high.log10().ceil()).max(from * 10.0)
}

/// A power of ten as people write it.
fn power(number: &f64) -> String {
    match *number {
        number if number < 1.0 => format!("{number}"),
        number => crate::grid::count(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_a_name_and_a_figure_each_and_markup_in_names_is_escaped() {
        let bar = |name: &str, value: f64| Bar {
            name: name.to_owned(),
            value,
            low: value * 0.9,
            high: value * 1.1,
        };
        let bars = Bars {
            title: "echo".to_owned(),
            unit: "times the raw ping-pong".to_owned(),
            bars: vec![bar("raw", 1.0), bar("ferropyro <serpent>", 1.25), bar("Pyro5", 21.0)],
        };
        let svg = Chart::from(bars).svg().unwrap();
        for text in [
            "times the raw ping-pong",
            "raw",
            "ferropyro &lt;serpent&gt;",
            "1.25",
            "21.00",
        ] {
            assert!(svg.contains(text), "no {text:?} in {svg}");
        }
        assert_eq!(svg.matches("<rect").count(), 4, "the ground and three bars: {svg}");
    }

    #[test]
    fn curves_have_axes_of_whole_decades_and_a_legend() {
        let curve = |name: &str, factor: f64| Curve {
            name: name.to_owned(),
            points: [1.0, 30.0, 1000.0].map(|x| (x, x * factor)).to_vec(),
        };
        let curves = Curves {
            title: "growth".to_owned(),
            x: "connections".to_owned(),
            y: "calls a second".to_owned(),
            curves: vec![curve("multiplex", 2.0), curve("thread", 0.5)],
        };
        let svg = Chart::from(curves).svg().unwrap();
        for text in [
            "connections",
            "calls a second",
            "multiplex",
            "thread",
            "1,000",
            "10,000",
        ] {
            assert!(svg.contains(text), "no {text:?} in {svg}");
        }
    }

    #[test]
    fn decades_go_around_all_numbers_and_are_never_empty() {
        assert_eq!(decades([3.0, 20.0].into_iter()), 1.0..100.0);
        assert_eq!(decades([1.0].into_iter()), 1.0..10.0);
        assert_eq!(decades([].into_iter()), 1.0..10.0);
    }
}
