# What `ssh` is inside of `muxguard run --ride`. Read it: it is all that runs for most of them.
#
# Each run gets a copy as its `ssh`, behind lines that set
#   muxguard_folder  the folder of the run's ride
#   muxguard_node    Node
#   muxguard_ride    the program that asks the guard for the way to a host (src/runs/ride/main.ts)
#   muxguard_filters how many seccomp filters hold for the run
#
# A host that the run was at already has a file in $muxguard_folder/ways, named by what was typed. It says
# which control socket leads there, and ssh goes there at once. All else is left to the program, which is
# right for every command line: the first connection to a host, an option that is refused, and whatever is
# not read here. So what is in no list below costs time, and nothing else.
#
# Nothing here keeps the guard safe. The guard serves each control socket, knows which host it leads to, and
# decides about each session; it never reads a way. A run that changes them harms itself alone.
#
# POSIX, for dash and others, without any other program: to start one takes longer than all of this. The
# options are src/runs/ride/command.ts over again; test/peer/ride/shim.test.ts holds them against each other.

muxguard_letters=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789
# for names: no shell, path or pattern reads more in these (a range like a-z means other things elsewhere)
muxguard_plain="${muxguard_letters}_.-"
# how the value of an option begins and ends: no blank, and no "=", which may still be part of the separator
muxguard_edges="\"/~%:@+,$muxguard_plain"

# Becomes ssh for the words of a command line. Returns where the program has to see them.
muxguard_become_ssh() {
  muxguard_host='' muxguard_user='' muxguard_port='' muxguard_jump=''
  muxguard_kept='' # options for the shell to read again, each argument in single quotes
  while [ $# -gt 0 ]; do
    case $1 in
      --)
        shift
        [ -z "$muxguard_host" ] || break
        [ $# -gt 0 ] && muxguard_take_destination "$1" || return
        shift
        break
        ;;
      -) return ;;
      -*)
        muxguard_cluster=${1#-}
        while [ -n "$muxguard_cluster" ]; do
          muxguard_rest=${muxguard_cluster#?}
          muxguard_letter=${muxguard_cluster%"$muxguard_rest"}
          muxguard_cluster=$muxguard_rest
          case $muxguard_letter in
            [AafnqsTtXxYy]) muxguard_kept="$muxguard_kept -$muxguard_letter" ;;
            [246CKgk]) ;; # about how to connect
            [BDEFIJLRSWbceilmop])
              if [ -z "$muxguard_rest" ]; then
                shift
                [ $# -gt 0 ] || return
                muxguard_rest=$1
              fi
              muxguard_take "$muxguard_letter" "$muxguard_rest" || return
              muxguard_cluster=''
              ;;
            *) return ;; # N and O are no sessions, V, Q and G no connections; v tells what was passed over
          esac
        done
        shift
        ;;
      *)
        # options may follow the host; the next word that is none begins the command
        [ -z "$muxguard_host" ] || break
        muxguard_take_destination "$1" || return
        shift
        ;;
    esac
  done
  [ -n "$muxguard_host" ] || return
  muxguard_find_way && muxguard_find_ssh || return
  muxguard_ride_there "$@"
}

# An option's letter, and its argument.
muxguard_take() {
  case $2 in
    '' | -- | *\'*) return 1 ;; # "--" ends the options, even as an argument
  esac
  case $1 in
    l) muxguard_take_user "$2" ;;
    p) muxguard_take_port "$2" ;;
    J) muxguard_take_jump "$2" ;;
    o) muxguard_take_line "$2" ;;
    [DELRWe]) muxguard_kept="$muxguard_kept -$1 '$2'" ;;
  esac # the others are about how to connect
}

# Keyword=value, as ssh_config has it.
muxguard_take_line() {
  muxguard_name=${1%%[!$muxguard_letters]*}
  muxguard_value=${1#"$muxguard_name"}
  case $muxguard_value in
    =* | ' '*) muxguard_value=${muxguard_value#?} ;;
    *) return 1 ;;
  esac
  case $muxguard_value in
    '' | [!$muxguard_edges]* | *[!$muxguard_edges]) return 1 ;;
  esac
  case $muxguard_name in
    User | user)
      muxguard_unquote
      muxguard_take_user "$muxguard_value"
      ;;
    Port | port)
      muxguard_unquote
      muxguard_take_port "$muxguard_value"
      ;;
    ProxyJump | proxyjump) muxguard_take_jump "$muxguard_value" ;;
    # Ansible's, like the next ones: the connection is shared already
    ControlMaster | controlmaster)
      case $muxguard_value in
        auto | no) ;;
        *) return 1 ;;
      esac
      ;;
    ControlPath | ControlPersist) ;;
    BatchMode | ClearAllForwardings | ConnectTimeout | ConnectionAttempts | DynamicForward | EscapeChar | \
      ExitOnForwardFailure | ForwardAgent | ForwardX11 | ForwardX11Trusted | LocalForward | LogLevel | \
      RemoteCommand | RemoteForward | RequestTTY | SendEnv | ServerAliveCountMax | ServerAliveInterval | \
      SetEnv | StdinNull | TCPKeepAlive)
      muxguard_kept="$muxguard_kept -o '$muxguard_name=$muxguard_value'"
      ;;
    AddKeysToAgent | CheckHostIP | Compression | GSSAPIAuthentication | GlobalKnownHostsFile | \
      HashKnownHosts | HostKeyAlgorithms | HostKeyAlias | IdentitiesOnly | IdentityAgent | IdentityFile | \
      KbdInteractiveAuthentication | NumberOfPasswordPrompts | PasswordAuthentication | \
      PermitLocalCommand | PreferredAuthentications | ProxyCommand | PubkeyAuthentication | \
      StrictHostKeyChecking | UpdateHostKeys | UserKnownHostsFile | VerifyHostKeyDNS) ;;
    *) return 1 ;;
  esac
}

muxguard_unquote() {
  case $muxguard_value in
    \"*\")
      muxguard_value=${muxguard_value#\"}
      muxguard_value=${muxguard_value%\"}
      ;;
  esac
}

muxguard_take_destination() {
  case $1 in
    *@*) muxguard_take_user "${1%@*}" || return ;;
  esac
  muxguard_host=${1##*@}
  case $muxguard_host in
    '' | -* | *[!:$muxguard_plain]*) return 1 ;;
  esac
}

# The first mention of a user counts. Two are not worth the thought.
muxguard_take_user() {
  case $1 in
    '' | [-.]* | *[!$muxguard_plain]*) return 1 ;;
  esac
  [ -z "$muxguard_user" ] && muxguard_user=$1
}

muxguard_take_port() {
  case $1 in
    '' | 0* | *[!0123456789]*) return 1 ;;
  esac
  [ -z "$muxguard_port" ] && muxguard_port=$1
}

muxguard_take_jump() {
  case $1 in
    '' | *[!,:@$muxguard_plain]*) return 1 ;;
  esac
  [ -z "$muxguard_jump" ] && muxguard_jump=$1
}

# The socket, and a line for `ssh -F`, which may be empty. See ways.ts.
muxguard_find_way() {
  muxguard_way=$muxguard_folder/ways/$muxguard_host,$muxguard_user,$muxguard_port,$muxguard_jump
  [ -f "$muxguard_way" ] || return
  { IFS= read -r muxguard_socket && IFS= read -r muxguard_config; } <"$muxguard_way" || return
  [ -S "$muxguard_socket" ] # it goes when the connection ends
}

# In a confined run this file lies at the place of the real one, which is kept elsewhere.
muxguard_find_ssh() {
  muxguard_ssh=$muxguard_folder/real/ssh
  [ ! -x "$muxguard_ssh" ] || return 0
  muxguard_path=$PATH:/usr/bin:
  while [ -n "$muxguard_path" ]; do
    muxguard_ssh=${muxguard_path%%:*}/ssh
    muxguard_path=${muxguard_path#*:}
    case $muxguard_ssh in
      /?*/ssh) ;;
      *) continue ;;
    esac
    [ -f "$muxguard_ssh" ] && [ -x "$muxguard_ssh" ] || continue
    [ "$muxguard_ssh" -ef "$muxguard_folder/bin/ssh" ] || return 0
  done
  return 1
}

# The words left are the command. ssh would make a connection of its own where the shared one is gone by then:
# it can't, for it has to go by a program that only says so, and next time the guard is asked.
muxguard_ride_there() {
  export muxguard_way
  muxguard_told='muxguard: the shared connection is gone; try again'
  muxguard_gone="sh -c 'rm -f -- \"\$muxguard_way\"; echo \"$muxguard_told\" >&2'"
  muxguard_fixed='-S "$muxguard_socket" -o ControlMaster=no -o "ProxyCommand=$muxguard_gone"'
  [ -z "$muxguard_config" ] || muxguard_fixed="-F \"\$muxguard_config\" $muxguard_fixed"
  [ -z "$muxguard_user" ] || muxguard_kept="$muxguard_kept -l $muxguard_user"
  [ -z "$muxguard_port" ] || muxguard_kept="$muxguard_kept -p $muxguard_port"
  eval "exec \"\$muxguard_ssh\" $muxguard_fixed$muxguard_kept -- $muxguard_host \"\$@\""
}

# Whether a sandbox inside of the run has a seccomp filter: it may deny Unix sockets.
muxguard_is_filtered() {
  while read -r muxguard_name muxguard_value; do
    case $muxguard_name in
      Seccomp_filters:)
        [ "$muxguard_value" != "$muxguard_filters" ]
        return
        ;;
    esac
  done 2>/dev/null </proc/self/status
}

# A shell has no socket to try it with. ssh-add has: nobody listens at /dev/null, if one may ask.
muxguard_sockets=refused
if muxguard_is_filtered; then
  muxguard_sockets=$(SSH_AUTH_SOCK=/dev/null ssh-add -l 2>&1)
fi
case $muxguard_sockets in
  *refused*) muxguard_become_ssh "$@" ;;
  *'not permitted'* | *'ermission denied'* | *'not supported'*)
    exec "$muxguard_node" "$muxguard_ride" --over-fifos "$muxguard_folder" "$@"
    ;;
esac
# the shell becomes ssh: one process, which the guard has seen asking
muxguard_command=$("$muxguard_node" "$muxguard_ride" "$muxguard_folder/ride.sock" "$@" </dev/null) || exit
eval "$muxguard_command"
