# jack-analyzer: the ear of a live rig. `make help` tells what one can type.

# What a packager or a user may set.
CC ?= cc
AR ?= ar
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
DESTDIR ?=
# SAN=address,undefined or SAN=thread builds a variant of its own beside the normal one.
SAN ?=

VERSION := 0.1.0
DATADIR := $(PREFIX)/share/jack-analyzer

comma := ,
BUILD := build/$(if $(SAN),$(subst $(comma),-,$(SAN)),plain)

PACKAGES := jack liblo aubio libconfig sndfile samplerate
TEST_PACKAGES := cmocka

ALL_CFLAGS := -std=c11 -D_POSIX_C_SOURCE=200809L -DJA_VERSION='"$(VERSION)"' -DJA_DATADIR='"$(DATADIR)"' \
	-Iinclude -Isrc -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-pthread -MMD -MP $(CPPFLAGS) $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) \
	$(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
ALL_LIBS := $(LDFLAGS) -pthread $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null) -lm
TEST_LIBS := $(shell $(PKG_CONFIG) --libs $(TEST_PACKAGES) 2>/dev/null)

LIB_SOURCES := $(filter-out src/main.c,$(wildcard src/*.c src/*/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o)
UNIT_SOURCES := $(wildcard test/unit/*.c test/signals/*.c)
UNIT_PROGRAMS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
TOOL_SOURCES := $(wildcard test/tools/*.c)
TOOLS := $(TOOL_SOURCES:%.c=$(BUILD)/%)

.PHONY: all unit tools test clean
.SECONDARY:

all: $(BUILD)/jack-analyzer

$(BUILD)/jack-analyzer: $(BUILD)/src/main.o $(BUILD)/libja.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LIBS)

$(BUILD)/libja.a: $(LIB_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# One program per file: cmocka tests, and the tools that live tests and benchmarks use.
$(BUILD)/test/%: $(BUILD)/test/%.o $(BUILD)/libja.a
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(ALL_LIBS) $(TEST_LIBS)

tools: $(TOOLS)
unit: $(UNIT_PROGRAMS)

# Every test speaks TAP; test/run counts.
test: all unit tools
	BUILD=$(BUILD) test/run

clean:
	rm -rf build

-include $(LIB_OBJECTS:.o=.d) $(BUILD)/src/main.d $(UNIT_PROGRAMS:=.d) $(TOOLS:=.d)
