//! What instructions on vectors look like in text.

use super::Rng;

/// The types of an operation's operands and of its result, and one of its immediates.
pub fn shape(name: &str, rng: &mut Rng) -> (Vec<&'static str>, &'static str, String) {
	let lanes = |at: &str| match at {
		"i8x16" | "v128.load8" | "v128.store8" => 16,
		"i16x8" | "v128.load16" | "v128.store16" => 8,
		"i32x4" | "f32x4" | "v128.load32" | "v128.store32" => 4,
		_ => 2,
	};
	let number = |shape: &str| match shape {
		"i64x2" => "i64",
		"f32x4" => "f32",
		"f64x2" => "f64",
		_ => "i32",
	};
	let (head, tail) = name.split_once('.').unwrap_or(("", name));
	let unary = [
		"not",
		"abs",
		"neg",
		"popcnt",
		"ceil",
		"floor",
		"trunc",
		"nearest",
		"sqrt",
		"extend_",
		"extadd_",
		"trunc_sat",
		"convert",
		"demote",
		"promote",
	];
	let mut lane = |at: &str| rng.below(lanes(at)).to_string();
	match tail {
		"select" => (vec!["v128", "v128", "i32"], "v128", String::new()),
		"bitselect" => (vec!["v128"; 3], "v128", String::new()),
		"store" => (vec!["i32", "v128"], "", String::new()),
		"shuffle" => {
			// Whole lanes every now and then.
			let width = *rng.pick(&[1, 1, 4, 8]);
			let groups: Vec<String> = (0..16 / width)
				.flat_map(|_| {
					let first = rng.below(32 / width) * width;
					(first..first + width).map(|index| index.to_string())
				})
				.collect();
			(vec!["v128"; 2], "v128", groups.join(" "))
		}
		tail if tail.starts_with("load") && tail.ends_with("_lane") => {
			(vec!["i32", "v128"], "v128", lane(name.trim_end_matches("_lane")))
		}
		tail if tail.starts_with("store") => (vec!["i32", "v128"], "", lane(name.trim_end_matches("_lane"))),
		tail if tail.starts_with("load") => (vec!["i32"], "v128", String::new()),
		"splat" => (vec![number(head)], "v128", String::new()),
		tail if tail.starts_with("extract_lane") => (vec!["v128"], number(head), lane(head)),
		"replace_lane" => (vec!["v128", number(head)], "v128", lane(head)),
		"shl" | "shr_s" | "shr_u" => (vec!["v128", "i32"], "v128", String::new()),
		"any_true" | "all_true" | "bitmask" => (vec!["v128"], "i32", String::new()),
		tail if unary
			.iter()
			.any(|unary| tail == *unary || tail.starts_with(unary) && unary.len() > 5) =>
		{
			(vec!["v128"], "v128", String::new())
		}
		_ => (vec!["v128"; 2], "v128", String::new()),
	}
}
