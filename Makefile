# make demo    everything with no hardware and no other server
# make test    what CI runs: Debian's programs, checks, tests
# make check   ruff, mypy, shellcheck, yamllint and hadolint only
# make quick   unit tests only
# make bench   figures;  make fuzz, make soak: long runs
# make test-ha real Home Assistants, each in a virtual environment of its own (slow: they install themselves first)
# make docs    generated pages
# make deb     the Debian package, in dist/;  make deb-trial: its whole life, in a Debian 12 of its own (root)
# make container-trial   the image and the Home Assistant app, built and run by podman (root)
# make clean   removes the virtual environments and caches

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
# The tests wait for serial lines and programs more than they compute: two for each processor.
PARALLEL := -n $(shell expr 2 \* $$(nproc)) --dist loadfile
DEMO_ARGS ?=

# The programs that the tests drive, and what it takes to build systemd-python.
DEBIAN_PACKAGES := python3-venv procps mosquitto mosquitto-clients snmp snmpd snmptrapd fence-agents powerman ser2net nut-snmp \
	cluster-glue telnet smitools openssl systemd curl jq \
	monitoring-plugins-standard nagios4-core prometheus prometheus-snmp-exporter groff-base zsh fish \
	gcc pkg-config python3-dev libsystemd-dev

# What builds the Debian package, judges it, and boots a Debian to try it in.
TRIAL_PACKAGES := debhelper ca-certificates python3-venv lintian debootstrap systemd-container iproute2

# A version manager's "python3" may be any version or none at all: take the first that is 3.11 or later and has venv.
FIND_PYTHON := for candidate in $${PYTHON:-} python3 /usr/bin/python3 python3.11 python3.12 python3.13; do \
	"$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$candidate"; break; }; done || true

AS_ROOT := $$(if [ "$$(id -u)" = 0 ]; then echo env; else echo sudo -n env; fi)

# The last Home Assistant for each Python: interpreter, version, and the paho-mqtt that it asks for.
HOME_ASSISTANTS := 3.11/2024.3.3/1.6.1 3.12/2025.1.4/1.6.1 3.13/2025.4.4/2.1.0 3.14/2026.11.0/2.1.0

.PHONY: help demo test test-ha check quick bench fuzz soak docs deb deb-trial trial-packages container-trial clean debian-packages

help:
	@sed -n 's/^# make/make/p' Makefile

$(BIN)/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ] && command -v apt-get >/dev/null; then \
		$(MAKE) --no-print-directory debian-packages DEBIAN_PACKAGES="python3 python3-venv"; python=$$($(FIND_PYTHON)); \
	fi; \
	if [ -z "$$python" ]; then echo "Python 3.11 or later with its venv module is needed (Debian: python3-venv)" >&2; exit 1; fi; \
	echo "Creating $(VENV) with $$("$$python" --version)"; "$$python" -m venv $(VENV)

# The program with its embedded broker.
$(VENV)/program: pyproject.toml | $(BIN)/python
	@echo "Installing apcbridge into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[embedded]'
	@touch $@

# The same, with what tests and checks need.
$(VENV)/development: pyproject.toml | $(BIN)/python
	@echo "Installing apcbridge and its tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint]'
	@touch $@ $(VENV)/program

demo: $(VENV)/program
	@$(BIN)/apcbridge demo $(DEMO_ARGS)

# systemd-python has no wheels.
$(VENV)/systemd: pyproject.toml $(VENV)/development | debian-packages
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[systemd]'
	@touch $@

# The package is tried beside the tests; what that said is shown when they are done.
test: debian-packages $(VENV)/systemd check
	packaging/deb/beside $(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

# Those whose Python is found, or can be had from Debian testing (as root, with debootstrap); there must be one.
test-ha: debian-packages $(VENV)/development
	@venvs=; for wanted in $(HOME_ASSISTANTS); do \
		IFS=/ read -r version assistant paho <<<"$$wanted"; venv=$(CURDIR)/.venv-ha-$$assistant; \
		if [ ! -e "$$venv/installed" ]; then \
			python=; for candidate in "python$$version" "$${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version".*/bin/python; do \
				"$$candidate" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$$version')" \
					2>/dev/null && { python=$$candidate; break; }; done; \
			echo "Installing Home Assistant $$assistant into $${venv##*/}, which takes minutes"; \
			if [ -n "$$python" ]; then \
				"$$python" -m venv --clear "$$venv"; \
				"$$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
					"homeassistant==$$assistant" "paho-mqtt==$$paho"; \
			else \
				tests/integration/homeassistant_in_debian "$$venv" "$$version" "$$assistant" "$$paho" || continue; \
			fi; \
			touch "$$venv/installed"; \
		fi; \
		venvs=$$venvs:$$venv; \
	done; \
	[ -n "$$venvs" ] || { echo "Python 3.11, 3.12, 3.13 or 3.14 is needed" >&2; exit 1; }; \
	APCBRIDGE_HA_VENVS=$${venvs#:} $(BIN)/python -m pytest tests/integration/test_mqtt_real_homeassistant.py $(PYTEST_ARGS)

check: $(VENV)/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict -d '{extends: relaxed, rules: {line-length: disable}}' config packaging
	$(BIN)/shellcheck .ci/run packaging/deb/{beside,build,configured,possible,root,trial,trial-service} \
		packaging/deb/debian/{postinst,prerm,postrm} packaging/container/trial \
		config/examples/nagios/check_apcbridge_mqtt tests/integration/homeassistant_in_debian
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint packaging/container/Containerfile packaging/homeassistant/Dockerfile; \
	else echo "no hadolint for this machine: the container files are not checked"; fi

quick: $(VENV)/development
	$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

bench: $(VENV)/development
	@set -- tests/bench/bench_*.py; [ -e "$$1" ] || { echo "no benchmarks"; exit 1; }; \
	for file in "$$@"; do module=$${file%.py}; $(BIN)/python -m "$${module//\//.}"; done

fuzz: $(VENV)/development
	APCBRIDGE_FUZZ=full APCBRIDGE_FUZZ_SNMP=1000000 $(BIN)/python -m pytest tests/fuzz --hypothesis-profile=long --timeout=3600 $(PYTEST_ARGS)

soak: $(VENV)/development
	@set -- tests/soak/*.py; \
	for file in "$$@"; do \
		module=$${file%.py}; [ "$${module##*/}" = __init__ ] || $(BIN)/python -m "$${module//\//.}"; \
	done

docs: $(VENV)/development
	$(BIN)/python -m apcbridge.config.page > docs/configuration.md
	$(BIN)/python -m apcbridge.console.page > docs/supported-devices.md

deb:
	packaging/deb/build dist

trial-packages:
	@$(MAKE) --no-print-directory debian-packages DEBIAN_PACKAGES="$(TRIAL_PACKAGES)"

# Needs root; about 2 minutes.
deb-trial: trial-packages
	@packaging/deb/possible
	rm -rf --one-file-system build/deb-trial
	mkdir -p build/deb-trial
	packaging/deb/build build/deb-trial
	lintian --allow-root --fail-on error,warning build/deb-trial/apcbridge_*.deb
	packaging/deb/root build/deb-trial/root
	packaging/deb/trial build/deb-trial/root build/deb-trial/apcbridge_*.deb
	rm -rf --one-file-system build/deb-trial

# Needs root; some minutes. PODMAN says how podman is called, where "podman" does not do.
container-trial:
	@$(MAKE) --no-print-directory debian-packages DEBIAN_PACKAGES="podman containernetworking-plugins iptables debootstrap ca-certificates snmp mosquitto-clients"
	packaging/container/trial build/container-trial
	rm -rf --one-file-system build/container-trial

clean:
	rm -rf $(VENV) .venv-ha-* .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info

# Installs what is missing, and only on systems with apt-get; elsewhere the programs must be there already.
debian-packages:
	@command -v apt-get >/dev/null || exit 0; \
	missing=(); \
	for package in $(DEBIAN_PACKAGES); do \
		[ "$$(dpkg-query -W -f='$${db:Status-Status}' "$$package" 2>/dev/null)" = installed ] || missing+=("$$package"); \
	done; \
	[ $${#missing[@]} -gt 0 ] || exit 0; \
	if [ "$$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then \
		echo "The tests need these Debian packages: apt-get install --no-install-recommends $${missing[*]}" >&2; exit 1; \
	fi; \
	echo "Installing $${missing[*]}"; \
	$(AS_ROOT) apt-get -qq update; \
	$(AS_ROOT) DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$${missing[@]}" >/dev/null
