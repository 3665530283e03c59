/** What the week needs of the place where it is lived. */
import type { AuditEvent } from "../../src/audit/event.ts";

export interface Place {
  /** For the files of the week. */
  folder: string;
  sshConfig: string;
  /** In the terminal of the work. Returns the exit status. */
  run(line: string): Promise<number>;
  /** @throws Error if the line fails */
  succeed(line: string): Promise<void>;
  /** At another terminal, by the same line of programs. */
  runElsewhere(line: string): Promise<number>;
  /** Ends that, with what it has put into the background. */
  closeElsewhere(): Promise<void>;
  /** By the editor, which is started at its first request of a day. */
  edit(line: string): Promise<number>;
  closeEditor(): Promise<void>;
  clockTo(minute: number): Promise<void>;
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  sleep(isAsleep: boolean): Promise<void>;
  /** Whether the person is to say no. */
  expectHostile(isHostile: boolean): void;
  /** Resolves once the connections are shared. */
  share(hosts: readonly string[]): Promise<void>;
  /** Resolves once there is none. */
  unshared(host: string): Promise<void>;
  /** The host that comes later is known from now on. */
  announceLater(): void;
  /** What the person was asked so far, in words. */
  asked(): string[];
  /** What was asked so far while nobody was there. */
  missed(): number;
  log(): AuditEvent[];
  close(): Promise<void>;
}
