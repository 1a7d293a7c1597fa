# A thin front: CMake and the scripts in tools/ do the work.  `make help` lists the targets.
#
#   make ENGINE=off test      without Wasmtime, and so without Rust
#   make install DESTDIR= PREFIX=/usr/local

ENGINE ?= on
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)

ifeq ($(ENGINE),on)
setup_flags :=
engine_flag := -DBERTH_ENGINE_WASMTIME=ON
else
setup_flags := --no-rust
engine_flag := -DBERTH_ENGINE_WASMTIME=OFF
endif
export BERTH_ENGINE := $(ENGINE)

.PHONY: all setup engine release dev test check demo demo-contract demo-flow demo-languages bench bench-typed bench-extism install asan tsan hostile msan valgrind \
	arm64 fuzz guests clean help
all: release

help:
	@echo "make            the library and the programs, into build/release"
	@echo "make test       everything below, checks included; at the end what ran and what was skipped"
	@echo "make check      the tests of the release build alone"
	@echo "make asan|tsan|hostile   build and test one preset"
	@echo "make msan|valgrind       the same on the interpreter; minutes longer, not part of make test"
	@echo "make arm64      cross build, tests under qemu-user (CONTRIBUTING.md)"
	@echo "make demo       a plugin is replaced while a log streams through it"
	@echo "make demo-contract   one contract, plugins of every sort, swapped under load with their state"
	@echo "make demo-flow  a log through a flow of plugins; one is swapped, a branch is taken off, every line accounted for"
	@echo "make demo-languages   one flow through plugins in seven languages and of two other systems; fetches their tools"
	@echo "make bench      one JSON line per case"
	@echo "make bench-typed   a component under the engine's typed path in Rust, and here (needs cargo)"
	@echo "make bench-extism  an Extism plugin under Extism's own host, and here (needs pip)"
	@echo "make install    DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)"
	@echo "make guests     builds guests in JavaScript, Python and Rust by their own tools, and tests them; projects of berth new too"
	@echo "make fuzz       fuzz targets in build/fuzz/tests (clang)"
	@echo "make clean      removes build/; the engine stays in its cache"
	@echo "ENGINE=off      with any of them: without Wasmtime, and without Rust"

setup:
	@tools/setup.sh $(setup_flags)

engine: setup
ifeq ($(ENGINE),on)
	@tools/engine.sh >/dev/null
endif

release dev: engine
	@mkdir -p build
	@cmake --preset $@ $(engine_flag) -DCMAKE_INSTALL_PREFIX=$(PREFIX) >build/$@.log || { cat build/$@.log; exit 1; }
	@cmake --build --preset $@ $(addprefix --target ,$(TARGETS)) -- -j$(JOBS)

test: engine
	@mkdir -p build
	@tools/test.sh

check: engine
	@mkdir -p build
	@tools/test.sh release

asan tsan hostile: engine
	@mkdir -p build
	@tools/test.sh $@

msan:
	@tools/setup.sh --no-rust --fuzz
	@mkdir -p build
	@tools/test.sh msan

valgrind:
	@tools/setup.sh --no-rust --valgrind
	@mkdir -p build
	@tools/test.sh valgrind

arm64:
	@mkdir -p build
	@tools/test.sh arm64

demo:
	@$(MAKE) --no-print-directory release TARGETS="berth_program berth_guests"
	@demo/run.sh

demo-contract:
	@$(MAKE) --no-print-directory release TARGETS="demo_contract berth_one_source"
	@python3 -B demo/contract/run.py

demo-flow:
	@$(MAKE) --no-print-directory release TARGETS="berth_program berth_guests berth_demo_flow"
	@python3 -B demo/flow/run.py

demo-languages:
	@$(MAKE) --no-print-directory release TARGETS="berth_program berth_guests"
	@python3 -B demo/languages/languages.py

bench: release
	@tools/bench.sh

bench-typed: release
	@tools/bench_typed.sh

bench-extism: release
	@tools/bench_extism.sh

install: release
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(PREFIX)

fuzz: engine
	@tools/setup.sh --fuzz $(setup_flags)
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz -- -j$(JOBS)

guests:
	@$(MAKE) --no-print-directory release \
		TARGETS="berth_program api_languages conformance_component_guests"
	@tools/guests.sh build/release/bin/berth
	@BERTH_LANGUAGE_GUESTS=$$(tools/guests.sh --where) BERTH_LANGUAGE_GUESTS_HEAVY=yes sh -c \
		'build/release/tests/api_languages && build/release/tests/conformance_component_guests'
	@BERTH_PROGRAM=$(CURDIR)/build/release/bin/berth BERTH_GUESTS_DIR= BERTH_SOURCE_DIR=$(CURDIR) \
		BERTH_LANGUAGE_GUESTS_HEAVY=yes python3 -B tests/cli/authors_test.py \
		New.test_projects_of_other_tools_build_and_test_themselves

clean:
	rm -rf build
