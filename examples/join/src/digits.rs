//! The digits that were read, compared with what their writers meant.
use crate::{parse_all, Outputs};
use std::fmt::Write;

struct Reading {
	number: usize,
	digit: usize,
	steady: u32,
}

fn reading(line: &str) -> Option<Reading> {
	let mut parts = line.split(' ');
	let number = parts.next()?.parse().ok()?;
	let digit = parts.next()?.parse().ok().filter(|digit| *digit < 10)?;
	let steady = parts.next()?.parse().ok()?;
	(parts.filter(|score| score.parse::<i64>().is_ok()).count() == 10).then_some(Reading { number, digit, steady })
}

fn parse(data: &[u8]) -> Result<Vec<Reading>, String> {
	let text = std::str::from_utf8(data).map_err(|_| "not text")?;
	let readings: Option<Vec<_>> = text.lines().map(reading).collect();
	readings
		.filter(|all| !all.is_empty())
		.ok_or_else(|| "a line is not `NUMBER DIGIT STEADY` and ten scores".into())
}

/// Accuracy, a table of what was read for what, and the images that were read wrong.
pub fn join(outputs: &Outputs, labels: &str) -> Result<String, String> {
	let labels: Vec<usize> = labels
		.chars()
		.filter_map(|label| label.to_digit(10))
		.map(|label| label as usize)
		.collect();
	let mut answers: Vec<Option<Reading>> = labels.iter().map(|_| None).collect();
	for reading in parse_all(outputs, parse)?.into_iter().flatten() {
		let number = reading.number;
		let place = answers
			.get_mut(number)
			.ok_or_else(|| format!("there is no label for image {number}"))?;
		if place.replace(reading).is_some() {
			return Err(format!("image {number} is there twice"));
		}
	}
	if answers.is_empty() {
		return Err("there are no labels".into());
	}

	let mut counts = [[0u32; 10]; 10];
	let mut wrong = String::new();
	let (mut right, mut steady) = (0u32, 0u64);
	for (number, (label, answer)) in labels.iter().zip(&answers).enumerate() {
		let answer = answer.as_ref().ok_or_else(|| format!("image {number} is missing"))?;
		counts[*label][answer.digit] += 1;
		steady += u64::from(answer.steady);
		if *label == answer.digit {
			right += 1;
		} else {
			let _ = write!(wrong, " {number}:{label}>{}", answer.digit);
		}
	}
	let total = labels.len() as f64;
	let mut table = format!(
		"{right} of {} images read as meant: {:.2} %\nof the copies moved by up to half a pixel, {:.1} % are read as the same digit\n\n",
		labels.len(),
		100.0 * f64::from(right) / total,
		100.0 * steady as f64 / (289.0 * total),
	);
	table.push_str("meant |  read as 0    1    2    3    4    5    6    7    8    9\n");
	for (label, row) in counts.iter().enumerate() {
		let cells: String = row.iter().map(|count| format!("{count:>5}")).collect();
		let _ = writeln!(table, "    {label} |     {cells}");
	}
	let _ = writeln!(table, "\nread otherwise (image:meant>read):{wrong}");
	Ok(table)
}
