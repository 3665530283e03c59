/**
 * The day, line by line as it is typed into a shell: five stretches of work with a hostile request in each
 * but the first, and lunch after the second, over which the connections are lost. Each hostile request comes
 * after the person's own approval of what is nearest to it.
 */
import { SERVERS_HAVE_TERMINALS } from "../lab/terminal/server-terminals.ts";
import { BASTION, FLEET, FORGES, STRANGER, WORKPLACES } from "./tedium-hosts.ts";
import type { World } from "./tedium-worlds.ts";

export const ACTIVITIES = {
  logins: "10 logins on five hosts, five at once",
  sessions: "60 sessions over these connections",
  transfers: "20 times rsync, scp or sftp over them",
  git: "40 git fetches and pushes on two hosts",
  commits: "30 signed commits",
  fleet: "the same command on 20 hosts at once, 3 times",
};
export type Activity = keyof typeof ACTIVITIES;

export interface Work {
  activity: Activity;
  line: string;
  /** Whether it ends with connections that are shared. */
  connects?: true;
}

export interface Hostile {
  /** What it is. */
  hostile: string;
  line: string;
}

export type Step = Work | Hostile;

export type Desk = Pick<World, "folder" | "sshConfig">;

const STRETCHES = 5;
const projects = ["site", "api"] as const;
type Project = (typeof projects)[number];

/** What is there in the morning. @param key the agent's one, base64 */
export function setUp({ folder }: Desk, key: string): string {
  const config = {
    "user.name": "Me",
    "user.email": "me@example",
    "gpg.format": "ssh",
    "user.signingKey": `key::ssh-ed25519 ${key}`,
    "commit.gpgSign": "true",
  };
  const settings = Object.entries(config).map(([name, value]) => `git config --global ${name} '${value}'`);
  const clones = projects.flatMap((name, n) => [
    `git init -q --bare ${name}.git`,
    `git init -q -b main ${name}`,
    `git -C ${name} remote add origin ${FORGES[n]}:${folder}/${name}.git`,
  ]);
  const deployed = ["git init -q deployed", `git -C deployed remote add origin ${folder}/site.git`];
  const files = ["mkdir tree there", "seq 100 | tee app.log > tree/page", "echo 'put app.log there' > batch"];
  const programs = ['cp "$(command -v timeout)" updater', 'cp "$(command -v ssh)" helper'];
  return [...settings, ...clones, ...deployed, ...files, ...programs].join(" && ");
}

/** @returns the steps of each stretch */
export function planDay(desk: Desk): Step[][] {
  const sessions = planSessions(desk);
  const transfers = planTransfers(desk);
  const git = planGit();
  const hostile = planHostile(desk);
  return Array.from({ length: STRETCHES }, (_, stretch) => {
    const share = <T>(all: readonly T[]): T[] => partOf(all, stretch);
    const work = interleave(share(git), share(sessions), share(transfers), commits(stretch));
    const intruder = stretch === 0 ? [] : hostile.slice(stretch - 1, stretch);
    return [...beginning(desk, stretch), ...work, ...intruder];
  });
}

function partOf<T>(all: readonly T[], stretch: number): T[] {
  const size = all.length / STRETCHES;
  return all.slice(stretch * size, (stretch + 1) * size);
}

/** The connections in the morning and after lunch, and the fleet every other stretch. */
function beginning(desk: Desk, stretch: number): Step[] {
  const [morning, lunch] = [logIn(desk), `kill $(jobs -p); wait; ${logIn(desk)}`];
  const line = stretch === 0 ? morning : stretch === 2 ? lunch : undefined;
  return [
    ...(line === undefined ? [] : [{ activity: "logins", line, connects: true } as const]),
    ...(stretch % 2 === 0 ? [{ activity: "fleet", line: onFleet(desk) } as const] : []),
  ];
}

/**
 * Typed as the loop that it is: a script of its own would be a program of its own, and its approval none of
 * the shell's. On the last of the hosts a terminal is open, with the agent forwarded: the session of the
 * login itself.
 */
function logIn(desk: Desk): string {
  const others = WORKPLACES.filter((host) => host !== BASTION);
  // tail, for it ends with its session
  const terminal = `echo "$SSH_AUTH_SOCK" > ${desk.folder}/forwarded; tail --pid=$PPID -f /dev/null`;
  return `for host in ${others.join(" ")}; do ${ssh(desk)} -N $host & done; ${ssh(desk)} -A ${BASTION} '${terminal}' &`;
}

function onFleet(desk: Desk): string {
  return `printf '%s\\n' ${FLEET.join(" ")} | xargs -P ${FLEET.length} -I {} ${ssh(desk)} {} uptime`;
}

/** Each command on each host twice. */
function planSessions(desk: Desk): Step[] {
  const onHost = (host: string): string[] => [
    `${ssh(desk)} ${host} uptime`,
    `${ssh(desk)} ${host} 'tail -n 20 ${desk.folder}/app.log'`,
    `${ssh(desk)} ${host} 'git -C ${desk.folder}/deployed fetch -q'`,
    `echo uptime | ${ssh(desk)} ${host}`,
    SERVERS_HAVE_TERMINALS ? `echo exit | ${ssh(desk)} -tt ${host}` : `${ssh(desk)} ${host} 'df -h /'`,
    `${ssh(desk)} ${host} 'ls -l ${desk.folder} | sort -k 5 -n'`,
  ];
  return Array.from({ length: 60 }, (_, n) => {
    const lines = onHost(WORKPLACES[n % WORKPLACES.length] ?? "");
    return { activity: "sessions", line: lines[n % lines.length] ?? "" };
  });
}

/** All to one host: deployed twice as often as something is copied by hand. */
function planTransfers(desk: Desk): Step[] {
  const { folder, sshConfig } = desk;
  const rsync = `rsync -a -e '${ssh(desk)}' tree web1:${folder}/there`;
  const scp = `scp -q -F ${sshConfig} app.log web1:${folder}/there/`;
  const sftp = `sftp -q -F ${sshConfig} -b batch web1:${folder}`;
  const lines = [rsync, scp, rsync, sftp];
  return Array.from({ length: 20 }, (_, n) => ({
    activity: "transfers",
    line: lines[n % lines.length] ?? "",
  }));
}

/** Eight a stretch; the first two at once, as whoever begins something fetches all that there is. */
function planGit(): Step[] {
  const fetch = (project: Project): string => `git -C ${project} fetch -q origin`;
  const push = (project: Project): string => `git -C ${project} push -q origin main`;
  const both = `${fetch("site")} & ${fetch("api")} && wait $!`;
  const pushes = [push("site"), push("api")];
  const lines = [both, ...pushes, fetch("site"), ...pushes, fetch("api")];
  return Array.from({ length: STRETCHES }, () => lines)
    .flat()
    .map((line) => ({ activity: "git", line }));
}

function commits(stretch: number): Step[] {
  return Array.from({ length: 6 }, (_, n) => ({
    activity: "commits",
    line: `git -C ${projects[n % 2]} commit -q --allow-empty -m 'step ${stretch}.${n}'`,
  }));
}

/** One for each stretch but the first. */
function planHostile(desk: Desk): Hostile[] {
  const alone = "-o ControlPath=none";
  const trusting = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
  return [
    {
      hostile: "another program logs in with the same key",
      line: `./updater 60 ${ssh(desk)} ${alone} web1 true`,
    },
    {
      hostile: "the bastion logs in further on with the forwarded agent",
      line: `SSH_AUTH_SOCK=$(cat forwarded) ${ssh(desk)} ${alone} db1 true`,
    },
    {
      hostile: "another program runs a command on an approved host",
      line: `./helper -F ${desk.sshConfig} web1 uptime`,
    },
    { hostile: "a login on an unknown host", line: `${ssh(desk)} ${alone} ${trusting} ${STRANGER} true` },
  ];
}

function ssh({ sshConfig }: Desk): string {
  return `ssh -F ${sshConfig}`;
}

/** Evenly, each list in its order. */
function interleave<T>(...lists: T[][]): T[] {
  const placed = lists.flatMap((list) => list.map((item, n) => ({ item, at: n / list.length })));
  return placed.sort((a, b) => a.at - b.at).map(({ item }) => item);
}
