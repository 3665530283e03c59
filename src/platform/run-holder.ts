/** The process that holds a run. */
import { RUN_HOLDER } from "./in-run.ts";
import { adoptOrphans, setProcessName } from "./libc.ts";
import { reapOrphans } from "./orphans.ts";

/** From here on all descendants of this process are inside of a run. */
export function becomeRunHolder(): void {
  setProcessName(RUN_HOLDER);
  adoptOrphans();
  reapOrphans();
}
