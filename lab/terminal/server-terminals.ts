/** Whether sessions can have a terminal. */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/**
 * Whether a server of this user can give out terminals: sshd changes their group, which only root may where
 * /dev/pts is mounted without gid=. It ends the connection otherwise.
 */
export const SERVERS_HAVE_TERMINALS =
  userInfo().uid === 0 || /^devpts \S+ devpts \S*\bgid=/m.test(readFileSync("/proc/mounts", "utf8"));
