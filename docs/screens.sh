#!/usr/bin/env bash
# Makes the screenshots of the README: a guard, a key and two tmux servers of its own in a temporary folder, and `tmux capture-pane` of what they show.
set -euo pipefail
cd "$(dirname "$0")"
columns=110

folder=$(mktemp -d)
export XDG_RUNTIME_DIR=$folder XDG_STATE_HOME=$folder/state XDG_CONFIG_HOME=$folder/config TMUX_TMPDIR=$folder LC_ALL=C.UTF-8
unset TMUX SSH_ASKPASS
mkdir -m 700 -p "$folder/state" "$folder/config/muxguard" "$folder/site"
pids=()
cleanup() {
  tmux -L user kill-server 2>/dev/null || true
  tmux -L screen kill-server 2>/dev/null || true
  [ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

muxguard() { node ../bin/muxguard "$@"; }
await() { for _ in $(seq 200); do if eval "$1"; then return; fi; sleep 0.05; done; echo "waited in vain for: $1" >&2; exit 1; }
shows() { tmux -L screen capture-pane -p | grep -q "$1"; }
capture() { tmux -L screen capture-pane -p -e | node ansi-to-svg.mjs "$2" "$columns" >"$1.svg"; }
ask() { (cd "$folder/site" && SSH_AUTH_SOCK=$folder/muxguard/agent.sock setsid -f "$@" </dev/null >/dev/null 2>&1); }
sign() { ask ssh-keygen -q -Y sign -n "$1" -f ../work.pub; }
commit() { ask bash -c './release.sh; :'; }
screen() { tmux -L screen -f /dev/null new-session -d -x "$columns" -y "$1" "$2"; }

printf 'timeout = "10m"\n' >"$folder/config/muxguard/config.toml"
ssh-keygen -q -t ed25519 -N "" -C me@laptop -f "$folder/work"
ssh-agent -D -a "$folder/agent" >/dev/null & pids+=($!)
await 'SSH_AUTH_SOCK=$folder/agent ssh-add -q "$folder/work" 2>/dev/null'

git init -q "$folder/site"
cat >"$folder/site/release.sh" <<EOF
#!/bin/sh
git -c gpg.format=ssh -c user.signingkey=$folder/work.pub -c user.name=me -c user.email=me@laptop commit -q --allow-empty -S -m release
EOF
chmod +x "$folder/site/release.sh"

start() {
  SSH_AUTH_SOCK=$folder/agent node ../bin/muxguard daemon --foreground 2>/dev/null & guard=$!
  pids+=("$guard")
  await 'muxguard status >/dev/null 2>&1'
}

start
screen 26 "env -u TMUX node ../bin/muxguard watch"
for answer in "approve --once" deny; do
  commit
  await 'muxguard pending | grep -q approve'
  muxguard $answer "$(muxguard pending --json | grep -o '"id":"[a-z0-9]*"' | head -1 | cut -d'"' -f4)" >/dev/null
  await 'muxguard pending | grep -q nothing'
done
sign file
await 'muxguard pending | grep -q "for .file"'
ask ssh-add -D
await 'shows "2 wait"'
capture watch "muxguard watch: two questions, one of them with its answers, and the log"
tmux -L screen kill-server
kill "$guard" && wait "$guard" || true

printf 'timeout = "10m"\napprovers = ["tmux", "queue"]\n' >"$folder/config/muxguard/config.toml"
start
tmux -L user -f /dev/null new-session -d -s work "cd $folder/site && PS1='~/site $ ' sh"
screen 24 "env -u TMUX tmux -u -L user attach"
await 'tmux -L user list-clients | grep -q .'
echo text >"$folder/site/page.md"
tmux -L user send-keys "SSH_AUTH_SOCK=$folder/muxguard/agent.sock; export SSH_AUTH_SOCK; clear" Enter "ssh-keygen -Y sign -n file -f ../work.pub page.md" Enter
await 'shows "Allow it"'
capture popup "a question in a popup of tmux"
