/** For `muxguard status`: whether the service that was installed could start. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { visible } from "../../policy/visible.ts";
import { userFolders } from "../../settings/paths.ts";
import { readOwn } from "./own-files.ts";

/** What it needs and is gone, safe for a screen; undefined where all is there, or no service is installed. */
export function serviceFault(): string | undefined {
  const unit = readOwn(join(dirname(userFolders().config), "systemd/user/muxguard.service")) ?? "";
  const needed = [...unit.matchAll(/^AssertPathExists=(.+)$/gm)].map(([, path = ""]) =>
    path.replaceAll("%%", "%"),
  );
  const gone = needed.filter((path) => !existsSync(path)).map((path) => visible(path, 200));
  if (gone.length === 0) return undefined;
  return `muxguard.service can't start: ${gone.join(" and ")} is gone; install it anew: muxguard install-service`;
}
