# jack-analyzer: the ear of a live rig. `make help` shows what one can type.

# What a packager or a user may set.
CC ?= cc
AR ?= ar
PKG_CONFIG ?= pkg-config
INSTALL ?= install
CXX ?= c++
CFLAGS ?= -O2 -g
CXXFLAGS ?= $(CFLAGS)
PREFIX ?= /usr/local
DESTDIR ?=
# SAN=address,undefined or SAN=thread builds a variant of its own beside the normal one.
SAN ?=
# WITH_WEB=0 leaves out what speaks HTTP and WebSocket.
WITH_WEB ?= 1

VERSION := 0.1.0
DATADIR := $(PREFIX)/share/jack-analyzer

# Left out when what they need is not there, or with WITH_LINK=0 and WITH_MQTT=0: Ableton Link,
# which is the only C++, and MQTT.
ifndef WITH_LINK
WITH_LINK := $(shell printf '\043if !__has_include(<ableton/Link.hpp>)\n\043error\n\043endif\n' | \
	$(CXX) -E -x c++ - >/dev/null 2>&1 && echo 1 || echo 0)
endif
ifndef WITH_MQTT
WITH_MQTT := $(shell $(PKG_CONFIG) --exists libmosquitto 2>/dev/null && echo 1 || echo 0)
endif

# What pkg-config must know, each with the Debian package that brings it; and what else a bare
# Debian needs to build, to run the demo and to run the tests.
# DNS-SD is built in when Avahi's headers are there (libavahi-client-dev), or left out with WITH_AVAHI=0.
WITH_AVAHI ?= $(shell $(PKG_CONFIG) --exists avahi-client && echo 1 || echo 0)
LIBRARIES := jack:libjack-jackd2-dev liblo:liblo-dev aubio:libaubio-dev libconfig:libconfig-dev \
	sndfile:libsndfile1-dev samplerate:libsamplerate0-dev libebur128:libebur128-dev \
	$(if $(filter 1,$(WITH_WEB)),libwebsockets:libwebsockets-dev openssl:libssl-dev jansson:libjansson-dev)
BUILD_PACKAGES := gcc libc6-dev make pkg-config $(foreach l,$(LIBRARIES),$(lastword $(subst :, ,$(l))))
OPTIONAL_PACKAGES := g++ ableton-link-dev libmosquitto-dev
DEMO_PACKAGES := jackd2
TEST_PACKAGES := libavahi-client-dev avahi-daemon avahi-utils $(OPTIONAL_PACKAGES) iproute2 mosquitto mosquitto-clients openssl \
	binutils libcmocka-dev jackd2 pipewire pipewire-bin pipewire-jack wireplumber dbus \
	liblo-tools aubio-tools puredata-core qlcplus clang libclang-rt-dev python3 python3-numpy \
	mandoc procps locales systemd bubblewrap python3-seccomp bash-completion \
	$(if $(filter 1,$(WITH_WEB)),nodejs chromium)

MODULES := $(foreach l,$(LIBRARIES),$(firstword $(subst :, ,$(l)))) $(if $(filter 1,$(WITH_AVAHI)),avahi-client)
comma := ,
BUILD := build/$(if $(SAN),$(subst $(comma),-,$(SAN)),plain)

# On a processor of 32 bits: large files, and folders whose files have large numbers.
WIDE := $(if $(filter 4,$(shell echo __SIZEOF_POINTER__ | $(CC) -E -P -x c - 2>/dev/null)),-D_FILE_OFFSET_BITS=64)
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L $(WIDE) -DJA_VERSION='"$(VERSION)"' -DJA_DATADIR='"$(DATADIR)"' \
	-Iinclude -Isrc -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-DJA_WITH_WEB=$(WITH_WEB) -DJA_WITH_AVAHI=$(WITH_AVAHI) -pthread -MMD -MP $(CPPFLAGS) $(CFLAGS) $(SAN_FLAGS) \
	$(shell $(PKG_CONFIG) --cflags $(MODULES) 2>/dev/null)
ALL_CXXFLAGS := -std=c++14 -DLINK_PLATFORM_LINUX=1 -Wall -Wextra -pthread -MMD -MP $(CPPFLAGS) $(CXXFLAGS) \
	$(SAN_FLAGS) $(if $(filter thread,$(SAN)),-Wno-tsan)
# Bound at the start: the dynamic linker has no business in JACK's thread.
ALL_LIBS := -Wl,-z,now $(LDFLAGS) -pthread $(shell $(PKG_CONFIG) --libs $(MODULES) 2>/dev/null) \
	$(if $(filter 1,$(WITH_LINK)),-lstdc++) $(if $(filter 1,$(WITH_MQTT)),-lmosquitto) -lm

# Of what speaks to a library and what stands for it, one is left out.
LEFT_OUT := src/main.c $(if $(filter 1,$(WITH_WEB)),,$(wildcard src/web/*.c) src/app/web.c src/app/oscquery.c) \
	src/sink/$(if $(filter 1,$(WITH_LINK)),link_none.c,link_shim.cpp) \
	src/sink/$(if $(filter 1,$(WITH_MQTT)),mqtt_none.c,mqtt_client.c)
LIB_SOURCES := $(filter-out $(LEFT_OUT),$(wildcard src/*.c src/*/*.c src/*/*.cpp))
LIB_OBJECTS := $(addprefix $(BUILD)/,$(addsuffix .o,$(basename $(LIB_SOURCES))))
UNIT_SOURCES := $(filter-out $(if $(filter 1,$(WITH_WEB)),,test/unit/test_web_%), \
	$(wildcard test/unit/*.c test/signals/*.c))
UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
TOOL_SOURCES := $(wildcard test/tools/*.c)
TOOLS := $(TOOL_SOURCES:%.c=$(BUILD)/%)
RT_TOOLS := $(addprefix $(BUILD)/test/rt/,librtcheck.so verdict sins)
FAULT_TOOLS := $(addprefix $(BUILD)/test/faults/,libwallclock.so libslowclose.so liblatethread.so libslowdisk.so starved)
TEST_SCRIPTS := $(filter-out test/bench/%,$(sort $(wildcard test/*.sh test/*/*.sh test/*/*.py)))

.PHONY: all unit tools help demo test rt-proof bench bench-beats soak deps install uninstall clean jack-analyzer.conf FORCE
.SECONDARY:

all: $(BUILD)/jack-analyzer

help:
	@echo 'make                     build build/plain/jack-analyzer'
	@echo 'make demo [AUDIO=file]   show it at work: on a file, or on music of its own'
	@echo 'make test                install what the tests need, then run all of them'
	@echo 'make rt-proof [CALLBACKS=10000000]  watch so many JACK callbacks, in all states'
	@echo 'make bench               measure delays and memory on this machine'
	@echo 'make soak [HOURS=24]     let it listen for half an hour, or to so many hours of sound quickly'
	@echo 'make bench-beats [QUICK=1] [AUDIO_DIR=folder] [TRACKER="command {}"]  measure how right beats are'
	@echo 'make fuzz [SECONDS=60]   throw made-up bytes at everything that reads from outside'
	@echo 'make fuzz-coverage       which lines of the readers the fuzzing comes to'
	@echo 'make faults [LONG=1]     do to the program what may happen on stage; LONG=1: 200 restarts and the like'
	@echo 'make deps                install the Debian packages that building needs'
	@echo 'make install             [PREFIX=/usr/local] [DESTDIR=]; make uninstall takes it away again'
	@echo 'make deb                 build the Debian package, build/deb/*.deb; deb-check tries it in a chroot'
	@echo 'make cross [ARCH=arm64]  build and test for arm64 or armhf, under qemu; needs no such machine'
	@echo 'make unit | make tools   build the test programs | the tools of tests and demo'
	@echo 'make jack-analyzer.conf  write the sample configuration anew from the option tables'
	@echo 'make clean               remove build/'
	@echo 'WITH_LINK=0 leaves out Ableton Link, which is built in when ableton-link-dev is there,'
	@echo 'WITH_MQTT=0 MQTT, which is when libmosquitto-dev is'
	@echo 'WITH_AVAHI=0 DNS-SD, which is when libavahi-client-dev is'
	@echo 'SAN=address,undefined or SAN=thread builds any of these with that sanitizer, in build/SAN'
	@echo 'WITH_WEB=0 builds without HTTP and WebSocket, and without their libraries'

# From the objects, not the library, which would hide it when two folders define the same name.
$(BUILD)/jack-analyzer: $(BUILD)/src/main.o $(LIB_OBJECTS)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LIBS)

$(BUILD)/libja.a: $(LIB_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) -c -o $@ $<

# The beat network's loops are worth the compiler's full effort.
$(patsubst %.c,$(BUILD)/%.o,$(wildcard src/beat/*.c)): private ALL_CFLAGS += -O3

# One program per file: cmocka tests, and the tools that live tests and benchmarks use.
$(BUILD)/test/tools/%: $(BUILD)/test/tools/%.o $(BUILD)/libja.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LIBS)
$(BUILD)/test/%: $(BUILD)/test/%.o $(BUILD)/libja.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LIBS) -lcmocka

# Tests that let allocations fail (test/support/failing.h), and tests with a clock of their own
# (test/support/own_clock.h).
FAILING := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=strdup
OWN_CLOCK := -Wl,--wrap=ja_clock_us,--wrap=ppoll
programs_with = $(patsubst %.c,$(BUILD)/%,$(shell grep -l $(1:%=-e support/%.h) $(UNIT_SOURCES)))
$(call programs_with,failing sink_memory): private ALL_LIBS += $(FAILING)
$(call programs_with,own_clock sink_rig sink_memory): private ALL_LIBS += $(OWN_CLOCK)

unit: $(UNIT_PROGRAMS)
tools: $(TOOLS) $(RT_TOOLS) $(FAULT_TOOLS)

# Compiler and flags of the last build: another PREFIX or CFLAGS builds anew. It is also where a
# missing package is noticed, before any compiler could complain.
$(BUILD)/flags: FORCE
	@for library in $(LIBRARIES); do $(PKG_CONFIG) --exists $${library%:*} 2>/dev/null || { \
		echo "The package $${library#*:} is missing ($${library%:*})." \
			"'make deps' installs all that building needs." >&2; exit 1; }; done
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LIBS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(ALL_LIBS)' >$@

deps:
	@src/dist/packages.sh $(BUILD_PACKAGES) $(OPTIONAL_PACKAGES)

export AUDIO
demo:
	@src/dist/demo.sh --check-audio
	@src/dist/packages.sh $(BUILD_PACKAGES) $(DEMO_PACKAGES)
	@echo "Building; the first time this takes a minute or more"
	@$(MAKE) --no-print-directory -s $(JOBS) all build/plain/test/tools/ja-play
	@src/dist/demo.sh

# Every test speaks TAP; test/run counts. Unit tests run twice, the second time with sanitizers;
# what threads share a third time, under the thread sanitizer.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
THREADED := $(filter $(patsubst %,test/unit/test_%.c,ring inlet monitor stream stream_level loop chores resolver jack \
	mqtt_client web_server web_api web_audio web_oscquery outlet config),$(UNIT_SOURCES))
test:
	@src/dist/packages.sh --quiet $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@echo "Building the program and its tests, plain and with sanitizers"
	@$(MAKE) -s $(JOBS) SAN= all unit tools
	@$(MAKE) -s $(JOBS) SAN=address,undefined all unit
	@$(MAKE) -s $(JOBS) SAN=thread all $(THREADED:%.c=build/thread/%)
	@test -d build/locale/de_DE.UTF-8 || { mkdir -p build/locale && \
		localedef -i de_DE -f UTF-8 build/locale/de_DE.UTF-8; }
	@test/run $(UNIT_SOURCES:%.c=build/plain/%) \
		$(UNIT_SOURCES:%.c=build/address-undefined/%) $(THREADED:%.c=build/thread/%) \
		$(TEST_SCRIPTS)

# The same scripts as in `make test`, at length. Servers that are killed keep their place in what the
# machine's servers share: these have one of their own.
rt-proof: CALLBACKS ?= 10000000
rt-proof:
	@src/dist/packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory $(JOBS) SAN= all tools
	CALLBACKS=$(CALLBACKS) LONG_MS=15000 test/support/alone test/rt/proof.sh
	CALLBACKS=$(CALLBACKS) LONG_MS=15000 test/support/alone test/rt/proof_pipewire.sh

bench:
	@src/dist/packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory $(JOBS) SAN= all tools
	@for bench in test/bench/*.sh; do $$bench || exit 1; done

# How well beats are tracked; answers are kept in build/bench, so that a second run is quick.
# TRACKER='NAME=command {}' adds another program, VARIANT=beat.engine=flux ours with that option;
# SETS=a,b picks sets, QUICK=1 takes few files.
bench-beats:
	@src/dist/packages.sh $(BUILD_PACKAGES) aubio-tools python3 python3-numpy
	@$(MAKE) --no-print-directory $(JOBS) SAN= all tools
	@/usr/bin/python3 test/bench/beats.py $(if $(AUDIO_DIR),--audio "$(AUDIO_DIR)") \
		$(if $(TRACKER),--tracker "$(TRACKER)") \
		$(if $(VARIANT),--variant "$(VARIANT)") $(if $(SETS),--sets "$(SETS)") \
		$(if $(QUICK),--quick)

# Memory, files, threads and every frame over a long time; see test/bench/soak.py.
soak:
	@src/dist/packages.sh $(BUILD_PACKAGES) jackd2 python3
	@$(MAKE) --no-print-directory $(JOBS) SAN= all tools
	@test/support/alone /usr/bin/python3 test/bench/soak.py $(if $(HOURS),--hours $(HOURS))

# The sample configuration is written by the option tables themselves.
jack-analyzer.conf: $(BUILD)/test/tools/ja-conf-sample
	$< >$@.new
	mv $@.new $@

# --- Installing: what goes where below PREFIX, as SOURCE:PLACE ---

PRESETS := $(wildcard presets/*/*.conf)
PAGE := $(if $(filter 1,$(WITH_WEB)),$(wildcard src/web/page/*))
UNITS := $(BUILD)/dist/jack-analyzer.service $(BUILD)/dist/jack-analyzer@.service
DATA = $(foreach n,1 5 7,$(foreach m,$(wildcard src/man/*.$n),$m:share/man/man$n/$(notdir $m))) \
	README.md:share/doc/jack-analyzer/README.md \
	jack-analyzer.conf:share/doc/jack-analyzer/jack-analyzer.conf \
	src/dist/systemd/jackd@.service:share/doc/jack-analyzer/examples/jackd@.service \
	src/dist/bash-completion/jack-analyzer:share/bash-completion/completions/jack-analyzer \
	src/web/page/icon.svg:share/icons/hicolor/scalable/apps/jack-analyzer.svg \
	$(BUILD)/dist/jack-analyzer.service:lib/systemd/user/jack-analyzer.service \
	$(BUILD)/dist/jack-analyzer@.service:lib/systemd/system/jack-analyzer@.service \
	src/dist/systemd/jack-analyzer.sysusers:lib/sysusers.d/jack-analyzer.conf \
	$(foreach p,$(PRESETS),$p:share/jack-analyzer/$p) \
	$(foreach p,$(PAGE),$p:share/jack-analyzer/$(p:src/web/%=%))
OWN_FOLDERS := share/doc/jack-analyzer/examples share/doc/jack-analyzer \
	$(patsubst %/,share/jack-analyzer/%,$(sort $(dir $(PRESETS)))) share/jack-analyzer/presets \
	share/jack-analyzer/page share/jack-analyzer

$(BUILD)/dist/%.service: src/dist/systemd/%.service $(BUILD)/flags
	@mkdir -p $(@D)
	sed 's,@BINDIR@,$(PREFIX)/bin,' $< >$@

install: all $(UNITS)
	$(INSTALL) -d "$(DESTDIR)$(PREFIX)/bin"
	$(INSTALL) -m 755 $(BUILD)/jack-analyzer "$(DESTDIR)$(PREFIX)/bin"
	@for file in $(DATA); do \
		$(INSTALL) -D -m 644 "$${file%%:*}" "$(DESTDIR)$(PREFIX)/$${file##*:}" || exit 1; done

# Takes away these files and the folders that were made for them, nothing else.
uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/jack-analyzer"
	@for file in $(DATA); do rm -f "$(DESTDIR)$(PREFIX)/$${file##*:}"; done
	@for folder in $(OWN_FOLDERS); do rmdir "$(DESTDIR)$(PREFIX)/$$folder" 2>/dev/null || :; done

# --- The Debian package: build/deb/*.deb, looked at by lintian ---

DEB_DEPENDS = $(filter-out gcc g++ libc6-dev make,$(BUILD_PACKAGES) $(OPTIONAL_PACKAGES)) libavahi-client-dev
.PHONY: deb deb-check
deb:
	@src/dist/packages.sh dpkg-dev debhelper lintian $(BUILD_PACKAGES) $(OPTIONAL_PACKAGES) $(DEB_DEPENDS)
	@src/dist/deb.sh $(VERSION) $(DEB_DEPENDS)
# In a Debian of its own; needs root.
deb-check: deb
	@src/dist/packages.sh debootstrap
	@src/dist/deb-check.sh

# --- For another processor, with Debian's cross compilers: build/cross/ARCH ---

ARCH ?= arm64
.PHONY: cross
cross:
	@src/dist/packages.sh $(BUILD_PACKAGES) $(OPTIONAL_PACKAGES)
	+@$(MAKE) --no-print-directory $(JOBS) SAN= all
	+@JOBS=$(JOBS) src/dist/cross.sh $(ARCH) libcmocka-dev libavahi-client-dev \
		$(filter %-dev,$(BUILD_PACKAGES) $(OPTIONAL_PACKAGES))

clean:
	rm -rf build

-include $(LIB_OBJECTS:.o=.d) $(BUILD)/src/main.d $(UNIT_PROGRAMS:=.d) $(TOOLS:=.d)

# --- Fuzzing, with clang's libFuzzer; `make fuzz SECONDS=600` for longer ---

SECONDS ?= 60
FUZZ_CC ?= clang
WEB_FUZZERS := guest message http oscquery payload secrets
FUZZERS := $(filter-out $(if $(filter 1,$(WITH_WEB)),,$(WEB_FUZZERS)), \
	$(patsubst test/fuzz/fuzz_%.c,%,$(wildcard test/fuzz/fuzz_*.c)))
# Everything is built anew for it, in a folder of its own.
FUZZ_MAKE = +@$(MAKE) --no-print-directory -s CC="$(FUZZ_CC)" WITH_LINK=0
FUZZ_CFLAGS := -O1 -g

$(BUILD)/fuzz_%: $(BUILD)/test/fuzz/fuzz_%.o $(BUILD)/libja.a
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(ALL_LIBS)
-include $(FUZZERS:%=$(BUILD)/test/fuzz/fuzz_%.d)

.PHONY: fuzzers fuzz fuzz-programs fuzz-coverage
fuzz-programs: $(FUZZERS:%=$(BUILD)/fuzz_%)
fuzzers:
	$(FUZZ_MAKE) BUILD=build/fuzz SAN=fuzzer-no-link,address,undefined \
		CFLAGS="$(FUZZ_CFLAGS)" fuzz-programs
# What is found goes to build/fuzz/corpus. What comes to new lines there gets a place in the tree,
# under a name that says what it is (fuzz_X -merge=1 -use_counters=0 FOLDER build/fuzz/corpus/X).
fuzz: fuzzers
	@for fuzzer in $(FUZZERS); do \
		mkdir -p build/fuzz/corpus/$$fuzzer; \
		build/fuzz/fuzz_$$fuzzer -max_total_time=$(SECONDS) -timeout=5 -max_len=8192 \
			-print_final_stats=1 -artifact_prefix=$(CURDIR)/build/fuzz/ \
			build/fuzz/corpus/$$fuzzer test/fuzz/corpus/$$fuzzer || exit 1; done
# Which lines of the readers the corpus in the tree comes to.
fuzz-coverage:
	@src/dist/packages.sh clang llvm libclang-rt-dev python3
	$(FUZZ_MAKE) BUILD=build/coverage CFLAGS="$(FUZZ_CFLAGS) -fprofile-instr-generate -fcoverage-mapping" \
		fuzz-programs
	@test/bench/fuzz_coverage.py $(FUZZERS)

# --- The real-time check of a running client (test/rt) ---

$(BUILD)/test/rt/librtcheck.so: test/rt/rtcheck.c test/rt/rtcheck.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -fno-builtin -fPIC -shared -o $@ $<
$(BUILD)/test/rt/verdict.o: test/rt/rtcheck.h
$(BUILD)/test/rt/verdict: $(BUILD)/test/rt/verdict.o
	$(CC) $(ALL_CFLAGS) -o $@ $< $(LDFLAGS)
$(BUILD)/test/rt/sins: $(BUILD)/test/rt/sins.o
	$(CC) $(ALL_CFLAGS) -o $@ $< $(LDFLAGS) -ljack -pthread

# --- The faults (test/faults) ---

$(BUILD)/test/faults/lib%.so: test/faults/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<
# The program itself, with allocations that fail.
$(BUILD)/test/faults/starved: $(BUILD)/test/faults/starved.o $(BUILD)/src/main.o $(LIB_OBJECTS)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LIBS) $(FAILING)

.PHONY: faults
faults:
	@src/dist/packages.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory $(JOBS) SAN= all tools
	@test/support/alone /usr/bin/python3 test/faults/matrix.py $(if $(LONG),--long)
