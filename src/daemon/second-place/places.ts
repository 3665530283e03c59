/** The places of `log_to`, each with what waits for it. */
import type { AuditEvent } from "../../audit/event.ts";
import { Journal } from "./journald.ts";
import { Collector } from "./otlp.ts";
import type { Place } from "./place.ts";
import { PlaceQueue } from "./queue.ts";

export interface SecondPlaces {
  /** @param json the entry as it is in the file */
  written(event: AuditEvent, json: string): void;
  close(): Promise<void>;
}

/** @param tell of what is wrong with one of them; undefined where nothing is any more */
export function openPlaces(
  names: readonly string[],
  tell: (name: string, fault: string | undefined) => void,
): SecondPlaces {
  const queues = names.map((name) => new PlaceQueue(placeOf(name), (fault) => tell(name, fault)));
  return {
    written: ({ time, id, decision, kind }, json) => {
      for (const queue of queues) queue.add({ json, time: new Date(time), id, decision, kind });
    },
    close: async () => {
      await Promise.all(queues.map((queue) => queue.close()));
    },
  };
}

/** `journald`, `journald:/path/of/its/socket`, or a URL: settings/config-schema.ts. */
function placeOf(name: string): Place {
  const [, path] = /^journald(?::(.*))?$/s.exec(name) ?? [];
  return name.startsWith("journald") ? new Journal(name, path) : new Collector(name);
}
