# One make for the whole tree.  Nothing is built on the host: a target that
# builds or tests first makes the Debian 13 build root (once) and runs this same
# file inside it, where the tree is at /assay.
#
# Variables, all from the command line:
#   SAN=address,undefined   build with these sanitizers, in build/san
#   B=DIR                   build somewhere else than build/ (keeps two people apart)
#   V=1                     show whole commands
#   JOBS=N                  parallel jobs (default: every CPU)
#   TESTS=TEXT              run only the tests whose name holds TEXT
#   SUITES="unit check"     run only these suites
#   STRICT=1                a skipped test is a failure
#   OPT=-O3 MARCH=x86-64-v2 another optimisation or machine, for tests of the same bits;
#                           with a B of its own

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/sh

B      ?= build
OPT    ?= -O2
MARCH  ?= x86-64-v3
JOBS   ?= $(shell nproc)
SUITES ?= check unit san fuzz e2e
inside := $(wildcard /opt/assay/root-id)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## /{ printf "  make %-20s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  Variables: SAN=address,undefined V=1 JOBS=N TESTS=text SUITES=\"unit check\" STRICT=1"

.PHONY: clean distclean
clean: ## remove everything that was built
	rm -rf $(B)

distclean: ## remove everything that was built, and the Debian 13 build roots no one is in
	rm -rf $(B)
	image/root/make-root --remove

# ---------------------------------------------------------------- on the host
ifeq ($(inside),)

.NOTPARALLEL:
.PHONY: root shell
root: ## make the Debian 13 build root, if it is not there yet
	@image/root/make-root

shell: ## open a shell inside the build root
	@image/root/enter bash

inner := build test soak run check unit san fuzz e2e bench format tidy
.PHONY: $(inner)
$(inner):
	@image/root/enter make --no-print-directory $@

build/%: FORCE
	@image/root/enter make --no-print-directory $@
FORCE:

# ------------------------------------------------------- inside the build root
else

MAKEFLAGS += -j$(JOBS) --no-builtin-rules
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

# Four variants share every rule below: release, san (gcc), fuzz (clang).
VARIANT := $(if $(FUZZER_BUILD),fuzz,$(if $(SAN),san,release))
O       := $(B)$(if $(filter release,$(VARIANT)),,/$(VARIANT))
comma   := ,

CC := $(if $(FUZZER_BUILD),clang,gcc)
AR := gcc-ar

# x86-64-v3 (AVX2, BMI, FMA) is the oldest machine the appliance runs on.  No
# contraction to FMA anywhere: results must have the same bits on every machine.
# Strict aliasing is off because packets are bytes that become headers.
common := -std=gnu17 -D_GNU_SOURCE -g -march=$(MARCH) -mtune=generic \
	-ffp-contract=off -fno-strict-aliasing -fno-common -fno-omit-frame-pointer -fPIE
release_flags := $(OPT) -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	-D_FORTIFY_SOURCE=3
san_flags  := -O1 -fsanitize=$(SAN) -fno-sanitize-recover=all
fuzz_flags := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
flags := $(common) $($(VARIANT)_flags)

warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wvla -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2
# What -O3 warns of besides is no fault of the code we ship.
warnings_release := $(if $(filter -O2,$(OPT)),-Werror) -Wframe-larger-than=32768
warnings_san     := -Werror
warnings_fuzz    := -w

own_flags   := -I. $(flags) $(warnings) $(warnings_$(VARIANT))
third_flags := $(flags) -w
link_flags  := $(filter -fsanitize% -O%,$(subst fuzzer-no-link$(comma),,$(flags))) -pie -fuse-ld=lld \
	-Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--build-id=sha1
libs := -Wl,--as-needed -lconfig -lyyjson -lllhttp -lnettle -lseccomp -lIPSec_MB -luring -lprotobuf-c -lopenblas

# Each fragment names one outside library's sources, flags and directories.
include drivers/nic/dpdk.mk drivers/tcp/lwip.mk drivers/tls/mbedtls.mk

# ---- what there is to build; every list may be empty
mains  := $(wildcard firmware/main_*.c)
srcs   := $(filter-out $(mains),$(wildcard runtime/*/*.c runtime/*/*/*.c drivers/*/*.c config/*.c firmware/*.c firmware/*/*.c))
units  := $(shell find tests/unit -name '*_test.c' 2>/dev/null | sort)
helps  := $(filter-out $(units),$(shell find tests/unit tests/lib -name '*.c' 2>/dev/null | sort))
fuzzes := $(wildcard tests/fuzz/*.c)
tools  := $(wildcard tests/e2e/*.c)
benches := $(wildcard tests/bench/*.c)

programs      := $(mains:firmware/main_%.c=$(O)/%)
unit_programs := $(units:%.c=$(O)/%)
tool_programs := $(tools:%.c=$(O)/%)
fuzz_programs := $(fuzzes:tests/fuzz/%.c=$(O)/%)
bench_programs := $(benches:%.c=$(O)/%)
# ONNX files are read by code made at build time from the schema in Debian's package.
ONNX_SCHEMA := /usr/include/onnx/onnx.proto
onnx_object := $(O)/obj/gen/onnx.pb-c.o

archives      := $(O)/libassay.a $(if $(LWIP_FILES),$(O)/liblwip.a) $(if $(MBEDTLS_FILES),$(O)/libmbedtls.a)

# ---- flags of the directories that own an outside library
tests_flags := $(DPDK_CFLAGS) $(LWIP_CFLAGS) $(MBEDTLS_CFLAGS) -Wno-unused-parameter -Wno-frame-larger-than
dir_flags = $(strip $(if $(filter drivers/nic/% drivers/mem/%,$(1)),$(DPDK_CFLAGS)) \
	$(if $(filter drivers/tcp/%,$(1)),$(LWIP_CFLAGS)) \
	$(if $(filter drivers/tls/%,$(1)),$(MBEDTLS_CFLAGS)) \
	$(if $(filter runtime/model/read/onnx%,$(1)),-isystem $(O)/gen) \
	$(if $(filter tests/%,$(1)),$(tests_flags)))

# A change of flags, of the compiler or of the root rebuilds what used them.
stamp_text := $(strip $(CC) $(file <$(inside)) $(own_flags) $(tests_flags) $(link_flags))
$(shell mkdir -p $(O))
ifneq ($(file <$(O)/.flags),$(stamp_text))
$(file >$(O)/.flags,$(stamp_text))
endif

# A removed source leaves the archive.
ifneq ($(file <$(O)/.sources),$(strip $(srcs) $(helps)))
$(file >$(O)/.sources,$(strip $(srcs) $(helps)))
endif

$(O)/obj/%.o: %.c $(O)/.flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(own_flags) $(call dir_flags,$<) -MMD -MP -c $< -o $@

$(O)/obj/lwip/%.o: $(LWIP)/%.c $(O)/.flags drivers/tcp/lwip.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(third_flags) $(LWIP_CFLAGS) -I. -MMD -MP -c $< -o $@

$(O)/obj/mbedtls/%.o: $(MBEDTLS)/%.c $(O)/.flags drivers/tls/mbedtls.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(third_flags) $(MBEDTLS_CFLAGS) $(MBEDTLS_BUILD_CFLAGS) -I. -MMD -MP -c $< -o $@

$(O)/gen/onnx.pb-c.c: $(ONNX_SCHEMA) $(O)/.flags
	@mkdir -p $(@D)
	$(call say,GEN,$@)protoc-c --proto_path=$(dir $<) --c_out=$(@D) $< 2>$(@D)/warnings || \
		{ cat $(@D)/warnings; exit 1; }
$(onnx_object): $(O)/gen/onnx.pb-c.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(third_flags) -I$(O)/gen -c $< -o $@
$(filter $(O)/obj/runtime/model/read/onnx%.o,$(srcs:%.c=$(O)/obj/%.o)): $(O)/gen/onnx.pb-c.c

archive = $(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
$(O)/libassay.a: $(srcs:%.c=$(O)/obj/%.o) $(onnx_object) $(O)/.sources
	@mkdir -p $(@D)
	$(archive)
$(O)/liblwip.a: $(LWIP_FILES:%.c=$(O)/obj/lwip/%.o)
	$(archive)
$(O)/libmbedtls.a: $(MBEDTLS_FILES:%.c=$(O)/obj/mbedtls/%.o)
	$(archive)
$(O)/libtest.a: $(helps:%.c=$(O)/obj/%.o) $(O)/.sources
	$(archive)

# The outside C archives call back into ours (hooks, ports), hence one group.
link = $(call say,LD,$@)$(CC) $(link_flags) $(filter %.o,$^) \
	-Wl,--start-group $(filter %.a,$^) -Wl,--end-group

$(programs): $(O)/%: $(O)/obj/firmware/main_%.o $(archives)
	$(link) $(DPDK_PMD_LIBS) $(libs) $(DPDK_LIBS) -lpthread -lm -o $@

# A test gets DPDK's drivers, which are megabytes, only where it can meet them.
pmd_of = $(if $(findstring /nic/,$(1))$(findstring /mem/,$(1))$(findstring /firmware/,$(1)),$(DPDK_PMD_LIBS))
$(unit_programs): $(O)/%: $(O)/obj/%.o $(O)/libtest.a $(archives)
	@mkdir -p $(@D)
	$(link) $(call pmd_of,$@) $(libs) $(DPDK_LIBS) -lcmocka -lpthread -lm -o $@

# Programs that the end-to-end tests put around the firmware; nothing of it is in them.
$(tool_programs): $(O)/%: $(O)/obj/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(link_flags) $< -o $@

# A bench is linked like a unit test, but for its framework; a peer's library goes to the
# one program that measures against it.
layers_libs := -lonnxruntime
forest_libs := -lxgboost -lonnxruntime
$(O)/tests/bench/layers: $(O)/obj/tests/bench/peer/onnxruntime.o
$(bench_programs): $(O)/%: $(O)/obj/%.o $(O)/libtest.a $(archives)
	@mkdir -p $(@D)
	$(link) $(DPDK_PMD_LIBS) $(libs) $(DPDK_LIBS) -lcmocka -lpthread -lm $($(@F)_libs) -o $@

$(O)/json: $(O)/obj/tests/lib/transaction_json.o
$(fuzz_programs): $(O)/%: $(O)/obj/tests/fuzz/%.o $(archives)
	$(link) -fsanitize=fuzzer $(libs) $(DPDK_LIBS) -lpthread -lm -o $@

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

# ---- goals; one build at a time in one build directory
locked = @mkdir -p $(B) && flock $(B)/.lock $(MAKE) --no-print-directory
v3 = @grep -qw avx2 /proc/cpuinfo || { echo "this machine has no AVX2; Assay needs x86-64-v3" >&2; exit 1; }

sanitizers := address,undefined

.PHONY: build test soak run check unit san e2e fuzz bench format tidy shell root
.PHONY: programs units fuzzers benches
programs: $(programs) $(archives) ; @:
units: $(unit_programs) $(tool_programs) ; @:
fuzzers: $(fuzz_programs) ; @:
benches: $(bench_programs) ; @:

build: ## build the firmware and its tools into build/
	$(locked) programs $(if $(SAN),SAN=$(SAN))

test: ## build everything and run every test; this is what CI runs
	$(v3)
	$(if $(filter unit e2e,$(SUITES)),$(locked) programs units SAN=)
	$(if $(filter san,$(SUITES)),$(locked) programs units SAN=$(sanitizers))
	$(if $(filter fuzz,$(SUITES)),$(locked) fuzzers FUZZER_BUILD=1)
	@B=$(B) tests/run $(SUITES)

soak: ## the long forms: each fuzzer for SECONDS=600, 200 kills, long loads; hours
	$(v3)
	$(locked) programs units SAN=
	$(locked) fuzzers FUZZER_BUILD=1
	@B=$(B) SECONDS=$(SECONDS) tests/soak $(ARGS)

check unit san e2e: ## run one suite of the tests
	@$(MAKE) --no-print-directory test SUITES=$@

run: ## start the demo appliance, with one command to try against it
	$(v3)
	$(locked) programs $(if $(SAN),SAN=$(SAN))
	@B=$(O) python3 tests/demo/run.py $(ARGS)

fuzz: ## fuzz one parser: make fuzz FUZZ=name SECONDS=600
	@test -n "$(FUZZ)" || { echo "which one?  make fuzz FUZZ=name SECONDS=600; there are: \
	$(fuzzes:tests/fuzz/%.c=%)" >&2; exit 2; }
	$(locked) fuzzers FUZZER_BUILD=1
	@mkdir -p tests/fuzz/corpus/$(FUZZ) $(B)/fuzz/found/$(FUZZ)
	$(B)/fuzz/$(FUZZ) -max_total_time=$(or $(SECONDS),60) -artifact_prefix=$(B)/fuzz/found/$(FUZZ)/ \
		$(ARGS) tests/fuzz/corpus/$(FUZZ)

bench: ## measure state and the rest: make bench ARGS=4096 gives the largest run 4096 MiB
	$(v3)
	$(locked) benches SAN=
	@for program in $(bench_programs); do echo "# $$program"; B=$(B) $$program $(ARGS) || exit 1; done

own_files = $(shell find runtime drivers config firmware tests image -name '*.[ch]' 2>/dev/null)
format: ## lay out our C files as .clang-format says
	$(if $(own_files),clang-format -i $(own_files),@:)

tidy: $(addprefix tidy/,$(srcs) $(mains)) ## look for likely bugs with clang-tidy
.PHONY: $(addprefix tidy/,$(srcs) $(mains))
$(addprefix tidy/,$(srcs) $(mains)): tidy/%:
	$(call say,TIDY,$*)clang-tidy --quiet $* -- -I. $(common) $(call dir_flags,$*) 2>/dev/null

shell:
	@bash
root:
	@echo "inside $(inside)"

endif
