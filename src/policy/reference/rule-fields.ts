/**
 * The words of docs/policy.md for each field of a rule, in Markdown: `npm run reference` makes tables of them
 * and of the schema. No program loads them. A field without words does not compile.
 */
import { kindsOfOperation } from "../check/kinds.ts";
import { type RequestKind, requestKinds, ruledOperations } from "../request.ts";
import type { ruleSchema } from "../schema.ts";

type Field = keyof typeof ruleSchema.shape;

const kinds: Readonly<Record<RequestKind, string>> = {
  sign: "a key is used",
  list: "the keys are listed, see below",
  session: "a command, shell or subsystem",
  forward: "`-L` `-R` `-D` `-W`, ProxyJump",
  proxy: "`-O proxy`",
  terminate: "`-O exit`, `-O stop`",
  connect: "the guard opens a connection",
  admin: "keys are added or removed, the agent locked or unlocked",
  confirm: "OpenSSH itself asks",
};

function operationsOfKinds(): string {
  return requestKinds
    .map((kind) => [kind, ruledOperations.filter((one) => kindsOfOperation(one).includes(kind))] as const)
    .filter(([, operations]) => operations.length > 0)
    .map(([kind, operations]) => `for \`${kind}\`: ${operations.map((one) => `\`${one}\``).join(" ")}`)
    .join("; ");
}

/** What a rule does with a request that it matches. */
export const whatRulesDo = {
  name: "what the log and each denial call it; without one, the file and the number of the rule",
  action: "what becomes of the request; `ask`: a person is asked",
  remember: "with `ask`: the longest that an answer counts; `never` asks each time",
  timeout: "with `ask`: after how long no answer is a denial",
  approver: "with `ask`: who may answer; `queue` is `muxguard approve` and `muxguard watch`",
  approvals:
    "with `ask`: how many persons have to say yes, each by a signature of a [fleet](fleet.md); one no ends it",
  signers:
    "with `ask`: of whom, by their principals in the fleet's allowed_signers file; then the fleet alone is asked",
} satisfies Partial<Record<Field, string>>;

/** What a rule compares. */
export const whatRulesMatch: Readonly<Record<Exclude<Field, keyof typeof whatRulesDo>, string>> = {
  on: Object.entries(kinds)
    .map(([kind, words]) => `\`${kind}\`: ${words}`)
    .join("; "),
  host:
    "all names that known_hosts has for the host key that the server *proved* for this login, and all aliases " +
    "of ssh_config that lead to them, whichever of them was typed: see below",
  port: "the ports of those names",
  host_key: "the fingerprint of that host key",
  user: "the user to log in as",
  key: "fingerprint or comment",
  namespace: "what an SSHSIG signature is for: `git`, `file`",
  repository:
    "the folder that git says it signs for: `~/…` or a whole path, with `*` and `?`. Claimed: see " +
    "[Signing in a ride](rides.md#signing-in-a-ride)",
  branch: "the branch that git says it signs for, claimed as well",
  operation: operationsOfKinds(),
  command: 'of a session; `""` is a login shell. `*` and `?` as in ssh_config, see below',
  subsystem: "of a session: `sftp`",
  tty: "whether a session wants a terminal",
  x11: "whether a session wants X11 forwarding",
  forward_agent: "whether a session wants the agent forwarded",
  environment:
    'the names of the variables that a session sets; to allow, all of them must match; `""` is none',
  forward: "which kind of forward; `stdio` is `-W`",
  listen: "where a forward listens: `127.0.0.1:8080`, a path",
  connect: "where a forward leads to: `*.internal:5432`, a path",
  caller:
    "executables: of the process, of its parent, of that one's parent …; to allow, the file that runs must be " +
    "the one at that path",
  programs:
    "all of these, as a list: paths (of an interpreter with its script), up to the run, the shell of a terminal " +
    "or the first process, see below; the system's shells (root's file in root's folder) at their prompt or " +
    "with `-c` are left out",
  scope:
    'the name of the `muxguard run`: `--scope`, or the command\'s; `""` is outside of runs, `["claude", ""]` both',
  forwarded: "whether the request came over agent forwarding",
  verified: "whether the destination is",
  container: "whether the caller lives in another pid or mount namespace",
};
