/** A collector of OpenTelemetry, by OTLP/HTTP in JSON. https://opentelemetry.io/docs/specs/otlp/#otlphttp */
import type { Entry, Place } from "./place.ts";

/** In milliseconds. */
const TIMEOUT = 5000;
/** Severities of its data model. */
const [INFO, WARN] = [9, 13];

export class Collector implements Place {
  readonly name: string;
  readonly most = 200;
  readonly #url: string;

  /** @param url the whole of it: `http://127.0.0.1:4318/v1/logs` */
  constructor(url: string) {
    this.name = url;
    this.#url = url;
  }

  async send(entries: readonly Entry[]): Promise<void> {
    const reply = await fetch(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(requestOf(entries)),
      redirect: "error", // what is in the log goes where config.toml says, and nowhere else
      signal: AbortSignal.timeout(TIMEOUT),
    });
    await reply.arrayBuffer();
    if (!reply.ok) throw new Error(`it answers with ${reply.status}`);
  }
}

function requestOf(entries: readonly Entry[]): object {
  const logRecords = entries.map(({ time, decision, json, id, kind }) => ({
    timeUnixNano: `${time.getTime()}000000`,
    severityNumber: decision === "deny" ? WARN : INFO,
    severityText: decision === "deny" ? "WARN" : "INFO",
    body: { stringValue: json },
    attributes: [text("muxguard.id", id), text("muxguard.decision", decision), text("muxguard.kind", kind)],
  }));
  const resource = { attributes: [text("service.name", "muxguard")] };
  return { resourceLogs: [{ resource, scopeLogs: [{ scope: { name: "muxguard" }, logRecords }] }] };
}

function text(key: string, stringValue: string): object {
  return { key, value: { stringValue } };
}
