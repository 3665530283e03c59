import { homedir, userInfo } from "node:os";

/** The one of the user database, as ssh takes it, whatever $HOME is. */
export function homeFolder(): string {
  try {
    return userInfo().homedir;
  } catch {
    return homedir(); // a uid without an entry; ssh itself refuses to run then
  }
}
