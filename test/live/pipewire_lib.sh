# For tests on PipeWire, without hardware or session manager: a private bus and daemon, and all of
# lib.sh. Source me.
#
# SPDX-License-Identifier: GPL-3.0-or-later
if [ -z "${JA_PRIVATE_BUS-}" ]; then
    for program in pipewire pw-cli pw-metadata pw-jack dbus-run-session jack_lsp; do
        command -v $program >/dev/null || { echo "1..0 # SKIP $program is not installed"; exit 0; }
    done
    JA_PRIVATE_BUS=1 exec dbus-run-session -- "$0" "$@"
fi
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
unset JACK_DEFAULT_SERVER

export XDG_RUNTIME_DIR=$work/run XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state
unset PIPEWIRE_REMOTE PIPEWIRE_RUNTIME_DIR
mkdir -p "$XDG_RUNTIME_DIR" "$XDG_CONFIG_HOME/pipewire/pipewire.conf.d" "$XDG_STATE_HOME"
chmod 700 "$XDG_RUNTIME_DIR"
cat >"$XDG_CONFIG_HOME/pipewire/pipewire.conf.d/test.conf" <<'CONF'
context.properties = { default.clock.allowed-rates = [ 44100 48000 96000 ] }
context.objects = [
  { factory = adapter args = {
      factory.name = support.null-audio-sink
      node.name = "test-sink" node.description = "test sink"
      media.class = "Audio/Sink" object.linger = true
      audio.position = [ FL FR ] monitor.channel-volumes = false } }
]
CONF
pipewire_pid=''
trap 'end "$probe_pid"; end "$pipewire_pid"; probe_pid=; clean_up' EXIT

# With the sink's ports, which a session manager would make.
start_pipewire() {
    local id
    pipewire >"$work/pipewire.log" 2>&1 &
    pipewire_pid=$!
    within 5 pw-cli info 0 >/dev/null 2>&1 || return 1
    id=$(pw-cli ls Node | awk '$1 == "id" { id = $2 } /test-sink/ { print id }' | tr -d ,)
    pw-cli s "$id" PortConfig '{ direction: "Input", mode: "dsp", monitor: true,
        format: { mediaType: "audio", mediaSubtype: "raw", format: "F32P", rate: 48000,
                  channels: 2, position: ["FL","FR"] } }' >/dev/null 2>&1
    within 5 has_monitor
}

has_monitor() {
    pw-jack jack_lsp 2>/dev/null | grep -q monitor_FL
}

kill_pipewire() {
    kill -"$1" "$pipewire_pid"
    wait "$pipewire_pid" 2>/dev/null
    pipewire_pid=''
}

setting() {
    pw-metadata -n settings 0 "clock.$1" "$2" >/dev/null
}

# PipeWire's libjack does not free its ports when a client is closed.
echo "leak:pipewire-0.3/jack/libjack" >"$work/known_leaks"
export LSAN_OPTIONS=suppressions=$work/known_leaks:print_suppressions=0

library_path=$(pw-jack sh -c 'echo "$LD_LIBRARY_PATH"')
# with_pipewire PROGRAM [ARGUMENT]...: a JACK client of the daemon, under the real-time check.
with_pipewire() {
    LD_LIBRARY_PATH=$library_path exec "$watched" "$@"
}
