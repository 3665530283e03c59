/** The user database of a laboratory that is a mount namespace: passwd(5). */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** The machine's, in which whoever runs this has another home and shell. */
export function usersWithHome(home: string, shell: string): string {
  const { username, uid, gid } = userInfo();
  const others = readFileSync("/etc/passwd", "utf8").split("\n");
  const own = [username, "x", uid, gid, "", home, shell].join(":");
  return [own, ...others.filter((line) => line.split(":")[2] !== `${uid}`)].join("\n");
}
