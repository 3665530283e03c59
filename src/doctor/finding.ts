/** What makes the guard moot or brittle, and the mend. docs/doctor.md has a section for each topic. */

export const topics = [
  "settings",
  "daemon",
  "agent",
  "asking",
  "fleet",
  "ways past the guard",
  "shared connections",
  "OpenSSH",
  "clients",
  "system",
  "folders",
] as const;

export type Topic = (typeof topics)[number];

/** All of it is safe for a screen. */
export interface Finding {
  topic: Topic;
  /** A note is nothing that has to be mended. */
  level: "wrong" | "note";
  what: string;
  /** Absent where `what` says it. */
  mend?: string;
}

/** Where more is said, from the root of the installation. */
export function docsOf(topic: Topic): string {
  return `docs/doctor.md#${topic.toLowerCase().replaceAll(" ", "-")}`;
}
