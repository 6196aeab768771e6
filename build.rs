//! Leaves the symbols out of the program, unless `MILLRACE_SYMBOLS=1` keeps them for a profiler or a debugger.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=MILLRACE_SYMBOLS");
    if std::env::var("MILLRACE_SYMBOLS").is_err() {
        println!("cargo:rustc-link-arg-bins=-Wl,--strip-all");
    }
}
