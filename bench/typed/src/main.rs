//! berth-bench-typed COMPONENT: calls `process: func(list<u8>) -> result<list<u8>, string>` of a component
//! through wasmtime's typed component API and prints nanoseconds for each size, the best of nine runs.
//!
//! The store is set up as Berth's are: pooling allocator, epochs on, no fuel, one instance that is kept.
use std::time::Instant;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store};

const RUNS: usize = 9;
const RUN_NANOSECONDS: u128 = 100_000_000;

fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_memories(16).total_core_instances(16).total_component_instances(16).total_tables(16);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config.epoch_interruption(true);
    Engine::new(&config)
}

fn main() -> Result<()> {
    let path = std::env::args().nth(1).expect("usage: berth-bench-typed COMPONENT");
    let engine = engine()?;
    let component = Component::from_file(&engine, &path)?;
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1 << 40);
    let instance = Linker::new(&engine).instantiate(&mut store, &component)?;
    let process =
        instance.get_typed_func::<(&[u8],), (std::result::Result<Vec<u8>, String>,)>(&mut store, "process")?;
    for size in [16usize, 256, 4096, 16384] {
        let input = vec![b'x'; size];
        let mut call = || {
            let (output,) = process.call(&mut store, (&input[..],)).expect("the component trapped");
            assert_eq!(output.expect("the component answered an error").len(), size);
        };
        let mut best = f64::MAX;
        for _ in 0..RUNS {
            let start = Instant::now();
            let mut calls = 0u64;
            while start.elapsed().as_nanos() < RUN_NANOSECONDS {
                for _ in 0..1000 {
                    call();
                }
                calls += 1000;
            }
            best = best.min(start.elapsed().as_nanos() as f64 / calls as f64);
        }
        println!("{{\"case\": \"typed_process_{size}\", \"ns_per_op\": {best:.1}}}");
    }
    Ok(())
}
