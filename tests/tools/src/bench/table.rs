//! The kernels against memcpy of the bytes that they move, as a table: a row for each, a column for each instruction set, the
//! other ones' features masked; in a cell the ratios of the three sizes. What is measured is what [`against`](super::against)
//! measures, but all sets and memcpy take turns with each other.

use kernels::{Bench, KERNELS, Kernel, Set};
use pcm::Cpu;

use super::against::{SIZES, memcpy};
use super::{quantile, take_turns};

/// Prints the rows of all kernels whose name has `part` in it, each as soon as it is measured.
pub fn print(part: &str) {
    let sets: Vec<(&str, Cpu)> =
        Set::ALL.into_iter().filter_map(|set| Some((set.name(), set.of(Cpu::detect())?))).collect();
    let cpus: Vec<(&str, Cpu)> = sets.into_iter().chain([("scalar", Cpu::BASELINE)]).collect();
    let sizes = SIZES.map(|(_, size)| size).join(", ");
    println!("| time by memcpy's: {sizes} | {} |", cpus.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---|".repeat(cpus.len()));
    for kernel in KERNELS.iter().filter(|kernel| kernel.name.contains(part)) {
        let ratios = SIZES.map(|(bytes, _)| ratios(kernel, bytes, cpus.iter().map(|&(_, cpu)| cpu)));
        let cell = |n: usize| ratios.each_ref().map(|ratios| format!("{:.2}", ratios[n])).join(", ");
        println!("| {} | {} |", kernel.name, (0..cpus.len()).map(cell).collect::<Vec<_>>().join(" | "));
    }
}

/// Of calls that write so many bytes: the medians with each CPU, divided by memcpy's.
fn ratios(kernel: &Kernel, bytes: usize, cpus: impl Iterator<Item = Cpu>) -> Vec<f64> {
    let mut benches: Vec<Bench> = cpus.map(|cpu| Bench::new(kernel, kernel.samples_in(bytes), cpu)).collect();
    let mut copy = benches.first().map(memcpy);
    let mut runs: Vec<_> = benches.iter_mut().map(|bench| || bench.run()).collect();
    let copy = copy.iter_mut().map(|copy| copy as &mut dyn FnMut());
    let mut sides: Vec<&mut dyn FnMut()> = copy.chain(runs.iter_mut().map(|run| run as &mut dyn FnMut())).collect();
    let mut medians = take_turns(1.0, &mut sides).into_iter().map(|mut figures| quantile(&mut figures, 0.5));
    let peer = medians.next().unwrap_or(f64::NAN);
    medians.map(|ours| ours / peer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_for_each_cpu() {
        let ratios = ratios(&KERNELS[0], 4096, [Cpu::BASELINE, Cpu::detect()].into_iter());
        assert_eq!(ratios.len(), 2);
        assert!(ratios.iter().all(|ratio| *ratio > 0.0), "{ratios:?}");
    }
}
