//! The `sse-argo-tester` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    sse_argo_tester::cli::run(&args, &mut std::io::stdout(), &mut std::io::stderr()).into()
}

/// One allocator for all threads, without caches of their own: with thousands of threads that hardly ever allocate, the
/// caches of glibc's malloc would be a third of each stream's memory.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
