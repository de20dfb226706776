//! The benchmark's kernels, if `vm/kernels/build.sh` compiled them to the directory that `MILLRACE_KERNELS` names.

use millrace_vm::bench::measure;

#[test]
fn kernels_write_the_same_and_cost_little_more() {
	let Some(directory) = std::env::var_os("MILLRACE_KERNELS") else {
		println!("skipped: MILLRACE_KERNELS is not set");
		return;
	};
	let rounds = std::env::var("MILLRACE_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
	let mut kernels: Vec<_> = std::fs::read_dir(directory)
		.unwrap()
		.map(|entry| entry.unwrap().path())
		.collect();
	kernels.sort();
	println!(
		"{:12} {:>8} {:>8} {:>6} {:>7} {:>8}",
		"kernel", "plain ms", "ms", "ratio", "control", "ns/gas"
	);
	for path in kernels
		.iter()
		.filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
	{
		let name = path.file_stem().unwrap().to_string_lossy();
		let measured = measure(&name, &std::fs::read(path).unwrap(), rounds).unwrap();
		let (plain, normalised) = (
			measured.plain.as_secs_f64() * 1e3,
			measured.normalised.as_secs_f64() * 1e3,
		);
		println!(
			"{name:12} {plain:8.1} {normalised:8.1} {:6.3} {:7.3} {:8.3}",
			measured.ratio,
			measured.control,
			measured.nanoseconds_per_gas()
		);
		assert!(measured.ratio < 10.0);
	}
}
