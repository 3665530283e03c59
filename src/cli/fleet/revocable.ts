/** What `fleet revoke` is told to revoke, as guards compare it. What can match nothing would be said in vain. */
import { isIPv6 } from "node:net";
import type { RevokeStatement } from "../../fleet/policy/entry.ts";
import { isPrincipal } from "../../fleet/signed/keygen.ts";
import { quoted } from "../../policy/visible.ts";
import { isName } from "../../settings/fleet/schema.ts";
import { usage } from "./folders.ts";

/** SHA-256 in base64 without padding: two bits of the last character are none of it. */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/;
/** The same without what it begins with. The name of a host may be as long, and has no capitals. */
const BARE = /^(?=.*[A-Z+/])[A-Za-z0-9+/]{43}=?$/;
const KEY =
  "a key is SHA256: and 43 characters of base64, without =; as it is: ssh-keygen -lf KEY.pub | cut -d' ' -f2";

/** @throws CliError that says what to write instead */
export function revocable(text: string, isMachine: boolean): Pick<RevokeStatement, "what" | "name"> {
  if (isMachine) {
    if (isName(text) && isPrincipal(text)) return { what: "machine", name: text };
    throw usage(`no machine has the name ${quoted(text, 80)}; write it as machine in its config.toml has it`);
  }
  if (FINGERPRINT.test(text)) return { what: "key", name: text };
  if (/^(?:sha256|md5):/i.test(text) || BARE.test(text))
    throw usage(`no fingerprint: ${quoted(text, 80)}; ${KEY}`);
  const name = text.toLowerCase();
  const why = whyNoHost(name);
  if (why !== undefined) throw usage(`no name of a host: ${quoted(text, 80)}; ${why}`);
  return { what: "host", name };
}

/** As guards have hosts' names: of all ports and users, and patterns of these. */
function whyNoHost(name: string): string | undefined {
  const [, user, place] = /^([^@]*)@(.*)$/.exec(name) ?? [];
  if (user !== undefined) return `a host has no user here: write ${quoted(place ?? "", 80)}`;
  const [, bracketed] = /^\[(.*)\](?::.*)?$/.exec(name) ?? [];
  const [, before] = /^([^:]+):\d*$/.exec(name) ?? [];
  const host = bracketed ?? before;
  if (host !== undefined) return `a host has no port and no brackets here: write ${quoted(host, 80)}`;
  if (name.endsWith(".")) return `it has no dot at its end: write ${quoted(name.replace(/\.+$/, ""), 80)}`;
  if (name.includes(":") && !isIPv6(name) && !isPatternOfAddress(name))
    return "a colon is in an IPv6 address alone";
  return /[/|#[\]'"\\]/.test(name) ? "write it as a rule has it: web1.example" : undefined;
}

/** `2001:db8:*` */
function isPatternOfAddress(name: string): boolean {
  return /[*?]/.test(name) && /^[\da-f.:*?]+$/.test(name);
}
