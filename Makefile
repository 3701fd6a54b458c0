# Every target is one line into `cargo xtask`; `cargo xtask help` lists the rest.

.PHONY: demo test check bench soak compat never-silent windows

demo:
	@cargo xtask demo

test:
	@cargo xtask test

check:
	@cargo xtask check

bench:
	@cargo xtask bench

soak:
	@cargo xtask soak

compat:
	@cargo xtask compat

never-silent:
	@cargo xtask never-silent

windows:
	@cargo xtask windows
