/**
 * What is done on each day: the day of `tedium` (220 requests, and its four hostile ones), what the week brings
 * along, and two hostile requests more.
 */
import { planDay, type Step, setUp } from "../tedium-day.ts";
import { FORGES, NEWCOMER, STRANGER, WORKPLACES } from "../tedium-hosts.ts";
import { DAYS, dayOf, type Moment } from "./rhythm.ts";

interface Desk {
  folder: string;
  sshConfig: string;
  /** Of the one host that nobody knows. */
  strangersPort: number | undefined;
  /** A copy of the agent's key, as any program of the user's can read it. */
  keyFile: string;
}

export interface Hostile {
  /** What it is. */
  hostile: string;
  line: string;
  /** At another terminal. */
  elsewhere?: true;
  /** What the attacker does first at another terminal, and the host whose connection it ends by that. */
  first?: { line: string; replaces: string };
}

export interface Task {
  /** In words. */
  task: string;
  line: string;
  connects?: readonly string[];
}

export type WeekStep = Task | Hostile;

const [TUESDAY, THURSDAY] = [1, 3];
const PROJECT = "tools";
/** The stretch of work after lunch. */
const AFTER_LUNCH = 2;

/** What is there on Monday morning. @param key the agent's one, base64 */
export function setUpWeek(desk: Desk, key: string): string {
  const { folder, sshConfig } = desk;
  const hook = `printf '#!/bin/sh\\nexec ssh -F ${sshConfig} web1 uptime\\n'`;
  return [
    setUp(desk, key),
    'cp "$(command -v bash)" editor',
    `git init -q --bare -b main ${PROJECT}.git`,
    "git init -q -b main seed",
    `mkdir seed/hooks && ${hook} > seed/hooks/post-checkout && chmod +x seed/hooks/post-checkout`,
    "git -C seed add hooks && git -C seed -c commit.gpgSign=false commit -q -m hooks",
    `git -C seed push -q ${folder}/${PROJECT}.git main`,
  ].join(" && ");
}

/** What the editor fetches in turn. */
export function projectsOf(day: number): string[] {
  return day >= TUESDAY ? ["site", "api", PROJECT] : ["site", "api"];
}

export function planWeek(desk: Desk): Moment<WeekStep>[][] {
  return DAYS.map((_, day) => planOf(desk, day));
}

function planOf(desk: Desk, day: number): Moment<WeekStep>[] {
  const { during, away } = hostileOf(desk)[day] ?? {};
  const stretches = planDay(desk).map((steps, stretch) => {
    const work = steps.map(weekly);
    const [begins, rest] = [work.filter(isConnecting), work.filter((step) => !isConnecting(step))];
    const more = [...project(desk, day, stretch), ...newcomer(desk, day, stretch)];
    return [...begins, ...among(rest, [...more, ...(during?.[stretch] ?? [])])];
  });
  return dayOf(day, stretches, [away ?? []]);
}

function isConnecting(step: WeekStep): boolean {
  return "connects" in step;
}

function weekly(step: Step): WeekStep {
  if ("hostile" in step) return step;
  const { activity: task, line } = step;
  return { task, line, ...(step.connects && { connects: WORKPLACES }) };
}

/** In the middle, in their order. */
function among<T>(steps: readonly T[], others: readonly T[]): T[] {
  const middle = Math.floor(steps.length / 2);
  return [...steps.slice(0, middle), ...others, ...steps.slice(middle)];
}

/** A new project: cloned on Tuesday, and worked on from then on. */
function project({ folder }: Desk, day: number, stretch: number): Task[] {
  if (day < TUESDAY) return [];
  const at = `git -C ${PROJECT}`;
  const clone = `git clone -q ${FORGES[0]}:${folder}/${PROJECT}.git ${PROJECT}`;
  const lines = [
    `${at} fetch -q origin`,
    `${at} commit -q --allow-empty -m 'step ${day}.${stretch}'`,
    `${at} push -q origin main`,
  ];
  const all = day === TUESDAY && stretch === 0 ? [clone, ...lines] : lines;
  return all.map((line) => ({ task: "a project that is new on Tuesday", line }));
}

/** A new host, with a connection of its own: from Thursday's second stretch on. */
function newcomer({ sshConfig }: Desk, day: number, stretch: number): Task[] {
  if (day < THURSDAY || (day === THURSDAY && stretch < 1)) return [];
  const task = "a host that is new on Thursday";
  const begins = stretch === AFTER_LUNCH || (day === THURSDAY ? stretch === 1 : stretch === 0);
  const ssh = `ssh -F ${sshConfig}`;
  const login: Task = { task, line: `${ssh} -N ${NEWCOMER} &`, connects: [NEWCOMER] };
  const sessions = ["uptime", "df -h /"].map((command) => ({
    task,
    line: `${ssh} ${NEWCOMER} '${command}'`,
  }));
  return [...(begins ? [login] : []), ...sessions];
}

/** By stretch, and what comes in the first break, at which the screen is locked. */
interface HostileDay {
  during: Readonly<Record<number, WeekStep[]>>;
  away?: Hostile[];
}

/** Two a day of what longer answers could cover. */
function hostileOf({ folder, sshConfig, keyFile, strangersPort }: Desk): HostileDay[] {
  const ssh = `ssh -F ${sshConfig}`;
  const again: Task = { task: "logins", line: `${ssh} -N web1 &`, connects: ["web1"] };
  const here = `-o HostName=127.0.0.1 -o Port=${strangersPort} -o HostKeyAlias=${STRANGER}`;
  const trusting = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
  const own = `-i ${keyFile} -o IdentityAgent=none -o IdentitiesOnly=yes`;
  const replace = [
    `pkill -f -- '^ssh -F ${sshConfig} -N web1$'`,
    `while [ -e ${folder}/sockets/web1 ]; do sleep 0.05; done`,
    `{ ${ssh} ${own} ${here} ${trusting} -N web1 & }`,
    `while ! [ -e ${folder}/sockets/web1 ]; do sleep 0.05; done`,
  ].join("; ");
  return [
    {
      during: {
        1: [
          {
            hostile: "the same line of programs runs a command from another terminal",
            line: `${ssh} web1 uptime`,
            elsewhere: true,
          },
        ],
        3: [
          {
            hostile: "the same line of programs pushes from another terminal",
            line: "git -C site push -q origin main",
            elsewhere: true,
          },
        ],
      },
    },
    {
      during: {
        1: [
          {
            hostile: "another line of programs runs a command on an approved connection",
            line: `find batch -exec ${ssh} web1 uptime ';'`,
          },
        ],
        3: [
          {
            hostile: "a git hook of a cloned repository",
            line: `git -C ${PROJECT} -c core.hooksPath=hooks checkout -q main`,
          },
        ],
      },
    },
    {
      during: {
        3: [
          {
            hostile: "a forward on an approved connection",
            line: `${ssh} -O forward -L ${folder}/tunnel:127.0.0.1:22 web1`,
          },
        ],
      },
      away: [
        {
          hostile: "a command on an approved connection while the screen is locked",
          line: `${ssh} web1 uptime`,
        },
      ],
    },
    {
      during: {
        1: [
          {
            hostile: "a session that takes the agent along on an approved connection",
            line: `${ssh} -A web1 true`,
          },
        ],
        3: [
          {
            hostile: "a command after the connection was replaced by one to another host",
            line: `${ssh} web1 uptime`,
            first: { line: replace, replaces: "web1" },
          },
          again,
        ],
      },
    },
    {
      during: {
        1: [{ hostile: "a connection through an approved one (-W)", line: `${ssh} -W 127.0.0.1:22 web1` }],
        3: [{ hostile: "a shell at another terminal", line: `echo exit | ${ssh} -tt web1`, elsewhere: true }],
      },
    },
  ];
}
