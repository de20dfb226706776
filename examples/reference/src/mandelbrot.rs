//! Escape times without shortcuts, logarithms by halving, colours from a table of all of them.
use std::collections::HashMap;

#[derive(Clone, Copy)]
struct Complex {
	re: f64,
	im: f64,
}

impl Complex {
	fn square_plus(self, point: Complex) -> Self {
		Self {
			re: self.re * self.re - self.im * self.im + point.re,
			im: 2.0 * (self.re * self.im) + point.im,
		}
	}

	fn distance_squared(self) -> f64 {
		self.re * self.re + self.im * self.im
	}
}

/// The straight-line logarithm: exact at powers of two, linear between them.
fn logarithm(mut value: f64) -> f64 {
	let mut whole = 0.0;
	while value >= 2.0 {
		value *= 0.5;
		whole += 1.0;
	}
	whole + (value - 1.0)
}

fn escape_time(point: Complex, iterations: u32) -> Option<u32> {
	let mut orbit = Complex { re: 0.0, im: 0.0 };
	(1..=iterations).find_map(|count| {
		orbit = orbit.square_plus(point);
		(orbit.distance_squared() > 65536.0).then(|| {
			let late = ((logarithm(orbit.distance_squared()) / 16.0 - 1.0) * 256.0).clamp(0.0, 255.0);
			count * 256 - 1 - late.floor() as u32
		})
	})
}

/// The colour at each of the 4096 places of the cycle, in whole numbers.
fn cycle() -> Vec<[u32; 3]> {
	let stops = [
		(0, [0, 7, 100]),
		(655, [32, 107, 203]),
		(1720, [237, 255, 255]),
		(2632, [255, 170, 0]),
		(3512, [0, 2, 0]),
		(4096, [0, 7, 100]),
	];
	let mut colours = Vec::new();
	for pair in stops.windows(2) {
		let ((from, low), (to, high)) = (pair[0], pair[1]);
		for place in from..to {
			let mut colour = [0; 3];
			for part in 0..3 {
				let share = f64::from(high[part] - low[part]) * f64::from(place - from) / f64::from(to - from);
				colour[part] = (low[part] + share.trunc() as i32) as u32;
			}
			colours.push(colour);
		}
	}
	colours
}

pub(crate) fn expected(input: &[u8]) -> Result<Vec<u8>, String> {
	let text = std::str::from_utf8(input).map_err(|error| error.to_string())?;
	let fields: HashMap<&str, &str> = text
		.split_whitespace()
		.filter_map(|word| word.split_once('='))
		.collect();
	let real = |name: &str| {
		fields
			.get(name)
			.and_then(|text| text.parse::<f64>().ok())
			.ok_or(format!("no {name}"))
	};
	let whole = |name: &str| real(name).map(|value| value as u32);
	let (left, top, width, height) = (whole("x")?, whole("y")?, whole("width")?, whole("height")?);
	let (total_width, total_height) = (whole("total_width")?, whole("total_height")?);
	let (re, im, span, iterations) = (real("re")?, real("im")?, real("span")?, whole("iterations")?);

	let colours = cycle();
	let comment = format!("# tile x={left} y={top} total_width={total_width} total_height={total_height}");
	let mut output = format!("P6\n{comment}\n{width} {height}\n255\n").into_bytes();
	let sixth = span / (6.0 * f64::from(total_width));
	for pixel in 0..width * height {
		let (x, y) = (f64::from(left + pixel % width), f64::from(top + pixel / width));
		let mut sum = [0; 3];
		for (right, down) in [1.0, 3.0, 5.0]
			.into_iter()
			.flat_map(|down| [(1.0, down), (3.0, down), (5.0, down)])
		{
			let point = Complex {
				re: re + sixth * (6.0 * x + right - 3.0 * f64::from(total_width)),
				im: im - sixth * (6.0 * y + down - 3.0 * f64::from(total_height)),
			};
			if let Some(time) = escape_time(point, iterations) {
				let colour = colours[time as usize / 8 % colours.len()];
				(0..3).for_each(|part| sum[part] += colour[part]);
			}
		}
		output.extend(sum.map(|sum| ((sum + 4) / 9) as u8));
	}
	Ok(output)
}
