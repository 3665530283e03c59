/** muxguard as it is installed, where other users can read it: the folder that it is in may be one user's alone. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** @param folder it must not be there yet, and others have to get to it */
export function copyProgram(folder: string): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const list = ["ls", "--omit=dev", "--all", "--parseable"];
  const packages = execFileSync("npm", list, { cwd: root, encoding: "utf8" }).trim().split("\n").slice(1);
  const parts = ["bin", "dist", "package.json", ...packages.map((path) => relative(root, path))];
  mkdirSync(folder);
  execFileSync("cp", ["-r", "--parents", ...parts, folder], { cwd: root });
  execFileSync("chmod", ["-R", "a+rX", folder]);
}
