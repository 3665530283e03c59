/** The user database of a laboratory: passwd(5). */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

export interface Account {
  uid: number;
  gid: number;
}

/** For one that is a mount namespace: the machine's, in which whoever runs this has another home and shell. */
export function usersWithHome(home: string, shell: string): string {
  const { username, uid, gid } = userInfo();
  const own = [username, "x", uid, gid, "", home, shell].join(":");
  return [own, ...lines().filter((line) => line.split(":")[2] !== `${uid}`)].join("\n");
}

/** One of the machine's. @throws Error where it has none of that name */
export function accountOf(name: string): Account {
  const fields = lines()
    .map((line) => line.split(":"))
    .find(([first]) => first === name);
  if (!fields) throw new Error(`/etc/passwd has no ${name}`);
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

function lines(): string[] {
  return readFileSync("/etc/passwd", "utf8").split("\n");
}
