//! The thin binary: parse, run, print the failure, exit code.

fn main() -> std::process::ExitCode {
    snowssi::cli::main()
}
