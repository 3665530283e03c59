/** OpenSSH: its version, and what its files say for all hosts. */
import { type Mention, readMentions } from "../identity/ssh-config/mentions.ts";
import { visible } from "../policy/visible.ts";
import type { Finding } from "./finding.ts";

/** The first whose client says to an agent where it logs in: session-bind@openssh.com. */
const [MAJOR, MINOR] = [8, 9];

/** @param said what `ssh -V` says; undefined where there is none */
export function versionFindings(said: string | undefined): Finding[] {
  const topic = "OpenSSH";
  const mend = `install OpenSSH ${MAJOR}.${MINOR} or later`;
  if (said === undefined) return [{ topic, level: "wrong", what: "there is no ssh in PATH", mend }];
  const [, major, minor] = /OpenSSH_(\d+)\.(\d+)/.exec(said) ?? [];
  if (major === undefined)
    return [
      { topic, level: "note", what: `ssh is not OpenSSH's, or does not say so: ${visible(said, 100)}`, mend },
    ];
  const isNew = Number(major) > MAJOR || (Number(major) === MAJOR && Number(minor) >= MINOR);
  if (isNew) return [];
  const what =
    `ssh is OpenSSH ${major}.${minor}: it does not prove to an agent where it logs in, so no rule that allows ` +
    "a host by name holds for it";
  return [{ topic, level: "wrong", what, mend }];
}

/** @param sshConfig for `ssh -F`; undefined for the user's own files */
export function forwardingFindings(sshConfig: string | undefined): Finding[] {
  return readMentions(new Set(["forwardagent"]), sshConfig)
    .filter(({ forAll, value }) => forAll && !/^(?:no|false)$/i.test(value))
    .map(forAllHosts);
}

function forAllHosts({ file, line, value }: Mention): Finding {
  return {
    topic: "ways past the guard",
    level: "wrong",
    what:
      `${visible(file)}:${line}: ForwardAgent ${visible(value, 100)} for all hosts: root on any of them can ask ` +
      "for your keys",
    mend: "say it under Host lines that need it, or use ProxyJump",
  };
}
